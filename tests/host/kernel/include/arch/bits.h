/* SPDX-License-Identifier: MIT */
/* A machine that has the instruction or not, as a test wants it. */
#ifndef ARCH_BITS_H
#define ARCH_BITS_H

#include <stdbool.h>
#include <stdint.h>

extern bool test_has_clz;

static inline bool arch_has_clz(void) {
    return test_has_clz;
}

static inline unsigned arch_clz(uint64_t word) {
    return (unsigned)__builtin_clzll(word);
}

#endif
