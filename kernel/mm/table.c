/* SPDX-License-Identifier: MIT */
/*
 * Page tables (table.h): the walk, leaf tables shared copy-on-write, and counts. A leaf table's
 * frame counts in `used` its present entries and in `refs` the address spaces that use it; a middle
 * table's counts in `used` its leaf tables, a root's its middle tables. What is present lies in
 * regions, so walks go by regions: the tables are large and nearly empty. That is also why a leaf
 * table has a bit in `groups` for each TABLE_GROUP entries, set when one of them becomes present. A
 * table is empty, all zeros, when it is freed. A megapage counts as a leaf table, and as a table's worth of
 * resident pages.
 */
#include <mm/table.h>
#include <mm/frame.h>
#include <parley/calls.h>
#include <parley/errno.h>

#define FIND_CREDIT 3          /* to look up a region */
#define FORGET_CREDIT 4        /* to flush a megapage */
#define LEAF_CREDIT 25         /* to look through a leaf table that is nearly empty */
#define PROTECTED_PER_CREDIT 4 /* entries */
#define UNSHARE_CREDIT 30      /* a new table */
#define UNSHARED_PER_CREDIT 4
#define MID_CREDIT 60 /* to look through a middle table */

static struct frame *table_frame(pte_t link) {
    return frame_of(pte_pa(link));
}

/* The middle level's entry for va, or NULL where there is no middle table. */
static pte_t *mid_look(const struct aspace *as, uint64_t va) {
    pte_t root = as->root[mmu_root_index(va)];
    return pte_present(root) ? &pte_table(root)[mmu_mid_index(va)] : NULL;
}

/* Enters a table of the next level. */
static void link_table(pte_t *entry, pte_t link) {
    frame_holding(entry)->used++;
    *entry = link;
}

/* A new table of the next level; false if memory ends. */
static NOINLINE bool add_table(struct aspace *as, pte_t *entry) {
    struct frame *f = frame_get_zeroed(as->account);
    if (f)
        link_table(entry, pte_make_table(frame_pa(f)));
    return f != NULL;
}

static ALWAYS_INLINE pte_t *mid_entry(struct aspace *as, uint64_t va) {
    pte_t *root = &as->root[mmu_root_index(va)];
    if (!pte_present(*root) && !add_table(as, root))
        return NULL;
    return &pte_table(*root)[mmu_mid_index(va)];
}

static unsigned end_index(uint64_t va, uint64_t end) {
    return mmu_leaf_index(va) + (unsigned)((end - va) >> PAGE_SHIFT);
}

/* The first present entry at or after index i, else `end`. Absent entries are 0; they come in runs. */
static unsigned next_in_group(const pte_t *leaf, unsigned i, unsigned end) {
    for (; i + 8 <= end; i += 8) {
        const pte_t *e = &leaf[i];
        if (e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7])
            break;
    }
    while (i < end && !leaf[i])
        i++;
    return i;
}

/* The same, without looking where there was nothing. */
static NOINLINE unsigned next_in_groups(const pte_t *leaf, unsigned groups, unsigned i,
                                        unsigned end) {
    while (i < end) {
        unsigned group_end = (i | (TABLE_GROUP - 1)) + 1, last = group_end < end ? group_end : end;
        i = groups >> i / TABLE_GROUP & 1 ? next_in_group(leaf, i, last) : last;
        if (i < last)
            break;
    }
    return i;
}

static inline unsigned next_present(const pte_t *leaf, unsigned groups, unsigned i, unsigned end) {
    return i >= end || leaf[i] ? i : next_in_groups(leaf, groups, i, end);
}

static inline void copy_eight(pte_t *to, const pte_t *leaf) {
    if (!(leaf[0] | leaf[1] | leaf[2] | leaf[3] | leaf[4] | leaf[5] | leaf[6] | leaf[7]))
        return;
#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++) {
        pte_t e = leaf[i];
        if (!pte_present(e))
            continue;
        to[i] = e;
        if (pte_counted(e))
            frame_hold(frame_of(pte_pa(e)));
    }
}

