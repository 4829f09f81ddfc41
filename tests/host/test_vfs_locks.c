/* SPDX-License-Identifier: MIT */
/*
 * Locked ranges of a file against a model: for each byte and owner, what the owner has of it. Random
 * changes, at both ends of what a file can have, with the tree's own figures looked at as it goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lock_ranges.h"

#define OWNERS 5
#define HALF 48 /* bytes that the model has at either end */
#define BYTES (2 * HALF)

static uint8_t model[OWNERS][BYTES]; /* enum lock_kind */
static struct lock_owner *owners[OWNERS];
static unsigned locks_alive, owners_alive;

void lock_free(struct lock *lock) {
    assert_true(list_empty(&lock->waiting));
    free(lock);
    locks_alive--;
}

void lock_owner_free(struct lock_owner *owner) {
    owners[owner->place.key] = NULL;
    free(owner);
    owners_alive--;
}

/* The model's byte: the first ones of a file, and the last ones. */
static uint64_t byte_at(int index) {
    return index < HALF ? (uint64_t)index : LOCK_END - (uint64_t)(BYTES - 1 - index);
}

static struct lock *new_lock(void) {
    locks_alive++;
    struct lock *lock = calloc(1, sizeof(*lock));
    assert_non_null(lock);
    return lock;
}

static struct lock_owner *owner_of(struct lock_set *set, int who) {
    struct lock_owner *owner = lock_set_owner(set, (uint64_t)who);
    assert_ptr_equal(owner, owners[who]);
    if (!owner) {
        owner = calloc(1, sizeof(*owner));
        assert_non_null(owner);
        owner->place.key = (uint64_t)who;
        owners[who] = owner;
        owners_alive++;
    }
    return owner;
}

static bool model_conflicts(int who, int from, int to, enum lock_kind kind) {
    for (int other = 0; other < OWNERS; other++) {
        for (int i = from; other != who && i <= to; i++) {
            if (model[other][i] == LOCK_EXCLUSIVE ||
                (model[other][i] == LOCK_SHARED && kind == LOCK_EXCLUSIVE)) {
                return true;
            }
        }
    }
    return false;
}

static void change(struct lock_set *set, int who, int from, int to, enum lock_kind kind) {
    struct lock_change c = {
        .owner = owner_of(set, who), .first = byte_at(from), .last = byte_at(to), .kind = kind};
    for (unsigned i = 0; i < lock_change_needs(kind); i++) {
        c.spare[i] = new_lock();
    }
    while (lock_change_step(set, &c)) {
    }
    for (int i = 0; i < 2; i++) {
        locks_alive -= c.spare[i] != NULL;
        free(c.spare[i]);
    }
    memset(&model[who][from], (int)kind, (size_t)(to - from + 1));
}

/* What the set says an owner has of a byte. */
static enum lock_kind kind_at(const struct lock_set *set, int who, int index) {
    const struct lock_owner *owner = lock_set_owner(set, (uint64_t)who);
    struct tree_node *place = owner ? tree_at_or_below(&owner->ranges, byte_at(index)) : NULL;
    const struct lock *lock = place ? container_of(place, struct lock, place) : NULL;
    return !lock || lock->last < byte_at(index) ? LOCK_NONE
           : lock->exclusive                    ? LOCK_EXCLUSIVE
                                                : LOCK_SHARED;
}

/* Ranges of one kind never touch, and each has a byte. */
static unsigned check_owner(const struct lock_set *set, int who) {
    const struct lock_owner *owner = lock_set_owner(set, (uint64_t)who);
    const struct lock *before = NULL;
    unsigned count = 0;
    struct tree_node *place = owner ? tree_first(&owner->ranges) : NULL;
    while (place) {
        const struct lock *lock = container_of(place, struct lock, place);
        assert_true(lock->owner == owner && lock->last >= lock_first(lock));
        assert_false(before && before->last >= lock_first(lock));
        assert_false(before && before->last + 1 == lock_first(lock) &&
                     before->exclusive == lock->exclusive);
        count++;
        before = lock;
        place = tree_at_or_above(&owner->ranges, lock_first(lock) + 1);
    }
    assert_true(!owner || count > 0);
    return count;
}

