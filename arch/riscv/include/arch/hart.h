/* SPDX-License-Identifier: MIT */
/* The current hart's data, behind the thread pointer while in the kernel. */
#ifndef ARCH_HART_H
#define ARCH_HART_H

#include <stdint.h>

struct hart;

static inline struct hart *this_hart(void) {
    struct hart *hart;
    __asm__("mv %0, tp" : "=r"(hart));
    return hart;
}

/* How many instructions this hart has executed. */
static inline uint64_t arch_instructions(void) {
    uint64_t count;
    __asm__ volatile("rdinstret %0" : "=r"(count)::"memory");
    return count;
}

/* Sleeps until an interrupt is pending, or less. */
static inline void arch_cpu_wait(void) {
    __asm__ volatile("wfi" ::: "memory");
}
static inline void arch_cpu_relax(void) {
    __asm__ volatile("nop" ::: "memory");
}

#endif