/* To a zeroed table. Present entries are few in most: a copy of the whole page would cost more. */
static void copy_entries(pte_t *to, const pte_t *leaf, unsigned groups) {
    for (; groups; groups >>= 1, to += TABLE_GROUP, leaf += TABLE_GROUP)
        for (unsigned i = 0; groups & 1 && i < TABLE_GROUP; i += 8)
            copy_eight(&to[i], &leaf[i]);
}

/* Replaces a shared leaf table by a copy of its own. */
static NOINLINE bool unshare(struct aspace *as, pte_t *mid) {
    struct frame *old = table_frame(*mid);
    struct frame *own = frame_get_zeroed(as->account);
    if (!own)
        return false;
    copy_entries(frame_va(own), frame_va(old), old->groups);
    own->used = old->used;
    own->groups = old->groups;
    *mid = pte_make_table(frame_pa(own));
    frame_put(old);
    return true;
}

pte_t *table_entry(struct aspace *as, uint64_t va) {
    pte_t *mid = mid_entry(as, va);
    if (!mid)
        return NULL;
    if (!pte_is_table(*mid)) {
        if (pte_is_megapage(*mid) || !add_table(as, mid))
            return NULL;
    } else if (table_frame(*mid)->refs > 1) {
        if (!unshare(as, mid))
            return NULL;
        /* Same translations as before, but the old table must not be walked any more. */
        arch_mmu_flush(as, align_down(va, ARCH_LEAF_SPAN), ARCH_LEAF_SPAN);
    }
    return &pte_table(*mid)[mmu_leaf_index(va)];
}

/* Takes a leaf table, which is empty or others' too, out of the address space; put_leaf() is to follow. */
static struct frame *unlink_leaf(struct aspace *as, pte_t *mid) {
    struct frame *f = table_frame(*mid);
    ASSERT(f->refs > 1 || !f->used);
    as->resident -= f->used;
    frame_holding(mid)->used--;
    *mid = 0;
    return f;
}

/* No hart walks it for that address space any more. */
static void put_leaf(struct frame *f) {
    if (f->refs == 1)
        frame_put_zeroed(f);
    else
        frame_put(f);
}

pte_t *table_megapage(const struct aspace *as, uint64_t va) {
    pte_t *mid = mid_look(as, va);
    return mid && pte_is_megapage(*mid) ? mid : NULL;
}

/* Nothing is freed by that: the object has the frames. */
static void unlink_megapage(struct aspace *as, pte_t *mid) {
    as->megapages--;
    as->resident -= ARCH_LEAF_ENTRIES;
    frame_holding(mid)->used--;
    *mid = 0;
}

/* Frees an own leaf table of entries for frames that stand in a row, each of which has another holder. */
static void drop_leaf(struct frame *table, struct frame *first) {
    pte_t *leaf = frame_va(table);
    for (unsigned i = 0; i < ARCH_LEAF_ENTRIES; i++)
        if (leaf[i]) {
            ASSERT(frame_of(pte_pa(leaf[i])) == &first[i] && first[i].refs > 1);
            first[i].refs--;
            leaf[i] = 0;
        }
    frame_put_zeroed(table);
}

/* The same frames are to be seen there as before, but the table must not be walked any more when it is freed. */
void table_set_megapage(struct aspace *as, uint64_t va, pte_t entry) {
    pte_t *mid = mid_look(as, va);
    struct frame *f = table_frame(*mid);
    ASSERT(f->refs == 1 && pte_shared(entry) && pte_is_megapage(entry));
    as->megapages++;
    as->resident += ARCH_LEAF_ENTRIES - f->used;
    *mid = entry;
    arch_mmu_flush(as, 0, ARCH_USER_END);
    drop_leaf(f, frame_of(pte_pa(entry)));
}

static NOINLINE void forget_megapage(struct aspace *as, pte_t *mid, uint64_t va) {
    unlink_megapage(as, mid);
    arch_mmu_flush(as, align_down(va, ARCH_LEAF_SPAN), ARCH_LEAF_SPAN);
}

static void drop_mid(pte_t *root) {
    struct frame *f = table_frame(*root);
    frame_holding(root)->used--;
    *root = 0;
    frame_put_zeroed(f);
}

