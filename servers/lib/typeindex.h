/* SPDX-License-Identifier: MIT */
/*
 * An index by message type: the first entry of a type, and the lowest type there is, without looking
 * at entries of other types. Used for the messages of queues and for the receivers of one type; POSIX queues have a
 * message's priority for its type, negated.
 *
 * The first entry of each type (the leader) stands in a treap; the others hang in a ring behind it
 * in the order they came. A treap whose priorities are a one-to-one scramble of the types has one
 * shape for a set of types, whatever the order, and needs neither balance data nor memory.
 */
#ifndef LIB_TYPEINDEX_H
#define LIB_TYPEINDEX_H

#include <lib/list.h>
#include <stdint.h>

struct type_node {
    struct list ring; /* of the same type, from the leader on in the order of arrival */
    int64_t type;
    bool leader;
    struct type_node *left; /* of a leader: lower types */
    struct type_node *right;
    struct type_node **from; /* of a leader: the link that points to it */
};

struct type_index {
    struct type_node *root;
};

/* Adds a node behind those of its type. */
void type_index_add(struct type_index *index, struct type_node *node, int64_t type);

/* Removes a node that is in the index. */
void type_index_remove(struct type_index *index, struct type_node *node);

/* The first node of this type, or 0. */
static inline struct type_node *type_index_find(const struct type_index *index, int64_t type) {
    struct type_node *node = index->root;
    while (node && node->type != type)
        node = type < node->type ? node->left : node->right;
    return node;
}

/* The first node of the lowest type, or 0. */
static inline struct type_node *type_index_lowest(const struct type_index *index) {
    struct type_node *node = index->root;
    while (node && node->left)
        node = node->left;
    return node;
}

#endif
