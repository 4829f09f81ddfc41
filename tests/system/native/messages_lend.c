/* SPDX-License-Identifier: MIT */
/* A server lends its callers' priorities to threads: along chains, through other servers, and until the calls end. */
#include "messages.h"

enum { SLOT_CALL = 20, SLOT_BUSY, SLOT_SERVE_BUSY, SLOT_BELL };
enum { A, B, C, CALLERS };

static struct { uint64_t endpoint, task, threads[CALLERS], tokens[CALLERS]; } w;
static const uint64_t given[CALLERS] = {30, 6, 4};

static uint64_t priority(uint64_t thread) {
    struct pk_thread_info info;
    return pk_thread_info(thread, &info) < 0 ? ~0ull : info.priority;
}

static void one_call(uint64_t slot) {
    struct pk_msg msg = {.label = 1};
    pk_may_fail(pk_call(slot, &msg, 0, 0, 0, 0));
    worker_rest();
}

/* A, B and C have called, and wait for their answers. */
static void begin(void) {
    struct pk_msg msg;
    w.endpoint = SLOT(pk_endpoint_create(0));
    w.task = task_sharing();
    IS(pk_cap_copy(w.endpoint, w.task, SLOT_CALL, PK_RIGHT_USE, 0), SLOT_CALL);
    for (unsigned i = 0; i < CALLERS; i++) {
        w.threads[i] = thread_run(w.task, one_call, SLOT_CALL, (unsigned)given[i]);
        w.tokens[i] = (uint64_t)pk_receive(w.endpoint, 0, &msg);
        IS(pk_lend(w.tokens[i], 0), given[i]);
    }
}

static void end(void) {
    task_end(w.task);
    for (unsigned i = 0; i < CALLERS; i++)
        drop(w.threads[i]);
    drop(w.endpoint);
}

static void answer(unsigned i) {
    struct pk_msg msg = {0};
    IS(pk_reply(w.tokens[i], 0, &msg, 0), 0);
}

void lend_chain(void) {
    begin();
    IS(pk_lend(w.tokens[B], w.threads[C]), 6);
    IS(priority(w.threads[C]), 6);
    IS(pk_lend(w.tokens[A], w.threads[B]), 30);
    IS(priority(w.threads[B]), 30);
    IS(priority(w.threads[C]), 30);
    IS(pk_lend(w.tokens[B], w.threads[C]), 30); /* the same once more */
    IS(pk_thread_priority(w.threads[A], 20), 0);
    IS(priority(w.threads[C]), 20);
    IS(pk_thread_priority(w.threads[B], 25), 0);
    IS(priority(w.threads[B]), 25);
    IS(priority(w.threads[C]), 25);
    IS(pk_thread_priority(w.threads[B], 6), 0);
    IS(priority(w.threads[C]), 20);
    answer(A);
    IS(priority(w.threads[B]), 6);
    IS(priority(w.threads[C]), 6);
    answer(B);
    IS(priority(w.threads[C]), 4);
    answer(C);
    IS(pk_lend(w.tokens[C], 0), -ESRCH);
    end();
}

/* Of several the most urgent counts; one that is taken back, or dies, leaves the others. */
void lend_several(void) {
    begin();
    uint64_t c = SLOT(pk_caller_thread(w.tokens[C]));
    struct pk_thread_info info;
    IS(pk_thread_info(c, &info), -EPERM); /* it is for lending alone */
    IS(pk_lend(w.tokens[B], c), 6);
    IS(pk_lend(w.tokens[A], c), 30);
    IS(priority(w.threads[C]), 30);
    IS(pk_lend(w.tokens[A], 0), 30);
    IS(priority(w.threads[C]), 6);
    IS(pk_lend(w.tokens[A], c), 30);
    IS(pk_thread_kill(w.threads[A]), 0);
    IS(priority(w.threads[C]), 6);
    IS(pk_lend(w.tokens[A], c), -ESRCH);
    IS(pk_lend(w.tokens[C], w.threads[C]), -EINVAL);
    IS(pk_lend(w.tokens[B], w.endpoint), -EINVAL);
    IS(pk_lend(w.tokens[B], 1000), -EBADF);
    IS(priority(w.threads[C]), 6);
    IS(pk_thread_kill(w.threads[C]), 0); /* while it is lent something */
    IS(pk_lend(w.tokens[B], 0), 6);
    IS(pk_lend(w.tokens[B], c), 6); /* it has ended: nobody is lent anything */
    drop(c);
    end();
}

