/* SPDX-License-Identifier: MIT */
/*
 * Intrusive hash table from a 64-bit key, growing by doubling; every operation is O(1) on average,
 * whatever keys programs choose: the hash depends on a secret. While a table grows, nodes move from the old
 * buckets to the new ones few at a time, so that no insertion pays for all.
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
    struct hash_node **old; /* the buckets before it grew; those before `moved` are empty; or 0 */
    size_t old_mask, moved;
    struct hash_node *first[HASH_FIRST_BUCKETS];
};

/* A table of zeroes is an empty table; hash_init is for memory that is not zero. */
void hash_init(struct hash *table);

/* Odd, and this server's secret: start.c. */
extern uint64_t hash_multiplier;

/* Multiply-shift hashing (Dietzfelbinger et al.), universal over the choice of the multiplier. */
static inline size_t hash_place(uint64_t key) {
    return (size_t)(key * hash_multiplier >> 40);
}

struct hash_node *hash_find_old(const struct hash *table, uint64_t key);

/* The node with this key, or 0. */
static inline struct hash_node *hash_find(const struct hash *table, uint64_t key) {
    if (!table->count)
        return 0;
    struct hash_node *node = table->buckets[hash_place(key) & table->mask];
    while (node && node->key != key)
        node = node->next;
    return node || !table->old ? node : hash_find_old(table, key);
}

/* Another node with the same key, or 0: they are all in one chain. */
static inline struct hash_node *hash_next(const struct hash_node *node) {
    struct hash_node *next = node->next;
    while (next && next->key != node->key)
        next = next->next;
    return next;
}

void hash_insert(struct hash *table, struct hash_node *node, uint64_t key);

/* Removes a node that is in the table. */
void hash_remove(struct hash *table, struct hash_node *node);

/* Some node of a table, or 0 if it is empty. *at: where the last look ended, 0 at first, so that taking all nodes
 * off looks at each bucket once. */
struct hash_node *hash_any(const struct hash *table, size_t *at);

/* Frees the bucket array of an empty table. */
void hash_destroy(struct hash *table);

#endif
