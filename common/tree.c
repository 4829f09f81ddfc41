/* SPDX-License-Identifier: MIT */
/*
 * AVL trees (tree.h). The path from the root is kept in an array instead of parent pointers: an
 * AVL tree of 2^32 nodes is at most 46 high.
 */
#include <common/tree.h>
#include <stdbool.h>
#include <stddef.h>

#define MAX_HEIGHT 48

static int height(const struct tree_node *n) {
    return n ? n->height : 0;
}

/* All of these are there twice, with a function to call and without: most trees have none, and pay nothing for it. */
#define EACH static inline __attribute__((always_inline))

EACH void update(struct tree_node *n, tree_augment *augment) {
    int l = height(n->left), r = height(n->right);
    n->height = (l > r ? l : r) + 1;
    if (augment)
        augment(n);
}

EACH struct tree_node *rotate_right(struct tree_node *n, tree_augment *augment) {
    struct tree_node *l = n->left;
    n->left = l->right;
    l->right = n;
    update(n, augment);
    update(l, augment);
    return l;
}

EACH struct tree_node *rotate_left(struct tree_node *n, tree_augment *augment) {
    struct tree_node *r = n->right;
    n->right = r->left;
    r->left = n;
    update(n, augment);
    update(r, augment);
    return r;
}

EACH struct tree_node *balance(struct tree_node *n, tree_augment *augment) {
    int diff = height(n->left) - height(n->right);
    if (diff > 1) {
        if (height(n->left->left) < height(n->left->right))
            n->left = rotate_left(n->left, augment);
        return rotate_right(n, augment);
    }
    if (diff < -1) {
        if (height(n->right->right) < height(n->right->left))
            n->right = rotate_right(n->right, augment);
        return rotate_left(n, augment);
    }
    update(n, augment);
    return n;
}

/* Rebalances every link on the path, deepest first. */
static void balance_path(struct tree_node ***path, int depth) {
    while (depth-- > 0)
        *path[depth] = balance(*path[depth], NULL);
}

static void balance_path_augmented(struct tree_node ***path, int depth, tree_augment *augment) {
    while (depth-- > 0)
        *path[depth] = balance(*path[depth], augment);
}

EACH void balance_all(struct tree_node ***path, int depth, tree_augment *augment) {
    if (augment)
        balance_path_augmented(path, depth, augment);
    else
        balance_path(path, depth);
}

/* Of equal keys the address decides, so that a node is found again without a search among equals. */
static bool stands_before(const struct tree_node *a, const struct tree_node *b) {
    return a->key < b->key || (a->key == b->key && a < b);
}

EACH void insert(struct tree *tree, struct tree_node *node, tree_augment *augment) {
    struct tree_node **path[MAX_HEIGHT];
    struct tree_node **link = &tree->root;
    int depth = 0;
    while (*link) {
        path[depth++] = link;
        link = stands_before(node, *link) ? &(*link)->left : &(*link)->right;
    }
    node->left = node->right = NULL;
    update(node, augment);
    *link = node;
    balance_all(path, depth, augment);
}

void tree_insert(struct tree *tree, struct tree_node *node) {
    insert(tree, node, NULL);
}

void tree_insert_augmented(struct tree *tree, struct tree_node *node, tree_augment *augment) {
    insert(tree, node, augment);
}

EACH void take_out(struct tree *tree, struct tree_node *node, tree_augment *augment) {
    struct tree_node **path[MAX_HEIGHT];
    struct tree_node **at = &tree->root;
    int depth = 0;
    for (; *at != node; at = stands_before(node, *at) ? &(*at)->left : &(*at)->right) {
        path[depth++] = at;
    }
    path[depth++] = at;
    if (!node->left || !node->right) {
        *at = node->left ? node->left : node->right;
        balance_all(path, depth - 1, augment);
        return;
    }
    /* Two children: the successor, the leftmost of the right side, takes the node's place. */
    int node_depth = depth;
    struct tree_node **link = &node->right;
    path[depth++] = link;
    while ((*link)->left) {
        link = &(*link)->left;
        path[depth++] = link;
    }
    struct tree_node *successor = *link;
    *link = successor->right;
    successor->left = node->left;
    successor->right = node->right;
    *at = successor;
    path[node_depth] = &successor->right;
    balance_all(path, depth - 1, augment);
}

void tree_remove(struct tree *tree, struct tree_node *node) {
    take_out(tree, node, NULL);
}

void tree_remove_augmented(struct tree *tree, struct tree_node *node, tree_augment *augment) {
    take_out(tree, node, augment);
}

struct tree_node *tree_take_first(struct tree *tree) {
    struct tree_node **link = &tree->root, *n;
    while ((n = *link) && n->left)
        link = &n->left;
    if (n)
        *link = n->right;
    return n;
}

struct tree_node *tree_first(const struct tree *tree) {
    struct tree_node *n = tree->root;
    while (n && n->left)
        n = n->left;
    return n;
}

struct tree_node *tree_at_or_below(const struct tree *tree, uint64_t key) {
    struct tree_node *best = NULL;
    for (struct tree_node *n = tree->root; n;) {
        if (n->key <= key) {
            best = n;
            n = n->right;
        } else {
            n = n->left;
        }
    }
    return best;
}

struct tree_node *tree_at_or_above(const struct tree *tree, uint64_t key) {
    struct tree_node *best = NULL;
    for (struct tree_node *n = tree->root; n;) {
        if (n->key >= key) {
            best = n;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return best;
}
