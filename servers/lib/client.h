/* SPDX-License-Identifier: MIT */
/*
 * Clients: the processes that are connected to this server, by pid, fed by the process server's
 * session messages (protocols/session.toml).
 *
 * A process's first request comes after its `connect` (or its parent's `forked`) and none comes after its
 * `exited`. Yet a request with a pid as its badge may have no client, when this server or the process server
 * was started anew: it is answered with EBADF, by which the process learns that it must connect again.
 */
#ifndef LIB_CLIENT_H
#define LIB_CLIENT_H

#include <lib/hash.h>
#include <lib/list.h>
#include <lib/payer.h>
#include <lib/server.h>
#include <stdbool.h>

struct client {
    struct hash_node node; /* its key is the pid */
    uint32_t uid;          /* effective */
    uint32_t gid;
    uint32_t ruid, rgid;   /* real ones */
    struct groups *groups; /* supplementary ones; 0: none */
    bool rejoined;         /* it was connected to this server's predecessor, which died */
    struct payer *payer;   /* for what is kept for it */
    void *data;            /* the server's own */
    struct list waiters;   /* struct waiter.client_link; first those that stand here alone, */
    unsigned listed;       /* so many, a few at most */
};

/*
 * The server's part of the session messages; each may be 0. The library has the record ready when
 * connected and forked run, and still has it when exited runs. An error of connected or forked takes
 * the new record away again and goes back to the process server.
 */
struct client_ops {
    long (*connected)(struct client *client);
    long (*forked)(struct client *parent, struct client *child);
    void (*execed)(struct client *client);
    void (*exited)(struct client *client); /* its waiters have ended */
    void (*credentials)(struct client *client);
    void (*clock_set)(void); /* CLOCK_REALTIME; deadlines know it already */
};

/* Supplementary groups, shared by a process and its forks. */
struct groups {
    uint64_t refs;
    uint32_t count, ids[];
};

/* Is it one of these groups (0: none)? */
static inline bool groups_have(const struct groups *groups, uint32_t gid) {
    for (uint32_t i = 0; groups && i < groups->count; i++)
        if (groups->ids[i] == gid)
            return true;
    return false;
}

/* Is it the client's group, or one of its supplementary ones? */
static inline bool client_in_group(const struct client *client, uint32_t gid) {
    return client->gid == gid || groups_have(client->groups, gid);
}

extern struct hash client_table;

static inline int client_pid(const struct client *client) {
    return (int)client->node.key;
}

/* The client with this pid, or 0. */
static inline struct client *client_find(uint64_t pid) {
    return (struct client *)(void *)hash_find(&client_table, pid);
}
_Static_assert(offsetof(struct client, node) == 0, "client_find casts");

/* The client that sent the request, who pays from now on; 0 if it is a server, or a process that is not connected:
 * EBADF. */
static inline struct client *request_client(const struct request *req) {
    struct client *client = client_find(req->msg.badge);
    payer_serve(client ? client->payer : 0);
    return client;
}

/* Tells client_table which hooks to call; server_run does it. */
void client_set_ops(const struct client_ops *ops);

#endif
