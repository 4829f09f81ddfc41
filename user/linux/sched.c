/* SPDX-License-Identifier: MIT */
/* sched(7): the process server keeps how a thread is scheduled and says who may change it; here are Linux's structures. */
#include "personality.h"
#include <protocol/proc_client.h>

enum { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5, SCHED_DEADLINE };

#define REAL_TIME_LEAST 1
#define REAL_TIME_MOST 99
#define SCHED_RESET_ON_FORK 0x40000000
#define SCHED_FLAG_RESET_ON_FORK 1ul
#define SCHED_FLAG_KEEP_POLICY 8ul
#define SCHED_FLAG_KEEP_PARAMS 16ul
#define SCHED_FLAGS_KNOWN                                                                          \
    (SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS)
#define SHARED_TURN_NS 3000000
#define ATTR_SIZE_MOST 4096u

struct sched_attr { /* Linux's first version */
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t reservation[3]; /* runtime, deadline and period of SCHED_DEADLINE */
};

struct scheduled {
    int policy, priority, nice;
    uint32_t resets;
};

/* How a thread is scheduled, or -ESRCH; and, if that is asked for, what time it has reserved. */
static long find(int thread, struct scheduled *s, uint64_t *reservation) {
    return thread < 0 ? -EINVAL
                      : proc_scheduled(PK_SLOT_PROC, thread, reservation, reservation ? 3 : 0,
                                       &s->policy, &s->priority, &s->nice, &s->resets);
}

static long set(int thread, int policy, const int32_t *param, uint32_t how) {
    int32_t priority;
    if (thread < 0 || !param)
        return -EINVAL;
    if (user_get(&priority, param, sizeof priority) < 0)
        return -EFAULT;
    return proc_schedule(PK_SLOT_PROC, thread, policy, priority, 0, how | PROC_SCHEDULE_SAME_NICE,
                         NULL, 0);
}

long linux_sched_setscheduler(int thread, int policy, const int32_t *param) {
    if (policy < 0)
        return -EINVAL;
    return set(thread, policy & ~SCHED_RESET_ON_FORK, param,
               policy & SCHED_RESET_ON_FORK ? PROC_SCHEDULE_RESETS : 0);
}

long linux_sched_setparam(int thread, const int32_t *param) {
    return set(thread, 0, param, PROC_SCHEDULE_SAME_POLICY);
}

long linux_sched_getscheduler(int thread) {
    struct scheduled s;
    long error = find(thread, &s, NULL);
    return error < 0 ? error : s.policy | (s.resets ? SCHED_RESET_ON_FORK : 0);
}

long linux_sched_getparam(int thread, int32_t *param) {
    struct scheduled s;
    long error = param ? find(thread, &s, NULL) : -EINVAL;
    return error < 0 ? error : user_put(param, &s.priority, sizeof s.priority);
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

/* The quantum of round robin, none of FIFO; of the others, about what they run at a time. */
long linux_sched_rr_get_interval(int thread, struct linux_timespec *out) {
    struct linux_timespec quantum = {0, SHARED_TURN_NS};
    struct scheduled s;
    long error = find(thread, &s, NULL);
    if (error < 0)
        return error;
    if (s.policy == SCHED_RR || s.policy == SCHED_FIFO || s.policy == SCHED_DEADLINE)
        quantum.nanoseconds = s.policy == SCHED_RR ? PROC_RR_QUANTUM_NS : 0;
    return user_put(out, &quantum, sizeof quantum);
}

/* sched_getattr(2): a caller that knows a later version hears that this is the first. */
long linux_sched_getattr(int thread, struct sched_attr *out, uint32_t size, uint32_t flags) {
    struct scheduled s;
    if (!out || thread < 0 || size < sizeof *out || size > ATTR_SIZE_MOST || flags)
        return -EINVAL;
    struct sched_attr attr = {.size = sizeof attr};
    long error = find(thread, &s, attr.reservation);
    if (error < 0)
        return error;
    attr.policy = (uint32_t)s.policy;
    attr.flags = s.resets ? SCHED_FLAG_RESET_ON_FORK : 0;
    attr.nice = s.nice;
    attr.priority = (uint32_t)s.priority;
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
    if ((int32_t)attr.policy < 0 || attr.flags & ~SCHED_FLAGS_KNOWN)
        return -EINVAL;
    uint32_t how = (attr.flags & SCHED_FLAG_KEEP_POLICY ? PROC_SCHEDULE_SAME_POLICY : 0) |
                   (attr.flags & SCHED_FLAG_KEEP_PARAMS ? PROC_SCHEDULE_SAME_VALUES : 0) |
                   (attr.flags & SCHED_FLAG_RESET_ON_FORK ? PROC_SCHEDULE_RESETS : 0);
    return proc_schedule(PK_SLOT_PROC, thread, (int)attr.policy, (int)attr.priority, attr.nice, how,
                         attr.reservation, 3);
}

/* A mask's first word: the machine has no more harts than that. */
long linux_sched_getaffinity(int thread, uint64_t size, uint64_t *mask) {
    uint64_t harts;
    if (size < sizeof *mask || size % sizeof *mask)
        return -EINVAL;
    long error = thread < 0 ? -ESRCH : proc_harts(PK_SLOT_PROC, thread, 0, &harts);
    if (error < 0)
        return error;
    return user_put(mask, &harts, sizeof harts) < 0 ? -EFAULT : (long)sizeof *mask;
}

long linux_sched_setaffinity(int thread, uint64_t size, const uint64_t *mask) {
    uint64_t harts;
    uint64_t wanted = 0;
    if (user_get(&wanted, mask, size < sizeof wanted ? size : sizeof wanted) < 0)
        return -EFAULT;
    if (thread < 0)
        return -ESRCH;
    long error = proc_harts(PK_SLOT_PROC, thread, wanted, &harts);
    return error < 0 ? error : wanted ? 0 : -EINVAL;
}

long linux_sched_yield(void) {
    pk_yield();
    return 0;
}
