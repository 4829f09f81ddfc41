/* SPDX-License-Identifier: MIT */
/*
 * Open files and directories of the process server's part of the tree (remote.c), and what of it is this server's
 * own (links.c).
 */
#ifndef VFS_REMOTE_H
#define VFS_REMOTE_H

#include "lookup.h"

#define REMOTE_ROOT "/proc"

/* The path of a file that the process server made up, or NULL. */
const char *file_made_path(const struct file *file);

/* A listing's part that was given: entries from the cookie on, each a type byte and a name with NUL. */
struct listing {
    const char *names;
    uint64_t size;
};
bool file_is_listing(const struct file *file);
/* 0, or -EREMOTE: what there is to list is to be got first. */
long file_listing(struct file *file, struct listing *listing);

/* A node's path as links and maps show it, in memory of its own; NULL: no memory. */
char *node_path(const struct node *node, const struct node *root);

#endif
