/* SPDX-License-Identifier: MIT */
/* The device tree reader: a tree made here by example, and damaged at random for the sanitizers. */
#include "support.h"
#include <common/fdt.h>
#include <errno.h>
#include <stdio.h>

static uint8_t tree[2048];
static size_t at;
static char strings[256];
static size_t strings_size;

static void put32(size_t where, uint32_t v) {
    for (unsigned i = 0; i < 4; i++)
        tree[where + i] = (uint8_t)(v >> (24 - 8 * i));
}

static void word(uint32_t v) {
    put32(at, v);
    at += 4;
}

static void bytes(const void *p, size_t n) {
    memcpy(tree + at, p, n);
    memset(tree + at + n, 0, 4);
    at = (at + n + 3) & ~(size_t)3;
}

static void begin(const char *name) {
    word(1);
    bytes(name, strlen(name) + 1);
}

static void property(const char *name, const void *value, size_t n) {
    word(3);
    word((uint32_t)n);
    word((uint32_t)strings_size);
    bytes(value, n);
    memcpy(strings + strings_size, name, strlen(name) + 1);
    strings_size += strlen(name) + 1;
}

static size_t make(void) {
    at = 40 + 16;
    strings_size = 0;
    begin("");
    property("compatible", "riscv-virtio", 13);
    property("empty", "", 0);
    begin("memory@80000000");
    property("reg", "\0\0\0\0\x80\0\0\0\0\0\0\0\x08\0\0\0", 16);
    word(2);
    word(4); /* a nop */
    begin("chosen");
    property("bootargs", "run=x", 6);
    word(2);
    word(2);
    word(9);
    size_t end = at;
    memcpy(tree + at, strings, strings_size);
    at += strings_size;
    const uint32_t header[] = {
        0xd00dfeed, (uint32_t)at, 56, (uint32_t)end,          40,
        17,         16,           0,  (uint32_t)strings_size, (uint32_t)(end - 56)};
    for (unsigned i = 0; i < 10; i++)
        put32(4 * i, header[i]);
    return at;
}

static char seen[1024];
static int deepest;

static void on_begin(void *context, int depth, const char *name) {
    (void)context;
    deepest = depth > deepest ? depth : deepest;
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%d{%s ", depth, name);
}

static void on_property(void *context, int depth, const struct fdt_property *p) {
    (void)context;
    volatile uint8_t sum = 0;
    for (uint32_t i = 0; i < p->length; i++) /* all of it can be read */
        sum = (uint8_t)(sum + ((const uint8_t *)p->value)[i]);
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%d:%s=%u ", depth, p->name,
             p->length);
}

static void on_end(void *context, int depth) {
    (void)context;
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "}%d ", depth);
}

static const struct fdt_visitor visitor = {NULL, on_begin, on_property, on_end};

static int walk(const void *p, size_t size) {
    seen[0] = 0;
    deepest = -1;
    return fdt_walk(p, size, &visitor);
}

static void walks_in_order(void **state) {
    (void)state;
    size_t size = make();
    assert_int_equal(fdt_size(tree), size);
    assert_int_equal(walk(tree, size), 0);
    assert_string_equal(seen, "0{ 0:compatible=13 0:empty=0 1{memory@80000000 1:reg=16 }1 "
                              "1{chosen 1:bootargs=6 }1 }0 ");
    assert_int_equal(walk(tree, size + 100), 0);
    assert_int_equal(fdt_cells("\0\0\0\1\0\0\0\2", 2), 1ull << 32 | 2);
    assert_int_equal(fdt_cells("\xff\xff\xff\xff", 1), 0xffffffff);
}

static void cut_off(void **state) {
    (void)state;
    size_t size = make();
    for (size_t n = 0; n < size; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, tree, n);
        assert_int_equal(walk(copy, n), -EINVAL);
        if (n >= 40) { /* the header agrees with the cut */
            for (unsigned i = 0; i < 4; i++)
                copy[4 + i] = (uint8_t)(n >> (24 - 8 * i));
            assert_int_equal(walk(copy, n), -EINVAL);
        }
        free(copy);
    }
}

static void too_deep(void **state) {
    (void)state;
    make();
    at = 56;
    for (unsigned i = 0; i < 100; i++)
        begin("x");
    put32(4, sizeof tree);
    put32(36, (uint32_t)(at - 56));
    assert_int_equal(walk(tree, sizeof tree), -EINVAL);
    assert_true(deepest < 40);
}

/* Random damage: any answer, but no wild read, and levels in order. */
static void damaged(void **state) {
    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        size_t size = make();
        uint8_t *copy = malloc(size);
        memcpy(copy, tree, size);
        for (unsigned n = 1 + (unsigned)(random_number() % 6); n > 0; n--) {
            uint64_t r = random_number();
            static const uint32_t values[] = {0,          1,          2,          3,  4,     9,
                                              0x7fffffff, 0xffffffff, 0xfffffffc, 56, 0x1000};
            size_t where = r % (size - 3);
            if (r >> 62) {
                copy[where] = (uint8_t)(r >> 32);
                continue;
            }
            uint32_t v = values[(r >> 32) % 11];
            where &= ~(size_t)3;
            for (unsigned i = 0; i < 4; i++)
                copy[where + i] = (uint8_t)(v >> (24 - 8 * i));
        }
        int result = walk(copy, size);
        assert_true(result == 0 || result == -EINVAL);
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_in_order),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(too_deep),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
