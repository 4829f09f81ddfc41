/* SPDX-License-Identifier: MIT */
/* Nodes: their life, and the tree's root (node.h). */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <parley/errno.h>

struct node *tree_root;
struct node *tree_remote;

static uint64_t next_ino = 1;
static uint64_t nodes_alive;

int tree_init(uint64_t secret) {
    names_init(secret);
    tree_root = node_new(MODE_DIRECTORY | 0755, 0, 0);
    if (!tree_root) {
        return -ENOMEM;
    }
    tree_root->nlink = 2;
    tree_root->dir.parent = tree_root;
    node_hold(tree_root);
    return 0;
}

struct node *node_new(uint32_t mode, uint32_t uid, uint32_t gid) {
    struct node *node = calloc(1, sizeof(*node));
    if (!node) {
        return NULL;
    }
    node->mode = mode;
    node->uid = uid;
    node->gid = gid;
    node->ino = next_ino++;
    node->dev = DEVICE_TREE;
    node->atime = node->mtime = node->ctime = vfs_now();
    if (node_is_dir(node)) {
        node->dir.next_cookie = COOKIE_FIRST;
    }
    nodes_alive++;
    return node;
}

struct node *node_hold(struct node *node) {
    node->refs++;
    return node;
}

void node_put(struct node *node) {
    node->refs--;
    node_check(node);
}

#define DAY (86400ull * 1000000000)

void node_accessed(struct node *node) {
    uint64_t now = vfs_now();
    if (node->atime <= node->mtime || node->atime <= node->ctime || now - node->atime >= DAY) {
        node->atime = now;
    }
}

static void node_free(struct node *node) {
    if (node->removed) {
        free(node->removed);
    }
    node_release_data(node);
    if (node_is_symlink(node)) {
        free(node->target);
    }
    free(node);
    nodes_alive--;
}

/* With a removed directory may go the one above, and so on: a loop, since they may be very many. */
void node_check(struct node *node) {
    while (node && node->nlink == 0 && node->refs == 0) {
        struct node *parent = node_is_dir(node) ? node->dir.parent : NULL;
        node_free(node);
        node = parent;
        if (node) {
            node->refs--;
        }
    }
}

uint64_t tree_node_count(void) {
    return nodes_alive;
}
