/* SPDX-License-Identifier: MIT */
/* Address spaces, page tables and memory objects (check.h). */
#include <check/check.h>
#include <ipc/ipc.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/fault.h>
#include <mm/object.h>
#include <mm/table.h>
#include <parley/calls.h>

/* Of the address space that is visited: pages in its regions, private ones to be written to among them, how many regions map watched objects,
 * and megapages. */
static uint64_t mapped, data, watched, megapages;

static struct region *region_of(struct tree_node *n) {
    return CONTAINER_OF(n, struct region, node);
}

static void visit_region(struct aspace *as, struct region *r) {
    check_piece(r, sizeof *r, as->account);
    MUST(r->aspace == as && !(r->prot & ~r->max_prot), r);
    MUST(region_start(r) % PAGE_SIZE == 0 && r->end % PAGE_SIZE == 0 && r->end <= ARCH_USER_END, r);
    mapped += (r->end - region_start(r)) >> PAGE_SHIFT;
    MUST(r->data == region_is_data(r), r);
    data += r->data ? (r->end - region_start(r)) >> PAGE_SHIFT : 0;
    MUST(!r->shared || r->object || as->dying, r);
    if (!r->object)
        return;
    watched += r->object->watch != NULL;
    check_refer(&r->object->kobject);
    check_other(&r->object->kobject);
}

/* The height of a subtree whose regions lie in [start, end). One that is being taken apart is out of balance. */
static int visit_regions(struct aspace *as, struct tree_node *n, uint64_t start, uint64_t end) {
    if (!n)
        return 0;
    struct region *r = region_of(n);
    if (!MUST(n->key >= start && r->end > n->key && r->end <= end, r))
        return 0;
    visit_region(as, r);
    int left = visit_regions(as, n->left, start, n->key);
    int right = visit_regions(as, n->right, r->end, end);
    int height = (left > right ? left : right) + 1;
    MUST(as->dying || (n->height == height && left - right <= 1 && right - left <= 1), r);
    return height;
}

/* What a region's entry may be; whose frame it is counts only when a table is seen for the first time. */
static void visit_entry(const struct region *r, uint64_t va, pte_t e, bool table_shared) {
    uint64_t pa = pte_pa(e), offset = r->offset + (va - region_start(r));
    MUST(!pte_allows(e, false, false) || r->max_prot & (PK_PROT_READ | PK_PROT_WRITE), r);
    MUST(!pte_writable(e) || r->max_prot & PK_PROT_WRITE, r);
    MUST(!pte_allows(e, false, true) || r->max_prot & PK_PROT_EXEC, r);
    MUST(pte_shared(e) == r->shared, r);
    MUST(!pte_writable(e) || pte_shared(e) || !table_shared, r);
    if (r->object && r->object->device)
        MUST(!pte_counted(e) && pa == r->object->device + offset, r);
    else if (!pte_counted(e))
        MUST(!r->object && !pte_writable(e) && pa == frame_pa(fault_zero_frame()), r);
    else if (r->shared && !r->object->cutting)
        MUST(object_lookup(r->object, offset >> PAGE_SHIFT) == frame_of(pa), r);
}

/* mark.others of a page's frame: entries by which it may be written to as a private page. */
static void count_entry(pte_t e) {
    if (!pte_counted(e))
        return;
    struct frame *f = frame_of(pte_pa(e));
    check_hold(f);
    if (pte_writable(e) && !pte_shared(e))
        f->mark.others++;
}

static void visit_leaf(struct aspace *as, uint64_t va, struct frame *f) {
    bool first = check_hold(f);
    const pte_t *e = frame_va(f);
    uint64_t used = 0;
    const struct region *r = NULL;
    for (unsigned i = 0; i < ARCH_LEAF_ENTRIES; i++, va += PAGE_SIZE) {
        if (!pte_present(e[i])) {
            MUST(!e[i], f);
            continue;
        }
        used++;
        MUST(f->groups >> i / TABLE_GROUP & 1, f);
        if (first)
            count_entry(e[i]);
        if (!r || va >= r->end)
            r = aspace_region_at_or_above(as, va);
        if (MUST(r && va >= region_start(r), f) && !as->dying)
            visit_entry(r, va, e[i], f->refs > 1);
    }
    MUST(used == f->used, f);
}

