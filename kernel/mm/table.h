/* SPDX-License-Identifier: MIT */
/*
 * Page tables of an address space. Leaf tables may be shared between address spaces after a fork:
 * such a table (its frame has more than one reference) is never changed; whoever must change it
 * takes a copy of it first.
 *
 * Where a shared mapping shows a whole block of its object's frames, a megapage may stand in a leaf table's place. It holds
 * no frames: the region's object does, which outlasts the mapping. Nor is it ever parted: regions are the truth, so whoever
 * changes what a part of it may show forgets all of it, and faults fill in what is left.
 */
#ifndef MM_TABLE_H
#define MM_TABLE_H

#include <arch/mmu.h>
#include <mm/aspace.h>
#include <mm/frame.h>
#include <stddef.h>

/* The entry for va, or NULL if there is no leaf table. For looking only. */
static inline const pte_t *table_look(const struct aspace *as, uint64_t va) {
    pte_t root = as->root[mmu_root_index(va)];
    if (!pte_present(root))
        return NULL;
    pte_t mid = pte_table(root)[mmu_mid_index(va)];
    return pte_is_table(mid) ? &pte_table(mid)[mmu_leaf_index(va)] : NULL;
}
/* What the entry for va is, 0 if there is none, or would be if va lies in a megapage. */
static inline pte_t table_value(const struct aspace *as, uint64_t va) {
    pte_t root = as->root[mmu_root_index(va)];
    pte_t mid = pte_present(root) ? pte_table(root)[mmu_mid_index(va)] : 0;
    if (pte_is_table(mid))
        return pte_table(mid)[mmu_leaf_index(va)];
    return mid ? pte_further(mid, mmu_leaf_index(va)) : 0;
}
/* The entry for va in a leaf table that is the address space's own; NULL if memory ends, or in a megapage. */
pte_t *table_entry(struct aspace *as, uint64_t va);
/* The middle table's entry if it maps a megapage that va lies in, else NULL. Only its rights may be changed. */
pte_t *table_megapage(const struct aspace *as, uint64_t va);
/* Puts a megapage in the place of va's leaf table, which is as's own; all of it must lie in one shared region. */
void table_set_megapage(struct aspace *as, uint64_t va, pte_t entry);
/* Entries of a leaf table that share a bit in its frame's `groups`. */
#define TABLE_GROUP (ARCH_LEAF_ENTRIES / 16)
/* Stores a present entry over e, which is not, in a leaf table that is as's own; counts it. */
static inline void table_add(struct aspace *as, pte_t *e, pte_t value) {
    struct frame *f = frame_holding(e);
    f->used++;
    f->groups |= (uint16_t)(1u << (uintptr_t)e % PAGE_SIZE / sizeof *e / TABLE_GROUP);
    as->resident++;
    *e = value;
}
/*
 * Goes on from *va to the first address below end that lies in a region and has a leaf table: true. False:
 * there is none, and *va is end; or the credit is used up, and *va is where to go on.
 */
bool table_find(const struct aspace *as, uint64_t *va, uint64_t end, int *credit);
/* Clears all entries in [*va, end), as far as the credit goes; *va is how far that was. 0: all; 1: there is
 * more; -ENOMEM: a shared table could not be copied. */
long table_clear(struct aspace *as, uint64_t *va, uint64_t end, int *credit);
/* The same way: makes leaf tables that have entries there the address space's own. */
long table_own(struct aspace *as, uint64_t *va, uint64_t end, int *credit);
/* The same way: gives present entries at most the rights prot (PK_PROT_*). */
long table_restrict(struct aspace *as, uint64_t *va, uint64_t end, uint64_t prot, int *credit);
/*
 * Lets dst use src's leaf table at va, the table's first address, too; what is private in it can then no
 * longer be written. *protected: so it became for src, whose TLB does not know yet. 0 or -ENOMEM. dst must
 * have no table there.
 */
long table_share(struct aspace *dst, struct aspace *src, uint64_t va, bool *protected, int *credit);
/* Drops pages and emptied leaf tables from as->cursor on, as far as the credit goes; true when no region
 * has a table any more. The cursor is then ARCH_USER_END. */
bool table_drop_step(struct aspace *as, int *credit);
/* Then frees the levels above, in the same way; true when all is gone. */
bool table_free_step(struct aspace *as, int *credit);

#endif
