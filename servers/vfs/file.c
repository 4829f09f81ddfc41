/* SPDX-License-Identifier: MIT */
/* Open files and descriptor tables (file.h). Tables double; a freed descriptor lowers the hint. */
#include "file.h"

#include <stdlib.h>
#include <string.h>

#define FD_FIRST 16

struct file *file_new(struct node *node, const struct file_ops *ops, uint32_t flags) {
    struct file *file = calloc(1, sizeof(*file));
    if (!file) {
        return NULL;
    }
    file->refs = 1;
    file->flags = flags & (LX_O_ACCMODE | LX_O_APPEND | LX_O_NONBLOCK | LX_O_PATH);
    file->node = node_hold(node);
    file->ops = ops;
    return file;
}

void file_put(struct file *file) {
    if (--file->refs != 0) {
        return;
    }
    if (file->ops->close) {
        file->ops->close(file);
    }
    node_put(file->node);
    free(file);
}

struct process *request_process(const struct request *req) {
    struct client *client = request_client(req);
    return client ? client->data : NULL;
}

struct credentials request_credentials(const struct request *req) {
    struct client *client = request_client(req);
    struct credentials who = {client->uid, client->gid};
    return who;
}

struct file *fd_file(const struct process *process, int fd) {
    return process && fd >= 0 && fd < process->size ? process->files[fd] : NULL;
}

bool fd_cloexec(const struct process *process, int fd) {
    return (process->cloexec[fd / 8] >> (fd % 8) & 1) != 0;
}

void fd_set_cloexec(struct process *process, int fd, bool on) {
    uint8_t mask = (uint8_t)(1u << (fd % 8));
    uint8_t *bits = &process->cloexec[fd / 8];
    *bits = (uint8_t)(on ? *bits | mask : *bits & ~mask);
}

/* Makes room for descriptor fd. */
static bool reserve(struct process *process, int fd) {
    int size = process->size ? process->size : FD_FIRST;
    while (size <= fd) {
        size *= 2;
    }
    if (size == process->size) {
        return true;
    }
    struct file **files = realloc(process->files, (size_t)size * sizeof(struct file *));
    if (!files) {
        return false;
    }
    process->files = files;
    uint8_t *bits = realloc(process->cloexec, (size_t)size / 8);
    if (!bits) {
        return false;
    }
    process->cloexec = bits;
    memset(files + process->size, 0, (size_t)(size - process->size) * sizeof(struct file *));
    memset(bits + process->size / 8, 0, (size_t)(size - process->size) / 8);
    process->size = size;
    return true;
}

long fd_install(struct process *process, struct file *file, int least, bool cloexec) {
    int fd = least > process->lowest_free ? least : process->lowest_free;
    while (fd < process->size && process->files[fd]) {
        fd++;
    }
    if (fd >= FD_SOFT_LIMIT) {
        return -EMFILE;
    }
    if (!reserve(process, fd)) {
        return -ENOMEM;
    }
    process->files[fd] = file;
    fd_set_cloexec(process, fd, cloexec);
    if (least <= process->lowest_free) {
        process->lowest_free = fd + 1;
    }
    return fd;
}

long fd_replace(struct process *process, struct file *file, int fd, bool cloexec) {
    if (!reserve(process, fd)) {
        return -ENOMEM;
    }
    struct file *old = process->files[fd];
    process->files[fd] = file;
    fd_set_cloexec(process, fd, cloexec);
    if (old) {
        file_put(old);
    }
    return 0;
}

struct file *fd_take(struct process *process, int fd) {
    struct file *file = fd_file(process, fd);
    if (file) {
        process->files[fd] = NULL;
        if (fd < process->lowest_free) {
            process->lowest_free = fd;
        }
    }
    return file;
}

long fd_close(struct process *process, int fd) {
    struct file *file = fd_take(process, fd);
    if (!file) {
        return -EBADF;
    }
    file_put(file);
    return 0;
}
