/* SPDX-License-Identifier: MIT */
/*
 * Which ranges of a file its owners have locked: what fcntl(2) calls record locks, and flock(2) whole ones.
 *
 * Pure data: no requests, nobody waits here. An owner is a process, or an open file for locks of open file
 * descriptions.
 *
 * Invariants: an owner's ranges do not overlap, and two of the same kind do not touch: they are one. An exclusive
 * range overlaps no range of another owner. An owner without ranges is not in the set.
 */
#ifndef VFS_LOCK_RANGES_H
#define VFS_LOCK_RANGES_H

#include "lock_tree.h"

#define LOCK_END ((uint64_t)INT64_MAX) /* the last byte that a file can have */

enum lock_kind { LOCK_NONE, LOCK_SHARED, LOCK_EXCLUSIVE };

struct lock_owner {
    struct tree_node place; /* in the set's owners; its key says who it is */
    struct tree ranges;     /* struct lock.place */
    int pid;                /* as F_GETLK tells it; -1: an open file */
};

struct lock_set {
    struct tree owners;
    struct tree shared, exclusive; /* of all owners' locks: struct lock.start */
    struct list
        stirred; /* requests that were stopped by a lock that has changed: to be tried again */
};

/* A change: an owner gets this range as this kind, whatever it had of it before. */
struct lock_change {
    struct lock_owner *owner; /* in the set, or new: without ranges */
    uint64_t first, last;
    enum lock_kind kind;
    struct lock *spare[2]; /* what it may need; afterwards what is left of it */
};

void lock_set_init(struct lock_set *set);
static inline bool lock_set_empty(const struct lock_set *set) {
    return !set->owners.root;
}

/* The owner with that key; NULL if it has nothing locked. */
struct lock_owner *lock_set_owner(const struct lock_set *set, uint64_t key);

/* The first lock of another owner that does not allow this one; NULL: it may be had. */
struct lock *lock_set_conflict(const struct lock_set *set, const struct lock_owner *owner,
                               uint64_t first, uint64_t last, enum lock_kind kind);

/* How many locks a change can need of `spare`. */
unsigned lock_change_needs(enum lock_kind kind);

/*
 * Carries out a part of a change that has no conflict: true if there is more of it to do, with a few of the
 * owner's ranges gone already. Locks that are not needed any more go by lock_free().
 */
bool lock_change_step(struct lock_set *set, struct lock_change *change);

/* Defined by who uses the set: the memory of a lock, of an owner without ranges. */
void lock_free(struct lock *lock);
void lock_owner_free(struct lock_owner *owner);

#endif
