/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of things whose work another server does (docs/decisions/descriptors-of-other-servers.md).
 *
 * That server has a number for each thing. It gives processes descriptors for it (served_install), says what holds of it
 * (served_ready), asks which thing a descriptor stands for (served_at), and hears by an event that the last
 * descriptor of one has gone (served_gone). Here are the open files, and who polls them.
 */
#include "lookup.h"
#include "poll.h"

#include <lib/hash.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MOST 24
#define SERVERS 8 /* badges from PK_BADGE_SERVER on that may have things */

struct served {
    struct hash_node
        node; /* in its server's table, by its number; or, with `link`, among those that have gone */
    struct list link;
    unsigned server;
    uint32_t refs;  /* open files */
    uint32_t holds; /* LX_POLL* */
    bool reads;     /* its server serves reads and writes */
    struct poll_queue pollers;
    char name[NAME_MOST];
};

/* A server that has things. */
struct owner {
    const char *events; /* its notification, as the boot manifest has it; NULL: it has no things */
    struct hash served;
    struct list gone; /* of which it is to hear; they are empty but for their numbers */
};

static struct owner owners[SERVERS] = {
    [PK_BADGE_PROC - PK_BADGE_SERVER] = {.events = "events:proc"},
};

static unsigned server_of(const struct request *req) {
    return (unsigned)(request_badge(req) - PK_BADGE_SERVER);
}

static struct served *served_find(unsigned server, uint64_t number) {
    struct hash_node *node = hash_find(&owners[server].served, number);
    return node ? container_of(node, struct served, node) : NULL;
}

static uint32_t served_poll(struct file *file) {
    return file->served->holds;
}

static struct poll_queue *served_poll_queue(struct file *file) {
    return &file->served->pollers;
}

/* Its work is the other server's: the caller asks that. */
static long served_transfer(struct request *req, struct file *file, int64_t offset) {
    (void)req;
    (void)offset;
    return file->served->reads ? -EREMOTEIO : -EINVAL;
}

/* The record stays, for the server to hear its number. */
static void served_put(struct served *served) {
    if (--served->refs > 0) {
        return;
    }
    struct owner *owner = &owners[served->server];
    hash_remove(&owner->served, &served->node);
    if (!owner->gone.next) {
        list_init(&owner->gone);
    }
    list_add_tail(&owner->gone, &served->link);
    must(pk_notify(boot_cap(owner->events), VFS_EVENT_GONE));
}

static void served_close(struct file *file) {
    served_put(file->served);
}

static const struct file_ops served_ops = {
    .read = served_transfer,
    .write = served_transfer,
    .poll = served_poll,
    .poll_queue = served_poll_queue,
    .close = served_close,
};

const char *file_served_name(const struct file *file) {
    return file->ops == &served_ops ? file->served->name : NULL;
}

/* The thing of that number with a reference, which the first one makes. */
static struct served *served_get(struct request *req, unsigned server, uint64_t number) {
    struct served *served = served_find(server, number);
    if (served) {
        served->refs++;
        return served;
    }
    uint64_t length = request_in_len(req) < NAME_MOST - 1 ? request_in_len(req) : NAME_MOST - 1;
    served = calloc(1, sizeof(*served));
    if (!served || request_read(req, 0, served->name, length) < 0) {
        free(served);
        return NULL;
    }
    served->refs = 1;
    served->server = server;
    poll_queue_init(&served->pollers);
    hash_insert(&owners[server].served, &served->node, number);
    return served;
}

long vfs_handle_served_install(struct request *req, int pid, uint64_t number, uint32_t flags,
                               uint32_t holds, int reads) {
    struct caller caller;
    unsigned server = server_of(req);
    long error = caller_by_pid(pid, &caller);
    if (error) {
        return error;
    }
    if (server >= SERVERS || !owners[server].events) {
        return -EPERM;
    }
    struct served *served = served_get(req, server, number);
    struct file *file = served ? file_new(node_nameless, &served_ops, flags) : NULL;
    if (!file) {
        if (served) {
            served_put(served);
        }
        return -ENOMEM;
    }
    file->served = served;
    served->holds = holds;
    served->reads = reads;
    return fd_give(caller.context, file, flags & LX_O_CLOEXEC);
}

long vfs_handle_served_ready(struct request *req, uint64_t number, uint32_t holds,
                             uint32_t changed) {
    struct served *served = server_of(req) < SERVERS ? served_find(server_of(req), number) : NULL;
    if (!served) {
        return -ESRCH;
    }
    served->holds = holds;
    poll_wake(&served->pollers, changed);
    return 0;
}

long vfs_handle_served_at(struct request *req, int pid, int fd) {
    struct caller caller;
    long error = caller_by_pid(pid, &caller);
    if (error) {
        return error;
    }
    const struct file *file = fd_file(caller.context, fd);
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    if (file->ops != &served_ops || file->served->server != server_of(req)) {
        return -EINVAL;
    }
    vfs_results_served_at(&req->msg, file->served->node.key, file->flags);
    return 0;
}

long vfs_handle_served_gone(struct request *req) {
    unsigned server = server_of(req);
    struct list *gone = server < SERVERS ? &owners[server].gone : NULL;
    while (gone && gone->next && !list_empty(gone)) {
        struct served *served = container_of(gone->next, struct served, link);
        uint64_t number = served->node.key;
        list_remove(&served->link);
        free(served);
        if (!served_find(server, number)) {
            vfs_results_served_gone(&req->msg, number);
            return 0;
        } /* else it was given out again meanwhile, before its server heard of it */
    }
    return -EAGAIN;
}
