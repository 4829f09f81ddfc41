/* SPDX-License-Identifier: MIT */
/*
 * Page tables (table.h): the walk, leaf tables shared copy-on-write, and counts. A leaf table's
 * frame counts in `used` its present entries and in `refs` the address spaces that use it; a middle
 * table's counts in `used` its leaf tables. What is present lies in regions, so walks go by regions:
 * the tables are large and nearly empty.
 */
#include <mm/table.h>
#include <mm/frame.h>
#include <parley/calls.h>
#include <parley/errno.h>

static struct frame *table_frame(pte_t link) {
    return frame_of(pte_pa(link));
}

/* The middle level's entry for va, or NULL where there is no middle table. */
static pte_t *mid_look(const struct aspace *as, uint64_t va) {
    pte_t root = as->root[mmu_root_index(va)];
    return pte_present(root) ? &pte_table(root)[mmu_mid_index(va)] : NULL;
}

static pte_t *mid_entry(struct aspace *as, uint64_t va) {
    pte_t *root = &as->root[mmu_root_index(va)];
    if (!pte_present(*root)) {
        struct frame *f = frame_get_zeroed(as->account);
        if (!f)
            return NULL;
        *root = pte_make_table(frame_pa(f));
    }
    return &pte_table(*root)[mmu_mid_index(va)];
}

static struct frame *frame_holding(const pte_t *entry) {
    return frame_of(virt_to_phys((const void *)align_down((uintptr_t)entry, PAGE_SIZE)));
}

static void link_leaf(pte_t *mid, pte_t link) {
    frame_holding(mid)->used++;
    *mid = link;
}

static unsigned end_index(uint64_t va, uint64_t end) {
    return mmu_leaf_index(va) + (unsigned)((end - va) >> PAGE_SHIFT);
}

/* The first present entry at or after index i, else `end`. Absent entries are 0; they come in runs. */
static inline unsigned next_present(const pte_t *leaf, unsigned i, unsigned end) {
    if (i < end && leaf[i])
        return i;
    for (; i + 8 <= end; i += 8) {
        const pte_t *e = &leaf[i];
        if (e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7])
            break;
    }
    while (i < end && !leaf[i])
        i++;
    return i;
}

/* To an empty table. Present entries are few in most: a copy of the whole page would cost more. */
static void copy_entries(pte_t *to, const pte_t *leaf, uint32_t used) {
    for (unsigned i = 0; used; used--, i++) {
        i = next_present(leaf, i, ARCH_LEAF_ENTRIES);
        to[i] = leaf[i];
        if (pte_counted(leaf[i]))
            frame_hold(frame_of(pte_pa(leaf[i])));
    }
}

/* Replaces a shared leaf table by a copy of its own. */
static bool unshare(struct aspace *as, pte_t *mid) {
    struct frame *old = table_frame(*mid);
    struct frame *own = frame_get_zeroed(as->account);
    if (!own)
        return false;
    copy_entries(frame_va(own), frame_va(old), old->used);
    own->used = old->used;
    *mid = pte_make_table(frame_pa(own));
    frame_put(old);
    return true;
}

pte_t *table_entry(struct aspace *as, uint64_t va) {
    pte_t *mid = mid_entry(as, va);
    if (!mid)
        return NULL;
    if (!pte_present(*mid)) {
        struct frame *f = frame_get_zeroed(as->account);
        if (!f)
            return NULL;
        link_leaf(mid, pte_make_table(frame_pa(f)));
    } else if (table_frame(*mid)->refs > 1) {
        if (!unshare(as, mid))
            return NULL;
        /* Same translations as before, but the old table must not be walked any more. */
        arch_mmu_flush(as, align_down(va, ARCH_LEAF_SPAN), ARCH_LEAF_SPAN);
    }
    return &pte_table(*mid)[mmu_leaf_index(va)];
}

void table_set(struct aspace *as, pte_t *e, pte_t value) {
    if (!pte_present(*e)) {
        frame_holding(e)->used++;
        as->resident++;
    }
    *e = value;
}

/* Drops this address space's use of a leaf table: the last user drops the pages too. */
static void drop_leaf(struct aspace *as, pte_t *mid) {
    struct frame *f = table_frame(*mid);
    as->resident -= f->used;
    frame_holding(mid)->used--;
    *mid = 0;
    if (f->refs == 1) {
        const pte_t *leaf = frame_va(f);
        uint32_t used = f->used;
        for (unsigned i = 0; used; used--, i++) {
            i = next_present(leaf, i, ARCH_LEAF_ENTRIES);
            if (pte_counted(leaf[i]))
                frame_put(frame_of(pte_pa(leaf[i])));
        }
    }
    frame_put(f);
}

/* Clears the first `count` present entries of an own leaf table. */
static void clear_some(struct aspace *as, pte_t *leaf, unsigned count) {
    as->resident -= count;
    frame_holding(leaf)->used -= count;
    for (unsigned i = 0; count; count--, i++) {
        i = next_present(leaf, i, ARCH_LEAF_ENTRIES);
        pte_t old = leaf[i];
        leaf[i] = 0;
        if (pte_counted(old))
            frame_put(frame_of(pte_pa(old)));
    }
}

/* Clears entries [first, last) of an own leaf table, and the table if that leaves it empty. */
static void clear_entries(struct aspace *as, pte_t *mid, unsigned first, unsigned last) {
    struct frame *f = table_frame(*mid);
    pte_t *e = pte_table(*mid);
    for (unsigned i = first; f->used && (i = next_present(e, i, last)) < last; i++) {
        pte_t old = e[i];
        e[i] = 0;
        f->used--;
        as->resident--;
        if (pte_counted(old))
            frame_put(frame_of(pte_pa(old)));
    }
    if (!f->used)
        drop_leaf(as, mid);
}

