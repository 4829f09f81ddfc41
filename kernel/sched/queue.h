/* SPDX-License-Identifier: MIT */
/*
 * The ready threads of a hart: fixed priorities, first come, first served in each. A list a level and
 * a bitmap of the levels in use, so that every operation takes constant time. Inline, as a switch of
 * threads is mostly this. Knows no thread, just each thread's struct sched_entity.
 */
#ifndef SCHED_QUEUE_H
#define SCHED_QUEUE_H

#include <arch/bits.h>
#include <lib/lib.h>
#include <stdbool.h>
#include <stdint.h>

#define PRIORITIES 64

/* What the scheduler keeps for a thread. */
struct sched_entity {
    struct list link;
    uint8_t priority; /* 0 to 63, higher is more urgent */
    bool queued;
    uint64_t slice_left; /* ns that were left of its quantum when it was preempted; 0: all of it */
};

struct run_queue {
    uint64_t levels; /* bit n: lists[n] is not empty */
    unsigned top;    /* the highest of them, if any */
    struct list lists[PRIORITIES];
};

static inline void queue_init(struct run_queue *q) {
    q->levels = 0;
    q->top = 0;
    for (unsigned i = 0; i < PRIORITIES; i++)
        list_init(&q->lists[i]);
}

/* Joins behind its equals or, preempted before its quantum ended, before them. */
static ALWAYS_INLINE void queue_put(struct run_queue *q, struct sched_entity *e, bool front) {
    struct list *list = &q->lists[e->priority];
    list_insert_before(front ? list->next : list, &e->link);
    if (!(q->levels >> e->priority))
        q->top = e->priority;
    q->levels |= 1ull << e->priority;
    e->queued = true;
}

/* The highest level in use; levels must not be 0. Without an instruction for it by binary search. */
static ALWAYS_INLINE unsigned queue_top(uint64_t levels) {
    if (arch_has_clz())
        return 63 - arch_clz(levels);
    unsigned n = 0;
    for (unsigned half = 32; half; half /= 2)
        if (levels >> half) {
            levels >>= half;
            n += half;
        }
    return n;
}

static ALWAYS_INLINE void queue_remove(struct run_queue *q, struct sched_entity *e) {
    struct list *before = e->link.prev;
    bool alone = before == e->link.next;
    list_unlink(&e->link);
    e->queued = false;
    if (alone) { /* with its list's head */
        q->levels &= ~(1ull << e->priority);
        if (e->priority == q->top && q->levels)
            q->top = queue_top(q->levels);
    }
}

/* The most deserving, without removing it; the queue must not be empty. */
static inline struct sched_entity *queue_front(const struct run_queue *q) {
    return CONTAINER_OF(q->lists[q->top].next, struct sched_entity, link);
}

#endif
