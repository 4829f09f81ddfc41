/* SPDX-License-Identifier: MIT */
/* Address spaces and their regions (aspace.h): map, unmap, protect. Faults are in fault.c. */
#include <mm/aspace.h>
#include <arch/hart.h>
#include <mm/account.h>
#include <mm/frame.h>
#include <mm/object.h>
#include <mm/slab.h>
#include <mm/table.h>
#include <parley/calls.h>
#include <parley/errno.h>
#include <sched/hart.h>

#define REGION_CREDIT 16 /* to end one, with a small object */
#define REGIONS_CREDIT (4 * REGION_CREDIT)
#define CHECK_CREDIT 4 /* to look one up */
#define PROT_ALL (PK_PROT_READ | PK_PROT_WRITE | PK_PROT_EXEC)

static struct region *node_region(struct tree_node *n) {
    return n ? CONTAINER_OF(n, struct region, node) : NULL;
}

struct aspace *aspace_create(struct account *account) {
    struct aspace *as = slab_alloc(sizeof *as, account);
    if (!as)
        return NULL;
    struct frame *root = frame_get_zeroed(account);
    if (!root) {
        slab_free(as, sizeof *as, account);
        return NULL;
    }
    *as = (struct aspace){.id = object_new_id(),
                          .refs = 1,
                          .root = frame_va(root),
                          .account = account,
                          .mapped_most = UINT64_MAX,
                          .data_most = UINT64_MAX,
                          .map_next = ARCH_USER_MAP_TOP};
    arch_mmu_init_root(as->root);
    return as;
}

struct region *aspace_region(struct aspace *as, uint64_t va) {
    struct region *r = as->last_found;
    if (r && va >= region_start(r) && va < r->end)
        return r;
    r = node_region(tree_at_or_below(&as->regions, va));
    if (!r || va >= r->end)
        return NULL;
    as->last_found = r;
    return r;
}

struct region *aspace_region_at_or_above(struct aspace *as, uint64_t va) {
    struct tree_node *below = NULL, *above = NULL; /* both neighbours in one search */
    for (struct tree_node *n = as->regions.root; n;) {
        if (n->key <= va) {
            below = n;
            n = n->right;
        } else {
            above = n;
            n = n->left;
        }
    }
    return below && va < node_region(below)->end ? node_region(below) : node_region(above);
}

/* like: what it is a part of, or NULL. Its pages are counted already. */
static void region_insert(struct region *r, uint64_t start, struct region *like) {
    r->node.key = start;
    tree_insert(&r->aspace->regions, &r->node);
    r->aspace->changes++;
    if (r->object) {
        kobject_hold(&r->object->kobject);
        object_add_region(r->object, &r->object_link, like ? &like->object_link : NULL);
        region_note(r, r->aspace->owner, true);
    }
}

static inline void region_forget_object(struct region *r) {
    region_note(r, r->aspace->owner, false);
    object_remove_region(r->object, &r->object_link);
    kobject_put(&r->object->kobject);
    r->object = NULL;
}

/* r is out of the tree. */
static void region_free(struct region *r) {
    struct aspace *as = r->aspace;
    as->changes++;
    as->mapped -= (r->end - region_start(r)) >> PAGE_SHIFT;
    if (as->last_found == r)
        as->last_found = NULL;
    if (r->object)
        region_forget_object(r);
    slab_free(r, sizeof *r, as->account);
}

static void region_delete(struct region *r) {
    tree_remove(&r->aspace->regions, &r->node);
    if (r->data)
        r->aspace->data -= (r->end - region_start(r)) >> PAGE_SHIFT;
    region_free(r);
}

/* Cuts the region at va, which lies inside it; returns the upper part, NULL if memory ends. */
static struct region *region_split(struct region *r, uint64_t va) {
    struct region *upper = slab_alloc(sizeof *upper, r->aspace->account);
    if (!upper)
        return NULL;
    *upper = *r;
    upper->offset = r->offset + (va - region_start(r));
    r->end = va;
    region_insert(upper, va, r);
    return upper;
}

