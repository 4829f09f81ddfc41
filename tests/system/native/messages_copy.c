/* SPDX-License-Identifier: MIT */
/* A caller's buffers: copies within their bounds, across pages, holes and objects. */
#include "messages.h"
#include <string.h>

#define BIG (3ul << 20)

static unsigned char pattern(uint64_t i) {
    return (unsigned char)(i * 7 + (i >> 8) + (i >> 16));
}

static void fill(unsigned char *p, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        p[i] = pattern(i);
}

static bool filled(const unsigned char *p, uint64_t from, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        if (p[i] != pattern(from + i))
            return false;
    return true;
}

unsigned char *pages_new(uint64_t n, uint64_t prot) {
    long at = pk_map(0, 0, n * PAGE, prot, 0, 0, 0);
    CHECK(at > 0);
    return (unsigned char *)at;
}

void unmap_pages(void *at, uint64_t n) {
    IS(pk_unmap(0, (uint64_t)at, n * PAGE), 0);
}

uint64_t call_with(struct pair *p, uint64_t *thread, const void *in, uint64_t in_len, void *out,
                   uint64_t out_len) {
    *p = pair_new();
    shared.in = in;
    shared.in_len = in_len;
    shared.out = out;
    shared.out_len = out_len;
    *thread = thread_run(p->task, caller_loop, 0, 16);
    struct pk_msg msg;
    long token = pk_receive(p->endpoint, 0, &msg);
    CHECK(token > 0);
    IS(msg.in_len, in_len);
    IS(msg.out_len, out_len);
    return (uint64_t)token;
}

void finish_call(struct pair *p, uint64_t token, uint64_t thread) {
    struct pk_msg msg = {0};
    IS(pk_reply(token, 0, &msg, 0), 0);
    CHECK(tap_reaches(&shared.done, 1));
    drop(thread);
    pair_end(p);
}

void copy_bounds(void) {
    static unsigned char in[9000], out[9000], here[9000];
    fill(in, sizeof in);
    struct pair p;
    uint64_t thread, token = call_with(&p, &thread, in, 8500, out, 8500);
    static const struct {
        uint64_t offset, length;
        long result;
    } cases[] = {{0, 1, 1},           {0, 8500, 8500},    {0, 9000, 8500}, {8500, 1, 0},
                 {8499, 100, 1},      {8501, 1, -EINVAL}, {4095, 2, 2},    {1, ~0ull - 8999, 8499},
                 {~0ull, 1, -EINVAL}, {3, 8191, 8191},    {100, 0, 0}};
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint64_t offset = cases[i].offset, length = cases[i].length;
        if (length > sizeof here && cases[i].result > (long)sizeof here)
            continue;
        memset(here, 0, sizeof here);
        IS(pk_copy_from_caller(token, offset, here, length), cases[i].result);
        if (cases[i].result >= 0) {
            CHECK(filled(here, offset, (uint64_t)cases[i].result));
            CHECK(here[cases[i].result] == 0);
        }
        memset(out, 0, sizeof out);
        if (offset < sizeof in) {
            IS(pk_copy_to_caller(token, offset, in + offset, length), cases[i].result);
            CHECK(out[8500] == 0);
            if (cases[i].result > 0)
                CHECK(filled(out + offset, offset, (uint64_t)cases[i].result));
        }
    }
    finish_call(&p, token, thread);
}

/* Buffers that end in nothing, are not readable, not writable, or were never there. */
void copy_holes(void) {
    unsigned char *two = pages_new(3, PK_PROT_READ | PK_PROT_WRITE);
    unsigned char *constant = pages_new(1, PK_PROT_READ);
    fill(two, 2 * PAGE);
    unmap_pages(two + 2 * PAGE, 1);
    static unsigned char here[3 * PAGE];
    struct pair p;
    uint64_t thread, token = call_with(&p, &thread, two, 3 * PAGE, constant, PAGE);
    IS(pk_copy_from_caller(token, 0, here, 3 * PAGE), -EFAULT);
    IS(pk_copy_from_caller(token, 0, here, 2 * PAGE), 2 * PAGE);
    CHECK(filled(here, 0, 2 * PAGE));
    IS(pk_copy_from_caller(token, 2 * PAGE, here, 1), -EFAULT);
    IS(pk_copy_to_caller(token, 0, here, 1), -EFAULT);
    IS(pk_copy_from_caller(token, 0, constant, 1), -EFAULT);
    IS(pk_copy_from_caller(token, 0, (void *)USER_END, 1), -EFAULT);
    IS(pk_copy_from_caller(token, 0, (void *)0xffffffc080200000, 1), -EFAULT);
    IS(pk_copy_from_caller(token, PAGE, (void *)~0ul, 2), -EFAULT);
    CHECK(constant[0] == 0);
    finish_call(&p, token, thread);
    static const uint64_t bad[] = {0, 1, USER_END - 4, USER_END, 0xffffffc080200000, ~0ull - 4};
    for (unsigned i = 0; i < ARRAY_LENGTH(bad); i++) {
        token = call_with(&p, &thread, (void *)bad[i], 100, (void *)bad[i], ~0ull);
        IS(pk_copy_from_caller(token, 0, here, 100), -EFAULT);
        IS(pk_copy_to_caller(token, 0, here, 100), -EFAULT);
        IS(pk_copy_to_caller(token, ~0ull - 2, here, 100), -EFAULT);
        finish_call(&p, token, thread);
    }
    unmap_pages(two, 2);
    unmap_pages(constant, 1);
}

