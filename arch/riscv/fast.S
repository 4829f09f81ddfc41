/* SPDX-License-Identifier: MIT */
/*
 * The fast path: trap entry, foreign calls, the call and reply_receive that find their partner
 * waiting on this hart, and, with one hart, the reply that wakes somebody who waits. Whatever is not simple goes the general way (entry.S), which specifies what
 * happens; nothing has been changed then.
 *
 * sscratch holds the hart's struct while in user mode and 0 in the kernel, but for this file, which
 * cannot trap. Interrupts are off inside.
 *
 * What makes it fast: message words stay in their registers; what the stubs declare clobbered is not
 * saved; the partner runs at once, in the caller's time and without the scheduler, which is right as
 * long as no ready thread is more urgent than it (the end of its quantum is watched already); the
 * FPU is off, or on and clean (fp_on) and turned off; and an address space at home needs its satp written, no more.
 *
 * Built twice: with one hart there is nobody to lock out.
 */
#include "csr.h"
#include "offsets.h"
#include "registers.inc"
#include <calls.h>
#include <entry.h>
#include <parley/calls.h>
#include <parley/errno.h>

/* Saves the rest of t0's callee-saved registers but pc and tp; s0-s5 are saved. */
    .macro SAVE_CALLEE
    REGS_POINTERS sd, t0
    REGS_S6_S11 sd, t0
    .endm

/* tp is the hart, t0 is saved: what latency.c wants to know of a trap. */
    .macro STAMP
#ifdef PARLEY_LATENCY
    csrr t0, sepc
    sd t0, (HART_LATENCY + 8)(tp)
    sd a7, (HART_LATENCY + 16)(tp)
    sd zero, (HART_LATENCY + 24)(tp)
    csrr t0, instret
    sd t0, HART_LATENCY(tp)
#endif
    .endm

/* As kernel_lock(), but it does not wait. */
    .macro LOCK smp, taken
    .if \smp
    lla s5, kernel_lock_word
    li t6, KERNEL_LOCK_TAKEN
    amoor.w.aq t6, t6, (s5)
    beqz t6, .Llocked\@
    addi t6, t6, -KERNEL_LOCK_DOOR
    bnez t6, \taken
    li t6, ~KERNEL_LOCK_TAKEN
    amoand.w zero, t6, (s5)
    j \taken
.Llocked\@:
    .endif
    .endm

/* s5 is free. */
    .macro UNLOCK smp
    .if \smp
    lla t6, kernel_lock_word
    li s5, ~KERNEL_LOCK_TAKEN
    amoand.w.rl zero, s5, (t6)
    .endif
    .endm

/* s3 runs from now on, in the address space s4, instead of t0; the message is in place but for t0. */
    .macro RESUME smp
    sb zero, THREAD_CONDITION(s3) /* its state alone: attention stays */
    sd s3, HART_CURRENT(tp)
    .if \smp
    sd tp, THREAD_HART(s3)
    .endif
    sd s4, HART_ASPACE(tp)
    ld t6, ASPACE_ACTIVATION(s4)
    csrw satp, t6
    ld t6, X(0)(s3)
    csrrw t6, sepc, t6
    addi t6, t6, 4
    sd t6, X(0)(t0)
    csrrw t6, sscratch, tp
    sd t6, X(4)(t0)
    UNLOCK \smp
    REGS_POINTERS ld, s3
    REGS_S6_S11 ld, s3
    ld s0, X(8)(s3)
    ld s1, X(9)(s3)
    ld s2, X(18)(s3)
    ld s4, X(20)(s3)
    ld s5, X(21)(s3)
    ld t0, HART_SCRATCH(tp)
    ld tp, X(4)(s3)
    ld s3, X(19)(s3)
    li t6, 0
    sret
    .endm

/*
 * Slow if the thread \partner, of priority a7, cannot be switched to just like that. s4: its
 * aspace. In another condition than \state it is for \other, which may come back to 4.
 */
    .macro CHECK_SWITCH partner, state, slow, other
    lw t6, THREAD_CONDITION(\partner)
    addi t6, t6, -\state
    bnez t6, \other
