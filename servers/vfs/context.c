/* SPDX-License-Identifier: MIT */
/*
 * Processes by session messages: a new one has the root as its directory and no descriptors, a
 * child shares its parent's open files, exec closes what is marked, exit closes all. One that was here
 * before this server was started anew has the root as its directory, and descriptors that are lost.
 */
#include "locks.h"
#include "lookup.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE_RANGE_UNSHARE 2u /* descriptors are never shared by processes */
#define CLOSE_RANGE_CLOEXEC 4u

long vfs_handle_close_range(struct request *req, uint32_t first, uint32_t last, uint32_t flags) {
    struct context *context = request_context(req);
    if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last) {
        return -EINVAL;
    }
    if (!context) {
        return -EBADF;
    }
    if (first > INT_MAX) {
        return 0;
    }
    int end = last < INT_MAX ? (int)last : INT_MAX;
    if (!(flags & CLOSE_RANGE_CLOEXEC)) {
        return fds_close(context, req, (int)first, end);
    }
    fd_table_mark_cloexec(&context->fds, (int)first, end);
    return 0;
}

static void put_if_any(struct node *node) {
    if (node) {
        node_put(node);
    }
}

void context_starts(struct context *context, struct node *program) {
    struct node *before = context->starting;
    context->starting = node_hold(program);
    put_if_any(before);
}

/* It runs `program` (or, NULL, nothing more), whose reference it takes over. */
static void run(struct context *context, struct node *program) {
    struct node *before = context->program;
    context->program = program;
    if (program) {
        program->file.runs++;
    }
    if (before) {
        before->file.runs--;
        node_put(before);
    }
}

static void context_free(struct context *context) {
    fds_end(context);
    run(context, NULL);
    put_if_any(context->starting);
    put_if_any(context->root);
    node_put(context->cwd);
    exec_walk_end(context);
    free(context);
}

static long context_connected(struct client *client) {
    struct context *context = calloc(1, sizeof(*context));
    if (!context) {
        return -ENOMEM;
    }
    fd_table_init(&context->fds);
    context->cwd = node_hold(tree_root);
    context->pid = client_pid(client);
    context->lock_key = lock_key_new();
    context->umask = 022;
    context->limit = FD_SOFT_LIMIT;
    context->file_most = UINT64_MAX;
    long error = client->rejoined ? lost_descriptors(context) : 0;
    if (error < 0) {
        context_free(context);
        return error;
    }
    client->data = context;
    return 0;
}

static long context_forked(struct client *parent, struct client *child) {
    struct context *from = parent->data;
    struct context *to = malloc(sizeof(*to));
    if (!to) {
        return -ENOMEM;
    }
    *to = *from;
    to->pid = client_pid(child);
    to->lock_key = lock_key_new();
    if (!fd_table_fork(&from->fds, &to->fds)) {
        free(to);
        return -ENOMEM;
    }
    node_hold(to->cwd);
    if (to->root) {
        node_hold(to->root);
    }
    to->starting = to->program = NULL;
    run(to, from->program ? node_hold(from->program) : NULL);
    to->exec_walk = NULL;
    child->data = to;
    return 0;
}

static void context_execed(struct client *client) {
    struct context *context = client->data;
    fds_exec(context);
    if (context->starting) {
        run(context, context->starting);
        context->starting = NULL;
    }
}

static void context_exited(struct client *client) {
    context_free(client->data);
    client->data = NULL;
}

struct client *context_client(int pid) {
    struct client *client = pid > 0 ? client_find((uint64_t)pid) : NULL;
    return client && client->data ? client : NULL;
}

long vfs_handle_limit(struct request *req, int pid, uint64_t files, uint64_t file_size) {
    struct client *client = context_client(pid);
    (void)req;
    if (!client) {
        return -ESRCH;
    }
    struct context *context = client->data;
    context->limit = files < VFS_FILES_MOST ? (int)files : VFS_FILES_MOST;
    context->file_most = file_size;
    return 0;
}

long vfs_handle_guard(struct request *req, int pid, int guarded) {
    struct client *client = context_client(pid);
    (void)req;
    if (!client) {
        return -ESRCH;
    }
    struct context *context = client->data;
    context->guarded = guarded != 0;
    return 0;
}

long vfs_handle_job(struct request *req, int pid, int group, int session) {
    struct client *client = context_client(pid);
    (void)req;
    if (!client) {
        return -ESRCH;
    }
    struct context *context = client->data;
    context->group = group;
    context->session = session;
    return 0;
}

const struct client_ops context_ops = {
    .clock_set = timerfds_clock_set,
    .connected = context_connected,
    .forked = context_forked,
    .execed = context_execed,
    .exited = context_exited,
};
