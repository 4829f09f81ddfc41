/* SPDX-License-Identifier: MIT */
/*
 * Memory objects (object.h). Frames stand in a radix tree of 512-way nodes, each one page; an
 * object of one page needs no node. The tree grows in height as the object is written further.
 */
#include <mm/object.h>
#include <lib/lib.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/object_node.h>
#include <mm/slab.h>
#include <parley/errno.h>

#define LOOKS_PER_CREDIT 24
#define SHARE_CREDIT 4
#define ZERO_CREDIT 25
#define REGION_CREDIT 4
#define PLACED_PUT_CREDIT 3 /* a frame that goes to its block */
#define SMALL_CREDIT 6

static uint64_t capacity(unsigned height) {
    return 1ull << (OBJECT_NODE_BITS * height);
}

static void **new_node(struct object *o) {
    struct frame *f = frame_get_zeroed(o->kobject.account);
    return f ? frame_va(f) : NULL;
}

/* The slot for page index, or NULL if it is not there (and, with create, if memory ends). */
static void **slot(struct object *o, uint64_t index, bool create) {
    while (index >= capacity(o->height)) {
        if (!create)
            return NULL;
        if (o->root) {
            void **node = new_node(o);
            if (!node)
                return NULL;
            node[0] = o->root;
            o->root = node;
        }
        o->height++;
    }
    void **at = &o->root;
    for (unsigned level = o->height; level > 0; level--) {
        if (!*at) {
            if (!create)
                return NULL;
            *at = new_node(o);
            if (!*at)
                return NULL;
        }
        at = (void **)*at + (index >> (OBJECT_NODE_BITS * (level - 1)) & (OBJECT_NODE_ENTRIES - 1));
    }
    return at;
}

struct frame *object_lookup(const struct object *o, uint64_t index) {
    void **s = slot((struct object *)(uintptr_t)o, index, false);
    return s ? *s : NULL;
}

struct frame *const *object_frames(const struct object *o, uint64_t *first, uint64_t at,
                                   uint64_t *count) {
    uint64_t node = o->height ? align_down(at, OBJECT_NODE_ENTRIES) : at;
    uint64_t end = o->height ? node + OBJECT_NODE_ENTRIES : at + 1;
    *first = max_u64(*first, node);
    *count = min_u64(end, (o->size + PAGE_MASK) >> PAGE_SHIFT) - *first;
    void **frames_at = slot((struct object *)(uintptr_t)o, at, false) - (at - *first);
    return (struct frame *const *)frames_at;
}

struct frame *object_frame(struct object *o, uint64_t index) {
    uint64_t pages = (o->size + PAGE_MASK) >> PAGE_SHIFT;
    if (index >= pages)
        return NULL;
    void **s = slot(o, index, true);
    if (!s || *s)
        return s ? *s : NULL;
    return (index | (OBJECT_NODE_ENTRIES - 1)) < pages ? object_fill_placed(o, s, 1)
                                                       : object_fill_any(o, s);
}

/* How many entries from `at` on, up to so many, are empty. */
static unsigned empty_run(void *const *at, unsigned most) {
    unsigned run = 0;
    while (run < most && !at[run])
        run++;
    return run;
}

struct frame *const *object_fill(struct object *o, uint64_t index, unsigned *count) {
    unsigned done = 0;
    void **s = slot(o, index, true);
    while (s && done < *count) {
        unsigned run = empty_run(&s[done], *count - done);
        if (run && !object_fill_placed(o, &s[done], run))
            break;
        while (done < *count && s[done])
            done++;
    }
    *count = done;
    return (struct frame *const *)s;
}

uint64_t object_new_id(void) {
    static uint64_t last;
    return ++last;
}

/* The first page of a large object stands in a node at once, or it could not have its place in a block. */
static void choose_height(struct object *o) {
    if (!o->root)
        o->height = o->size >= BLOCK_SIZE;
}

struct object *object_create(struct account *account, uint64_t size) {
    struct object *o = slab_alloc(sizeof *o, account);
    if (!o)
        return NULL;
    kobject_init(&o->kobject, PK_TYPE_OBJECT, account);
    o->size = size;
    o->id = object_new_id();
    o->resident = o->device = o->written = 0;
    o->root = NULL;
    choose_height(o);
    o->cutting = false;
    list_init(&o->regions);
    list_init(&o->uncut);
    o->watch = NULL;
    return o;
}

/* Into an object none of whose nodes has wanted a block. */
static bool insert(struct object *o, uint64_t index, struct frame *f) {
    void **s = slot(o, index, true);
    if (!s)
        return false;
    *s = f;
    o->resident++;
    return true;
}

long object_share_step(struct object *o, struct object *source, uint64_t first, uint64_t done,
                       int *credit) {
    uint64_t pages = (o->size + PAGE_MASK) >> PAGE_SHIFT;
    for (; done<pages && * credit> 0; done++, *credit -= SHARE_CREDIT) {
        uint64_t resident = source->resident;
        struct frame *f = object_frame(source, first + done);
        void **s = f ? slot(o, done, true) : NULL;
        if (!s)
            return -ENOMEM;
        if (!*s) { /* between two steps somebody may have written */
            object_enter_frame(o, s, f);
            frame_hold(f);
        }
        if (source->resident != resident)
            *credit -= ZERO_CREDIT;
    }
    return (long)done;
}

struct object *object_create_device(struct account *account, uint64_t physical, uint64_t size) {
    struct object *o = object_create(account, size);
    if (o)
        o->device = physical;
    return o;
}

struct object *object_create_adopted(struct account *account, uint64_t start, uint64_t end) {
    struct object *o = object_create(account, end - start);
    if (!o)
        return NULL;
    frame_adopt(start, end);
    for (uint64_t pa = start; pa < end; pa += PAGE_SIZE)
        if (!insert(o, (pa - start) >> PAGE_SHIFT, frame_of(pa)))
            return NULL;
    return o;
}

