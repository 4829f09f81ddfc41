/* SPDX-License-Identifier: MIT */
/*
 * Policies: how threads of priority 0 share the harts. A policy is a file, policy_NAME.c, of plain C that knows no
 * hardware, no thread and no lock, and runs on the host under test; a line in share.c's table makes it one to choose.
 *
 * A policy is asked about a queue of those that are ready. Who runs stands in no queue. Of a lone ready thread it hears
 * late or never: there is nothing to decide (share.h). So each function begins with what it was not told meanwhile:
 * charge() is called first, with all the time that the thread has run since, in servers for its calls, too.
 */
#ifndef SCHED_POLICY_H
#define SCHED_POLICY_H

#include <parley/calls.h>
#include <sched/entity.h>

#define POLICY_LEVELS 40 /* of policies that keep lists: one for each nice value */

struct policy_array {
    uint64_t levels; /* a bit for each list that is not empty */
    struct list lists[POLICY_LEVELS];
};

/* What the policy keeps for a queue. */
struct policy_queue {
    uint64_t weight; /* of all in it; enqueue() finds the new one counted already */
    union {
        struct {
            struct policy_array arrays[2];
            uint8_t active;
            uint64_t swapped_at;
        };
        struct list list;
        struct {
            struct tree tree;
            int64_t weighted; /* the sum of weight times (virtual - zero) */
            uint64_t zero;    /* where virtual times are counted from in that */
        };
    };
};

struct policy {
    const char *name;
    /* An empty queue. */
    void (*init)(struct policy_queue *q);
    /* e is new to the policy; clock: the virtual time of those that have had least. */
    void (*begin)(struct sched_entity *e, uint64_t clock);
    /* It was not ready for so long, or comes from another queue: what it may make up for is limited. */
    void (*place)(const struct policy_queue *q, struct sched_entity *e, uint64_t clock,
                  uint64_t slept_ns);
    /* It has run for so long. */
    void (*charge)(struct sched_entity *e, uint64_t ns);
    void (*enqueue)(struct policy_queue *q, struct sched_entity *e, enum share_reason why);
    void (*dequeue)(struct policy_queue *q, struct sched_entity *e);
    /* Who is to run next; it stays. The queue is not empty. */
    struct sched_entity *(*pick)(struct policy_queue *q);
    /* Is it somebody else's turn? Asked every SHARE_TICK_NS while anybody waits; the queue is not empty. */
    bool (*tick)(struct policy_queue *q, const struct sched_entity *running);
    /* Of those that are first in two queues, does a come before b? */
    bool (*before)(const struct sched_entity *a, const struct sched_entity *b);
};

#define MS_NS 1000000ull

/* Times wrap round in no machine's life, but one may be behind another. */
static inline bool earlier(uint64_t a, uint64_t b) {
    return (int64_t)(a - b) < 0;
}

/* ns of time on a hart, as virtual time of who has this weight. */
static inline uint64_t virtual_of(uint64_t ns, uint32_t weight) {
    return weight == PK_WEIGHT_NORMAL ? ns : ns * PK_WEIGHT_NORMAL / weight;
}

extern const struct policy policy_fifo, policy_o1, policy_fair, policy_eevdf;

#endif
