/* SPDX-License-Identifier: MIT */
/*
 * Files as memory objects: mmap(2) for processes, programs for the process server's exec. Whoever
 * gets an object gets it with the rights that the open file or the file's mode gives, and no more.
 */
#include "lookup.h"
#include "mapped.h"
#include "path.h"
#include "seals.h"

/* Adds a capability with these rights to the reply. */
static long give_object(struct request *req, struct node *node, uint64_t rights) {
    long object = data_object(node);
    if (object < 0) {
        return object;
    }
    long slot = pk_cap_copy((uint64_t)object, 0, 0, rights | PK_RIGHT_GRANT, 0);
    if (slot < 0) {
        return -ENOMEM;
    }
    mapped_given(node);
    request_give_cap(req, (uint64_t)slot);
    return 0;
}

/* Linux lets any readable file be mapped executable, unless its file system is noexec. */
long vfs_handle_mmap(struct request *req, int fd, uint32_t prot, uint32_t flags) {
    struct file *file = fd_file(request_context(req), fd);
    uint64_t rights = PK_RIGHT_USE | PK_RIGHT_EXECUTE;
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    bool shared = (flags & LX_MAP_TYPE) != 2; /* MAP_SHARED, MAP_SHARED_VALIDATE */
    if (!file_reads(file) || (shared && (prot & LX_PROT_WRITE) && !file_writes(file))) {
        return -EACCES;
    }
    if (device_is_zero(file)) {
        vfs_results_mmap(&req->msg, VFS_MMAP_ZEROS);
        return 0;
    }
    if (!node_is_regular(file->node) || file->ops != &regular_ops) {
        return -ENODEV;
    }
    bool sealed = seals_check_write(file->node) != 0;
    if (shared && sealed && (prot & LX_PROT_WRITE)) {
        return -EPERM;
    }
    if (shared && file_writes(file) && !sealed) {
        rights |= PK_RIGHT_WRITE;
    }
    long error = give_object(req, file->node, rights);
    if (error) {
        return error;
    }
    file->node->file.shared |= rights & PK_RIGHT_WRITE;
    file_accessed(file);
    vfs_results_mmap(&req->msg, file->node->size);
    return 0;
}

static long find_program(struct request *req, const struct caller *caller, int dirfd,
                         uint32_t flags, struct walk *walk) {
    uint32_t walk_flags = flags & LX_AT_SYMLINK_NOFOLLOW ? WALK_NOFOLLOW : 0;
    walk_flags |= flags & LX_AT_EMPTY_PATH ? WALK_EMPTY : 0;
    long error = walk_for_exec(req, caller, dirfd, walk_flags, flags & VFS_EXEC_AGAIN, walk);
    if (error == -EREMOTE) {
        return -EACCES;
    }
    if (!error && node_is_symlink(walk->node)) {
        return -ELOOP;
    }
    if (!error && !node_is_regular(walk->node)) {
        return -EACCES;
    }
    return error ? error : access_check(walk->node, &caller->who, MAY_EXECUTE);
}

static long open_program(struct request *req, const struct caller *caller, int dirfd,
                         uint32_t flags) {
    struct walk walk;
    long error = find_program(req, caller, dirfd, flags, &walk);
    if (error) {
        return error;
    }
    struct node *node = walk.node;
    if (node->file.writers > 0) {
        return -ETXTBSY;
    }
    if (node->size == 0) {
        return -ENOEXEC;
    }
    long result = give_object(req, node, PK_RIGHT_USE | PK_RIGHT_EXECUTE);
    if (result) {
        return result;
    }
    if (!(flags & VFS_EXEC_LOADER)) {
        context_starts(caller->context, node);
    }
    node_accessed(node);
    vfs_results_exec_open(&req->msg, node->size, node->mode, node->uid, node->gid, node->ino);
    return 0;
}

long vfs_handle_exec_open(struct request *req, int pid, int dirfd, uint32_t flags) {
    struct caller caller;
    long result = caller_by_pid(pid, &caller);
    if (result) {
        return result;
    }
    result = open_program(req, &caller, dirfd, flags);
    if (result != -EAGAIN) {
        exec_walk_end(caller.context);
    }
    return result;
}
