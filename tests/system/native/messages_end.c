/* SPDX-License-Identifier: MIT */
/* How calls end other than by an answer; donated priority. */
#include "messages.h"
#include <string.h>

/* Receives, and keeps what came in shared.sent[4..], without an answer; 3 times. */
static void silent_server(uint64_t endpoint) {
    for (unsigned i = 4; i < 7; i++) {
        struct pk_msg msg;
        shared.result[i] = pk_receive(endpoint, 0, &msg);
        *(struct pk_msg *)&shared.sent[i] = msg;
        __atomic_fetch_add(&shared.done, 1, __ATOMIC_SEQ_CST);
    }
    worker_rest();
}

/* A server task that alone may receive; the endpoint's own slot keeps the right to call. */
static uint64_t server_task(struct pair *p, uint64_t *thread) {
    uint64_t task = task_sharing();
    uint64_t slot = SLOT(pk_cap_copy(p->endpoint, task, 0, PK_RIGHT_RECEIVE, 0));
    uint64_t weak = SLOT(pk_cap_copy(p->endpoint, 0, 0, PK_RIGHT_USE | PK_RIGHT_GRANT, 0));
    drop(p->endpoint);
    p->endpoint = weak;
    *thread = thread_run(task, silent_server, slot, 16);
    CHECK(thread_becomes(*thread, PK_THREAD_RECEIVING));
    return task;
}

void server_killed(void) {
    struct pair p = pair_new();
    uint64_t threads[5], server_thread, server = server_task(&p, &server_thread);
    for (unsigned i = 0; i < 3; i++) /* received */
        threads[i] = thread_run(p.task, caller_loop, i, 16);
    CHECK(tap_reaches(&shared.done, 3));
    for (unsigned i = 3; i < 4; i++) { /* queued */
        threads[i] = thread_run(p.task, caller_loop, i, 16);
        CHECK(thread_becomes(threads[i], PK_THREAD_CALLING));
    }
    task_end(server);
    CHECK(tap_reaches(&shared.done, 7));
    for (unsigned i = 0; i < 4; i++) {
        IS(shared.result[i], -EHOSTDOWN);
        drop(threads[i]);
    }
    struct pk_msg msg = {.label = 1};
    IS(pk_call(p.endpoint, &msg, 0, 0, 0, 0), -EHOSTDOWN);
    drop(server_thread);
    pair_end(&p);
}

/* It wants the kernel all the time, so that a kernel call that may let others in does. */
static void calling_loop(uint64_t unused) {
    (void)unused;
    struct pk_thread_info info;
    for (;;)
        pk_may_fail(pk_thread_info(0, &info));
}

/* Its endpoints, more than the kernel ends in one step, hold my notifications. */
static uint64_t task_with_endpoints(uint64_t *bells, unsigned count) {
    uint64_t task = task_sharing();
    for (unsigned i = 0; i < count; i++) {
        uint64_t endpoint = SLOT(pk_endpoint_create(bells[i]));
        SLOT(pk_cap_copy(endpoint, task, 0, PK_RIGHT_ALL, 0));
        drop(endpoint);
        IS(pk_endpoint_create(bells[i]), -EBUSY);
    }
    return task;
}

/* When the call returns the threads have ended, and all that the task held as well. */
void killed_with_much(void) {
    uint64_t callers = task_sharing(), bells[40];
    for (unsigned i = 0; i < tap_harts(); i++)
        drop(thread_run(callers, calling_loop, 0, 10));
    for (unsigned i = 0; i < ARRAY_LENGTH(bells); i++)
        bells[i] = SLOT(pk_notification_create());
    for (unsigned round = 0; round < 50; round++) {
        task_end(task_with_endpoints(bells, ARRAY_LENGTH(bells)));
        for (unsigned i = 0; i < ARRAY_LENGTH(bells); i++)
            drop(SLOT(pk_endpoint_create(bells[i])));
    }
    for (unsigned i = 0; i < ARRAY_LENGTH(bells); i++)
        drop(bells[i]);
    task_end(callers);
}

