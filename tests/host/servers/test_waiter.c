/* SPDX-License-Identifier: MIT */
/* Waiting callers: queues, cancel notices, deadlines and the end of their process. */
#include "kernel.h"
#include <lib/client.h>
#include <lib/waiter.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* A server with one message: wait for `word 0` ns (0: for ever) at priority `word 1`. */
struct waiting {
    struct waiter waiter;
};

static struct waiter_queue queue;
static unsigned allocated;

static long ended(struct waiter *waiter, enum waiter_end why) {
    free(container_of(waiter, struct waiting, waiter));
    allocated--;
    return why == WAITER_EXPIRED ? -ETIMEDOUT : -EINTR;
}

static const struct waiter_ops ops = {.ended = ended};

static long handle_wait(struct request *req) {
    struct waiting *waiting = calloc(1, sizeof(*waiting));
    allocated++;
    waiter_init(&waiting->waiter, req, request_client(req), &ops);
    waiting->waiter.priority = (int32_t)req->msg.w[1];
    waiter_enqueue_priority(&queue, &waiting->waiter);
    if (req->msg.w[0])
        assert_int_equal(waiter_set_deadline(&waiting->waiter, mock_now + req->msg.w[0]), 0);
    return SERVER_DEFER;
}

static const struct protocol_entry entries[] = {{.handler = handle_wait}};
static const struct protocol protocol = {
    .name = "test", .first = 1, .count = 1, .entries = entries};
static const struct client_ops client_hooks;
static const struct server server = {
    .name = "test", .protocol = &protocol, .clients = &client_hooks};

