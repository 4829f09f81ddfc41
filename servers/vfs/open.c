/* SPDX-License-Identifier: MIT */
/* openat(2) and pipe2(2): from nodes to open files and descriptors. */
#include "lookup.h"
#include "notify.h"
#include "pipe.h"
#include "served.h"

static const uint32_t pipe_flags = LX_O_CLOEXEC | LX_O_NONBLOCK | LX_O_DIRECT;

/* Operations for an open of this node; NULL for a device that does not exist. */
static const struct file_ops *ops_of(const struct node *node, uint32_t flags) {
    if (flags & LX_O_PATH) {
        return &path_ops;
    }
    switch (node_type(node)) {
    case MODE_DIRECTORY:
        return node->dir.files_of ? &descriptors_ops : &directory_ops;
    case MODE_CHARACTER:
        return device_ops(node->device);
    case MODE_FIFO:
        return &pipe_ops;
    case MODE_REGULAR:
        return &regular_ops;
    case MODE_SERVED:
        return &served_file_ops;
    default:
        return NULL;
    }
}

/* What open(2) checks of a file that exists. */
static long check_open(const struct node *node, const struct caller *caller, uint32_t flags) {
    uint32_t mode = flags & LX_O_ACCMODE;
    uint32_t wanted = mode == LX_O_RDONLY   ? MAY_READ
                      : mode == LX_O_WRONLY ? MAY_WRITE
                                            : MAY_READ | MAY_WRITE;
    bool writes = mode != LX_O_RDONLY || (flags & LX_O_TRUNC);

    if ((flags & LX_O_DIRECTORY) && !node_is_dir(node)) {
        return -ENOTDIR;
    }
    if (flags & LX_O_PATH) {
        return 0;
    }
    if (node_is_symlink(node)) {
        return -ELOOP;
    }
    if (node_is_dir(node) && writes) {
        return -EISDIR;
    }
    if (flags & LX_O_TRUNC) {
        wanted |= MAY_WRITE;
    }
    if ((flags & LX_O_NOATIME) && access_owner(node, &caller->who)) {
        return -EPERM;
    }
    long error = access_check(node, &caller->who, wanted);
    return !error && writes && node_is_running(node) ? -ETXTBSY : error;
}

/* A FIFO's pipe lives while an end is open. */
static struct pipe *fifo_pipe(struct node *node) {
    if (!node->pipe) {
        node->pipe = pipe_new();
        if (node->pipe) {
            node->pipe->node = node;
        }
    }
    return node->pipe;
}

static long open_fifo(struct request *req, struct context *context, struct node *node,
                      uint32_t flags) {
    struct pipe *pipe = fifo_pipe(node);
    if (!pipe) {
        return -ENOMEM;
    }
    pipe->refs++;
    long result = -ENXIO;
    bool writes = (flags & LX_O_ACCMODE) == LX_O_WRONLY;
    bool lonely = writes && pipe->readers == 0 && !pipe->unnamed;
    if (!(lonely && (flags & LX_O_NONBLOCK))) {
        struct file *file = file_new(node, &pipe_ops, flags);
        result = file ? fd_install(context, file, 0, flags & LX_O_CLOEXEC) : -ENOMEM;
        if (file) {
            pipe_open(pipe, file);
        }
        if (result >= 0) {
            result = fifo_wait_open(req, file, (int)result);
        } else if (file) {
            file_put(file);
        }
    }
    pipe_put(pipe);
    return result;
}

static long open_node(struct request *req, const struct caller *caller, struct node *node,
                      uint32_t flags) {
    const struct file_ops *ops = ops_of(node, flags);
    if (!ops) {
        return -ENXIO;
    }
    if (ops == &pipe_ops) {
        return open_fifo(req, caller->context, node, flags);
    }
    if ((flags & LX_O_TRUNC) && node_is_regular(node)) {
        bool had_data = node->size > 0;
        long error = data_resize(req, node, 0);
        if (error) {
            return error;
        }
        if (had_data) {
            notify_node(node, NOTIFY_MODIFY);
        }
    }
    struct file *file = file_new(node, ops, flags);
    if (!file) {
        return -ENOMEM;
    }
    long fd = fd_give(caller->context, file, flags & LX_O_CLOEXEC);
    if (fd < 0) {
        return fd;
    }
    long error = ops->open ? ops->open(request_client(req), file, flags) : 0;
    if (error < 0) {
        fd_close(caller->context, (int)fd);
        return error;
    }
    if (!(flags & LX_O_PATH)) {
        notify_node(node, NOTIFY_OPEN);
    }
    return fd;
}

/* O_CREAT of a name that is not there. */
static long create(struct request *req, const struct caller *caller, const struct walk *walk,
                   uint32_t flags, uint32_t mode) {
    if (walk->dir && walk->dir->dir.served) {
        return walk->slash ? -EISDIR : -EREMCHG; /* the caller asks its server */
    }
    long error = check_new_name(walk, caller);
    if (error) {
        return error;
    }
    if (walk->slash) {
        return -EISDIR;
    }
    struct node *node = node_new(MODE_REGULAR | (mode & 07777 & ~caller->context->umask),
                                 caller->who.uid, caller->who.gid);
    if (!node) {
        return -ENOMEM;
    }
    error = dir_add(walk->dir, walk->last, walk->length, node);
    if (error) {
        node_check(node);
        return error;
    }
    notify_name(walk->dir, walk->last, walk->length, node, NOTIFY_CREATE, 0);
    return open_node(req, caller, node, flags & ~LX_O_TRUNC);
}

