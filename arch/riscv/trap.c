/* SPDX-License-Identifier: MIT */
/*
 * Traps from user mode, sorted to the kernel's entry points, and traps from the kernel itself,
 * which are bugs. One kernel lock is held from entry to return.
 */
#include "csr.h"
#include "offsets.h"
#include "plic.h"
#include <arch/hart.h>
#include <arch/machine.h>
#include <arch/thread.h>
#include <cap/cap.h>
#include <entry.h>
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <lib/lib.h>
#include <mm/aspace.h>
#include <sched/hart.h>
#include <task/task.h>
#include <task/thread.h>

#define SAME(name, type, member)                                                                   \
    _Static_assert((name) == offsetof(type, member), "offsets.h: " #name)
SAME(HART_CURRENT, struct hart, current);
SAME(HART_STACK, struct hart, kernel_stack);
SAME(HART_SCRATCH, struct hart, scratch);
SAME(HART_PAYER, struct hart, payer);
SAME(HART_ASPACE, struct hart, aspace);
SAME(HART_HOME_TAG, struct hart, home_tag);
SAME(HART_LEVELS, struct hart, queue.levels);
SAME(HART_TOP, struct hart, queue.top);
SAME(HART_LISTS, struct hart, queue.lists);
SAME(HART_SLICE_END, struct hart, slice_end);
SAME(HART_TIMER_AT, struct hart, timer_at);
SAME(HART_FP_ON, struct hart, fp_on);
SAME(HART_RECONSIDER, struct hart, reconsider);
#ifdef PARLEY_LATENCY
SAME(HART_LATENCY, struct hart, latency);
#endif
SAME(REGS_STATUS, struct thread, regs.status);
SAME(THREAD_CONDITION, struct thread, condition);
SAME(THREAD_BASE_PRIORITY, struct thread, base_priority);
SAME(THREAD_TASK, struct thread, task);
SAME(THREAD_HART, struct thread, hart);
SAME(THREAD_PRIORITY, struct thread, sched.priority);
SAME(THREAD_ATTENTION, struct thread, attention);
SAME(THREAD_ENDPOINT, struct thread, call.endpoint);
SAME(THREAD_BADGE, struct thread, call.badge);
SAME(THREAD_TOKEN, struct thread, call.token);
SAME(THREAD_SERVER, struct thread, call.server);
SAME(THREAD_PROGRESS, struct thread, progress);
SAME(THREAD_SCHED, struct thread, sched.link);
SAME(THREAD_IN_QUEUE, struct thread, sched.queued);
SAME(THREAD_EXCEPTION, struct thread, call.exception);
SAME(THREAD_SERVED_LINK, struct thread, call.served);
SAME(TASK_SERVED, struct task, served);
SAME(THREAD_CANCELLED, struct thread, call.cancelled);
SAME(FOREIGN_INSIDE, struct thread, foreign.inside);
SAME(FOREIGN_PC, struct thread, foreign.pc);
SAME(FOREIGN_NUMBER, struct thread, foreign.call_number);
SAME(FOREIGN_SCRATCH, struct thread, foreign.scratch);
SAME(FOREIGN_FIRST, struct thread, foreign.first_argument);
SAME(TASK_ASPACE, struct task, aspace);
SAME(TASK_CAPS, struct task, caps.first);
SAME(TASK_FOREIGN_ENTRY, struct task, foreign_entry);
SAME(TASK_IN_HAND, struct task, in_hand);
SAME(ASPACE_ACTIVATION, struct aspace, activation);
SAME(ASPACE_HOME, struct aspace, home);
SAME(CAP_OBJECT, struct cap, object);
SAME(CAP_BADGE, struct cap, badge);
SAME(CAP_KIND, struct cap, kind);
SAME(ENDPOINT_REFS, struct endpoint, kobject.refs);
SAME(ENDPOINT_WAITING, struct endpoint, waiting);
SAME(ENDPOINT_SERVER, struct endpoint, server);
SAME(ENDPOINT_PENDING, struct endpoint, pending);
_Static_assert(offsetof(struct thread, regs) == 0, "entry.S: registers first");
_Static_assert(sizeof(struct cap) == 1 << CAP_SIZE_SHIFT, "offsets.h: CAP_SIZE_SHIFT");
_Static_assert(CAP_FIRST == CAP_SLOTS_FIRST, "offsets.h: CAP_SLOTS_FIRST");
_Static_assert(PK_TYPE_ENDPOINT << 5 == KIND_ENDPOINT, "offsets.h: KIND_ENDPOINT");
_Static_assert(TOKEN_ID_BITS == 20 && TOKEN_BITS == 60, "fast.S: tokens");
_Static_assert(offsetof(struct thread, attention) == offsetof(struct thread, condition) + 2,
               "offsets.h: CONDITION_ATTENTION");
_Static_assert(THREAD_RUNNING == 0 && THREAD_SERVED == CONDITION_SERVED &&
                   THREAD_RECEIVING == CONDITION_RECEIVING,
               "offsets.h: conditions");

void trap_user(uint64_t cause, uint64_t value);
void trap_kernel(uint64_t cause, uint64_t value, const uint64_t *regs) __attribute__((noreturn));

static void handle_interrupt(uint64_t line) {
    switch (line) {
    case IRQ_SOFT:
        csr_clear(sip, SIE_SOFT);
        break;
    case IRQ_TIMER:
        kernel_timer_interrupt();
        break;
    case IRQ_EXTERNAL:
        plic_dispatch();
        break;
    default:
        panic("unknown interrupt %lu", line);
    }
}

#ifdef PARLEY_LATENCY
__attribute__((noinline)) /* who asks is a place that is told */
bool arch_interrupt_pending(void) {
    bool pending = csr_read(sip) & csr_read(sie);
    if (!pending)
        latency_look(__builtin_return_address(0));
    return pending;
}
#else
bool arch_interrupt_pending(void) {
    return csr_read(sip) & csr_read(sie);
}
#endif

void arch_poll_interrupts(void) {
    uint64_t pending = csr_read(sip) & csr_read(sie);
    if (pending & SIE_SOFT)
        handle_interrupt(IRQ_SOFT);
    if (pending & SIE_TIMER)
        handle_interrupt(IRQ_TIMER);
    if (pending & SIE_EXTERNAL)
        handle_interrupt(IRQ_EXTERNAL);
}

void trap_user(uint64_t cause, uint64_t value) {
    struct hart *hart = this_hart();
    struct thread *t = hart->current;
    kernel_lock();
    if (cause == CAUSE_ECALL_USER) {
        t->regs.x[REG_PC] += ARCH_CALL_SIZE;
        kernel_call(t);
    } else if (cause & CAUSE_INTERRUPT) {
        handle_interrupt(cause & ~CAUSE_INTERRUPT);
    } else if (cause == CAUSE_LOAD_PAGE) {
        kernel_fault(t, cause, value, ACCESS_READ);
    } else if (cause == CAUSE_STORE_PAGE) {
        kernel_fault(t, cause, value, ACCESS_WRITE);
    } else if (cause == CAUSE_FETCH_PAGE) {
        kernel_fault(t, cause, value, ACCESS_EXECUTE);
    } else if (cause != CAUSE_ILLEGAL || !arch_fp_trap(t)) {
        kernel_exception(t, cause, value);
    }
    if (t->condition || hart->reconsider || cause & CAUSE_INTERRUPT)
        kernel_exit();
    kernel_unlock();
}

static const char *const register_names[32] = {"pc", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                               "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                               "a6", "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                               "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

void trap_kernel(uint64_t cause, uint64_t value, const uint64_t *regs) {
    kprintf("\nPANIC: trap in the kernel, hart %u, cause %lu, value %lx\n",
            this_hart() ? this_hart()->index : 0, cause, value);
    for (unsigned i = 0; i < 32; i++)
        kprintf("%s %016lx%s", register_names[i], regs[i], i % 4 == 3 ? "\n" : "  ");
    kprintf("backtrace: %016lx", regs[REG_PC]);
    kprintf(" %016lx\n", regs[REG_RA]);
    arch_backtrace((void *)(uintptr_t)regs[8]);
    arch_machine_stop(ARCH_STOP_EXIT, 255);
}
