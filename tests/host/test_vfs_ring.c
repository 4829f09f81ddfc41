/* SPDX-License-Identifier: MIT */
/* The pipe's byte ring against a model: a plain array of all bytes that went through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ring.h"

static struct ring ring;

static int setup(void **state) {
    (void)state;
    ring_init(&ring);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    ring_destroy(&ring);
    return 0;
}

static bool put(const uint8_t *bytes, size_t length) {
    struct ring_span span[2];
    if (!ring_reserve(&ring, length)) {
        return false;
    }
    int count = ring_free(&ring, length, span);
    for (int i = 0; i < count; i++) {
        memcpy(span[i].at, bytes, span[i].length);
        bytes += span[i].length;
    }
    ring_put(&ring, length);
    return true;
}

static void take(uint8_t *bytes, size_t length) {
    struct ring_span span[2];
    int count = ring_filled(&ring, length, span);
    for (int i = 0; i < count; i++) {
        memcpy(bytes, span[i].at, span[i].length);
        bytes += span[i].length;
    }
    ring_take(&ring, length);
}

static void an_empty_ring_has_room_and_no_memory(void **state) {
    (void)state;
    assert_int_equal(ring_used(&ring), 0);
    assert_int_equal(ring_room(&ring), RING_USUAL);
    assert_null(ring.data);
}

static void it_grows_to_its_limit_and_not_beyond(void **state) {
    static uint8_t bytes[RING_USUAL];
    (void)state;
    assert_true(put(bytes, 1));
    assert_int_equal(ring.size, RING_FIRST);
    assert_true(put(bytes, RING_USUAL - 1));
    assert_int_equal(ring_room(&ring), 0);
    assert_false(ring_reserve(&ring, RING_LARGEST - RING_USUAL + 1));
    assert_true(ring_reserve(&ring, 0));
}

static void a_smaller_limit_moves_it_when_that_can_be(void **state) {
    static uint8_t bytes[RING_LARGEST], out[RING_LARGEST];
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    assert_true(ring_limit(&ring, RING_LARGEST));
    assert_true(put(bytes, RING_LARGEST));
    assert_int_equal(ring_room(&ring), 0);
    take(out, RING_LARGEST - 5000);
    assert_memory_equal(out, bytes, RING_LARGEST - 5000);
    assert_true(ring_limit(&ring, RING_FIRST));
    assert_int_equal(ring_room(&ring), 0);
    assert_int_equal(ring.size, RING_LARGEST);
    take(out, 1000);
    assert_true(ring_limit(&ring, RING_FIRST));
    assert_int_equal(ring.size, RING_FIRST);
    assert_int_equal(ring_room(&ring), RING_FIRST - 4000);
    take(out + 1000, 4000);
    assert_memory_equal(out, bytes + RING_LARGEST - 5000, 5000);
}

static void growing_keeps_wrapped_bytes_in_order(void **state) {
    uint8_t bytes[RING_FIRST];
    uint8_t out[2 * RING_FIRST];
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_true(put(bytes, RING_FIRST));
    take(out, 1000);
    assert_true(put(bytes, 1000));
    assert_true(put(bytes, 100));
    take(out, RING_FIRST - 1000);
    assert_memory_equal(out, bytes + 1000, RING_FIRST - 1000);
    take(out, 1100);
    assert_memory_equal(out, bytes, 1000);
    assert_memory_equal(out + 1000, bytes, 100);
}

static void random_traffic_matches_a_model(void **state) {
    static uint8_t out[RING_USUAL];
    static uint8_t in[RING_USUAL];
    uint8_t next_in = 0;
    uint8_t next_out = 0;
    size_t used = 0;
    (void)state;
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        size_t length = (size_t)random() % (random() % 20 ? 300 : RING_USUAL);
        if (random() % 2) {
            length = length < ring_room(&ring) ? length : ring_room(&ring);
            for (size_t j = 0; j < length; j++) {
                in[j] = next_in++;
            }
            assert_true(put(in, length));
            used += length;
        } else {
            length = length < used ? length : used;
            take(out, length);
            for (size_t j = 0; j < length; j++) {
                assert_int_equal(out[j], next_out++);
            }
            used -= length;
        }
        assert_int_equal(ring_used(&ring), used);
    }
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_ring_has_room_and_no_memory),
        TEST(it_grows_to_its_limit_and_not_beyond),
        TEST(a_smaller_limit_moves_it_when_that_can_be),
        TEST(growing_keeps_wrapped_bytes_in_order),
        TEST(random_traffic_matches_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