/*
 * The first entry at or after i that is not empty, or OBJECT_NODE_ENTRIES. Empty ones come in runs. A step looks
 * through at most two nodes a level without finding anything: there its credit must not end.
 */
static uint64_t next_entry(void *const *entries, uint64_t i, int *credit) {
    uint64_t from = i;
    while (i < OBJECT_NODE_ENTRIES && !entries[i]) {
        void *const *e = &entries[i];
        bool run = i % 8 == 0 && !e[1] && !e[2] && !e[3] && !e[4] && !e[5] && !e[6] && !e[7];
        i += run ? 8 : 1;
    }
    *credit -= (int)((i - from) / LOOKS_PER_CREDIT);
    return i;
}

/* Frees frames from entry i of a lowest node on; false if the credit did not suffice. */
static bool free_frames(struct object *o, void **entries, uint64_t i, int *credit) {
    struct frame *node = frame_holding(entries);
    int each = node->block ? PLACED_PUT_CREDIT : FRAME_PUT_CREDIT;
    for (; o->resident && (i = next_entry(entries, i, credit)) < OBJECT_NODE_ENTRIES; i++) {
        if (*credit <= 0)
            return false;
        object_drop_frame(node, &entries[i]);
        o->resident--;
        *credit -= each;
    }
    return true;
}

/*
 * Frees what lies at and above page `first` in the node's subtree, as far as the credit goes. True if nothing
 * is left of the subtree.
 */
static bool free_from(struct object *o, void **entries, unsigned level, uint64_t first,
                      int *credit) {
    bool empty = first == 0;
    uint64_t span = capacity(level - 1), i = first / span;
    if (level == 1)
        empty &= free_frames(o, entries, first, credit);
    for (; level > 1 && (i = next_entry(entries, i, credit)) < OBJECT_NODE_ENTRIES; i++) {
        if (*credit <= 0)
            return false;
        uint64_t inside = i == first / span ? first % span : 0;
        if (free_from(o, entries[i], level - 1, inside, credit))
            entries[i] = NULL;
        else
            empty = false;
    }
    if (empty && level == 1)
        object_drop_node(frame_holding(entries));
    else if (empty)
        frame_put(frame_holding(entries));
    return empty;
}

/* All that the object has, if it is one page: it needs no node. */
static void free_single(struct object *o) {
    if (o->root) {
        frame_put(o->root);
        o->resident--;
    }
    o->root = NULL;
}

/* False if the credit did not suffice. */
static bool truncate_pages(struct object *o, uint64_t first, int *credit) {
    if (!o->root || first >= capacity(o->height))
        return true;
    if (o->height == 0)
        free_single(o);
    else if (free_from(o, o->root, o->height, first, credit)) {
        o->root = NULL;
        choose_height(o);
    }
    return *credit > 0;
}

void object_add_region(struct object *o, struct list *region, struct list *like) {
    list_insert_before(like ? like->next : &o->regions, region); /* to be cut if the other one is */
}

void object_remove_region(struct object *o, struct list *region) {
    if (o->uncut.next == region)
        o->cut_at = 0;
    list_remove(region);
}

static void begin_cut(struct object *o, uint64_t size) {
    o->size = size;
    o->cut = (size + PAGE_MASK) >> PAGE_SHIFT;
    o->cutting = true;
    o->cut_at = 0;
    while (!list_empty(&o->regions)) { /* all of the list at once */
        struct list *first = o->regions.next, *last = o->regions.prev;
        list_init(&o->regions);
        first->prev = o->uncut.prev;
        o->uncut.prev->next = first;
        last->next = &o->uncut;
        o->uncut.prev = last;
    }
    struct frame *last = size & PAGE_MASK ? object_lookup(o, size >> PAGE_SHIFT) : NULL;
    if (last)
        memset((char *)frame_va(last) + (size & PAGE_MASK), 0, PAGE_SIZE - (size & PAGE_MASK));
}

/* Goes on with a cut: 0 if it is done. */
static long cut_step(struct object *o, int *credit) {
    while (!list_empty(&o->uncut)) {
        struct list *link = o->uncut.next;
        long error = region_unmap_step(CONTAINER_OF(link, struct region, object_link), o->cut,
                                       &o->cut_at, credit);
        if (error != 0)
            return error;
        object_remove_region(o, link);
        object_add_region(o, link, NULL);
        *credit -= REGION_CREDIT;
    }
    if (!truncate_pages(o, o->cut, credit))
        return 1;
    o->cutting = false;
    return 0;
}

/* Another call's cut, if it did not come to its end, is finished first: growth must show zeros. */
long object_resize_step(struct object *o, uint64_t size, int *credit) {
    if (o->device)
        return -EINVAL;
    long more = o->cutting ? cut_step(o, credit) : 0;
    if (more != 0)
        return more;
    if (size < o->size) {
        begin_cut(o, size);
        return cut_step(o, credit);
    }
    o->size = size;
    choose_height(o);
    return 0;
}

enum ending object_end_step(struct kobject *k, int *credit) {
    struct object *o = CONTAINER_OF(k, struct object, kobject);
    if (!truncate_pages(o, 0, credit))
        return ENDING_MORE;
    object_watch_end(o);
    slab_free(o, sizeof *o, o->kobject.account);
    return ENDING_DONE;
}

/* Small ones end at once. */
void object_destroy(struct kobject *k) {
    int credit = SMALL_CREDIT;
    if (object_watch_fires(CONTAINER_OF(k, struct object, kobject)))
        return;
    if (object_end_step(k, &credit) != ENDING_DONE)
        kobject_doom(k);
}
