/* SPDX-License-Identifier: MIT */
/*
 * Directories: names in one hash table, keyed by directory and text, and in creation order per
 * directory for getdents64(2).
 *
 * The hash is multilinear with secret keys (Lemire and Kaser, "Strongly universal string hashing is
 * fast"): whoever does not know the keys cannot make names that collide more often than by chance. The
 * table doubles when it is as full as it has buckets; the names move over few at a time, so that no
 * request pays for all of them.
 */
#include "path.h"

#include <lib/heap.h>
#include <lib/list.h>
#include <stdlib.h>
#include <string.h>

#include <parley/errno.h>

#define BUCKETS_FIRST 256
#define MOVED_AT_ONCE 8
#define KEYS (3 + NAME_LONGEST / 4 + 1) /* directory, length, and four bytes each */

struct table {
    struct name **buckets;
    size_t count; /* of buckets, a power of two; 0: there is none */
};

uint64_t dir_moves;

static struct table table;
static struct table old; /* its buckets from `moved` on are not in `table` yet */
static size_t moved;
static size_t name_count;
static uint64_t keys[KEYS];

/* splitmix64 (Vigna). */
static uint64_t next_key(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

void names_init(uint64_t secret) {
    for (size_t i = 0; i < KEYS; i++) {
        keys[i] = next_key(&secret);
    }
}

static uint32_t hash_of(const struct node *dir, const char *text, size_t length) {
    const uint64_t *key = keys + 3;
    uint64_t sum = keys[0] + keys[1] * (uint32_t)dir->ino + keys[2] * length;
    uint32_t word;
    for (; length >= sizeof(word); length -= sizeof(word), text += sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        sum += *key++ * word;
    }
    for (word = 0; length > 0; length--) {
        word = word << 8 | (uint8_t)*text++;
    }
    return (uint32_t)((sum + *key * word) >> 32);
}

static struct name **bucket_of(uint32_t hash) {
    size_t at = hash & (old.count - 1);
    return old.count && at >= moved ? &old.buckets[at] : &table.buckets[hash & (table.count - 1)];
}

/* Some of the old table's names move into the new one. */
static void move_some(void) {
    for (int i = 0; i < MOVED_AT_ONCE && moved < old.count; i++) {
        struct name *name = old.buckets[moved++];
        while (name) {
            struct name *next = name->hash_next;
            struct name **bucket = &table.buckets[name->hash & (table.count - 1)];
            name->hash_next = *bucket;
            *bucket = name;
            name = next;
        }
    }
    if (old.count && moved == old.count) {
        free(old.buckets);
        old = (struct table){0};
    }
}

/* Twice as many buckets; without memory chains only get longer. False: there is no table at all. */
static bool grow(void) {
    size_t count = table.count ? table.count * 2 : BUCKETS_FIRST;
    struct name **buckets = own_calloc(count, sizeof(struct name *));
    if (!buckets) {
        return table.count != 0;
    }
    old = table;
    moved = 0;
    table = (struct table){buckets, count};
    return true;
}

struct name *dir_find(const struct node *dir, const char *text, size_t length) {
    if (table.count == 0) {
        return NULL;
    }
    uint32_t hash = hash_of(dir, text, length);
    for (struct name *name = *bucket_of(hash); name; name = name->hash_next) {
        if (name->hash == hash && name->dir == dir && name->length == length &&
            memcmp(name->text, text, length) == 0) {
            return name;
        }
    }
    return NULL;
}

/* Memory for a name, and room in the table. */
static struct name *name_new(const char *text, size_t length) {
    move_some();
    if (name_count >= table.count && !old.count && !grow()) {
        return NULL;
    }
    struct name *name = malloc(sizeof(*name) + length + 1);
    if (name) {
        name->length = (uint32_t)length;
        memcpy(name->text, text, length);
        name->text[length] = '\0';
    }
    return name;
}

/* The name leads to the node from now on; no link count changes but the way up's. */
static void enter(struct node *dir, struct name *name, struct node *node) {
    name->dir = dir;
    name->node = node;
    name->hash = hash_of(dir, name->text, name->length);
    struct name **bucket = bucket_of(name->hash);
    name->hash_next = *bucket;
    *bucket = name;
    name_count++;
    name->place.key = dir->dir.next_cookie++;
    tree_insert(&dir->dir.names, &name->place);
    if (node_is_dir(node)) {
        dir->nlink++;
        node->dir.parent = node_hold(dir);
    }
    if (!node->own) {
        node->own = name;
    }
    dir->mtime = dir->ctime = node->ctime = vfs_now();
}

/* Undoes enter, but for a directory's reference on its parent. */
static void leave(struct name *name) {
    struct node *dir = name->dir;
    struct name **at = bucket_of(name->hash);
    while (*at != name) {
        at = &(*at)->hash_next;
    }
    *at = name->hash_next;
    name_count--;
    tree_remove(&dir->dir.names, &name->place);
    if (node_is_dir(name->node)) {
        dir->nlink--;
    }
    if (name->node->own == name) {
        name->node->own = NULL;
    }
    dir->mtime = dir->ctime = name->node->ctime = vfs_now();
}

int dir_add(struct node *dir, const char *text, size_t length, struct node *node) {
    if (dir_find(dir, text, length)) {
        return -EEXIST;
    }
    struct name *name = name_new(text, length);
    if (!name) {
        return -ENOMEM;
    }
    node->nlink += node_is_dir(node) ? 2 : 1;
    enter(dir, name, node);
    return 0;
}

/* Whoever has the node open can still ask what its name was; without memory he is not told. */
static void keep_path(struct node *node, const struct name *name) {
    static const char mark[] = " (deleted)";
    static char path[PATH_LONGEST + sizeof(mark)];
    if (name_path(name, tree_root, path, PATH_LONGEST) < 0) {
        return;
    }
    free(node->removed);
    node->removed = strdup(strcat(path, mark));
}

void dir_remove(struct name *name) {
    struct node *node = name->node;
    if (node->refs > 0 && node->own == name) {
        keep_path(node, name);
    }
    leave(name);
    free(name);
    node->nlink = node_is_dir(node) ? 0 : node->nlink - 1;
    node_check(node);
}

int dir_move(struct name *name, struct node *dir, const char *text, size_t length) {
    struct name *made = name_new(text, length);
    if (!made) {
        return -ENOMEM;
    }
    struct node *node = name->node;
    struct node *parent = name->dir;
    struct name *replaced = dir_find(dir, text, length);
    if (replaced) {
        dir_remove(replaced);
    }
    leave(name);
    free(name);
    enter(dir, made, node);
    if (node_is_dir(node)) {
        dir_moves++;
        node_put(parent);
    }
    return 0;
}

void dir_exchange(struct name *one, struct name *other) {
    struct node *node = one->node;
    struct node *other_node = other->node;
    leave(one);
    leave(other);
    enter(one->dir, one, other_node);
    enter(other->dir, other, node);
    dir_moves++;
    if (node_is_dir(node)) {
        node_put(one->dir);
    }
    if (node_is_dir(other_node)) {
        node_put(other->dir);
    }
}

bool dir_is_empty(const struct node *dir) {
    return dir->dir.names.root == NULL;
}

struct name *dir_at(const struct node *dir, uint64_t cookie) {
    struct tree_node *place = tree_at_or_above(&dir->dir.names, cookie);
    return place ? container_of(place, struct name, place) : NULL;
}
