/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of things whose work another server does (docs/decisions/descriptors-of-other-servers.md).
 *
 * That server has a number for each thing. It gives processes descriptors for it (served_install, and by name in
 * served_names.c), says what holds of it (served_ready), asks which thing a descriptor stands for (served_at), and hears
 * by an event that the last descriptor of one has gone (served_gone). Here are the open files, and who polls them.
 */
#include "served.h"
#include "lookup.h"

#include <stdlib.h>
#include <string.h>

static struct owner owners[SERVED_SERVERS] = {
    [PK_BADGE_PROC - PK_BADGE_SERVER] = {.events = "events:proc"},
    [PK_BADGE_MQ - PK_BADGE_SERVER] = {.events = "events:mq", .folder = "mqueue"},
};

struct owner *served_owner(const struct request *req) {
    uint64_t server = request_badge(req) - PK_BADGE_SERVER;
    if (server >= SERVED_SERVERS || !owners[server].events) {
        return NULL;
    }
    struct owner *owner = &owners[server];
    if (!owner->gone.next) {
        list_init(&owner->gone);
        list_init(&owner->closed);
    }
    return owner;
}

struct served *served_find(const struct owner *owner, uint64_t number) {
    struct hash_node *node = hash_find(&owner->served, number);
    return node ? container_of(node, struct served, node) : NULL;
}

static void tell_owner(const struct served *served) {
    must(pk_notify(boot_cap(owners[served->server].events), VFS_EVENT_GONE));
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
    return file->served->reads == VFS_SERVED_SIGNALS ? -EREMOTEIO : -EINVAL;
}

static long served_text(struct request *req, struct file *file, int64_t offset) {
    (void)req;
    (void)file;
    (void)offset;
    return -EREMCHG;
}

/* The record stays, for the server to hear its number. */
void served_put(struct served *served) {
    if (--served->refs > 0) {
        return;
    }
    struct owner *owner = &owners[served->server];
    hash_remove(&owner->served, &served->node);
    list_remove(&served->closed);
    list_add_tail(&owner->gone, &served->link);
    tell_owner(served);
}

static long served_open_file(struct client *client, struct file *file, uint32_t flags) {
    (void)client;
    (void)flags;
    file->served = file->node->served;
    file->served->refs++;
    return 0;
}

/* One whose node has no thing was never opened. */
static void served_close(struct file *file) {
    if (file->served) {
        served_put(file->served);
    }
}

static const struct file_ops served_ops = {
    .read = served_transfer,
    .write = served_transfer,
    .poll = served_poll,
    .poll_queue = served_poll_queue,
    .close = served_close,
};

const struct file_ops served_file_ops = {
    .read = served_text,
    .poll = served_poll,
    .poll_queue = served_poll_queue,
    .close = served_close,
    .open = served_open_file,
    .seekable = true,
};

bool file_is_served(const struct file *file) {
    return file->ops->close == served_close;
}

const char *file_served_name(const struct file *file) {
    return file->ops == &served_ops ? file->served->name : NULL;
}

/* Word 0 is for all, and each of the others for the processes whose pid leaves that remainder. */
void served_left(const struct file *file, int pid) {
    struct served *served = file->served;
    struct owner *owner = &owners[served->server];
    if (owner->words) {
        owner->words[1 + (unsigned)pid % VFS_SERVED_PLACES]++;
    }
    if (served->watcher == pid) {
        served->watcher = 0;
        list_add_tail(&owner->closed, &served->closed);
        tell_owner(served);
    }
}

void served_flags_changed(const struct file *file) {
    struct owner *owner = &owners[file->served->server];
    if (owner->words) {
        owner->words[0]++;
    }
}

struct served *served_new(const struct request *req, uint64_t number) {
    struct owner *owner = served_owner(req);
    struct served *served = owner ? calloc(1, sizeof(*served)) : NULL;
    if (served) {
        served->refs = 1;
        served->server = (unsigned)(owner - owners);
        list_init(&served->closed);
        poll_queue_init(&served->pollers);
        hash_insert(&owner->served, &served->node, number);
    }
    return served;
}

long served_give(struct context *context, struct served *served, struct node *node,
                 uint32_t flags) {
    const struct file_ops *ops = node == node_nameless ? &served_ops : &served_file_ops;
    struct file *file = file_new(node, ops, flags);
    if (!file) {
        return -ENOMEM;
    }
    file->served = served;
    served->refs++;
    return fd_give(context, file, flags & LX_O_CLOEXEC);
}

static long read_name(const struct request *req, char name[SERVED_NAME_MOST]) {
    uint64_t length = request_in_len(req);
    return request_read(req, 0, name, length < SERVED_NAME_MOST ? length : SERVED_NAME_MOST - 1);
}

long vfs_handle_served_install(struct request *req, int pid, uint64_t number, uint32_t flags,
                               uint32_t holds, int reads) {
    struct caller caller;
    char name[SERVED_NAME_MOST] = {0};
    const struct owner *owner = served_owner(req);
    long error = caller_by_pid(pid, &caller);
    if (!error) {
        error = owner ? 0 : -EPERM;
    }
    if (error || (error = read_name(req, name)) < 0) {
        return error;
    }
    struct served *served = served_find(owner, number);
    if (served) {
        served->refs++;
    } else if (!(served = served_new(req, number))) {
        return -ENOMEM;
    }
    memcpy(served->name, name, sizeof(name));
    served->holds = holds;
    served->reads = reads;
    long fd = served_give(caller.context, served, node_nameless, flags);
    served_put(served);
    return fd;
}