4:  lbu t6, HART_FP_ON(tp)
    beqz t6, 3f
    csrr t6, sstatus
    srli t6, t6, SSTATUS_FS_SHIFT
    andi t6, t6, 3
    addi t6, t6, -3
    beqz t6, \slow /* dirty: to be saved */
    li s5, 3 << SSTATUS_FS_SHIFT
    csrc sstatus, s5
    sb zero, HART_FP_ON(tp)
    ld t6, REGS_STATUS(t0) /* off until it is used again, also if t0 goes on the general way */
    not s5, s5
    and t6, t6, s5
    sd t6, REGS_STATUS(t0)
3:  lbu t6, HART_TOP(tp)
    bltu a7, t6, \slow /* somebody more urgent is ready */
    ld t6, ASPACE_HOME(s4)
    ld s5, HART_HOME_TAG(tp)
    bne t6, s5, \slow
    .endm

/*
 * With one hart: t0, which is saved, has blocked, and the one thread that is ready shares by a policy and runs from now on, as
 * switch_simply() has it. Slow, with nothing changed, if it is not that simple. Its registers are to be loaded.
 */
    .macro RUN_LONE slow
    lla s2, share_all
    ld s3, SHARE_LONE(s2)
    beqz s3, \slow
    lla t6, kobject_work
    ld t6, 0(t6)
    addi s3, s3, -THREAD_SCHED
    lw s5, HART_SPECIAL(tp)
    or t6, t6, s5
    ld s5, HART_HANDOFF(tp)
    or t6, t6, s5
    lbu s5, HART_TOP(tp)
    or t6, t6, s5
    lbu s5, HART_SLICE_OVER(tp)
    or t6, t6, s5
    lw s5, THREAD_CONDITION(s3)
    addi s5, s5, -CONDITION_READY
    or t6, t6, s5
    bnez t6, \slow
    ld t6, REGS_STATUS(s3)
    srli t6, t6, SSTATUS_FS_SHIFT
    andi t6, t6, 3
    bnez t6, \slow /* it uses the FPU */
    ld s4, THREAD_TASK(s3)
    ld s4, TASK_ASPACE(s4)
    ld t6, ASPACE_HOME(s4)
    ld s5, HART_HOME_TAG(tp)
    bne t6, s5, \slow
    ld t6, HART_TIMERS_NEXT(tp)
    ld s5, HART_TIMER_AT(tp)
    bltu t6, s5, \slow /* t0, or whoever it answered, waits for a time */
    sd zero, SHARE_LONE(s2)
    sd zero, SHARE_COUNT(s2)
    sd zero, THREAD_SHARE_QUEUE(s3)
    sb zero, THREAD_QUEUED(s3)
    lla s2, machine
    rdtime s5 /* arch_time_ns() */
    ld t6, MACHINE_TICK_NS(s2)
    ld s2, MACHINE_TICK_FRACTION(s2)
    mul t6, t6, s5
    mulhu s5, s2, s5
    add s5, s5, t6
    li t6, SHARE_TICK_NS
    add t6, t6, s5
    sd t6, HART_SLICE_END(tp)
    sb zero, HART_RECONSIDER(tp)
    sb zero, HART_YIELDS(tp)
    ld s2, HART_PAYER(tp)
    ld t6, HART_SWITCHED_AT(tp)
    sub t6, s5, t6
    ld s0, THREAD_RUN_NS(s2)
    add t6, t6, s0
    sd t6, THREAD_RUN_NS(s2)
    sd s5, HART_SWITCHED_AT(tp)
    sd s3, HART_CURRENT(tp)
    sd s3, HART_PAYER(tp)
    sd s4, HART_ASPACE(tp)
    ld t6, ASPACE_ACTIVATION(s4)
    csrw satp, t6
    sd tp, THREAD_HART(s3)
    sb zero, THREAD_CONDITION(s3)
    mv t0, s3
    .endm

/* s1, s2: the capability in that slot of the task s0, and its endpoint; slow without the right. */
    .macro FIND_ENDPOINT slot, right, slow
    li t6, CAP_SLOTS_FIRST
    bgeu \slot, t6, \slow
    ld s1, TASK_CAPS(s0)
    slli t6, \slot, CAP_SIZE_SHIFT
    add s1, s1, t6
    lw t6, CAP_KIND(s1)
    andi t6, t6, KIND_MASK | \right
    xori t6, t6, KIND_ENDPOINT | \right
    bnez t6, \slow
    ld s2, CAP_OBJECT(s1)
    .endm

