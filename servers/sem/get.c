/* SPDX-License-Identifier: MIT */
/* semget(2): finding and making sets; the server's state and hooks. */
#include "sem.h"
#include <lib/check.h>
#include <lib/clock.h>
#include <stdlib.h>

struct sem_state sem_state = {
    .table.ids.limit = SEMMNI,
    .step = 28000,
    .semmsl = SEMMSL,
    .semmns = SEMMNS,
    .semopm = SEMOPM,
};

static const struct client_ops clients = {
    .connected = undo_client_connected,
    .forked = undo_client_forked,
    .exited = undo_client_exited,
};

const struct server sem_server = {
    .name = "sem",
    .protocol = &sem_protocol,
    .clients = &clients,
    .check = SERVER_CHECK(sem_check),
};

/* A set whose request has ended before it was finished. */
static void making_release(struct request_memory *memory) {
    struct set *set = container_of(memory, struct set, making);
    if (set->unfinished)
        set_bury(set);
}

static struct set *set_new(uint32_t count) {
    struct set *set = calloc(1, sizeof(*set) + set_blocks(count) * sizeof(set->blocks[0]));
    if (!set)
        return 0;
    set->count = set->free_to = count;
    set->unfinished = true;
    set->making.release = making_release;
    list_init(&set->undos);
    list_init(&set->several);
    list_init(&set->dead);
    list_init(&set->mark);
    waiter_queue_init(&set->behind);
    job_init(&set->job, set_step);
    return set;
}

static struct sem *block_new(uint32_t count) {
    struct sem *block = calloc(count, sizeof(*block));
    for (uint32_t i = 0; block && i < count; i++) {
        waiter_queue_init(&block[i].increase);
        waiter_queue_init(&block[i].zero);
    }
    return block;
}

#define BLOCKS_AT_ONCE 12

/* Allocates some of its semaphores. -EAGAIN: there are more. */
static long set_grow(struct set *set) {
    for (int n = 0; set->blocks_made < set_blocks(set->count); n++) {
        uint32_t left = set->count - set->blocks_made * SEM_BLOCK;
        if (n == BLOCKS_AT_ONCE)
            return -EAGAIN;
        struct sem *block = block_new(left < SEM_BLOCK ? left : SEM_BLOCK);
        if (!block)
            return -ENOMEM;
        set->blocks[set->blocks_made++] = block;
    }
    return 0;
}

/* A large set is made while its request is handled again and again; nobody finds it before it is finished. */
static long set_create(struct request *req, const struct client *client, int key, uint32_t count,
                       int flags) {
    struct request_memory *memory = request_memory();
    struct set *set = memory ? container_of(memory, struct set, making) : 0;
    if (!count)
        return -EINVAL;
    if (sem_state.semaphores + count > sem_state.semmns)
        return -ENOSPC;
    if (!set && !(set = set_new(count)))
        return -ENOMEM;
    long id = set_grow(set);
    if (id == -EAGAIN)
        return request_wait(req, 0, &set->making);
    if (id == 0)
        id = sysv_add(&sem_state.table, &set->object, client, key, flags);
    if (id >= 0) {
        set->unfinished = false;
        set->ctime = clock_seconds();
        sem_state.semaphores += count;
    } else if (!memory) {
        set_bury(set);
    }
    return id;
}

long sem_handle_get(struct request *req, int key, int nsems, int flags) {
    const struct client *client = request_client(req);
    struct sysv_object *found;
    if (!client)
        return -EBADF;
    if (nsems < 0 || (uint64_t)nsems > sem_state.semmsl)
        return -EINVAL;
    long error = sysv_lookup(&sem_state.table, key, flags, &found);
    if (error < 0)
        return error;
    if (!found)
        return set_create(req, client, key, (uint32_t)nsems, flags);
    if ((uint32_t)nsems > container_of(found, struct set, object)->count)
        return -EINVAL;
    error = sysv_access(found, client, (unsigned)flags & 0777);
    return error < 0 ? error : found->id;
}
