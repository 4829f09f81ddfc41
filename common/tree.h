/* SPDX-License-Identifier: MIT */
/*
 * Intrusive AVL trees keyed by a 64-bit number. Equal keys are allowed. Every operation takes O(log n) and never allocates.
 */
#ifndef COMMON_TREE_H
#define COMMON_TREE_H

#include <stdint.h>

struct tree_node {
    struct tree_node *left, *right;
    uint64_t key;
    int height; /* 1 for a leaf */
};

struct tree {
    struct tree_node *root;
};

/*
 * What a node knows of its subtree besides: set from what it is itself and what its children (NULL: there is none) know.
 * Whoever has such a tree gives the same function with each change.
 */
typedef void tree_augment(struct tree_node *node);
void tree_insert_augmented(struct tree *tree, struct tree_node *node, tree_augment *augment);
void tree_remove_augmented(struct tree *tree, struct tree_node *node, tree_augment *augment);

void tree_insert(struct tree *tree, struct tree_node *node);
/* The node must be in the tree. */
void tree_remove(struct tree *tree, struct tree_node *node);
struct tree_node *tree_first(const struct tree *tree);
/* Removes and returns the first node, or NULL. Leaves the tree unbalanced: for taking one apart, after
 * which nothing may be inserted or removed in another way until it is empty. */
struct tree_node *tree_take_first(struct tree *tree);
/* The last node with key <= key, or NULL. */
struct tree_node *tree_at_or_below(const struct tree *tree, uint64_t key);
/* The first node with key >= key, or NULL. */
struct tree_node *tree_at_or_above(const struct tree *tree, uint64_t key);

#endif
