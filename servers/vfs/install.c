/* SPDX-License-Identifier: MIT */
/* Descriptors that the process server gives to processes: made-up files, and the console. */
#include "list.h"
#include "lookup.h"
#include "tty.h"

#include <stdlib.h>
#include <string.h>

/* A nameless node with the request's input as its data. */
static struct file *make_file(struct request *req, uint32_t mode) {
    struct node *node = node_new(MODE_REGULAR | (mode & 07777), 0, 0);
    if (!node) {
        return NULL;
    }
    node_hold(node);
    struct file *file = NULL;
    if (data_write(req->token, 0, node, 0, request_in_len(req)) >= 0) {
        file = file_new(node, &regular_ops, LX_O_RDONLY);
    }
    node_put(node);
    return file;
}

/* A first entry of type 0 is not listed: it is the directory's own absolute path. */
static void take_own_path(struct listing *listing, struct node *node) {
    if (listing->size == 0 || listing->content[0] != 0) {
        return;
    }
    node->dir.remote_path = strdup(listing->content + 1);
    listing->first = strlen(listing->content + 1) + 2;
}

static struct file *make_directory(struct request *req, uint32_t mode) {
    struct listing *listing = listing_new(req);
    struct node *node = listing ? node_new(MODE_DIRECTORY | (mode & 07777), 0, 0) : NULL;
    if (!node) {
        free(listing);
        return NULL;
    }
    node_hold(node);
    node->dir.parent = node_hold(tree_root);
    node->dir.remote = true;
    take_own_path(listing, node);
    struct file *file = file_new(node, &listing_ops, LX_O_RDONLY);
    if (file) {
        file->listing = listing;
    } else {
        free(listing);
    }
    node_put(node);
    return file;
}

long vfs_handle_install(struct request *req, int pid, uint32_t kind, uint32_t mode,
                        uint32_t flags) {
    struct caller caller;
    int error = caller_by_pid(pid, &caller);
    if (error) {
        return error;
    }
    struct file *file = kind == VFS_INSTALL_FILE        ? make_file(req, mode)
                        : kind == VFS_INSTALL_DIRECTORY ? make_directory(req, mode)
                                                        : NULL;
    if (!file) {
        return -ENOMEM;
    }
    long fd = fd_install(caller.context, file, 0, flags & LX_O_CLOEXEC);
    if (fd < 0) {
        file_put(file);
    }
    return fd;
}

/* A login's terminal is its user's, whatever the last one made of it (login(1)). */
static void own_terminal(struct node *node, const struct caller *caller) {
    node->uid = caller->who.uid;
    node->mode = MODE_CHARACTER | 0600;
    node->ctime = vfs_now();
}

static int give_standard(struct context *context, struct file *file) {
    int error = 0;
    for (int fd = 0; fd < 3 && !error; fd++) {
        file->refs++;
        error = (int)fd_replace(context, file, fd, false);
        file->refs -= error != 0;
    }
    return error;
}

long vfs_handle_attach_console(struct request *req, int pid) {
    struct caller caller;
    struct walk walk;
    long error = caller_by_pid(pid, &caller);
    (void)req;
    if (!error) {
        error = path_walk("/dev/console", tree_root, &caller.who, 0, &walk);
    }
    if (!error &&
        (node_type(walk.node) != MODE_CHARACTER || device_ops(walk.node->device) != &tty_ops)) {
        error = -ENOTTY;
    }
    if (error) {
        return error;
    }
    struct file *file = file_new(walk.node, &tty_ops, LX_O_RDWR);
    if (!file) {
        return -ENOMEM;
    }
    error = tty_open(client_find((uint64_t)pid), file, LX_O_NOCTTY);
    error = error < 0 ? error : give_standard(caller.context, file);
    file_put(file);
    if (error < 0) {
        return error;
    }
    own_terminal(walk.node, &caller);
    struct node *old = caller.context->cwd;
    caller.context->cwd = node_hold(tree_root);
    node_put(old);
    return tty_attach(caller.context);
}

long vfs_handle_terminal(struct request *req, int pid, int fd) {
    struct caller caller;
    int error = caller_by_pid(pid, &caller);
    (void)req;
    if (error) {
        return error;
    }
    const struct file *file = fd_file(caller.context, fd);
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    long result = tty_check(file);
    return result < 0 ? result : file_reads(file) ? VFS_TERMINAL_READS : 0;
}
