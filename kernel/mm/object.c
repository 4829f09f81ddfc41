/* SPDX-License-Identifier: MIT */
/*
 * Memory objects (object.h). Frames stand in a radix tree of 512-way nodes, each one page; an
 * object of one page needs no node. The tree grows in height as the object is written further.
 */
#include <mm/object.h>
#include <lib/lib.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/slab.h>
#include <parley/errno.h>

#define NODE_BITS 9
#define NODE_ENTRIES 512

static uint64_t next_id = 1;

static uint64_t capacity(unsigned height) {
    return 1ull << (NODE_BITS * height);
}

static struct account *account_of(const struct object *o) {
    return o->kobject.account;
}

static void **new_node(struct object *o) {
    struct frame *f = frame_get_zeroed(account_of(o));
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
        at = (void **)*at + (index >> (NODE_BITS * (level - 1)) & (NODE_ENTRIES - 1));
    }
    return at;
}

struct frame *object_lookup(const struct object *o, uint64_t index) {
    void **s = slot((struct object *)(uintptr_t)o, index, false);
    return s ? *s : NULL;
}

struct frame *object_frame(struct object *o, uint64_t index) {
    if (index >= (o->size + PAGE_MASK) >> PAGE_SHIFT)
        return NULL;
    void **s = slot(o, index, true);
    if (s && !*s) {
        *s = frame_get_zeroed(account_of(o));
        if (*s)
            o->resident++;
    }
    return s ? *s : NULL;
}

static struct object *new_object(struct account *account, uint64_t size) {
    struct object *o = slab_alloc(sizeof *o, account);
    if (!o)
        return NULL;
    *o = (struct object){.size = size, .id = next_id++};
    kobject_init(&o->kobject, PK_TYPE_OBJECT, account);
    list_init(&o->regions);
    return o;
}

static bool insert(struct object *o, uint64_t index, struct frame *f) {
    void **s = slot(o, index, true);
    if (!s)
        return false;
    *s = f;
    o->resident++;
    return true;
}

struct object *object_create(struct account *account, uint64_t size, struct object *source,
                             uint64_t offset) {
    struct object *o = new_object(account, size);
    if (!o || !source)
        return o;
    uint64_t pages = (size + PAGE_MASK) >> PAGE_SHIFT;
    for (uint64_t i = 0; i < pages; i++) {
        struct frame *f = object_frame(source, (offset >> PAGE_SHIFT) + i);
        if (!f || !insert(o, i, f)) {
            kobject_put(&o->kobject);
            return NULL;
        }
        frame_hold(f);
    }
    return o;
}

struct object *object_create_device(struct account *account, uint64_t physical, uint64_t size) {
    struct object *o = new_object(account, size);
    if (o)
        o->device = physical;
    return o;
}

struct object *object_create_adopted(struct account *account, uint64_t start, uint64_t end) {
    struct object *o = new_object(account, end - start);
    if (!o)
        return NULL;
    frame_adopt(start, end);
    for (uint64_t pa = start; pa < end; pa += PAGE_SIZE)
        if (!insert(o, (pa - start) >> PAGE_SHIFT, frame_of(pa)))
            return NULL;
    return o;
}

/* Frees what lies at and above page `first` in the subtree; true if nothing is left of it. */
static bool free_from(struct object *o, void *node, unsigned level, uint64_t first) {
    if (level == 0) {
        frame_put(node);
        o->resident--;
        return true;
    }
    void **entries = node;
    uint64_t span = capacity(level - 1);
    bool empty = first == 0;
    for (uint64_t i = first / span; i < NODE_ENTRIES; i++) {
        uint64_t inside = i == first / span ? first % span : 0;
        if (!entries[i])
            continue;
        if (free_from(o, entries[i], level - 1, inside))
            entries[i] = NULL;
        else
            empty = false;
    }
    if (empty)
        frame_put(frame_of(virt_to_phys(node)));
    return empty;
}

static void truncate_pages(struct object *o, uint64_t first) {
    if (!o->root || first >= capacity(o->height))
        return;
    if (free_from(o, o->root, o->height, first)) {
        o->root = NULL;
        o->height = 0;
    }
}

int object_resize(struct object *o, uint64_t size) {
    if (o->device)
        return -EINVAL;
    if (size < o->size) {
        uint64_t first = (size + PAGE_MASK) >> PAGE_SHIFT;
        for (struct list *l = o->regions.next; l != &o->regions; l = l->next)
            region_unmap_from(CONTAINER_OF(l, struct region, object_link), first);
        truncate_pages(o, first);
        struct frame *last = size & PAGE_MASK ? object_lookup(o, size >> PAGE_SHIFT) : NULL;
        if (last)
            memset((char *)frame_va(last) + (size & PAGE_MASK), 0, PAGE_SIZE - (size & PAGE_MASK));
    }
    o->size = size;
    return 0;
}

void object_destroy(struct object *o) {
    truncate_pages(o, 0);
    slab_free(o, sizeof *o, account_of(o));
}
