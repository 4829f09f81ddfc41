/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: an ordered tree of regions, and page tables that faults fill. Regions are the
 * truth about rights; a page table entry may be stricter (copy-on-write), never laxer.
 */
#ifndef MM_ASPACE_H
#define MM_ASPACE_H

#include <arch/mmu.h>
#include <check/mark.h>
#include <entry.h>
#include <mm/object.h>
#include <lib/lib.h>
#include <common/tree.h>
#include <stdint.h>

struct account;

/* A window [start, end) of an object, or private anonymous memory (object NULL). */
struct region {
    struct tree_node node; /* key: start */
    uint64_t end;
    uint64_t offset; /* of start in the object, page aligned */
    uint64_t tag;    /* the user's */
    struct object *object;
    struct aspace *aspace;
    struct list object_link; /* in object->regions */
    uint8_t prot, max_prot;  /* PK_PROT_* */
    bool shared;             /* writes go to the object */
    bool data;               /* they do not, and it may be written to */
};

struct aspace {
    uint64_t id; /* no other's, nor an object's, ever */
    uint32_t refs;
    uint32_t harts;      /* whose TLB may hold entries, by hart index */
    uint32_t tlb_stale;  /* harts that must flush its ASID before they run it next */
    uint32_t code_stale; /* harts that must fence their instruction fetch before they run it next */
    uint64_t asid, asid_generation;
    uint64_t activation; /* what activates it, while its home says that nothing else must be done */
    uint64_t
        home; /* the home_tag of the one hart that used it under this ASID; 0: others did too */
    pte_t *root;
    struct tree regions;
    struct region *last_found;
    struct account *account;
    uint64_t resident;  /* pages with an entry, */
    uint64_t megapages; /* and entries that map megapages, whose pages are among those */
    uint64_t mapped;    /* pages in regions, */
    uint64_t
        data; /* and in those of them that are private and may be written to; not while it is dying */
    uint64_t mapped_most, data_most; /* mapping more of these is refused, */
    bool limited;                    /* if either is set */
    uint64_t
        owner; /* what its task's exceptions are badged with: who maps what, for object_watch */
    uint64_t watched;  /* regions that map watched objects */
    uint64_t map_next; /* where to look for room first: below this */
    uint64_t cursor;   /* how far clone or destroy came */
    uint64_t changes;  /* to regions, counted: a clone in steps must see always the same */
    bool dying;        /* being destroyed */
    /* A clone in the making, which nobody may use, is of this one, in this state; not held, only compared. */
    const struct aspace *clone_of;
    uint64_t clone_changes;
#ifdef PARLEY_DEBUG
    struct check_mark mark;
#endif
};

static inline uint64_t region_start(const struct region *r) {
    return r->node.key;
}

static inline bool region_is_data(const struct region *r) {
    return r->prot & PK_PROT_WRITE && !r->shared;
}

/* So many bytes of r's kind are mapped, or (a negative number) not any more. */
static inline void region_count(struct aspace *as, const struct region *r, uint64_t bytes) {
    uint64_t pages = (uint64_t)((int64_t)bytes >> PAGE_SHIFT);
    as->mapped += pages;
    if (r->data)
        as->data += pages;
}

/* NULL if memory ends. */
struct aspace *aspace_create(struct account *account);
static inline void aspace_hold(struct aspace *as) {
    as->refs++;
}
/* Before the last reference is dropped: what was mapped of watched objects is not any more, as far as the credit goes. True
 * when done, or if others use it. What the tables still hold nobody can use, or see in the objects. */
bool aspace_leave_some(struct aspace *as, int *credit);
static inline bool aspace_leave_step(struct aspace *as, int *credit) {
    return !as->watched || as->refs > 1 || aspace_leave_some(as, credit);
}
/* Drops a reference; the last one frees it, as far as the credit goes: true when done. */
bool aspace_put_step(struct aspace *as, int *credit);

