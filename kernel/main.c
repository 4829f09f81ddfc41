/* SPDX-License-Identifier: MIT */
/* Kernel start-up, and what becomes of faults and exceptions. */
#include <arch/hart.h>
#include <arch/machine.h>
#include <arch/mmu.h>
#include <boot.h>
#include <entry.h>
#include <ipc/ipc.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/fault.h>
#include <mm/frame.h>
#include <parley/calls.h>
#include <parley/errno.h>
#include <sched/hart.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>
#include <trace/trace.h>

static void init_memory(void) {
    frame_reserve(machine.ram_start, machine.kernel_start); /* the firmware's, mostly */
    frame_reserve(machine.kernel_start, machine.kernel_end);
    frame_reserve(machine.initrd_start, machine.initrd_end);
    frame_reserve(machine.tree_start, machine.tree_end);
    frame_init(machine.ram_start, machine.ram_end);
    account_init_root(frame_total() << PAGE_SHIFT);
    fault_init();
}

void kernel_main(void) {
    kernel_lock();
    init_memory();
    sched_init();
    boot_start_init();
    this_hart()->online = true;
    arch_start_harts();
    kernel_exit();
    kernel_unlock();
}

/* Whoever waits for a hart finds this one from now on. */
void kernel_main_secondary(void) {
    kernel_lock();
    this_hart()->online = true;
    kernel_exit();
    kernel_unlock();
}

void kernel_fault(struct thread *t, uint64_t cause, uint64_t address, enum access access) {
    if (traced(PK_TRACE_FAULT))
        trace_fault(t, cause, address);
    long error = aspace_fault(t->task->aspace, address, access);
    if (error == -ENOMEM && kobject_work)
        sched_reap_now(); /* more may be freed first; then it faults again */
    else if (error == -ENOMEM)
        exception_send(t, PK_EXCEPTION_MEMORY, cause, address, t->regs.x[REG_PC],
                       account_full_tag());
    else if (error < 0)
        exception_send(t, PK_EXCEPTION_FAULT, cause, address, t->regs.x[REG_PC], (uint64_t)-error);
}

void kernel_exception(struct thread *t, uint64_t cause, uint64_t value) {
    exception_send(t, PK_EXCEPTION_FAULT, cause, value, t->regs.x[REG_PC], 0);
}
