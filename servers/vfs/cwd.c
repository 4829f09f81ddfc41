/* SPDX-License-Identifier: MIT */
/* Working directories, and canonical paths for the process server's part of the tree. */
#include "lookup.h"

#include <string.h>

static long change_to(struct caller *caller, struct node *node) {
    if (!node_is_dir(node)) {
        return -ENOTDIR;
    }
    long error = access_check(node, &caller->who, MAY_EXECUTE);
    if (error) {
        return error;
    }
    struct node *old = caller->context->cwd;
    caller->context->cwd = node_hold(node);
    node_put(old);
    return 0;
}

/* chroot(2): the working directory stays, even outside. */
long vfs_handle_chroot(struct request *req) {
    struct caller caller;
    struct walk walk;
    long error = caller_of(req, &caller);
    if (!error) {
        error = walk_at(req, &caller, LX_AT_FDCWD, 0, &walk);
    }
    if (error) {
        return error == -EREMOTE ? -EPERM : error;
    }
    if (!node_is_dir(walk.node)) {
        return -ENOTDIR;
    }
    error = access_check(walk.node, &caller.who, MAY_EXECUTE);
    if (error || caller.who.uid != 0) {
        return error ? error : -EPERM;
    }
    struct node *old = caller.context->root;
    caller.context->root = node_hold(walk.node);
    if (old) {
        node_put(old);
    }
    return 0;
}

long vfs_handle_chdir(struct request *req) {
    struct caller caller;
    struct walk walk;
    long error = caller_of(req, &caller);
    if (!error) {
        error = walk_at(req, &caller, LX_AT_FDCWD, 0, &walk);
    }
    return error ? error : change_to(&caller, walk.node);
}

long vfs_handle_fchdir(struct request *req, int fd) {
    struct caller caller;
    long error = caller_of(req, &caller);
    if (error) {
        return error;
    }
    struct file *file = fd_file(caller.context, fd);
    return file ? change_to(&caller, file->node) : -EBADF;
}

long vfs_handle_getcwd(struct request *req) {
    static char path[PATH_LONGEST];
    struct context *context = request_context(req);
    if (!context) {
        return -EBADF;
    }
    long length =
        path_of(context->cwd, context->root ? context->root : tree_root, path, sizeof(path));
    if (length < 0) {
        return length;
    }
    if ((uint64_t)length > request_out_len(req)) {
        return -ERANGE;
    }
    return request_write(req, 0, path, (uint64_t)length);
}

static long give_text(struct request *req, const char *text, size_t length) {
    return length > request_out_len(req) ? -ENAMETOOLONG : request_write(req, 0, text, length);
}

/* In a directory whose files another server makes. */
static long give_new_name(struct request *req, const struct walk *walk) {
    if (walk->node) {
        return -EEXIST;
    }
    return walk->dir && walk->dir->dir.served ? give_text(req, walk->last, walk->length) : -EINVAL;
}

long vfs_handle_resolve(struct request *req, int dirfd, uint32_t flags) {
    struct caller caller;
    struct walk walk;
    long error = caller_of(req, &caller);
    if (error) {
        return error;
    }
    unsigned how = (flags & LX_AT_SYMLINK_NOFOLLOW ? WALK_NOFOLLOW : 0) |
                   (flags & LX_AT_EMPTY_PATH ? WALK_EMPTY : 0);
    if (flags & VFS_RESOLVE_NEW) {
        error = walk_at(req, &caller, dirfd, how | WALK_PARENT, &walk);
        return error ? error : give_new_name(req, &walk);
    }
    error = walk_at(req, &caller, dirfd, how, &walk);
    if (error != -EREMOTE) {
        return error ? error : -EINVAL;
    }
    return give_text(req, walk.remote, strlen(walk.remote));
}
