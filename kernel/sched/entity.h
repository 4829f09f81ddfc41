/* SPDX-License-Identifier: MIT */
/* What the scheduler keeps for a thread. */
#ifndef SCHED_ENTITY_H
#define SCHED_ENTITY_H

#include <common/tree.h>
#include <lib/lib.h>
#include <stdbool.h>
#include <stdint.h>

struct share_queue;
struct policy_array;

/* Why a thread comes into a queue of those that share by a policy. */
enum share_reason {
    SHARE_PREEMPTED, /* its turn is not over */
    SHARE_TURN_OVER, /* somebody else's turn has come */
    SHARE_YIELD,     /* it gave up its turn (sched_yield(2)) */
    SHARE_WOKEN,     /* it was blocked, or never ran */
    SHARE_MOVED,     /* from another queue, or it did not share until now */
};

/* The part that belongs to the policy (policy.h). */
struct share_entity {
    struct share_queue *queue; /* where it stands; NULL: nowhere */
    uint64_t charged;          /* of run_ns, what the policy has taken account of */
    uint64_t seen_at;          /* ns: when it last did */
    uint64_t turn_ns;          /* how long it has run in its turn */
    uint64_t virtual; /* its time, divided by its weight, in policies that have that; else 0 */
    uint32_t epoch;   /* of the policy that the rest is of */
    uint8_t reason;   /* enum share_reason, until the policy has heard it */
    union {
        struct { /* policies that keep a tree */
            struct tree_node node;
            uint64_t deadline; /* virtual */
            uint64_t least;    /* virtual, of the node and what is below it */
        };
        struct { /* those with lists */
            struct list link;
            uint64_t slept_ns;    /* lately */
            uint8_t usual, level; /* lists: without regard to that, and with it */
            struct policy_array *array;
        };
    };
};

struct sched_entity {
    struct list link;    /* in its level's list */
    uint8_t priority;    /* PK_PRIORITY_SHARED or a fixed one, higher is more urgent */
    bool queued;         /* in either kind of queue */
    uint8_t flags;       /* PK_SCHEDULE_* */
    uint32_t weight;     /* its part of what is shared, against the others' */
    uint64_t run_ns;     /* with servers' time for its calls */
    uint64_t preempted;  /* how often it made way though it could have gone on */
    uint64_t slice_left; /* ns that were left of its quantum when it was preempted; 0: all of it */
    uint64_t quantum;    /* ns, of a fixed priority */
    uint64_t harts;      /* a bit for each that it may run on */
    uint64_t deadline;   /* ns: by it those of PK_PRIORITY_RESERVED go; 0: before all */
    struct share_entity share;
};

#endif
