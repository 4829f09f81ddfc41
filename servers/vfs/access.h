/* SPDX-License-Identifier: MIT */
/*
 * Who may do what with a node: credentials and permission bits (path_resolution(7)).
 */
#ifndef VFS_ACCESS_H
#define VFS_ACCESS_H

#include "node.h"

struct credentials {
    uint32_t uid; /* effective */
    uint32_t gid;
    const struct groups *groups; /* supplementary ones, of the client; NULL: none */
    struct node *root;           /* where its paths begin (chroot(2)); NULL: the tree's root */
    int pid;
};

static inline struct node *access_root(const struct credentials *who) {
    return who->root ? who->root : tree_root;
}

/* Is that one of the caller's groups? */
bool access_in_group(const struct credentials *who, uint32_t gid);

#define MAY_EXECUTE 1u /* search, for a directory */
#define MAY_WRITE 2u
#define MAY_READ 4u

/* 0, or -EACCES if not all of `wanted` is allowed. */
int access_check(const struct node *node, const struct credentials *who, uint32_t wanted);
/* May a name of `node` in `dir` be taken away? -EACCES, or -EPERM for another's in a sticky one. */
int access_remove(const struct node *dir, const struct node *node, const struct credentials *who);
/* Its data were changed: what runs with its owner's rights does not any more (write(2)). */
void access_written(struct node *node, const struct credentials *who);
/*
 * May a further name lead to it? -EPERM for what is not the caller's own, unless it is a regular file that he may read
 * and write, and runs with nobody's rights: as on Linux with protected_hardlinks (proc(5)).
 */
int access_link(const struct node *node, const struct credentials *who);
/* 0 for the owner and root, else -EPERM. */
int access_owner(const struct node *node, const struct credentials *who);
#endif
