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

#define REGIONS_PER_STEP 32
#define TABLES_PER_STEP 2

static long copy_region(struct aspace *dst, const struct region *r) {
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
        list_append(&copy->object->regions, &copy->object_link);
    }
    return 0;
}

/* 1: all regions are there; 0: more to do. */
static long copy_regions(struct aspace *dst, struct aspace *src) {
    uint64_t from = dst->cursor;
    for (unsigned i = 0; i < REGIONS_PER_STEP; i++) {
        struct region *r = from < ARCH_USER_END ? aspace_region_at_or_above(src, from) : NULL;
        if (!r)
            return 1;
        long error = copy_region(dst, r);
        if (error < 0)
            return error;
        dst->cursor = from = r->end;
    }
    return 0;
}

/* Write-protects the private writable parts of one leaf table. */
static void protect_table(struct aspace *src, uint64_t table) {
    uint64_t end = table + ARCH_LEAF_SPAN;
    for (uint64_t va = table; va < end;) {
        struct region *r = aspace_region_at_or_above(src, va);
        if (!r || region_start(r) >= end)
            break;
        if (!r->shared && r->max_prot & PK_PROT_WRITE)
            table_write_protect(src, max_u64(table, region_start(r)), min_u64(end, r->end));
        va = r->end;
    }
}

#define PHASE_TABLES (1ull << 63) /* in cursor: regions are done, the rest is the next table */

long aspace_clone_step(struct aspace *dst, struct aspace *src) {
    if (!(dst->cursor & PHASE_TABLES)) {
        long done = copy_regions(dst, src);
        if (done <= 0)
            return done < 0 ? done : 1;
        dst->cursor = PHASE_TABLES;
        dst->map_next = src->map_next;
    }
    uint64_t va = table_next(src, dst->cursor & ~PHASE_TABLES);
    bool protected_any = false;
    long error = 0;
    unsigned tables = 0;
    for (; va < ARCH_USER_END && tables < TABLES_PER_STEP && error == 0; tables++) {
        if (!table_is_shared(src, va)) {
            protect_table(src, va);
            protected_any = true;
        }
        error = table_share(dst, src, va);
        va = table_next(src, va + ARCH_LEAF_SPAN);
    }
    if (protected_any)
        arch_mmu_flush(src, 0, ARCH_USER_END);
    if (error < 0)
        return error;
    dst->cursor = va < ARCH_USER_END ? PHASE_TABLES | va : 0;
    return va < ARCH_USER_END;
}
