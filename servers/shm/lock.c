/* SPDX-License-Identifier: MIT */
/*
 * SHM_LOCK, SHM_UNLOCK: memory is never paged out, so the mark is all there is to it; but who is not root locks no more than
 * RLIMIT_MEMLOCK, all the user's segments together.
 */
#include "shm.h"
#include <stdlib.h>

static struct locker *locker_find(uint32_t uid) {
    struct hash_node *node = hash_find(&shm_state.lockers, uid);
    return node ? container_of(node, struct locker, node) : 0;
}

static struct locker *locker_get(uint32_t uid) {
    struct locker *locker = locker_find(uid);
    if (!locker && (locker = calloc(1, sizeof(*locker))) != 0)
        hash_insert(&shm_state.lockers, &locker->node, uid);
    return locker;
}

static void locker_take(struct locker *locker, uint64_t pages) {
    locker->pages -= pages;
    if (locker->pages)
        return;
    hash_remove(&shm_state.lockers, &locker->node);
    free(locker);
}

long segment_lock(struct segment *segment, const struct client *client, uint64_t limit) {
    if (segment->locker)
        return 0;
    struct locker *locker = locker_find(client->uid);
    uint64_t pages = segment_pages(segment), sum = pages + (locker ? locker->pages : 0);
    if (client->uid && sum > limit / SHM_PAGE)
        return -ENOMEM;
    locker = locker_get(client->uid);
    if (!locker)
        return -ENOMEM;
    locker->pages = sum;
    segment->locker = locker;
    segment->sysv.perm.mode |= SHM_LOCKED;
    return 0;
}

void segment_unlock(struct segment *segment) {
    if (!segment->locker)
        return;
    locker_take(segment->locker, segment_pages(segment));
    segment->locker = 0;
    segment->sysv.perm.mode &= ~(uint32_t)SHM_LOCKED;
}
