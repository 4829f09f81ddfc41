/* SPDX-License-Identifier: MIT */
/* Locked ranges: how they split, join and stop each other (lock_ranges.h). */
#include "lock_ranges.h"

#include <stddef.h>

#define CHANGED_AT_ONCE 48 /* ranges, some 800 instructions each */

void lock_set_init(struct lock_set *set) {
    *set = (struct lock_set){0};
    list_init(&set->stirred);
}

static struct lock *lock_at(struct tree_node *place) {
    return place ? container_of(place, struct lock, place) : NULL;
}

struct lock_owner *lock_set_owner(const struct lock_set *set, uint64_t key) {
    struct tree_node *place = tree_at_or_below(&set->owners, key);
    return place && place->key == key ? container_of(place, struct lock_owner, place) : NULL;
}

struct lock *lock_set_conflict(const struct lock_set *set, const struct lock_owner *owner,
                               uint64_t first, uint64_t last, enum lock_kind kind) {
    struct lock *found = lock_tree_find(&set->exclusive, first, last, owner);
    if (kind == LOCK_SHARED) {
        return found;
    }
    struct lock *shared = lock_tree_find(&set->shared, first, last, owner);
    return !found || (shared && lock_first(shared) < lock_first(found)) ? shared : found;
}

/* A range that is to be unlocked may lie in the middle of one; one that changes its kind, too: then it is a third. */
unsigned lock_change_needs(enum lock_kind kind) {
    return kind == LOCK_NONE ? 1 : 2;
}

static void put_in(struct lock_set *set, struct lock_owner *owner, struct lock *lock) {
    if (!owner->ranges.root) {
        tree_insert(&set->owners, &owner->place);
    }
    tree_insert(&owner->ranges, &lock->place);
    lock_tree_insert(lock->exclusive ? &set->exclusive : &set->shared, lock);
}

/* Who waits for it may have its turn now. */
static void take_out(struct lock_set *set, struct lock *lock) {
    struct lock_owner *owner = lock->owner;
    lock_tree_remove(lock->exclusive ? &set->exclusive : &set->shared, lock);
    tree_remove(&owner->ranges, &lock->place);
    if (!owner->ranges.root) {
        tree_remove(&set->owners, &owner->place);
    }
    list_move_all(&set->stirred, &lock->waiting);
}

static void put_spare(struct lock_set *set, struct lock_change *change, uint64_t first,
                      uint64_t last, bool exclusive) {
    struct lock **from = change->spare[0] ? &change->spare[0] : &change->spare[1];
    struct lock *lock = *from;
    *from = NULL;
    lock->place.key = first;
    lock->last = last;
    lock->exclusive = exclusive;
    lock->owner = change->owner;
    list_init(&lock->waiting);
    put_in(set, change->owner, lock);
}

/*
 * The owner's first range that the change has to do with: one that overlaps its range, or one of its kind that
 * touches it. Of the others that touch it there can be one, in front.
 */
static struct lock *next_concerned(const struct lock_change *change) {
    uint64_t from = change->first ? change->first - 1 : 0;
    uint64_t to = change->last < LOCK_END ? change->last + 1 : LOCK_END;
    const struct tree *ranges = &change->owner->ranges;
    struct lock *lock = lock_at(tree_at_or_below(ranges, from));
    if (!lock || lock->last < from) {
        lock = lock_at(tree_at_or_above(ranges, from));
    }
    bool exclusive = change->kind == LOCK_EXCLUSIVE;
    while (lock && lock_first(lock) <= to) {
        bool overlaps = lock_first(lock) <= change->last && lock->last >= change->first;
        bool joins = change->kind != LOCK_NONE && lock->exclusive == exclusive;
        if (overlaps || joins) {
            return lock;
        }
        lock = lock_first(lock) < LOCK_END ? lock_at(tree_at_or_above(ranges, lock_first(lock) + 1))
                                           : NULL;
    }
    return NULL;
}

/* The change's range takes in this range of its kind. */
static void join(struct lock_change *change, const struct lock *lock) {
    change->first = lock_first(lock) < change->first ? lock_first(lock) : change->first;
    change->last = lock->last > change->last ? lock->last : change->last;
}

/* What the range, which is out of the set, has outside the change's stays; it is freed if that is nothing. */
static void cut(struct lock_set *set, struct lock_change *change, struct lock *lock) {
    uint64_t first = lock_first(lock), last = lock->last;
    bool front = first<change->first, behind = last> change->last;
    if (front && behind) {
        put_spare(set, change, change->last + 1, last, lock->exclusive);
    }
    if (front) {
        lock->last = change->first - 1;
        put_in(set, change->owner, lock);
    } else if (behind) {
        lock->place.key = change->last + 1;
        put_in(set, change->owner, lock);
    } else {
        lock_free(lock);
    }
}

bool lock_change_step(struct lock_set *set, struct lock_change *change) {
    bool exclusive = change->kind == LOCK_EXCLUSIVE;
    struct lock *lock;
    for (int most = CHANGED_AT_ONCE; (lock = next_concerned(change)) != NULL; most--) {
        if (most == 0) {
            return true;
        }
        take_out(set, lock);
        if (change->kind != LOCK_NONE && lock->exclusive == exclusive) {
            join(change, lock);
            lock_free(lock);
        } else {
            cut(set, change, lock);
        }
    }
    if (change->kind != LOCK_NONE) {
        put_spare(set, change, change->first, change->last, exclusive);
    } else if (!change->owner->ranges.root) {
        lock_owner_free(change->owner);
    }
    return false;
}