long aspace_split(struct aspace *as, uint64_t start, uint64_t end) {
    struct region *r = aspace_region(as, start);
    if (r && region_start(r) < start && !region_split(r, start))
        return -ENOMEM;
    r = end < ARCH_USER_END ? aspace_region(as, end) : NULL;
    if (r && region_start(r) < end && !region_split(r, end))
        return -ENOMEM;
    return 0;
}

static bool range_valid(uint64_t start, uint64_t length) {
    return start % PAGE_SIZE == 0 && length > 0 && start >= PAGE_SIZE && start < ARCH_USER_END &&
           length <= ARCH_USER_END - start;
}

/* The region begins at va from now on; what lay below is unmapped, as if it had been parted from the rest before. */
static void region_trim(struct region *r, uint64_t va) {
    uint64_t bytes = va - region_start(r);
    if (r->object && r->object->watch) {
        object_note(r->object, r->aspace->owner, true);
        object_note(r->object, r->aspace->owner, false);
    }
    r->aspace->changes++;
    region_count(r->aspace, r, -bytes);
    r->offset += bytes;
    r->node.key = va; /* its place among the others is the same */
}

/* Ends what of regions lies in [start, end), where no pages are any more. 0 or 1. */
static long delete_regions(struct aspace *as, uint64_t start, uint64_t end, int *credit) {
    struct region *r;
    while (start < end && (r = aspace_region_at_or_above(as, start)) && region_start(r) < end) {
        if (*credit <= 0)
            return 1;
        *credit -= REGION_CREDIT;
        start = r->end;
        if (r->end > end)
            region_trim(r, end);
        else
            region_delete(r);
    }
    return 0;
}

/* Up to where to go at once: whole leaf tables of the region, or one with all the regions in it. */
static uint64_t stage_end(const struct region *r, uint64_t end) {
    uint64_t leaf = align_down(region_start(r), ARCH_LEAF_SPAN) + ARCH_LEAF_SPAN;
    uint64_t whole = align_down(min_u64(r->end, end), ARCH_LEAF_SPAN);
    return min_u64(end, max_u64(leaf, whole));
}

NOINLINE long aspace_own_last(struct aspace *as, uint64_t end) {
    int credit = STEP_CREDIT;
    uint64_t va = align_down(end, ARCH_LEAF_SPAN);
    const struct region *r = va < end ? aspace_region_at_or_above(as, end) : NULL;
    return r && region_start(r) < va + ARCH_LEAF_SPAN ? table_own(as, &va, end, &credit) : 0;
}

/*
 * From below upwards: a step later the rest is what is still mapped. However much of the credit the pages
 * take, some regions go too, or a step could come to nothing.
 */
long aspace_unmap_step(struct aspace *as, uint64_t start, uint64_t end, int *credit) {
    struct region *r = aspace_region_at_or_above(as, start);
    if (r && region_start(r) < start && !(r = region_split(r, start)))
        return -ENOMEM;
    while (r && region_start(r) < end) {
        if (*credit <= 0)
            return 1;
        uint64_t va = region_start(r), stage = stage_end(r, end);
        /* All that may take memory comes before anything goes: the split, this, and the first leaf table. */
        if (stage < end && aspace_own_last(as, end) < 0)
            return -ENOMEM;
        long more = table_clear(as, &va, stage, credit);
        if (more < 0)
            return more;
        int spare = *credit < REGIONS_CREDIT ? REGIONS_CREDIT - *credit : 0;
        *credit += spare;
        if (delete_regions(as, start, va, credit) || more)
            return 1;
        *credit -= spare;
        r = va < end ? aspace_region_at_or_above(as, va) : NULL;
    }
    if (end > as->map_next && end <= ARCH_USER_MAP_TOP)
        as->map_next = end;
    return 0;
}

static bool range_free(struct aspace *as, uint64_t start, uint64_t end) {
    struct region *r = aspace_region_at_or_above(as, start);
    return !r || region_start(r) >= end;
}

/*
 * Megapages fit into a shared mapping only if its addresses lie as its object's pages do: `fit` bytes beyond a multiple of
 * what a leaf table maps.
 */
#define ANY_FIT UINT64_MAX

