/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of a process that was connected to this server's predecessor, which died with all open files.
 * Nobody knows which numbers it had, so those that nearly all are, the first few, stand for files that are
 * lost: using them is EIO, and no other file gets their numbers before the process closes them or puts
 * another in their place (else a stray write to standard output would end in whatever it opens next).
 */
#include "file.h"

#define LOST_DESCRIPTORS 16

static long lost_transfer(struct request *req, struct file *file, int64_t offset) {
    (void)req;
    (void)file;
    (void)offset;
    return -EIO;
}

static long lost_ioctl(struct request *req, struct file *file, uint32_t request,
                       uint64_t argument) {
    (void)req;
    (void)file;
    (void)request;
    (void)argument;
    return -EIO;
}

static uint32_t lost_poll(struct file *file) {
    (void)file;
    return LX_POLLERR | LX_POLLHUP;
}

static const struct file_ops lost_ops = {
    .read = lost_transfer,
    .write = lost_transfer,
    .ioctl = lost_ioctl,
    .poll = lost_poll,
};

long lost_descriptors(struct process *process) {
    struct node *node = node_new(MODE_CHARACTER, 0, 0);
    if (!node) {
        return -ENOMEM;
    }
    node_hold(node);
    struct file *file = file_new(node, &lost_ops, LX_O_RDWR);
    node_put(node);
    if (!file) {
        return -ENOMEM;
    }
    long error = 0;
    for (int fd = 0; fd < LOST_DESCRIPTORS && error == 0; fd++) {
        file->refs++;
        error = fd_replace(process, file, fd, false);
        file->refs -= error != 0;
    }
    process->lowest_free = LOST_DESCRIPTORS;
    file_put(file);
    return error;
}
