/* SPDX-License-Identifier: MIT */
/*
 * A list for each level of urgency and a bitmap of those in use, twice: the active ones, whose turn comes in this
 * round, and the expired ones, whose quantum is used up. When nobody is active any more the two change places. Each operation
 * takes the same time, whatever number of threads there is.
 *
 * A thread's usual level and its quantum come from its weight. Who sleeps much is probably interactive: it gets up to five
 * levels more (and who never sleeps five less), and with many of them it stays active when its quantum ends, unless those
 * that have expired have waited for long.
 */
#include <sched/policy.h>
#include <sched/queue.h>

#define NORMAL_LEVEL 19
#define SLEEP_MOST_NS (1000 * MS_NS) /* that is counted */
#define BONUS_RANGE 10
#define INTERACTIVE_BONUS 3
#define STARVATION_NS (1000 * MS_NS)
#define QUANTUM_STEP_NS (5 * MS_NS) /* a level; four times that from the normal level up */

static void init(struct policy_queue *q) {
    for (unsigned a = 0; a < 2; a++) {
        q->arrays[a].levels = 0;
        for (unsigned i = 0; i < POLICY_LEVELS; i++)
            list_init(&q->arrays[a].lists[i]);
    }
    q->active = 0;
    q->swapped_at = 0;
}

/* A level is 5/4 of the weight of the one below it. */
static unsigned level_of(uint32_t weight) {
    uint64_t w = PK_WEIGHT_NORMAL;
    unsigned level = NORMAL_LEVEL;
    for (; level < POLICY_LEVELS - 1 && weight >= w * 9 / 8; level++)
        w = w * 5 / 4;
    for (; level > 0 && weight < w * 9 / 10; level--)
        w = w * 4 / 5;
    return level;
}

static void begin(struct sched_entity *e, uint64_t clock) {
    (void)clock;
    e->share.turn_ns = e->share.virtual = 0;
    e->share.slept_ns = SLEEP_MOST_NS / 2; /* neither more nor less */
    e->share.usual = (uint8_t)level_of(e->weight);
}

static uint64_t quantum(const struct sched_entity *e) {
    uint64_t steps = e->share.usual + 1u;
    return steps * QUANTUM_STEP_NS * (e->share.usual > NORMAL_LEVEL ? 4 : 1);
}

static int bonus(const struct sched_entity *e) {
    return (int)(e->share.slept_ns * BONUS_RANGE / SLEEP_MOST_NS) - BONUS_RANGE / 2;
}

static void place(const struct policy_queue *q, struct sched_entity *e, uint64_t clock,
                  uint64_t slept_ns) {
    (void)q, (void)clock;
    e->share.slept_ns = min_u64(SLEEP_MOST_NS, e->share.slept_ns + slept_ns);
}

static void charge(struct sched_entity *e, uint64_t ns) {
    e->share.turn_ns += ns;
    e->share.slept_ns -= min_u64(ns, e->share.slept_ns);
}

static bool starving(const struct policy_queue *q, const struct sched_entity *e) {
    return q->arrays[!q->active].levels && e->share.seen_at - q->swapped_at > STARVATION_NS;
}

static unsigned level_now(const struct sched_entity *e) {
    int level = (int)e->share.usual + bonus(e);
    return level < 0 ? 0 : level >= POLICY_LEVELS ? POLICY_LEVELS - 1 : (unsigned)level;
}

static void enqueue(struct policy_queue *q, struct sched_entity *e, enum share_reason why) {
    struct policy_array *array = &q->arrays[q->active];
    bool expired = e->share.turn_ns >= quantum(e);
    if (expired || why == SHARE_YIELD) {
        e->share.turn_ns = 0;
        if (why == SHARE_YIELD || bonus(e) < INTERACTIVE_BONUS || starving(q, e))
            array = &q->arrays[!q->active];
    }
    e->share.level = (uint8_t)level_now(e);
    e->share.array = array;
    struct list *list = &array->lists[e->share.level];
    list_insert_before(why == SHARE_PREEMPTED && !expired ? list->next : list, &e->share.link);
    array->levels |= 1ull << e->share.level;
}

static void dequeue(struct policy_queue *q, struct sched_entity *e) {
    (void)q;
    struct policy_array *array = e->share.array;
    list_remove(&e->share.link);
    if (list_empty(&array->lists[e->share.level]))
        array->levels &= ~(1ull << e->share.level);
}

static struct sched_entity *first_of(const struct policy_array *array) {
    return CONTAINER_OF(array->lists[queue_top_bit(array->levels)].next, struct sched_entity,
                        share.link);
}

static struct sched_entity *pick(struct policy_queue *q) {
    if (!q->arrays[q->active].levels) {
        q->active = !q->active;
        q->swapped_at = first_of(&q->arrays[q->active])->share.seen_at;
    }
    return first_of(&q->arrays[q->active]);
}

static bool tick(struct policy_queue *q, const struct sched_entity *running) {
    const struct policy_array *active = &q->arrays[q->active];
    return running->share.turn_ns >= quantum(running) ||
           (active->levels && queue_top_bit(active->levels) > level_now(running));
}

static bool before(const struct sched_entity *a, const struct sched_entity *b) {
    return a->share.level != b->share.level ? a->share.level > b->share.level
                                            : earlier(a->share.seen_at, b->share.seen_at);
}

const struct policy policy_o1 = {"o1",    init,    begin, place, charge,
                                 enqueue, dequeue, pick,  tick,  before};
