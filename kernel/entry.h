/* SPDX-License-Identifier: MIT */
/* The kernel's entry points, called by the architecture with the kernel lock held. */
#ifndef KERNEL_ENTRY_H
#define KERNEL_ENTRY_H

#ifndef __ASSEMBLER__
#include <arch/hart.h>
#include <stdbool.h>
#include <stdint.h>

struct thread;

/* Override: a write that a private mapping's protection does not hold for. */
enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE, ACCESS_OVERRIDE };

/* Boot: the first hart's, and every other's. Both leave a thread to run, or idle until one is. */
void kernel_main(void);
void kernel_main_secondary(void);
#endif

/*
 * The one kernel lock. Whoever comes and finds it free takes it, so that harts that have nothing to do with each
 * other do not wait for each other's turns (an emulated hart whose turn it is may not even be running). But who
 * has waited for some time closes the door behind the one that holds it: nobody else may take it then, and no
 * hart waits much longer than the others together hold it once each.
 */
#define KERNEL_LOCK_TAKEN 1
#define KERNEL_LOCK_DOOR 2 /* closed */

#ifndef __ASSEMBLER__
extern uint32_t kernel_lock_word, kernel_lock_waiters;

/* The lock's word was not 0 when the bit KERNEL_LOCK_TAKEN was set in it: returns with the lock taken. */
void kernel_lock_refused(uint32_t was);

static inline void kernel_lock(void) {
    uint32_t was = __atomic_fetch_or(&kernel_lock_word, KERNEL_LOCK_TAKEN, __ATOMIC_ACQUIRE);
    if (was)
        kernel_lock_refused(was);
}

static inline void kernel_unlock(void) {
    __atomic_fetch_and(&kernel_lock_word, ~KERNEL_LOCK_TAKEN, __ATOMIC_RELEASE);
}

/* Lets others have it first. */
static inline void kernel_lock_pass(void) {
    kernel_unlock();
    kernel_lock();
}

/* Another hart waits for it: long work should make way. */
static inline bool kernel_lock_wanted(void) {
    return __atomic_load_n(&kernel_lock_waiters, __ATOMIC_RELAXED);
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

#endif
