/* SPDX-License-Identifier: MIT */
/*
 * Scheduling calls (sched(7)). All programs run by one policy, SCHED_OTHER, at one priority, on all harts; so what can
 * be asked has one answer, and of what can be set only that is granted.
 */
#include "personality.h"
#include <protocol/proc_client.h>

enum { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5, SCHED_DEADLINE };
#define SCHED_RESET_ON_FORK 0x40000000
#define REAL_TIME_LEAST 1
#define REAL_TIME_MOST 99
#define ANY_GROUP (-1)

static bool is_real_time(int policy) {
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* A process's or a thread's number, 0 for the caller's: 0, or why there is nobody. */
static long find(int tid) {
    if (tid < 0)
        return -EINVAL;
    long error = tid ? proc_tgkill(PK_SLOT_PROC, ANY_GROUP, tid, 0) : 0;
    return error == -EPERM ? 0 : error; /* all may ask about others */
}

/* 0: it has that already, or why it cannot have it. */
static long set(int tid, int policy, const int32_t *user) {
    int32_t priority;
    if (!user || tid < 0)
        return -EINVAL;
    if (user_get(&priority, user, sizeof priority) < 0)
        return -EFAULT;
    if (policy != SCHED_OTHER && !is_real_time(policy))
        return -EINVAL;
    if (is_real_time(policy) ? priority < REAL_TIME_LEAST || priority > REAL_TIME_MOST : priority)
        return -EINVAL;
    long error = tid ? proc_tgkill(PK_SLOT_PROC, ANY_GROUP, tid, 0) : 0;
    return error < 0 ? error : is_real_time(policy) ? -EPERM : 0;
}

long linux_sched_setparam(int tid, const int32_t *param) {
    return set(tid, SCHED_OTHER, param);
}

long linux_sched_setscheduler(int tid, int policy, const int32_t *param) {
    return policy < 0 ? -EINVAL : set(tid, policy & ~SCHED_RESET_ON_FORK, param);
}

long linux_sched_getscheduler(int tid) {
    long error = find(tid);
    return error < 0 ? error : SCHED_OTHER;
}

long linux_sched_getparam(int tid, int32_t *param) {
    static const int32_t none;
    long error = param ? find(tid) : -EINVAL;
    return error < 0 ? error : user_put(param, &none, sizeof none);
}

static long priority_range(int policy, long of_real_time) {
    switch (policy) {
    case SCHED_FIFO:
    case SCHED_RR:
        return of_real_time;
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
    return priority_range(policy, REAL_TIME_MOST);
}

long linux_sched_get_priority_min(int policy) {
    return priority_range(policy, REAL_TIME_LEAST);
}

long linux_sched_yield(void) {
    pk_yield();
    return 0;
}

/* sched_getaffinity(2): every hart. */
long linux_sched_getaffinity(int tid, uint64_t size, uint64_t *mask) {
    struct pk_machine_info info;
    if (size < sizeof *mask || size % sizeof *mask)
        return -EINVAL;
    long error = find(tid);
    if (error == 0)
        error = pk_machine_info(&info);
    if (error < 0)
        return error == -EINVAL ? -ESRCH : error;
    uint64_t all = (1ul << info.harts) - 1;
    return user_put(mask, &all, sizeof all) < 0 ? -EFAULT : (long)sizeof all;
}
