/* SPDX-License-Identifier: MIT */
/* Assembly: groups of a thread's registers, stored by `sd` to or loaded by `ld` from struct arch_regs. */
#ifndef RISCV_REGISTERS_H
#define RISCV_REGISTERS_H

#define X(n) (8 * (n))

    .macro REGS_POINTERS op, base
    \op ra, X(1)(\base)
    \op sp, X(2)(\base)
    \op gp, X(3)(\base)
    .endm

/* Without t0: it is the base, mostly. */
    .macro REGS_CALLER_SAVED op, base
    \op t1, X(6)(\base)
    \op t2, X(7)(\base)
    .irp n, 0,1,2,3,4,5,6,7
    \op a\n, X(10 + \n)(\base)
    .endr
    .irp n, 3,4,5,6
    \op t\n, X(25 + \n)(\base)
    .endr
    .endm

/* The callee-saved registers, in two parts: the fast path works with the first. */
    .macro REGS_S0_S5 op, base
    \op s0, X(8)(\base)
    \op s1, X(9)(\base)
    .irp n, 2,3,4,5
    \op s\n, X(16 + \n)(\base)
    .endr
    .endm

    .macro REGS_S6_S11 op, base
    .irp n, 6,7,8,9,10,11
    \op s\n, X(16 + \n)(\base)
    .endr
    .endm

#endif
