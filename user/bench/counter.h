/* SPDX-License-Identifier: MIT */
/* Retired instructions of this hart, read in user mode; only RISC-V has them. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

#ifdef __riscv
#define HAVE_INSTRET 1

static inline uint64_t read_instret(void) {
    uint64_t count;

    __asm__ volatile("rdinstret %0" : "=r"(count) : : "memory");
    return count;
}
#else
#define HAVE_INSTRET 0

static inline uint64_t read_instret(void) {
    return 0;
}
#endif

#endif
