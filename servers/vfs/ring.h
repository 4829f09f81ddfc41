/* SPDX-License-Identifier: MIT */
/*
 * The byte ring of a pipe: pure data. It starts small and doubles up to its limit when a writer
 * needs room, so that many idle pipes cost little. Bytes go in and out through spans, the (at most
 * two) pieces of memory that hold them, so that the kernel copies straight to and from callers.
 */
#ifndef VFS_RING_H
#define VFS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_FIRST 4096
#define RING_USUAL 65536    /* pipe(7): a pipe's capacity */
#define RING_LARGEST 131072 /* of what is put, or moved, in one request */

struct ring {
    uint8_t *data;
    uint32_t size; /* a power of two, 0 before the first byte */
    uint32_t most; /* bytes that there may be, but for what an empty one is given */
    uint32_t head; /* free-running: bytes taken */
    uint32_t tail; /* free-running: bytes put */
};

struct ring_span {
    uint8_t *at;
    size_t length;
};

static inline size_t ring_used(const struct ring *ring) {
    return ring->tail - ring->head;
}
/* What can still be put, memory permitting. */
static inline size_t ring_room(const struct ring *ring) {
    size_t used = ring_used(ring);
    return used < ring->most ? ring->most - used : 0;
}

void ring_init(struct ring *ring);
/*
 * From now on there may be `most` bytes, a power of two. A block that is larger goes, unless what is in it needs it.
 * False: no memory, and nothing has changed.
 */
bool ring_limit(struct ring *ring, uint32_t most);
/* Makes room for `length` more bytes; false if there is no memory or they exceed RING_LARGEST. */
bool ring_reserve(struct ring *ring, size_t length);
/* The pieces of the first `length` bytes in the ring; returns how many pieces (0 to 2). */
int ring_filled(const struct ring *ring, size_t length, struct ring_span span[2]);
/* The pieces where the next `length` bytes go (reserved before). */
int ring_free(const struct ring *ring, size_t length, struct ring_span span[2]);
void ring_put(struct ring *ring, size_t length);
void ring_take(struct ring *ring, size_t length);
void ring_destroy(struct ring *ring);

#endif
