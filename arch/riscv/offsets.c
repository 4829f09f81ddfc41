/* SPDX-License-Identifier: MIT */
/*
 * Where entry.S and fast.S find the kernel's data, and what else they must agree on with C: compiled to
 * assembly, of which tools/mkoffsets makes their offsets.h.
 */
#include <cap/cap.h>
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <mm/aspace.h>
#include <sched/hart.h>
#include <stddef.h>
#include <task/task.h>
#include <task/thread.h>

#define DEFINE(name, value) __asm__ volatile("\n->" #name " %0" : : "i"(value))
#define OFFSET(name, type, member) DEFINE(name, offsetof(type, member))

void offsets(void);

void offsets(void) {
    OFFSET(HART_CURRENT, struct hart, current);
    OFFSET(HART_STACK, struct hart, kernel_stack);
    OFFSET(HART_SCRATCH, struct hart, scratch);
    OFFSET(HART_PAYER, struct hart, payer);
    OFFSET(HART_ASPACE, struct hart, aspace);
    OFFSET(HART_HOME_TAG, struct hart, home_tag);
    OFFSET(HART_TOP, struct hart, queue.top);
    OFFSET(HART_FP_ON, struct hart, fp_on);
    OFFSET(HART_RECONSIDER, struct hart, reconsider);
    OFFSET(HART_SPECIAL, struct hart, special);
    OFFSET(HART_HANDOFF, struct hart, handoff);
    OFFSET(HART_SLICE_OVER, struct hart, slice_over);
    OFFSET(HART_YIELDS, struct hart, yields);
    OFFSET(HART_SWITCHED_AT, struct hart, switched_at);
    OFFSET(HART_TIMERS_NEXT, struct hart, timers.next);
    OFFSET(HART_SLICE_END, struct hart, slice_end);
    OFFSET(HART_TIMER_AT, struct hart, timer_at);
    OFFSET(HART_LATENCY, struct hart, latency);

    OFFSET(REGS_STATUS, struct thread, regs.status);
    OFFSET(THREAD_CONDITION, struct thread, condition);
    OFFSET(THREAD_BASE_PRIORITY, struct thread, base_priority);
    OFFSET(THREAD_TASK, struct thread, task);
    OFFSET(THREAD_WORD, struct thread, word);
    OFFSET(THREAD_HART, struct thread, hart);
    OFFSET(THREAD_PRIORITY, struct thread, sched.priority);
    OFFSET(THREAD_ATTENTION, struct thread, attention);
    OFFSET(THREAD_ENDPOINT, struct thread, call.endpoint);
    OFFSET(THREAD_BADGE, struct thread, call.badge);
    OFFSET(THREAD_TOKEN, struct thread, call.token);
    OFFSET(THREAD_SERVER, struct thread, call.server);
    OFFSET(THREAD_PROGRESS, struct thread, progress);
    OFFSET(THREAD_SERVED_LINK, struct thread, call.served);
    OFFSET(THREAD_CANCELLED, struct thread, call.cancelled);
    OFFSET(THREAD_NOTICE, struct thread, call.notice);
    OFFSET(THREAD_EXCEPTION, struct thread, call.exception);
    OFFSET(THREAD_LENT_TO, struct thread, call.lent_to);
    OFFSET(THREAD_SCHED, struct thread, sched);
    OFFSET(THREAD_RUN_NS, struct thread, sched.run_ns);
    OFFSET(THREAD_QUEUED, struct thread, sched.queued);
    OFFSET(THREAD_SHARE_QUEUE, struct thread, sched.share.queue);
    OFFSET(THREAD_SHARE_REASON, struct thread, sched.share.reason);
    OFFSET(FOREIGN_INSIDE, struct thread, foreign.inside);
    OFFSET(FOREIGN_PC, struct thread, foreign.pc);
    OFFSET(FOREIGN_NUMBER, struct thread, foreign.call_number);
    OFFSET(FOREIGN_SCRATCH, struct thread, foreign.scratch);
    OFFSET(FOREIGN_FIRST, struct thread, foreign.first_argument);

    OFFSET(TASK_SERVED, struct task, served);
    OFFSET(TASK_ASPACE, struct task, aspace);
    OFFSET(TASK_CAPS, struct task, caps.first);
    OFFSET(TASK_FOREIGN_ENTRY, struct task, foreign_entry);
    OFFSET(TASK_IN_HAND, struct task, in_hand);

    OFFSET(ASPACE_ACTIVATION, struct aspace, activation);
    OFFSET(ASPACE_HOME, struct aspace, home);

    OFFSET(CAP_OBJECT, struct cap, object);
    OFFSET(CAP_BADGE, struct cap, badge);
    OFFSET(CAP_KIND, struct cap, kind);

    OFFSET(ENDPOINT_REFS, struct endpoint, kobject.refs);
    OFFSET(ENDPOINT_WAITING, struct endpoint, waiting);
    OFFSET(ENDPOINT_SERVER, struct endpoint, server);
    OFFSET(ENDPOINT_PENDING, struct endpoint, pending);

    OFFSET(SHARE_LONE, struct share_queue, lone);
    OFFSET(SHARE_COUNT, struct share_queue, count);
    DEFINE(SHARE_WOKEN, SHARE_WOKEN);
    DEFINE(SHARE_TICK_NS, SHARE_TICK_NS);
    OFFSET(MACHINE_TICK_NS, struct arch_machine, tick_ns);
    OFFSET(MACHINE_TICK_FRACTION, struct arch_machine, tick_fraction);

    DEFINE(IDS_SHIFT, __builtin_ctzl(THREAD_IDS_PER_PAGE));
    DEFINE(ID_PAGES, THREAD_ID_PAGES);

    DEFINE(CAP_SIZE_SHIFT, __builtin_ctzl(sizeof(struct cap)));
    DEFINE(CAP_SLOTS_FIRST, CAP_FIRST);           /* slots below this are in the first array */
    DEFINE(KIND_MASK, cap_kind(CAP_ANY_TYPE, 0)); /* the type in a capability's kind */
    DEFINE(KIND_ENDPOINT, cap_kind(PK_TYPE_ENDPOINT, 0));
    DEFINE(TOKEN_BITS, TOKEN_BITS);
    /* A thread that nothing but its state keeps from running, and more than that: attention is wanted. */
    DEFINE(CONDITION_READY, THREAD_READY);
    DEFINE(CONDITION_SERVED, THREAD_SERVED);
    DEFINE(CONDITION_RECEIVING, THREAD_RECEIVING);
    DEFINE(CONDITION_ATTENTION,
           1 << 8 * (offsetof(struct thread, attention) - offsetof(struct thread, condition)));
}

_Static_assert(offsetof(struct thread, regs) == 0, "entry.S: registers first");
_Static_assert(offsetof(struct hart, latency) + sizeof(struct latency) == sizeof(struct hart),
               "offsets.c: without PARLEY_LATENCY the others are where they are with it");
_Static_assert(THREAD_RUNNING == 0, "fast.S: a condition of 0 goes on");
_Static_assert((sizeof(struct cap) & (sizeof(struct cap) - 1)) == 0, "fast.S: shifts");
