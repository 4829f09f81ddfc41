/* SPDX-License-Identifier: MIT */
/* Open files, and what stands for them in a process (file.h). */
#include "epoll.h"
#include "locks.h"
#include "notify.h"
#include "served.h"

#include <stdlib.h>
#include <string.h>

struct node *node_nameless;

int node_nameless_init(void) {
    node_nameless = node_new(0600, 0, 0);
    if (!node_nameless) {
        return -ENOMEM;
    }
    node_nameless->dev = DEVICE_MADE;
    node_hold(node_nameless);
    return 0;
}

/* What F_GETFL tells of how it was opened. Of some nothing comes afterwards, or ever. */
#define KEPT_FLAGS                                                                                 \
    (LX_O_ACCMODE | LX_O_APPEND | LX_O_NONBLOCK | LX_O_NOATIME | LX_O_PATH | LX_O_DIRECTORY |      \
     LX_O_NOFOLLOW | LX_O_SYNC)

struct file *file_new(struct node *node, const struct file_ops *ops, uint32_t flags) {
    struct file *file = calloc(1, sizeof(*file));
    if (!file) {
        return NULL;
    }
    file->refs = 1;
    file->flags = flags & KEPT_FLAGS;
    file->node = node_hold(node);
    file->ops = ops;
    file->flags |= ops == &pipe_ops ? flags & LX_O_DIRECT : 0;
    if (node_is_regular(node) && file_writes(file)) {
        node->file.writers++;
    }
    return file;
}

void file_put(struct file *file) {
    if (--file->refs != 0) {
        return;
    }
    if (file->watchers) {
        epoll_forget(file);
        if (file->refs != 0) {
            return; /* there are many: it ends when they have gone */
        }
    }
    if (file->node->locks) {
        locks_closed(file->node, lock_key_of_file(file));
    }
    if (!(file->flags & LX_O_PATH)) {
        notify_node(file->node, file_writes(file) ? NOTIFY_CLOSE_WRITE : NOTIFY_CLOSE_NOWRITE);
    }
    if (node_is_regular(file->node) && file_writes(file)) {
        file->node->file.writers--;
    }
    if (file->ops->close) {
        file->ops->close(file);
    }
    node_put(file->node);
    free(file);
}

/* Any close of a file by a process ends all its record locks on it (fcntl(2)). */
void file_left(struct file *file, int pid, uint64_t lock_key) {
    if (file_is_served(file)) {
        served_left(file, pid);
    }
    if (file->node->locks && !(file->flags & LX_O_PATH)) {
        locks_closed(file->node, lock_key);
    }
}

static void left(const struct context *context, struct file *file) {
    file_left(file, context->pid, context->lock_key);
    file_put(file);
}

struct credentials request_credentials(const struct request *req) {
    struct client *client = request_client(req);
    const struct context *context = client->data;
    struct credentials who = {client->uid, client->gid, client->groups, context->root,
                              client_pid(client)};
    return who;
}

long fd_install(struct context *context, struct file *file, int least, bool cloexec) {
    return fd_table_add(&context->fds, least, context->limit, file, cloexec);
}

long fd_give(struct context *context, struct file *file, bool cloexec) {
    long fd = fd_install(context, file, 0, cloexec);
    if (fd < 0) {
        file_put(file);
    }
    return fd;
}

long fd_replace(struct context *context, struct file *file, int fd, bool cloexec) {
    struct file *old;
    if (!fd_table_put(&context->fds, fd, file, cloexec, &old)) {
        return -ENOMEM;
    }
    if (old) {
        left(context, old);
    }
    return 0;
}

long fd_close(struct context *context, int fd) {
    struct file *file = fd_table_take(&context->fds, fd);
    if (!file) {
        return -EBADF;
    }
    left(context, file);
    return 0;
}
