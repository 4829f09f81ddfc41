/* SPDX-License-Identifier: MIT */
/*
 * Fixed priorities, round-robin by quantum in each: a queue a level and a bitmap of the levels in
 * use, so that every operation takes constant time.
 */
#include <sched/policy.h>

#define QUANTUM_NS 10000000

static void fixed_init(struct run_queue *q) {
    q->levels = 0;
    q->top = 0;
    for (unsigned i = 0; i < PRIORITIES; i++)
        list_init(&q->queues[i]);
}

static inline void fixed_enqueue(struct run_queue *q, struct sched_entity *e, bool front) {
    struct list *level = &q->queues[e->priority];
    if (front)
        list_prepend(level, &e->link);
    else
        list_append(level, &e->link);
    if (!q->levels || e->priority > q->top)
        q->top = e->priority;
    q->levels |= 1ull << e->priority;
    e->queued = true;
}

/* The highest level in use; levels must not be 0. Binary search: plain rv64 has no clz. */
static unsigned top_level(uint64_t levels) {
    unsigned n = 0;
    for (unsigned half = 32; half; half /= 2)
        if (levels >> half) {
            levels >>= half;
            n += half;
        }
    return n;
}

static inline void fixed_dequeue(struct run_queue *q, struct sched_entity *e) {
    list_remove(&e->link);
    if (list_empty(&q->queues[e->priority])) {
        q->levels &= ~(1ull << e->priority);
        if (e->priority == q->top && q->levels)
            q->top = top_level(q->levels);
    }
    e->queued = false;
}

static inline struct sched_entity *fixed_first(const struct run_queue *q) {
    if (!q->levels)
        return NULL;
    return CONTAINER_OF(q->queues[q->top].next, struct sched_entity, link);
}

static inline bool fixed_preempts(const struct run_queue *q, const struct sched_entity *running,
                                  bool slice_over) {
    uint64_t above = q->levels >> running->priority;
    return slice_over ? above : above >> 1;
}

const struct sched_policy policy_fixed = {
    .name = "fixed",
    .init = fixed_init,
    .enqueue = fixed_enqueue,
    .dequeue = fixed_dequeue,
    .first = fixed_first,
    .preempts = fixed_preempts,
    .quantum_ns = QUANTUM_NS,
};
