/* SPDX-License-Identifier: MIT */
/*
 * The general ways into the kernel and out of it; traps from user mode come here from fast.S. A trap
 * with sscratch 0 is a kernel bug and ends in a panic. A thread's registers start its struct thread
 * (x[0] = pc).
 */
#include "offsets.h"
#include "registers.inc"
#include <entry.h>

    .section .text.fast, "ax"
    .align 2

/* tp is the hart, t0 is in its scratch, everything else is the program's. Or tp is 0: the kernel's. */
    .globl trap_general
trap_general:
    beqz tp, 1f
    ld t0, HART_CURRENT(tp)
    REGS_POINTERS sd, t0
    REGS_CALLER_SAVED sd, t0
    REGS_S0_S5 sd, t0
    REGS_S6_S11 sd, t0
    ld t1, HART_SCRATCH(tp)
    sd t1, 40(t0)
    csrrw t1, sscratch, zero
    sd t1, 32(t0)
    csrr t1, sepc
    sd t1, 0(t0)
    csrr t1, sstatus
    sd t1, REGS_STATUS(t0)
    ld sp, HART_STACK(tp)
    csrr a0, scause
    csrr a1, stval
    li s0, 0
    li ra, 0
    call trap_user
    j trap_return
1:  j trap_from_kernel

/* A kernel call of t0 after which it may not go on: see OWN_CALL. */
    .globl own_call_ended
own_call_ended:
    REGS_S0_S5 sd, t0
    REGS_S6_S11 sd, t0
    .globl own_call_leave
own_call_leave:
    csrr t1, sstatus
    sd t1, REGS_STATUS(t0)
    li s0, 0
    call kernel_exit_simply
    lla t1, kernel_lock_word /* with one hart it may not be taken: it is released in vain then */
    li t2, ~KERNEL_LOCK_TAKEN
    amoand.w.rl zero, t2, (t1)

    .globl trap_return
trap_return:
#ifdef PARLEY_LATENCY
    call latency_leave
#endif
    ld t0, HART_CURRENT(tp)
    csrw sscratch, tp
    ld t1, REGS_STATUS(t0)
    csrw sstatus, t1
    .globl restore_all
restore_all: /* of t0; what else user mode needs is set */
    ld t1, 0(t0)
    csrw sepc, t1
    REGS_POINTERS ld, t0
    REGS_CALLER_SAVED ld, t0
    REGS_S0_S5 ld, t0
    REGS_S6_S11 ld, t0
    ld tp, 32(t0)
    ld t0, 40(t0)
    sret

    .section .text, "ax"
trap_from_kernel:
    csrrw tp, sscratch, tp
    addi sp, sp, -272
    REGS_CALLER_SAVED sd, sp
    REGS_S0_S5 sd, sp
    REGS_S6_S11 sd, sp
    sd ra, 8(sp)
    sd gp, 24(sp)
    sd tp, 32(sp)
    sd t0, 40(sp)
    addi t0, sp, 272
    sd t0, 16(sp)
    csrr t0, sepc
    sd t0, 0(sp)
    csrr a0, scause
    csrr a1, stval
    mv a2, sp
    call trap_kernel

/* fp_save_registers(struct arch_fp *), fp_load_registers(const struct arch_fp *): FS is on. */
    .option push
    .option arch, +d
    .globl fp_save_registers
fp_save_registers:
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fsd f\n, (8 * \n)(a0)
    .endr
    frcsr t0
    sd t0, 256(a0)
    ret
    .globl fp_load_registers
fp_load_registers:
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fld f\n, (8 * \n)(a0)
    .endr
    ld t0, 256(a0)
    fscsr t0
    ret
    .option pop
