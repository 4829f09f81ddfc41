/* SPDX-License-Identifier: MIT */
/*
 * The foreign entry. The kernel has put away the pc, a7 and t0, where the thread's word is; everything else is
 * the program's. What C may clobber is saved on the program's own stack, the call is looked up by number, and
 * foreign_return takes the result back.
 */
#include <parley/calls.h>
#include <parley/personality.h>
#include "frame.h"

#define LINUX_CALLS 453

/* The process server leads a thread here when the process is to write a core file, and end (core.c). */
    .section .text.entry, "ax"
    .align 6
    .option push
    .option norelax /* what the linker makes shorter, it moves all that follows for */
core_entry:
    call core_dump
    ebreak
    .option pop
    .org core_entry + PERSONALITY_TRACED_RETURN
    ebreak /* a traced thread's system call ends here, and its program goes on elsewhere (servers/proc/ptrace_call.c) */
    .org core_entry + PERSONALITY_CORE_SIZE

/* Signal handlers return here: the unwinder and GDB know it by its two instructions. */
    .globl __vdso_rt_sigreturn
    .type __vdso_rt_sigreturn, @function
__vdso_rt_sigreturn:
    li a7, 139
    ecall
    .size __vdso_rt_sigreturn, . - __vdso_rt_sigreturn
    .org __vdso_rt_sigreturn + PERSONALITY_RETURN_SIZE

/* personality_copy(dst, src, n): see personality.h. A leaf, so that ra leads back after a fault. */
    .globl personality_copy
    .type personality_copy, @function
personality_copy:
    beqz a2, 3f
    or a3, a0, a1
    or a4, a3, a2
    add a2, a2, a1
    bltu a2, a1, 6f
    andi a3, a3, 7
    andi a4, a4, 1
    bnez a3, 4f
    addi a4, a2, -7
1:  bgeu a1, a4, 2f
    ld a3, 0(a1)
    sd a3, 0(a0)
    addi a1, a1, 8
    addi a0, a0, 8
    j 1b
4:  bnez a4, 2f
5:  bgeu a1, a2, 3f
    lh a3, 0(a1)
    sh a3, 0(a0)
    addi a1, a1, 2
    addi a0, a0, 2
    j 5b
2:  bgeu a1, a2, 3f
    lb a3, 0(a1)
    sb a3, 0(a0)
    addi a1, a1, 1
    addi a0, a0, 1
    j 2b
3:  li a0, 0
    ret
6:  lb a3, -1(zero) /* what goes beyond the last address is not there */
    .size personality_copy, . - personality_copy

/* Reads a byte of each page from a0 to a1, the last byte. */
    .globl personality_probe
    .hidden personality_probe
personality_probe:
    lui a4, 1
1:  lb a3, 0(a0)
    add a0, a0, a4
    bltu a0, a1, 1b
    lb a3, 0(a1)
    li a0, 0
    ret

/* Single values between a3 and the address in a0, which becomes 0, or -EFAULT in the same way. */
    .globl personality_load
    .hidden personality_load
personality_load:
    ld a3, 0(a0)
    li a0, 0
    ret
    .globl personality_store
    .hidden personality_store
personality_store:
    sd a3, 0(a0)
    li a0, 0
    ret
    .globl personality_load_halves
    .hidden personality_load_halves
personality_load_halves:
    lhu a3, 0(a0)
    lhu a4, 2(a0)
    lhu a5, 4(a0)
    slli a4, a4, 16
    slli a5, a5, 32
    or a3, a3, a4
    or a3, a3, a5
    li a0, 0
    ret
/* The word at a0, 4 bytes, becomes a4 if it is a3, in one; a3 becomes what it was. */
    .globl personality_exchange
    .hidden personality_exchange
personality_exchange:
    lr.w.aqrl a5, (a0)
    bne a5, a3, 1f
    sc.w.aqrl a6, a4, (a0)
    bnez a6, personality_exchange
1:  mv a3, a5
    li a0, 0
    ret
/*
 * A struct msgbuf at a0 with a text of a1 bytes, 8 to 64 and a multiple of 8: type in a2, text in the
 * registers of a message's text, of which the rest become 0. Each load or store is 4 bytes of code.
 */
    .option push
    .option norvc
    .globl personality_load_msgbuf
    .hidden personality_load_msgbuf
personality_load_msgbuf:
    ld a2, 0(a0)
    .globl personality_load_text /* the text alone, at a0 + 8 */
    .hidden personality_load_text
personality_load_text:
    li t6, 64
    bne a1, t6, 2f
1:  ld t5, 64(a0)
    ld t4, 56(a0)
    ld t3, 48(a0)
    ld t2, 40(a0)
    ld t0, 32(a0)
    ld a6, 24(a0)
    ld a5, 16(a0)
    ld a4, 8(a0)
3:  li a0, 0
    ret
2:  .irp r, t5,t4,t3,t2,t0,a6,a5,a4
    li \r, 0
    .endr
    lla t6, 3b
    srli a1, a1, 1
    sub t6, t6, a1
    jr t6
    .globl personality_store_msgbuf
    .hidden personality_store_msgbuf
personality_store_msgbuf:
    sd a2, 0(a0)
    .globl personality_store_text /* likewise */
    .hidden personality_store_text
