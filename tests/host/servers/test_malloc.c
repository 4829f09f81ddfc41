/* SPDX-License-Identifier: MIT */
/* The servers' malloc, under other names beside the host's: blocks are aligned, whole and apart. */
#include "kernel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static size_t mapped;
static size_t limit = SIZE_MAX;
static size_t of_account[4]; /* mapped ever */

void *memory_map(size_t size);
void *memory_map_for(uint64_t account, uint64_t place, size_t size);
void memory_unmap(void *address, size_t size);

static void *map(size_t alignment, size_t size) {
    size = (size + 4095) & ~4095ul;
    if (mapped + size > limit)
        return 0;
    mapped += size;
    void *pages = aligned_alloc(alignment, size);
    memset(pages, 0, size);
    return pages;
}
void *memory_map(size_t size) {
    return map(4096, size);
}
/* As aligned as the place that was asked for would have been. */
void *memory_map_for(uint64_t account, uint64_t place, size_t size) {
    of_account[account] += size;
    return map(place ? size : 4096, size);
}
void memory_unmap(void *address, size_t size) {
    mapped -= (size + 4095) & ~4095ul;
    free(address);
}

#define malloc server_malloc
#define free server_free
#define calloc server_calloc
#define realloc server_realloc
void *malloc(size_t size);
void free(void *pointer);
void *calloc(size_t count, size_t size);
void *realloc(void *pointer, size_t size);
#include <lib/malloc.c>

static const size_t edges[] = {0,    1,    15,   16,    17,    1023,  1024,  1025,  1280,  1281,
                               2048, 2049, 8192, 40000, 57344, 57345, 65535, 65536, 65537, 300000};

static void check(const unsigned char *block, size_t size, unsigned char fill) {
    assert_int_equal((uintptr_t)block % 16, 0);
    for (size_t i = 0; i < size; i += i < 64 || i + 64 > size ? 1 : 61)
        assert_int_equal(block[i], fill);
}

static size_t random_size(void) {
    size_t edge = edges[mock_random(sizeof(edges) / sizeof(edges[0]))];
    return mock_random(2) ? edge : mock_random((uint32_t)edge + 1);
}

static void test_blocks_are_apart(void **state) {
    (void)state;
    enum { N = 500 };
    static unsigned char *blocks[N], fills[N];
    static size_t sizes[N];
    mock_seed(3);
    for (int step = 0; step < 50000; step++) {
        uint32_t i = mock_random(N);
        size_t size = random_size();
        if (!blocks[i]) {
            bool zeroed = mock_random(2);
            blocks[i] = zeroed ? calloc(1, size) : malloc(size);
            assert_non_null(blocks[i]);
            if (zeroed)
                check(blocks[i], size, 0);
        } else if (mock_random(3) == 0) {
            check(blocks[i], sizes[i], fills[i]);
            blocks[i] = realloc(blocks[i], size);
            check(blocks[i], size < sizes[i] ? size : sizes[i], fills[i]);
        } else {
            check(blocks[i], sizes[i], fills[i]);
            free(blocks[i]);
            blocks[i] = 0;
            continue;
        }
        sizes[i] = size;
        fills[i] = (unsigned char)step;
        memset(blocks[i], fills[i], size);
    }
    for (int i = 0; i < N; i++)
        free(blocks[i]);
    /* All but the chunk in use and a spare one has gone back. */
    assert_in_range(mapped, 0, 2 * CHUNK);
}

static void test_freed_blocks_are_used_again(void **state) {
    (void)state;
    free(malloc(100));
    size_t before = mapped;
    for (int i = 0; i < 100000; i++)
        free(malloc(100));
    for (int i = 0; i < 100; i++)
        free(malloc(1 << 20));
    assert_int_equal(mapped, before);
}

static void test_no_memory(void **state) {
    (void)state;
    limit = mapped;
    assert_null(malloc(1 << 20));
    assert_null(calloc(SIZE_MAX / 2, 3));
    assert_null(malloc(SIZE_MAX));
    void *blocks[10000];
    int count = 0;
    while ((blocks[count] = malloc(4000)) != 0)
        count++;
    free(blocks[0]);
    assert_non_null(blocks[0] = malloc(4000));
    while (count-- > 0)
        free(blocks[count]);
    limit = SIZE_MAX;
}

/* Heaps do not mix: each block is paid for by its heap's account and goes back there; an unused heap can go. */
static void test_heaps(void **state) {
    (void)state;
    enum { N = 400 };
    static unsigned char *blocks[N];
    struct heap heaps[2] = {{.account = 1, .data_account = 3}, {.account = 2}};
    size_t before = mapped;
    heap_current = &heaps[0];
    assert_int_equal(heap_data_account(), 3);
    for (int i = 0; i < N; i++) {
        size_t size = 1 + mock_random(i % 50 ? 2000 : 60000);
        heap_current = &heaps[i % 2];
        blocks[i] = i % 3 ? malloc(size) : heap_alloc(&heaps[i % 2], size);
        memset(blocks[i], i, size);
    }
    heap_current = &heap_own;
    assert_int_equal(heap_data_account(), PK_SLOT_ACCOUNT);
    for (int i = 0; i < N; i += 7) {
        size_t own = of_account[0];
        blocks[i] = realloc(blocks[i], 30000); /* by somebody else */
        assert_int_equal(blocks[i][0], (unsigned char)i);
        assert_int_equal(of_account[0], own);
    }
    assert_false(heap_release(&heaps[0]));
    for (int i = 0; i < N; i += 2)
        free(blocks[i]);
    assert_true(heap_release(&heaps[0]));
    assert_false(heap_release(&heaps[1]));
    for (int i = 1; i < N; i += 2)
        free(blocks[i]);
    assert_true(heap_release(&heaps[1]));
    assert_int_equal(mapped, before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_apart),
        cmocka_unit_test(test_freed_blocks_are_used_again),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_heaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
