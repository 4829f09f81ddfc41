/* SPDX-License-Identifier: MIT */
/* The byte ring of a pipe (ring.h). */
#include "ring.h"

#include <stdlib.h>
#include <string.h>

static int spans(const struct ring *ring, uint32_t from, size_t length, struct ring_span span[2]) {
    if (length == 0) {
        return 0;
    }
    uint32_t at = from & (ring->size - 1);
    size_t first = ring->size - at;
    span[0].at = ring->data + at;
    if (length <= first) {
        span[0].length = length;
        return 1;
    }
    span[0].length = first;
    span[1].at = ring->data;
    span[1].length = length - first;
    return 2;
}

int ring_filled(const struct ring *ring, size_t length, struct ring_span span[2]) {
    return spans(ring, ring->head, length, span);
}

int ring_free(const struct ring *ring, size_t length, struct ring_span span[2]) {
    return spans(ring, ring->tail, length, span);
}

void ring_init(struct ring *ring) {
    *ring = (struct ring){.most = RING_USUAL};
}

/* To a block of another size, which holds what there is. */
static bool move(struct ring *ring, size_t size) {
    size_t used = ring_used(ring);
    uint8_t *data = malloc(size);
    if (!data) {
        return false;
    }
    struct ring_span span[2];
    size_t copied = 0;
    int count = ring_filled(ring, used, span);
    for (int i = 0; i < count; i++) {
        memcpy(data + copied, span[i].at, span[i].length);
        copied += span[i].length;
    }
    free(ring->data);
    ring->data = data;
    ring->size = (uint32_t)size;
    ring->head = 0;
    ring->tail = (uint32_t)used;
    return true;
}

bool ring_limit(struct ring *ring, uint32_t most) {
    if (ring->size > most && ring_used(ring) <= most && !move(ring, most)) {
        return false;
    }
    ring->most = most;
    return true;
}

bool ring_reserve(struct ring *ring, size_t length) {
    size_t used = ring_used(ring);
    size_t size = ring->size ? ring->size : RING_FIRST;
    if (length > RING_LARGEST - used) {
        return false;
    }
    while (size < used + length) {
        size *= 2;
    }
    return size == ring->size || move(ring, size);
}

void ring_put(struct ring *ring, size_t length) {
    ring->tail += (uint32_t)length;
}

/* An empty ring starts over at its beginning, where the cache has it. */
void ring_take(struct ring *ring, size_t length) {
    ring->head += (uint32_t)length;
    if (ring->head == ring->tail) {
        ring->head = ring->tail = 0;
    }
}

void ring_destroy(struct ring *ring) {
    free(ring->data);
    ring->data = NULL;
    ring->size = ring->head = ring->tail = 0;
}
