/* SPDX-License-Identifier: MIT */
/*
 * Processes by session messages: a new one has the root as its directory and no descriptors, a
 * child shares its parent's open files, exec closes what is marked, exit closes all. One that was here
 * before this server was started anew has the root as its directory, and descriptors that are lost.
 */
#include "file.h"

#include <stdlib.h>
#include <string.h>

/* Open files that a process has no more, to be closed few at a time. */
struct closing {
    struct job job;
    int next, count;
    struct file *files[];
};

#define CLOSED_AT_ONCE 64

static bool close_some(struct job *job) {
    struct closing *closing = container_of(job, struct closing, job);
    for (int i = 0; i < CLOSED_AT_ONCE && closing->next < closing->count; i++) {
        file_put(closing->files[closing->next++]);
    }
    if (closing->next < closing->count) {
        return true;
    }
    free(closing);
    return false;
}

/* Closes all open files, or those that an exec closes: the first ones at once, the rest as a job. */
static void close_files(struct process *process, bool all) {
    struct closing *closing = NULL;
    int closed = 0;
    for (int fd = 0; fd < process->size; fd++) {
        if (!process->files[fd] || !(all || fd_cloexec(process, fd))) {
            continue;
        }
        if (closed++ == CLOSED_AT_ONCE) {
            closing =
                malloc(sizeof(*closing) + (size_t)(process->size - fd) * sizeof(struct file *));
            if (closing) {
                closing->next = closing->count = 0;
                job_init(&closing->job, close_some);
                job_queue(&closing->job);
            }
        }
        if (closing) {
            closing->files[closing->count++] = fd_take(process, fd);
        } else {
            file_put(fd_take(process, fd));
        }
    }
}

static void process_free(struct process *process) {
    close_files(process, true);
    node_put(process->cwd);
    free(process->files);
    free(process->cloexec);
    free(process);
}

static long process_connected(struct client *client) {
    struct process *process = calloc(1, sizeof(*process));
    if (!process) {
        return -ENOMEM;
    }
    process->cwd = node_hold(tree_root);
    process->umask = 022;
    long error = client->rejoined ? lost_descriptors(process) : 0;
    if (error < 0) {
        process_free(process);
        return error;
    }
    client->data = process;
    return 0;
}

static long process_forked(struct client *parent, struct client *child) {
    const struct process *from = parent->data;
    struct process *to = malloc(sizeof(*to));
    if (!to) {
        return -ENOMEM;
    }
    *to = *from;
    to->files = malloc((size_t)from->size * sizeof(struct file *) + 1);
    to->cloexec = malloc((size_t)from->size / 8 + 1);
    if (!to->files || !to->cloexec) {
        free(to->files);
        free(to->cloexec);
        free(to);
        return -ENOMEM;
    }
    if (from->size) {
        memcpy(to->files, from->files, (size_t)from->size * sizeof(struct file *));
        memcpy(to->cloexec, from->cloexec, (size_t)from->size / 8);
    }
    for (int fd = 0; fd < to->size; fd++) {
        if (to->files[fd]) {
            to->files[fd]->refs++;
        }
    }
    node_hold(to->cwd);
    child->data = to;
    return 0;
}

static void process_execed(struct client *client) {
    close_files(client->data, false);
}

static void process_exited(struct client *client) {
    process_free(client->data);
    client->data = NULL;
}

long vfs_handle_job(struct request *req, int pid, int group, int session) {
    struct client *client = pid > 0 ? client_find((uint64_t)pid) : NULL;
    struct process *process = client ? client->data : NULL;
    (void)req;
    if (!process) {
        return -ESRCH;
    }
    process->group = group;
    process->session = session;
    return 0;
}

const struct client_ops process_ops = {
    .connected = process_connected,
    .forked = process_forked,
    .execed = process_execed,
    .exited = process_exited,
};
