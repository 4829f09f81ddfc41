/* SPDX-License-Identifier: MIT */
/* The treap of types; see typeindex.h. */
#include <lib/check.h>
#include <lib/typeindex.h>
#include <lib/hash.h>

/*
 * Multiplying by an odd number is one-to-one, so no two types have the same priority. Since it is a secret,
 * nobody can choose types whose tree is a list.
 */
static uint64_t priority(const struct type_node *node) {
    return (uint64_t)node->type * hash_multiplier;
}

static void put(struct type_node **link, struct type_node *node) {
    *link = node;
    if (node)
        node->from = link;
}

/* Parts a tree that has no node of `type` into the lower and the higher types. */
static void split(struct type_node *tree, int64_t type, struct type_node **lower,
                  struct type_node **higher) {
    while (tree) {
        if (tree->type < type) {
            put(lower, tree);
            lower = &tree->right;
            tree = tree->right;
        } else {
            put(higher, tree);
            higher = &tree->left;
            tree = tree->left;
        }
    }
    *lower = 0;
    *higher = 0;
}

/* Joins two trees, all of whose types are lower in the first, at `link`. */
static void join(struct type_node **link, struct type_node *lower, struct type_node *higher) {
    while (lower && higher) {
        if (priority(lower) > priority(higher)) {
            put(link, lower);
            link = &lower->right;
            lower = lower->right;
        } else {
            put(link, higher);
            link = &higher->left;
            higher = higher->left;
        }
    }
    put(link, lower ? lower : higher);
}

void type_index_add(struct type_index *index, struct type_node *node, int64_t type) {
    struct type_node *leader = type_index_find(index, type);
    node->type = type;
    list_init(&node->ring);
    node->leader = !leader;
    if (leader) {
        list_add_tail(&leader->ring, &node->ring);
        return;
    }
    struct type_node **link = &index->root;
    while (*link && priority(*link) > priority(node))
        link = type < (*link)->type ? &(*link)->left : &(*link)->right;
    split(*link, type, &node->left, &node->right);
    put(link, node);
}

void type_index_remove(struct type_index *index, struct type_node *node) {
    (void)index; /* a leader's link leads there */
    if (node->leader) {
        if (list_empty(&node->ring)) {
            join(node->from, node->left, node->right);
        } else {
            struct type_node *next = container_of(node->ring.next, struct type_node, ring);
            next->leader = true;
            put(&next->left, node->left);
            put(&next->right, node->right);
            put(node->from, next);
        }
    }
    list_remove(&node->ring);
}

static void check_ring(struct type_node *leader, size_t *count,
                       void (*see)(struct type_node *node, void *data), void *data) {
    struct list *at = &leader->ring;
    list_check(at);
    do {
        struct type_node *node = container_of(at, struct type_node, ring);
        CHECK(node->type == leader->type, node);
        CHECK(node->leader == (node == leader), node);
        ++*count;
        if (see)
            see(node, data);
    } while ((at = at->next) != &leader->ring);
}

/* Types from `least` to `most` stand below this link: as deep as the treap is, which is as long as its types are random. */
static void check_tree(struct type_node *const *link, int64_t least, int64_t most, size_t *count,
                       void (*see)(struct type_node *node, void *data), void *data) {
    struct type_node *node = *link;
    if (!node)
        return;
    CHECK(node->from == link, node);
    CHECK(node->type >= least && node->type <= most, node);
    CHECK(!node->left || priority(node->left) < priority(node), node);
    CHECK(!node->right || priority(node->right) < priority(node), node);
    check_tree(&node->left, least, node->type - (node->type > least), count, see, data);
    check_tree(&node->right, node->type + (node->type < most), most, count, see, data);
    check_ring(node, count, see, data);
}

size_t type_index_check(const struct type_index *index,
                        void (*see)(struct type_node *node, void *data), void *data) {
    size_t count = 0;
    check_tree(&index->root, INT64_MIN, INT64_MAX, &count, see, data);
    return count;
}
