/* SPDX-License-Identifier: MIT */
/*
 * Timers of processes: those of setitimer(2), one of a kind (itimer.c), and of timer_create(2) (posix_timer.c).
 *
 * A periodic timer that has expired is set anew only when its signal has been taken (or at once, if it was
 * waited for): until then further expiries would only be counted, and a program that asks for one every
 * nanosecond gets as many as it takes signals. While the signal is ignored, it is not set at all. The times that
 * pass meanwhile are skipped.
 *
 * The timers of CPU time look when the process could have used what is left at the earliest, and again, if it
 * has not. Those of processes that hardly run share their looks: were thousands that sleep looked at at every tick,
 * the server would do nothing else. So the more there are, the later such a timer may be when its process runs again.
 */
#ifndef PROC_TIMER_H
#define PROC_TIMER_H

#include "proc.h"
#include <lib/deadline.h>

/* Monotonic time; CLOCK_REALTIME, to which that may be changed and back; CPU time. */
enum timer_clock { TIMER_REAL, TIMER_PROCESS, TIMER_THREAD, TIMER_WALL };

struct timer {
    struct deadline deadline;
    struct process *p;
    struct thread *thread; /* whose time a TIMER_THREAD counts; NULL: it has ended */
    enum timer_clock clock;
    uint64_t at, interval;                /* ns of its clock; interval 0: it expires once */
    uint64_t seen;                        /* ns of CPU time at the last look */
    void (*expired)(struct timer *timer); /* may be the process's end, and the timer's */
};

void timer_init(struct timer *t, struct process *p, enum timer_clock clock,
                void (*expired)(struct timer *));
/* It is not used any more. */
void timer_end(struct timer *t);
static inline bool timer_is_armed(const struct timer *t) {
    return deadline_is_set(&t->deadline);
}
/* ns of its clock. */
uint64_t timer_now(const struct timer *t);
/* It expires at t->at. -ENOMEM: it does not, and has no interval any more. */
long timer_arm(struct timer *t);
void timer_disarm(struct timer *t);
/* How many expiries behind t->at its clock has passed; 0 without an interval. */
uint64_t timer_skipped(const struct timer *t);
/* To the first time behind so many more. */
void timer_skip(struct timer *t, uint64_t expiries);
/* ns until it expires, at least 1; 0: it does not. */
uint64_t timer_left(const struct timer *t);

/* posix_timer.c. A signal of a timer's is about to be taken: what it says of lost ones; and it has been. */
void posix_timer_fill(struct process *p, struct signal_info *info);
void posix_timer_taken(struct process *p, const struct signal_info *info);
void posix_timers_rearm(struct process *p, int signal);
void posix_timers_end(struct process *p);
void posix_timers_forget_thread(const struct thread *t);

#endif
