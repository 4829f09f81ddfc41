/* SPDX-License-Identifier: MIT */
/* Bits of a word, by an instruction where the machine has one. */
#ifndef ARCH_BITS_H
#define ARCH_BITS_H

#include <arch/machine.h>

/* Whether arch_clz() may be called: the Zbb extension, on every hart. */
static inline bool arch_has_clz(void) {
    return machine.has_zbb;
}

/* How many leading bits are 0. */
static inline unsigned arch_clz(uint64_t word) {
    uint64_t count;
    __asm__(".option push\n"
            ".option arch, +zbb\n"
            "clz %0, %1\n"
            ".option pop"
            : "=r"(count)
            : "r"(word));
    return (unsigned)count;
}

#endif
