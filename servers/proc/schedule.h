/* SPDX-License-Identifier: MIT */
/* How a thread is scheduled, as sched(7) has it, and what the kernel makes of that: a priority, a weight, a quantum. */
#ifndef PROC_SCHEDULE_H
#define PROC_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define NICE_LEAST (-20)
#define NICE_MOST 19

/* A nice value out of range is taken for the end of it. */
static inline int schedule_nice(int nice) {
    return nice < NICE_LEAST ? NICE_LEAST : nice > NICE_MOST ? NICE_MOST : nice;
}

enum { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5, SCHED_DEADLINE };

struct schedule {
    uint8_t policy;
    uint8_t priority; /* 1 to 99 of the real-time policies, else 0 */
    int8_t nice;
    bool resets;    /* SCHED_RESET_ON_FORK */
    uint64_t harts; /* a bit each; all ones: never chosen */
    struct reservation {
        uint64_t runtime, deadline, period; /* ns */
    } reservation;                          /* of SCHED_DEADLINE */
};

struct process;
struct thread;

static inline bool policy_is_real_time(int policy) {
    return policy == SCHED_FIFO || policy == SCHED_RR;
}
static inline bool schedule_is_real_time(const struct schedule *s) {
    return policy_is_real_time(s->policy);
}

/* What the first process begins with. */
void schedule_init(struct schedule *s);
/*
 * A child or a new thread, in that slot: the kernel has copied what holds of `from`, but that may not be inherited.
 * -EAGAIN: it is SCHED_DEADLINE, which cannot be.
 */
long schedule_child(uint64_t slot, struct schedule *to, const struct schedule *from);
/* A thread that was not copied, in that slot: what holds of s is to hold of it. */
long schedule_keep(uint64_t slot, const struct schedule *s);
/* A thread has ended, or another one goes on in its place: the time that it reserved is free, or is not. */
void schedule_ended(const struct schedule *s);
void schedule_goes_on(const struct schedule *s);
/* setpriority(2), for one thread: 0, -EPERM or -EACCES. */
long schedule_set_nice(const struct process *by, struct thread *t, int nice);

#endif
