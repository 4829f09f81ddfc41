/* SPDX-License-Identifier: MIT */
/* The tree of locks (lock_tree.h). */
#include "lock_tree.h"

/* Takes into account that `owner` has a lock that reaches to `with.last`. */
static void extend(struct lock *lock, struct lock_reach with) {
    if (!with.owner) {
        return;
    }
    struct lock_reach *reach = &lock->reach;
    if (with.owner == reach->owner || !reach->owner) {
        reach->last = reach->owner && reach->last > with.last ? reach->last : with.last;
        reach->owner = with.owner;
        return;
    }
    if (with.last > reach->last) {
        lock->other = *reach; /* the best of an owner that is not with.owner */
        *reach = with;
    } else if (!lock->other.owner || with.last > lock->other.last) {
        lock->other = with;
    }
}

static struct lock *lock_of(struct tree_node *node) {
    return node ? container_of(node, struct lock, start) : NULL;
}

static void augment(struct tree_node *node) {
    struct lock *lock = lock_of(node);
    const struct lock *children[] = {lock_of(node->left), lock_of(node->right)};
    lock->reach = (struct lock_reach){lock->owner, lock->last};
    lock->other = (struct lock_reach){NULL, 0};
    for (int i = 0; i < 2; i++) {
        if (children[i]) {
            extend(lock, children[i]->reach);
            extend(lock, children[i]->other);
        }
    }
}

void lock_tree_insert(struct tree *tree, struct lock *lock) {
    lock->start.key = lock_first(lock);
    tree_insert_augmented(tree, &lock->start, augment);
}

void lock_tree_remove(struct tree *tree, struct lock *lock) {
    tree_remove_augmented(tree, &lock->start, augment);
}

/* Does any lock in the subtree that is not the owner's reach as far as this byte? */
static bool others_reach(const struct lock *root, uint64_t byte, const struct lock_owner *owner) {
    if (!root) {
        return false;
    }
    const struct lock_reach *reach = root->reach.owner == owner ? &root->other : &root->reach;
    return reach->owner && reach->last >= byte;
}

/*
 * If others' locks on the left reach the range, the answer is there or nowhere: one that reaches it and does not
 * overlap it starts behind it, and so do all on the right.
 */
struct lock *lock_tree_find(const struct tree *tree, uint64_t first, uint64_t last,
                            const struct lock_owner *owner) {
    struct lock *at = lock_of(tree->root);
    while (at) {
        if (others_reach(lock_of(at->start.left), first, owner)) {
            at = lock_of(at->start.left);
        } else if (lock_first(at) > last) {
            return NULL;
        } else if (at->owner != owner && at->last >= first) {
            return at;
        } else {
            at = lock_of(at->start.right);
        }
    }
    return NULL;
}
