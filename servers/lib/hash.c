/* SPDX-License-Identifier: MIT */
/* Hash table: what is not inline in hash.h. */
#include <lib/hash.h>
#include <stdlib.h>
#include <string.h>

void hash_init(struct hash *table) {
    memset(table, 0, sizeof(*table));
}

/* Doubles the buckets when nodes outnumber them; without memory the table stays as it is. */
static void grow(struct hash *table) {
    size_t buckets = 2 * (table->mask + 1);
    struct hash_node **larger = calloc(buckets, sizeof(*larger));
    if (!larger)
        return;
    struct hash_node **old = table->buckets;
    size_t old_mask = table->mask;
    table->buckets = larger;
    table->mask = buckets - 1;
    for (size_t i = 0; i <= old_mask; i++) {
        struct hash_node *node = old[i];
        while (node) {
            struct hash_node *next = node->next;
            struct hash_node **bucket = &larger[hash_bucket(table, node->key)];
            node->next = *bucket;
            *bucket = node;
            node = next;
        }
    }
    if (old != table->first)
        free(old);
}

void hash_insert(struct hash *table, struct hash_node *node, uint64_t key) {
    if (!table->buckets) {
        table->buckets = table->first;
        table->mask = HASH_FIRST_BUCKETS - 1;
    }
    if (table->count > table->mask)
        grow(table);
    struct hash_node **bucket = &table->buckets[hash_bucket(table, key)];
    node->key = key;
    node->next = *bucket;
    *bucket = node;
    table->count++;
}

void hash_remove(struct hash *table, struct hash_node *node) {
    struct hash_node **link = &table->buckets[hash_bucket(table, node->key)];
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    table->count--;
}

void hash_destroy(struct hash *table) {
    if (table->buckets != table->first)
        free(table->buckets);
    hash_init(table);
}

static struct hash_node *first_from(const struct hash *table, size_t bucket) {
    for (; table->count && bucket <= table->mask; bucket++)
        if (table->buckets[bucket])
            return table->buckets[bucket];
    return 0;
}

struct hash_node *hash_first(const struct hash *table) {
    return first_from(table, 0);
}

struct hash_node *hash_next(const struct hash *table, const struct hash_node *node) {
    return node->next ? node->next : first_from(table, hash_bucket(table, node->key) + 1);
}
