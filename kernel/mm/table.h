/* SPDX-License-Identifier: MIT */
/*
 * Page tables of an address space. Leaf tables may be shared between address spaces after a fork:
 * such a table (its frame has more than one reference) is never changed; whoever must change it
 * takes a copy of it first.
 */
#ifndef MM_TABLE_H
#define MM_TABLE_H

#include <arch/mmu.h>
#include <mm/aspace.h>
#include <stddef.h>

/* The entry for va, or NULL if there is no leaf table. For looking only. */
static inline const pte_t *table_look(const struct aspace *as, uint64_t va) {
    pte_t root = as->root[mmu_root_index(va)];
    if (!pte_present(root))
        return NULL;
    pte_t mid = pte_table(root)[mmu_mid_index(va)];
    return pte_present(mid) ? &pte_table(mid)[mmu_leaf_index(va)] : NULL;
}
/* The entry for va in a leaf table that is the address space's own; NULL if memory ends. */
pte_t *table_entry(struct aspace *as, uint64_t va);
/* Stores a present entry over e, which may be present; counts it. va's table is as's own. */
void table_set(struct aspace *as, pte_t *e, pte_t value);
/* Clears all entries in [start, end). -ENOMEM if a shared table cannot be copied. */
long table_clear(struct aspace *as, uint64_t start, uint64_t end);
/* Gives present entries in [start, end) at most the rights prot (PK_PROT_*). 0 or -ENOMEM. */
long table_restrict(struct aspace *as, uint64_t start, uint64_t end, uint64_t prot);
/* The start of the first leaf table at or above va that exists, or ARCH_USER_END. */
uint64_t table_next(const struct aspace *as, uint64_t va);
/* True if the leaf table at va is shared already. */
bool table_is_shared(const struct aspace *as, uint64_t va);
/* Takes write permission from [start, end), which lies in one unshared leaf table. */
void table_write_protect(struct aspace *as, uint64_t start, uint64_t end);
/* Lets dst use src's leaf table at va too. 0 or -ENOMEM. */
long table_share(struct aspace *dst, struct aspace *src, uint64_t va);
/* Drops some `pages` pages and emptied leaf tables from as->cursor on; true when no region has a
 * table any more. */
bool table_drop_step(struct aspace *as, unsigned pages);
/* Frees the levels above. */
void table_free(struct aspace *as);

#endif
