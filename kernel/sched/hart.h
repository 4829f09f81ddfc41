/* SPDX-License-Identifier: MIT */
/* Per-hart data, behind the thread pointer while in the kernel. */
#ifndef SCHED_HART_H
#define SCHED_HART_H

#include <arch/machine.h>
#include <lib/tree.h>
#include <sched/policy.h>
#include <stdbool.h>
#include <stdint.h>

struct thread;
struct aspace;

struct hart {
    /* The trap entry knows these three. */
    struct thread *current; /* NULL while idle */
    uint64_t kernel_stack;  /* its top */
    uint64_t scratch;

    uint32_t index;
    bool idle;
    bool slice_over;          /* the current thread's quantum has ended */
    struct thread *handoff;   /* runs next unless someone more urgent is ready */
    struct aspace *aspace;    /* whose page tables are active; NULL: the kernel's */
    uint64_t asid_generation; /* of the TLB's contents */
    struct thread *fp_owner;  /* whose registers the FPU holds */
    struct run_queue queue;
    struct tree timers;
    uint64_t slice_end;   /* ns */
    uint64_t switched_at; /* ns: when current started */
    uint64_t balanced_at; /* ns: when an idle hart was last asked to help */
    uint64_t timer_at;    /* what the clock event device is programmed for */
};

extern struct hart harts[ARCH_MAX_HARTS];

#endif