/* s2: the endpoint in slot t1, where t0 was the last to receive; slow if it may not, or if it would
 * not have to wait there. */
    .macro FIND_QUIET_ENDPOINT slow
    FIND_ENDPOINT t1, PK_RIGHT_RECEIVE, \slow
    ld t6, ENDPOINT_SERVER(s2)
    bne t6, t0, \slow
    lbu t6, ENDPOINT_PENDING(s2)
    bnez t6, \slow
    ld t6, ENDPOINT_WAITING(s2)
    bnez t6, \slow
    .endm

/*
 * A kernel call that is not fast: t0 is the current thread, the program's t0 is in the hart's
 * scratch, everything else is the program's. The callee-saved registers are left to C, which gives
 * them back if the thread goes on; they are saved when it turns out that it does not. C's side of
 * this is kernel_call(): here stands what of it most calls need.
 */
    .macro OWN_CALL name, smp
    .globl \name
\name:
    REGS_POINTERS sd, t0
    REGS_CALLER_SAVED sd, t0
    ld t1, HART_SCRATCH(tp)
    sd t1, 40(t0)
    csrrw t1, sscratch, zero
    sd t1, 32(t0)
    csrr t1, sepc
    addi t1, t1, 4
    sd t1, 0(t0)
    ld sp, HART_STACK(tp)
    .if \smp
    lla t1, kernel_lock_word
    li t2, KERNEL_LOCK_TAKEN
    amoor.w.aq t2, t2, (t1)
    beqz t2, 4f
    mv a0, t2
    call kernel_lock_refused
    ld t0, HART_CURRENT(tp)
    ld a7, X(17)(t0)
4:
    .endif
    li t1, -PK_CALLS
    bltu a7, t1, 7f
    lla t1, kernel_call_table
    slli a7, a7, 3
    sub t1, t1, a7
    ld t1, 0(t1)
    mv a0, t0
    addi a1, t0, 80
    jalr t1
    ld t0, HART_CURRENT(tp)
    li t1, CALL_DONE
    beq a0, t1, 6f
5:  sd a0, 80(t0)
    sd zero, THREAD_PROGRESS(t0) /* a call that was to go on may have failed before it could */
6:  lw t1, THREAD_CONDITION(t0)
    lbu t2, HART_RECONSIDER(tp)
    or t1, t1, t2
    bnez t1, own_call_ended
#ifdef PARLEY_LATENCY
    call latency_leave
    ld t0, HART_CURRENT(tp)
#endif
    .if \smp
    lla t1, kernel_lock_word
    li t2, ~KERNEL_LOCK_TAKEN
    amoand.w.rl zero, t2, (t1)
    .endif
    ld t1, 0(t0)
    csrw sepc, t1
    csrw sscratch, tp
    REGS_POINTERS ld, t0
    REGS_CALLER_SAVED ld, t0
    ld tp, 32(t0)
    ld t0, 40(t0)
    sret
7:  li a0, -ENOSYS
    j 5b
    .endm

    .macro TRAP_ENTRY name, smp
    .section .text.fast, "ax"
    .align 6
    .globl \name
\name:
    csrrw tp, sscratch, tp
    beqz tp, 9f
    sd t0, HART_SCRATCH(tp)
    STAMP
    csrr t0, scause
    addi t0, t0, -CAUSE_ECALL_USER
    bnez t0, 9f
    bgez a7, fast_foreign_call
    addi t0, a7, -PK_CALL
    beqz t0, fast_call_\smp
    addi t0, a7, -PK_REPLY_RECEIVE
    beqz t0, fast_reply_receive_\smp
    addi t0, a7, -PK_FOREIGN_RETURN
    beqz t0, 1f
    .if !\smp
    addi t0, a7, -PK_REPLY
    beqz t0, fast_reply
    .endif
    ld t0, HART_CURRENT(tp)
    OWN_CALL own_call_\smp, \smp