static void check(const struct lock_set *set) {
    unsigned count = 0;
    for (int who = 0; who < OWNERS; who++) {
        count += check_owner(set, who);
        for (int i = 0; i < BYTES; i++) {
            assert_int_equal(kind_at(set, who, i), model[who][i]);
        }
    }
    assert_int_equal(count, locks_alive);
}

/* The lock that stops somebody is the first one that does. */
static void check_conflict(const struct lock_set *set, int who, int from, int to,
                           enum lock_kind kind) {
    const struct lock *lock = lock_set_conflict(set, lock_set_owner(set, (uint64_t)who),
                                                byte_at(from), byte_at(to), kind);
    assert_int_equal(lock != NULL, model_conflicts(who, from, to, kind));
    if (lock) {
        assert_true(lock_first(lock) <= byte_at(to) && lock->last >= byte_at(from));
        assert_true(lock->owner != owners[who]);
        for (int i = from; i <= to && byte_at(i) < lock_first(lock); i++) {
            assert_false(model_conflicts(who, i, i, kind));
        }
    }
}

static void test_random_changes(void **state) {
    struct lock_set set;
    (void)state;
    lock_set_init(&set);
    srand(5);
    for (int step = 0; step < 40000; step++) {
        int who = rand() % OWNERS, a = rand() % BYTES, b = rand() % (step % 3 ? 8 : BYTES);
        int to = a + b < BYTES ? a + b : BYTES - 1;
        enum lock_kind kind = (enum lock_kind)(rand() % 3);
        if (kind != LOCK_NONE) {
            check_conflict(&set, who, a, to, kind);
        }
        if (kind == LOCK_NONE || !model_conflicts(who, a, to, kind)) {
            change(&set, who, a, to, kind);
        }
        check(&set);
    }
    for (int who = 0; who < OWNERS; who++) {
        change(&set, who, 0, BYTES - 1, LOCK_NONE);
    }
    assert_true(lock_set_empty(&set) && !set.shared.root && !set.exclusive.root);
    assert_int_equal(locks_alive, 0);
    assert_int_equal(owners_alive, 0);
}

/* Who waits for a lock is stirred when it changes, and nobody else. */
static void test_waiting(void **state) {
    struct lock_set set;
    struct list one, other;
    (void)state;
    lock_set_init(&set);
    change(&set, 0, 0, 3, LOCK_EXCLUSIVE);
    change(&set, 0, 10, 13, LOCK_EXCLUSIVE);
    list_add_tail(&lock_set_conflict(&set, NULL, 2, 2, LOCK_SHARED)->waiting, &one);
    list_add_tail(&lock_set_conflict(&set, NULL, 9, 11, LOCK_SHARED)->waiting, &other);
    change(&set, 0, 5, 6, LOCK_EXCLUSIVE);
    assert_true(list_empty(&set.stirred));
    change(&set, 0, 12, 12, LOCK_NONE);
    assert_true(set.stirred.next == &other && other.next == &set.stirred);
    list_remove(&other);
    change(&set, 0, 0, BYTES - 1, LOCK_NONE);
    assert_true(set.stirred.next == &one);
}

/* A long way of ranges goes in steps, each of them short. */
static void test_steps(void **state) {
    struct lock_set set;
    int steps = 1;
    (void)state;
    lock_set_init(&set);
    for (int i = 0; i < HALF; i += 2) {
        change(&set, 1, i, i, LOCK_SHARED);
        change(&set, 1, HALF + i, HALF + i, LOCK_EXCLUSIVE);
    }
    struct lock_change all = {.owner = owner_of(&set, 1), .last = LOCK_END, .kind = LOCK_NONE};
    unsigned most = locks_alive;
    while (lock_change_step(&set, &all)) {
        assert_true(locks_alive < most);
        steps++;
    }
    assert_int_equal(steps, 1);
    for (uint64_t i = 0; i < 1000; i++) {
        struct lock_change one = {.owner = owner_of(&set, 1),
                                  .first = 2 * i,
                                  .last = 2 * i,
                                  .kind = LOCK_SHARED,
                                  .spare = {new_lock()}};
        assert_false(lock_change_step(&set, &one));
    }
    assert_true(set.shared.root->height <= 14);
    all.owner = owner_of(&set, 1);
    while (lock_change_step(&set, &all)) {
        steps++;
    }
    assert_true(steps > 15);
    assert_int_equal(locks_alive, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
