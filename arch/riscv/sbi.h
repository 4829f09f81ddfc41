/* SPDX-License-Identifier: MIT */
/* Calls to the firmware (RISC-V SBI specification 1.0). */
#ifndef RISCV_SBI_H
#define RISCV_SBI_H

#include <stdint.h>

enum {
    SBI_LEGACY_PUTCHAR = 1,
    SBI_EXT_TIME = 0x54494d45,
    SBI_EXT_IPI = 0x735049,
    SBI_EXT_RFENCE = 0x52464e43,
    SBI_EXT_HSM = 0x48534d,
    SBI_EXT_SRST = 0x53525354,
};
enum { SBI_RFENCE_FENCE_I = 0, SBI_RFENCE_SFENCE_VMA = 1 };

static inline long sbi_call(uint64_t extension, uint64_t function, uint64_t p0, uint64_t p1,
                            uint64_t p2, uint64_t p3) {
    register uint64_t a0 __asm__("a0") = p0;
    register uint64_t a1 __asm__("a1") = p1;
    register uint64_t a2 __asm__("a2") = p2;
    register uint64_t a3 __asm__("a3") = p3;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a6), "r"(a7) : "memory");
    return (long)a0;
}

#endif
