/* SPDX-License-Identifier: MIT */
/* Requests that go on as jobs: turns, answers, signals, ends, and requests that are handled again. */
#include "kernel.h"
#include <lib/client.h>
#include <lib/continuation.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

/*
 * A server with two messages. count: word 0 steps (word 1: a signal may end it), answers how many it did.
 * pass: waits while `closed`, with memory that counts its tries; answers how many it took.
 */
struct counting {
    struct continuation c;
    uint64_t left;
    long done;
};

struct tries {
    struct request_memory head;
    long count;
};

static bool closed;
static struct waiter_queue at_the_door;
static int allocated;
static struct counting *last_stepped;

static long count_step(struct continuation *c) {
    struct counting *counting = container_of(c, struct counting, c);
    last_stepped = counting;
    counting->done++;
    return --counting->left ? SERVER_DEFER : counting->done;
}

static void count_release(struct continuation *c) {
    free(container_of(c, struct counting, c));
    allocated--;
}

static long count_interrupted(struct continuation *c) {
    return -1000 - container_of(c, struct counting, c)->done;
}

static long handle_count(struct request *req) {
    static const struct continuation_ops steadfast = {count_step, count_release, 0};
    static const struct continuation_ops ops = {count_step, count_release, count_interrupted};
    struct counting *counting = calloc(1, sizeof(*counting));
    allocated++;
    counting->left = req->msg.w[0];
    continuation_init(&counting->c, req, req->msg.w[1] ? &ops : &steadfast);
    continuation_go(&counting->c);
    return SERVER_DEFER;
}

static void tries_release(struct request_memory *memory) {
    free(memory);
    allocated--;
}

static long handle_pass(struct request *req) {
    struct tries *tries = (struct tries *)(void *)request_memory();
    if (!closed && !req->msg.w[0])
        return tries ? tries->count : 0;
    if (!tries) {
        tries = calloc(1, sizeof(*tries));
        tries->head.release = tries_release;
        allocated++;
    }
    tries->count++;
    if (req->msg.w[0] && tries->count == (long)req->msg.w[0])
        return tries->count;
    return request_wait(req, req->msg.w[0] ? 0 : &at_the_door, &tries->head);
}

static const struct protocol_entry entries[] = {{.handler = handle_count},
                                                {.handler = handle_pass}};
static const struct protocol protocol = {
    .name = "test", .first = 1, .count = 2, .entries = entries};
static const struct client_ops client_hooks;
static const struct server server = {
    .name = "test", .protocol = &protocol, .clients = &client_hooks};

static int setup(void **state) {
    (void)state;
    closed = false;
    waiter_queue_init(&at_the_door);
    mock_start(&server);
    mock_connect(1, 0, 0);
    mock_connect(2, 0, 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mock_exit(1);
    mock_exit(2);
    mock_jobs();
    assert_int_equal(allocated, 0);
    assert_true(waiter_queue_empty(&at_the_door));
    return 0;
}

static void count(struct call *call, int pid, uint64_t steps, bool interruptible) {
    mock_send(call, pid, 1, WORDS(steps, interruptible), 0, 0, 0, 0);
}

static void pass(struct call *call, int pid, uint64_t tries) {
    mock_send(call, pid, 2, WORDS(tries), 0, 0, 0, 0);
}

static void test_turns(void **state) {
    (void)state;
    struct call one, other;
    count(&one, 1, 3, false);
    count(&other, 2, 2, false);
    struct counting *before = 0;
    for (int i = 0; i < 4; i++) {
        assert_false(one.answered);
        assert_true(mock_job());
        assert_ptr_not_equal(last_stepped, before);
        before = last_stepped;
    }
    assert_int_equal(other.result, 2);
    assert_int_equal(mock_jobs(), 1);
    assert_int_equal(one.result, 3);
}

static void test_signal(void **state) {
    (void)state;
    struct call steadfast, call;
    count(&steadfast, 1, 3, false);
    count(&call, 2, 3, true);
    mock_job();
    mock_job();
    mock_interrupt(&steadfast);
    assert_false(steadfast.answered);
    mock_interrupt(&call);
    assert_int_equal(call.result, -1001);
    mock_jobs();
    assert_int_equal(steadfast.result, 3);
}

static void test_death(void **state) {
    (void)state;
    struct call killed, lives;
    count(&killed, 1, 1000, false);
    count(&lives, 2, 2, false);
    mock_job();
    mock_kill(&killed);
    assert_int_equal(allocated, 1);
    assert_int_equal(mock_jobs(), 2);
    assert_int_equal(lives.result, 2);
    assert_int_equal(mock_fork(1, 3), 0);
    count(&killed, 3, 1000, false);
    mock_job();
    mock_exit(3);
    mock_jobs();
    assert_int_equal(allocated, 0);
    assert_false(killed.answered);
}

static void test_tries(void **state) {
    (void)state;
    struct call call;
    pass(&call, 1, 5);
    assert_false(call.answered);
    assert_int_equal(mock_jobs(), 4);
    assert_int_equal(call.result, 5);
}

static void test_queue(void **state) {
    (void)state;
    struct call calls[3], late;
    closed = true;
    for (int i = 0; i < 3; i++)
        pass(&calls[i], 1 + i % 2, 0);
    assert_int_equal(mock_jobs(), 0);
    request_wake(&at_the_door);
    assert_int_equal(mock_jobs(), 3); /* still closed */
    mock_interrupt(&calls[0]);
    mock_kill(&calls[1]);
    closed = false;
    request_wake(&at_the_door);
    pass(&late, 1, 0);
    assert_int_equal(late.result, 0);
    mock_jobs();
    assert_int_equal(calls[0].result, 2);
    assert_false(calls[1].answered);
    assert_int_equal(calls[2].result, 2);
    assert_true(calls[0].order < calls[2].order);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_death, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