/* Who lends in a circle is as urgent as the most urgent, and falls when the circle is broken. */
void lend_circle(void) {
    begin();
    IS(pk_lend(w.tokens[A], w.threads[B]), 30);
    IS(pk_lend(w.tokens[B], w.threads[C]), 30);
    IS(pk_lend(w.tokens[C], w.threads[A]), 30);
    IS(priority(w.threads[C]), 30);
    answer(A);
    IS(pk_lend(w.tokens[C], 0), 6);
    IS(priority(w.threads[B]), 6);
    end();
}

/* Works on each call until the bell rings. */
static void slow_server(uint64_t unused) {
    (void)unused;
    struct pk_msg msg = {0};
    uint64_t token = 0;
    for (;;) {
        token = (uint64_t)pk_reply_receive(SLOT_SERVE_BUSY, token, 0, &msg, 0);
        must(pk_wait(SLOT_BELL, 0));
    }
}

/* Whoever borrows is working through a server, which is raised, too. */
void lend_through_server(void) {
    begin();
    uint64_t busy = SLOT(pk_endpoint_create(0));
    uint64_t bell = SLOT(pk_notification_create());
    IS(pk_cap_copy(bell, w.task, SLOT_BELL, PK_RIGHT_RECEIVE, 0), SLOT_BELL);
    IS(pk_cap_copy(busy, w.task, SLOT_BUSY, PK_RIGHT_USE, 0), SLOT_BUSY);
    IS(pk_cap_copy(busy, w.task, SLOT_SERVE_BUSY, PK_RIGHT_RECEIVE, 0), SLOT_SERVE_BUSY);
    uint64_t server = thread_run(w.task, slow_server, 0, 2);
    CHECK(thread_becomes(server, PK_THREAD_RECEIVING));
    uint64_t owner = thread_run(w.task, one_call, SLOT_BUSY, 3);
    CHECK(thread_becomes(server, PK_THREAD_WAITING));
    uint64_t second = thread_run(w.task, one_call, SLOT_BUSY, 3);
    CHECK(thread_becomes(second, PK_THREAD_CALLING));
    IS(priority(server), 3);
    IS(pk_lend(w.tokens[B], second), 6); /* which waits in the queue */
    IS(priority(server), 6);
    IS(pk_lend(w.tokens[A], owner), 30);
    IS(priority(server), 30);
    IS(pk_notify(bell, 1), 0);
    CHECK(thread_becomes(owner, PK_THREAD_WAITING));
    IS(priority(server), 6); /* of the second's call */
    IS(pk_notify(bell, 1), 0);
    CHECK(thread_becomes(server, PK_THREAD_RECEIVING));
    IS(priority(server), 2);
    end();
    drop(server);
    drop(owner);
    drop(second);
    drop(busy);
    drop(bell);
}

void lend_switched_off(void) {
    begin();
    IS(pk_machine_donation(boot_cap("machine"), PK_DONATION_GET), 1);
    IS(pk_machine_donation(boot_cap("machine"), PK_DONATION_OFF), 0);
    IS(pk_lend(w.tokens[A], w.threads[B]), 30);
    IS(priority(w.threads[B]), 6);
    IS(pk_machine_donation(boot_cap("machine"), PK_DONATION_ON), 1);
    IS(pk_lend(w.tokens[A], 0), 30);
    IS(pk_lend(w.tokens[A], w.threads[B]), 30);
    IS(priority(w.threads[B]), 30);
    end();
}
