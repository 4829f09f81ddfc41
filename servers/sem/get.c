/* SPDX-License-Identifier: MIT */
/* semget(2): finding and making sets; the server's state and hooks. */
#include "sem.h"
#include <lib/clock.h>
#include <stdlib.h>

struct sem_state sem_state = {.table.ids.limit = SEMMNI};

static const struct client_ops clients = {
    .connected = undo_client_connected,
    .forked = undo_client_forked,
    .exited = undo_client_exited,
};

const struct server sem_server = {
    .name = "sem",
    .protocol = &sem_protocol,
    .clients = &clients,
};

static long set_create(const struct client *client, int key, uint32_t count, int flags) {
    if (!count)
        return -EINVAL;
    if (sem_state.semaphores + count > SEMMNS)
        return -ENOSPC;
    struct set *set = calloc(1, sizeof(*set) + count * sizeof(set->sems[0]));
    if (!set)
        return -ENOMEM;
    set->count = count;
    set->ctime = clock_seconds();
    list_init(&set->undos);
    for (uint32_t i = 0; i < count; i++) {
        waiter_queue_init(&set->sems[i].increase);
        waiter_queue_init(&set->sems[i].zero);
    }
    long id = sysv_add(&sem_state.table, &set->object, client, key, flags);
    if (id < 0)
        free(set);
    else
        sem_state.semaphores += count;
    return id;
}

long sem_handle_get(struct request *req, int key, int nsems, int flags) {
    const struct client *client = request_client(req);
    struct sysv_object *found;
    if (!client)
        return -EBADF;
    if (nsems < 0 || nsems > SEMMSL)
        return -EINVAL;
    long error = sysv_lookup(&sem_state.table, key, flags, &found);
    if (error < 0)
        return error;
    if (!found)
        return set_create(client, key, (uint32_t)nsems, flags);
    if ((uint32_t)nsems > container_of(found, struct set, object)->count)
        return -EINVAL;
    error = sysv_access(found, client, (unsigned)flags & 0777);
    return error < 0 ? error : found->id;
}