9:  j trap_general
1:  j fast_foreign_return_\smp
/* call: a0 endpoint, a1 label, a2-a6, (in scratch) t0 and t2-t5 words, t1 a buffer. a7 and t6 are free. */
fast_call_\smp:
    ld t0, HART_CURRENT(tp)
    REGS_S0_S5 sd, t0
    LOCK \smp, 7f
    srli t6, a1, 16 /* no capabilities, nothing reserved */
    bnez t6, 8f
    ld s0, THREAD_TASK(t0)
    FIND_ENDPOINT a0, PK_RIGHT_USE, 8f
    ld s3, ENDPOINT_WAITING(s2)
    beqz s3, 8f
    ld s0, THREAD_TASK(s3)
    ld t6, TASK_IN_HAND(s0)
    bnez t6, 8f
    lw t6, THREAD_CONDITION(t0)
    bnez t6, 8f
    lbu t6, THREAD_PRIORITY(t0)
    lbu a7, THREAD_PRIORITY(s3)
    bltu a7, t6, 8f /* it would have to be raised */
    ld s4, TASK_ASPACE(s0)
    CHECK_SWITCH s3, CONDITION_RECEIVING, 8f, 8f
    ld t6, THREAD_TOKEN(t0)
    lui a7, 0x100
    add t6, t6, a7
    srli a7, t6, TOKEN_BITS
    bnez a7, 8f
    mv a0, t6
    sd t6, THREAD_TOKEN(t0)
    sd s2, THREAD_ENDPOINT(t0)
    ld s1, CAP_BADGE(s1)
    sd s1, THREAD_BADGE(t0)
    lw t6, ENDPOINT_REFS(s2)
    addi t6, t6, 1
    sw t6, ENDPOINT_REFS(s2)
    sd zero, ENDPOINT_WAITING(s2)
    sd s0, THREAD_SERVER(t0)
    sd t0, TASK_IN_HAND(s0)
    li t6, CONDITION_SERVED
    sw t6, THREAD_CONDITION(t0)
    sd t1, X(6)(t0)
    sd t2, X(7)(t0)
    sd t3, X(28)(t0)
    sd t4, X(29)(t0)
    SAVE_CALLEE
    mv t1, s1
    RESUME \smp
8:  UNLOCK \smp
7:  li a7, PK_CALL
    j restore_own_call

/* reply_receive: a0 token, a1 result, a2-a6, (in scratch) t0 and t2-t5 words, t1 endpoint. */
fast_reply_receive_\smp:
    ld t0, HART_CURRENT(tp)
    REGS_S0_S5 sd, t0
    LOCK \smp, 7f
    ld s0, THREAD_TASK(t0)
    ld s3, TASK_IN_HAND(s0)
    FIND_QUIET_ENDPOINT 8f
    beqz s3, 5f
    ld t6, THREAD_TOKEN(s3)
    bne t6, a0, 5f /* or capabilities are named in it */
    ld t6, HART_PAYER(tp)
    bne t6, s3, 8f
    ld t6, THREAD_ENDPOINT(s3)
    bne t6, s2, 8f
    lbu a7, THREAD_PRIORITY(s3)
    ld s4, THREAD_TASK(s3)
    ld s4, TASK_ASPACE(s4)
    CHECK_SWITCH s3, CONDITION_SERVED, 8f, 6f
    sd zero, TASK_IN_HAND(s0)
    sb zero, THREAD_CANCELLED(s3)
    lw t6, ENDPOINT_REFS(s2) /* not the last: the server's capability holds it */
    addi t6, t6, -1
    sw t6, ENDPOINT_REFS(s2)
    sd t0, ENDPOINT_WAITING(s2)
    lbu t6, THREAD_BASE_PRIORITY(t0)
    sb t6, THREAD_PRIORITY(t0)
    li t6, CONDITION_RECEIVING
    sb t6, THREAD_CONDITION(t0)
    SAVE_CALLEE
    mv a0, a1
    li a1, 0
    li t1, 0
    li a7, 0
    RESUME \smp

