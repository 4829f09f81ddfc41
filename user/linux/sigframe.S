/* SPDX-License-Identifier: MIT */
/*
 * Where foreign_return comes back to when attention is pending, and the way out of a signal frame.
 * Every register is the program's there, but a7 and t0, which the kernel keeps; t0 is the thread's word.
 */
#include <parley/calls.h>
#include <parley/errno.h>
#include <parley/personality.h>
#include <parley/sigframe.h>
#include "frame.h"

/* The registers that a C function may change, but t0, a0 and a7. */
    .macro CALLER_SAVED op, base
    \op ra, SIGFRAME_X(1)(\base)
    \op t1, SIGFRAME_X(6)(\base)
    \op t2, SIGFRAME_X(7)(\base)
    .irp n, 1,2,3,4,5,6
    \op a\n, SIGFRAME_X(10 + \n)(\base)
    .endr
    .irp n, 3,4,5,6
    \op t\n, SIGFRAME_X(25 + \n)(\base)
    .endr
    .endm

    .macro CALLEE_SAVED op, base
    \op gp, SIGFRAME_X(3)(\base)
    \op tp, SIGFRAME_X(4)(\base)
    \op s0, SIGFRAME_X(8)(\base)
    \op s1, SIGFRAME_X(9)(\base)
    .irp n, 2,3,4,5,6,7,8,9,10,11
    \op s\n, SIGFRAME_X(16 + \n)(\base)
    .endr
    .endm

    .text
/*
 * At the end of a system call. One that was cut short may be made again: that is decided in one
 * place, the process server, which gets an attention exception with a word that says so (deliver.c).
 */
    .globl attention_of_call
attention_of_call:
    li a7, -EINTR
    beq a0, a7, 5f
    li a7, -EINTR_FINAL
    beq a0, a7, 6f
    li a7, -EINTR_UNTIL
    bne a0, a7, attention
    ld t0, FRAME_RESTART-FRAME_SIZE(sp) /* nobody has written to the stack since */
    j 7f
5:  li t0, PERSONALITY_CUT_SHORT
    j 3f
6:  li t0, PERSONALITY_CUT_FINALLY
7:  li a0, -EINTR
    j 3f

/*
 * The registers go to where their place in a frame will be if the next signal is to be handled.
 * On the way to the handler there may be attention again: another frame, on top. A program that has
 * set another stack for signals may have too little room on this one.
 */
attention:
    lla a7, state
    ld a7, PERSONALITY_OTHER_STACK(a7)
    bnez a7, 4f
    addi a7, sp, -SIGFRAME_SIZE
    andi a7, a7, -16
    CALLER_SAVED sd, a7
    CALLEE_SAVED sd, a7
    sd a0, SIGFRAME_X(10)(a7)
    sd sp, SIGFRAME_X(2)(a7)
    mv sp, a7
    mv a0, sp
    mv a1, t0
    call sigframe_take
    blez a0, 1f
    mv a1, sp
    addi a2, sp, SIGFRAME_CONTEXT
    lla ra, __vdso_rt_sigreturn
    li a7, PK_FOREIGN_RETURN
    ecall
    j attention
1:  li a7, PK_FOREIGN_RETURN
    beqz a0, 2f
    li a7, PK_FOREIGN_ATTENTION
2:  li t0, 0
    CALLER_SAVED ld, sp
    ld a0, SIGFRAME_X(10)(sp)
    ld sp, SIGFRAME_X(2)(sp)
    ecall
    j attention
4:  li t0, 0
3:  li a7, PK_FOREIGN_ATTENTION
    ecall

/* sigframe_leave(frame): on with what it holds. No call ends here, whatever a0 looks like. */
    .globl sigframe_leave
    .type sigframe_leave, @function
sigframe_leave:
    mv t0, a0
    CALLER_SAVED ld, t0
    CALLEE_SAVED ld, t0
    ld a0, SIGFRAME_X(10)(t0)
    ld sp, SIGFRAME_X(2)(t0)
    li a7, PK_FOREIGN_RETURN
    ecall
    j attention

    .option push
    .option arch, +d
    .globl sigframe_save_fp
    .type sigframe_save_fp, @function
sigframe_save_fp:
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fsd f\n, SIGFRAME_F(\n)(a0)
    .endr
    frcsr t0
    sw t0, SIGFRAME_FCSR(a0)
    ret

/* Only what differs is written: dirty registers would have to be saved at the next switch. */
    .globl sigframe_load_fp
    .type sigframe_load_fp, @function
sigframe_load_fp:
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fmv.x.d t0, f\n
    ld t1, SIGFRAME_F(\n)(a0)
    beq t0, t1, 1f
    fmv.d.x f\n, t1
1:
    .endr
    frcsr t0
    lbu t1, SIGFRAME_FCSR(a0)
    beq t0, t1, 1f
    fscsr t1
1:  ret
    .option pop
