/* SPDX-License-Identifier: MIT */
/*
 * Faults in shared mappings that megapages fit into (table.h): memory objects give their pages frames of one block where
 * they can (object_block.c), and the fault that finds a block full puts a megapage over it.
 */
#ifndef MM_MEGAPAGE_H
#define MM_MEGAPAGE_H

#include <entry.h>
#include <mm/aspace.h>
#include <mm/object.h>

/* Whether a megapage around va would lie in the region and show a node's worth of pages, all of them in the object. */
static inline bool megapage_fits(const struct region *r, uint64_t va) {
    uint64_t start = align_down(va, ARCH_LEAF_SPAN), at = start - region_start(r);
    return r->object->size >= ARCH_LEAF_SPAN && start >= region_start(r) &&
           start + ARCH_LEAF_SPAN <= r->end && (r->offset + at) % ARCH_LEAF_SPAN == 0 &&
           r->offset + at + ARCH_LEAF_SPAN - PAGE_SIZE < r->object->size;
}

/* Resolves a fault there on a page without an entry; e: its place, in a leaf table that is as's own. 0 or -ENOMEM. */
long megapage_fill(struct aspace *as, const struct region *r, pte_t *e, uint64_t va, bool write);
/* A fault where there is no leaf table: in a megapage; -ENOMEM: there was no memory for one. */
long megapage_fault(struct aspace *as, const struct region *r, uint64_t va, enum access access);

#endif
