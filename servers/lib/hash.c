/* SPDX-License-Identifier: MIT */
/* Hash table: what is not inline in hash.h. */
#include <lib/check.h>
#include <lib/hash.h>
#include <lib/heap.h>
#include <stdlib.h>
#include <string.h>

void hash_init(struct hash *table) {
    memset(table, 0, sizeof(*table));
}

uint64_t hash_multiplier = 0x9e3779b97f4a7c15ull;

#define MOVED_AT_ONCE 4

static void push(struct hash_node **bucket, struct hash_node *node) {
    node->next = *bucket;
    *bucket = node;
}

/* Some of the old buckets' nodes move. */
static void move_some(struct hash *table) {
    for (int i = 0; i < MOVED_AT_ONCE && table->moved <= table->old_mask; i++) {
        struct hash_node *node = table->old[table->moved++];
        while (node) {
            struct hash_node *next = node->next;
            push(&table->buckets[hash_place(node->key) & table->mask], node);
            node = next;
        }
    }
    if (table->moved <= table->old_mask)
        return;
    if (table->old != table->first)
        free(table->old);
    table->old = 0;
}

/* Doubles the buckets when nodes outnumber them; without memory the table stays as it is. */
static void grow(struct hash *table) {
    size_t buckets = 2 * (table->mask + 1);
    struct hash_node **larger = own_calloc(buckets, sizeof(*larger));
    if (!larger)
        return;
    table->old = table->buckets;
    table->old_mask = table->mask;
    table->moved = 0;
    table->buckets = larger;
    table->mask = buckets - 1;
}

/* Where a key's nodes are. */
static struct hash_node **bucket_of(const struct hash *table, uint64_t key) {
    size_t place = hash_place(key);
    return table->old && (place & table->old_mask) >= table->moved
               ? &table->old[place & table->old_mask]
               : &table->buckets[place & table->mask];
}

struct hash_node *hash_find_old(const struct hash *table, uint64_t key) {
    struct hash_node *node = *bucket_of(table, key);
    while (node && node->key != key)
        node = node->next;
    return node;
}

void hash_insert(struct hash *table, struct hash_node *node, uint64_t key) {
    if (!table->buckets) {
        table->buckets = table->first;
        table->mask = HASH_FIRST_BUCKETS - 1;
    }
    if (table->old)
        move_some(table);
    else if (table->count > table->mask)
        grow(table);
    node->key = key;
    push(bucket_of(table, key), node);
    table->count++;
}

void hash_remove(struct hash *table, struct hash_node *node) {
    struct hash_node **link = bucket_of(table, node->key);
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    table->count--;
}

struct hash_node *hash_any(const struct hash *table, size_t *at) {
    if (!table->count)
        return 0;
    for (size_t i = table->old ? table->moved : 0; table->old && i <= table->old_mask; i++)
        if (table->old[i])
            return table->old[i];
    while (!table->buckets[*at & table->mask])
        ++*at;
    return table->buckets[*at & table->mask];
}

void hash_destroy(struct hash *table) {
    if (table->old && table->old != table->first)
        free(table->old);
    if (table->buckets != table->first)
        free(table->buckets);
    hash_init(table);
}

static size_t check_buckets(const struct hash *table, struct hash_node **buckets, size_t from,
                            size_t mask, void (*see)(struct hash_node *node, void *data),
                            void *data) {
    size_t count = 0;
    for (size_t i = from; i <= mask; i++)
        for (struct hash_node *node = buckets[i]; node; node = node->next) {
            CHECK(bucket_of(table, node->key) == &buckets[i], node);
            CHECK(++count <= table->count, table); /* else there is a ring */
            if (see)
                see(node, data);
        }
    return count;
}

size_t hash_check(const struct hash *table, void (*see)(struct hash_node *node, void *data),
                  void *data) {
    size_t count = 0;
    if (table->buckets)
        count = check_buckets(table, table->buckets, 0, table->mask, see, data);
    if (table->old)
        count += check_buckets(table, table->old, table->moved, table->old_mask, see, data);
    CHECK(count == table->count, table);
    return count;
}