/* Nobody to answer: the call in hand, if any, stays unanswered and the server waits. */
5:  bnez a0, 8f
    beqz s3, 2f
    lbu t6, THREAD_ATTENTION(s3)
    bnez t6, 8f /* it may have to be cancelled now */
    ld t6, (TASK_SERVED + 8)(s0)
    addi s3, s3, THREAD_SERVED_LINK
    sd t6, 8(s3)
    sd s3, 0(t6)
    addi t6, s0, TASK_SERVED
    sd t6, 0(s3)
    sd s3, 8(t6)
    sd zero, TASK_IN_HAND(s0)
2:  sd t0, ENDPOINT_WAITING(s2)
    lbu t6, THREAD_BASE_PRIORITY(t0)
    sb t6, THREAD_PRIORITY(t0)
    li t6, CONDITION_RECEIVING
    sb t6, THREAD_CONDITION(t0)
    SAVE_CALLEE
    csrrw t6, sscratch, tp
    sd t6, X(4)(t0)
    csrr t6, sepc
    addi t6, t6, 4
    sd t6, X(0)(t0)
    .if !\smp
    RUN_LONE 3f
    j restore_all
    .endif
3:  csrw sscratch, zero
    ld sp, HART_STACK(tp)
    j own_call_leave

6:  li s5, CONDITION_ATTENTION /* inside a foreign call it keeps nobody from going on */
    bne t6, s5, 8f
    lbu t6, FOREIGN_INSIDE(s3)
    bnez t6, 4b
8:  UNLOCK \smp
7:  li a7, PK_REPLY_RECEIVE
    j restore_own_call

/* The order of store and load against thread_attention's decides who sees whom. */
fast_foreign_return_\smp:
    ld t0, HART_CURRENT(tp)
    lbu a7, FOREIGN_INSIDE(t0)
    beqz a7, 8f
    sb zero, FOREIGN_INSIDE(t0)
    fence rw, rw
    lbu a7, THREAD_ATTENTION(t0)
    bnez a7, 7f
    ld a7, FOREIGN_PC(t0)
    csrw sepc, a7
    ld a7, FOREIGN_NUMBER(t0)
    ld t0, FOREIGN_SCRATCH(t0)
    csrrw tp, sscratch, tp
    sret
7:  li a7, 1 /* attention: back behind the call, inside, the mark cleared */
    sb a7, FOREIGN_INSIDE(t0)
    fence rw, rw
    sb zero, THREAD_ATTENTION(t0)
    csrr a7, sepc
    addi a7, a7, 4
    csrw sepc, a7
    ld t0, THREAD_WORD(t0)
    li a7, PK_FOREIGN_RETURN
    csrrw tp, sscratch, tp
    sret
8:  li a7, PK_FOREIGN_RETURN
    j own_call_\smp
    .endm

    TRAP_ENTRY trap_entry, 0
    TRAP_ENTRY trap_entry_smp, 1

/* Everything the general way: for comparison (`path=general` on the kernel's command line). */
    .align 6
    .globl trap_entry_general
trap_entry_general:
    csrrw tp, sscratch, tp
    beqz tp, 1f
    sd t0, HART_SCRATCH(tp)
    STAMP
1:  j trap_general

/* t0 and a7 are as own_call wants them; s0-s5 were used. From here on a lock does no harm. */
restore_own_call:
    REGS_S0_S5 ld, t0
    li t6, 0
    j own_call_1

/*
 * reply, with one hart: a0 token, a1 result, a2-a6, (in scratch) t0 and t2-t5 words. a7 and t6 are free. The server
 * goes on, and whoever is answered waits for its turn: by the policy, and alone. See sys_reply() and sched_ready().
 */
