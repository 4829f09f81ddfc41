/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of a process that was connected to this server's predecessor, which died with all open files.
 * Nobody knows which numbers it had, so those that nearly all are, the first few, stand for files that are
 * lost: using them is EIO, and no other file gets their numbers before the process closes them or puts
 * another in their place (else a stray write to standard output would end in whatever it opens next). After
 * one more death a few more do, since what was opened in between stands behind those.
 */
#include "file.h"

#define LOST_EACH 16
#define LOST_MOST (FD_SOFT_LIMIT / 2)

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

static int lost_count(void) {
    uint64_t count = LOST_EACH * (uint64_t)boot_info->restarts;
    return count < LOST_MOST ? (int)count : LOST_MOST;
}

long lost_descriptors(struct context *context) {
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
    for (int fd = 0; fd < lost_count() && error == 0; fd++) {
        file->refs++;
        error = fd_replace(context, file, fd, false);
        file->refs -= error != 0;
    }
    context->fds.lowest = lost_count();
    file_put(file);
    return error;
}
