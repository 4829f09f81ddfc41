/* SPDX-License-Identifier: MIT */
/* Sleeping and interval timers: deadlines of the library's heap. */
#include "proc.h"
#include <protocol/proc_server.h>
#include <stdlib.h>

static long sleep_ended(struct waiter *w, enum waiter_end why) {
    thread_waits(container_of(w, struct thread, wait), WAIT_NONE);
    return why == WAITER_EXPIRED ? 0 : -EINTR;
}

long proc_handle_sleep(struct request *req, uint64_t until_ns) {
    static const struct waiter_ops ops = {.ended = sleep_ended};
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    if (until_ns <= clock_ns())
        return 0;
    waiter_init(&t->wait, req, 0, &ops);
    if (waiter_set_deadline(&t->wait, until_ns) < 0) {
        waiter_remove(&t->wait);
        return -ENOMEM;
    }
    thread_waits(t, WAIT_SLEEP);
    return SERVER_DEFER;
}

/*
 * Interval timers (setitimer(2)). A timer's waiter has no caller: its token is 0, which names nobody.
 *
 * A periodic timer that has expired is set anew only when its signal has been taken (or at once, if it was
 * waited for): until then further expiries would only be counted, and a program that asks for one every
 * nanosecond gets as many as it takes signals. While the signal is ignored, it is not set at all. The times that
 * pass meanwhile are skipped.
 *
 * The timers of CPU time look when the process could have used what is left at the earliest, and again, if it
 * has not. Those of processes that hardly run share IDLE_LOOKS: were thousands that sleep looked at at every tick, the
 * server would do nothing else. So the more there are, the later such a timer may be when its process runs again.
 */
struct itimer {
    struct waiter waiter;
    struct process *p;
    int which;
    uint64_t at, interval; /* ns of its clock; interval 0: it expires once */
    uint64_t seen;         /* ns of CPU time at the last look */
    bool armed;
};

#define TICK 4000000ul      /* ns: how exactly CPU time is looked at */
#define BUSY (TICK / 8)     /* ns of CPU time between looks; so few can be at a time */
#define IDLE_LOOKS 250000ul /* ns from a look at one that is not busy to that at the next such */

static uint64_t cpu_timers; /* how many there are, of all processes */

static const int timer_signals[ITIMERS] = {SIGALRM, SIGVTALRM, SIGPROF};

static uint64_t timer_now(const struct itimer *t) {
    return t->which == ITIMER_REAL ? clock_ns() : process_run_ns(t->p);
}

static uint64_t next_expiry(const struct itimer *t) {
    uint64_t now = timer_now(t), skipped = now > t->at ? (now - t->at) / t->interval : 0;
    if (t->interval > INT64_MAX || t->at > INT64_MAX - t->interval)
        return INT64_MAX;
    return t->at + (skipped + 1) * t->interval;
}

static long set(struct itimer *t);

static void rearm(struct itimer *t) {
    int signal = timer_signals[t->which];
    if (!t->interval || t->armed || t->p->pending.set & signal_bit(signal) ||
        signal_is_ignored(t->p, signal))
        return;
    t->at = next_expiry(t);
    if (set(t) < 0)
        t->interval = 0; /* without memory it ends */
}

void timer_rearm(struct process *p, int signal) {
    for (int which = 0; which < ITIMERS; which++)
        if (p->timers[which] && timer_signals[which] == signal)
            rearm(p->timers[which]);
}

static long timer_ended(struct waiter *w, enum waiter_end why) {
    struct itimer *t = container_of(w, struct itimer, waiter);
    struct process *p = t->p;
    (void)why;
    t->armed = false;
    if (timer_now(t) < t->at) {
        if (set(t) < 0)
            t->interval = 0;
        return SERVER_DEFER;
    }
    signal_send_simple(p, timer_signals[t->which], SI_KERNEL, 0);
    if (p->state != PROCESS_ZOMBIE) /* else the timer is gone, too */
        rearm(t);
    return SERVER_DEFER;
}

/* ns until the process's CPU time is to be looked at. */
static uint64_t look_in(struct itimer *t) {
    uint64_t run = timer_now(t), left = t->at > run ? t->at - run : 0;
    uint64_t idle = run - t->seen < BUSY ? cpu_timers * IDLE_LOOKS : 0;
    uint64_t pause = idle > TICK ? idle : TICK;
    t->seen = run;
    return left > pause ? left : pause;
}

/* It expires at t->at. */
static long set(struct itimer *t) {
    static const struct waiter_ops ops = {.ended = timer_ended};
    static const struct request nobody;
    uint64_t at = t->which == ITIMER_REAL ? t->at : clock_after(look_in(t));
    waiter_init(&t->waiter, &nobody, 0, &ops);
    long error = waiter_set_deadline(&t->waiter, at);
    if (error < 0)
        waiter_remove(&t->waiter);
    t->armed = error == 0;
    return error;
}

static void stop(struct itimer *t) {
    if (t->armed)
        waiter_remove(&t->waiter);
    t->armed = false;
    t->interval = 0;
}

void timers_end(struct process *p) {
    for (int which = 0; which < ITIMERS; which++)
        if (p->timers[which]) {
            stop(p->timers[which]);
            cpu_timers -= which != ITIMER_REAL;
            free(p->timers[which]);
            p->timers[which] = 0;
        }
}

static uint64_t time_left(const struct itimer *t) {
    if (!t->armed && !t->interval)
        return 0;
    uint64_t at = t->armed ? t->at : next_expiry(t), now = timer_now(t);
    return at > now ? at - now : 1;
}

static struct itimer *timer_new(struct process *p, int which) {
    struct itimer *t = calloc(1, sizeof *t);
    if (t) {
        t->p = p;
        t->which = which;
        p->timers[which] = t;
        cpu_timers += which != ITIMER_REAL;
    }
    return t;
}

static long start(struct process *p, int which, uint64_t value_ns, uint64_t interval_ns) {
    struct itimer *t = p->timers[which];
    if (!t && !(t = timer_new(p, which)))
        return -ENOMEM;
    uint64_t now = timer_now(t);
    t->at = value_ns > INT64_MAX - now ? INT64_MAX : now + value_ns;
    long error = set(t);
    if (error == 0)
        t->interval = interval_ns;
    return error;
}

long proc_handle_setitimer(struct request *req, uint64_t value_ns, uint64_t interval_ns, int how) {
    struct process *p = request_process(req);
    int which = how >> 1;
    if (!p)
        return -ESRCH;
    if (which < 0 || which >= ITIMERS)
        return -EINVAL;
    struct itimer *t = p->timers[which];
    proc_results_setitimer(&req->msg, t ? time_left(t) : 0, t ? t->interval : 0);
    if (how & 1)
        return 0;
    if (t)
        stop(t);
    return value_ns ? start(p, which, value_ns, interval_ns) : 0;
}
