/* SPDX-License-Identifier: MIT */
/* Sleeping and the real-time interval timer: deadlines of the library's heap. */
#include "proc.h"
#include <protocol/proc_server.h>

static long sleep_ended(struct waiter *w, enum waiter_end why) {
    struct process *p = container_of(w, struct process, main.wait);
    p->main.waiting = WAIT_NONE;
    return why == WAITER_EXPIRED ? 0 : -EINTR;
}

long proc_handle_sleep(struct request *req, uint64_t until_ns) {
    static const struct waiter_ops ops = {.ended = sleep_ended};
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    if (until_ns <= clock_ns())
        return 0;
    waiter_init(&p->main.wait, req, 0, &ops);
    if (waiter_set_deadline(&p->main.wait, until_ns) < 0) {
        waiter_remove(&p->main.wait);
        return -ENOMEM;
    }
    p->main.waiting = WAIT_SLEEP;
    return SERVER_DEFER;
}

/*
 * ITIMER_REAL. Its waiter has no caller: its token is 0, which names nobody.
 *
 * A periodic timer that has expired is set anew only when its signal has been taken (or at once, if it was
 * waited for): until then further expiries would only be counted, and a program that asks for one every
 * nanosecond gets as many as it takes signals. While SIGALRM is ignored, it is not set at all. The times that
 * pass meanwhile are skipped.
 */
static uint64_t next_expiry(const struct process *p) {
    uint64_t last = p->alarm.deadline, now = clock_ns();
    uint64_t skipped = now > last ? (now - last) / p->alarm_interval : 0;
    if (p->alarm_interval > INT64_MAX || last > INT64_MAX - p->alarm_interval)
        return INT64_MAX;
    return last + (skipped + 1) * p->alarm_interval;
}

static long arm(struct process *p, uint64_t at_ns);

void alarm_rearm(struct process *p) {
    if (!p->alarm_interval || p->alarm_armed || p->pending & signal_bit(SIGALRM) ||
        signal_is_ignored(p, SIGALRM))
        return;
    if (arm(p, next_expiry(p)) < 0)
        p->alarm_interval = 0; /* without memory it ends */
}

static long alarm_ended(struct waiter *w, enum waiter_end why) {
    struct process *p = container_of(w, struct process, alarm);
    (void)why;
    p->alarm_armed = false;
    signal_send_simple(p, SIGALRM, SI_KERNEL, 0);
    if (p->state != PROCESS_ZOMBIE)
        alarm_rearm(p);
    return SERVER_DEFER;
}

static long arm(struct process *p, uint64_t at_ns) {
    static const struct waiter_ops ops = {.ended = alarm_ended};
    static const struct request nobody;
    waiter_init(&p->alarm, &nobody, 0, &ops);
    long error = waiter_set_deadline(&p->alarm, at_ns);
    if (error < 0)
        waiter_remove(&p->alarm);
    p->alarm_armed = error == 0;
    return error;
}

void alarm_cancel(struct process *p) {
    if (p->alarm_armed)
        waiter_remove(&p->alarm);
    p->alarm_armed = false;
    p->alarm_interval = 0;
}

static uint64_t time_left(const struct process *p) {
    if (!p->alarm_armed && !p->alarm_interval)
        return 0;
    uint64_t at = p->alarm_armed ? p->alarm.deadline : next_expiry(p), now = clock_ns();
    return at > now ? at - now : 1;
}

long proc_handle_setitimer(struct request *req, uint64_t value_ns, uint64_t interval_ns, int get) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    proc_results_setitimer(&req->msg, time_left(p), p->alarm_interval);
    if (get)
        return 0;
    alarm_cancel(p);
    if (!value_ns)
        return 0;
    long error = arm(p, clock_after(value_ns));
    if (error == 0)
        p->alarm_interval = interval_ns;
    return error;
}
