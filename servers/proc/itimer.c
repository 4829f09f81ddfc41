/* SPDX-License-Identifier: MIT */
/* Sleeping, and interval timers: setitimer(2). */
#include "timer.h"
#include <protocol/proc_server.h>
#include <stdlib.h>

static long sleep_ended(struct waiter *w, enum waiter_end why) {
    thread_waits(container_of(w, struct thread, wait), WAIT_NONE);
    return why == WAITER_EXPIRED ? 0 : -EINTR;
}

long proc_handle_sleep(struct request *req, uint64_t until) {
    static const struct waiter_ops ops = {.ended = sleep_ended};
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    if (deadline_has_come(until))
        return 0;
    waiter_init(&t->wait, req, 0, &ops);
    if (waiter_set_deadline(&t->wait, until) < 0) {
        waiter_remove(&t->wait);
        return -ENOMEM;
    }
    thread_waits(t, WAIT_SLEEP);
    return SERVER_DEFER;
}

struct itimer {
    struct timer timer;
    int signal;
};

static const int signals[ITIMERS] = {SIGALRM, SIGVTALRM, SIGPROF};

static void rearm(struct itimer *i) {
    struct timer *t = &i->timer;
    if (!t->interval || timer_is_armed(t) || t->p->pending.set & signal_bit(i->signal) ||
        signal_is_ignored(t->p, i->signal))
        return;
    timer_skip(t, timer_skipped(t));
    pk_may_fail(timer_arm(t)); /* without memory it ends */
}

void timers_rearm(struct process *p, int signal) {
    for (int which = 0; which < ITIMERS; which++)
        if (p->timers[which] && signals[which] == signal)
            rearm(p->timers[which]);
    if (!list_empty(&p->posix_timers))
        posix_timers_rearm(p, signal);
}

static void expired(struct timer *t) {
    struct itimer *i = container_of(t, struct itimer, timer);
    struct process *p = t->p;
    signal_send_simple(p, i->signal, SI_KERNEL, 0);
    if (p->state != PROCESS_ZOMBIE) /* else the timer is gone, too */
        rearm(i);
}

void timers_end(struct process *p) {
    for (int which = 0; which < ITIMERS; which++)
        if (p->timers[which]) {
            timer_end(&p->timers[which]->timer);
            free(p->timers[which]);
            p->timers[which] = 0;
        }
    posix_timers_end(p);
    time_limits_end(p);
}

static struct itimer *itimer_new(struct process *p, int which) {
    struct itimer *i = malloc(sizeof *i);
    if (i) {
        timer_init(&i->timer, p, which == ITIMER_REAL ? TIMER_REAL : TIMER_PROCESS, expired);
        i->signal = signals[which];
        p->timers[which] = i;
    }
    return i;
}

static long start(struct process *p, int which, uint64_t value_ns, uint64_t interval_ns) {
    struct itimer *i = p->timers[which];
    if (!i && !(i = itimer_new(p, which)))
        return -ENOMEM;
    uint64_t now = timer_now(&i->timer);
    i->timer.at = value_ns > INT64_MAX - now ? INT64_MAX : now + value_ns;
    i->timer.interval = interval_ns;
    return timer_arm(&i->timer);
}

long proc_handle_setitimer(struct request *req, uint64_t value_ns, uint64_t interval_ns, int how) {
    struct process *p = request_process(req);
    int which = how >> 1;
    if (!p)
        return -ESRCH;
    if (which < 0 || which >= ITIMERS)
        return -EINVAL;
    struct itimer *i = p->timers[which];
    proc_results_setitimer(&req->msg, i ? timer_left(&i->timer) : 0, i ? i->timer.interval : 0);
    if (how & 1)
        return 0;
    if (i)
        timer_disarm(&i->timer);
    return value_ns ? start(p, which, value_ns, interval_ns) : 0;
}