/* A megapage lies in shared regions, side by side, and shows the frames that their object has for these pages. */
static void visit_megapage(struct aspace *as, uint64_t va, pte_t e) {
    if (as->dying)
        return;
    const struct region *r = NULL;
    for (unsigned i = 0; i < ARCH_LEAF_ENTRIES; i++, va += PAGE_SIZE) {
        if (!r || va >= r->end)
            r = aspace_region_at_or_above(as, va);
        if (!MUST(r && va >= region_start(r) && r->shared, as))
            return;
        visit_entry(r, va, pte_further(e, i), false);
    }
}

static uint64_t visit_mid(struct aspace *as, uint64_t va, struct frame *f) {
    const pte_t *mid = frame_va(f);
    uint64_t used = 0, resident = 0;
    check_hold(f);
    for (unsigned i = 0; i < ARCH_MID_SPAN / ARCH_LEAF_SPAN; i++, va += ARCH_LEAF_SPAN) {
        if (!pte_present(mid[i]))
            continue;
        used++;
        if (pte_is_megapage(mid[i])) {
            visit_megapage(as, va, mid[i]);
            resident += ARCH_LEAF_ENTRIES;
            megapages++;
            continue;
        }
        struct frame *leaf = frame_of(pte_pa(mid[i]));
        visit_leaf(as, va, leaf);
        resident += leaf->used;
    }
    MUST(used == f->used, f);
    return resident;
}

static void visit_tables(struct aspace *as) {
    struct frame *f = frame_holding(as->root);
    uint64_t used = 0, resident = 0;
    check_hold(f);
    for (unsigned i = 0; i < ARCH_USER_ROOT_ENTRIES; i++) {
        if (!pte_present(as->root[i]))
            continue;
        used++;
        resident += visit_mid(as, i * ARCH_MID_SPAN, frame_of(pte_pa(as->root[i])));
    }
    MUST(used == f->used, f);
    MUST(resident == as->resident && megapages == as->megapages, as);
}

void check_aspace(struct aspace *as) {
    if (check_marked(&as->mark)->refs++)
        return;
    check_piece(as, sizeof *as, as->account);
    mapped = data = watched = megapages = 0;
    visit_regions(as, as->regions.root, PAGE_SIZE, ARCH_USER_END);
    MUST(mapped == as->mapped && watched == as->watched, as);
    MUST(data == as->data || as->dying || as->clone_of, as);
    visit_tables(as);
}

void check_aspace_compare(const struct aspace *as) {
    MUST(as->refs == as->mark.refs, as);
}

/* Frames of a subtree. Each may be in other objects, too. */
static uint64_t visit_frames(struct object *o, void *entry, unsigned height) {
    uint64_t pages = 0;
    if (!entry)
        return 0;
    struct frame *f = height ? frame_holding(entry) : entry;
    check_hold(f);
    if (!height)
        return 1;
    MUST(f->account == o->kobject.account, f);
    MUST(height > 1 || object_node_sound(f), f);
    for (unsigned i = 0; i < OBJECT_NODE_ENTRIES; i++)
        pages += visit_frames(o, ((void **)entry)[i], height - 1);
    return pages;
}

void check_object(struct object *o) {
    check_piece(o, sizeof *o, o->kobject.account);
    if (o->watch) {
        check_piece(o->watch, sizeof *o->watch, o->kobject.account);
        if (o->watch->own)
            check_refer(&o->watch->notification->kobject);
    }
    MUST(visit_frames(o, o->root, o->height) == o->resident, o);
}

static uint32_t regions_in(const struct object *o, const struct list *head) {
    uint32_t count = 0;
    for (struct list *l = head->next; l != head; l = l->next, count++)
        MUST(CONTAINER_OF(l, struct region, object_link)->object == o, l);
    return count;
}

/* mark.others of an object: regions that map it. */
void check_object_compare(struct object *o) {
    MUST(regions_in(o, &o->regions) + regions_in(o, &o->uncut) == o->kobject.check.mark.others, o);
    MUST(o->cutting || list_empty(&o->uncut), o);
}
