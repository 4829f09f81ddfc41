/* SPDX-License-Identifier: MIT */
/*
 * Descriptors on their way through sockets: SCM_RIGHTS of unix(7).
 *
 * A user has so many on their way at most. A socket on its way to itself, or several to one another, would never
 * close: when a socket has closed those are looked for that nobody has a descriptor of. As Linux does it: a socket is
 * suspected if all references to its file are on their way; it is alive if one of these stands in the queue of a
 * socket that is not suspected, or of one that is alive. The queues of all others are emptied.
 */
#include "socket.h"

#include <lib/hash.h>
#include <lib/job.h>
#include <stdlib.h>

#define FLYING_MOST 1024 /* descriptors of a user's, as many as a process has by default */

static struct list flying = LIST_INIT(flying);

/* How many a user has on their way. */
struct account {
    struct hash_node node; /* key: uid */
    uint32_t count;
};

static struct hash accounts;

static struct account *account_of(uint32_t uid) {
    struct account *account = (struct account *)(void *)hash_find(&accounts, uid);
    if (!account && (account = calloc(1, sizeof(*account)))) {
        hash_insert(&accounts, &account->node, uid);
    }
    return account;
}
_Static_assert(offsetof(struct account, node) == 0, "account_of casts");

static void account_leave(struct account *account, uint32_t count) {
    account->count -= count;
    if (account->count == 0) {
        hash_remove(&accounts, &account->node);
        free(account);
    }
}

static struct socket *socket_of(const struct file *file) {
    return file->ops == &socket_ops ? file->socket : NULL;
}

static void take_off(struct file *file) {
    struct socket *socket = socket_of(file);
    file->refs++;
    if (socket && socket->flying++ == 0) {
        list_add_tail(&flying, &socket->flight);
    }
}

static void land(struct file *file) {
    struct socket *socket = socket_of(file);
    if (socket && --socket->flying == 0) {
        list_remove(&socket->flight);
    }
    file_put(file);
}

static struct rights *rights_made(uint32_t uid, int count) {
    struct account *account = account_of(uid);
    struct rights *rights =
        account ? malloc(sizeof(*rights) + (size_t)count * sizeof(struct file *)) : NULL;
    if (!rights) {
        if (account) {
            account_leave(account, 0);
        }
        return NULL;
    }
    account->count += (uint32_t)count;
    rights->uid = uid;
    rights->count = count;
    return rights;
}

static long check_count(const struct client *client, int count) {
    const struct account *account = (struct account *)(void *)hash_find(&accounts, client->uid);
    bool many = account && account->count + (uint32_t)count > FLYING_MOST;
    return many && client->uid != 0 ? -ETOOMANYREFS : 0;
}

long rights_new(const struct request *req, uint64_t at, int count, struct rights **made) {
    const struct client *client = request_client(req);
    const struct context *context = client->data;
    int32_t fds[RIGHTS_MOST];
    uint64_t length = (uint64_t)count * sizeof(*fds);
    if (request_read(req, at, fds, length) != (long)length) {
        return -EFAULT;
    }
    for (int i = 0; i < count; i++) {
        if (!fd_file(context, fds[i])) {
            return -EBADF;
        }
    }
    long error = check_count(client, count);
    if (error) {
        return error;
    }
    struct rights *rights = rights_made(client->uid, count);
    if (!rights) {
        return -ENOMEM;
    }
    for (int i = 0; i < count; i++) {
        rights->files[i] = fd_file(context, fds[i]);
        take_off(rights->files[i]);
    }
    *made = rights;
    return 0;
}

struct rights *rights_copy(const struct rights *rights) {
    struct rights *copy = rights_made(rights->uid, rights->count);
    for (int i = 0; copy && i < copy->count; i++) {
        copy->files[i] = rights->files[i];
        take_off(copy->files[i]);
    }
    return copy;
}

void rights_free(struct rights *rights) {
    if (!rights) {
        return;
    }
    for (int i = 0; i < rights->count; i++) {
        land(rights->files[i]);
    }
    account_leave(account_of(rights->uid), (uint32_t)rights->count);
    free(rights);
}

/* ---- Those that only know each other --------------------------------------------------------- */

static bool is_suspected(const struct socket *socket) {
    return socket->flying > 0 && socket->file && socket->file->refs == socket->flying;
}

/* Calls back with each socket that is on its way in the queue of this one, and of those that it has not accepted. */
static void each_passed(const struct socket *socket, void (*call)(struct socket *passed)) {
    for (const struct list *at = socket->packets.next; at != &socket->packets; at = at->next) {
        const struct rights *rights = container_of(at, struct packet, link)->rights;
        for (int i = 0; rights && i < rights->count; i++) {
            struct socket *passed = socket_of(rights->files[i]);
            if (passed) {
                call(passed);
            }
        }
    }
    for (const struct list *at = socket->embryos.next; at != &socket->embryos; at = at->next) {
        each_passed(container_of(at, struct socket, link), call);
    }
}

static void explain(struct socket *passed) {
    passed->unexplained--;
}

/* Sockets that are alive and whose queues have not been looked at. */
static struct list reached = LIST_INIT(reached);

static void reach(struct socket *socket) {
    if (is_suspected(socket) && !socket->alive) {
        socket->alive = true;
        list_remove(&socket->flight);
        list_add_tail(&reached, &socket->flight);
    }
}

/* What of those on their way can be received by anybody. */
static void find_alive(void) {
    struct list done = LIST_INIT(done);
    struct list *at;
    struct list *after;
    list_for_each (at, after, &flying) {
        struct socket *socket = container_of(at, struct socket, flight);
        socket->alive = false;
        socket->unexplained = socket->flying;
    }
    list_for_each (at, after, &flying) {
        struct socket *socket = container_of(at, struct socket, flight);
        if (is_suspected(socket)) {
            each_passed(socket, explain);
        }
    }
    list_for_each (at, after, &flying) {
        struct socket *socket = container_of(at, struct socket, flight);
        if (socket->unexplained > 0) {
            reach(socket);
        }
    }
    while (!list_empty(&reached)) {
        struct socket *socket = container_of(reached.next, struct socket, flight);
        list_remove(&socket->flight);
        list_add_tail(&done, &socket->flight);
        each_passed(socket, reach);
    }
    list_move_all(&flying, &done);
}

/* Their packets are taken out before any of them is freed, for that closes sockets. */
static void take_packets(struct socket *socket, struct list *packets) {
    struct packet *packet;
    while ((packet = packet_take(socket))) {
        list_add_tail(packets, &packet->link);
    }
    for (struct list *at = socket->embryos.next; at != &socket->embryos; at = at->next) {
        take_packets(container_of(at, struct socket, link), packets);
    }
}

static bool collect(struct job *job) {
    struct list packets = LIST_INIT(packets);
    struct list *at;
    struct list *after;
    (void)job;
    find_alive();
    list_for_each (at, after, &flying) {
        struct socket *socket = container_of(at, struct socket, flight);
        if (is_suspected(socket) && !socket->alive) {
            take_packets(socket, &packets);
        }
    }
    list_for_each (at, after, &packets) {
        list_remove(at);
        packet_free(container_of(at, struct packet, link));
    }
    socket_work();
    return false;
}

static struct job collect_job = {.link = LIST_INIT(collect_job.link), .step = collect};

void rights_collect(void) {
    if (!list_empty(&flying)) {
        job_queue(&collect_job);
    }
}
