/* SPDX-License-Identifier: MIT */
/* A segment's life: its memory object, the capabilities to it, and its end. */
#include "shm.h"
#include <lib/clock.h>
#include <lib/heap.h>
#include <stdlib.h>

#define HUGE_SHIFT                                                                                 \
    26 /* in shmget's flags: the logarithm of the size of the pages that are asked for */
#define HUGE_MASK 63
#define HUGE_MEGAPAGE 21
#define HUGE_GIGAPAGE 30

/* No huge pages are set aside, as on a Linux that nobody told to; and they would be for root only. */
static long huge_pages(const struct client *client, int flags) {
    unsigned size = (unsigned)flags >> HUGE_SHIFT & HUGE_MASK;
    if (size && size != HUGE_MEGAPAGE && size != HUGE_GIGAPAGE)
        return -EINVAL;
    return client->uid ? -EPERM : -ENOMEM;
}

/* What segments there may be: Linux's order. */
static long may_be_made(const struct client *client, uint64_t size, int flags) {
    if (size < SHMMIN || size > shm_state.limits.shmmax)
        return -EINVAL;
    uint64_t pages = shm_pages(size), sum;
    if (!pages || __builtin_add_overflow(shm_state.pages, pages, &sum) ||
        sum > shm_state.limits.shmall)
        return -ENOSPC;
    return flags & SHM_HUGETLB ? huge_pages(client, flags) : 0;
}

/* A watched object of so many bytes: its slot. */
static long object_new(uint64_t size) {
    long object = pk_object_create_for(heap_data_account(), size, 0, 0);
    if (object < 0)
        return -ENOMEM;
    if (pk_object_watch((uint64_t)object, 0, 0, 0) == 0)
        return object;
    must(pk_cap_drop(0, (uint64_t)object));
    return -ENOMEM;
}

long segment_create(const struct client *client, int key, uint64_t size, int flags) {
    long error = may_be_made(client, size, flags);
    if (error < 0)
        return error;
    struct segment *segment = calloc(1, sizeof(*segment));
    if (!segment)
        return -ENOMEM;
    segment->size = size;
    segment->cpid = client_pid(client);
    segment->ctime = clock_seconds();
    segment->own = 1;
    list_init(&segment->removed);
    long object = object_new(segment_pages(segment) * SHM_PAGE);
    long id = object < 0 ? object : sysv_add(&shm_state.table, &segment->sysv, client, key, flags);
    if (id < 0) {
        if (object >= 0)
            must(pk_cap_drop(0, (uint64_t)object));
        free(segment);
        return id;
    }
    segment->object = (uint64_t)object;
    shm_state.pages += segment_pages(segment);
    return id;
}

/* Who has it mapped keeps the memory: the kernel counts references to the object. */
static void segment_destroy(struct segment *segment) {
    segment_unlock(segment);
    list_remove(&segment->removed);
    for (unsigned i = 0; i < SHM_CAPS; i++)
        if (segment->caps[i])
            must(pk_cap_drop(0, segment->caps[i]));
    must(pk_cap_drop(0, segment->object));
    shm_state.pages -= segment_pages(segment);
    sysv_remove(&shm_state.table, &segment->sysv);
    free(segment);
}

static unsigned list_of(const struct segment *segment) {
    return (uint32_t)segment->sysv.id % IDTABLE_PLACES % SHM_REMOVED_LISTS;
}

/* Waits for the last detachment. False: that was before, and it will not be told. */
static bool await_last(const struct segment *segment) {
    return !must(pk_object_watch(segment->object, PK_SLOT_SERVER_EVENTS, 1ull << list_of(segment),
                                 segment->own));
}

/* A client may read, and write or execute as asked; it may not change the object itself. */
static long new_cap(struct segment *segment, unsigned which) {
    uint64_t rights = PK_RIGHT_USE | PK_RIGHT_GRANT;
    if (which & SHM_CAP_WRITE)
        rights |= PK_RIGHT_WRITE;
    if (which & SHM_CAP_EXEC)
        rights |= PK_RIGHT_EXECUTE;
    long slot = pk_cap_copy(segment->object, 0, 0, rights, 0);
    if (slot <= 0)
        return slot;
    segment->caps[which] = (uint64_t)slot;
    segment->own++;
    return slot;
}

/* One that was removed may be attached again while somebody has it, and is waited for with what is ours now. */
long segment_cap(struct segment *segment, unsigned which) {
    long slot = segment->caps[which] ? (long)segment->caps[which] : new_cap(segment, which);
    if (slot < 0 || !(segment->sysv.perm.mode & SHM_DEST) || await_last(segment))
        return slot;
    segment_destroy(segment);
    return -EIDRM;
}

struct pk_object_info segment_info(const struct segment *segment) {
    struct pk_object_info info;
    must(pk_object_info(segment->object, &info));
    return info;
}

void segment_remove(struct segment *segment) {
    if (!await_last(segment)) {
        segment_destroy(segment);
        return;
    }
    if (segment->sysv.perm.mode & SHM_DEST)
        return;
    sysv_forget_key(&shm_state.table, &segment->sysv);
    segment->sysv.perm.mode |= SHM_DEST;
    struct list *head = &shm_state.removed[list_of(segment)];
    if (!head->next)
        list_init(head);
    list_add_tail(head, &segment->removed);
}

/* A list has a sixtieth of the places that removed segments are in. */
void segment_events(uint64_t bits) {
    struct list *at, *after;
    for (unsigned i = 0; i < SHM_REMOVED_LISTS; i++)
        if (bits >> i & 1 && shm_state.removed[i].next)
            list_for_each (at, after, &shm_state.removed[i]) {
                struct segment *segment = container_of(at, struct segment, removed);
                if (!await_last(segment))
                    segment_destroy(segment);
            }
}
