/* SPDX-License-Identifier: MIT */
/* Whether the segments are what shm.h says of them (lib/check.h). */
#include "shm.h"
#include <lib/check.h>

struct totals {
    uint64_t pages, locked;
    size_t awaited;
};

/* The server's own references are those that it counts: the segment's and its reduced capabilities. */
static void check_references(const struct segment *segment) {
    struct pk_object_info info = segment_info(segment);
    uint32_t own = 1;
    for (unsigned i = 0; i < SHM_CAPS; i++)
        own += segment->caps[i] != 0;
    CHECK(segment->own == own, segment);
    CHECK(info.refs >= own, segment);
    CHECK(info.size == segment_pages(segment) * SHM_PAGE, segment);
}

static void check_segment(struct sysv_object *object, void *data) {
    const struct segment *segment = container_of(object, struct segment, sysv);
    struct totals *totals = data;
    uint32_t mode = segment->sysv.perm.mode;
    check_references(segment);
    CHECK((segment->locker != NULL) == ((mode & SHM_LOCKED) != 0), segment);
    CHECK(!(mode & SHM_DEST) || (object->perm.key == IPC_PRIVATE && !list_empty(&segment->awaited)),
          segment);
    totals->pages += segment_pages(segment);
    totals->awaited += !list_empty(&segment->awaited);
    if (segment->locker)
        totals->locked += segment_pages(segment);
}

static void add_locker(struct hash_node *node, void *data) {
    const struct locker *locker = container_of(node, struct locker, node);
    uint64_t *pages = data;
    CHECK(locker->pages, locker);
    *pages += locker->pages;
}

static size_t check_awaited(void) {
    size_t count = 0;
    for (unsigned i = 0; i < SHM_AWAITED_LISTS; i++)
        if (shm_state.awaited[i].next)
            count += list_check(&shm_state.awaited[i]);
    return count;
}

void shm_check(void) {
    struct totals totals = {0};
    uint64_t locked = 0;
    sysv_check(&shm_state.table, check_segment, &totals);
    hash_check(&shm_state.lockers, add_locker, &locked);
    CHECK(totals.pages == shm_state.pages, &shm_state);
    CHECK(totals.locked == locked, &shm_state);
    CHECK(totals.awaited == check_awaited(), &shm_state);
}
