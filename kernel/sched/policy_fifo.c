/* SPDX-License-Identifier: MIT */
/*
 * One queue, first come, first served, each for a quantum: round robin, the simplest policy that there is. Weights count for
 * nothing. Who wakes up waits for all that are ready, so what is interactive is slow beside those that compute.
 */
#include <sched/policy.h>

#define QUANTUM_NS (10 * MS_NS)

static void init(struct policy_queue *q) {
    list_init(&q->list);
}

static void begin(struct sched_entity *e, uint64_t clock) {
    (void)clock;
    e->share.turn_ns = 0;
    e->share.virtual = 0;
}

static void place(const struct policy_queue *q, struct sched_entity *e, uint64_t clock,
                  uint64_t slept_ns) {
    (void)q, (void)clock, (void)slept_ns;
    e->share.turn_ns = 0;
}

static void charge(struct sched_entity *e, uint64_t ns) {
    e->share.turn_ns += ns;
}

static void enqueue(struct policy_queue *q, struct sched_entity *e, enum share_reason why) {
    bool front = why == SHARE_PREEMPTED;
    if (!front)
        e->share.turn_ns = 0;
    list_insert_before(front ? q->list.next : &q->list, &e->share.link);
}

static void dequeue(struct policy_queue *q, struct sched_entity *e) {
    (void)q;
    list_remove(&e->share.link);
}

static struct sched_entity *pick(struct policy_queue *q) {
    return CONTAINER_OF(q->list.next, struct sched_entity, share.link);
}

static bool tick(struct policy_queue *q, const struct sched_entity *running) {
    (void)q;
    return running->share.turn_ns >= QUANTUM_NS;
}

/* Of two queues each is first in turn. */
static bool before(const struct sched_entity *a, const struct sched_entity *b) {
    return earlier(a->share.seen_at, b->share.seen_at);
}

const struct policy policy_fifo = {"fifo",  init,    begin, place, charge,
                                   enqueue, dequeue, pick,  tick,  before};
