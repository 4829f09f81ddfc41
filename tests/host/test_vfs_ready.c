/* SPDX-License-Identifier: MIT */
/*
 * Sets and ready lists of epoll(7) against a model: for each item what it asks for and whether it is listed, and the
 * order of the list as a plain array.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ready.h"

#define SOURCES 40
#define IN 1u
#define OUT 4u
#define ERR 8u
#define STEPS 1000000
#define MOST 64

/* What an item is about, the item, and the model of it. */
struct source {
    struct ready_item item;
    uint32_t holds;
    bool there; /* in the set */
    uint32_t asked;
    uint32_t how;
};

static struct source sources[SOURCES];
static struct ready_set set;
static int listed[SOURCES]; /* the model's list, first to last */
static int listed_count;
static size_t looked;

static uint32_t look(struct ready_item *item) {
    looked++;
    return container_of(item, struct source, item)->holds;
}

static int setup(void **state) {
    (void)state;
    memset(sources, 0, sizeof(sources));
    listed_count = 0;
    ready_init(&set, look);
    return 0;
}

static void add(int n, uint32_t events) {
    sources[n].item.events = events;
    sources[n].item.data = (uint64_t)n * 3;
    ready_add(&set, &sources[n].item, (uint64_t)n * 7);
}

/* ---- The model ------------------------------------------------------------------------------- */

static int listed_at(int n) {
    for (int i = 0; i < listed_count; i++)
        if (listed[i] == n)
            return i;
    return -1;
}

static void unlist(int n) {
    int at = listed_at(n);
    if (at < 0)
        return;
    memmove(listed + at, listed + at + 1, (size_t)(listed_count - at - 1) * sizeof(int));
    listed_count--;
}

static void list(int n) {
    if (listed_at(n) < 0)
        listed[listed_count++] = n;
}

static bool model_changed(int n, uint32_t what) {
    struct source *source = &sources[n];
    if (!(what & source->asked) || !(source->holds & source->asked))
        return false;
    list(n);
    return true;
}

/* Which are to be told, in order; those that do not hold any more leave the list. */
static int model_look(int *told, int most) {
    int count = 0;
    for (int i = 0; i < listed_count && count < most;) {
        struct source *source = &sources[listed[i]];
        if (source->holds & source->asked)
            told[count++] = listed[i++];
        else
            unlist(listed[i]);
    }
    return count;
}

static void model_take(const int *told, int count) {
    for (int i = 0; i < count; i++) {
        struct source *source = &sources[told[i]];
        unlist(told[i]);
        if (source->how & READY_ONE_SHOT)
            source->asked = 0;
        else if (!(source->how & READY_EDGE))
            list(told[i]);
    }
}

/* ---- Random operations ----------------------------------------------------------------------- */

static uint32_t random_how(void) {
    uint32_t how[] = {0, READY_EDGE, READY_ONE_SHOT, READY_EDGE | READY_ONE_SHOT, READY_EXCLUSIVE};
    return how[rand() % 5];
}

static void random_control(int n) {
    struct source *source = &sources[n];
    struct ready_item *found = ready_find(&set, (uint64_t)n * 7);
    assert_ptr_equal(found, source->there ? &source->item : NULL);
    if (source->there && rand() % 2) {
        ready_remove(&set, &source->item);
        unlist(n);
        source->there = false;
        return;
    }
    source->asked = ((uint32_t)rand() & (IN | OUT)) | ERR;
    source->how = random_how();
    if (source->there)
        source->item.events = source->asked | source->how;
    else
        add(n, source->asked | source->how);
    source->there = true;
    assert_int_equal(ready_changed(&set, &source->item, ~0u), model_changed(n, ~0u));
}

static void random_change(int n) {
    struct source *source = &sources[n];
    uint32_t bit = 1u << (rand() % 4);
    source->holds ^= bit;
    if (source->there && (source->holds & bit))
        assert_int_equal(ready_changed(&set, &source->item, bit), model_changed(n, bit));
}

static void random_wait(void) {
    struct ready_event events[MOST];
    int told[MOST];
    int most = 1 + rand() % MOST;
    bool more;
    size_t count = ready_look(&set, events, (size_t)most, SIZE_MAX, &more);
    assert_int_equal(count, model_look(told, most));
    for (size_t i = 0; i < count; i++) {
        struct source *source = &sources[told[i]];
        assert_ptr_equal(events[i].item, &source->item);
        assert_int_equal(events[i].events, source->holds & source->asked);
        assert_int_equal(events[i].item->data, (uint64_t)told[i] * 3);
    }
    if (rand() % 8 == 0)
        return; /* they could not be told: nothing has changed */
    ready_take(&set, events, count);
    model_take(told, (int)count);
}

