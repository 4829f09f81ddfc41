/* SPDX-License-Identifier: MIT */
/*
 * The data of regular files: one memory object a file, which is the page cache. Bytes move straight
 * between the object and the caller; this server maps nothing. The object's size is the file's
 * rounded up to pages, and what lies behind the end in its last page is zero, so that a file can
 * grow into it.
 */
#include "file.h"
#include "mapped.h"
#include "notify.h"
#include "pipe.h"
#include "seals.h"
#include "served.h"

#include <lib/heap.h>
#include <stdlib.h>

#define PAGE 4096ull
#define SIZE_MOST (1ull << 40)

static uint64_t page_up(uint64_t size) {
    return (size + PAGE - 1) & ~(PAGE - 1);
}

/* Reads like any file that nobody has written to: an object that never gets a page. */
static uint64_t holes;

int data_init(void) {
    long slot = pk_object_create(SIZE_MOST, 0, 0);
    holes = slot < 0 ? 0 : (uint64_t)slot;
    return slot < 0 ? (int)slot : 0;
}

/* A file has an object from the first time that somebody writes to it or maps it, who pays for it. */
long data_object(struct node *node) {
    if (node->file.object == 0) {
        uint64_t capacity = page_up(node->size);
        long slot = pk_object_create_for(heap_data_account(), capacity, 0, 0);
        if (slot < 0) {
            return -ENOMEM;
        }
        node->file.object = (uint64_t)slot;
        node->file.capacity = capacity;
    }
    return (long)node->file.object;
}

