/* SPDX-License-Identifier: MIT */
/* The tree of locks (lock_tree.h). Recursion goes as deep as the tree is high: 64 at most. */
#include "lock_tree.h"

static int height(const struct lock *lock) {
    return lock ? lock->height : 0;
}

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

static void update(struct lock *lock) {
    int left = height(lock->left), right = height(lock->right);
    lock->height = (left > right ? left : right) + 1;
    lock->reach = (struct lock_reach){lock->owner, lock->last};
    lock->other = (struct lock_reach){NULL, 0};
    if (lock->left) {
        extend(lock, lock->left->reach);
        extend(lock, lock->left->other);
    }
    if (lock->right) {
        extend(lock, lock->right->reach);
        extend(lock, lock->right->other);
    }
}

static struct lock *rotate_right(struct lock *lock) {
    struct lock *left = lock->left;
    lock->left = left->right;
    left->right = lock;
    update(lock);
    update(left);
    return left;
}

static struct lock *rotate_left(struct lock *lock) {
    struct lock *right = lock->right;
    lock->right = right->left;
    right->left = lock;
    update(lock);
    update(right);
    return right;
}

static struct lock *balance(struct lock *lock) {
    int difference = height(lock->left) - height(lock->right);
    if (difference > 1) {
        if (height(lock->left->left) < height(lock->left->right)) {
            lock->left = rotate_left(lock->left);
        }
        return rotate_right(lock);
    }
    if (difference < -1) {
        if (height(lock->right->right) < height(lock->right->left)) {
            lock->right = rotate_right(lock->right);
        }
        return rotate_left(lock);
    }
    update(lock);
    return lock;
}

/* Of locks that start at the same byte the address decides, so that each is found again. */
static bool stands_before(const struct lock *a, const struct lock *b) {
    return lock_first(a) < lock_first(b) || (lock_first(a) == lock_first(b) && a < b);
}

static struct lock *insert(struct lock *root, struct lock *lock) {
    if (!root) {
        lock->left = lock->right = NULL;
        update(lock);
        return lock;
    }
    if (stands_before(lock, root)) {
        root->left = insert(root->left, lock);
    } else {
        root->right = insert(root->right, lock);
    }
    return balance(root);
}

/* Takes the first lock out of the subtree: *first. What is left of it. */
static struct lock *take_first(struct lock *root, struct lock **first) {
    if (!root->left) {
        *first = root;
        return root->right;
    }
    root->left = take_first(root->left, first);
    return balance(root);
}

static struct lock *take(struct lock *root, struct lock *lock) {
    if (root != lock) {
        if (stands_before(lock, root)) {
            root->left = take(root->left, lock);
        } else {
            root->right = take(root->right, lock);
        }
        return balance(root);
    }
    if (!lock->right) {
        return lock->left;
    }
    struct lock *successor;
    struct lock *right = take_first(lock->right, &successor);
    successor->left = lock->left;
    successor->right = right;
    return balance(successor);
}

void lock_tree_insert(struct lock **root, struct lock *lock) {
    *root = insert(*root, lock);
}

void lock_tree_remove(struct lock **root, struct lock *lock) {
    *root = take(*root, lock);
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
struct lock *lock_tree_find(struct lock *root, uint64_t first, uint64_t last,
                            const struct lock_owner *owner) {
    while (root) {
        if (others_reach(root->left, first, owner)) {
            root = root->left;
        } else if (lock_first(root) > last) {
            return NULL;
        } else if (root->owner != owner && root->last >= first) {
            return root;
        } else {
            root = root->right;
        }
    }
    return NULL;
}
