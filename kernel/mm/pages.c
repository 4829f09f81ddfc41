/* SPDX-License-Identifier: MIT */
/* Which pages of an address space are there (region_find in calls.h): what page tables hold, beside what regions allow. */
#include <mm/aspace.h>
#include <mm/frame.h>
#include <mm/object.h>
#include <mm/table.h>
#include <parley/calls.h>

#define LOOK_CREDIT 1 /* a page, */
#define OWN_CREDIT 3  /* and its place in the region's object */

/* A private page that was written to: no other region shows it but copies of this one. */
static bool is_own(const struct region *r, uint64_t va, pte_t e, int *credit) {
    if (r->shared || !pte_counted(e))
        return false;
    if (!r->object)
        return true;
    *credit -= OWN_CREDIT;
    uint64_t offset = r->offset + (va - region_start(r));
    return frame_of(pte_pa(e)) != object_lookup(r->object, offset >> PAGE_SHIFT);
}

static bool is_there(struct aspace *as, const struct region *r, uint64_t va, uint64_t what,
                     int *credit) {
    pte_t e = table_value(as, va);
    *credit -= LOOK_CREDIT;
    if (!pte_present(e))
        return false;
    return !(what & PK_FIND_OWN) || is_own(r, va, e, credit);
}

/* The pages of one region; true if one is found. */
static bool find_in_region(struct aspace *as, const struct region *r, uint64_t *va, uint64_t end,
                           uint64_t what, int *credit) {
    for (; *va<end && * credit> 0; *va += PAGE_SIZE)
        if (is_there(as, r, *va, what, credit) == (what & PK_FIND_DATA))
            return true;
    return false;
}

long aspace_find_step(struct aspace *as, uint64_t *va, uint64_t end, uint64_t what, int *credit) {
    while (*va < end) {
        if (*credit <= 0)
            return 1;
        if (what & PK_FIND_DATA && !table_find(as, va, end, credit))
            return *va < end;
        const struct region *r = aspace_region(as, *va);
        if (!r)
            return 0; /* a hole */
        uint64_t stop = min_u64(r->end, end);
        if (what & PK_FIND_DATA) /* behind this table there may be none for long */
            stop = min_u64(stop, align_down(*va, ARCH_LEAF_SPAN) + ARCH_LEAF_SPAN);
        if (find_in_region(as, r, va, stop, what, credit))
            return 0;
    }
    return 0;
}

void aspace_peek(const struct aspace *as, void *dst, uint64_t va, uint64_t length) {
    while (length && va < ARCH_USER_END) {
        pte_t e = table_value(as, va);
        uint64_t n = min_u64(length, PAGE_SIZE - (va & PAGE_MASK));
        if (!pte_allows_counted(e, false))
            return;
        memcpy(dst, (const char *)phys_to_virt(pte_pa(e)) + (va & PAGE_MASK), n);
        dst = (char *)dst + n;
        va += n;
        length -= n;
    }
}
