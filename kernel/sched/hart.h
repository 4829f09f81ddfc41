/* SPDX-License-Identifier: MIT */
/* Per-hart data, behind the thread pointer while in the kernel. */
#ifndef SCHED_HART_H
#define SCHED_HART_H

#include <arch/latency.h>
#include <arch/machine.h>
#include <parley/types.h>
#include <sched/queue.h>
#include <sched/share.h>
#include <stdbool.h>
#include <stdint.h>
#include <time/timer.h>

struct thread;
struct aspace;

struct hart {
    /* The trap entry knows these. */
    struct thread *current; /* NULL while idle */
    uint64_t kernel_stack;  /* its top */
    uint64_t scratch[2];

    struct thread *payer;       /* charged for the time since switched_at: for calls, the caller */
    struct aspace *aspace;      /* whose page tables are active; NULL: the kernel's */
    uint64_t home_tag;          /* what an address space's home is if it was only active here */
    struct run_queue queue;     /* fixed priorities */
    struct share_queue *pinned; /* of those that share, the ones that may not run on every hart */
    union {
        struct {
            bool fp_on;        /* the FPU holds current's registers and is on */
            bool urgent_runs;  /* payer is urgent (urgent.h) */
            bool pinned_waits; /* pinned is not empty */
        };
        uint32_t special; /* all three: a switch is not simple */
    };

    bool reconsider; /* something changed that may let another thread run now */
    bool idle;
    bool online;           /* it has come in: before, nobody is to wait for it */
    bool waits_for_kernel; /* in kernel_lock_refused(): it runs nobody before it has the lock, */
    bool translations_old; /* and is to forget its translations then; under the lock */
    bool slice_over;       /* the current thread's quantum has ended, or a tick has come */
    bool yields;           /* it gives up the rest of its turn */
    bool
        picks_anew; /* of those that share: a timer has expired, and may have woken who comes before it */
    uint32_t index;
    uint32_t traced;        /* a bit for each enum pk_trace_type that is written (trace/trace.h) */
    struct thread *handoff; /* runs next unless someone more urgent is ready */
    uint64_t asid_generation; /* of the TLB's contents */
    struct thread *fp_owner;  /* whose registers the FPU holds */
    struct timer_queue timers;
    uint64_t slice_end; /* ns; for who shares: the next tick */
    uint64_t
        urgent_from; /* ns: when this period of urgent threads began, and how long they have run in it */
    uint64_t urgent_ns;
    uint64_t switched_at; /* ns: since when payer is charged */
    uint64_t balanced_at; /* ns: when an idle hart was last asked to help */
    uint64_t reap_at;     /* ns: when this hart goes on with what ends, if there is anything */
    uint64_t timer_at;    /* what the clock event device is programmed for */
    uint64_t idle_ns;     /* without what goes on since idle_since, if that is not 0 */
    uint64_t idle_since;
    uint64_t interrupts[PK_INTERRUPTS]; /* that it has taken */
#ifdef PARLEY_LATENCY
    struct latency latency; /* the trap entry knows it too */
#endif
};

extern struct hart harts[ARCH_MAX_HARTS];

#endif
