/* SPDX-License-Identifier: MIT */
/* The kernel lock's long way: waiting for it (entry.h). */
#include <arch/hart.h>
#include <arch/machine.h>
#include <arch/mmu.h>
#include <entry.h>
#include <sched/hart.h>
#include <trace/trace.h>

/*
 * Parts of a second: 20 ms. Less hurts where harts are emulated: one that closed the door and is not
 * running then keeps all others out until it runs again.
 */
#define PATIENCE 50

/*
 * Who has spun for so long sleeps for a while, and again: where harts are emulated the one that holds the lock may be
 * waiting for the processor that this one spins on. The timer interrupt that ends the sleep is taken when the kernel
 * is left; whatever the timer was to be for comes no later than that.
 */
#define SPIN_NS 20000
#define SLEEP_NS 50000

static void sleep_a_while(void) {
    struct hart *hart = this_hart();
    uint64_t now = arch_time_ns(), at = now + SLEEP_NS;
    if (hart->timer_at > now && hart->timer_at < at)
        at = hart->timer_at;
    hart->timer_at = at;
    arch_timer_program(at);
    arch_cpu_wait();
}

uint32_t kernel_lock_word, kernel_lock_waiters;

void kernel_lock_refused(uint32_t was) {
    if (was == KERNEL_LOCK_DOOR) /* free, but another's: it must not stay taken */
        __atomic_fetch_and(&kernel_lock_word, ~KERNEL_LOCK_TAKEN, __ATOMIC_RELAXED);
    __atomic_fetch_add(&kernel_lock_waiters, 1, __ATOMIC_RELAXED);
    struct hart *hart = this_hart();
    __atomic_store_n(&hart->waits_for_kernel, true, __ATOMIC_SEQ_CST);
    uint64_t since = arch_time_ticks();
    bool closed = false; /* the door, by this hart */
    for (;;) {
        uint32_t word = __atomic_load_n(&kernel_lock_word, __ATOMIC_RELAXED);
        if (word == (closed ? KERNEL_LOCK_DOOR : 0) &&
            __atomic_compare_exchange_n(&kernel_lock_word, &word, KERNEL_LOCK_TAKEN, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            break;
        if (!(word & KERNEL_LOCK_DOOR) &&
            arch_time_ticks() - since > machine.timebase_hz / PATIENCE)
            closed = !(__atomic_fetch_or(&kernel_lock_word, KERNEL_LOCK_DOOR, __ATOMIC_RELAXED) &
                       KERNEL_LOCK_DOOR);
        if (arch_time_ticks() - since > machine.timebase_hz / (1000000000 / SPIN_NS))
            sleep_a_while();
        else
            arch_cpu_relax();
    }
    __atomic_fetch_sub(&kernel_lock_waiters, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&hart->waits_for_kernel, false, __ATOMIC_RELAXED);
    if (hart->translations_old)
        arch_mmu_forget_translations();
    hart->translations_old = false;
    if (traced(PK_TRACE_LOCK))
        trace_lock(arch_time_ticks() - since);
}