/* Calls nothing for room without tables; the last part of a range may be less than a table. */
static uint64_t span_end(uint64_t va, uint64_t end) {
    return min_u64(align_down(va, ARCH_LEAF_SPAN) + ARCH_LEAF_SPAN, end);
}

/* True if any entry in [va, end), within one leaf table, is present. */
static bool any_present(const pte_t *leaf, uint64_t va, uint64_t end) {
    return next_present(leaf, mmu_leaf_index(va), end_index(va, end)) < end_index(va, end);
}

long table_clear(struct aspace *as, uint64_t start, uint64_t end) {
    for (uint64_t va = table_next(as, start); va < end; va = table_next(as, va)) {
        va = max_u64(va, start);
        uint64_t stop = span_end(va, end);
        pte_t *mid = mid_look(as, va);
        if (stop - va == ARCH_LEAF_SPAN) {
            drop_leaf(as, mid);
        } else if (any_present(pte_table(*mid), va, stop)) {
            if (!table_entry(as, va))
                return -ENOMEM;
            clear_entries(as, mid, mmu_leaf_index(va), end_index(va, stop));
        }
        /* Before the next round may use a frame that was freed: others may still write to it. */
        arch_mmu_flush(as, va, stop - va);
        va = stop;
        if (va >= end)
            break;
    }
    return 0;
}

static pte_t restricted(pte_t e, uint64_t prot) {
    return pte_make(pte_pa(e), prot & PK_PROT_READ, prot & PK_PROT_WRITE && pte_writable(e),
                    prot & PK_PROT_EXEC, pte_counted(e));
}

long table_restrict(struct aspace *as, uint64_t start, uint64_t end, uint64_t prot) {
    for (uint64_t va = table_next(as, start); va < end; va = table_next(as, va)) {
        va = max_u64(va, start);
        uint64_t stop = span_end(va, end);
        const pte_t *look = table_look(as, va);
        if (any_present(look - mmu_leaf_index(va), va, stop)) {
            pte_t *e = table_entry(as, va);
            if (!e)
                return -ENOMEM;
            for (uint64_t at = va; at < stop; at += PAGE_SIZE, e++)
                if (pte_present(*e))
                    *e = restricted(*e, prot);
        }
        va = stop;
        if (va >= end)
            break;
    }
    arch_mmu_flush(as, start, end - start);
    return 0;
}

uint64_t table_next(const struct aspace *as, uint64_t va) {
    va = align_down(va, ARCH_LEAF_SPAN);
    const struct region *r;
    while (va < ARCH_USER_END && (r = aspace_region_at_or_above((struct aspace *)as, va))) {
        va = max_u64(va, align_down(region_start(r), ARCH_LEAF_SPAN));
        while (va < r->end) {
            const pte_t *mid = mid_look(as, va);
            if (mid && pte_present(*mid))
                return va;
            va += ARCH_LEAF_SPAN;
            if (!mid)
                va = align_up(va, ARCH_MID_SPAN);
        }
    }
    return ARCH_USER_END;
}

bool table_is_shared(const struct aspace *as, uint64_t va) {
    return table_frame(*mid_look(as, va))->refs > 1;
}

void table_write_protect(struct aspace *as, uint64_t start, uint64_t end) {
    pte_t *leaf = pte_table(*mid_look(as, start));
    unsigned last = end_index(start, end);
    for (unsigned i = mmu_leaf_index(start); (i = next_present(leaf, i, last)) < last; i++)
        leaf[i] = pte_without_write(leaf[i]);
}

long table_share(struct aspace *dst, struct aspace *src, uint64_t va) {
    pte_t *mid = mid_entry(dst, va);
    if (!mid)
        return -ENOMEM;
    pte_t link = *mid_look(src, va);
    if (pte_present(*mid))
        drop_leaf(dst, mid); /* somebody mapped into dst between two steps of the clone */
    link_leaf(mid, link);
    frame_hold(table_frame(link));
    dst->resident += table_frame(link)->used;
    return 0;
}

bool table_drop_step(struct aspace *as, unsigned pages) {
    uint64_t va = table_next(as, as->cursor);
    for (; va < ARCH_USER_END && pages; va = table_next(as, va)) {
        pte_t *mid = mid_look(as, va);
        struct frame *f = table_frame(*mid);
        if (f->refs == 1) {
            unsigned drop = f->used < pages ? f->used : pages;
            pages -= drop;
            clear_some(as, frame_va(f), drop);
        } else {
            pages--;
        }
        if (f->refs > 1 || !f->used)
            drop_leaf(as, mid);
    }
    as->cursor = va;
    return va == ARCH_USER_END;
}

/* Leaf tables without a region are empty ones, left where memory ended during a fault. */
static void free_mid(struct aspace *as, struct frame *f) {
    for (pte_t *mid = frame_va(f); f->used; mid++)
        if (pte_present(*mid))
            drop_leaf(as, mid);
    frame_put(f);
}

void table_free(struct aspace *as) {
    for (unsigned i = 0; i < ARCH_USER_ROOT_ENTRIES; i++)
        if (pte_present(as->root[i]))
            free_mid(as, table_frame(as->root[i]));
    frame_put(frame_of(virt_to_phys(as->root)));
}
