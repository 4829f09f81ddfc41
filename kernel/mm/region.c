/* SPDX-License-Identifier: MIT */
/* What is done to regions that stay where they are (aspace.h): renew, retag. */
#include <mm/aspace.h>
#include <mm/table.h>
#include <parley/errno.h>

#define CHECK_CREDIT 4 /* to look a region up */

/* In whole, what takes memory comes first: the last leaf table here, the first one with its own entries. */
long aspace_renew_step(struct aspace *as, uint64_t start, uint64_t end, uint64_t *done,
                       int *credit) {
    if (*done == 0 && aspace_own_last(as, end) < 0)
        return -ENOMEM;
    uint64_t va = start + min_u64(*done, end - start);
    long more = table_clear(as, &va, end, credit);
    *done = va - start;
    return more;
}

long aspace_retag_step(struct aspace *as, uint64_t start, uint64_t end, uint64_t mask,
                       uint64_t value, uint64_t *done, int *credit) {
    long error = aspace_split(as, start, end);
    if (error < 0)
        return error;
    uint64_t va = start + min_u64(*done, end - start);
    struct region *r;
    for (; va < end && (r = aspace_region_at_or_above(as, va)) && region_start(r) < end;
         *credit -= CHECK_CREDIT) {
        if (*credit <= 0) {
            *done = va - start;
            return 1;
        }
        as->changes++;
        r->tag = (r->tag & ~mask) | (value & mask);
        va = r->end;
    }
    return 0;
}
