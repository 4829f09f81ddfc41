/* SPDX-License-Identifier: MIT */
/*
 * The general ways into the kernel and out of it; traps from user mode come here from fast.S. A trap
 * with sscratch 0 is a kernel bug and ends in a panic. A thread's registers start its struct thread
 * (x[0] = pc).
 */
#include "offsets.h"

    .section .text.fast, "ax"
    .align 2

/* tp is the hart, t0 is in its scratch, everything else is the program's. Or tp is 0: the kernel's. */
    .globl trap_general
trap_general:
    beqz tp, 1f
    ld t0, HART_CURRENT(tp)
    sd ra, 8(t0)
    sd sp, 16(t0)
    sd gp, 24(t0)
    sd t1, 48(t0)
    sd t2, 56(t0)
    sd s0, 64(t0)
    sd s1, 72(t0)
    sd a0, 80(t0)
    sd a1, 88(t0)
    sd a2, 96(t0)
    sd a3, 104(t0)
    sd a4, 112(t0)
    sd a5, 120(t0)
    sd a6, 128(t0)
    sd a7, 136(t0)
    sd s2, 144(t0)
    sd s3, 152(t0)
    sd s4, 160(t0)
    sd s5, 168(t0)
    sd s6, 176(t0)
    sd s7, 184(t0)
    sd s8, 192(t0)
    sd s9, 200(t0)
    sd s10, 208(t0)
    sd s11, 216(t0)
    sd t3, 224(t0)
    sd t4, 232(t0)
    sd t5, 240(t0)
    sd t6, 248(t0)
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
    sd s0, 64(t0)
    sd s1, 72(t0)
    sd s2, 144(t0)
    sd s3, 152(t0)
    sd s4, 160(t0)
    sd s5, 168(t0)
    sd s6, 176(t0)
    sd s7, 184(t0)
    sd s8, 192(t0)
    sd s9, 200(t0)
    sd s10, 208(t0)
    sd s11, 216(t0)
    csrr t1, sstatus
    sd t1, REGS_STATUS(t0)
    li s0, 0
    call trap_leave

    .globl trap_return
trap_return:
    ld t0, HART_CURRENT(tp)
    csrw sscratch, tp
    ld t1, 0(t0)
    csrw sepc, t1
    ld t1, REGS_STATUS(t0)
    csrw sstatus, t1
    ld ra, 8(t0)
    ld sp, 16(t0)
    ld gp, 24(t0)
    ld tp, 32(t0)
    ld t1, 48(t0)
    ld t2, 56(t0)
    ld s0, 64(t0)
    ld s1, 72(t0)
    ld a0, 80(t0)
    ld a1, 88(t0)
    ld a2, 96(t0)
    ld a3, 104(t0)
    ld a4, 112(t0)
    ld a5, 120(t0)
    ld a6, 128(t0)
    ld a7, 136(t0)
    ld s2, 144(t0)
    ld s3, 152(t0)
    ld s4, 160(t0)
    ld s5, 168(t0)
    ld s6, 176(t0)
    ld s7, 184(t0)
    ld s8, 192(t0)
    ld s9, 200(t0)
    ld s10, 208(t0)
    ld s11, 216(t0)
    ld t3, 224(t0)
    ld t4, 232(t0)
    ld t5, 240(t0)
    ld t6, 248(t0)
    ld t0, 40(t0)
    sret

    .section .text, "ax"
trap_from_kernel:
    csrrw tp, sscratch, tp
    addi sp, sp, -272
    sd ra, 8(sp)
    sd gp, 24(sp)
    sd tp, 32(sp)
    sd t0, 40(sp)
    sd t1, 48(sp)
    sd t2, 56(sp)
    sd s0, 64(sp)
    sd s1, 72(sp)
    sd a0, 80(sp)
    sd a1, 88(sp)
    sd a2, 96(sp)
    sd a3, 104(sp)
    sd a4, 112(sp)
    sd a5, 120(sp)
    sd a6, 128(sp)
    sd a7, 136(sp)
    sd s2, 144(sp)
    sd s3, 152(sp)
    sd s4, 160(sp)
    sd s5, 168(sp)
    sd s6, 176(sp)
    sd s7, 184(sp)
    sd s8, 192(sp)
    sd s9, 200(sp)
    sd s10, 208(sp)
    sd s11, 216(sp)
    sd t3, 224(sp)
    sd t4, 232(sp)
    sd t5, 240(sp)
    sd t6, 248(sp)
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
