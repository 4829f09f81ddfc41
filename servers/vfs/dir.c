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

int dir_add(struct node *dir, const char *text, size_t length, struct node *node) {
    if (dir_find(dir, text, length)) {
        return -EEXIST;
    }
    if (name_count >= bucket_count && !grow()) {
        return -ENOMEM;
    }
    struct name *name = malloc(sizeof(*name) + length + 1);
    if (!name) {
        return -ENOMEM;
    }
    name->dir = dir;
    name->node = node;
    name->hash = hash_of(dir, text, length);
    name->length = (uint32_t)length;
    memcpy(name->text, text, length);
    name->text[length] = '\0';
    name->hash_next = buckets[name->hash & (bucket_count - 1)];
    buckets[name->hash & (bucket_count - 1)] = name;
    name_count++;
    link_in_order(dir, name);
    if (node_is_dir(node)) {
        node->nlink = 2;
        dir->nlink++;
        node->dir.parent = node_hold(dir);
    } else {
        node->nlink++;
    }
    dir->mtime = dir->ctime = node->ctime = vfs_now();
    return 0;
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

void dir_remove(struct name *name) {
    struct node *dir = name->dir;
    struct node *node = name->node;
    struct name **at = &buckets[name->hash & (bucket_count - 1)];

    while (*at != name) {
        at = &(*at)->hash_next;
    }
    *at = name->hash_next;
    name_count--;
    unlink_in_order(dir, name);
    free(name);
    if (node_is_dir(node)) {
        node->nlink = 0;
        dir->nlink--;
    } else {
        node->nlink--;
    }
    dir->mtime = dir->ctime = node->ctime = vfs_now();
    node_check(node);
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
