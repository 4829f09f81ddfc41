/* SPDX-License-Identifier: MIT */
/*
 * Slabs (slab.h). A slab is one page: a header and pieces linked through their first word. Slabs
 * with a free piece stand in their class's list; full ones are found again by address.
 */
#include <mm/slab.h>
#include <lib/lib.h>
#include <mm/account.h>
#include <mm/frame.h>

struct slab {
    struct list link;
    void *free;
    uint32_t used, size;
};

struct slab_class {
    struct list partial; /* slabs with a free piece */
    struct slab *warm;   /* an empty slab, not in the list */
};

static const uint16_t sizes[] = SLAB_CLASSES;
static struct slab_class classes[ARRAY_SIZE(sizes)];
static uint64_t objects, warm_pages;

static uint32_t class_size(const struct slab_class *c) {
    return sizes[c - classes];
}

static struct slab_class *get_class(unsigned n) {
    struct slab_class *c = &classes[n];
    if (!c->partial.next)
        list_init(&c->partial);
    return c;
}

static struct slab *new_slab(struct slab_class *c) {
    struct slab *s = c->warm;
    if (s) {
        c->warm = NULL;
        warm_pages--;
    } else {
        struct frame *f = frame_get(NULL);
        if (!f)
            return NULL;
        s = frame_va(f);
        *s = (struct slab){.size = class_size(c)};
        char *end = (char *)s + PAGE_SIZE;
        for (char *p = (char *)(s + 1); p + s->size <= end; p += s->size) {
            *(void **)(void *)p = s->free;
            s->free = p;
        }
    }
    list_append(&c->partial, &s->link);
    return s;
}

void *slab_take(unsigned class, size_t size, struct account *account) {
    ASSERT(size <= sizes[class]);
    if (account && !account_charge(account, size))
        return NULL;
    struct slab_class *c = get_class(class);
    struct slab *s =
        list_empty(&c->partial) ? new_slab(c) : CONTAINER_OF(c->partial.next, struct slab, link);
    if (!s) {
        if (account)
            account_uncharge(account, size);
        return NULL;
    }
    void *p = s->free;
    s->free = *(void **)p;
    s->used++;
    if (!s->free)
        list_remove(&s->link);
    objects++;
    return p;
}

static void slab_emptied(struct slab_class *c, struct slab *s) {
    list_remove(&s->link);
    if (!c->warm) {
        c->warm = s;
        warm_pages++;
        return;
    }
    frame_put(frame_of(virt_to_phys(s)));
}

void slab_give(void *p, unsigned class, size_t size, struct account *account) {
    struct slab *s = (struct slab *)align_down((uintptr_t)p, PAGE_SIZE);
    struct slab_class *c = get_class(class);
    ASSERT(s->size == class_size(c) && s->used > 0);
    bool was_full = !s->free;
    *(void **)p = s->free;
    s->free = p;
    objects--;
    if (was_full)
        list_prepend(&c->partial, &s->link);
    if (--s->used == 0)
        slab_emptied(c, s);
    if (account)
        account_uncharge(account, size);
}

uint64_t slab_warm_pages(void) {
    return warm_pages;
}

uint64_t slab_objects(void) {
    return objects;
}

static const struct slab *slab_of(const void *p) {
    return (const struct slab *)align_down((uintptr_t)p, PAGE_SIZE);
}

bool slab_holds(const void *p, size_t size) {
    const struct slab *s = slab_of(p);
    uint64_t at = (uint64_t)((const char *)p - (const char *)(s + 1));
    return size <= SLAB_MAX_SIZE && s->size == sizes[slab_class(size)] && at % s->size == 0;
}

bool slab_sound(const void *slab, uint32_t used) {
    const struct slab *s = slab;
    uint32_t pieces = (uint32_t)((PAGE_SIZE - sizeof *s) / s->size), free_pieces = 0;
    for (void *p = s->free; p && free_pieces <= pieces; p = *(void **)p, free_pieces++)
        if (slab_of(p) != s || !slab_holds(p, s->size))
            return false;
    return s->used == used && used + free_pieces == pieces;
}

void slab_visit_spare(void (*visit)(const void *slab)) {
    for (unsigned i = 0; i < ARRAY_SIZE(classes); i++)
        if (classes[i].warm)
            visit(classes[i].warm);
}