static uint32_t pages_for(int credit) {
    return credit > 0 ? (uint32_t)credit / FRAME_PUT_CREDIT : 0;
}

/* Clears the first `count` present entries of an own leaf table. */
static void clear_some(struct aspace *as, pte_t *leaf, unsigned count) {
    struct frame *f = frame_holding(leaf);
    unsigned groups = f->groups;
    as->resident -= count;
    f->used -= (uint16_t)count;
    for (unsigned i = 0; count; count--, i++) {
        i = next_present(leaf, groups, i, ARCH_LEAF_ENTRIES);
        pte_t old = leaf[i];
        leaf[i] = 0;
        if (pte_counted(old))
            frame_put(frame_of(pte_pa(old)));
    }
}

/* Clears entries from index i on of an own leaf table; returns how far it came. Frames go to `freed`. */
static unsigned clear_entries(struct aspace *as, pte_t *e, unsigned i, unsigned last,
                              struct frame_batch *freed, int *credit) {
    struct frame *f = frame_holding(e);
    unsigned groups = f->groups;
    uint32_t left = f->used, most = pages_for(*credit), kept = left > most ? left - most : 0;
    for (; left && (i = next_present(e, groups, i, last)) < last; i++, left--) {
        if (left == kept)
            break;
        pte_t old = e[i];
        e[i] = 0;
        if (pte_counted(old))
            frame_put_later(freed, frame_of(pte_pa(old)));
    }
    if (!left)
        i = last;
    as->resident -= f->used - left;
    *credit -= (int)(f->used - left) * FRAME_PUT_CREDIT;
    f->used = (uint16_t)left;
    return i;
}

/* Where the part of [va, end) ends that lies in va's leaf table. */
static uint64_t span_end(uint64_t va, uint64_t end) {
    return min_u64(align_down(va, ARCH_LEAF_SPAN) + ARCH_LEAF_SPAN, end);
}

/* True if any entry in [va, end), within one leaf table, is present. */
static bool any_present(pte_t link, uint64_t va, uint64_t end) {
    unsigned last = end_index(va, end), groups = table_frame(link)->groups;
    return next_present(pte_table(link), groups, mmu_leaf_index(va), last) < last;
}

/* True if all present entries of va's leaf table lie in [va, end). */
static bool none_outside(pte_t link, uint64_t va, uint64_t end) {
    const pte_t *leaf = pte_table(link);
    unsigned first = mmu_leaf_index(va), last = end_index(va, end);
    unsigned groups = table_frame(link)->groups;
    return next_present(leaf, groups, 0, first) == first &&
           next_present(leaf, groups, last, ARCH_LEAF_ENTRIES) == ARCH_LEAF_ENTRIES;
}

/* Makes va's leaf table the address space's own if it has entries in [va, end). */
static long own(struct aspace *as, const pte_t *mid, uint64_t va, uint64_t end, int *credit) {
    const struct frame *f = table_frame(*mid);
    if (f->refs == 1 || !any_present(*mid, va, end))
        return 0;
    *credit -= UNSHARE_CREDIT + (int)(f->used / UNSHARED_PER_CREDIT);
    return table_entry(as, va) ? 0 : -ENOMEM;
}

/*
 * One leaf table's part of table_clear(). First entries go, then what TLBs remember of them on any hart,
 * and only then may frames be used for something else: a thread on another hart may write to a page until
 * its TLB has forgotten it.
 */
static long clear_in_leaf(struct aspace *as, uint64_t *va, uint64_t end, int *credit) {
    uint64_t start = *va;
    pte_t *mid = mid_look(as, start);
    struct frame *table = NULL;
    struct frame_batch freed = {0};
    if (table_frame(*mid)->refs > 1 && none_outside(*mid, start, end)) {
        table = unlink_leaf(as, mid);
        *va = end;
    } else {
        long error = own(as, mid, start, end, credit);
        if (error < 0)
            return error;
        unsigned first = mmu_leaf_index(start), last = end_index(start, end);
        if (table_frame(*mid)->refs == 1)
            last = clear_entries(as, pte_table(*mid), first, last, &freed, credit);
        *va = start + ((uint64_t)(last - first) << PAGE_SHIFT);
        if (!table_frame(*mid)->used)
            table = unlink_leaf(as, mid);
    }
    if (table) { /* the link to it may be remembered for all of its addresses */
        arch_mmu_flush(as, 0, ARCH_USER_END);
        put_leaf(table);
    } else {
        arch_mmu_flush(as, start, *va - start);
    }
    frame_batch_free(&freed);
    return 0;
}

