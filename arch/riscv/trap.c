/* SPDX-License-Identifier: MIT */
/*
 * Traps from user mode, sorted to the kernel's entry points, and traps from the kernel itself,
 * which are bugs. One kernel lock is held from entry to return.
 */
#include "csr.h"
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
#include <trace/trace.h>

void trap_user(uint64_t cause, uint64_t value);
void trap_kernel(uint64_t cause, uint64_t value, const uint64_t *regs) __attribute__((noreturn));

static void handle_interrupt(uint64_t line) {
    if (traced(PK_TRACE_INTERRUPT))
        trace_interrupt(line);
    switch (line) {
    case IRQ_SOFT:
        this_hart()->interrupts[PK_INTERRUPT_HART]++;
        csr_clear(sip, SIE_SOFT);
        trace_follow();
        break;
    case IRQ_TIMER:
        this_hart()->interrupts[PK_INTERRUPT_TIMER]++;
        kernel_timer_interrupt();
        break;
    case IRQ_EXTERNAL:
        this_hart()->interrupts[PK_INTERRUPT_DEVICE]++;
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
