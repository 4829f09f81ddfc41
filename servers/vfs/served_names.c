/* SPDX-License-Identifier: MIT */
/*
 * The directories in which things of other servers have names (served.h): that of message queues, /dev/mqueue.
 *
 * Here are names, owners, modes, links and open files, as of all files; what is in the file, and what else can be done with
 * it, the other server knows. So a queue is looked at, removed and given other rights by the same calls as any file, and
 * mq_open(3) finds just what open(2) does.
 */
#include "lookup.h"
#include "notify.h"
#include "served.h"

#include <string.h>

#define FORGOTTEN_AT_ONCE 32

/* A page of the sender's that both have. */
static long map_words(struct owner *owner, uint64_t object) {
    uint64_t size = VFS_SERVED_WORDS * sizeof(uint64_t);
    long address =
        pk_map(0, 0, size, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED, object, 0, object);
    if (address < 0) {
        return address;
    }
    long error = pk_populate(0, (uint64_t)address, size);
    if (error < 0) {
        must(pk_unmap(0, (uint64_t)address, size));
        return error;
    }
    if (owner->words) {
        must(pk_unmap(0, (uint64_t)owner->words, size));
    }
    owner->words = (uint64_t *)address;
    return 0;
}

/* Names of before, few at a time. */
static bool forget_some(const struct node *dir) {
    for (int i = 0; i < FORGOTTEN_AT_ONCE && !dir_is_empty(dir); i++) {
        dir_remove(dir_at(dir, 0));
    }
    return !dir_is_empty(dir);
}

long vfs_handle_served_begin(struct request *req) {
    struct owner *owner = served_owner(req);
    if (!owner || !owner->directory) {
        return -ENOSYS;
    }
    if (forget_some(owner->directory) || cookies_end_some(FORGOTTEN_AT_ONCE)) {
        return 1;
    }
    return map_words(owner, request_cap(req, 0));
}

struct place {
    struct caller caller;
    struct owner *owner;
    char text[NAME_LONGEST + 1];
    size_t length;
    struct name *name; /* NULL: there is none */
};

/* Looked up as mq_open(3) does on Linux: one component, and no more. */
static long find_place(struct request *req, int pid, struct place *at) {
    long error = caller_by_pid(pid, &at->caller);
    at->owner = served_owner(req);
    at->length = request_in_len(req);
    if (error || !at->owner || !at->owner->directory) {
        return error ? error : -ENOSYS;
    }
    if (at->length > NAME_LONGEST) {
        return -ENAMETOOLONG;
    }
    error = request_read_all(req, at->text, at->length);
    at->text[at->length] = '\0';
    if (error < 0) {
        return error;
    }
    if (strlen(at->text) != at->length || strchr(at->text, '/') || !*at->text ||
        !strcmp(at->text, ".") || !strcmp(at->text, "..")) {
        return -EACCES;
    }
    at->name = dir_find(at->owner->directory, at->text, at->length);
    return access_check(at->owner->directory, &at->caller.who, MAY_EXECUTE);
}

static long check_open(const struct place *at, uint32_t flags) {
    static const uint32_t wanted[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE};
    if (!at->name) {
        return -ENOENT;
    }
    if ((flags & (LX_O_CREAT | LX_O_EXCL)) == (LX_O_CREAT | LX_O_EXCL)) {
        return -EEXIST;
    }
    if ((flags & LX_O_ACCMODE) == LX_O_ACCMODE) {
        return -EINVAL;
    }
    return access_check(at->name->node, &at->caller.who, wanted[flags & LX_O_ACCMODE]);
}

static long give(const struct place *at, struct node *node, uint32_t flags) {
    uint32_t kept = flags & (LX_O_ACCMODE | LX_O_NONBLOCK);
    long fd = served_give(at->caller.context, node->served, node, kept | LX_O_CLOEXEC);
    if (fd >= 0) {
        notify_node(node, NOTIFY_OPEN);
    }
    return fd;
}

long vfs_handle_served_open(struct request *req, int pid, uint32_t flags) {
    static struct place at;
    long error = find_place(req, pid, &at);
    if (!error) {
        error = check_open(&at, flags);
    }
    if (error) {
        return error;
    }
    struct node *node = at.name->node;
    long fd = give(&at, node, flags);
    vfs_results_served_open(&req->msg, node->served->node.key);
    return fd;
}

/* A file for a new thing; it has the only reference to it. */
static struct node *make_node(const struct request *req, const struct place *at, uint64_t number,
                              uint32_t mode) {
    struct served *served = served_new(req, number);
    uint32_t permissions = mode & 07777 & ~at->caller.context->umask;
    struct node *node =
        served ? node_new(MODE_SERVED | permissions, at->caller.who.uid, at->caller.who.gid) : NULL;
    if (node) {
        node->served = served;
        served->file = node;
        node->dev = DEVICE_SERVED;
    } else if (served) {
        served_put(served);
    }
    return node;
}

long vfs_handle_served_make(struct request *req, int pid, uint64_t number, uint32_t flags,
                            uint32_t mode, uint32_t holds, uint64_t size) {
    static struct place at;
    long error = find_place(req, pid, &at);
    if (!error && at.name) {
        error = -EEXIST;
    }
    if (!error) {
        error = access_check(at.owner->directory, &at.caller.who, MAY_WRITE);
    }
    struct node *node = error ? NULL : make_node(req, &at, number, mode);
    if (!node) {
        return error ? error : -ENOMEM;
    }
    node->served->holds = holds;
    node->size = size;
    node_hold(node);
    error = dir_add(at.owner->directory, at.text, at.length, node);
    long fd = error ? error : give(&at, node, flags);
    if (fd >= 0) {
        notify_name(at.owner->directory, at.text, at.length, node, NOTIFY_CREATE, 0);
    } else if (!error) {
        dir_remove(dir_find(at.owner->directory, at.text, at.length));
    }
    node_put(node);
    return fd;
}

long vfs_handle_served_unlink(struct request *req, int pid) {
    static struct place at;
    long error = find_place(req, pid, &at);
    if (!error && !at.name) {
        error = -ENOENT;
    }
    if (!error) {
        error = access_remove(at.owner->directory, at.name->node, &at.caller.who);
    }
    if (error) {
        return error;
    }
    struct node *node = node_hold(at.name->node);
    dir_remove(at.name);
    notify_name(at.owner->directory, at.text, at.length, node, NOTIFY_DELETE, 0);
    notify_node(node, NOTIFY_ATTRIB);
    node_put(node);
    return 0;
}

static void raise(uint64_t *time, uint64_t to) {
    *time = *time < to ? to : *time;
}

/* The file is there as long as the thing: whoever has it open has its node. What utimensat(2) set since stays. */
long vfs_handle_served_times(struct request *req, uint64_t number, uint64_t changed,
                             uint64_t looked) {
    const struct owner *owner = served_owner(req);
    struct served *served = owner ? served_find(owner, number) : NULL;
    struct node *node = served ? served->file : NULL;
    if (!node) {
        return -ESRCH;
    }
    if (changed > served->times_set) {
        raise(&node->atime, changed);
        raise(&node->mtime, changed);
    }
    if (looked > served->times_set) {
        raise(&node->atime, looked);
    }
    raise(&node->ctime, changed > looked ? changed : looked);
    return 0;
}
