/* SPDX-License-Identifier: MIT */
/* Open files and descriptor tables (file.h). Tables double; a freed descriptor lowers the hint. */
#include "epoll.h"
#include "locks.h"
#include "notify.h"
#include "served.h"

#include <stdlib.h>
#include <string.h>

#define FD_FIRST 16

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
void file_closed(struct file *file, uint64_t lock_key) {
    if (file->node->locks && !(file->flags & LX_O_PATH)) {
        locks_closed(file->node, lock_key);
    }
    file_put(file);
}

struct context *request_context(const struct request *req) {
    struct client *client = request_client(req);
    return client ? client->data : NULL;
}

struct credentials request_credentials(const struct request *req) {
    struct client *client = request_client(req);
    const struct context *context = client->data;
    struct credentials who = {client->uid, client->gid, client->groups, context->root,
                              client_pid(client)};
    return who;
}

struct file *fd_file(const struct context *context, int fd) {
    return context && fd >= 0 && fd < context->end ? context->files[fd] : NULL;
}

bool fd_cloexec(const struct context *context, int fd) {
    return (context->cloexec[fd / 8] >> (fd % 8) & 1) != 0;
}

void fd_set_cloexec(struct context *context, int fd, bool on) {
    uint8_t mask = (uint8_t)(1u << (fd % 8));
    uint8_t *bits = &context->cloexec[fd / 8];
    *bits = (uint8_t)(on ? *bits | mask : *bits & ~mask);
}

/* Fd counts as used from now on. What the tables hold behind the end is nothing. */
static void extend(struct context *context, int fd) {
    for (int gap = context->end; gap <= fd; gap++) {
        context->files[gap] = NULL;
    }
    context->end = fd + 1;
}

/* Makes room for descriptor fd, and has it count. */
static bool reserve(struct context *context, int fd) {
    if (fd < context->end) {
        return true;
    }
    int size = context->size ? context->size : FD_FIRST;
    while (size <= fd) {
        size *= 2;
    }
    if (size == context->size) {
        extend(context, fd);
        return true;
    }
    struct file **files = realloc(context->files, (size_t)size * sizeof(struct file *));
    if (!files) {
        return false;
    }
    context->files = files;
    uint8_t *bits = realloc(context->cloexec, (size_t)size / 8);
    if (!bits) {
        return false;
    }
    context->cloexec = bits;
    context->size = size;
    extend(context, fd);
    return true;
}

long fd_install(struct context *context, struct file *file, int least, bool cloexec) {
    int fd = least > context->lowest_free ? least : context->lowest_free;
    while (fd < context->end && context->files[fd]) {
        fd++;
    }
    if (fd >= context->limit) {
        return -EMFILE;
    }
    if (!reserve(context, fd)) {
        return -ENOMEM;
    }
    context->files[fd] = file;
    fd_set_cloexec(context, fd, cloexec);
    if (least <= context->lowest_free) {
        context->lowest_free = fd + 1;
    }
    return fd;
}

long fd_give(struct context *context, struct file *file, bool cloexec) {
    long fd = fd_install(context, file, 0, cloexec);
    if (fd < 0) {
        file_put(file);
    }
    return fd;
}

/* A descriptor does not stand for it any more. */
static void left(const struct context *context, const struct file *file) {
    if (file_is_served(file)) {
        served_left(file, context->pid);
    }
}

long fd_replace(struct context *context, struct file *file, int fd, bool cloexec) {
    if (!reserve(context, fd)) {
        return -ENOMEM;
    }
    struct file *old = context->files[fd];
    context->files[fd] = file;
    fd_set_cloexec(context, fd, cloexec);
    if (old) {
        left(context, old);
        file_closed(old, context->lock_key);
    }
    return 0;
}

struct file *fd_take(struct context *context, int fd) {
    struct file *file = fd_file(context, fd);
    if (file) {
        left(context, file);
        context->files[fd] = NULL;
        if (fd < context->lowest_free) {
            context->lowest_free = fd;
        }
    }
    return file;
}

long fd_close(struct context *context, int fd) {
    struct file *file = fd_take(context, fd);
    if (!file) {
        return -EBADF;
    }
    file_closed(file, context->lock_key);
    return 0;
}
