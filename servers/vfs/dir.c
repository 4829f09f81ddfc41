/* SPDX-License-Identifier: MIT */
/*
 * Directories: names in one hash table, keyed by directory and text, and in creation order per
 * directory for getdents64(2). The table doubles when it is as full as it has buckets.
 */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <parley/errno.h>

#define BUCKETS_FIRST 256

static struct name **buckets;
static size_t bucket_count;
static size_t name_count;

/* FNV-1a over the text, started from the directory's number. */
static uint32_t hash_of(const struct node *dir, const char *text, size_t length) {
    uint32_t hash = 2166136261u ^ (uint32_t)(dir->ino * 2654435761u);
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    }
    return hash;
}

static bool grow(void) {
    size_t count = bucket_count ? bucket_count * 2 : BUCKETS_FIRST;
    struct name **table = calloc(count, sizeof(struct name *));
    if (!table) {
        return bucket_count != 0;
    }
    for (size_t i = 0; i < bucket_count; i++) {
        for (struct name *name = buckets[i]; name;) {
            struct name *next = name->hash_next;
            name->hash_next = table[name->hash & (count - 1)];
            table[name->hash & (count - 1)] = name;
            name = next;
        }
    }
    free(buckets);
    buckets = table;
    bucket_count = count;
    return true;
}

struct name *dir_find(const struct node *dir, const char *text, size_t length) {
    if (bucket_count == 0) {
        return NULL;
    }
    uint32_t hash = hash_of(dir, text, length);
    for (struct name *name = buckets[hash & (bucket_count - 1)]; name; name = name->hash_next) {
        if (name->hash == hash && name->dir == dir && name->length == length &&
            memcmp(name->text, text, length) == 0) {
            return name;
        }
    }
    return NULL;
}

static void link_in_order(struct node *dir, struct name *name) {
    name->cookie = dir->dir.next_cookie++;
    name->previous = dir->dir.last;
    name->next = NULL;
    if (dir->dir.last) {
        dir->dir.last->next = name;
    } else {
        dir->dir.first = name;
    }
    dir->dir.last = name;
}

/* Memory for a name, and room in the table. */
static struct name *name_new(const char *text, size_t length) {
    if (name_count >= bucket_count && !grow()) {
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
    name->hash_next = buckets[name->hash & (bucket_count - 1)];
    buckets[name->hash & (bucket_count - 1)] = name;
    name_count++;
    link_in_order(dir, name);
    if (node_is_dir(node)) {
        dir->nlink++;
        node->dir.parent = node_hold(dir);
    }
    dir->mtime = dir->ctime = node->ctime = vfs_now();
}

static void unlink_in_order(struct node *dir, struct name *name) {
    if (name->previous) {
        name->previous->next = name->next;
    } else {
        dir->dir.first = name->next;
    }
    if (name->next) {
        name->next->previous = name->previous;
    } else {
        dir->dir.last = name->previous;
    }
}

/* Undoes enter, but for a directory's reference on its parent. */
static void leave(struct name *name) {
    struct node *dir = name->dir;
    struct name **at = &buckets[name->hash & (bucket_count - 1)];
    while (*at != name) {
        at = &(*at)->hash_next;
    }
    *at = name->hash_next;
    name_count--;
    unlink_in_order(dir, name);
    if (node_is_dir(name->node)) {
        dir->nlink--;
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

void dir_remove(struct name *name) {
    struct node *node = name->node;
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
    if (node_is_dir(node)) {
        node_put(one->dir);
    }
    if (node_is_dir(other_node)) {
        node_put(other->dir);
    }
}

bool dir_is_empty(const struct node *dir) {
    return dir->dir.first == NULL;
}

bool dir_is_below(const struct node *node, const struct node *ancestor) {
    while (node != ancestor) {
        if (node == tree_root) {
            return false;
        }
        node = node->dir.parent;
    }
    return true;
}

struct name *dir_at(const struct node *dir, uint64_t cookie) {
    struct name *name = dir->dir.first;
    while (name && name->cookie < cookie) {
        name = name->next;
    }
    return name;
}

struct name *dir_own_name(const struct node *dir) {
    if (dir == tree_root || dir->nlink == 0) {
        return NULL;
    }
    struct name *name = dir->dir.parent->dir.first;
    while (name && name->node != dir) {
        name = name->next;
    }
    return name;
}
