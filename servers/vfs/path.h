/* SPDX-License-Identifier: MIT */
/*
 * From a path to a node (path_resolution(7)).
 *
 * Pure: works on the tree and on a path in memory. Single-threaded: the result's `last` and
 * `remote` point into buffers that the next walk overwrites.
 */
#ifndef VFS_PATH_H
#define VFS_PATH_H

#include "access.h"

#define WALK_NOFOLLOW 1u /* a symbolic link as last component is the result itself */
#define WALK_PARENT 2u   /* the last component need not exist */
#define WALK_EMPTY 4u    /* an empty path means the start itself (AT_EMPTY_PATH) */
/* openat2(2)'s RESOLVE_*: no links; none of the process server's, to descriptors and the like; nothing outside of where
 * the walk begins, which is an error or, IN_ROOT, stays there; not into another server's part. */
#define WALK_NO_LINKS 16u
#define WALK_NO_MAGIC 32u
#define WALK_BENEATH 64u
#define WALK_IN_ROOT 128u
#define WALK_NO_XDEV 256u
#define WALK_NAME 8u /* WALK_NOFOLLOW, and so with a slash behind it: the caller looks at `slash` */

struct walk {
    struct node *dir;  /* where the last component is; NULL if the path is only "/", "." or ".." */
    struct node *node; /* what it leads to; NULL if there is none */
    const char *last;  /* the last component */
    size_t length;     /* of it */
    bool slash;        /* the path ended in a slash: it must be a directory */
    uint8_t dots;      /* without dir: how many dots the last component is; 0: there is none */
    const char *
        remote; /* with -EREMOTE: the canonical absolute path, in another server's part, and a slash
                           if it must be a directory */
};

/*
 * Walks `path` from `start` (or the root). No references are taken: the result is valid until
 * the tree changes. Returns 0 or -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG, -EREMOTE; -EXDEV: it would have left
 * what it was to stay in.
 */
int path_walk(const char *path, struct node *start, const struct credentials *who, uint32_t flags,
              struct walk *walk);

/* Where a walk stopped that was too long for one go. */
struct walk_rest {
    struct node *at; /* NULL: it has not begun */
    unsigned links;
    uint64_t moves; /* dir_moves then */
    size_t remote_length;
    char rest[PATH_LONGEST];
    char remote[PATH_LONGEST];
};

#define WALK_MORE 1

/*
 * The same with a limit: WALK_MORE if it is reached. Then `rest` is where to go on from, in place of path and
 * start; its `at` needs a reference until then. Otherwise `rest` is as it was.
 */
int path_walk_part(struct walk_rest *rest, const char *path, struct node *start,
                   const struct credentials *who, uint32_t flags, struct walk *walk);

/* A directory's path from a root into buffer, with "(unreachable)" in front if it is not below it (getcwd(2)); its
 * length with NUL, -ENOENT if removed, -ERANGE. */
long path_of(const struct node *dir, const struct node *root, char *buffer, size_t size);
/* The same of a name. */
long name_path(const struct name *name, const struct node *root, char *buffer, size_t size);

/*
 * What is this server's in the part of the tree that is the process server's (links.c): processes' descriptors,
 * working directories and programs. 0 and the node, which lasts for this request: of what the path leads to or, if
 * it is not to be followed, of the link itself; -EACCES, -ENOENT; or -EREMOTE: it is the process server's.
 */
int process_link(const char *path, const struct credentials *who, bool follow, struct node **out);

#endif