static void random_operations_match_a_model(void **state) {
    (void)state;
    srand(7);
    for (int step = 0; step < STEPS; step++) {
        int n = rand() % SOURCES;
        switch (rand() % 8) {
        case 0:
            random_control(n);
            break;
        case 1:
        case 2:
            random_wait();
            break;
        default:
            random_change(n);
        }
    }
    for (int n = 0; n < SOURCES; n++)
        if (sources[n].there)
            ready_remove(&set, &sources[n].item);
    assert_null(ready_any(&set));
    assert_true(list_empty(&set.ready));
}

/* ---- Single rules ---------------------------------------------------------------------------- */

static size_t wait(uint32_t *bits) {
    struct ready_event events[MOST];
    bool more;
    size_t count = ready_look(&set, events, MOST, SIZE_MAX, &more);
    *bits = count ? events[0].events : 0;
    ready_take(&set, events, count);
    return count;
}

static void level_is_told_as_long_as_it_holds(void **state) {
    uint32_t bits;
    (void)state;
    add(0, IN);
    assert_int_equal(wait(&bits), 0);
    sources[0].holds = IN | OUT;
    assert_true(ready_changed(&set, &sources[0].item, IN));
    assert_int_equal(wait(&bits), 1);
    assert_int_equal(bits, IN);
    assert_int_equal(wait(&bits), 1);
    sources[0].holds = 0;
    assert_int_equal(wait(&bits), 0);
}

static void edge_is_told_once_a_change(void **state) {
    uint32_t bits;
    (void)state;
    add(0, IN | READY_EDGE);
    sources[0].holds = IN;
    assert_true(ready_changed(&set, &sources[0].item, IN));
    assert_int_equal(wait(&bits), 1);
    assert_int_equal(wait(&bits), 0);
    assert_false(ready_changed(&set, &sources[0].item, OUT));
    assert_int_equal(wait(&bits), 0);
    assert_true(ready_changed(&set, &sources[0].item, IN));
    assert_int_equal(wait(&bits), 1);
}

static void one_shot_is_told_once(void **state) {
    uint32_t bits;
    (void)state;
    add(0, IN | READY_ONE_SHOT);
    sources[0].holds = IN;
    assert_true(ready_changed(&set, &sources[0].item, IN));
    assert_int_equal(wait(&bits), 1);
    assert_false(ready_changed(&set, &sources[0].item, IN));
    assert_int_equal(wait(&bits), 0);
}

static void nobody_is_left_out(void **state) {
    struct ready_event event;
    bool more;
    (void)state;
    for (int n = 0; n < 3; n++) {
        add(n, IN);
        sources[n].holds = IN;
        ready_changed(&set, &sources[n].item, IN);
    }
    for (int turn = 0; turn < 6; turn++) {
        assert_int_equal(ready_look(&set, &event, 1, SIZE_MAX, &more), 1);
        assert_true(more);
        assert_ptr_equal(event.item, &sources[turn % 3].item);
        ready_take(&set, &event, 1);
    }
}

static void idle_items_are_not_looked_at(void **state) {
    static struct source many[10000];
    uint32_t bits;
    (void)state;
    for (size_t n = 0; n < 10000; n++) {
        many[n].item.events = IN;
        ready_add(&set, &many[n].item, 100000 + n);
    }
    many[5000].holds = IN;
    ready_changed(&set, &many[5000].item, IN);
    looked = 0;
    assert_int_equal(wait(&bits), 1);
    assert_int_equal(looked, 1);
}

static void a_look_is_bounded(void **state) {
    struct ready_event events[MOST];
    bool more;
    (void)state;
    for (int n = 0; n < 30; n++) {
        add(n, IN);
        sources[n].holds = IN;
        ready_changed(&set, &sources[n].item, IN);
        sources[n].holds = 0;
    }
    assert_int_equal(ready_look(&set, events, MOST, 20, &more), 0);
    assert_true(more);
    assert_int_equal(ready_look(&set, events, MOST, 20, &more), 0);
    assert_false(more);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(level_is_told_as_long_as_it_holds, setup),
        cmocka_unit_test_setup(edge_is_told_once_a_change, setup),
        cmocka_unit_test_setup(one_shot_is_told_once, setup),
        cmocka_unit_test_setup(nobody_is_left_out, setup),
        cmocka_unit_test_setup(idle_items_are_not_looked_at, setup),
        cmocka_unit_test_setup(a_look_is_bounded, setup),
        cmocka_unit_test_setup(random_operations_match_a_model, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
