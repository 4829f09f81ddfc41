/* SPDX-License-Identifier: MIT */
/*
 * The data of regular files: one memory object a file, which is the page cache. Bytes move straight
 * between the object and the caller; this server maps nothing. The object's size is the file's
 * rounded up to pages, and what lies behind the end in its last page is zero, so that a file can
 * grow into it.
 */
#include "file.h"
#include "pipe.h"

#include <stdlib.h>

#define PAGE 4096ull
#define SIZE_MOST (1ull << 40)

static uint64_t page_up(uint64_t size) {
    return (size + PAGE - 1) & ~(PAGE - 1);
}

long data_object(struct node *node) {
    if (node->file.object == 0) {
        long slot = pk_object_create(node->file.capacity, 0, 0);
        if (slot < 0) {
            return -ENOMEM;
        }
        node->file.object = (uint64_t)slot;
    }
    return (long)node->file.object;
}

/* Makes the object as large as a file of this size needs. */
static long reserve(struct node *node, uint64_t size) {
    if (size > SIZE_MOST) {
        return -EFBIG;
    }
    if (size <= node->file.capacity && node->file.object != 0) {
        return 0;
    }
    long slot = data_object(node);
    if (slot < 0) {
        return -ENOSPC;
    }
    if (page_up(size) > node->file.capacity) {
        long error = pk_object_resize((uint64_t)slot, page_up(size));
        if (error < 0) {
            return -ENOSPC;
        }
        node->file.capacity = page_up(size);
    }
    return 0;
}

/* Cuts the object at the byte, which zeroes the rest of its last page, then rounds up. */
static void cut(struct node *node, uint64_t size) {
    pk_object_resize(node->file.object, size);
    pk_object_resize(node->file.object, page_up(size));
    node->file.capacity = page_up(size);
}

long data_read(struct request *req, struct node *node, uint64_t offset) {
    uint64_t len = request_out_len(req);
    if (offset >= node->size || len == 0) {
        return 0;
    }
    if (len > node->size - offset) {
        len = node->size - offset;
    }
    return pk_object_to_caller(req->token, 0, node->file.object, offset, len);
}

long data_write(struct request *req, struct node *node, uint64_t offset) {
    uint64_t len = request_in_len(req);
    if (len == 0) {
        return 0;
    }
    if (offset >= SIZE_MOST) {
        return -EFBIG;
    }
    if (len > SIZE_MOST - offset) {
        len = SIZE_MOST - offset;
    }
    long error = reserve(node, offset + len);
    if (error) {
        return error;
    }
    long done = pk_caller_to_object(req->token, 0, node->file.object, offset, len);
    if (done < 0) {
        cut(node, node->size);
        return done == -ENOMEM ? -ENOSPC : done;
    }
    if (offset + (uint64_t)done > node->size) {
        node->size = offset + (uint64_t)done;
    }
    node->mtime = node->ctime = vfs_now();
    return done;
}

long data_resize(struct node *node, int64_t size) {
    if (size < 0) {
        return -EINVAL;
    }
    if ((uint64_t)size < node->size && node->file.object != 0) {
        cut(node, (uint64_t)size);
    } else {
        long error = size == 0 ? 0 : reserve(node, (uint64_t)size);
        if (error) {
            return error;
        }
    }
    node->size = (uint64_t)size;
    node->mtime = node->ctime = vfs_now();
    return 0;
}

void node_release_data(struct node *node) {
    if (node_is_regular(node) && node->file.object != 0) {
        pk_cap_drop(0, node->file.object);
    } else if (node_is_dir(node)) {
        free(node->dir.remote_path);
    }
}

static long regular_read(struct request *req, struct file *file, int64_t offset) {
    bool current = offset == OFFSET_CURRENT;
    long done = data_read(req, file->node, current ? file->offset : (uint64_t)offset);
    if (done > 0 && current) {
        file->offset += (uint64_t)done;
    }
    return done;
}

/* On Linux, pwrite(2) on an O_APPEND file appends too. */
static long regular_write(struct request *req, struct file *file, int64_t offset) {
    bool current = offset == OFFSET_CURRENT;
    uint64_t at = file->flags & LX_O_APPEND ? file->node->size
                  : current                 ? file->offset
                                            : (uint64_t)offset;
    long done = data_write(req, file->node, at);
    if (done > 0 && current) {
        file->offset = at + (uint64_t)done;
    }
    if (file->node->mode & (MODE_SETUID | MODE_SETGID)) {
        struct credentials who = request_credentials(req);
        access_written(file->node, &who);
    }
    return done;
}

static long regular_ioctl(struct request *req, struct file *file, uint32_t request,
                          uint64_t argument) {
    (void)argument;
    if (request != LX_FIONREAD) {
        return -ENOTTY;
    }
    uint64_t left = file->offset < file->node->size ? file->node->size - file->offset : 0;
    int32_t value = left > INT32_MAX ? INT32_MAX : (int32_t)left;
    return request_write(req, 0, &value, sizeof(value)) < 0 ? -EFAULT : 0;
}

static uint32_t regular_poll(struct file *file) {
    (void)file;
    return LX_POLLIN | LX_POLLOUT | LX_POLLRDNORM | LX_POLLWRNORM;
}

const struct file_ops regular_ops = {
    .read = regular_read,
    .write = regular_write,
    .ioctl = regular_ioctl,
    .poll = regular_poll,
    .seekable = true,
};
