/* SPDX-License-Identifier: MIT */
/* The run queue against lists in arrays. */
#include "support.h"
#include <sched/queue.h>

#define ENTITIES 150

static struct sched_entity entities[ENTITIES];
static struct sched_entity *level[PRIORITIES][ENTITIES];
static unsigned length[PRIORITIES];
static struct run_queue queue;
static struct list lists[PRIORITIES];

/* Level 0 is no list; urgent levels may have to wait, but for reservations. */
static struct sched_entity *model_first(void) {
    if (length[PK_PRIORITY_RESERVED])
        return level[PK_PRIORITY_RESERVED][0];
    for (unsigned p = queue.throttled ? PK_PRIORITY_URGENT : PRIORITIES; p-- > 1;)
        if (length[p])
            return level[p][0];
    return NULL;
}

static void model_insert(struct sched_entity *e, bool front) {
    struct sched_entity **l = level[e->priority];
    unsigned *n = &length[e->priority], at = front ? 0 : *n;
    if (e->priority == PK_PRIORITY_RESERVED)
        for (at = 0; at < *n && l[at]->deadline <= e->deadline; at++)
            continue;
    memmove(l + at + 1, l + at, (*n - at) * sizeof *l);
    l[at] = e;
    ++*n;
}

static void model_remove(const struct sched_entity *e) {
    struct sched_entity **l = level[e->priority];
    unsigned *n = &length[e->priority], at = 0;
    while (l[at] != e)
        at++;
    memmove(l + at, l + at + 1, (--*n - at) * sizeof *l);
}

bool test_has_clz;

static void random_operations(bool clz) {
    test_has_clz = clz;
    queue_init(&queue, lists);
    assert_int_equal(queue.top, 0);
    memset(entities, 0, sizeof entities);
    memset(length, 0, sizeof length);
    for (unsigned i = 0; i < ENTITIES; i++)
        list_init(&entities[i].link);
    for (unsigned step = 0; step < 200000; step++) {
        struct sched_entity *e = &entities[random_number() % ENTITIES];
        if (random_number() % 100 == 0)
            queue_throttle(&queue, !queue.throttled);
        bool front = random_number() % 3 == 0;
        if (random_number() % 4 == 0 && model_first())
            e = model_first(); /* as the scheduler does */
        if (e->queued) {
            queue_remove(&queue, e);
            model_remove(e);
            assert_false(e->queued);
        } else {
            uint8_t top = step / 20000 % 2 ? PRIORITIES : 3;
            e->priority = (uint8_t)(1 + random_number() % (top - 1u));
            if (random_number() % 8 == 0)
                e->priority = PK_PRIORITY_RESERVED;
            e->deadline = random_number() % 10;
            queue_put(&queue, e, front);
            model_insert(e, front);
            assert_true(e->queued);
        }
        struct sched_entity *first = model_first();
        assert_int_equal(queue.top, first ? first->priority : 0);
        if (first)
            assert_ptr_equal(queue_front(&queue), first);
    }
}

static void with_search(void **state) {
    (void)state;
    random_operations(false);
}

static void with_clz(void **state) {
    (void)state;
    random_operations(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(with_search), cmocka_unit_test(with_clz)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
