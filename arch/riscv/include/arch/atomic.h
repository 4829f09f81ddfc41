/* SPDX-License-Identifier: MIT */
/* What the compiler's atomics do not do right. */
#ifndef ARCH_ATOMIC_H
#define ARCH_ATOMIC_H

#include <stdint.h>

/*
 * *at becomes `value` if it is `expected`, in one, in order with all other accesses; returns what it was. GCC 12 compares
 * the sign-extended word that lr.w loads with an `expected` that it has not always extended.
 */
static inline uint32_t arch_exchange(uint32_t *at, uint32_t expected, uint32_t value) {
    int64_t old, failed;
    __asm__ volatile("1: lr.w.aqrl %0, %2\n"
                     "bne %0, %3, 2f\n"
                     "sc.w.rl %1, %4, %2\n"
                     "bnez %1, 1b\n"
                     "fence rw, rw\n"
                     "2:"
                     : "=&r"(old), "=&r"(failed), "+A"(*at)
                     : "r"((int64_t)(int32_t)expected), "r"(value)
                     : "memory");
    return (uint32_t)old;
}

#endif
