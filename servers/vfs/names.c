/* SPDX-License-Identifier: MIT */
/* Making and removing names: mkdirat, mknodat, symlinkat, linkat, unlinkat, readlinkat. */
#include "lookup.h"
#include "notify.h"

#include <stdlib.h>
#include <string.h>

long name_new_node(const struct caller *caller, const struct walk *walk, uint32_t mode,
                   struct node **made) {
    struct node *node = node_new(mode, caller->who.uid, caller->who.gid);
    if (!node) {
        return -ENOMEM;
    }
    if (walk->dir->mode & MODE_SETGID) {
        node->gid = walk->dir->gid;
        node->mode |= node_is_dir(node) ? MODE_SETGID : 0;
    }
    long error = dir_add(walk->dir, walk->last, walk->length, node);
    if (error) {
        node_check(node);
        return error;
    }
    *made = node;
    notify_name(walk->dir, walk->last, walk->length, node, NOTIFY_CREATE, 0);
    return 0;
}

long vfs_handle_mkdirat(struct request *req, int dirfd, uint32_t mode) {
    struct caller caller;
    struct walk walk;
    struct node *node;
    long error = caller_of(req, &caller);
    if (!error) {
        error = walk_at(req, &caller, dirfd, WALK_PARENT | WALK_NAME, &walk);
    }
    /* mkdir of "name/" is fine, but not where name is a link, which then exists. */
    if (!error) {
        error = check_new_name(&walk, &caller);
    }
    if (error) {
        return error;
    }
    return name_new_node(&caller, &walk, MODE_DIRECTORY | (mode & 01777 & ~caller.context->umask),
                         &node);
}

long vfs_handle_mknodat(struct request *req, int dirfd, uint32_t mode, uint64_t device) {
    struct caller caller;
    struct walk walk;
    struct node *node;
    uint32_t type = mode & MODE_TYPE ? mode & MODE_TYPE : MODE_REGULAR;
    long error = caller_of(req, &caller);
    if (error) {
        return error;
    }
    if (type == MODE_DIRECTORY) {
        return -EPERM;
    }
    bool special = type == MODE_CHARACTER || type == MODE_BLOCK;
    if (!special && type != MODE_REGULAR && type != MODE_FIFO && type != MODE_SOCKET) {
        return -EINVAL;
    }
    if (special && caller.who.uid != 0) {
        return -EPERM;
    }
    error = walk_at(req, &caller, dirfd, WALK_PARENT | WALK_NAME, &walk);
    if (!error) {
        error = check_new_name(&walk, &caller);
    }
    if (error || walk.slash) {
        return error ? error : -ENOENT;
    }
    long result =
        name_new_node(&caller, &walk, type | (mode & 07777 & ~caller.context->umask), &node);
    if (result == 0 && special) {
        node->device = device;
    }
    return result;
}

long vfs_handle_symlinkat(struct request *req, int dirfd) {
    struct caller caller;
    struct walk walk;
    const char *path[2];
    struct node *start;
    struct node *node;
    long error = caller_of(req, &caller);
    if (!error) {
        error = read_two_paths(req, path);
    }
    if (!error && path[0][0] == '\0') {
        error = -ENOENT;
    }
    if (!error) {
        error = start_of(&caller, dirfd, path[1], &start);
    }
    if (!error) {
        error = walk_from(req, 1, path[1], start, &caller, WALK_PARENT | WALK_NAME, &walk);
    }
    if (!error) {
        error = check_new_name(&walk, &caller);
    }
    if (error || walk.slash) {
        return error ? error : -ENOENT;
    }
    char *target = strdup(path[0]);
    if (!target) {
        return -ENOMEM;
    }
    long result = name_new_node(&caller, &walk, MODE_SYMLINK | 0777, &node);
    if (result) {
        free(target);
        return result;
    }
    node->target = target;
    node->size = strlen(target);
    return 0;
}

