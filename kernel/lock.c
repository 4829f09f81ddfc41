/* SPDX-License-Identifier: MIT */
/* The kernel lock's long way: waiting for it (entry.h). */
#include <arch/machine.h>
#include <entry.h>

/*
 * Parts of a second: 20 ms. Less hurts where harts are emulated: one that closed the door and is not
 * running then keeps all others out until it runs again.
 */
#define PATIENCE 50

uint32_t kernel_lock_word, kernel_lock_waiters;

void kernel_lock_refused(uint32_t was) {
    if (was == KERNEL_LOCK_DOOR) /* free, but another's: it must not stay taken */
        __atomic_fetch_and(&kernel_lock_word, ~KERNEL_LOCK_TAKEN, __ATOMIC_RELAXED);
    __atomic_fetch_add(&kernel_lock_waiters, 1, __ATOMIC_RELAXED);
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
        arch_cpu_relax();
    }
    __atomic_fetch_sub(&kernel_lock_waiters, 1, __ATOMIC_RELAXED);
}
