/* SPDX-License-Identifier: MIT */
/*
 * Attachments of shared memory against a program that speaks to the server and the kernel itself: it can have a segment
 * without mapping it, map it twice from one capability, say of its regions what it likes, and end; what is counted is
 * what it has, and nobody else's count changes.
 */
#include "tap.h"

#include <parley/stubs.h>
#include <protocol/shm_client.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#define PAGE 4096ul

static int segment, theirs;

static long attached(int id) {
    struct shmid_ds status;
    return shmctl(id, IPC_STAT, &status) < 0 ? -errno : (long)status.shm_nattch;
}

/* A capability to the segment. */
static uint64_t get(int id) {
    uint64_t size, object;
    return shm_at(PK_SLOT_SHM, id, 0, &size, &object) < 0 ? 0 : object;
}

static long map(uint64_t object, uint64_t tag) {
    return pk_map(0, 0, PAGE, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED, object, 0, tag);
}

static void test_capability(void) {
    uint64_t object = get(segment);
    ok(object != 0, "a capability, and no mapping");
    is_int(attached(segment), 1, "counts as one attachment");
    long at = map(object, 0), again = map(object, 0);
    ok(at > 0 && again > 0, "two mappings of it");
    is_int(attached(segment), 3, "count as two more");
    is_int(pk_cap_drop(0, object), 0, "dropped");
    is_int(attached(segment), 2, "the mappings count");
    is_errno(shmdt((void *)at), EINVAL, "without its tag a mapping is no attachment to shmdt");
    is_int(munmap((void *)at, PAGE), 0, "munmap");
    is_int(munmap((void *)again, PAGE), 0, "of both");
    is_int(attached(segment), 0, "none");
}

static int hold_and_end(void) {
    return get(segment) && get(segment) && attached(segment) == 2 ? 0 : 1;
}

static void test_end(void) {
    is_int(in_child(hold_and_end), 0, "a process holds two");
    is_int(attached(segment), 0, "and with it they end");
}

/* Its word for what a region is matters to itself alone. */
static void test_lies(void) {
    char *mine = shmat(segment, NULL, 0), *other = shmat(theirs, NULL, 0);
    struct pk_region_info a, b;
    is_int(pk_region_info(0, (uintptr_t)mine, &a), 0, "a region");
    is_int(pk_region_info(0, (uintptr_t)other, &b), 0, "another");
    is_int(pk_retag(0, (uintptr_t)mine, PAGE, ~0ull, b.tag), 0, "the one says it is the other");
    is_int(shmdt(mine), 0, "shmdt");
    is_int(attached(segment), 0, "detaches what was mapped");
    is_int(attached(theirs), 1, "and not what was said");
    long plain = (long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    is_int(pk_retag(0, (uint64_t)plain, PAGE, ~0ull, b.tag), 0, "other memory says so, too");
    shmdt((void *)plain);
    is_int(attached(theirs), 1, "which changes nothing");
    shmdt(other);
}

static int hold_removed(void) {
    uint64_t object = get(segment);
    if (!object || shmctl(segment, IPC_RMID, NULL) != 0 || attached(segment) != 1)
        return 1;
    long at = map(object, 0);
    if (pk_cap_drop(0, object) != 0 || attached(segment) != 1)
        return 2;
    return munmap((void *)at, PAGE) != 0 || attached(segment) >= 0 ? 3 : 0;
}

static void test_removed(void) {
    is_int(in_child(hold_removed), 0, "a removed segment ends with the last that holds it");
}

int main(void) {
    segment = shmget(IPC_PRIVATE, PAGE, 0600);
    theirs = shmget(IPC_PRIVATE, PAGE, 0600);
    shmdt(shmat(segment, NULL, 0)); /* connected */
    test_capability();
    test_end();
    test_lies();
    test_removed();
    shmctl(theirs, IPC_RMID, NULL);
    return done();
}
