/* SPDX-License-Identifier: MIT */
/* Holes in memory objects (object.h): which pages are there, and the removal of some of them. */
#include <mm/object.h>
#include <mm/object_node.h>
#include <lib/lib.h>
#include <parley/errno.h>

#define LOOKS 1000    /* entries that one search looks at, some 25 instructions each */
#define DISCARDED 100 /* frames that one step frees, some 150 instructions each with finding them */

static uint64_t pages_of(const struct object *o) {
    return (o->size + PAGE_MASK) >> PAGE_SHIFT;
}

/* The slot of a page, or NULL if it stands in none; then so do `*span` pages, aligned to their number. */
static void **find_slot(const struct object *o, uint64_t index, uint64_t *span) {
    void **at = (void **)&o->root;
    unsigned level = o->height;
    *span = 1ull << (OBJECT_NODE_BITS * level);
    if (index >= *span) {
        *span = 1ull << 63;
        return NULL;
    }
    for (; level > 0; level--) {
        if (!*at)
            return NULL;
        *span >>= OBJECT_NODE_BITS;
        at = (void **)*at + (index / *span & (OBJECT_NODE_ENTRIES - 1));
    }
    return at;
}

uint64_t object_find(const struct object *o, uint64_t index, bool data) {
    uint64_t pages = pages_of(o), span;
    for (int looks = LOOKS; looks > 0 && index < pages; looks--) {
        void *const *slot = find_slot(o, index, &span);
        bool there = slot && *slot;
        if (there == data)
            return index;
        index = (index | (span - 1)) + 1;
        if (index == 0) /* beyond all that has ever been there */
            index = pages;
    }
    return min_u64(index, pages);
}

static void drop(const struct object *o, void **slot) {
    if (o->height) {
        object_drop_frame(frame_holding(slot), slot);
    } else {
        frame_put(*slot);
        *slot = NULL;
    }
}

long object_discard_step(struct object *o, uint64_t first, uint64_t end) {
    uint64_t span;
    if (!list_empty(&o->regions) || o->cutting)
        return -EBUSY;
    for (int i = 0; i < DISCARDED; i++) {
        first = object_find(o, first, true);
        void **slot = first < end ? find_slot(o, first, &span) : NULL;
        if (first >= end)
            return 0;
        if (!slot || !*slot) /* so far without finding one */
            return 1;
        drop(o, slot);
        o->resident--;
    }
    return 1;
}
