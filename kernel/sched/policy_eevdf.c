/* SPDX-License-Identifier: MIT */
/*
 * Earliest eligible virtual deadline first (Stoica and Abdel-Wahab, 1995). As in policy_fair.c each thread has a virtual
 * time that goes the slower the greater its weight is. The weighted mean of all is what each should have by now: who is
 * not ahead of it is eligible. Each asks for SLICE_NS at a time; when that is used up its next deadline is a slice later,
 * in virtual time. Of the eligible ones the one with the earliest deadline runs. So nobody falls behind
 * by more than a slice, and who wakes up, being behind, has an early deadline.
 *
 * The tree is sorted by deadlines; each node knows the least virtual time below it, so that the first eligible node is found
 * on one way down.
 */
#include <sched/policy.h>

#define SLICE_NS (3 * MS_NS)
#define REBASE                                                                                     \
    (1ull << 38) /* ns: so far from `zero` a product with all weights would not fit any more */

static struct sched_entity *entity_of(struct tree_node *n) {
    return CONTAINER_OF(n, struct sched_entity, share.node);
}

static void init(struct policy_queue *q) {
    q->tree.root = NULL;
    q->weighted = 0;
    q->zero = 0;
}

static uint64_t slice(const struct sched_entity *e) {
    return virtual_of(SLICE_NS, e->weight);
}

static void begin(struct sched_entity *e, uint64_t clock) {
    e->share.virtual = clock;
    e->share.deadline = clock + slice(e);
}

static int64_t distance(const struct policy_queue *q, const struct sched_entity *e) {
    return (int64_t)(e->share.virtual - q->zero);
}

/* Who slept may be behind the mean by a slice, no more: it runs soon, but does not make up for its whole night. */
static void place(const struct policy_queue *q, struct sched_entity *e, uint64_t clock,
                  uint64_t slept_ns) {
    (void)slept_ns;
    uint64_t mean = q->weight ? q->zero + (uint64_t)(q->weighted / (int64_t)q->weight) : clock;
    uint64_t least = mean - slice(e);
    if (earlier(e->share.virtual, least))
        e->share.virtual = least;
    e->share.deadline = e->share.virtual + slice(e);
}

static void charge(struct sched_entity *e, uint64_t ns) {
    e->share.virtual += virtual_of(ns, e->weight);
}

static void note_least(struct tree_node *n) {
    struct share_entity *s = &entity_of(n)->share;
    s->least = s->virtual;
    if (n->left && earlier(entity_of(n->left)->share.least, s->least))
        s->least = entity_of(n->left)->share.least;
    if (n->right && earlier(entity_of(n->right)->share.least, s->least))
        s->least = entity_of(n->right)->share.least;
}

/* Virtual times are counted from somewhere near, as they are multiplied by weights. */
static void rebase(struct policy_queue *q, const struct sched_entity *e) {
    uint64_t by = e->share.virtual - q->zero;
    if (!q->tree.root) {
        q->weighted = 0;
    } else if (by + REBASE < 2 * REBASE) {
        return;
    } else { /* q->weight counts e, which is not in the sum yet */
        q->weighted -= (int64_t)(q->weight - e->weight) * (int64_t)by;
    }
    q->zero += by;
}

static void enqueue(struct policy_queue *q, struct sched_entity *e, enum share_reason why) {
    struct share_entity *s = &e->share;
    if (why == SHARE_YIELD && earlier(s->virtual, s->deadline))
        s->virtual = s->deadline; /* as if it had used it */
    if (!earlier(s->virtual, s->deadline))
        s->deadline = s->virtual + slice(e);
    rebase(q, e);
    q->weighted += e->weight * distance(q, e);
    s->node.key = s->deadline;
    tree_insert_augmented(&q->tree, &s->node, note_least);
}

static void dequeue(struct policy_queue *q, struct sched_entity *e) {
    q->weighted -= e->weight * distance(q, e);
    tree_remove_augmented(&q->tree, &e->share.node, note_least);
}

static bool eligible(const struct policy_queue *q, uint64_t virtual, int64_t weighted,
                     uint64_t weight) {
    return (int64_t)(virtual - q->zero) * (int64_t)weight <= weighted;
}

/* The first in the tree that is not ahead of the mean; there is one unless who runs alone is behind it. */
static struct sched_entity *first_eligible(const struct policy_queue *q, int64_t weighted,
                                           uint64_t weight) {
    struct tree_node *n = q->tree.root;
    while (n) {
        if (n->left && eligible(q, entity_of(n->left)->share.least, weighted, weight))
            n = n->left;
        else if (eligible(q, entity_of(n)->share.virtual, weighted, weight))
            return entity_of(n);
        else
            n = n->right;
    }
    return NULL;
}

static struct sched_entity *pick(struct policy_queue *q) {
    struct sched_entity *e = first_eligible(q, q->weighted, q->weight);
    return e ? e : entity_of(tree_first(&q->tree));
}

/* Who runs counts in the mean. */
static bool tick(struct policy_queue *q, const struct sched_entity *running) {
    int64_t weighted = q->weighted + running->weight * distance(q, running);
    uint64_t weight = q->weight + running->weight;
    const struct sched_entity *next = first_eligible(q, weighted, weight);
    return next && (!earlier(running->share.virtual, running->share.deadline) ||
                    earlier(next->share.deadline, running->share.deadline));
}

static bool before(const struct sched_entity *a, const struct sched_entity *b) {
    return earlier(a->share.deadline, b->share.deadline);
}

const struct policy policy_eevdf = {"eevdf", init,    begin, place, charge,
                                    enqueue, dequeue, pick,  tick,  before};
