/* SPDX-License-Identifier: MIT */
/*
 * Linux system calls without a C library. On RISC-V: number in a7, arguments from a0 on, result in
 * a0 (riscv-elf psABI, Linux's syscall(2)); on x86-64, for smoke tests only: rax, rdi, rsi, rdx,
 * r10, r8.
 */
#ifndef RAW_H
#define RAW_H

#include <sys/syscall.h>

static inline long raw_call(long number, long a, long b, long c, long d, long e) {
#ifdef __riscv
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
#else
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
#endif
}

static inline void __attribute__((noreturn)) raw_exit(int status) {
    for (;;)
        raw_call(SYS_exit_group, status, 0, 0, 0, 0);
}

/*
 * The entry point of a program without a C library: calls start_c(stack) with the stack as exec
 * left it, argc first.
 */
#ifdef __riscv
#define RAW_START                                                                                  \
    __asm__(".globl _start\n_start:\n\t.option push\n\t.option norelax\n"                          \
            "\tlla gp, __global_pointer$\n\t.option pop\n\tmv a0, sp\n\tandi sp, sp, -16\n"        \
            "\tcall start_c\n")
#else
#define RAW_START                                                                                  \
    __asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start_c\n")
#endif

void start_c(long *stack) __attribute__((noreturn, used));

#endif