long vfs_handle_linkat(struct request *req, int old_dirfd, int new_dirfd, uint32_t flags) {
    struct caller caller;
    struct walk walk;
    const char *path[2];
    struct node *start;
    uint32_t old_flags = flags & LX_AT_SYMLINK_FOLLOW ? 0 : WALK_NOFOLLOW;
    long error = caller_of(req, &caller);
    if (!error && (flags & ~(LX_AT_SYMLINK_FOLLOW | LX_AT_EMPTY_PATH))) {
        error = -EINVAL;
    }
    if (!error) {
        error = read_two_paths(req, path);
    }
    if (!error) {
        error = start_of(&caller, old_dirfd, path[0], &start);
    }
    if (!error) {
        old_flags |= flags & LX_AT_EMPTY_PATH ? WALK_EMPTY : 0;
        error = walk_from(req, 0, path[0], start, &caller, old_flags, &walk);
    }
    struct node *node = error ? NULL : walk.node;
    if (!error) {
        error = start_of(&caller, new_dirfd, path[1], &start);
    }
    if (!error) {
        error = walk_from(req, 1, path[1], start, &caller, WALK_PARENT | WALK_NAME, &walk);
    }
    if (!error) {
        error = check_new_name(&walk, &caller);
    }
    if (error) {
        return error == -EREMOTE ? -EXDEV : error;
    }
    /* open(2): only root makes a name of a descriptor, which may have come without a path. */
    if ((flags & LX_AT_EMPTY_PATH) && path[0][0] == '\0' && caller.who.uid != 0) {
        return -ENOENT;
    }
    if (node_is_dir(node)) {
        return -EPERM;
    }
    if (node_type(node) == MODE_SERVED) {
        return -EXDEV;
    }
    bool linkable = node_is_regular(node) && node->file.linkable;
    if (walk.slash || (node->nlink == 0 && !linkable)) {
        return -ENOENT;
    }
    error = access_link(node, &caller.who);
    if (error) {
        return error;
    }
    error = dir_add(walk.dir, walk.last, walk.length, node);
    if (!error) {
        if (linkable) {
            node->file.linkable = false; /* once its last name has gone it gets no other */
        }
        notify_node(node, NOTIFY_ATTRIB);
        notify_name(walk.dir, walk.last, walk.length, node, NOTIFY_CREATE, 0);
    }
    return error;
}

/* unlink and rmdir tell apart what may not be removed by its last component and type. */
static long check_removal(const struct walk *walk, const struct caller *caller, bool directory) {
    if (!walk->dir) {
        return !directory        ? -EISDIR
               : walk->dots == 0 ? -EBUSY
               : walk->dots == 1 ? -EINVAL
                                 : -ENOTEMPTY;
    }
    if (walk->slash && !node_is_dir(walk->node)) {
        return -ENOTDIR;
    }
    long error = access_remove(walk->dir, walk->node, &caller->who);
    if (error) {
        return error;
    }
    if (!directory) {
        return node_is_dir(walk->node) ? -EISDIR : 0;
    }
    if (!node_is_dir(walk->node)) {
        return -ENOTDIR;
    }
    return walk->node->dir.remote || walk->node->dir.served ? -EBUSY
           : dir_is_empty(walk->node)                       ? 0
                                                            : -ENOTEMPTY;
}

/* If anybody is to hear of it the node is kept until then. */
static void remove_name(const struct walk *walk) {
    struct node *node = notify_count ? node_hold(walk->node) : NULL;
    dir_remove(dir_find(walk->dir, walk->last, walk->length));
    if (!node) {
        return;
    }
    notify_name(walk->dir, walk->last, walk->length, node, NOTIFY_DELETE, 0);
    if (!node_is_dir(node)) {
        notify_node(node, NOTIFY_ATTRIB);
    }
    node_put(node);
}

long vfs_handle_unlinkat(struct request *req, int dirfd, uint32_t flags) {
    struct caller caller;
    struct walk walk;
    long error = caller_of(req, &caller);
    if (!error && (flags & ~LX_AT_REMOVEDIR)) {
        error = -EINVAL;
    }
    if (!error) {
        error = walk_at(req, &caller, dirfd, WALK_NAME, &walk);
    }
    if (error) {
        return error == -EREMOTE ? -EPERM : error;
    }
    error = check_removal(&walk, &caller, flags & LX_AT_REMOVEDIR);
    if (error) {
        return error;
    }
    remove_name(&walk);
    return 0;
}

long vfs_handle_readlinkat(struct request *req, int dirfd) {
    struct caller caller;
    struct node *node;
    long error = caller_of(req, &caller);
    if (!error) {
        error = node_at(req, &caller, dirfd, LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH, &node);
    }
    if (error) {
        return error;
    }
    uint64_t room = request_out_len(req);
    if (!node_is_symlink(node) || room == 0) {
        return -EINVAL;
    }
    if (!node->target) {
        return -EACCES; /* another user's process's (links.c) */
    }
    node_accessed(node);
    return request_write(req, 0, node->target, node->size < room ? node->size : room);
}
