/* SPDX-License-Identifier: MIT */
/*
 * Calls: how one starts, waits, is answered, cancelled or abandoned. A call is in one of two
 * places: in its endpoint's queue (THREAD_QUEUED), or received and in its server task's list of
 * unanswered calls (THREAD_SERVED), where its token names it.
 */
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <arch/hart.h>
#include <arch/latency.h>
#include <ipc/donate.h>
#include <parley/errno.h>
#include <sched/hart.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>
#include <trace/trace.h>

#define CALLER_CREDIT 16
#define MESSAGE_CREDIT 100 /* for those that cannot be delivered before one that can */

static void enqueue_caller(struct endpoint *e, struct thread *t) {
    ranked_insert(&e->callers, t);
    t->state = THREAD_QUEUED;
    e->pending = true;
    donate(t);
}

void call_unqueue(struct thread *t) {
    ranked_remove(&t->call.endpoint->callers, t);
}

/* No two calls ever have the same token: thread.c hands a free id's sequence number on. */
static void next_token(struct thread *t) {
    t->call.token = (t->call.token + TOKEN_STEP) & ((1ull << TOKEN_BITS) - 1);
}

void call_put_aside(struct task *server) {
    struct thread *caller = server->in_hand;
    if (!caller)
        return;
    server->in_hand = NULL;
    thread_waits(caller);
    list_append(&server->served, &caller->call.served);
    if (caller->attention) /* wanted while the call was in hand, or before */
        call_cancel(caller);
}

void call_start(struct thread *t, struct endpoint *e, uint64_t badge) {
    kobject_hold(&e->kobject);
    t->call.endpoint = e;
    t->call.badge = badge;
    next_token(t);
    t->call.server = NULL;
    t->state = THREAD_QUEUED;
    if (traced(PK_TRACE_CALL))
        trace_call(t, e);
    if (!e->receiver_caps) {
        call_fail(t, -EHOSTDOWN);
        return;
    }
    struct thread *r = endpoint_take_receiver(e);
    if (!r) {
        t->call.arrival = ++e->arrivals;
        enqueue_caller(e, t);
        return;
    }
    long error = message_deliver(t, r);
    if (error < 0) {
        r->receiving = e;
        endpoint_add_receiver(e, r);
        call_fail(t, error);
        return;
    }
    sched_handoff(r);
}

void call_fail(struct thread *t, long error) {
    if (traced(PK_TRACE_REPLY))
        trace_reply(NULL, t, error);
    if (!t->call.exception)
        t->regs.x[REG_RESULT] = (uint64_t)error;
    else
        exception_unanswered(t);
    call_finish(t);
    if (t->state == THREAD_ENDED)
        return;
    if (t == this_hart()->current)
        t->state = THREAD_RUNNING;
    else
        sched_ready(t);
}

void call_cancel(struct thread *t) {
    if (t->state != THREAD_SERVED || t->call.cancelled || t->call.exception ||
        !t->call.endpoint->receiver_caps)
        return;
    if (t->call.server->in_hand == t)
        return;
    t->call.cancelled = true;
    notice_post(t);
}

void call_abandon(struct thread *t) {
    bool tell = t->state == THREAD_SERVED && t->call.server != task_killer && !t->call.exception &&
                t->call.endpoint->receiver_caps;
    bool noticed = !list_empty(&t->call.notice);
    if (t->state == THREAD_QUEUED)
        call_unqueue(t);
    call_forget_served(t);
    t->state = THREAD_ENDED;
    if (tell || noticed) {
        kobject_hold(&t->kobject);
        if (!noticed)
            notice_post(t);
        kobject_put(&t->call.endpoint->kobject);
        return;
    }
    kobject_put(&t->call.endpoint->kobject);
}

/*
 * Events go first, and after events a caller, so that they keep nobody out: but a caller that came before them. One that came
 * later may have caused them, and relies on what they tell.
 */
static bool events_next(const struct endpoint *e) {
    if (!e->bound || !e->bound->bits)
        return false;
    if (!e->events_last || ranked_empty(&e->callers))
        return true;
    return ranked_first(&e->callers)->call.arrival > e->bound->arrivals;
}

static enum received receive_next(struct thread *r, struct endpoint *e) {
    if (!list_empty(&e->notices)) {
        message_notice(e, r);
        return RECEIVED_MESSAGE;
    }
    if (events_next(e)) {
        message_events(r, e->bound->bits);
        e->bound->bits = 0;
        e->events_last = true;
        return RECEIVED_MESSAGE;
    }
    e->events_last = false;
    for (int credit = MESSAGE_CREDIT; !ranked_empty(&e->callers); credit -= CALLER_CREDIT) {
        if (credit <= 0)
            return RECEIVED_LATER;
        struct thread *caller = ranked_first(&e->callers);
        call_unqueue(caller);
        long error = message_deliver(caller, r);
        if (error == 0)
            return RECEIVED_MESSAGE;
        call_fail(caller, error);
    }
    return RECEIVED_NOTHING;
}

enum received receive_pending(struct thread *r, struct endpoint *e) {
    latency_receives(r);
    if (r->receiving != e) {
        if (r->receiving && r->receiving->server == r)
            r->receiving->server = NULL;
        r->receiving = e;
    }
    endpoint_set_server(e, r);
    if (r->sched.priority != r->base_priority) /* mostly not */
        sched_set_priority(r, r->base_priority);
    call_put_aside(r->task);
    if (!e->pending)
        return RECEIVED_NOTHING;
    enum received received = receive_next(r, e);
    e->pending =
        !list_empty(&e->notices) || !ranked_empty(&e->callers) || (e->bound && e->bound->bits);
    return received;
}

void receive_wait(struct thread *r, struct endpoint *e) {
    r->state = THREAD_RECEIVING;
    endpoint_add_receiver(e, r);
}
