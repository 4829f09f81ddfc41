/* SPDX-License-Identifier: MIT */
/*
 * From a request to nodes: whose it is, the path in its input buffer, and the walk.
 *
 * A walk that is too long for one go returns what request_wait() returned, as an error: the handler, which
 * must have changed nothing yet, returns it, too, and is called again. Then its walks go on from where they were.
 */
#ifndef VFS_LOOKUP_H
#define VFS_LOOKUP_H

#include "file.h"
#include "path.h"

/* On whose behalf: a process, asking itself or by the process server. */
struct caller {
    struct context *context;
    struct credentials who;
};

/* 0, or -ESRCH if the request comes from no process. */
int caller_of(const struct request *req, struct caller *caller);
int caller_by_pid(int pid, struct caller *caller);

/*
 * The path at the start of the input buffer, up to its NUL, in a buffer that the next request
 * overwrites; -EFAULT or -ENAMETOOLONG. It is read once, however often the request is handled.
 */
int read_path(const struct request *req, const char **path);
/* Two paths one after the other. */
int read_two_paths(const struct request *req, const char *path[2]);

/* Where relative paths start: -EBADF, or -ENOTDIR for a file. `path` tells if it matters. */
int start_of(const struct caller *caller, int dirfd, const char *path, struct node **start);

/* The first (0) or second (1) walk of a request: path_walk. */
long walk_from(const struct request *req, unsigned which, const char *path, struct node *start,
               const struct caller *caller, uint32_t flags, struct walk *walk);

/* Is `node` the directory `ancestor` or below it? The first (0) or second (1) time that a request asks so; as with walks
 * a negative errno is its result. */
long is_below(const struct request *req, unsigned which, struct node *node,
              const struct node *ancestor);

/* read_path, start_of and walk_from together. */
long walk_at(const struct request *req, const struct caller *caller, int dirfd, uint32_t flags,
             struct walk *walk);

/*
 * The same for an exec of the caller's by the process server, which must not be kept waiting: -EAGAIN, the walk is not
 * at its end, and goes on when this is called `again`.
 */
long walk_for_exec(const struct request *req, const struct caller *caller, int dirfd,
                   uint32_t flags, bool again, struct walk *walk);
void exec_walk_end(struct context *context); /* or there is none */

/*
 * For calls that take AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW: the node of a path or of dirfd
 * itself. An empty input buffer counts as an empty path.
 */
long node_at(const struct request *req, const struct caller *caller, int dirfd, uint32_t at_flags,
             struct node **node);

/* A new node under the name that a walk found free: 0 or an error. */
long name_new_node(const struct caller *caller, const struct walk *walk, uint32_t mode,
                   struct node **made);

/* A walk with WALK_PARENT must have found a directory to put a new name in: 0 or an errno. */
int check_new_name(const struct walk *walk, const struct caller *caller);

#endif
