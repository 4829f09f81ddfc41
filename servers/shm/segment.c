/* SPDX-License-Identifier: MIT */
/* A segment's life: its memory object, the capabilities to it, and its end. */
#include "shm.h"
#include <lib/clock.h>
#include <lib/heap.h>
#include <lib/job.h>
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
    if (size < SHMMIN || size > shm_state.shmmax)
        return -EINVAL;
    uint64_t pages = shm_pages(size), sum;
    if (!pages || __builtin_add_overflow(shm_state.pages, pages, &sum) || sum > shm_state.shmall)
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

/* The segments that a process has made: a list that it gets with the first; NULL: no memory. */
static struct list *segments_of(struct client *client) {
    struct list *list = client->data;
    if (!list && (list = malloc(sizeof(*list))) != 0)
        list_init(list);
    return client->data = list;
}

long segment_create(struct client *client, int key, uint64_t size, int flags) {
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
    list_init(&segment->awaited);
    list_init(&segment->created);
    struct list *made = segments_of(client);
    long object = object_new(segment_pages(segment) * SHM_PAGE);
    long id = !made        ? -ENOMEM
              : object < 0 ? object
                           : sysv_add(&shm_state.table, &segment->sysv, client, key, flags);
    if (id < 0) {
        if (object >= 0)
            must(pk_cap_drop(0, (uint64_t)object));
        free(segment);
        return id;
    }
    segment->object = (uint64_t)object;
    list_add_tail(made, &segment->created);
    shm_state.pages += segment_pages(segment);
    return id;
}

/* Who has it mapped keeps the memory: the kernel counts references to the object. */
static void segment_destroy(struct segment *segment) {
    segment_unlock(segment);
    list_remove(&segment->awaited);
    list_remove(&segment->created);
    for (unsigned i = 0; i < SHM_CAPS; i++)
        if (segment->caps[i])
            must(pk_cap_drop(0, segment->caps[i]));
    must(pk_cap_drop(0, segment->object));
    shm_state.pages -= segment_pages(segment);
    sysv_remove(&shm_state.table, &segment->sysv);
    free(segment);
}

static struct list *list_of(const struct segment *segment, uint64_t *bit) {
    unsigned number = (uint32_t)segment->sysv.id % IDTABLE_PLACES % SHM_AWAITED_LISTS;
    struct list *list = &shm_state.awaited[number];
    if (!list->next)
        list_init(list);
    *bit = 1ull << number;
    return list;
}

/* Waits for the last detachment. False: that was before, and it will not be told. */
static bool await_last(struct segment *segment) {
    uint64_t bit;
    struct list *list = list_of(segment, &bit);
    if (must(pk_object_watch(segment->object, PK_SLOT_SERVER_EVENTS, bit, segment->own)) == 1)
        return false;
    if (list_empty(&segment->awaited))
        list_add_tail(list, &segment->awaited);
    return true;
}

static bool ends_with_last(const struct segment *segment) {
    return segment->sysv.perm.mode & SHM_DEST || shm_state.rmid_forced;
}

/* A client may read and execute, and write if it has asked for that; it may not change the object itself. */
static long new_cap(const struct segment *segment, unsigned which) {
    uint64_t rights = PK_RIGHT_USE | PK_RIGHT_GRANT | PK_RIGHT_EXECUTE;
    if (which & SHM_CAP_WRITE)
        rights |= PK_RIGHT_WRITE;
    return pk_cap_copy(segment->object, 0, 0, rights, 0);
}

/*
 * Mostly one that is kept. If the segment's end comes with the last detachment, that is awaited from now on, and what the
 * client gets must not count as ours: a fresh one, which stands for the client's until that has its own.
 */
long segment_cap(struct segment *segment, unsigned which, bool *once) {
    *once = ends_with_last(segment);
    if (!*once && segment->caps[which])
        return (long)segment->caps[which];
    long slot = new_cap(segment, which);
    if (slot > 0 && *once) {
        await_last(segment);
    } else if (slot > 0) {
        segment->caps[which] = (uint64_t)slot;
        segment->own++;
    }
    return slot;
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
    sysv_forget_key(&shm_state.table, &segment->sysv);
    segment->sysv.perm.mode |= SHM_DEST;
}

/* A list has a sixtieth of the places that segments are in. */
void segment_events(uint64_t bits) {
    struct list *at, *after;
    for (unsigned i = 0; i < SHM_AWAITED_LISTS; i++)
        if (bits >> i & 1 && shm_state.awaited[i].next)
            list_for_each (at, after, &shm_state.awaited[i]) {
                struct segment *segment = container_of(at, struct segment, awaited);
                if (await_last(segment))
                    continue;
                if (ends_with_last(segment))
                    segment_destroy(segment);
                else
                    list_remove(&segment->awaited);
            }
}

void segment_maker_ended(struct client *client) {
    struct list *at, *after, *made = client->data;
    if (!made)
        return;
    list_for_each (at, after, made) {
        struct segment *segment = container_of(at, struct segment, created);
        list_remove(&segment->created);
        if (shm_state.rmid_forced && !await_last(segment))
            segment_destroy(segment);
    }
    free(made);
}

#define FORCED_AT_ONCE 100

/* What nobody has attached, nor a process that made it, ends at once. */
static void force_one(struct segment *segment) {
    if (!await_last(segment) && list_empty(&segment->created))
        segment_destroy(segment);
}

static uint32_t forced; /* the place to go on from */

static bool force_some(struct job *job) {
    (void)job;
    if (!shm_state.rmid_forced)
        return false;
    for (unsigned n = 0; n < FORCED_AT_ONCE; n++, forced++) {
        if ((int)forced > idtable_highest(&shm_state.table.ids))
            return false;
        struct sysv_object *object = idtable_at(&shm_state.table.ids, (int)forced);
        if (object)
            force_one(container_of(object, struct segment, sysv));
    }
    return true;
}

void segment_force(void) {
    static struct job job = {.link = LIST_INIT(job.link), .step = force_some};
    forced = 0;
    if (force_some(&job))
        job_queue(&job);
}
