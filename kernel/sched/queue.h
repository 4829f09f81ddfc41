/* SPDX-License-Identifier: MIT */
/*
 * The ready threads of a hart that have a fixed priority: first come, first served in each. A list a level and a bitmap
 * of the levels in use, so that every operation takes constant time. Inline, as a switch of threads is mostly this.
 * Knows no thread, just each thread's struct sched_entity. Threads of priority 0 do not stand here: they share what is
 * left by a policy (share.h).
 */
#ifndef SCHED_QUEUE_H
#define SCHED_QUEUE_H

#include <arch/bits.h>
#include <lib/lib.h>
#include <parley/calls.h>
#include <sched/entity.h>
#include <stdbool.h>
#include <stdint.h>

#define PRIORITIES PK_PRIORITIES
#define QUEUE_WORD_BITS 64u
#define QUEUE_WORDS (PRIORITIES / QUEUE_WORD_BITS)

struct run_queue {
    uint64_t levels[QUEUE_WORDS]; /* a bit for each list that is not empty */
    uint8_t top;                  /* the highest of them that may run; 0: none */
    bool throttled;               /* urgent levels have had their share of this hart (realtime.h) */
    struct list *lists;           /* PRIORITIES */
};

/* The highest bit; bits must not be 0. Without an instruction for it by binary search. */
static ALWAYS_INLINE unsigned queue_top_bit(uint64_t bits) {
    if (arch_has_clz())
        return 63 - arch_clz(bits);
    unsigned n = 0;
    for (unsigned half = 32; half; half /= 2)
        if (bits >> half) {
            bits >>= half;
            n += half;
        }
    return n;
}

static ALWAYS_INLINE unsigned queue_find_top(const struct run_queue *q) {
    uint64_t high = q->levels[1], low = q->levels[0];
    if (q->throttled) /* urgent ones wait */
        high &= 1ull << PK_PRIORITY_RESERVED % QUEUE_WORD_BITS,
            low &= (1ull << PK_PRIORITY_URGENT) - 1;
    if (high)
        return QUEUE_WORD_BITS + queue_top_bit(high);
    return low ? queue_top_bit(low) : 0;
}

static inline void queue_init(struct run_queue *q, struct list *lists) {
    q->lists = lists;
    q->levels[0] = q->levels[1] = 0;
    q->top = 0;
    q->throttled = false;
    for (unsigned i = 0; i < PRIORITIES; i++)
        list_init(&q->lists[i]);
}

/* Urgent levels wait, or do so no more. */
static inline void queue_throttle(struct run_queue *q, bool throttled) {
    q->throttled = throttled;
    q->top = (uint8_t)queue_find_top(q);
}

static ALWAYS_INLINE bool queue_holds_back(const struct run_queue *q, unsigned priority) {
    return q->throttled && priority >= PK_PRIORITY_URGENT && priority < PK_PRIORITY_RESERVED;
}

/* Where e is to stand: behind those whose deadline is not later. As many are looked at as there are reservations. */
static inline struct list *queue_by_deadline(struct list *list, const struct sched_entity *e) {
    struct list *at = list->prev;
    while (at != list && CONTAINER_OF(at, struct sched_entity, link)->deadline > e->deadline)
        at = at->prev;
    return at->next;
}

static ALWAYS_INLINE void queue_put_before(struct run_queue *q, struct sched_entity *e,
                                           struct list *list, struct list *next) {
    if (list_empty(list)) {
        q->levels[e->priority / QUEUE_WORD_BITS] |= 1ull << (e->priority % QUEUE_WORD_BITS);
        if (e->priority > q->top && !queue_holds_back(q, e->priority))
            q->top = e->priority;
    }
    list_insert_before(next, &e->link);
    e->queued = true;
}

/* Joins behind its equals or, preempted before its quantum ended, before them. Not for those that go by deadlines. */
static ALWAYS_INLINE void queue_put_usual(struct run_queue *q, struct sched_entity *e, bool front) {
    struct list *list = &q->lists[e->priority];
    queue_put_before(q, e, list, front ? list->next : list);
}

static ALWAYS_INLINE void queue_put(struct run_queue *q, struct sched_entity *e, bool front) {
    struct list *list = &q->lists[e->priority];
    if (e->priority == PK_PRIORITY_RESERVED)
        queue_put_before(q, e, list, queue_by_deadline(list, e));
    else
        queue_put_usual(q, e, front);
}

static ALWAYS_INLINE void queue_remove(struct run_queue *q, struct sched_entity *e) {
    struct list *before = e->link.prev;
    bool alone = before == e->link.next;
    list_unlink(&e->link);
    e->queued = false;
    if (alone) { /* with its list's head */
        q->levels[e->priority / QUEUE_WORD_BITS] &= ~(1ull << (e->priority % QUEUE_WORD_BITS));
        if (e->priority == q->top)
            q->top = (uint8_t)queue_find_top(q);
    }
}

/* The most deserving, without removing it; there must be one that may run. */
static inline struct sched_entity *queue_front(const struct run_queue *q) {
    return CONTAINER_OF(q->lists[q->top].next, struct sched_entity, link);
}

#endif