fast_reply:
    ld t0, HART_CURRENT(tp)
    REGS_S0_S3 sd, t0
    srli s0, a0, IDS_SHIFT /* the thread of the token: thread_by_id() */
    andi s0, s0, ID_PAGES - 1
    slli s0, s0, 3
    lla s1, thread_id_pages
    add s0, s0, s1
    ld s0, 0(s0)
    beqz s0, 8f
    andi s1, a0, (1 << IDS_SHIFT) - 1
    slli s1, s1, 3
    add s0, s0, s1
    ld s3, 0(s0)
    beqz s3, 8f
    andi t6, s3, 1
    bnez t6, 8f
    lw t6, THREAD_CONDITION(s3)
    addi t6, t6, -CONDITION_SERVED
    bnez t6, 8f
    ld t6, THREAD_TOKEN(s3)
    bne t6, a0, 8f /* or capabilities are named in it */
    ld s0, THREAD_TASK(t0)
    ld t6, THREAD_SERVER(s3)
    bne t6, s0, 8f
    ld t6, TASK_IN_HAND(s0)
    beq t6, s3, 8f
    ld t6, THREAD_EXCEPTION(s3)
    ld s0, THREAD_LENT_TO(s3)
    lbu s1, THREAD_PRIORITY(s3)
    or t6, t6, s0
    or t6, t6, s1
    bnez t6, 8f
    addi s0, s3, THREAD_NOTICE
    ld t6, 0(s0)
    bne t6, s0, 8f
    lla s2, share_all
    ld t6, SHARE_COUNT(s2)
    bnez t6, 8f
    ld t6, HART_TIMER_AT(tp)
    ld s0, HART_SLICE_END(tp)
    bltu s0, t6, 8f /* the timer must be set, for somebody waits now */
    ld a7, THREAD_ENDPOINT(s3)
    lw t6, ENDPOINT_REFS(a7)
    addiw t6, t6, -1
    beqz t6, 8f
    sw t6, ENDPOINT_REFS(a7) /* call_finish() */
    addi a7, s3, THREAD_SERVED_LINK
    ld s0, 0(a7)
    ld s1, 8(a7)
    sd s0, 0(s1)
    sd s1, 8(s0)
    sd a7, 0(a7)
    sd a7, 8(a7)
    sd zero, THREAD_SERVER(s3)
    sd zero, THREAD_ENDPOINT(s3)
    sb zero, THREAD_CANCELLED(s3)
    sd a1, X(10)(s3)
    sd zero, X(11)(s3)
    .irp n, 2,3,4,5,6
    sd a\n, X(10 + \n)(s3)
    .endr
    ld t6, HART_SCRATCH(tp)
    sd t6, X(5)(s3)
    sd t2, X(7)(s3)
    sd t3, X(28)(s3)
    sd t4, X(29)(s3)
    sd t5, X(30)(s3)
    li t6, CONDITION_READY /* share_put_lone() */
    sw t6, THREAD_CONDITION(s3)
    sd tp, THREAD_HART(s3)
    li t6, SHARE_WOKEN
    sb t6, THREAD_SHARE_REASON(s3)
    sd s2, THREAD_SHARE_QUEUE(s3)
    li t6, 1
    sb t6, THREAD_QUEUED(s3)
    addi s0, s3, THREAD_SCHED
    sd s0, SHARE_LONE(s2)
    sd t6, SHARE_COUNT(s2)
    REGS_S0_S3 ld, t0
    csrr t0, sepc
    addi t0, t0, 4
    csrw sepc, t0
    li a0, 0
    li t0, 0
    li a7, 0
    li t6, 0
    csrrw tp, sscratch, tp
    sret
8:  REGS_S0_S3 ld, t0
    li t6, 0
    li a7, PK_REPLY
    j own_call_0

/*
 * A foreign call: on with the task's foreign entry, where t0 is the thread's word; the kernel keeps t0 and a7.
 * Nothing here is anybody else's business, so no lock.
 */
fast_foreign_call:
    ld t0, HART_CURRENT(tp)
    sd a7, (HART_SCRATCH + 8)(tp)
    lbu a7, FOREIGN_INSIDE(t0)
    bnez a7, 1f
    ld a7, THREAD_TASK(t0)
    ld a7, TASK_FOREIGN_ENTRY(a7)
    beqz a7, 1f
    csrrw a7, sepc, a7
    addi a7, a7, 4
    sd a7, FOREIGN_PC(t0)
    sd a0, FOREIGN_FIRST(t0)
    li a7, 1
    sb a7, FOREIGN_INSIDE(t0)
    ld a7, HART_SCRATCH(tp)
    sd a7, FOREIGN_SCRATCH(t0)
    ld a7, (HART_SCRATCH + 8)(tp)
    sd a7, FOREIGN_NUMBER(t0)
    csrrw tp, sscratch, tp
    ld t0, THREAD_WORD(t0)
    sret
1:  ld a7, (HART_SCRATCH + 8)(tp)
    j trap_general
