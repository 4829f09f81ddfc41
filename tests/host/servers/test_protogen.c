/* SPDX-License-Identifier: MIT */
/* Generated stubs and dispatch, made from sample.toml, joined by a pk_call that goes straight over. */
#include "kernel.h"
#include "sample_client.h"
#include "sample_server.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static const struct server server = {.name = "sample", .protocol = &sample_protocol};
static uint64_t badge = 1;
static const void *call_in;
static void *call_out;
static unsigned caps_seen;

/* The endpoint is the token's stand-in; the request's buffers are remembered by the handlers. */
long pk_call_words(uint64_t endpoint, struct pk_msg *msg, const void *in) {
    struct request req = {.token = endpoint, .msg = *msg};
    unsigned caps = msg->label >> PK_LABEL_CAPS_SHIFT & 7;
    req.msg.badge = badge;
    req.caps = msg->caps;
    req.caps_left = (1u << caps) - 1;
    caps_seen = caps;
    call_in = in;
    call_out = (void *)msg->out;
    long result = server_handle(&server, &req);
    *msg = req.msg;
    msg->label = req.reply_caps;
    return result;
}
long pk_call(uint64_t endpoint, struct pk_msg *msg, const void *in, uint64_t in_len, void *out,
             uint64_t out_len) {
    msg->in_len = in_len;
    msg->out = (uint64_t)out;
    msg->out_len = out_len;
    return pk_call_words(endpoint, msg, in);
}

long sample_handle_words(struct request *req, int a, int64_t b, uint32_t c, uint64_t d, int16_t e,
                         unsigned f) {
    sample_results_words(&req->msg, a + b + e, f);
    return c == 0xffffffff && d == UINT64_MAX ? 1 : -EINVAL;
}
long sample_handle_buffers(struct request *req) {
    (void)req;
    memcpy(call_out, call_in, sizeof(struct sample_pair));
    return 0;
}
long sample_handle_optional(struct request *req) {
    return (long)(request_in_len(req) / sizeof(uint16_t) + request_out_len(req));
}
long sample_handle_caps(struct request *req) {
    request_reply_cap(req, request_take_cap(req, 0));
    if (request_cap(req, 1))
        request_give_cap(req, request_take_cap(req, 1));
    assert_int_equal(req->caps_left, 0);
    assert_int_equal(req->reply_drops, req->reply_caps == 2 ? 2 : 0);
    return 0;
}
long sample_handle_text(struct request *req, int a, uint64_t b) {
    uint64_t *text = request_text(req);
    for (unsigned i = 0; i < PK_TEXT_SIZE / sizeof(*text); i++)
        text[i] = ~text[i];
    sample_results_text(&req->msg, b, a);
    return 0;
}
long sample_handle_proc_only(struct request *req) {
    (void)req;
    return 0;
}

long sample_handle_two_servers(struct request *req) {
    (void)req;
    return 0;
}

long sample_handle_servers(struct request *req) {
    (void)req;
    return 0;
}

static void test_words(void **state) {
    (void)state;
    int64_t sum;
    uint32_t last;
    assert_int_equal(
        sample_words(3, -1, INT64_MIN + 10, 0xffffffff, UINT64_MAX, -2, 77, &sum, &last), 1);
    assert_true(sum == INT64_MIN + 7);
    assert_int_equal(last, 77);
    sum = 5;
    assert_int_equal(sample_words(3, 0, 0, 0, 0, 0, 0, &sum, &last), -EINVAL);
    assert_int_equal(sum, 5);
}

static void test_buffers(void **state) {
    (void)state;
    struct sample_pair from = {1, 2}, to = {0, 0};
    assert_int_equal(sample_buffers(3, &from, &to), 0);
    assert_memory_equal(&from, &to, sizeof(from));
    struct pk_msg msg = {.label = SAMPLE_LABEL_BUFFERS};
    assert_int_equal(pk_call(3, &msg, &from, 15, &to, 16), -EINVAL);
    msg.label = SAMPLE_LABEL_BUFFERS;
    assert_int_equal(pk_call(3, &msg, &from, 16, &to, 15), -EINVAL);
    uint16_t items[3] = {0};
    assert_int_equal(sample_optional(3, items, 3, 0), 3);
    assert_int_equal(sample_optional(3, items, 2, &to), 18);
}

static void test_caps(void **state) {
    (void)state;
    uint64_t one, two;
    assert_int_equal(sample_caps(3, 20, 0, &one, &two), 0);
    assert_int_equal(caps_seen, 1);
    assert_int_equal(one, 20);
    assert_int_equal(two, 0);
    assert_int_equal(sample_caps(3, 20, 40000, &one, &two), 0);
    assert_int_equal(caps_seen, 2);
    assert_int_equal(two, 40000);
    struct pk_msg msg = {.label = SAMPLE_LABEL_CAPS};
    assert_int_equal(pk_call(3, &msg, 0, 0, 0, 0), -EINVAL);
}

static void test_text(void **state) {
    (void)state;
    uint64_t b, said[8], heard[8];
    int a;
    for (unsigned i = 0; i < 8; i++)
        said[i] = 0x0123456789abcdef * (i + 1);
    assert_int_equal(sample_text(3, -5, UINT64_MAX, said, &b, &a, heard), 0);
    assert_true(a == -5 && b == UINT64_MAX);
    for (unsigned i = 0; i < 8; i++)
        assert_true(heard[i] == ~said[i]);
}

static void test_dispatch(void **state) {
    (void)state;
    assert_int_equal(sample_proc_only(3), -EPERM);
    badge = PK_BADGE_PROC;
    assert_int_equal(sample_proc_only(3), 0);
    static const uint64_t senders[] = {0,
                                       1,
                                       2,
                                       UINT32_MAX,
                                       PK_BADGE_SERVER,
                                       PK_BADGE_INIT,
                                       PK_BADGE_PROC,
                                       PK_BADGE_VFS,
                                       PK_BADGE_OTHER,
                                       PK_BADGE_SERVER << 1,
                                       UINT64_MAX};
    for (unsigned i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        badge = senders[i];
        bool init = badge == PK_BADGE_INIT, proc = badge == PK_BADGE_PROC;
        bool any = badge >= PK_BADGE_SERVER && badge <= PK_BADGE_OTHER;
        assert_int_equal(sample_proc_only(3), proc ? 0 : -EPERM);
        assert_int_equal(sample_two_servers(3), init || proc ? 0 : -EPERM);
        assert_int_equal(sample_servers(3), any ? 0 : -EPERM);
    }
    badge = 1;
    for (uint64_t label = 0; label < 0x10000; label++) {
        struct pk_msg msg = {.label = label};
        long result = pk_call(3, &msg, 0, 0, 0, 0);
        bool known = label == 5 || label == 6 || (label >= 9 && label <= 14);
        assert_int_equal(result == -ENOSYS, !known);
    }
    assert_int_equal(SAMPLE_OCTAL, 15);
    assert_int_equal(SAMPLE_NEGATIVE, -3);
    assert_true(SAMPLE_TEXT == 1ul << 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words), cmocka_unit_test(test_buffers),  cmocka_unit_test(test_caps),
        cmocka_unit_test(test_text),  cmocka_unit_test(test_dispatch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
