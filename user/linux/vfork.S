/* SPDX-License-Identifier: MIT */
/*
 * vfork(2): the child runs in the parent's memory, and on its stack, until it calls exec or exits, while the parent
 * waits in its call. What the personality has on that stack below the program's part is the child's to overwrite,
 * so the parent's is put away before the call and put back behind it, without the stack.
 *
 * struct vfork_result personality_vfork(flags, label, program's stack pointer, where a pidfd goes, mask): proc's fork message.
 */
#include <parley/calls.h>
#include <parley/personality.h>

    .globl personality_vfork
    .hidden personality_vfork
    .type personality_vfork, @function
personality_vfork:
    lla t0, vfork_saved
    sd a2, 0(t0)
    mv t1, sp
1:  bgeu t1, a2, 2f
    addi t0, t0, 8
    ld t2, 0(t1)
    sd t2, 0(t0)
    addi t1, t1, 8
    j 1b
2:  mv a2, a0
    mv a5, a3
    mv a6, a4
    li a3, 0
    li a0, PK_SLOT_PROC
    .irp r, a4,t1,t2,t3,t4,t5
    li \r, 0
    .endr
    li a7, PK_CALL
    ecall
    beqz a0, 4f /* the child: all is as it was */
    lla t0, vfork_saved
    ld a3, 0(t0)
    mv t1, sp
3:  bgeu t1, a3, 4f
    addi t0, t0, 8
    ld t2, 0(t0)
    sd t2, 0(t1)
    addi t1, t1, 8
    j 3b
4:  mv a1, a2
    ret
    .size personality_vfork, . - personality_vfork

    .bss
    .align 3
vfork_saved:
    .space 8 + PERSONALITY_VFORK_MOST
