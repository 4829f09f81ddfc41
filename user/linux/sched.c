/* SPDX-License-Identifier: MIT */
/*
 * sched(7): every thread is SCHED_OTHER and may run on every hart. So what there is to do is to check what the caller
 * named, and to tell that.
 */
#include "personality.h"
#include <protocol/proc_client.h>

enum { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5, SCHED_DEADLINE };

#define REAL_TIME_LEAST 1
#define REAL_TIME_MOST 99
#define PRIO_PROCESS 0
#define NICE_LEAST (-20)
#define NICE_MOST 19
#define SCHED_FLAG_KEEP_POLICY 8ul
#define SCHED_FLAG_KEEP_PARAMS 16ul
#define ATTR_SIZE_MOST 4096u

struct sched_attr { /* Linux's first version */
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

/* 20 - nice of a thread's process, or -ESRCH. */
static long find(int thread) {
    return thread < 0 ? -EINVAL
                      : proc_priority(PK_SLOT_PROC, PRIO_PROCESS, thread, PROC_NICE_TELL, 0);
}

/* What may be asked for: this one policy; nobody gets real-time ones. */
static long check_policy(uint32_t policy, uint32_t priority) {
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        return priority < REAL_TIME_LEAST || priority > REAL_TIME_MOST ? -EINVAL : -EPERM;
    return policy == SCHED_OTHER && priority == 0 ? 0 : -EINVAL;
}

static long set(int thread, uint32_t policy, const int32_t *param) {
    int32_t priority;
    if (thread < 0 || !param)
        return -EINVAL;
    if (user_get(&priority, param, sizeof priority) < 0)
        return -EFAULT;
    long error = find(thread);
    if (error >= 0)
        error = check_policy(policy, (uint32_t)priority);
    return error < 0 ? error
                     : proc_priority(PK_SLOT_PROC, PRIO_PROCESS, thread, PROC_NICE_CHECK, 0);
}

long linux_sched_setscheduler(int thread, uint32_t policy, const int32_t *param) {
    return set(thread, policy, param);
}

long linux_sched_setparam(int thread, const int32_t *param) {
    return set(thread, SCHED_OTHER, param);
}

long linux_sched_getscheduler(int thread) {
    long found = find(thread);
    return found < 0 ? found : SCHED_OTHER;
}

long linux_sched_getparam(int thread, int32_t *param) {
    static const int32_t none;
    long found = param ? find(thread) : -EINVAL;
    return found < 0 ? found : user_put(param, &none, sizeof none);
}

long linux_sched_get_priority_min(int policy) {
    switch (policy) {
    case SCHED_FIFO:
    case SCHED_RR:
        return REAL_TIME_LEAST;
    case SCHED_OTHER:
    case SCHED_BATCH:
    case SCHED_IDLE:
    case SCHED_DEADLINE:
        return 0;
    default:
        return -EINVAL;
    }
}

long linux_sched_get_priority_max(int policy) {
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        return REAL_TIME_MOST;
    return linux_sched_get_priority_min(policy);
}

long linux_sched_rr_get_interval(int thread, struct linux_timespec *out) {
    static const struct linux_timespec quantum = {0, PK_QUANTUM_NS};
    long found = find(thread);
    return found < 0 ? found : user_put(out, &quantum, sizeof quantum);
}

/* sched_getattr(2): a caller that knows a later version hears that this is the first. */
long linux_sched_getattr(int thread, struct sched_attr *out, uint32_t size, uint32_t flags) {
    if (!out || thread < 0 || size < sizeof *out || size > ATTR_SIZE_MOST || flags)
        return -EINVAL;
    long found = find(thread);
    if (found < 0)
        return found;
    struct sched_attr attr = {.size = sizeof attr, .policy = SCHED_OTHER};
    attr.nice = (int32_t)(NICE_MOST + 1 - found);
    return user_put(out, &attr, sizeof attr);
}

/* The program's structure, if there is nothing in it that is not known here. */
static long get_attr(struct sched_attr *attr, struct sched_attr *from) {
    uint8_t more;
    if (user_get(attr, from, sizeof attr->size) < 0)
        return -EFAULT;
    uint32_t size = attr->size ? attr->size : sizeof *attr;
    bool fits = size >= sizeof *attr && size <= ATTR_SIZE_MOST;
    for (uint32_t at = sizeof *attr; fits && at < size; at++) {
        if (user_get(&more, (const uint8_t *)from + at, sizeof more) < 0)
            return -EFAULT;
        fits = more == 0;
    }
    if (fits)
        return user_get(attr, from, sizeof *attr);
    attr->size = sizeof *attr;
    return user_put(&from->size, &attr->size, sizeof attr->size) < 0 ? -EFAULT : -E2BIG;
}

long linux_sched_setattr(int thread, struct sched_attr *from, uint32_t flags) {
    struct sched_attr attr;
    if (!from || thread < 0 || flags)
        return -EINVAL;
    long error = get_attr(&attr, from);
    if (error < 0)
        return error;
    if ((int32_t)attr.policy < 0 || attr.flags & ~(SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS))
        return -EINVAL;
    error = find(thread);
    if (error >= 0 && !(attr.flags & SCHED_FLAG_KEEP_POLICY))
        error = check_policy(attr.policy, attr.priority);
    if (error < 0)
        return error;
    bool keep = attr.flags & SCHED_FLAG_KEEP_PARAMS;
    return proc_priority(PK_SLOT_PROC, PRIO_PROCESS, thread, keep ? PROC_NICE_CHECK : PROC_NICE_SET,
                         attr.nice);
}

/* Every hart, in a mask's first word. */
static long all_harts(uint64_t *mask) {
    struct pk_machine_info info;
    long error = pk_machine_info(&info);
    if (error >= 0)
        *mask = (1ul << info.harts) - 1;
    return error;
}

long linux_sched_getaffinity(int thread, uint64_t size, uint64_t *mask) {
    uint64_t all;
    if (size < sizeof *mask || size % sizeof *mask)
        return -EINVAL;
    long error = find(thread);
    if (error >= 0)
        error = all_harts(&all);
    if (error < 0)
        return error == -EINVAL ? -ESRCH : error;
    return user_put(mask, &all, sizeof all) < 0 ? -EFAULT : (long)sizeof all;
}

/* sched_setaffinity(2): checked, but not kept: which hart is next is the scheduler's business. */
long linux_sched_setaffinity(int thread, uint64_t size, const uint64_t *mask) {
    uint64_t wanted = 0, all;
    if (user_get(&wanted, mask, size < sizeof wanted ? size : sizeof wanted) < 0)
        return -EFAULT;
    long error = thread < 0 ? -ESRCH : find(thread);
    if (error >= 0)
        error = proc_priority(PK_SLOT_PROC, PRIO_PROCESS, thread, PROC_NICE_CHECK, 0);
    if (error >= 0)
        error = all_harts(&all);
    return error < 0 ? error : wanted & all ? 0 : -EINVAL;
}

long linux_sched_yield(void) {
    pk_yield();
    return 0;
}
