/* SPDX-License-Identifier: MIT */
/*
 * Each thread has a virtual time, which goes the slower the greater its weight is; whoever is furthest behind runs, from
 * a tree sorted by it. So all get shares by their weights. In a period of LATENCY_NS everybody is to have a turn, as long as
 * turns do not get shorter than LEAST_NS. Who slept may be behind by half a period, no more: it runs soon, but does
 * not make up for its whole night.
 */
#include <sched/policy.h>

#define LATENCY_NS (6 * MS_NS)
#define LEAST_NS MS_NS
#define WAKE_NS MS_NS /* how far behind who waits must be to end another's turn */

static void init(struct policy_queue *q) {
    q->tree.root = NULL;
}

static void begin(struct sched_entity *e, uint64_t clock) {
    e->share.turn_ns = 0;
    e->share.virtual = clock +
                       virtual_of(LEAST_NS,
                                  e->weight); /* or many children would get many first turns */
}

static void place(const struct policy_queue *q, struct sched_entity *e, uint64_t clock,
                  uint64_t slept_ns) {
    (void)q, (void)slept_ns;
    uint64_t least = clock - LATENCY_NS / 2;
    if (earlier(e->share.virtual, least))
        e->share.virtual = least;
    e->share.turn_ns = 0;
}

static void charge(struct sched_entity *e, uint64_t ns) {
    e->share.turn_ns += ns;
    e->share.virtual += virtual_of(ns, e->weight);
}

static struct sched_entity *entity_of(struct tree_node *n) {
    return CONTAINER_OF(n, struct sched_entity, share.node);
}

static struct sched_entity *pick(struct policy_queue *q) {
    return entity_of(tree_first(&q->tree));
}

static void enqueue(struct policy_queue *q, struct sched_entity *e, enum share_reason why) {
    if (why != SHARE_PREEMPTED)
        e->share.turn_ns = 0;
    if (why == SHARE_YIELD && q->tree.root) { /* behind whoever is next */
        uint64_t next = pick(q)->share.virtual + 1;
        if (earlier(e->share.virtual, next))
            e->share.virtual = next;
    }
    e->share.node.key = e->share.virtual;
    tree_insert(&q->tree, &e->share.node);
}

static void dequeue(struct policy_queue *q, struct sched_entity *e) {
    tree_remove(&q->tree, &e->share.node);
}

static uint64_t turn_of(const struct policy_queue *q, const struct sched_entity *e) {
    uint64_t turn = LATENCY_NS * e->weight / (q->weight + e->weight);
    return max_u64(turn, LEAST_NS);
}

static bool tick(struct policy_queue *q, const struct sched_entity *running) {
    const struct sched_entity *next = pick(q);
    if (!earlier(next->share.virtual, running->share.virtual))
        return false;
    return running->share.turn_ns >= turn_of(q, running) ||
           earlier(next->share.virtual + virtual_of(WAKE_NS, next->weight), running->share.virtual);
}

static bool before(const struct sched_entity *a, const struct sched_entity *b) {
    return earlier(a->share.virtual, b->share.virtual);
}

const struct policy policy_fair = {"fair",  init,    begin, place, charge,
                                   enqueue, dequeue, pick,  tick,  before};