bool table_find(const struct aspace *as, uint64_t *va, uint64_t end, int *credit) {
    while (*va < end) {
        if (*credit <= 0)
            return false;
        const struct region *r = aspace_region_at_or_above((struct aspace *)as, *va);
        if (!r)
            break;
        *va = max_u64(*va, region_start(r));
        *credit -= FIND_CREDIT;
        for (uint64_t stop = min_u64(r->end, end); *va<stop && * credit> 0; --*credit) {
            const pte_t *mid = mid_look(as, *va);
            if (mid && pte_present(*mid))
                return true;
            uint64_t span = mid ? ARCH_LEAF_SPAN : ARCH_MID_SPAN;
            *va = align_down(*va, span) + span;
        }
    }
    *va = end;
    return false;
}

/* The same, but megapages on the way are forgotten. */
static NOINLINE bool find_or_forget(struct aspace *as, uint64_t *va, uint64_t end, int *credit) {
    while (table_find(as, va, end, credit)) {
        pte_t *mid = mid_look(as, *va);
        if (pte_is_table(*mid))
            return true;
        forget_megapage(as, mid, *va);
        *credit -= FORGET_CREDIT;
    }
    return false;
}

/* For those who change what is there. */
static inline bool find_table(struct aspace *as, uint64_t *va, uint64_t end, int *credit) {
    return as->megapages ? find_or_forget(as, va, end, credit) : table_find(as, va, end, credit);
}

long table_clear(struct aspace *as, uint64_t *va, uint64_t end, int *credit) {
    while (find_table(as, va, end, credit)) {
        --*credit;
        long error = clear_in_leaf(as, va, span_end(*va, end), credit);
        if (error < 0)
            return error;
    }
    return *va < end;
}

long table_own(struct aspace *as, uint64_t *va, uint64_t end, int *credit) {
    while (find_table(as, va, end, credit)) {
        --*credit;
        uint64_t stop = span_end(*va, end);
        long error = own(as, mid_look(as, *va), *va, stop, credit);
        if (error < 0)
            return error;
        *va = stop;
    }
    return *va < end;
}

static pte_t restricted(pte_t e, uint64_t prot) {
    return pte_make(pte_pa(e), prot & PK_PROT_READ, prot & PK_PROT_WRITE && pte_writable(e),
                    prot & PK_PROT_EXEC, pte_counted(e), pte_shared(e));
}

/* One leaf table's part of table_restrict(): 0, 1 if an entry has changed, or -ENOMEM. */
static long restrict_in_leaf(struct aspace *as, uint64_t *va, uint64_t end, uint64_t prot,
                             int *credit) {
    pte_t *mid = mid_look(as, *va);
    long error = own(as, mid, *va, end, credit);
    if (error < 0)
        return error;
    pte_t *e = pte_table(*mid);
    unsigned first = mmu_leaf_index(*va), last = end_index(*va, end), i = first;
    unsigned groups = table_frame(*mid)->groups;
    bool changed = false;
    for (; (i = next_present(e, groups, i, last)) < last && *credit > 0; i++, --*credit) {
        pte_t before = e[i];
        e[i] = restricted(before, prot);
        changed |= e[i] != before;
    }
    *va += (uint64_t)(i - first) << PAGE_SHIFT;
    return changed;
}

long table_restrict(struct aspace *as, uint64_t *va, uint64_t end, uint64_t prot, int *credit) {
    uint64_t start = *va;
    long error = 0;
    bool changed = false;
    while (error >= 0 && find_table(as, va, end, credit)) {
        --*credit;
        error = restrict_in_leaf(as, va, span_end(*va, end), prot, credit);
        changed |= error > 0;
    }
    if (changed)
        arch_mmu_flush(as, start, *va - start);
    return error < 0 ? error : *va < end;
}

