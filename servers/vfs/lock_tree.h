/* SPDX-License-Identifier: MIT */
/*
 * Locks on ranges of a file, in a balanced tree that finds in O(log n) one that overlaps a range and is not
 * the asker's own, however many of its own the asker has there.
 *
 * A tree ordered by where locks start. Each node knows, of all locks in its subtree, where the last one
 * ends and where the last one of any other owner ends: so a search by an owner knows of each subtree how
 * far the others' locks in it reach. Pure data: never allocates.
 */
#ifndef VFS_LOCK_TREE_H
#define VFS_LOCK_TREE_H

#include <common/tree.h>
#include <lib/list.h>
#include <stdint.h>

struct lock_owner;

/* How far locks reach: the last byte, and whose lock that is; NULL: there are none. */
struct lock_reach {
    const struct lock_owner *owner;
    uint64_t last;
};

struct lock {
    struct tree_node start;  /* in the tree of locks of its kind; its key is the first byte */
    struct lock_reach reach; /* of the subtree */
    struct lock_reach other; /* of what others than reach.owner have in the subtree */
    struct tree_node place;  /* in its owner's ranges; its key is the first byte */
    uint64_t last;           /* byte, inclusive */
    struct lock_owner *owner;
    bool exclusive;
    struct list waiting; /* requests that this lock stops */
};

static inline uint64_t lock_first(const struct lock *lock) {
    return lock->place.key;
}

/* Range and owner must be set, and must not change while the lock is in a tree. */
void lock_tree_insert(struct tree *tree, struct lock *lock);
void lock_tree_remove(struct tree *tree, struct lock *lock);
/* The first lock that has a byte of the range and is not `owner`'s; NULL if there is none. */
struct lock *lock_tree_find(const struct tree *tree, uint64_t first, uint64_t last,
                            const struct lock_owner *owner);

#endif
