/* SPDX-License-Identifier: MIT */
/*
 * sched(7): policies, priorities, nice values and harts of threads. The kernel knows threads that share by weights, and
 * fixed priorities with a quantum; here stands what Linux's calls make of these, and who may ask for what.
 */
#include "proc.h"
#include <protocol/proc_server.h>
#include <string.h>

#define REAL_TIME_MOST 99
#define REAL_TIME_BASE (PK_PRIORITY_URGENT - 1)
#define IDLE_WEIGHT 3
#define FRACTION 16 /* bits */

/* As Linux has it: the least runtime and period, and how much of the time of all harts may be reserved. */
#define RUNTIME_LEAST_NS 1024
#define PERIOD_LEAST_NS 100000
#define PART_BITS 20
#define PART_MOST ((95ull << PART_BITS) / 100)

static uint64_t reserved; /* by all threads, of a hart's time, in 2^-PART_BITS */

void schedule_init(struct schedule *s) {
    *s = (struct schedule){.policy = SCHED_OTHER, .harts = UINT64_MAX};
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

static uint64_t part_of(const struct schedule *s) {
    return s->policy == SCHED_DEADLINE
               ? (s->reservation.runtime << PART_BITS) / s->reservation.period
               : 0;
}

void schedule_ended(const struct schedule *s) {
    reserved -= part_of(s);
}

void schedule_goes_on(const struct schedule *s) {
    reserved += part_of(s);
}

static uint64_t harts_of_machine(void) {
    struct pk_machine_info info;
    must(pk_machine_info(&info));
    return info.harts;
}

static bool fits(const struct schedule *before, const struct schedule *after) {
    uint64_t part = part_of(after);
    return !part || part == part_of(before) ||
           reserved - part_of(before) + part <= PART_MOST * harts_of_machine();
}

static uint64_t priority_of(const struct schedule *s) {
    if (s->policy == SCHED_DEADLINE)
        return PK_PRIORITY_RESERVED;
    return schedule_is_real_time(s) ? REAL_TIME_BASE + (uint64_t)s->priority : PK_PRIORITY_SHARED;
}

static long apply(uint64_t slot, const struct schedule *s) {
    if (s->policy == SCHED_DEADLINE)
        return pk_thread_reserve(slot, s->reservation.runtime, s->reservation.deadline,
                                 s->reservation.period);
    uint64_t quantum = s->policy == SCHED_FIFO ? PK_QUANTUM_NONE
                       : s->policy == SCHED_RR ? PROC_RR_QUANTUM_NS
                                               : PK_QUANTUM_NS;
    return pk_thread_schedule(slot, priority_of(s), weight_of(s), quantum, s->harts);
}

long schedule_child(uint64_t slot, struct schedule *to, const struct schedule *from) {
    if (from->policy == SCHED_DEADLINE && !from->resets)
        return -EAGAIN;
    *to = *from;
    if (!from->resets)
        return 0;
    to->resets = false;
    if (schedule_is_real_time(from) || from->policy == SCHED_DEADLINE)
        to->policy = SCHED_OTHER, to->priority = 0, to->nice = 0;
    if (to->nice < 0)
        to->nice = 0;
    return apply(slot, to);
}

long schedule_keep(uint64_t slot, const struct schedule *s) {
    bool usual = s->policy == SCHED_OTHER && s->nice == 0 && s->harts == UINT64_MAX;
    return usual ? 0 : apply(slot, s);
}

/* To ask for it again would begin a new period. */
static bool same_reservation(const struct schedule *a, const struct schedule *b) {
    return a->policy == SCHED_DEADLINE && b->policy == SCHED_DEADLINE &&
           memcmp(&a->reservation, &b->reservation, sizeof a->reservation) == 0;
}

/* It takes effect, or nothing changes. A thread that has ended, but for its process, keeps what it is told. */
static long change(struct thread *t, const struct schedule *to) {
    const struct schedule *before = &t->schedule;
    if (t->slot && !fits(before, to))
        return -EBUSY;
    long error = t->slot && !same_reservation(before, to) ? apply(t->slot, to) : 0;
    if (error < 0)
        return error;
    if (t->slot)
        reserved += part_of(to) - part_of(before);
    bool moves = priority_of(to) != priority_of(before);
    t->schedule = *to;
    if (moves)
        connect_rescheduled(t);
    if (schedule_is_real_time(to))
        pk_may_fail(time_limits_begin(t->process)); /* it is not watched if there is no memory */
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
    if (to->policy == SCHED_DEADLINE)
        return false;
    if (schedule_is_real_time(to) && ((to->policy != now->policy && limit == 0) ||
                                      (to->priority > now->priority && to->priority > limit)))
        return false;
    if (!schedule_is_real_time(to) && !may_be_nice(by, t, to->nice))
        return false;
    if (now->policy == SCHED_IDLE && to->policy != SCHED_IDLE && !may_be_nice(by, t, to->nice - 1))
        return false; /* it counts as nicer than all */
    return may_schedule(by, t->process) && (to->resets || !now->resets);
}

static bool is_reservation(const struct reservation *r) {
    return r->runtime >= RUNTIME_LEAST_NS && r->runtime <= r->deadline &&
           r->deadline <= r->period && r->period >= PERIOD_LEAST_NS &&
           r->period <= PK_PERIOD_MOST_NS;
}

static long check(const struct schedule *s, int policy, int priority) {
    if (policy < SCHED_OTHER || policy > SCHED_DEADLINE || policy == SCHED_BATCH + 1)
        return -EINVAL;
    if (policy == SCHED_DEADLINE && !is_reservation(&s->reservation))
        return -EINVAL;
    return schedule_is_real_time(s) ? (priority < 1 || priority > REAL_TIME_MOST ? -EINVAL : 0)
                                    : (priority != 0 ? -EINVAL : 0);
}

/* One that has ended, but for its parent, has no thread that runs. */
static struct thread *meant(struct request *req, int tid) {
    struct thread *t = tid ? thread_find(tid) : request_thread(req);
    struct process *p = t ? NULL : process_find(tid);
    return p ? &p->main : t;
}

static uint64_t all_harts(void) {
    return (2ull << (harts_of_machine() - 1)) - 1;
}

/* Who has reserved time may have it on any hart. */
static bool runs_everywhere(const struct schedule *s) {
    return (s->harts & all_harts()) == all_harts();
}

static long read_reservation(const struct request *req, struct reservation *r) {
    *r = (struct reservation){0};
    long error = request_in_len(req) ? request_read_all(req, r, sizeof *r) : 0;
    if (!r->period)
        r->period = r->deadline;
    return error < 0 ? error : 0;
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
            policy_is_real_time(policy) == schedule_is_real_time(&to) ? to.priority : priority;
    long error = how & PROC_SCHEDULE_SAME_VALUES && to.policy == SCHED_DEADLINE
                     ? 0
                     : read_reservation(req, &to.reservation);
    if (error < 0)
        return error;
    to.policy = (uint8_t)policy;
    error = check(&to, policy, priority);
    if (error < 0)
        return error;
    to.priority = (uint8_t)priority;
    if (!(how & (PROC_SCHEDULE_SAME_VALUES | PROC_SCHEDULE_SAME_NICE)) &&
        !schedule_is_real_time(&to) && to.policy != SCHED_DEADLINE)
        to.nice = (int8_t)schedule_nice(nice);
    if (!may_change(by, t, &to) || (to.policy == SCHED_DEADLINE && !runs_everywhere(&to)))
        return -EPERM;
    return change(t, &to);
}

long proc_handle_scheduled(struct request *req, int tid) {
    const struct thread *t = meant(req, tid);
    if (tid < 0)
        return -EINVAL;
    if (!t)
        return -ESRCH;
    const struct schedule *s = &t->schedule;
    struct reservation r = {0};
    if (s->policy == SCHED_DEADLINE)
        r = s->reservation;
    proc_results_scheduled(&req->msg, s->policy, s->priority, s->nice, s->resets);
    return request_out_len(req) ? request_write_all(req, &r, sizeof r) : 0;
}

/* sched_setaffinity(2), or with no hart at all sched_getaffinity(2). */
long proc_handle_harts(struct request *req, int tid, uint64_t wanted) {
    const struct process *by = request_process(req);
    struct thread *t = meant(req, tid);
    uint64_t all = all_harts();
    if (tid < 0)
        return -EINVAL;
    if (!by || !t)
        return -ESRCH;
    if (wanted) {
        struct schedule to = t->schedule;
        if (!may_schedule(by, t->process))
            return -EPERM;
        if (!(wanted & all))
            return -EINVAL;
        to.harts = wanted & all;
        if (to.policy == SCHED_DEADLINE && !runs_everywhere(&to))
            return -EBUSY;
        long error = change(t, &to);
        if (error < 0)
            return error;
    }
    proc_results_harts(&req->msg, t->schedule.harts & all);
    return 0;
}
