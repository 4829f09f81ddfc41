/* SPDX-License-Identifier: MIT */
/* What the timers of processes have in common: their clocks and deadlines. See timer.h. */
#include "timer.h"

#define TICK 4000000ul      /* ns: how exactly CPU time is looked at */
#define BUSY (TICK / 8)     /* ns of CPU time between looks; so few can be at a time */
#define IDLE_LOOKS 250000ul /* ns from a look at one that is not busy to that at the next such */

static uint64_t cpu_timers; /* how many there are, of all processes */

uint64_t timer_now(const struct timer *t) {
    switch (t->clock) {
    case TIMER_PROCESS:
        return process_run_ns(t->p);
    case TIMER_THREAD:
        return t->thread ? thread_run_ns(t->thread) : 0;
    case TIMER_WALL:
        return clock_realtime_ns();
    default:
        return clock_ns();
    }
}

static bool counts_cpu(const struct timer *t) {
    return t->clock == TIMER_PROCESS || t->clock == TIMER_THREAD;
}

static void passed(struct deadline *deadline) {
    struct timer *t = container_of(deadline, struct timer, deadline);
    if (timer_now(t) < t->at)
        pk_may_fail(timer_arm(t));
    else
        t->expired(t);
}

void timer_init(struct timer *t, struct process *p, enum timer_clock clock,
                void (*expired)(struct timer *)) {
    *t = (struct timer){.deadline.passed = passed, .p = p, .clock = clock, .expired = expired};
    cpu_timers += counts_cpu(t);
}

void timer_end(struct timer *t) {
    timer_disarm(t);
    cpu_timers -= counts_cpu(t);
}

/* ns until the CPU time is to be looked at. */
static uint64_t look_in(struct timer *t) {
    uint64_t run = timer_now(t), left = t->at > run ? t->at - run : 0;
    uint64_t idle = run - t->seen < BUSY ? cpu_timers * IDLE_LOOKS : 0;
    uint64_t pause = idle > TICK ? idle : TICK;
    t->seen = run;
    return left > pause ? left : pause;
}

long timer_arm(struct timer *t) {
    uint64_t at = counts_cpu(t)            ? clock_after(look_in(t))
                  : t->clock == TIMER_WALL ? t->at | TIME_REAL
                                           : t->at;
    long error = deadline_set(&t->deadline, at);
    if (error < 0)
        t->interval = 0;
    return error;
}

void timer_disarm(struct timer *t) {
    if (timer_is_armed(t))
        deadline_remove(&t->deadline);
    t->interval = 0;
}

uint64_t timer_skipped(const struct timer *t) {
    uint64_t now = timer_now(t);
    return t->interval && now > t->at ? (now - t->at) / t->interval : 0;
}

void timer_skip(struct timer *t, uint64_t expiries) {
    uint64_t more;
    if (__builtin_mul_overflow(expiries + 1, t->interval, &more) ||
        __builtin_add_overflow(t->at, more, &t->at) || t->at > INT64_MAX)
        t->at = INT64_MAX;
}

uint64_t timer_left(const struct timer *t) {
    if (!timer_is_armed(t) && !t->interval)
        return 0;
    struct timer next = *t;
    if (!timer_is_armed(t))
        timer_skip(&next, timer_skipped(t));
    uint64_t now = timer_now(t);
    return next.at > now ? next.at - now : 1;
}
