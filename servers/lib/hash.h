/* SPDX-License-Identifier: MIT */
/*
 * Intrusive hash table from a 64-bit key, growing by doubling; every operation is O(1) on average.
 *
 * Nodes are embedded in the caller's structures, so inserting never fails: when memory for more
 * buckets is short, chains only get longer. Keys are not checked for uniqueness.
 */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_FIRST_BUCKETS 16

struct hash_node {
    struct hash_node *next;
    uint64_t key;
};

struct hash {
    struct hash_node **buckets; /* 0 until the first insertion */
    size_t mask;                /* number of buckets - 1 */
    size_t count;
    struct hash_node *first[HASH_FIRST_BUCKETS];
};

/* A table of zeroes is an empty table; hash_init is for memory that is not zero. */
void hash_init(struct hash *table);

/* Fibonacci hashing: the product's high bits depend on all the key's bits. */
static inline size_t hash_bucket(const struct hash *table, uint64_t key) {
    return (size_t)((key * 0x9e3779b97f4a7c15ull) >> 40) & table->mask;
}

/* The node with this key, or 0. */
static inline struct hash_node *hash_find(const struct hash *table, uint64_t key) {
    if (!table->count)
        return 0;
    struct hash_node *node = table->buckets[hash_bucket(table, key)];
    while (node && node->key != key)
        node = node->next;
    return node;
}

void hash_insert(struct hash *table, struct hash_node *node, uint64_t key);

/* Removes a node that is in the table. */
void hash_remove(struct hash *table, struct hash_node *node);

/* Frees the bucket array of an empty table. */
void hash_destroy(struct hash *table);

/*
 * Walking: hash_first, then hash_next with the node before; 0 at the end. The table must not be
 * changed meanwhile, except that the node just returned may be removed once its successor is known.
 */
struct hash_node *hash_first(const struct hash *table);
struct hash_node *hash_next(const struct hash *table, const struct hash_node *node);

#endif