/* O_TMPFILE: a file without a name in the directory's file system (open(2)). */
static long create_nameless(struct request *req, const struct caller *caller,
                            const struct node *dir, uint32_t flags, uint32_t mode) {
    if (!node_is_dir(dir)) {
        return -ENOTDIR;
    }
    if (dir->dir.served) {
        return -EOPNOTSUPP;
    }
    long error = access_check(dir, &caller->who, MAY_WRITE | MAY_EXECUTE);
    if (error) {
        return error;
    }
    if ((flags & LX_O_ACCMODE) == LX_O_RDONLY) {
        return -EINVAL;
    }
    struct node *node = node_new(MODE_REGULAR | (mode & 07777 & ~caller->context->umask),
                                 caller->who.uid, caller->who.gid);
    if (!node) {
        return -ENOMEM;
    }
    node_hold(node);
    node->file.linkable = !(flags & LX_O_EXCL);
    long fd = open_node(req, caller, node, flags & ~(LX_O_DIRECTORY | LX_O_TRUNC));
    node_put(node);
    return fd;
}

static inline __attribute__((always_inline)) long
open_path(struct request *req, int dirfd, uint32_t flags, uint32_t mode, uint32_t walk_flags) {
    struct caller caller;
    struct walk walk;
    walk_flags |= flags & LX_O_CREAT ? WALK_PARENT : 0;
    long error = caller_of(req, &caller);
    if (error) {
        return error;
    }
    if (flags & LX_O_PATH) {
        flags &= LX_O_PATH | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_CLOEXEC;
    }
    if ((flags & LX_O_ACCMODE) == LX_O_ACCMODE ||
        ((flags & LX_O_CREAT) && (flags & LX_O_DIRECTORY))) {
        return -EINVAL;
    }
    bool exclusive = (flags & (LX_O_CREAT | LX_O_EXCL)) == (LX_O_CREAT | LX_O_EXCL);
    if ((flags & LX_O_NOFOLLOW) || exclusive) {
        walk_flags |= WALK_NOFOLLOW;
    }
    error = walk_at(req, &caller, dirfd, walk_flags, &walk);
    if (error) {
        return error;
    }
    if ((flags & (LX_O_TMPFILE | LX_O_DIRECTORY)) == (LX_O_TMPFILE | LX_O_DIRECTORY)) {
        return create_nameless(req, &caller, walk.node, flags, mode);
    }
    if (!walk.node) {
        return create(req, &caller, &walk, flags, mode);
    }
    if (exclusive) {
        return -EEXIST;
    }
    if ((flags & LX_O_CREAT) && node_is_dir(walk.node)) {
        return -EISDIR;
    }
    if (walk.dir && walk.node->nlink > 1 && !node_is_dir(walk.node)) {
        walk.node->own = dir_find(walk.dir, walk.last, walk.length); /* by which it is open */
    }
    error = check_open(walk.node, &caller, flags);
    return error ? error : open_node(req, &caller, walk.node, flags);
}

long vfs_handle_openat(struct request *req, int dirfd, uint32_t flags, uint32_t mode) {
    return open_path(req, dirfd, flags, mode, 0);
}

/* RESOLVE_CACHED asks for nothing here: all names are in memory. */
long vfs_handle_openat2(struct request *req, int dirfd, uint32_t flags, uint32_t mode,
                        uint32_t resolve) {
    uint32_t walk = (resolve & LX_RESOLVE_NO_XDEV ? WALK_NO_XDEV : 0) |
                    (resolve & LX_RESOLVE_NO_MAGICLINKS ? WALK_NO_MAGIC : 0) |
                    (resolve & LX_RESOLVE_NO_SYMLINKS ? WALK_NO_LINKS : 0) |
                    (resolve & LX_RESOLVE_BENEATH ? WALK_BENEATH : 0) |
                    (resolve & LX_RESOLVE_IN_ROOT ? WALK_IN_ROOT : 0);
    return open_path(req, dirfd, flags, mode, walk);
}

/* A descriptor for one end of a new pipe. */
static long open_end(struct context *context, struct pipe *pipe, struct node *node,
                     uint32_t flags) {
    struct file *file = file_new(node, &pipe_ops, flags);
    if (!file) {
        return -ENOMEM;
    }
    pipe_open(pipe, file);
    return fd_give(context, file, flags & LX_O_CLOEXEC);
}

static long open_both(struct request *req, const struct caller *caller, struct pipe *pipe,
                      struct node *node, uint32_t flags) {
    long reader = open_end(caller->context, pipe, node, flags | LX_O_RDONLY);
    if (reader < 0) {
        return reader;
    }
    long writer = open_end(caller->context, pipe, node, flags | LX_O_WRONLY);
    if (writer < 0) {
        fd_close(caller->context, (int)reader);
        return writer;
    }
    int32_t pair[2] = {(int32_t)reader, (int32_t)writer};
    if (request_write_all(req, pair, sizeof(pair))) {
        fd_close(caller->context, (int)reader);
        fd_close(caller->context, (int)writer);
        return -EFAULT;
    }
    return 0;
}

long vfs_handle_pipe(struct request *req, uint32_t flags) {
    struct caller caller;
    long error = caller_of(req, &caller);
    if (error) {
        return error;
    }
    if (flags & ~pipe_flags) {
        return -EINVAL;
    }
    struct node *node = node_new(MODE_FIFO | 0600, caller.who.uid, caller.who.gid);
    struct pipe *pipe = node ? pipe_new() : NULL;
    long result = -ENOMEM;
    if (pipe) {
        node_hold(node);
        pipe->unnamed = true;
        node->pipe = pipe; /* for who opens it anew by /proc/self/fd */
        pipe->node = node;
        pipe->refs++;
        result = open_both(req, &caller, pipe, node, flags);
        pipe_put(pipe);
        node_put(node);
    } else if (node) {
        node_check(node);
    }
    return result;
}