/* The receive right goes while a caller waits and a thread receives. */
void server_deaf(void) {
    struct pair p = pair_new();
    uint64_t thread = thread_run(p.task, caller_loop, 0, 16);
    CHECK(thread_becomes(thread, PK_THREAD_CALLING));
    drop(p.endpoint);
    CHECK(tap_reaches(&shared.done, 1));
    IS(shared.result[0], -EHOSTDOWN);
    drop(thread);
    task_end(p.task);
    p = pair_new();
    uint64_t receiver = SLOT(pk_cap_copy(p.endpoint, p.task, 0, PK_RIGHT_RECEIVE, 0));
    thread = thread_run(p.task, silent_server, receiver, 16);
    CHECK(thread_becomes(thread, PK_THREAD_RECEIVING));
    drop(p.endpoint);
    IS(pk_cap_drop(p.task, receiver), 0);
    CHECK(tap_reaches(&shared.done, 1));
    IS(shared.result[4], -EHOSTDOWN);
    drop(thread);
    task_end(p.task);
}

/*
 * Who manages an endpoint may let others receive there without being a receiver: while nobody is, calls
 * fail; then the same capabilities, badges included, lead to the next one. Callers of the first that are
 * still to be told when the second comes (here: many) are told, or served by it; none is left behind.
 */
void endpoint_reopened(void) {
    struct pair p = pair_new();
    uint64_t manager = SLOT(pk_cap_copy(p.endpoint, 0, 0, PK_RIGHT_ALL & ~PK_RIGHT_RECEIVE, 0));
    uint64_t weak = SLOT(pk_cap_copy(p.endpoint, 0, 0, PK_RIGHT_USE | PK_RIGHT_GRANT, 0));
    drop(p.endpoint);
    struct pk_msg msg = {.label = 1};
    IS(pk_call(weak, &msg, 0, 0, 0, 0), -EHOSTDOWN);
    IS(pk_receive(manager, PK_NONBLOCK, &msg), -EPERM);
    struct pk_cap_info info;
    uint64_t copy = SLOT(pk_cap_copy(weak, 0, 0, PK_RIGHT_ALL, 0));
    IS(pk_cap_info(copy, &info), 0);
    IS(info.rights, PK_RIGHT_USE | PK_RIGHT_GRANT);
    drop(copy);
    for (unsigned round = 0; round < 3; round++) {
        shared.done = 0;
        p.endpoint = SLOT(pk_cap_copy(manager, 0, 0, PK_RIGHT_RECEIVE, 0));
        uint64_t threads[7];
        for (unsigned i = 0; i < ARRAY_LENGTH(threads); i++) {
            threads[i] = thread_run(p.task, caller_loop, i, 16);
            CHECK(thread_becomes(threads[i], PK_THREAD_CALLING));
        }
        drop(p.endpoint);
        p.endpoint = SLOT(pk_cap_copy(manager, 0, 0, PK_RIGHT_RECEIVE, 0));
        long token;
        uint64_t served = 0;
        for (; (token = pk_receive(p.endpoint, PK_NONBLOCK, &msg)) > 0; served++) {
            IS(msg.badge, 77);
            IS(pk_reply((uint64_t)token, 5, &msg, 0), 0);
        }
        CHECK(tap_reaches(&shared.done, ARRAY_LENGTH(threads)));
        for (unsigned i = 0; i < ARRAY_LENGTH(threads); i++) {
            CHECK(shared.result[i] == -EHOSTDOWN || (served && shared.result[i] == 5));
            drop(threads[i]);
        }
        uint64_t thread = thread_run(p.task, caller_loop, 7, 16);
        CHECK(thread_becomes(thread, PK_THREAD_CALLING));
        token = pk_receive(p.endpoint, 0, &msg);
        IS(msg.badge, 77);
        IS(pk_reply((uint64_t)token, 9, &msg, 0), 0);
        CHECK(tap_reaches(&shared.done, ARRAY_LENGTH(threads) + 1));
        IS(shared.result[7], 9);
        drop(thread);
        drop(p.endpoint);
    }
    drop(weak);
    drop(manager);
    task_end(p.task);
}

