/* SPDX-License-Identifier: MIT */
/*
 * Holes of regular files: SEEK_DATA and SEEK_HOLE of lseek(2), and fallocate(2) that makes them or zeros.
 *
 * A hole is where the file's object has no page. Both go on in steps where the file is large: the request is handled
 * again and goes on from where it was.
 */
#include "file.h"

#include <stdlib.h>

#define PAGE 4096ull
#define FINDS_AT_ONCE 2   /* some 25,000 instructions each at most */
#define ZEROED_AT_ONCE 16 /* pages */

/* How far a request has come. */
struct progress {
    struct request_memory head;
    uint64_t at;
};

static void progress_release(struct request_memory *memory) {
    free(container_of(memory, struct progress, head));
}

static struct progress *progress_of_request(void) {
    struct request_memory *memory = request_memory();
    return memory ? container_of(memory, struct progress, head) : NULL;
}

/* The request is handled again when others have had their turn, and goes on from there. */
static long go_on_at(struct request *req, uint64_t at) {
    struct progress *progress = progress_of_request();
    if (!progress) {
        progress = malloc(sizeof(*progress));
        if (!progress) {
            return -ENOMEM;
        }
        progress->head.release = progress_release;
    }
    progress->at = at;
    return request_wait(req, NULL, &progress->head);
}

/* Where it is found; the object's end or later: nowhere. False: not yet, and *at has moved on. */
static bool find(uint64_t object, uint64_t end, uint64_t what, uint64_t *at) {
    for (int i = 0; i < FINDS_AT_ONCE && *at < end; i++) {
        long next = pk_object_find(object, *at, what);
        if (next < 0 || (uint64_t)next == *at) {
            return true; /* it fails only for what is behind the object's end: a cut is going on */
        }
        *at = (uint64_t)next;
    }
    return *at >= end;
}

int64_t data_seek(struct request *req, const struct node *node, int64_t offset, bool data) {
    const struct progress *progress = progress_of_request();
    uint64_t at = progress ? progress->at : (uint64_t)offset;
    if (offset < 0 || at >= node->size) {
        return progress && !data ? (int64_t)node->size : -ENXIO;
    }
    if (!node->file.object) {
        return data ? -ENXIO : (int64_t)at;
    }
    if (!node->file.sparse) {
        return (int64_t)(data ? at : node->size);
    }
    if (!find(node->file.object, node->size, data ? PK_FIND_DATA : PK_FIND_HOLE, &at)) {
        return go_on_at(req, at);
    }
    if (at < node->size) {
        return (int64_t)at;
    }
    return data ? -ENXIO : (int64_t)node->size;
}

/* Within a page. One that is not there needs none. */
static long zero_part(uint64_t object, uint64_t from, uint64_t to) {
    static const uint8_t zeros[PAGE];
    if (from >= to || pk_object_find(object, from, PK_FIND_DATA) != (long)from) {
        return 0;
    }
    return pk_object_write(object, from, zeros, to - from) < 0 ? -EIO : 0;
}

/* Whole pages that somebody maps keep their memory, and become zeros one by one. */
static long zero_pages(struct request *req, uint64_t object, uint64_t at, uint64_t end) {
    for (int i = 0; i < ZEROED_AT_ONCE && at < end; i++) {
        long next = pk_object_find(object, at, PK_FIND_DATA);
        if (next < 0) {
            return next;
        }
        if ((uint64_t)next != at) {
            at = (uint64_t)next;
            break; /* that may have taken long */
        }
        long error = zero_part(object, at, at + PAGE);
        if (error) {
            return error;
        }
        at += PAGE;
    }
    return at < end ? go_on_at(req, at) : 0;
}

static long remove_pages(struct request *req, uint64_t object, uint64_t at, uint64_t end) {
    long next = at < end ? pk_object_find(object, at, PK_FIND_DATA) : (long)end;
    if (next < 0 || (uint64_t)next >= end) {
        return next < 0 ? next : 0;
    }
    if ((uint64_t)next != at) {
        return go_on_at(req, (uint64_t)next);
    }
    long more = pk_object_discard(object, at, end - at);
    if (more == -EBUSY) {
        return zero_pages(req, object, at, end);
    }
    return more > 0 ? go_on_at(req, at) : more;
}

/* The parts of pages at both ends of the hole, of which the whole pages are from first to last. */
static long zero_ends(uint64_t object, uint64_t offset, uint64_t end, uint64_t first,
                      uint64_t last) {
    if (first > last) {
        return zero_part(object, offset, end);
    }
    long error = zero_part(object, offset, first);
    return error ? error : zero_part(object, last, end);
}

long data_punch(struct request *req, struct node *node, uint64_t offset, uint64_t length) {
    const struct progress *progress = progress_of_request();
    uint64_t object = node->file.object;
    if (node->file.busy) {
        return request_wait(req, node->file.busy, NULL);
    }
    if (offset >= node->size || !object) {
        return 0;
    }
    bool to_end = length >= node->size - offset; /* what is behind the end is zero already */
    uint64_t end = to_end ? node->size : offset + length;
    uint64_t first = (offset + PAGE - 1) & ~(PAGE - 1);
    uint64_t last = (to_end ? end + PAGE - 1 : end) & ~(PAGE - 1);
    long error = progress ? 0 : zero_ends(object, offset, end, first, last);
    if (error) {
        return error;
    }
    node->file.sparse = true;
    node->mtime = node->ctime = vfs_now();
    return remove_pages(req, object, progress ? progress->at : first, last);
}
