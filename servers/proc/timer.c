/* SPDX-License-Identifier: MIT */
/* Sleeping and the real-time interval timer: deadlines of the library's heap. */
#include "proc.h"
#include <protocol/proc_server.h>

static long sleep_ended(struct waiter *w, enum waiter_end why) {
    struct process *p = container_of(w, struct process, wait);
    p->waiting = WAIT_NONE;
    return why == WAITER_EXPIRED ? 0 : -EINTR;
}

long proc_handle_sleep(struct request *req, uint64_t until_ns) {
    static const struct waiter_ops ops = {.ended = sleep_ended};
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    if (until_ns <= clock_ns())
        return 0;
    waiter_init(&p->wait, req, 0, &ops);
    if (waiter_set_deadline(&p->wait, until_ns) < 0) {
        waiter_remove(&p->wait);
        return -ENOMEM;
    }
    p->waiting = WAIT_SLEEP;
    return SERVER_DEFER;
}

static long arm(struct process *p, uint64_t at_ns);

/* The alarm is a waiter without a caller: its token is 0, which names nobody. */
static long alarm_ended(struct waiter *w, enum waiter_end why) {
    struct process *p = container_of(w, struct process, alarm);
    (void)why;
    p->alarm_armed = false;
    if (p->alarm_interval)
        arm(p, w->deadline + p->alarm_interval);
    signal_send_simple(p, SIGALRM, SI_KERNEL, 0);
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
}

long proc_handle_setitimer(struct request *req, uint64_t value_ns, uint64_t interval_ns, int get) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    uint64_t now = clock_ns(), left = 0;
    if (p->alarm_armed)
        left = p->alarm.deadline > now ? p->alarm.deadline - now : 1;
    proc_results_setitimer(&req->msg, left, p->alarm_armed ? p->alarm_interval : 0);
    if (get)
        return 0;
    alarm_cancel(p);
    p->alarm_interval = interval_ns;
    if (!value_ns)
        return 0;
    return arm(p, value_ns > INT64_MAX - now ? INT64_MAX : now + value_ns);
}
