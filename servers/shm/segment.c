/* SPDX-License-Identifier: MIT */
/* A segment's life: its memory object, the capabilities to it, and its end. */
#include "shm.h"
#include <lib/heap.h>
#include <lib/clock.h>
#include <stdlib.h>

/* There are no huge pages to be had; Linux answers ENOMEM when its pool is empty. */
long segment_create(const struct client *client, int key, uint64_t size, int flags) {
    if (size < SHMMIN || size > SHMMAX)
        return -EINVAL;
    if (flags & SHM_HUGETLB)
        return -ENOMEM;
    struct segment *segment = calloc(1, sizeof(*segment));
    if (!segment)
        return -ENOMEM;
    segment->size = size;
    segment->cpid = client_pid(client);
    segment->ctime = clock_seconds();
    long object =
        pk_object_create_for(heap_data_account(), segment_pages(segment) * SHM_PAGE, 0, 0);
    long id = object < 0 ? -ENOMEM : sysv_add(&shm_state.table, &segment->sysv, client, key, flags);
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

/* A client may read, and write or execute as asked; it may not change the object itself. */
long segment_cap(struct segment *segment, unsigned which) {
    if (segment->caps[which])
        return (long)segment->caps[which];
    uint64_t rights = PK_RIGHT_USE | PK_RIGHT_GRANT;
    if (which & SHM_CAP_WRITE)
        rights |= PK_RIGHT_WRITE;
    if (which & SHM_CAP_EXEC)
        rights |= PK_RIGHT_EXECUTE;
    long slot = pk_cap_copy(segment->object, 0, 0, rights, 0);
    if (slot > 0)
        segment->caps[which] = (uint64_t)slot;
    return slot;
}

/* Who has it mapped keeps the memory: the kernel counts references to the object. */
static void segment_destroy(struct segment *segment) {
    for (unsigned i = 0; i < SHM_CAPS; i++)
        if (segment->caps[i])
            must(pk_cap_drop(0, segment->caps[i]));
    must(pk_cap_drop(0, segment->object));
    shm_state.pages -= segment_pages(segment);
    sysv_remove(&shm_state.table, &segment->sysv);
    free(segment);
}

void segment_remove(struct segment *segment) {
    if (!segment->nattch) {
        segment_destroy(segment);
        return;
    }
    sysv_forget_key(&shm_state.table, &segment->sysv);
    segment->sysv.perm.mode |= SHM_DEST;
}

void segment_detach(struct segment *segment, uint64_t count, int pid) {
    segment->nattch -= count;
    segment->dtime = clock_seconds();
    segment->lpid = pid;
    if (!segment->nattch && (segment->sysv.perm.mode & SHM_DEST))
        segment_destroy(segment);
}
