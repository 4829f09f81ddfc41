/* SPDX-License-Identifier: MIT */
/*
 * Scheduling policies: who of a hart's ready threads runs next. Pure C without hardware. A policy
 * sees each thread's struct sched_entity only; sched.c does the switching.
 */
#ifndef SCHED_POLICY_H
#define SCHED_POLICY_H

#include <lib/lib.h>
#include <stdbool.h>
#include <stdint.h>

#define PRIORITIES 64

/* What a policy keeps for a thread. */
struct sched_entity {
    struct list link;
    uint8_t priority; /* 0 to 63, higher is more urgent */
    bool queued;
    uint64_t slice_left; /* ns that were left of its quantum when it was preempted; 0: all of it */
};

struct run_queue {
    uint64_t levels; /* bit n: queues[n] is not empty */
    unsigned top;    /* the highest of them, if any */
    struct list queues[PRIORITIES];
};

struct sched_policy {
    const char *name;
    void (*init)(struct run_queue *q);
    /* A ready thread joins, behind its equals or (preempted before its quantum ended) before. */
    void (*enqueue)(struct run_queue *q, struct sched_entity *e, bool front);
    void (*dequeue)(struct run_queue *q, struct sched_entity *e);
    /* The most deserving, without removing it; NULL if none. */
    struct sched_entity *(*first)(const struct run_queue *q);
    /* Must `running` make way for the first of the queue, its quantum over or not? */
    bool (*preempts)(const struct run_queue *q, const struct sched_entity *running,
                     bool slice_over);
    uint64_t quantum_ns;
};

extern const struct sched_policy policy_fixed;

#endif