uint64_t data_pages(const struct node *node) {
    struct pk_object_info info;
    if (node->file.object == 0) {
        return 0;
    }
    bool known = node->file.sparse && pk_object_info(node->file.object, &info) == 0;
    return known ? info.resident : page_up(node->size) / PAGE;
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

/*
 * One step of cutting the object at the file's end, which zeroes the rest of its last page, and then of
 * rounding it up. 0: done; 1: there is more; or an error: pages stay until it is tried again.
 */
static long cut_step(struct node *node) {
    long more = pk_object_resize_step(node->file.object, node->size);
    node->file.uncut = more != 0;
    node->file.capacity = 0; /* at least; more is asked for anew */
    if (more == 0) {
        more = pk_object_resize(node->file.object, page_up(node->size));
        node->file.capacity = more == 0 ? page_up(node->size) : 0;
    }
    return more;
}

/* A cut that goes on while nobody else may change the file. */
struct cut {
    struct job job;
    struct node *node;
    struct waiter_queue behind;
};

static bool cut_go_on(struct job *job) {
    struct cut *cut = container_of(job, struct cut, job);
    if (cut_step(cut->node) > 0) {
        return true;
    }
    cut->node->file.busy = NULL;
    request_wake(
        &cut->behind); /* whoever ordered the cut is among them, and sees what came of it */
    node_put(cut->node);
    free(cut);
    return false;
}

static long cut_as_job(struct request *req, struct node *node) {
    struct cut *cut = malloc(sizeof(*cut));
    if (!cut) {
        return -ENOMEM;
    }
    cut->node = node_hold(node);
    waiter_queue_init(&cut->behind);
    node->file.busy = &cut->behind;
    job_init(&cut->job, cut_go_on);
    job_queue(&cut->job);
    return request_wait(req, node->file.busy, NULL);
}

long data_read(uint64_t token, uint64_t done, struct node *node, uint64_t offset, uint64_t length) {
    if (offset >= node->size || length == 0) {
        return 0;
    }
    if (length > node->size - offset) {
        length = node->size - offset;
    }
    uint64_t object = node->file.object ? node->file.object : holes;
    return pk_object_to_caller(token, done, object, offset, length);
}

long data_write(uint64_t token, uint64_t done, struct node *node, uint64_t offset,
                uint64_t length) {
    if (length == 0) {
        return 0;
    }
    if (offset >= SIZE_MOST) {
        return -EFBIG;
    }
    if (length > SIZE_MOST - offset) {
        length = SIZE_MOST - offset;
    }
    long error = reserve(node, offset + length);
    if (error) {
        return error;
    }
    long copied = pk_caller_to_object(token, done, node->file.object, offset, length);
    if (copied < 0) {
        cut_step(node); /* few pages; if it cannot be done now, the file stays marked for it */
        return copied == -ENOMEM ? -ENOSPC : copied;
    }
    if (offset + (uint64_t)copied > node->size) {
        node->file.sparse |= offset > node->size;
        node->size = offset + (uint64_t)copied;
    }
    node->mtime = node->ctime = vfs_now();
    return copied;
}

static uint64_t file_most(const struct request *req) {
    const struct context *context = request_context(req);
    return context ? context->file_most : UINT64_MAX;
}

long data_limit(const struct request *req, uint64_t at, uint64_t *length) {
    uint64_t most = file_most(req);
    if (most == UINT64_MAX || *length == 0) {
        return 0;
    }
    if (at >= most) {
        return -EXFULL;
    }
    *length = *length > most - at ? most - at : *length;
    return 0;
}

long data_resize(struct request *req, struct node *node, int64_t size) {
    if (size < 0) {
        return -EINVAL;
    }
    if (node->file.busy) {
        return request_wait(req, node->file.busy, NULL);
    }
    if ((uint64_t)size > node->size && (uint64_t)size > file_most(req)) {
        return -EXFULL;
    }
    if ((uint64_t)size > SIZE_MOST) {
        return -EFBIG;
    }
    if (node->file.seals && seals_check_resize(node, (uint64_t)size)) {
        return -EPERM;
    }
    bool shrinks = (uint64_t)size < node->size;
    long error = shrinks || !node->file.object ? 0 : reserve(node, (uint64_t)size);
    if (error) {
        return error;
    }
    node->file.sparse = size > 0 && (node->file.sparse || (uint64_t)size > node->size);
    node->size = (uint64_t)size;
    node->mtime = node->ctime = vfs_now();
    if (node->file.object == 0 || !(shrinks || node->file.uncut)) {
        return 0;
    }
    error = cut_step(node);
    return error > 0 ? cut_as_job(req, node) : error;
}

#define CUT_PAGES 64 /* an object of so many pages is not worth a job */

/* An object that nobody needs, on its way. */
struct ending {
    struct job job;
    uint64_t object;
};

static bool end_object(struct job *job) {
    struct ending *ending = container_of(job, struct ending, job);
    if (pk_object_resize_step(ending->object, 0) > 0) {
        return true;
    }
    must(pk_cap_drop(0, ending->object));
    free(ending);
    return false;
}

/* With the last capability an object's pages go in one go. If nobody else has it, they go in steps before. */
static void object_end(uint64_t object) {
    struct pk_object_info info;
    bool large = pk_object_info(object, &info) == 0 && info.refs == 1 && info.resident > CUT_PAGES;
    struct ending *ending = large ? malloc(sizeof(*ending)) : NULL;
    if (!ending) {
        must(pk_cap_drop(0, object));
        return;
    }
    ending->object = object;
    job_init(&ending->job, end_object);
    job_queue(&ending->job);
}

void node_release_data(struct node *node) {
    if (node->watches) {
        notify_gone(node);
    }
    if (node_is_regular(node) && node->file.object != 0) {
        mapped_end(node);
        if (node->file.capacity > CUT_PAGES * PAGE) {
            object_end(node->file.object);
        } else {
            must(pk_cap_drop(0, node->file.object));
        }
    } else if (node_type(node) == MODE_SERVED) {
        served_put(node->served);
    } else if (node_is_dir(node)) {
        free(node->dir.remote_path);
    }
}

static long regular_read(struct request *req, struct file *file, int64_t offset) {
    bool current = offset == OFFSET_CURRENT;
    uint64_t at = current ? file->offset : (uint64_t)offset;
    uint64_t length = request_out_len(req);
    if (length == 0) {
        return 0;
    }
    file_accessed(file);
    if (length > STEP_BYTES && at < file->node->size && file->node->size - at > STEP_BYTES) {
        notify_node(file->node, NOTIFY_ACCESS);
        return transfer_read(req, file, at, length, current);
    }
    long done = data_read(req->token, 0, file->node, at, length);
    if (done > 0 && current) {
        file->offset += (uint64_t)done;
    }
    if (done > 0) {
        notify_node(file->node, NOTIFY_ACCESS);
    }
    return done;
}

/* On Linux, pwrite(2) on an O_APPEND file appends too. */
static long regular_write(struct request *req, struct file *file, int64_t offset) {
    bool current = offset == OFFSET_CURRENT;
    uint64_t length = request_in_len(req);
    if (file->node->file.busy) {
        return request_wait(req, file->node->file.busy, NULL);
    }
    uint64_t at = file->flags & LX_O_APPEND ? file->node->size
                  : current                 ? file->offset
                                            : (uint64_t)offset;
    long beyond = data_limit(req, at, &length);
    if (beyond) {
        return beyond;
    }
    if (file->node->file.seals && length > 0) {
        long error = seals_check_write_at(file->node, at, &length);
        if (error) {
            return error;
        }
    }
    if (length > STEP_BYTES) {
        notify_node(file->node, NOTIFY_MODIFY);
        return transfer_write(req, file, at, length, current);
    }
    long done = data_write(req->token, 0, file->node, at, length);
    if (done > 0 && current) {
        file->offset = at + (uint64_t)done;
    }
    if (done > 0) {
        notify_node(file->node, NOTIFY_MODIFY);
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
