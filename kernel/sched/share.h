/* SPDX-License-Identifier: MIT */
/*
 * Threads of priority 0, which share by a policy what the others leave. One queue for all harts, so that their shares come
 * out right whatever number of harts and threads there is; and one for each hart, of those that may run on
 * some harts alone. Under the kernel lock, as everything.
 *
 * Most switches are between two threads that wait for each other, and find nobody else ready. So a lone ready thread stands
 * beside the policy's queue, and the policy hears of it only when another comes, or when the time of who runs may be up.
 */
#ifndef SCHED_SHARE_H
#define SCHED_SHARE_H

#include <sched/policy.h>

#define SHARE_TICK_NS 1000000ull /* how often who runs is compared with those that wait */

struct share_queue {
    struct sched_entity *lone; /* if there is but one */
    uint64_t count;
    struct policy_queue queue; /* else these */
};

extern struct share_queue share_all; /* of all harts */
extern const struct policy *share_policy;

void share_init(struct share_queue *q);
void share_put_among(struct share_queue *q, struct sched_entity *e, enum share_reason why);
void share_take_among(struct share_queue *q, struct sched_entity *e);
struct sched_entity *share_pick(struct share_queue *q);
/* Who runs has done so for a while: is it another's turn? */
bool share_tick(struct share_queue *q, struct sched_entity *running);
/* The better of two that are first in their queues. */
struct sched_entity *share_better(struct sched_entity *a, struct sched_entity *b);
/* By name; NULL: there is none such. */
const struct policy *share_find_policy(const char *name);
/* From now on; whoever stands in one of these queues is carried over. */
void share_choose_policy(const struct policy *policy, struct share_queue *const *queues,
                         unsigned count);

/* It stands in q from now on, or in no queue any more. */
static ALWAYS_INLINE void share_stands(struct share_queue *q, struct sched_entity *e,
                                       enum share_reason why) {
    e->share.reason = (uint8_t)why;
    e->share.queue = q;
    e->queued = true;
}

static ALWAYS_INLINE void share_leaves(struct sched_entity *e) {
    e->share.queue = NULL;
    e->queued = false;
}

/* Into an empty queue. */
static ALWAYS_INLINE void share_put_lone(struct share_queue *q, struct sched_entity *e,
                                         enum share_reason why) {
    share_stands(q, e, why);
    q->lone = e;
    q->count = 1;
}

static ALWAYS_INLINE void share_put(struct share_queue *q, struct sched_entity *e,
                                    enum share_reason why) {
    if (q->count) {
        share_put_among(q, e, why);
        return;
    }
    share_put_lone(q, e, why);
}

static ALWAYS_INLINE void share_take_lone(struct share_queue *q) {
    share_leaves(q->lone);
    q->lone = NULL;
    q->count = 0;
}

static ALWAYS_INLINE void share_take(struct sched_entity *e) {
    struct share_queue *q = e->share.queue;
    if (q->lone)
        share_take_lone(q);
    else
        share_take_among(q, e);
}

/* Who is to run next, without removing it; the queue must not be empty. */
static ALWAYS_INLINE struct sched_entity *share_front(struct share_queue *q) {
    return q->lone ? q->lone : share_pick(q);
}

#endif
