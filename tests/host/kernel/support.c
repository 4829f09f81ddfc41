/* SPDX-License-Identifier: MIT */
/* The arena, random numbers, and the kernel's ways to complain (support.h). */
#include "support.h"
#include <lib/lib.h>
#include <stdio.h>

unsigned char *arena;

void arena_make(uint64_t pages) {
    arena = aligned_alloc(4096, pages * 4096);
    assert_non_null(arena);
    memset(arena, 0xa5, pages * 4096);
}

void arena_free(void) {
    free(arena);
    arena = NULL;
}

/* splitmix64 */
uint64_t random_number(void) {
    static uint64_t state = 4711;
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

void panic(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    abort();
}