long vfs_handle_served_ready(struct request *req, uint64_t number, uint32_t holds,
                             uint32_t changed) {
    const struct owner *owner = served_owner(req);
    struct served *served = owner ? served_find(owner, number) : NULL;
    if (!served) {
        return -ESRCH;
    }
    served->holds = holds;
    poll_wake(&served->pollers, changed);
    return 0;
}

long vfs_handle_give_copy(struct request *req, int from_pid, int fd, int to_pid) {
    struct caller from;
    struct caller to;
    (void)req;
    long error = caller_by_pid(from_pid, &from);
    if (!error) {
        error = caller_by_pid(to_pid, &to);
    }
    struct file *file = error ? NULL : fd_file(from.context, fd);
    if (!file) {
        return error ? error : -EBADF;
    }
    file->refs++;
    return fd_give(to.context, file, true);
}

/* The open file of the sender's that a process has there. */
static long file_at(const struct request *req, int pid, int fd, struct file **file) {
    struct caller caller;
    long error = caller_by_pid(pid, &caller);
    if (error) {
        return error;
    }
    *file = fd_file(caller.context, fd);
    if (!*file || ((*file)->flags & LX_O_PATH)) {
        return -EBADF;
    }
    return file_is_served(*file) && &owners[(*file)->served->server] == served_owner(req) ? 0
                                                                                          : -EINVAL;
}

uint64_t served_number_to(const struct request *req, const struct file *file) {
    bool senders = file_is_served(file) && !(file->flags & LX_O_PATH) &&
                   &owners[file->served->server] == served_owner(req);
    return senders ? file->served->node.key : 0;
}

long vfs_handle_served_at(struct request *req, int pid, int fd) {
    struct file *file;
    long error = file_at(req, pid, fd, &file);
    if (!error) {
        vfs_results_served_at(&req->msg, file->served->node.key, file->flags);
    }
    return error;
}

long vfs_handle_served_nonblock(struct request *req, int pid, int fd, int on) {
    struct file *file;
    long error = file_at(req, pid, fd, &file);
    if (!error) {
        file->flags = on ? file->flags | LX_O_NONBLOCK : file->flags & ~LX_O_NONBLOCK;
        served_flags_changed(file);
    }
    return error;
}

long vfs_handle_served_read(struct request *req, int pid, int fd, uint64_t size, uint64_t room) {
    struct file *file;
    long error = file_at(req, pid, fd, &file);
    if (!error) {
        uint64_t left = file->offset < size ? size - file->offset : 0;
        vfs_results_served_read(&req->msg, file->offset);
        file->offset += left < room ? left : room;
    }
    return error;
}

long vfs_handle_served_watch(struct request *req, uint64_t number, int pid) {
    const struct owner *owner = served_owner(req);
    struct served *served = owner ? served_find(owner, number) : NULL;
    if (!served) {
        return -ESRCH;
    }
    served->watcher = pid;
    list_remove(&served->closed);
    return 0;
}

long vfs_handle_served_watched(struct request *req, uint64_t number) {
    const struct owner *owner = served_owner(req);
    const struct served *served = owner ? served_find(owner, number) : NULL;
    if (!served) {
        return -ESRCH;
    }
    vfs_results_served_watched(&req->msg, served->watcher);
    return 0;
}

long vfs_handle_served_closed(struct request *req) {
    struct owner *owner = served_owner(req);
    if (!owner || list_empty(&owner->closed)) {
        return -EAGAIN;
    }
    struct served *served = container_of(owner->closed.next, struct served, closed);
    list_remove(&served->closed);
    vfs_results_served_closed(&req->msg, served->node.key);
    return 0;
}

long vfs_handle_served_gone(struct request *req) {
    struct owner *owner = served_owner(req);
    while (owner && !list_empty(&owner->gone)) {
        struct served *served = container_of(owner->gone.next, struct served, link);
        uint64_t number = served->node.key;
        list_remove(&served->link);
        free(served);
        if (!served_find(owner, number)) {
            vfs_results_served_gone(&req->msg, number);
            return 0;
        } /* else it was given out again meanwhile, before its server heard of it */
    }
    return -EAGAIN;
}

void served_setup(const struct node *dev) {
    for (unsigned i = 0; i < SERVED_SERVERS; i++) {
        const struct owner *owner = &owners[i];
        const struct name *name =
            owner->folder ? dir_find(dev, owner->folder, strlen(owner->folder)) : NULL;
        if (!name) {
            continue;
        }
        owners[i].directory = node_hold(name->node);
        name->node->dir.served = true;
        name->node->dev = DEVICE_SERVED;
        if (boot_info->restarts && boot_cap(owner->events)) {
            must(pk_notify(boot_cap(owner->events), VFS_EVENT_NEW));
        }
    }
}
