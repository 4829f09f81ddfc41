/* SPDX-License-Identifier: MIT */
/* Rings of events, one a hart, put together into one log. */
#include "trace.h"

#include <err.h>
#include <stdlib.h>

static const struct pk_trace_header *ring_at(const void *memory, uint64_t offset) {
    return (const void *)((const char *)memory + offset);
}

static bool ring_is_good(const struct pk_trace_header *h, size_t size, uint64_t offset) {
    return h->magic == PK_TRACE_MAGIC && h->harts > 0 && h->ring_size <= size - offset &&
           h->capacity > 0 && h->capacity < h->ring_size / PK_TRACE_SIZE;
}

static uint64_t kept(const struct pk_trace_header *h) {
    return h->written < h->capacity ? h->written : h->capacity;
}

/* Those of one hart are in order already: between equals the place decides. */
static int by_time(const void *a, const void *b) {
    const struct pk_trace_event *x = *(const struct pk_trace_event *const *)a;
    const struct pk_trace_event *y = *(const struct pk_trace_event *const *)b;

    if (x->ticks != y->ticks)
        return x->ticks < y->ticks ? -1 : 1;
    if (x->hart == y->hart && x->instructions != y->instructions)
        return x->instructions < y->instructions ? -1 : 1;
    return x->hart != y->hart ? (x->hart < y->hart ? -1 : 1) : x < y ? -1 : x > y;
}

static void add_ring(struct log *log, const struct pk_trace_header *h) {
    const struct pk_trace_event *first = (const struct pk_trace_event *)h + 1;

    log->lost += h->written - kept(h);
    for (uint64_t n = h->written - kept(h); n < h->written; n++)
        log->events[log->count++] = &first[n % h->capacity];
}

bool log_read(struct log *log, const void *memory, size_t size) {
    const struct pk_trace_header *h = memory;
    uint64_t rings = 0, total = 0, offset = 0;

    *log = (struct log){0};
    do {
        if (size - offset < PK_TRACE_SIZE ||
            !ring_is_good(h = ring_at(memory, offset), size, offset)) {
            warnx("no rings of events");
            return false;
        }
        total += kept(h);
        offset += h->ring_size;
    } while (++rings < h->harts);
    log->timebase_hz = h->timebase_hz;
    log->events = calloc(total ? total : 1, sizeof(*log->events));
    if (!log->events)
        err(1, NULL);
    offset = 0;
    for (uint64_t i = 0; i < rings; i++, offset += h->ring_size)
        add_ring(log, h = ring_at(memory, offset));
    qsort(log->events, log->count, sizeof(*log->events), by_time);
    return true;
}

void log_free(struct log *log) {
    free(log->events);
}
