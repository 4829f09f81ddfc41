/* SPDX-License-Identifier: MIT */
/* madvise(2): what it says of memory that this process has mapped. */
#include "regions.h"
#include "sysvipc.h"

#define PAGE 4096ul
#define TASK 0 /* the caller's own */

enum {
    MADV_NORMAL,
    MADV_RANDOM,
    MADV_SEQUENTIAL,
    MADV_WILLNEED,
    MADV_DONTNEED,
    MADV_FREE = 8,
    MADV_REMOVE,
    MADV_DONTFORK,
    MADV_DOFORK,
    MADV_MERGEABLE,
    MADV_UNMERGEABLE,
    MADV_HUGEPAGE,
    MADV_NOHUGEPAGE,
    MADV_DONTDUMP,
    MADV_DODUMP,
    MADV_WIPEONFORK,
    MADV_KEEPONFORK,
    MADV_COLD,
    MADV_PAGEOUT,
    MADV_POPULATE_READ,
    MADV_POPULATE_WRITE,
    MADV_DONTNEED_LOCKED,
    MADV_COUNT,
};

/* Advice that may be ignored, by bit. */
#define IGNORED                                                                                    \
    (1u << MADV_NORMAL | 1u << MADV_RANDOM | 1u << MADV_SEQUENTIAL | 1u << MADV_WILLNEED |         \
     1u << MADV_MERGEABLE | 1u << MADV_UNMERGEABLE | 1u << MADV_HUGEPAGE | 1u << MADV_NOHUGEPAGE | \
     1u << MADV_COLD | 1u << MADV_PAGEOUT)
/* Beside it, what is done; 5 to 7 are no advice. */
#define KNOWN (IGNORED | 1u << MADV_DONTNEED | 1u << MADV_DONTNEED_LOCKED | ~0u << MADV_FREE)

/* Some region says what a child finds there; a child inherits that. */
static bool advised;

/* The word is zero, and is read without taking memory where nothing was written. */
static const uint64_t zeros[PAGE / sizeof(uint64_t)];

/*
 * MADV_REMOVE of a page of a shared mapping: its file has zeros there. The page itself stays: others may have it
 * mapped. What lies behind the file's end faults, and is nothing to remove.
 */
static bool is_zero(uint64_t page) {
    uint64_t words[64], any = 0;
    for (uint64_t at = 0; at < PAGE && !any; at += sizeof words) {
        if (user_get(words, (const void *)(page + at), sizeof words) < 0)
            return true;
        for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
            any |= words[i];
    }
    return !any;
}

static long remove_pages(const struct pk_region_info *r, uint64_t start, uint64_t end) {
    if (!r->has_object)
        return -EINVAL;
    if (!(r->prot & PK_MAP_SHARED) || !(r->prot & PK_PROT_WRITE))
        return -EACCES;
    for (; start < end; start += PAGE)
        if (!is_zero(start) && user_put((void *)start, zeros, PAGE) < 0)
            return -EFAULT;
    return 0;
}

static long in_child(uint64_t start, uint64_t end, uint64_t mask, uint64_t value) {
    advised = true;
    return pk_retag(TASK, start, end - start, mask, value);
}

/* What lies of a region in [start, end). */
static long advise(const struct pk_region_info *r, uint64_t start, uint64_t end, int advice) {
    bool anonymous = !r->has_object;
    switch (advice) {
    case MADV_FREE:
        return anonymous ? pk_renew(TASK, start, end - start) : -EINVAL;
    case MADV_DONTNEED:
    case MADV_DONTNEED_LOCKED:
        return pk_renew(TASK, start, end - start);
    case MADV_REMOVE:
        return remove_pages(r, start, end);
    case MADV_DONTFORK:
        return in_child(start, end, REGION_NOT_IN_CHILD, REGION_NOT_IN_CHILD);
    case MADV_DOFORK:
        return in_child(start, end, REGION_NOT_IN_CHILD, 0);
    case MADV_WIPEONFORK:
        return anonymous ? in_child(start, end, REGION_ZERO_IN_CHILD, REGION_ZERO_IN_CHILD)
                         : -EINVAL;
    case MADV_KEEPONFORK:
        return in_child(start, end, REGION_ZERO_IN_CHILD, 0);
    case MADV_DONTDUMP:
        return pk_retag(TASK, start, end - start, REGION_NOT_DUMPED, REGION_NOT_DUMPED);
    case MADV_DODUMP:
        return pk_retag(TASK, start, end - start, REGION_NOT_DUMPED, 0);
    default:
        return 0;
    }
}

/* Memory that is mapped is advised, whether there are holes between or not; these are then an error. */
static long advise_all(uint64_t address, uint64_t end, int advice) {
    struct pk_region_info r;
    long hole = 0;
    while (address < end) {
        if (pk_region_info(TASK, address, &r) < 0 || r.start >= end)
            return -ENOMEM;
        if (r.start > address) {
            hole = -ENOMEM;
            address = r.start;
        }
        uint64_t stop = r.start + r.length < end ? r.start + r.length : end;
        long error = advise(&r, address, stop, advice);
        if (error < 0)
            return error;
        address = stop;
    }
    return hole;
}

long linux_madvise(uint64_t address, uint64_t length, int advice) {
    uint64_t size = (length + PAGE - 1) & ~(PAGE - 1);
    if (advice < 0 || advice >= MADV_COUNT || !(KNOWN >> advice & 1) || address % PAGE ||
        length > size || address + size < address)
        return -EINVAL;
    if (!size)
        return 0;
    if (advice != MADV_POPULATE_READ && advice != MADV_POPULATE_WRITE)
        return advise_all(address, address + size, advice);
    long error = regions_cover(address, size);
    return error < 0 ? error : pk_populate(TASK, address, size);
}

/* Without memory for that, a child must not go on with what it was not to have: it ends. */
static void region_in_child(const struct pk_region_info *r) {
    if (r->tag & REGION_NOT_IN_CHILD)
        must(pk_unmap(TASK, r->start, r->length));
    else if (r->tag & REGION_ZERO_IN_CHILD)
        must(pk_renew(TASK, r->start, r->length));
}

void regions_in_child(void) {
    struct pk_region_info r;
    if (!advised)
        return;
    for (uint64_t at = 0; pk_region_info(TASK, at, &r) == 0; at = r.start + r.length)
        region_in_child(&r);
}
