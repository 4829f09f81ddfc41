/* SPDX-License-Identifier: MIT */
/*
 * Copy-on-write clones of address spaces. Regions are copied; leaf page tables are not, they are
 * shared whole, after write permission was taken from every private page in them. So a clone
 * costs a few instructions per 2 MiB and nothing per page that was shared before.
 */
#include <mm/aspace.h>
#include <mm/account.h>
#include <mm/object.h>
#include <mm/slab.h>
#include <mm/table.h>
#include <parley/calls.h>
#include <parley/errno.h>

#define REGION_CREDIT 16

static long copy_region(struct aspace *dst, struct region *r) {
    struct region *copy = slab_alloc(sizeof *copy, dst->account);
    if (!copy)
        return -ENOMEM;
    *copy = *r;
    copy->aspace = dst;
    list_init(&copy->object_link);
    copy->node.key = region_start(r);
    tree_insert(&dst->regions, &copy->node);
    dst->mapped += (r->end - region_start(r)) >> PAGE_SHIFT;
    if (copy->object) {
        kobject_hold(&copy->object->kobject);
        object_add_region(copy->object, &copy->object_link, &r->object_link);
        region_note(copy, r->aspace->owner, true);
    }
    return 0;
}

/* 0: all regions are there; 1: more to do. */
static long copy_regions(struct aspace *dst, struct aspace *src, int *credit) {
    uint64_t from = dst->cursor;
    for (; *credit > 0; *credit -= REGION_CREDIT) {
        struct region *r = from < ARCH_USER_END ? aspace_region_at_or_above(src, from) : NULL;
        if (!r)
            return 0;
        long error = copy_region(dst, r);
        if (error < 0)
            return error;
        dst->cursor = from = r->end;
    }
    return 1;
}

#define PHASE_TABLES (1ull << 63) /* in cursor: regions are done, the rest is the next table */

static long share_tables(struct aspace *dst, struct aspace *src, int *credit) {
    uint64_t va = dst->cursor & ~PHASE_TABLES;
    bool protected_any = false;
    long error = 0;
    while (table_find(src, &va, ARCH_USER_END, credit)) {
        va = align_down(va, ARCH_LEAF_SPAN);
        error = table_share(dst, src, va, &protected_any, credit);
        if (error < 0)
            break; /* a later call goes on here: what is shared already must not be shared again */
        va += ARCH_LEAF_SPAN;
    }
    if (protected_any)
        arch_mmu_flush(src, 0, ARCH_USER_END);
    dst->cursor = va < ARCH_USER_END ? PHASE_TABLES | va : 0;
    return error < 0 ? error : va < ARCH_USER_END;
}

/* The regions first, all of them; then the tables, so that every page of dst lies in a region of dst. */
static long fill(struct aspace *dst, struct aspace *src, int *credit) {
    if (!(dst->cursor & PHASE_TABLES)) {
        long more = copy_regions(dst, src, credit);
        if (more != 0)
            return more;
        dst->cursor = PHASE_TABLES;
        dst->map_next = src->map_next;
        dst->data = src->data;
        dst->mapped_most = src->mapped_most;
        dst->data_most = src->data_most;
        dst->limited = src->limited;
    }
    return share_tables(dst, src, credit);
}

long aspace_clone_step(struct aspace *dst, struct aspace *src) {
    int credit = STEP_CREDIT;
    if (!dst->clone_of) {
        dst->clone_of = src;
        dst->clone_changes = src->changes;
    }
    if (dst->clone_of != src || dst->clone_changes != src->changes)
        return -EBUSY;
    long more = fill(dst, src, &credit);
    if (more == 0)
        dst->clone_of = NULL;
    return more;
}
