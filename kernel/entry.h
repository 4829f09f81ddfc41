/* SPDX-License-Identifier: MIT */
/* The kernel's entry points, called by the architecture with the kernel lock held. */
#ifndef KERNEL_ENTRY_H
#define KERNEL_ENTRY_H

#include <arch/hart.h>
#include <stdbool.h>
#include <stdint.h>

struct thread;

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE };

/* Boot: the first hart's, and every other's. Both leave a thread to run, or idle until one is. */
void kernel_main(void);
void kernel_main_secondary(void);

/*
 * The one kernel lock: test-and-set. Not a ticket lock: an emulated hart whose turn it is may not be
 * running, and then everybody would wait for it.
 */
extern uint32_t kernel_lock_word; /* 1: taken */

static inline void kernel_lock(void) {
    while (__atomic_exchange_n(&kernel_lock_word, 1, __ATOMIC_ACQUIRE))
        while (__atomic_load_n(&kernel_lock_word, __ATOMIC_RELAXED))
            arch_cpu_relax();
}

static inline void kernel_unlock(void) {
    __atomic_store_n(&kernel_lock_word, 0, __ATOMIC_RELEASE);
}

/* A call instruction in user mode; the pc stands behind it already. */
void kernel_call(struct thread *t);
/* A page fault at address; cause is the architecture's number, for the exception message. */
void kernel_fault(struct thread *t, uint64_t cause, uint64_t address, enum access access);
/* Any other exception. */
void kernel_exception(struct thread *t, uint64_t cause, uint64_t value);
void kernel_timer_interrupt(void);
void kernel_irq(uint32_t line);
/* Last before returning to user mode: chooses who runs. */
void kernel_exit(void);
/* The same, quick where it is simple: for kernel calls. */
void kernel_exit_simply(void);

#endif
