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
    uint32_t size;
    struct list partial; /* slabs with a free piece */
    struct slab *warm;   /* an empty slab, not in the list */
};

#define CLASS(n)                                                                                   \
    { .size = (n) }
static struct slab_class classes[] = {CLASS(32),  CLASS(64),   CLASS(96),   CLASS(128),
                                      CLASS(192), CLASS(256),  CLASS(400),  CLASS(576),
                                      CLASS(808), CLASS(1008), CLASS(1344), CLASS(2016)};
static uint64_t objects, warm_pages;

static struct slab_class *class_for(size_t size) {
    struct slab_class *c = classes;
    while (c->size < size)
        c++;
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
        *s = (struct slab){.size = c->size};
        char *end = (char *)s + PAGE_SIZE;
        for (char *p = (char *)(s + 1); p + c->size <= end; p += c->size) {
            *(void **)(void *)p = s->free;
            s->free = p;
        }
    }
    list_append(&c->partial, &s->link);
    return s;
}

void *slab_alloc(size_t size, struct account *account) {
    ASSERT(size <= SLAB_MAX_SIZE);
    if (account && !account_charge(account, size))
        return NULL;
    struct slab_class *c = class_for(size);
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

void slab_free(void *p, size_t size, struct account *account) {
    struct slab *s = (struct slab *)align_down((uintptr_t)p, PAGE_SIZE);
    struct slab_class *c = class_for(size);
    ASSERT(s->size == c->size && s->used > 0);
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
