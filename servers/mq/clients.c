/* SPDX-License-Identifier: MIT */
/* Processes, by session messages. */
#include "mq.h"
#include <stdlib.h>

#define LIMIT_USUAL 819200 /* MQ_BYTES_MAX of Linux, until proc says otherwise */

static struct member *member_new(struct client *client) {
    struct member *member = calloc(1, sizeof *member);
    if (!member)
        return NULL;
    member->limit = LIMIT_USUAL;
    list_init(&member->registrations);
    client->data = member;
    return member;
}

static long connected(struct client *client) {
    return member_new(client) ? 0 : -ENOMEM;
}

static long forked(struct client *parent, struct client *child) {
    struct member *member = member_new(child);
    if (!member)
        return -ENOMEM;
    member->limit = member_of(parent)->limit;
    return 0;
}

static void execed(struct client *client) {
    notify_execed(member_of(client));
}

static void exited(struct client *client) {
    struct member *member = member_of(client);
    notify_exited(member);
    free(member->opened);
    free(member);
}

const struct client_ops mq_clients = {
    .connected = connected, .forked = forked, .execed = execed, .exited = exited};

long mq_handle_limit(struct request *req, int pid, uint64_t bytes) {
    struct client *client = client_find((uint64_t)pid);
    (void)req;
    if (!client)
        return -ESRCH;
    member_of(client)->limit = bytes;
    return 0;
}