/* The highest start up to `highest` that fits, if it is not below bottom; else that one. */
static NOINLINE uint64_t fitting(uint64_t bottom, uint64_t highest, uint64_t fit) {
    if (fit > highest)
        return highest;
    uint64_t start = align_down(highest - fit, ARCH_LEAF_SPAN) + fit;
    return start >= bottom ? start : highest;
}

/* Room for length bytes below *top, or 0; or 1, to be gone on with at *top. */
static ALWAYS_INLINE uint64_t find_below(struct aspace *as, uint64_t length, uint64_t fit,
                                         uint64_t *top) {
    for (int credit = STEP_CREDIT; *top > length + PAGE_SIZE; credit -= CHECK_CREDIT) {
        if (credit <= 0)
            return 1;
        struct region *r = node_region(tree_at_or_below(&as->regions, *top - 1));
        if (!r || r->end <= *top - length)
            return fit == ANY_FIT ? *top - length
                                  : fitting(r ? r->end : PAGE_SIZE, *top - length, fit);
        *top = min_u64(region_start(r), *top);
    }
    return 0;
}

#define SEARCH_ALL (1ull << 63) /* in *search, beside the address below which to go on */

/* An address, 1 or -ENOMEM. Below the last one first, then everywhere. */
static ALWAYS_INLINE long find_room(struct aspace *as, uint64_t length, uint64_t fit,
                                    uint64_t *search) {
    uint64_t all = *search & SEARCH_ALL;
    uint64_t top = *search ? *search & ~SEARCH_ALL : as->map_next;
    top = min_u64(top, ARCH_USER_MAP_TOP);
    uint64_t start = find_below(as, length, fit, &top);
    if (start == 0 && !all) {
        all = SEARCH_ALL;
        top = ARCH_USER_MAP_TOP;
        start = 1;
    }
    *search = top | all;
    if (start > 1)
        as->map_next = start;
    return start ? (long)start : -ENOMEM;
}

/* Grows the region that ends at start if it is of the same kind: what brk and stacks do. */
static bool extend_below(struct aspace *as, uint64_t start, const struct region *like) {
    struct region *r = start > PAGE_SIZE ? aspace_region(as, start - 1) : NULL;
    if (!r || r->object || like->object || r->prot != like->prot || r->max_prot != like->max_prot ||
        r->tag != like->tag)
        return false;
    as->changes++;
    region_count(as, like, like->end - start);
    r->end = like->end;
    return true;
}

static uint64_t allowed_prot(const struct object *object, uint64_t flags, uint32_t rights) {
    uint64_t max = flags >> PK_MAP_MAX_SHIFT & PROT_ALL;
    if (!max)
        max = PROT_ALL;
    if (object) {
        if (!(rights & PK_RIGHT_EXECUTE))
            max &= ~(uint64_t)PK_PROT_EXEC;
        if (flags & PK_MAP_SHARED && !(rights & PK_RIGHT_WRITE))
            max &= ~(uint64_t)PK_PROT_WRITE;
    }
    return max;
}

static ALWAYS_INLINE long choose_start(struct aspace *as, uint64_t start, uint64_t length,
                                       uint64_t flags, uint64_t fit, uint64_t *search) {
    if (flags & (PK_MAP_FIXED | PK_MAP_NOREPLACE)) {
        if (!range_valid(start, length))
            return -EINVAL;
        if (flags & PK_MAP_NOREPLACE && !range_free(as, start, start + length))
            return -EEXIST;
        ASSERT(range_free(as, start, start + length));
        return (long)start;
    }
    start = align_down(start, PAGE_SIZE);
    if (range_valid(start, length) && range_free(as, start, start + length))
        return (long)start;
    return find_room(as, length, fit, search);
}

/* Built apart, so that the search without it does not carry `fit` along. */
static NOINLINE long choose_fitting(struct aspace *as, uint64_t start, uint64_t length,
                                    uint64_t flags, uint64_t offset, uint64_t *search) {
    return choose_start(as, start, length, flags, offset % ARCH_LEAF_SPAN, search);
}