/* A server hears of a caller that died, once, and the token is dead before. */
void caller_killed(void) {
    struct pair p = pair_new();
    uint64_t server_thread, server = server_task(&p, &server_thread);
    uint64_t served = thread_run(p.task, caller_loop, 0, 16);
    CHECK(tap_reaches(&shared.done, 1));
    task_end(p.task);
    CHECK(tap_reaches(&shared.done, 2));
    IS(shared.sent[4].badge, 77);
    IS(shared.result[5], shared.result[4]);
    CHECK(shared.sent[5].label == PK_NOTICE_CANCEL);
    IS(shared.sent[5].w[0], PK_CANCEL_DEAD);
    IS(shared.sent[5].badge, 77);
    CHECK(thread_becomes(server_thread, PK_THREAD_RECEIVING));
    drop(served);
    task_end(server);
    drop(server_thread);
    drop(p.endpoint);
}

static void waiter(uint64_t notification) {
    shared.result[0] = pk_wait(notification, 0);
    __atomic_fetch_add(&shared.done, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

/* The last capability to what a thread waits on goes: it wakes with an error. */
void wait_dropped(void) {
    struct pair p = pair_new();
    uint64_t n = SLOT(pk_notification_create());
    uint64_t slot = SLOT(pk_cap_copy(n, p.task, 0, PK_RIGHT_ALL, 0));
    drop(n);
    uint64_t thread = thread_run(p.task, waiter, slot, 16);
    CHECK(thread_becomes(thread, PK_THREAD_WAITING));
    IS(pk_cap_drop(p.task, slot), 0);
    CHECK(tap_reaches(&shared.done, 1));
    IS(shared.result[0], -EHOSTDOWN);
    drop(thread);
    pair_end(&p);
}

/* Two threads receive in turn, then the endpoint goes, then they receive from another. */
void many_receivers(void) {
    for (unsigned round = 0; round < 3; round++) {
        struct pair p = pair_new();
        uint64_t first = SLOT(pk_cap_copy(p.endpoint, p.task, 0, PK_RIGHT_RECEIVE, 0));
        uint64_t a = thread_run(p.task, silent_server, first, 16);
        uint64_t b = thread_run(p.task, silent_server, first, 16);
        CHECK(thread_becomes(a, PK_THREAD_RECEIVING) && thread_becomes(b, PK_THREAD_RECEIVING));
        uint64_t call = SLOT(pk_cap_copy(p.endpoint, 0, 0, PK_RIGHT_USE, 0));
        drop(p.endpoint);
        IS(pk_cap_drop(p.task, first), 0);
        CHECK(tap_reaches(&shared.done, 2));
        struct pk_msg msg = {0};
        IS(pk_call(call, &msg, 0, 0, 0, 0), -EHOSTDOWN);
        drop(call);
        drop(a);
        drop(b);
        task_end(p.task);
    }
}

/*
 * A server at priority 5 with a request of priority 6 is kept off every hart by threads of
 * priority 20. A caller of priority 30 gets its answer long before those end.
 */
static volatile uint64_t spin_until, answered_at, spinning;
enum { SLOT_CALL = 20, SLOT_SERVE, SLOT_BELL };

static void busy(uint64_t ns) {
    for (uint64_t end = tap_time_ns() + ns; tap_time_ns() < end;)
        ;
}

static void busy_server(uint64_t unused) {
    (void)unused;
    struct pk_msg msg;
    long token = pk_receive(SLOT_SERVE, 0, &msg);
    for (;;) {
        busy(msg.w[0] * MS);
        token = pk_reply_receive(SLOT_SERVE, (uint64_t)token, 0, &msg, 0);
    }
}

static void middle(uint64_t unused) {
    (void)unused;
    __atomic_fetch_add(&spinning, 1, __ATOMIC_SEQ_CST);
    while (tap_time_ns() < spin_until)
        ;
    worker_rest();
}

static void low_caller(uint64_t ms) {
    struct pk_msg msg = {.label = 1, .w = {ms}};
    must(pk_call(SLOT_CALL, &msg, 0, 0, 0, 0));
    worker_rest();
}

static void count_turns(uint64_t unused) {
    (void)unused;
    for (;;)
        __atomic_fetch_add(&spinning, 1, __ATOMIC_SEQ_CST);
}

/* Who shares the harts and works for others does not keep them for longer than who works for itself. */
void served_shares(void) {
    uint64_t e = SLOT(pk_endpoint_create(0)), task = task_sharing(), threads[2 * 8 + 1];
    unsigned count = 0;
    spinning = 0;
    IS(pk_cap_copy(e, task, SLOT_CALL, PK_RIGHT_USE, 0), SLOT_CALL);
    IS(pk_cap_copy(e, task, SLOT_SERVE, PK_RIGHT_RECEIVE, 0), SLOT_SERVE);
    for (unsigned i = 0; i < tap_harts(); i++) {
        threads[count++] = thread_run(task, busy_server, 0, PK_PRIORITY_SHARED);
        CHECK(thread_becomes(threads[count - 1], PK_THREAD_RECEIVING));
    }
    for (unsigned i = 0; i < tap_harts(); i++)
        threads[count++] = thread_run(task, low_caller, 3600000, PK_PRIORITY_SHARED);
    for (unsigned i = 0; i < tap_harts(); i++)
        CHECK(thread_becomes(threads[tap_harts() + i], PK_THREAD_CALLING));
    threads[count++] = thread_run(task, count_turns, 0, PK_PRIORITY_SHARED);
    for (unsigned round = 0; round < 20; round++)
        CHECK(tap_reaches(&spinning, spinning + 1000));
    task_end(task);
    for (unsigned i = 0; i < count; i++)
        drop(threads[i]);
    drop(e);
}

static void high_caller(uint64_t unused) {
    (void)unused;
    must(pk_timer_set(SLOT_BELL, 1, tap_time_ns() + 100 * MS));
    must(pk_wait(SLOT_BELL, 0));
    struct pk_msg msg = {.label = 1, .w = {5}};
    must(pk_call(SLOT_CALL, &msg, 0, 0, 0, 0));
    answered_at = tap_time_ns();
    worker_rest();
}

void donation(void) {
    uint64_t e = SLOT(pk_endpoint_create(0)), n = SLOT(pk_notification_create());
    uint64_t task = task_sharing(), threads[3 + 8];
    unsigned count = 0;
    spinning = answered_at = 0;
    IS(pk_cap_copy(e, task, SLOT_CALL, PK_RIGHT_USE, 0), SLOT_CALL);
    IS(pk_cap_copy(e, task, SLOT_SERVE, PK_RIGHT_RECEIVE, 0), SLOT_SERVE);
    IS(pk_cap_copy(n, task, SLOT_BELL, PK_RIGHT_ALL, 0), SLOT_BELL);
    threads[count++] = thread_run(task, busy_server, 0, 5);
    CHECK(thread_becomes(threads[0], PK_THREAD_RECEIVING));
    threads[count++] = thread_run(task, high_caller, 0, 30);
    threads[count++] = thread_run(task, low_caller, 60, 6);
    tap_sleep(30 * MS);
    spin_until = tap_time_ns() + 1500 * MS;
    for (unsigned i = 0; i < tap_harts(); i++)
        threads[count++] = thread_new(task, middle, 0, 20);
    for (unsigned i = 3; i < count; i++)
        IS(pk_thread_resume(threads[i]), 0);
    CHECK(tap_reaches(&answered_at, 1)); /* this thread waits for the middle ones */
    CHECK(answered_at < spin_until - 700 * MS);
    CHECK(tap_reaches(&spinning, tap_harts()));
    task_end(task);
    for (unsigned i = 0; i < count; i++)
        drop(threads[i]);
    drop(e);
    drop(n);
}
