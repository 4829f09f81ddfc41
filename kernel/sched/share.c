/* SPDX-License-Identifier: MIT */
/* Threads that share by a policy (share.h): what all policies have in common. */
#include <sched/share.h>
#include <arch/machine.h>
#include <string.h>

struct share_queue share_all;
const struct policy *share_policy = &policy_eevdf;
static uint32_t epoch = 1; /* counts policies */
static uint64_t clock;     /* virtual: how far those are that have the least */

static const struct policy *const policies[] = {&policy_fifo, &policy_o1, &policy_fair,
                                                &policy_eevdf};

void share_init(struct share_queue *q) {
    q->lone = NULL;
    q->count = 0;
    q->queue.weight = 0;
    share_policy->init(&q->queue);
}

/*
 * While anybody waits those that run are looked at every tick. So what is much more than that was run when nobody waited, and
 * is nobody's loss: it does not count.
 */
#define CHARGED_MOST_NS (4 * SHARE_TICK_NS)

/* The policy takes account of what e has done since it last did. */
static void settle(const struct share_queue *q, struct sched_entity *e) {
    struct share_entity *s = &e->share;
    uint64_t now = arch_time_ns(), ran = e->run_ns - s->charged, passed = now - s->seen_at;
    if (s->epoch != epoch) {
        share_policy->begin(e, clock);
        s->epoch = epoch;
        passed = ran = 0;
    }
    if (s->reason == SHARE_WOKEN || s->reason == SHARE_MOVED)
        share_policy->place(&q->queue, e, clock, passed > ran ? passed - ran : 0);
    s->reason = SHARE_PREEMPTED; /* once */
    share_policy->charge(e, min_u64(ran, CHARGED_MOST_NS));
    s->charged = e->run_ns;
    s->seen_at = now;
}

/* The clock goes with those that are furthest behind; never back. */
static void advance(uint64_t virtual) {
    if (earlier(clock, virtual))
        clock = virtual;
}

static void put(struct share_queue *q, struct sched_entity *e) {
    enum share_reason why = (enum share_reason)e->share.reason;
    settle(q, e);
    q->queue.weight += e->weight;
    share_policy->enqueue(&q->queue, e, why);
}

static void put_lone(struct share_queue *q) {
    if (!q->lone)
        return;
    put(q, q->lone);
    q->lone = NULL;
}

void share_put_among(struct share_queue *q, struct sched_entity *e, enum share_reason why) {
    put_lone(q);
    share_stands(q, e, why);
    q->count++;
    put(q, e);
}

void share_take_among(struct share_queue *q, struct sched_entity *e) {
    share_policy->dequeue(&q->queue, e);
    q->queue.weight -= e->weight;
    q->count--;
    share_leaves(e);
}

struct sched_entity *share_pick(struct share_queue *q) {
    struct sched_entity *e = share_policy->pick(&q->queue);
    advance(e->share.virtual);
    return e;
}

/* First the clock, then who waits: what was asleep meanwhile is placed by the time of who ran. */
bool share_tick(struct share_queue *q, struct sched_entity *running) {
    settle(q, running);
    if (q->lone)
        advance(running->share.virtual);
    put_lone(q);
    return share_policy->tick(&q->queue, running);
}

struct sched_entity *share_better(struct sched_entity *a, struct sched_entity *b) {
    return share_policy->before(b, a) ? b : a;
}

const struct policy *share_find_policy(const char *name) {
    for (unsigned i = 0; i < ARRAY_SIZE(policies); i++)
        if (strcmp(policies[i]->name, name) == 0)
            return policies[i];
    return NULL;
}

void share_choose_policy(const struct policy *policy, struct share_queue *const *queues,
                         unsigned count) {
    struct list waiting;
    list_init(&waiting);
    for (unsigned i = 0; i < count; i++)
        while (queues[i]->count) {
            struct sched_entity *e = share_front(queues[i]);
            share_take(e);
            e->share.queue = queues[i]; /* where it is to come back */
            list_append(&waiting, &e->link);
        }
    share_policy = policy;
    epoch++;
    for (unsigned i = 0; i < count; i++)
        share_init(queues[i]);
    while (!list_empty(&waiting)) {
        struct sched_entity *e = CONTAINER_OF(waiting.next, struct sched_entity, link);
        list_remove(&e->link);
        share_put(e->share.queue, e, SHARE_MOVED);
    }
}