long aspace_map_check(uint64_t length, uint64_t flags, const struct object *object, uint64_t offset,
                      uint32_t object_rights) {
    if (length == 0 || length > ARCH_USER_END || offset % PAGE_SIZE || offset + length < offset ||
        (flags & PK_MAP_SHARED && !object))
        return -EINVAL;
    if (object && object->device && !(flags & PK_MAP_SHARED))
        return -EINVAL; /* a private copy of a device's registers makes no sense */
    return flags & PROT_ALL & ~allowed_prot(object, flags, object_rights) ? -EACCES : 0;
}

#define PIECES_MOST 64 /* that are looked at */

/* What is mapped between start and end, of which data may be. */
static void count_within(struct aspace *as, uint64_t start, uint64_t end, uint64_t *pages,
                         uint64_t *data) {
    for (int pieces = 0; pieces < PIECES_MOST && start < end; pieces++) {
        const struct region *r = aspace_region_at_or_above(as, start);
        if (!r || region_start(r) >= end)
            return;
        uint64_t n = (min_u64(r->end, end) - max_u64(region_start(r), start)) >> PAGE_SHIFT;
        *pages += n;
        *data += r->data ? n : 0;
        start = r->end;
    }
}

static bool exceeds(uint64_t used, uint64_t freed, uint64_t more, uint64_t most) {
    return more > most || used - freed > most - more;
}

NOINLINE long aspace_limits_check(struct aspace *as, uint64_t start, uint64_t length,
                                  uint64_t flags) {
    uint64_t freed = 0, freed_data = 0, pages = align_up(length, PAGE_SIZE) >> PAGE_SHIFT;
    bool is_data = flags & PK_PROT_WRITE && !(flags & PK_MAP_SHARED);
    if (start)
        count_within(as, start, start + (pages << PAGE_SHIFT), &freed, &freed_data);
    return exceeds(as->mapped, freed, pages, as->mapped_most) ||
                   (is_data && exceeds(as->data, freed_data, pages, as->data_most))
               ? -ENOMEM
               : 0;
}

long aspace_map(struct aspace *as, uint64_t start, uint64_t length, uint64_t flags,
                struct object *object, uint64_t offset, uint64_t tag, uint32_t object_rights,
                uint64_t *search) {
    uint64_t prot = flags & PROT_ALL, max = allowed_prot(object, flags, object_rights);
    long invalid = aspace_map_check(length, flags, object, offset, object_rights);
    if (invalid < 0)
        return invalid;
    length = align_up(length, PAGE_SIZE);
    long at = flags & PK_MAP_SHARED && length >= ARCH_LEAF_SPAN
                  ? choose_fitting(as, start, length, flags, offset, search)
                  : choose_start(as, start, length, flags, ANY_FIT, search);
    if (at <= 1)
        return at;
    start = (uint64_t)at;
    struct region *r = slab_alloc(sizeof *r, as->account);
    if (!r)
        return -ENOMEM;
    *r = (struct region){.end = start + length,
                         .offset = offset,
                         .tag = tag,
                         .object = object,
                         .aspace = as,
                         .prot = (uint8_t)prot,
                         .max_prot = (uint8_t)max,
                         .shared = flags & PK_MAP_SHARED,
                         .data = (flags & (PK_PROT_WRITE | PK_MAP_SHARED)) == PK_PROT_WRITE};
    list_init(&r->object_link);
    if (extend_below(as, start, r)) {
        slab_free(r, sizeof *r, as->account);
        return at;
    }
    region_count(as, r, length);
    region_insert(r, start, NULL);
    return at;
}

/* The region at va if it may have these rights, else NULL and -ENOMEM (nothing is mapped) or -EACCES. */
static struct region *region_allowing(struct aspace *as, uint64_t va, uint64_t prot, long *error) {
    struct region *r = aspace_region(as, va);
    if (r && !(prot & ~(uint64_t)r->max_prot))
        return r;
    *error = r ? -EACCES : -ENOMEM;
    return NULL;
}

/* Checks that all of [va, end) is mapped and may have these rights, and makes its page tables own ones. */
static long protect_check(struct aspace *as, uint64_t *va, uint64_t end, uint64_t prot,
                          int *credit) {
    for (; *va < end; *credit -= CHECK_CREDIT) {
        if (*credit <= 0)
            return 1;
        long error = 0;
        const struct region *r = region_allowing(as, *va, prot, &error);
        if (!r)
            return error;
        long more = table_own(as, va, min_u64(r->end, end), credit);
        if (more != 0)
            return more;
    }
    return 0;
}

