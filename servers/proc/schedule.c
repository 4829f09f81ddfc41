/* SPDX-License-Identifier: MIT */
/*
 * sched(7): policies, priorities, nice values and harts of threads. The kernel knows threads that share by weights, and
 * fixed priorities with a quantum; here stands what Linux's calls make of these, and who may ask for what.
 */
#include "proc.h"
#include <protocol/proc_server.h>

#define REAL_TIME_MOST 99
#define REAL_TIME_BASE (PK_PRIORITY_URGENT - 1)
#define IDLE_WEIGHT 3
#define FRACTION 16 /* bits */

void schedule_init(struct schedule *s) {
    *s = (struct schedule){.policy = SCHED_OTHER, .harts = UINT64_MAX};
}

static bool is_real_time(unsigned policy) {
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* A step of nice is a quarter more time, or a fifth less. */
static uint32_t weight_of(const struct schedule *s) {
    uint64_t weight = (uint64_t)PK_WEIGHT_NORMAL << FRACTION;
    if (s->policy == SCHED_IDLE)
        return IDLE_WEIGHT;
    for (int n = s->nice; n < 0; n++)
        weight = weight * 5 / 4;
    for (int n = s->nice; n > 0; n--)
        weight = weight * 4 / 5;
    return (uint32_t)((weight + (1u << (FRACTION - 1))) >> FRACTION);
}

static uint64_t priority_of(const struct schedule *s) {
    return is_real_time(s->policy) ? REAL_TIME_BASE + (uint64_t)s->priority : PK_PRIORITY_SHARED;
}

static long apply(uint64_t slot, const struct schedule *s) {
    uint64_t quantum = s->policy == SCHED_FIFO ? PK_QUANTUM_NONE
                       : s->policy == SCHED_RR ? PROC_RR_QUANTUM_NS
                                               : PK_QUANTUM_NS;
    return pk_thread_schedule(slot, priority_of(s), weight_of(s), quantum, s->harts);
}

long schedule_child(uint64_t slot, struct schedule *to, const struct schedule *from) {
    *to = *from;
    if (!from->resets)
        return 0;
    to->resets = false;
    if (is_real_time(from->policy))
        to->policy = SCHED_OTHER, to->priority = 0, to->nice = 0;
    if (to->nice < 0)
        to->nice = 0;
    return apply(slot, to);
}

long schedule_keep(uint64_t slot, const struct schedule *s) {
    bool usual = s->policy == SCHED_OTHER && s->nice == 0 && s->harts == UINT64_MAX;
    return usual ? 0 : apply(slot, s);
}

/* It takes effect, or nothing changes. A thread that has ended, but for its process, keeps what it is told. */
static long change(struct thread *t, const struct schedule *to) {
    long error = t->slot ? apply(t->slot, to) : 0;
    if (error < 0)
        return error;
    bool moves = priority_of(to) != priority_of(&t->schedule);
    t->schedule = *to;
    if (moves)
        connect_rescheduled(t);
    return 0;
}

static bool may_schedule(const struct process *by, const struct process *p) {
    return by->euid == 0 || by->euid == p->ruid || by->euid == p->euid;
}

/* 20 - RLIMIT_NICE is how far down others than root may go. */
static bool may_be_nice(const struct process *by, const struct thread *t, int nice) {
    uint64_t limit = settings_limit(t->process, RLIMIT_NICE);
    int least = NICE_MOST + 1 - (limit > 40 ? 40 : (int)limit);
    return by->euid == 0 || nice >= t->schedule.nice || nice >= least;
}

long schedule_set_nice(const struct process *by, struct thread *t, int nice) {
    struct schedule to = t->schedule;
    if (!may_schedule(by, t->process))
        return -EPERM;
    if (!may_be_nice(by, t, nice))
        return -EACCES;
    to.nice = (int8_t)nice;
    return change(t, &to);
}

/* What sched(7) says of those that are not root. */
static bool may_change(const struct process *by, const struct thread *t,
                       const struct schedule *to) {
    const struct schedule *now = &t->schedule;
    uint64_t limit = settings_limit(t->process, RLIMIT_RTPRIO);
    if (by->euid == 0)
        return true;
    if (is_real_time(to->policy) && ((to->policy != now->policy && limit == 0) ||
                                     (to->priority > now->priority && to->priority > limit)))
        return false;
    if (!is_real_time(to->policy) && !may_be_nice(by, t, to->nice))
        return false;
    if (now->policy == SCHED_IDLE && to->policy != SCHED_IDLE && !may_be_nice(by, t, to->nice - 1))
        return false; /* it counts as nicer than all */
    return may_schedule(by, t->process) && (to->resets || !now->resets);
}

static long check(const struct schedule *s, int policy, int priority) {
    if (policy < SCHED_OTHER || policy > SCHED_IDLE || policy == SCHED_BATCH + 1)
        return -EINVAL;
    return is_real_time(s->policy) ? (priority < 1 || priority > REAL_TIME_MOST ? -EINVAL : 0)
                                   : (priority != 0 ? -EINVAL : 0);
}

/* One that has ended, but for its parent, has no thread that runs. */
static struct thread *meant(struct request *req, int tid) {
    struct thread *t = tid ? thread_find(tid) : request_thread(req);
    struct process *p = t ? NULL : process_find(tid);
    return p ? &p->main : t;
}

long proc_handle_schedule(struct request *req, int tid, int policy, int priority, int nice,
                          uint32_t how) {
    const struct process *by = request_process(req);
    struct thread *t = meant(req, tid);
    if (tid < 0 || how >= 2 * PROC_SCHEDULE_RESETS)
        return -EINVAL;
    if (!by || !t)
        return -ESRCH;
    struct schedule to = t->schedule;
    if (how & PROC_SCHEDULE_SAME_POLICY)
        policy = to.policy;
    else
        to.resets = how & PROC_SCHEDULE_RESETS;
    if (how & PROC_SCHEDULE_SAME_VALUES)
        priority =
            is_real_time((unsigned)policy) == is_real_time(to.policy) ? to.priority : priority;
    to.policy = (uint8_t)policy;
    long error = check(&to, policy, priority);
    if (error < 0)
        return error;
    to.priority = (uint8_t)priority;
    if (!(how & (PROC_SCHEDULE_SAME_VALUES | PROC_SCHEDULE_SAME_NICE)) && !is_real_time(to.policy))
        to.nice = (int8_t)schedule_nice(nice);
    return may_change(by, t, &to) ? change(t, &to) : -EPERM;
}

long proc_handle_scheduled(struct request *req, int tid) {
    const struct thread *t = meant(req, tid);
    if (tid < 0)
        return -EINVAL;
    if (!t)
        return -ESRCH;
    const struct schedule *s = &t->schedule;
    proc_results_scheduled(&req->msg, s->policy, s->priority, s->nice, s->resets);
    return 0;
}

/* sched_setaffinity(2), or with no hart at all sched_getaffinity(2). */
long proc_handle_harts(struct request *req, int tid, uint64_t wanted) {
    const struct process *by = request_process(req);
    struct thread *t = meant(req, tid);
    struct pk_machine_info info;
    if (tid < 0 || pk_machine_info(&info) < 0)
        return -EINVAL;
    if (!by || !t)
        return -ESRCH;
    uint64_t all = (2ull << (info.harts - 1)) - 1;
    if (wanted) {
        struct schedule to = t->schedule;
        if (!may_schedule(by, t->process))
            return -EPERM;
        if (!(wanted & all))
            return -EINVAL;
        to.harts = wanted & all;
        long error = change(t, &to);
        if (error < 0)
            return error;
    }
    proc_results_harts(&req->msg, t->schedule.harts & all);
    return 0;
}
