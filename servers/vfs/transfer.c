/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes of more than one step: continuations (lib/continuation.h).
 *
 * A long write keeps its file busy, so that nobody else's bytes come among its own and nobody cuts the
 * file meanwhile. A long read does not; it ends early if the file becomes shorter. Either takes its part of
 * the file's own offset when it begins: who reads on at the same time, by the same open file, gets what
 * follows. As on Linux, signals do not cut transfers of regular files short.
 */
#include "file.h"

#include <stdlib.h>

struct transfer {
    struct continuation c;
    struct file *file;
    uint64_t offset;
    uint64_t length;
    uint64_t done;
    bool current;
    bool writes;
    struct waiter_queue behind; /* a write's */
};

static struct transfer *transfer_of(struct continuation *c) {
    return container_of(c, struct transfer, c);
}

/* Bytes that a step copied, 0 if there are no more, or a negative errno. */
static long copy_some(struct transfer *t) {
    uint64_t left = t->length - t->done;
    uint64_t count = left < STEP_BYTES ? left : STEP_BYTES;
    uint64_t token = t->c.req.token;
    return t->writes ? data_write(token, t->done, t->file->node, t->offset + t->done, count)
                     : data_read(token, t->done, t->file->node, t->offset + t->done, count);
}

static long transfer_step(struct continuation *c) {
    struct transfer *t = transfer_of(c);
    long copied = copy_some(t);
    if (copied > 0) {
        t->done += (uint64_t)copied;
        if (t->done < t->length) {
            return SERVER_DEFER;
        }
    }
    return t->done > 0 ? (long)t->done : copied;
}

/* What it did not transfer of its part of the offset goes back, unless somebody has moved it. */
static void give_offset_back(const struct transfer *t) {
    if (t->current && t->file->offset == t->offset + t->length) {
        t->file->offset = t->offset + t->done;
    }
}

static void transfer_release(struct continuation *c) {
    struct transfer *t = transfer_of(c);
    give_offset_back(t);
    if (t->writes) {
        t->file->node->file.busy = NULL;
        request_wake(&t->behind);
    }
    file_put(t->file);
    free(t);
}

static long begin(struct request *req, struct file *file, struct transfer given) {
    static const struct continuation_ops ops = {.step = transfer_step, .release = transfer_release};
    struct transfer *t = malloc(sizeof(*t));
    if (!t) {
        return -ENOMEM;
    }
    *t = given;
    if (t->length > LENGTH_MOST) {
        t->length = LENGTH_MOST;
    }
    t->file = file;
    file->refs++;
    if (t->writes) {
        waiter_queue_init(&t->behind);
        file->node->file.busy = &t->behind;
    }
    if (t->current) {
        file->offset = t->offset + t->length;
    }
    continuation_init(&t->c, req, &ops);
    continuation_go(&t->c);
    return SERVER_DEFER;
}

long transfer_read(struct request *req, struct file *file, uint64_t offset, uint64_t length,
                   bool current) {
    uint64_t there = file->node->size - offset;
    return begin(req, file,
                 (struct transfer){.offset = offset,
                                   .length = length < there ? length : there,
                                   .current = current});
}

long transfer_write(struct request *req, struct file *file, uint64_t offset, uint64_t length,
                    bool current) {
    return begin(
        req, file,
        (struct transfer){.offset = offset, .length = length, .current = current, .writes = true});
}
