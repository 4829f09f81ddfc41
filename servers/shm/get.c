/* SPDX-License-Identifier: MIT */
/* shmget(2): finding and making segments; the server's state and hooks. */
#include "shm.h"
#include <lib/check.h>

struct shm_state shm_state = {
    .table.ids.limit = SHMMNI,
    .shmmax = SHMMAX,
    .shmall = SHMALL,
};

static const struct client_ops clients = {.exited = segment_maker_ended};

const struct server shm_server = {
    .name = "shm",
    .protocol = &shm_protocol,
    .clients = &clients,
    .on_events = segment_events,
    .check = SERVER_CHECK(shm_check),
};

long shm_handle_get(struct request *req, int key, uint64_t size, int flags) {
    struct client *client = request_client(req);
    struct sysv_object *found;
    if (!client)
        return -EBADF;
    long error = sysv_lookup(&shm_state.table, key, flags, &found);
    if (error < 0)
        return error;
    if (!found)
        return segment_create(client, key, size, flags);
    if (size > container_of(found, struct segment, sysv)->size)
        return -EINVAL;
    error = sysv_access(found, client, (unsigned)flags & 0777);
    return error < 0 ? error : found->id;
}
