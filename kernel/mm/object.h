/* SPDX-License-Identifier: MIT */
/*
 * Memory objects: page frames by index, filled with zeros on demand, or a window of device memory.
 * The unit of sharing: address spaces map windows of them.
 */
#ifndef MM_OBJECT_H
#define MM_OBJECT_H

#include <cap/kobject.h>
#include <mm/frame.h>

struct notification;

/* Its frames stand in a radix tree of nodes of so many entries, each a page. */
#define OBJECT_NODE_BITS 9
#define OBJECT_NODE_ENTRIES (1 << OBJECT_NODE_BITS)

#define OBJECT_TIME_NS 1024

struct object {
    struct kobject kobject;
    uint64_t size; /* bytes */
    uint64_t id;
    uint64_t resident; /* frames held */
    uint64_t device;   /* physical address of device memory, 0 = RAM */
    void *root;        /* radix tree of height levels; height 0: one frame */
    uint8_t height;
    bool cutting; /* pages from index `cut` on are being removed after it shrank */
    uint64_t
        written : 48; /* uptime, of OBJECT_TIME_NS, when a write to a shared mapping faulted last; 0: never */
    struct list regions; /* that map it */

    uint64_t cut;
    uint64_t cut_at;   /* how far the first of `uncut` is done: page index */
    struct list uncut; /* regions that may still show such pages; the others are in `regions` */
    struct object_watch *watch; /* NULL: nobody asked for it */
};

/*
 * Of a watched object: who began or ceased to map it last, and whom to tell when nobody but its holder has it any more.
 * While that is waited for, the holder's own references are not in kobject.refs, which so comes to 0 just then: those
 * who take and drop references need not look.
 */
struct object_watch {
    struct notification *notification; /* held while `own` is not 0 */
    uint64_t bits;
    uint32_t own; /* references that are not in kobject.refs; 0: nobody is to be told */
    uint64_t mapped_ns, unmapped_ns; /* uptime; 0: never */
    uint64_t by;                     /* aspace->owner of the last of the two */
};

/* What no object and no address space was ever called before. */
uint64_t object_new_id(void);
/* NULL if there is no memory. */
struct object *object_create(struct account *account, uint64_t size);
/*
 * Shares source's frames from page `first` on with o, whose pages below `done` are there already.
 * Returns how many are now; not all of o's, if the credit did not suffice. -ENOMEM.
 */
long object_share_step(struct object *o, struct object *source, uint64_t first, uint64_t done,
                       int *credit);
struct object *object_create_device(struct account *account, uint64_t physical, uint64_t size);
/* An object that takes over frames that frame_adopt() made, [start, end) physical. */
struct object *object_create_adopted(struct account *account, uint64_t start, uint64_t end);

/* The frame at page index, or NULL if none is there yet. */
struct frame *object_lookup(const struct object *o, uint64_t index);
/*
 * The frames that stand in a row around page index `at`, where one is: from *first on, which may be raised, *count
 * of them up to the object's end or sooner. NULL stands for those that are not there.
 */
struct frame *const *object_frames(const struct object *o, uint64_t *first, uint64_t at,
                                   uint64_t *count);
/* The frame at page index, zero-filled into place if needed; NULL if out of memory or range. */
struct frame *object_frame(struct object *o, uint64_t index);
/*
 * The same for *count pages from index on, which stand in one lowest node that lies in the object, in no more than 64 from a multiple
 * of that on: their frames stand in a row, and *count is how many are there now.
 */
struct frame *const *object_fill(struct object *o, uint64_t index, unsigned *count);
/* The first of BLOCK_FRAMES frames that lie next to each other, if those in the node that the row is a part of do, else NULL. */
struct frame *object_megapage(struct frame *const *row);
/* For kernel/check/: whether a lowest node counts its frames rightly. */
bool object_node_sound(const struct frame *node);
/*
 * Shrinking unmaps pages everywhere, frees them and zeroes the rest of the last page. 0: done; 1: there is
 * more to do, by calling it again; -ENOMEM: the same, but there was no memory to do it with; -EINVAL.
 */
long object_resize_step(struct object *o, uint64_t size, int *credit);
/*
 * From page `index` on, the first one that is there (or, not `data`, is not), or how far a bounded search has come
 * without it. Not beyond the object's end.
 */
uint64_t object_find(const struct object *o, uint64_t index, bool data);
/*
 * The pages from `first` to before `end` become zeros, and their memory is free. 1: there is more to do, from where
 * object_find() finds the next data on; -EBUSY: somebody maps the object, or it is being cut.
 */
long object_discard_step(struct object *o, uint64_t first, uint64_t end);
/* A region begins to map the object, maybe as a part or a copy of another (or NULL); it ends. */
void object_add_region(struct object *o, struct list *region, struct list *like);
void object_remove_region(struct object *o, struct list *region);
/*
 * Watches the object from now on, which must not be mapped when that begins (-EBUSY); with a notification: signals its bits once, when no more than `own` references are left.
 * 1, and there will be no signal: that is so already. -ENOMEM.
 */
long object_watch(struct object *o, struct notification *n, uint64_t bits, uint32_t own);
/* References to it, those of its holder included. */
static inline uint32_t object_refs(const struct object *o) {
    return o->kobject.refs + (o->watch ? o->watch->own : 0);
}
/* The address space of `owner` begins to map a watched object, or ceases to. */
void object_note(struct object *o, uint64_t owner, bool mapped);
/* There are no references but those that were not counted: true if there are such, and somebody was told. */
bool object_watch_fires(struct object *o);
/* The object ends. */
void object_watch_end(struct object *o);
/* Called by kobject_put() for the last reference. */
void object_destroy(struct kobject *k);
enum ending object_end_step(struct kobject *k, int *credit);

#endif