static int setup(void **state) {
    (void)state;
    waiter_queue_init(&queue);
    mock_start(&server);
    mock_connect(1, 0, 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mock_exit(1);
    assert_int_equal(allocated, 0);
    assert_true(waiter_queue_empty(&queue));
    return 0;
}

static void send_wait(struct call *call, uint64_t ns, uint64_t priority) {
    mock_send(call, 1, 1, WORDS(ns, priority), 0, 0, 0, 0);
}

static void finish_first(long result) {
    struct waiting *waiting = container_of(waiter_first(&queue), struct waiting, waiter);
    waiter_finish(&waiting->waiter, result);
    free(waiting);
    allocated--;
}

static void test_order(void **state) {
    (void)state;
    struct call calls[4];
    send_wait(&calls[0], 0, 1);
    send_wait(&calls[1], 0, 2);
    send_wait(&calls[2], 0, 1);
    send_wait(&calls[3], 0, 3);
    for (int i = 0; i < 4; i++)
        finish_first(i);
    assert_int_equal(calls[3].result, 0);
    assert_int_equal(calls[1].result, 1);
    assert_int_equal(calls[0].result, 2);
    assert_int_equal(calls[2].result, 3);
}

static void test_cancel(void **state) {
    (void)state;
    struct call calls[3];
    for (int i = 0; i < 3; i++)
        send_wait(&calls[i], 0, 0);
    mock_interrupt(&calls[1]);
    assert_true(calls[1].answered);
    assert_int_equal(calls[1].result, -EINTR);
    mock_kill(&calls[0]);
    assert_false(calls[0].answered);
    assert_false(calls[2].answered);
    finish_first(7);
    assert_int_equal(calls[2].result, 7);
    /* Too late: it has its answer. */
    mock_interrupt(&calls[2]);
    assert_int_equal(calls[2].result, 7);
}

/* The threads of one process: a notice finds its waiter among thousands, and few need to be looked at for that. */
static void test_many_of_one_client(void **state) {
    (void)state;
    enum { N = 3000 };
    static struct call calls[N];
    unsigned waiting = N;
    for (int i = 0; i < N; i++)
        send_wait(&calls[i], 0, 0);
    mock_seed(5);
    for (unsigned i = 0; i < 40 * N; i++) {
        struct call *call = &calls[mock_random(N)];
        bool was = call->answered;
        if (mock_random(4)) {
            mock_interrupt(call);
            assert_true(call->answered);
            waiting -= !was;
        } else if (was) {
            send_wait(call, 0, 0);
            assert_false(call->answered);
            waiting++;
        }
        assert_in_range(client_find(1)->listed, 0, 10);
        assert_int_equal(allocated, waiting);
    }
    for (int i = 0; i < N; i++)
        if (!calls[i].answered)
            assert_int_equal(calls[i].result, 0);
}

static void test_exit_ends_waiters(void **state) {
    (void)state;
    struct call call;
    assert_int_equal(mock_fork(1, 2), 0);
    mock_send(&call, 2, 1, WORDS(0, 0), 0, 0, 0, 0);
    mock_exit(2);
    assert_false(call.answered);
    assert_true(waiter_queue_empty(&queue));
    assert_int_equal(mock_call(1, 0x103, WORDS(1), 0, 0, 0, 0), -EPERM);
}

static void test_one_timer(void **state) {
    (void)state;
    struct call late, soon;
    send_wait(&late, 1000, 0);
    assert_int_equal(mock_timer, mock_now + 1000);
    send_wait(&soon, 10, 0);
    assert_int_equal(mock_timer, mock_now + 10);
    mock_advance(10);
    assert_true(soon.answered);
    assert_int_equal(soon.result, -ETIMEDOUT);
    assert_false(late.answered);
    assert_int_equal(mock_timer, mock_now + 990);
    finish_first(0);
    mock_advance(2000);
    assert_int_equal(mock_timer, 0);
}

/* However many are due at once, few end in one event, and soon there is another. */
static void test_many_at_once(void **state) {
    (void)state;
    enum { N = 100 };
    static struct call calls[N];
    for (int i = 0; i < N; i++)
        send_wait(&calls[i], 1000, 0);
    int events = 0;
    for (int left = N, before; left; events++) {
        before = left;
        mock_advance(mock_timer - mock_now);
        left = 0;
        for (int i = 0; i < N; i++)
            left += !calls[i].answered;
        assert_in_range(before - left, 1, 20);
        assert_true(!left || mock_timer > mock_now);
    }
    assert_true(events > 4);
    assert_true(mock_now < 1000000);
}

static void test_no_wrap(void **state) {
    (void)state;
    struct call call;
    send_wait(&call, UINT64_MAX - mock_now, 0);
    assert_true(mock_timer > INT64_MAX / 2 && mock_timer <= INT64_MAX);
    mock_advance(1000000);
    assert_false(call.answered);
    finish_first(0);
    mock_timer = 0;
}

/* Deadlines end in order and never early, whatever else is cancelled in between. */
static void test_deadlines_at_random(void **state) {
    (void)state;
    enum { N = 1000 };
    static struct call calls[N];
    static uint64_t due[N];
    for (uint64_t seed = 0; seed < 10; seed++) {
        mock_seed(seed);
        for (int i = 0; i < N; i++) {
            uint64_t wait = 1 + mock_random(100000);
            due[i] = mock_now + wait;
            send_wait(&calls[i], wait, mock_random(3));
            if (mock_random(4) == 0)
                mock_interrupt(&calls[mock_random((uint32_t)i + 1)]);
            if (mock_random(8) == 0)
                mock_advance(mock_random(200));
            for (int j = 0; j <= i; j++) {
                if (!calls[j].answered) /* unless more were due than one event ends */
                    assert_true(due[j] > mock_now || mock_timer > mock_now);
                else if (calls[j].result == -ETIMEDOUT)
                    assert_true(due[j] <= mock_now);
            }
        }
        while (mock_timer)
            mock_advance(mock_timer - mock_now);
        for (int i = 0; i < N; i++)
            assert_true(calls[i].answered);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_of_one_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exit_ends_waiters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_wrap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadlines_at_random, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
