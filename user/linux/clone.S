/* SPDX-License-Identifier: MIT */
/*
 * clone(2) and clone3(2) with a stack for the child, which shares the memory: a thread, or posix_spawn's process.
 * The child cannot come back through the caller's frame, which is gone as soon as the caller is. So it gets a copy
 * of it on its own stack before there is a child, and leaves through that; no C function is between, since the
 * program's callee-saved registers are the child's, too.
 *
 * In the frame of foreign_entry (frame.h) is what a C function would have on the stack.
 */
#include "frame.h"
#include <parley/calls.h>
#include <parley/personality.h>

#define CLONE_VM 0x100
#define CLONE_SETTLS 0x80000
#define CLONE_CHILD_SETTID 0x1000000

    .text
    .globl linux_clone3
    .hidden linux_clone3
    .type linux_clone3, @function
linux_clone3: /* as linux_clone, with the arguments in a structure: clone3_read(args, size, frame) */
    mv a2, sp
    call clone3_read
    beqz a0, 1f
    j foreign_leave
    .size linux_clone3, . - linux_clone3

    .globl linux_clone
    .hidden linux_clone
    .type linux_clone, @function
linux_clone:
    sd a0, FRAME_CLONE(0)(sp)
    sd a1, FRAME_CLONE(1)(sp)
    sd a2, FRAME_CLONE(2)(sp)
    sd a3, FRAME_CLONE(3)(sp)
    sd a4, FRAME_CLONE(4)(sp)
    sd a2, FRAME_CLONE(5)(sp) /* CLONE_PIDFD's place in clone(2), which excludes the other */
1:  ld a1, FRAME_CLONE(1)(sp)
    ld t0, FRAME_SP(sp)
    beqz a1, 2f
    bne a1, t0, 3f
2:  mv a0, sp
    call clone_here /* fork, vfork: on this stack */
    j foreign_leave
    /* The child's frame, in which the stack pointer is its own. */
3:  sd a1, FRAME_SP(sp)
    sd tp, FRAME_TP(sp)
    mv a0, sp
    call mask_for_thread
    sd a0, FRAME_CLONE(1)(sp) /* from here on the mask is there */
    ld a0, FRAME_SP(sp)
    addi a0, a0, -FRAME_SIZE
    andi a0, a0, -16
    mv a1, sp
    li a2, FRAME_SIZE
    mv t1, a0 /* which personality_copy leaves alone */
    call personality_copy
    addi t0, sp, FRAME_SIZE
    sd t0, FRAME_SP(sp)
    beqz a0, 4f
    j foreign_leave
    /* The call is made on the child's stack; tp leads the caller back to its own, which the child may not look at. */
4:  ld a2, FRAME_CLONE(0)(sp)
    ld a3, FRAME_CLONE(2)(sp)
    ld a4, FRAME_CLONE(4)(sp)
    ld a5, FRAME_CLONE(5)(sp)
    ld a6, FRAME_CLONE(1)(sp)
    mv tp, sp
    mv sp, t1
    li a0, PK_SLOT_PROC
    lla a1, state
    sd sp, PERSONALITY_SHARED(a1) /* not 0 */
    lla a1, clone_label
    lw a1, 0(a1)
    .irp r, t0,t1,t2,t3,t4,t5
    li \r, 0
    .endr
    li a7, PK_CALL
    ecall
    beqz a0, 5f
    mv sp, tp
    ld tp, FRAME_TP(sp)
    j foreign_leave
    /* The child: a2 is its word. If it has a seat, that is its own when its mask is there. */
5:  srli t0, a2, PERSONALITY_SEAT_SHIFT
    beqz t0, 9f
    slli t0, t0, PERSONALITY_SEAT_LOG
    lla t1, state
    add t0, t0, t1
    addi t0, t0, PERSONALITY_SEATS_AT - (1 << PERSONALITY_SEAT_LOG)
    ld t1, FRAME_CLONE(1)(sp)
    sd t1, 8(t0)
    sd zero, 24(t0)
    ld t1, 16(t0)
    xori t1, t1, PERSONALITY_UNTOLD
    beqz t1, 10f /* and if the server stores there now, it is the same mask */
    ld t1, FRAME_CLONE(1)(sp)
    sd t1, 16(t0)
10: fence w, w
    sd a2, 0(t0)
9:  ld tp, FRAME_TP(sp)
    ld t0, FRAME_CLONE(0)(sp)
    li t1, CLONE_SETTLS
    and t1, t1, t0
    beqz t1, 6f
    ld tp, FRAME_CLONE(3)(sp)
6:  li t1, CLONE_CHILD_SETTID
    and t1, t1, t0
    beqz t1, 7f
    slli a2, a2, 64 - PERSONALITY_NUMBER_BITS
    srli a2, a2, 64 - PERSONALITY_NUMBER_BITS
    sd a2, FRAME_WORD(sp)
    ld a0, FRAME_CLONE(4)(sp)
    addi a1, sp, FRAME_WORD
    li a2, 4
    call personality_copy /* to an address that is bad nothing is written, as on Linux */
7:  ld t0, FRAME_CLONE(0)(sp)
    andi t0, t0, CLONE_VM
    bnez t0, 8f
    call regions_in_child
8:  li a0, 0
    j foreign_leave
    .size linux_clone, . - linux_clone
