/* SPDX-License-Identifier: MIT */
/* The session messages: the process server tells who our clients are. protocols/session.toml. */
#include <lib/client.h>
#include <lib/waiter.h>
#include <protocol/session_server.h>
#include <stdlib.h>

struct hash client_table;

static const struct client_ops no_ops;
static const struct client_ops *client_ops = &no_ops;

void client_set_ops(const struct client_ops *ops) {
    client_ops = ops ? ops : &no_ops;
}

/* Takes over the reference to the payer, or gives it back. */
static struct client *client_add(int pid, struct payer *payer) {
    payer_serve(payer);
    struct client *client = calloc(1, sizeof(*client));
    if (!client) {
        payer_put(payer);
        return 0;
    }
    client->payer = payer;
    list_init(&client->waiters);
    hash_insert(&client_table, &client->node, (uint64_t)pid);
    return client;
}

static void groups_put(struct groups *groups) {
    if (groups && --groups->refs == 0)
        free(groups);
}

static void client_free(struct client *client) {
    struct payer *payer = client->payer;
    groups_put(client->groups);
    hash_remove(&client_table, &client->node);
    free(client);
    payer_put(payer);
}

/* The payer that a session message names; its capabilities are kept if it is new here. */
static struct payer *request_payer(struct request *req, uint64_t number) {
    bool taken;
    struct payer *payer = payer_get(number, request_cap(req, 0), request_cap(req, 1), &taken);
    for (unsigned i = 0; taken && i < 2; i++)
        request_take_cap(req, i);
    return payer;
}

/* `real`: the user, and in the upper half the group. */
static void set_ids(struct client *client, uint32_t uid, uint32_t gid, uint64_t real) {
    client->uid = uid;
    client->gid = gid;
    client->ruid = (uint32_t)real;
    client->rgid = (uint32_t)(real >> 32);
}

/* Takes over the reference to the payer. What was paid by another stays so. */
static void set_credentials(struct client *client, uint32_t uid, uint32_t gid, uint64_t real,
                            struct payer *payer) {
    set_ids(client, uid, gid, real);
    payer_put(client->payer);
    client->payer = payer;
    payer_serve(payer);
    if (client_ops->credentials)
        client_ops->credentials(client);
}

/* Connecting again only brings the identity up to date. */
long session_handle_connect(struct request *req, int pid, uint32_t uid, uint32_t gid,
                            uint64_t payer_number, uint64_t real, uint32_t flags) {
    struct client *client = client_find((uint64_t)pid);
    struct payer *payer = request_payer(req, payer_number);
    if (!payer)
        return -ENOMEM;
    if (client) {
        set_credentials(client, uid, gid, real, payer);
        return 0;
    }
    client = client_add(pid, payer);
    if (!client)
        return -ENOMEM;
    set_ids(client, uid, gid, real);
    client->rejoined = flags & SESSION_REJOIN;
    long result = client_ops->connected ? client_ops->connected(client) : 0;
    if (result < 0)
        client_free(client);
    return result < 0 ? result : 1;
}

long session_handle_forked(struct request *req, int parent_pid, int child_pid) {
    (void)req;
    struct client *parent = client_find((uint64_t)parent_pid);
    if (!parent)
        return -ESRCH;
    if (client_find((uint64_t)child_pid))
        return -EEXIST;
    struct client *child = client_add(child_pid, payer_hold(parent->payer));
    if (!child)
        return -ENOMEM;
    child->uid = parent->uid;
    child->gid = parent->gid;
    child->ruid = parent->ruid;
    child->rgid = parent->rgid;
    if ((child->groups = parent->groups))
        child->groups->refs++;
    long result = client_ops->forked ? client_ops->forked(parent, child) : 0;
    if (result < 0)
        client_free(child);
    return result;
}

long session_handle_execed(struct request *req, int pid) {
    (void)req;
    struct client *client = client_find((uint64_t)pid);
    if (!client)
        return -ESRCH;
    if (client_ops->execed)
        client_ops->execed(client);
    return 0;
}

static void client_exited(struct client *client) {
    waiter_end_client(client);
    if (client_ops->exited)
        client_ops->exited(client);
    client_free(client);
}

long session_handle_exited(struct request *req, int pid) {
    (void)req;
    struct client *client = client_find((uint64_t)pid);
    if (!client)
        return -ESRCH;
    client_exited(client);
    return 0;
}

long session_handle_forget(struct request *req) {
    (void)req;
    static size_t at;
    struct client *client = (struct client *)(void *)hash_any(&client_table, &at);
    if (!client)
        return 0;
    client_exited(client);
    return 1;
}

long session_handle_clock_set(struct request *req) {
    (void)req;
    deadline_clock_set();
    if (client_ops->clock_set)
        client_ops->clock_set();
    return 0;
}

long session_handle_groups(struct request *req, int pid) {
    struct client *client = client_find((uint64_t)pid);
    if (!client)
        return -ESRCH;
    uint64_t count = request_in_len(req) / sizeof(uint32_t);
    struct groups *groups = 0;
    payer_serve(client->payer);
    if (count && !(groups = malloc(sizeof *groups + count * sizeof *groups->ids)))
        return -ENOMEM;
    long error = count ? request_read_all(req, groups->ids, count * sizeof *groups->ids) : 0;
    if (error < 0) {
        free(groups);
        return error;
    }
    if (groups) {
        groups->refs = 1;
        groups->count = (uint32_t)count;
    }
    groups_put(client->groups);
    client->groups = groups;
    return 0;
}

long session_handle_credentials(struct request *req, int pid, uint32_t uid, uint32_t gid,
                                uint64_t payer_number, uint64_t real) {
    struct client *client = client_find((uint64_t)pid);
    if (!client)
        return -ESRCH;
    struct payer *payer = request_payer(req, payer_number);
    if (!payer)
        return -ENOMEM;
    set_credentials(client, uid, gid, real, payer);
    return 0;
}
