/* SPDX-License-Identifier: MIT */
/* What the process server has to do with terminals: a login's descriptors, and whose a descriptor is. */
#include "lookup.h"
#include "tty.h"

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
    if (error < 0) {
        file_put(file);
        return error;
    }
    own_terminal(walk.node, &caller);
    struct node *old = caller.context->cwd;
    caller.context->cwd = node_hold(tree_root);
    node_put(old);
    error = tty_attach(caller.context, file);
    file_put(file);
    return error;
}

long vfs_handle_terminal(struct request *req, int pid, int fd) {
    struct caller caller;
    int error = caller_by_pid(pid, &caller);
    if (error) {
        return error;
    }
    const struct file *file = fd_file(caller.context, fd);
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    long result = tty_check(file);
    vfs_results_terminal(&req->msg, result < 0 ? 0 : file->tty->opened);
    return result < 0 ? result : file_reads(file) ? VFS_TERMINAL_READS : 0;
}
