/* SPDX-License-Identifier: MIT */
/* What a thread has of the hardware beyond its integer registers. */
#ifndef ARCH_THREAD_H
#define ARCH_THREAD_H

#include <arch/regs.h>
#include <stdbool.h>
#include <stdint.h>

struct arch_fp {
    uint64_t f[32];
    uint64_t fcsr;
    uint64_t used; /* the thread has touched the FPU: f and fcsr have been valid once */
};

struct thread;

/*
 * Lazy floating point: a thread starts with the FPU off; its first FP instruction traps here.
 * arch_fp_save brings a thread's registers from this hart into memory if they are newer there.
 */
bool arch_fp_trap(struct thread *t);
void arch_fp_save(struct thread *t);
/*
 * Has the caller of this kernel call ever used the FPU? Then it is on afterwards: who asks will use
 * it, and a trap costs more (it goes by way of the firmware).
 */
bool arch_fp_ready(struct thread *t);
/* Will the FPU be on when it next runs? */
bool arch_fp_on(const struct thread *t);
/* The thread's memory copy is the truth from now on: no hart's registers count. */
void arch_fp_forget(struct thread *t);

#endif