/* False if there may not be so much data. */
static bool change_data(struct aspace *as, struct region *r, bool data) {
    uint64_t size = r->end - region_start(r);
    if (!data)
        as->data -= size >> PAGE_SHIFT;
    else if (as->limited && aspace_limits_check(as, region_start(r), size, PK_PROT_WRITE) < 0)
        return false;
    else
        as->data += size >> PAGE_SHIFT;
    r->data = data;
    return true;
}

/* Then they are changed; regions may have changed since, and so are checked again. */
static long protect_change(struct aspace *as, uint64_t *va, uint64_t end, uint64_t prot,
                           int *credit) {
    for (; *va < end; *credit -= CHECK_CREDIT) {
        if (*credit <= 0)
            return 1;
        long error = 0;
        struct region *r = region_allowing(as, *va, prot, &error);
        if (!r)
            return error;
        bool data = prot & PK_PROT_WRITE && !r->shared;
        if (data != r->data && !change_data(as, r, data))
            return -ENOMEM;
        as->changes++;
        r->prot = (uint8_t)prot; /* first: faults until the next step must not give more */
        long more = table_restrict(as, va, r->end, prot, credit);
        if (more != 0)
            return more;
    }
    return 0;
}

long aspace_protect_step(struct aspace *as, uint64_t start, uint64_t length, uint64_t prot,
                         uint64_t *done, int *credit) {
    if (length > ARCH_USER_END || prot & ~(uint64_t)PROT_ALL)
        return -EINVAL;
    length = align_up(length, PAGE_SIZE);
    if (!range_valid(start, length))
        return -EINVAL;
    uint64_t end = start + length, va = start + min_u64(*done, length);
    long more = protect_check(as, &va, end, prot, credit);
    if (more != 0) {
        *done = va - start;
        return more;
    }
    va = start + (*done > length ? min_u64(*done - length, length) : 0);
    more = aspace_split(as, start, end);
    if (more == 0)
        more = protect_change(as, &va, end, prot, credit);
    *done = length + (va - start);
    return more;
}

long region_unmap_step(struct region *r, uint64_t first, uint64_t *at, int *credit) {
    uint64_t from = max_u64(first, *at) << PAGE_SHIFT, size = r->end - region_start(r);
    uint64_t skip = from > r->offset ? from - r->offset : 0;
    if (skip >= size)
        return 0;
    uint64_t va = region_start(r) + skip;
    long more = table_clear(r->aspace, &va, r->end, credit);
    *at = (r->offset + (va - region_start(r))) >> PAGE_SHIFT;
    return more;
}

static void begin_end(struct aspace *as) {
    if (this_hart()->aspace == as)
        arch_mmu_activate(NULL);
    if (!as->dying) {
        as->dying = true;
        as->cursor = 0; /* it may be a clone's that was given up */
    }
}

NOINLINE bool aspace_leave_some(struct aspace *as, int *credit) {
    begin_end(as);
    for (; as->watched; *credit -= REGION_CREDIT) {
        if (*credit <= 0)
            return false;
        struct region *r = aspace_region_at_or_above(as, as->cursor);
        as->changes++;
        as->cursor = r->end;
        if (r->object && r->object->watch)
            region_forget_object(r);
    }
    as->cursor = 0;
    return true;
}

bool aspace_put_step(struct aspace *as, int *credit) {
    if (as->refs > 1) {
        as->refs--;
        return true;
    }
    if (!aspace_leave_step(as, credit))
        return false;
    begin_end(as);
    if (as->cursor < ARCH_USER_END && !table_drop_step(as, credit))
        return false;
    for (; as->regions.root; *credit -= REGION_CREDIT) {
        if (*credit <= 0)
            return false;
        region_free(node_region(tree_take_first(&as->regions)));
    }
    if (!table_free_step(as, credit))
        return false;
    slab_free(as, sizeof *as, as->account);
    return true;
}