/*
 * Region calls: contracts of map, unmap, protect and region_info in calls.h. They return 1 when there is
 * more to do, by calling them again. Where that is not to be seen by what is mapped, a number says how
 * far they came; it is 0 in the beginning, and a wrong one does no harm to others.
 *
 * With PK_MAP_FIXED nothing may be mapped there any more.
 */
long aspace_map(struct aspace *as, uint64_t start, uint64_t length, uint64_t flags,
                struct object *object, uint64_t offset, uint64_t tag, uint32_t object_rights,
                uint64_t *search);
/* What aspace_map would refuse whatever is mapped already: 0, -EINVAL or -EACCES. */
long aspace_map_check(uint64_t length, uint64_t flags, const struct object *object, uint64_t offset,
                      uint32_t object_rights);
/*
 * If the space is limited: -ENOMEM if so much more, with these flags, at start or (0) anywhere is too much. What is mapped
 * there now does not count, if it is not in too many pieces.
 */
long aspace_limits_check(struct aspace *as, uint64_t start, uint64_t length, uint64_t flags);
/* end: page aligned, in user space. */
long aspace_unmap_step(struct aspace *as, uint64_t start, uint64_t end, int *credit);
long aspace_protect_step(struct aspace *as, uint64_t start, uint64_t length, uint64_t prot,
                         uint64_t *done, int *credit);
long aspace_renew_step(struct aspace *as, uint64_t start, uint64_t end, uint64_t *done,
                       int *credit);
long aspace_retag_step(struct aspace *as, uint64_t start, uint64_t end, uint64_t mask,
                       uint64_t value, uint64_t *done, int *credit);
/* What region_find in calls.h finds from *va on. 1: nothing so far, *va is where to go on; 0: there, or *va is end. */
long aspace_find_step(struct aspace *as, uint64_t *va, uint64_t end, uint64_t what, int *credit);
/* Bytes from va on, up to the first page that is not there: for who only looks. */
void aspace_peek(const struct aspace *as, void *dst, uint64_t va, uint64_t length);
struct region *aspace_region_at_or_above(struct aspace *as, uint64_t va);
struct region *aspace_region(struct aspace *as, uint64_t va);

/*
 * Clones src's regions and pages copy-on-write into dst, which starts empty; until it is done dst->clone_of
 * is set and nobody may use dst. Works one step; returns 1 when there is more to do, 0 when done. -ENOMEM, and
 * -EBUSY if src's regions changed between two steps or dst is being made a clone of another: dst is then to
 * be destroyed.
 */
long aspace_clone_step(struct aspace *dst, struct aspace *src);

/* Makes the page at va accessible: 0, -EFAULT (no such region), -EACCES (protection), -ENOMEM,
 * -ENXIO (beyond the object's end). */
long aspace_fault(struct aspace *as, uint64_t va, enum access access);
/* The kernel's address of va's byte, resolving faults; NULL and *error as for aspace_fault. */
void *aspace_resolve(struct aspace *as, uint64_t va, enum access access, long *error);

/* Makes start and end region boundaries where regions are. 0 or -ENOMEM. */
long aspace_split(struct aspace *as, uint64_t start, uint64_t end);
/* Makes the leaf table that `end` lies in the address space's own if something stays in it. 0 or 1, or -ENOMEM. */
long aspace_own_last(struct aspace *as, uint64_t end);

/* A region of an object begins or ceases to map it, by the address space of `owner`. */
static inline void region_note(struct region *r, uint64_t owner, bool mapped) {
    if (!r->object->watch)
        return;
    r->aspace->watched += mapped ? 1 : -1ull;
    object_note(r->object, owner, mapped);
}

/* Removes translations of the region's pages from object page indices `first` and *at on, as far as the
 * credit goes; *at is how far that was. 0: all; 1: there is more; -ENOMEM. */
long region_unmap_step(struct region *r, uint64_t first, uint64_t *at, int *credit);

#endif
