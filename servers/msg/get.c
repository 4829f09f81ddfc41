/* SPDX-License-Identifier: MIT */
/* msgget(2): finding and making queues; the server's state and hooks. */
#include "msg.h"
#include <lib/check.h>
#include <lib/clock.h>
#include <stdlib.h>

struct msg_state msg_state = {.table.ids.limit = MSGMNI, .msgmax = MSGMAX, .msgmnb = MSGMNB};

static const struct client_ops clients;

const struct server msg_server = {
    .name = "msg",
    .protocol = &msg_protocol,
    .clients = &clients,
    .check = SERVER_CHECK(msg_check),
};

static long queue_create(const struct client *client, int key, int flags) {
    struct queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return -ENOMEM;
    list_init(&queue->messages);
    waiter_queue_init(&queue->senders);
    waiter_queue_init(&queue->receivers_of_any);
    waiter_queue_init(&queue->receivers_choosing);
    queue->qbytes = msg_state.msgmnb;
    queue->ctime = clock_seconds();
    long id = sysv_add(&msg_state.table, &queue->object, client, key, flags);
    if (id < 0)
        free(queue);
    return id;
}

long msg_handle_get(struct request *req, int key, int flags) {
    const struct client *client = request_client(req);
    struct sysv_object *found;
    if (!client)
        return -EBADF;
    long error = sysv_lookup(&msg_state.table, key, flags, &found);
    if (error < 0)
        return error;
    if (!found)
        return queue_create(client, key, flags);
    error = sysv_access(found, client, (unsigned)flags & 0777);
    return error < 0 ? error : found->id;
}