/* Longer than the kernel copies in one go, with a timer that interrupts it. */
void copy_long(void) {
    unsigned char *from = pages_new(BIG / PAGE, PK_PROT_READ | PK_PROT_WRITE);
    unsigned char *to = pages_new(BIG / PAGE + 1, PK_PROT_READ | PK_PROT_WRITE);
    uint64_t n = SLOT(pk_notification_create());
    fill(from, BIG);
    struct pair p;
    uint64_t thread, token = call_with(&p, &thread, from, BIG - 5, to, BIG - 5);
    for (unsigned i = 0; i < 8; i++) {
        IS(pk_timer_set(n, 1, tap_time_ns() + i * 100000), 0);
        memset(to, 0, BIG);
        if (i % 2)
            IS(pk_copy_from_caller(token, i, to + 3, BIG), BIG - 5 - i);
        else
            IS(pk_copy_to_caller(token, i, from + i, BIG), BIG - 5 - i);
        CHECK(filled(to + (i % 2 ? 3 : i), i, BIG - 5 - i));
        IS(pk_copy_from_caller(token, 5, to, 7), 7);
        CHECK(filled(to, 5, 7));
    }
    finish_call(&p, token, thread);
    drop(n);
    unmap_pages(from, BIG / PAGE);
    unmap_pages(to, BIG / PAGE + 1);
}

void copy_callers(void) {
    unsigned char *from = pages_new(BIG / PAGE, PK_PROT_READ | PK_PROT_WRITE);
    unsigned char *to = pages_new(BIG / PAGE, PK_PROT_READ | PK_PROT_WRITE);
    fill(from, BIG);
    struct pair p, q;
    uint64_t writer, reader, a = call_with(&p, &writer, from, BIG, from, 0);
    uint64_t b = call_with(&q, &reader, to, 0, to, BIG - 9);
    static const uint64_t lengths[] = {1, 8, 64, 200, 256, 257, 4095, 5000, BIG - 20};
    for (unsigned i = 0; i < ARRAY_LENGTH(lengths); i++) {
        memset(to, 0, BIG);
        IS(pk_caller_to_caller(a, i, b, 1 + i, lengths[i]), (long)lengths[i]);
        CHECK(filled(to + 1 + i, i, lengths[i]));
        CHECK(to[i] == 0 && to[1 + i + lengths[i]] == 0);
    }
    IS(pk_caller_to_caller(a, BIG - 3, b, 0, 100), 3);
    IS(pk_caller_to_caller(a, 0, b, BIG - 11, 100), 2);
    IS(pk_caller_to_caller(a, BIG + 1, b, 0, 0), -EINVAL);
    IS(pk_caller_to_caller(a, 0, b, BIG, 0), -EINVAL);
    IS(pk_caller_to_caller(b, 0, a, 0, 100), 0);
    IS(pk_caller_to_caller(a + 1, 0, b, 0, 1), -ESRCH);
    IS(pk_caller_to_caller(a, 0, b + 1, 0, 1), -ESRCH);
    IS(pk_caller_to_caller(a, 0, a, 0, 10), 0);
    finish_call(&p, a, writer);
    IS(pk_caller_to_caller(a, 0, b, 0, 1), -ESRCH);
    unmap_pages(from, BIG / PAGE);
    a = call_with(&p, &writer, from, 100, from, 0);
    IS(pk_caller_to_caller(a, 0, b, 0, 100), -EFAULT);
    finish_call(&p, a, writer);
    finish_call(&q, b, reader);
    unmap_pages(to, BIG / PAGE);
}

void copy_objects(void) {
    static unsigned char in[9000], out[9000], here[9000];
    fill(in, sizeof in);
    uint64_t object = SLOT(pk_object_create(10000, 0, 0));
    uint64_t constant = SLOT(pk_cap_copy(object, 0, 0, PK_RIGHT_USE, 0));
    uint64_t closed = SLOT(pk_cap_copy(object, 0, 0, PK_RIGHT_RECEIVE, 0));
    struct pair p;
    uint64_t thread, token = call_with(&p, &thread, in, sizeof in, out, sizeof out);
    IS(pk_caller_to_object(token, 0, object, 500, 9000), 9000);
    IS(pk_object_read(object, 500, here, 9000), 9000);
    CHECK(filled(here, 0, 9000));
    IS(pk_caller_to_object(token, 8990, object, 9990, 1000), 10);
    IS(pk_caller_to_object(token, 8990, object, 9991, 1000), -EINVAL);
    IS(pk_caller_to_object(token, 0, object, 10001, 0), -EINVAL);
    IS(pk_caller_to_object(token, 0, object, ~0ull - 3, 8), -EINVAL);
    IS(pk_caller_to_object(token, 9001, object, 0, 1), -EINVAL);
    IS(pk_caller_to_object(token, 0, constant, 0, 1), -EPERM);
    IS(pk_caller_to_object(token, 0, p.endpoint, 0, 1), -EINVAL);
    IS(pk_caller_to_object(token, 0, 9999, 0, 1), -EBADF);
    IS(pk_object_to_caller(token, 0, closed, 0, 1), -EPERM);
    memset(out, 0, sizeof out);
    IS(pk_object_to_caller(token, 100, constant, 600, 5000), 5000);
    CHECK(filled(out + 100, 100, 5000));
    CHECK(out[99] == 0 && out[5100] == 0);
    IS(pk_object_to_caller(token + 1, 0, constant, 0, 1), -ESRCH);
    finish_call(&p, token, thread);
    drop(object);
    drop(constant);
    drop(closed);
}