static inline void write_protect_eight(pte_t *e) {
    if (!(e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]))
        return;
#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++)
        e[i] = pte_cloned(e[i]);
}

/* Takes write permission from what is private in an own leaf table. */
static void write_protect(pte_t *leaf, unsigned groups) {
    for (; groups; groups >>= 1, leaf += TABLE_GROUP)
        for (unsigned i = 0; groups & 1 && i < TABLE_GROUP; i += 8)
            write_protect_eight(&leaf[i]);
}

long table_share(struct aspace *dst, struct aspace *src, uint64_t va, bool *protected,
                 int *credit) {
    pte_t *mid = mid_entry(dst, va);
    if (!mid)
        return -ENOMEM;
    ASSERT(!pte_present(*mid));
    pte_t link = *mid_look(src, va);
    *credit -= LEAF_CREDIT;
    if (pte_is_megapage(link)) { /* the region of dst has the object, too */
        link_table(mid, link);
        dst->megapages++;
        dst->resident += ARCH_LEAF_ENTRIES;
        return 0;
    }
    struct frame *f = table_frame(link);
    if (f->refs == 1) {
        write_protect(frame_va(f), f->groups);
        *credit -= (int)(f->used / PROTECTED_PER_CREDIT);
        *protected = true;
    }
    link_table(mid, link);
    frame_hold(f);
    dst->resident += f->used;
    return 0;
}

/* What a middle table's entry leads to, as far as the credit goes; true if nothing is left. No thread uses it any more:
 * there is nothing to flush. */
static bool drop_below(struct aspace *as, pte_t *mid, int *credit) {
    if (pte_is_megapage(*mid)) {
        unlink_megapage(as, mid);
        return true;
    }
    struct frame *f = table_frame(*mid);
    if (f->refs == 1) {
        uint32_t most = pages_for(*credit), drop = f->used < most ? f->used : most;
        *credit -= (int)drop * FRAME_PUT_CREDIT;
        clear_some(as, frame_va(f), drop);
        if (f->used)
            return false;
    }
    put_leaf(unlink_leaf(as, mid));
    return true;
}

bool table_drop_step(struct aspace *as, int *credit) {
    while (table_find(as, &as->cursor, ARCH_USER_END, credit)) {
        pte_t *mid = mid_look(as, as->cursor);
        --*credit;
        if (drop_below(as, mid, credit)) {
            if (!frame_holding(mid)->used) {
                drop_mid(&as->root[mmu_root_index(as->cursor)]);
                *credit -= FRAME_PUT_CREDIT;
            }
            as->cursor = align_down(as->cursor, ARCH_LEAF_SPAN) + ARCH_LEAF_SPAN;
        }
    }
    return as->cursor >= ARCH_USER_END;
}

/*
 * What the steps left of a middle table: it was emptied earlier, or has empty leaf tables without a
 * region, made when memory ended during a fault.
 */
static bool free_rest(struct aspace *as, pte_t *root, int *credit) {
    struct frame *f = table_frame(*root);
    if (f->used)
        *credit -= MID_CREDIT;
    for (pte_t *mid = frame_va(f); f->used; mid++) {
        if (*credit <= 0)
            return false;
        if (pte_is_megapage(*mid)) {
            unlink_megapage(as, mid);
            --*credit;
        } else if (pte_present(*mid)) {
            put_leaf(unlink_leaf(as, mid));
            *credit -= FRAME_PUT_CREDIT;
        }
    }
    drop_mid(root);
    *credit -= FRAME_PUT_CREDIT;
    return true;
}

bool table_free_step(struct aspace *as, int *credit) {
    struct frame *f = frame_holding(as->root);
    for (pte_t *root = as->root; f->used; root++)
        if (pte_present(*root) && (*credit <= 0 || !free_rest(as, root, credit)))
            return false;
    arch_mmu_clear_root(as->root);
    frame_put_zeroed(f);
    return true;
}