personality_store_text:
    lla t6, 3f
    srli a1, a1, 1
    sub t6, t6, a1
    jr t6
    sd t5, 64(a0)
    sd t4, 56(a0)
    sd t3, 48(a0)
    sd t2, 40(a0)
    sd t0, 32(a0)
    sd a6, 24(a0)
    sd a5, 16(a0)
    sd a4, 8(a0)
3:  li a0, 0
    ret
    .option pop
    .org personality_copy + PERSONALITY_COPY_SIZE

/* What the frame holds of the caller's registers; a0 to a2 are the result's, or the call's. */
    .macro LOAD_RA_T
    ld ra, FRAME_RA(sp)
    ld t1, FRAME_T(1)(sp)
    ld t2, FRAME_T(2)(sp)
    ld t3, FRAME_T(3)(sp)
    ld t4, FRAME_T(4)(sp)
    ld t5, FRAME_T(5)(sp)
    ld t6, FRAME_T(6)(sp)
    .endm
    .macro LOAD_A3_A6_SP
    ld a3, FRAME_A(3)(sp)
    ld a4, FRAME_A(4)(sp)
    ld a5, FRAME_A(5)(sp)
    ld a6, FRAME_A(6)(sp)
    ld sp, FRAME_SP(sp)
    .endm

    .globl foreign_entry
    .type foreign_entry, @function
foreign_entry:
    addi sp, sp, -FRAME_SIZE
    sd t0, FRAME_WORD(sp)
    addi t0, sp, FRAME_SIZE
    sd ra, FRAME_RA(sp)
    sd t0, FRAME_SP(sp)
    sd t1, FRAME_T(1)(sp)
    sd t2, FRAME_T(2)(sp)
    sd t3, FRAME_T(3)(sp)
    sd t4, FRAME_T(4)(sp)
    sd t5, FRAME_T(5)(sp)
    sd t6, FRAME_T(6)(sp)
    sd a0, FRAME_A(0)(sp)
    sd a1, FRAME_A(1)(sp)
    sd a2, FRAME_A(2)(sp)
    sd a3, FRAME_A(3)(sp)
    sd a4, FRAME_A(4)(sp)
    sd a5, FRAME_A(5)(sp)
    sd a6, FRAME_A(6)(sp)
    sd a7, FRAME_A(7)(sp)
    li t0, LINUX_CALLS
    bgeu a7, t0, 1f
    lla t0, linux_table
    slli t1, a7, 2
    add t1, t1, t0
    lw t1, 0(t1)
    add t0, t0, t1
    mv a6, sp
    jalr t0
    .globl foreign_leave
    .hidden foreign_leave
foreign_leave:
    LOAD_RA_T
    ld a1, FRAME_A(1)(sp)
    ld a2, FRAME_A(2)(sp)
    LOAD_A3_A6_SP
    li a7, PK_FOREIGN_RETURN
    ecall
    j attention_of_call /* it came back */
1:  mv a6, sp
    call linux_unknown
    j foreign_leave
    .size foreign_entry, . - foreign_entry

/*
 * munmap(2) of the very stack that the caller is on, which is in the frame in a0: a thread's last act but one. All is in
 * registers before the memory goes. Of a1, the length, only whole pages are left: there is no register for the rest.
 */
    .globl unmap_own_stack
    .hidden unmap_own_stack
unmap_own_stack:
    mv sp, a0
    ld a2, FRAME_A(1)(sp)
    lui a1, 1
    addi a1, a1, -1
    add a2, a2, a1
    not a1, a1
    and a2, a2, a1
    ld a1, FRAME_A(0)(sp)
    ld t0, FRAME_A(2)(sp)
    LOAD_RA_T
    LOAD_A3_A6_SP
    li a0, 0 /* its own task */
    li a7, PK_UNMAP
    ecall
    mv a1, a2
    mv a2, t0
    li a7, PK_FOREIGN_RETURN
    ecall
    li t0, 0 /* it came back: a signal, which the process server attends to, without this stack */
    li a7, PK_FOREIGN_ATTENTION
    ecall
    ebreak
    .size unmap_own_stack, . - unmap_own_stack

    .text
    .globl __vdso_flush_icache
    .type __vdso_flush_icache, @function
__vdso_flush_icache:
    li a0, PK_SYNC_OWN
    li a7, PK_SYNC_CODE
    ecall
    ret
    .size __vdso_flush_icache, . - __vdso_flush_icache

/*
 * The table: for each number the distance of its function from the table's start, so that no
 * relocation is needed. calls.inc lists CALL number, function, bits of its arguments of 32 bits: what the program
 * has in the upper half of their registers is nothing to Linux, but C expects their sign there.
 */
    .macro CALL number, function, halves=0
    .set known_\number, 1
    .if \halves
    .text
halves_\number:
    .irp i, 0, 1, 2, 3, 4, 5
    .if \halves >> \i & 1
    sext.w a\i, a\i
    .endif
    .endr
    j \function
    .macro word_\number
    .word halves_\number - linux_table
    .endm
    .else
    .macro word_\number
    .word \function - linux_table
    .endm
    .endif
    .endm
#include "calls.inc"

    .altmacro
    .macro ENTRY number
    .ifdef known_\number
    word_\number
    .else
    .word linux_unknown - linux_table
    .endif
    .endm

    .section .rodata
    .align 2
linux_table:
    .set number, 0
    .rept LINUX_CALLS
    ENTRY %number
    .set number, number + 1
    .endr
