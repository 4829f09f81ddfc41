/* SPDX-License-Identifier: MIT */
/*
 * Files and directories that the process server makes up, as open files.
 *
 * This server keeps the descriptor, the offset and the text that is being read, and the process server makes the
 * text. Calls go one way, so it cannot be asked from here: a read that needs a new text gets EREMOTE, the caller
 * asks the process server, that hands the text over (fill), and the caller reads again. A new text is needed at the
 * file's start and wherever a read does not go on where the last one ended; so one pass over the file is one text
 * (as with Linux's seq_file), and the next pass a new one.
 */
#include "remote.h"

#include <stdlib.h>
#include <string.h>

struct made {
    struct vfs_made is;
    char *text; /* NULL: none yet */
    uint64_t size;
    uint64_t next; /* where the last read ended */
    bool fresh;    /* nobody has read from the text yet */
};

/* May the text that is there be read from so far in? Else there must be a new one. */
static bool is_current(struct made *made, uint64_t at) {
    bool current = made->fresh || (made->text && at != 0 && at == made->next);
    made->fresh = false;
    return current;
}

static long made_read(struct request *req, struct file *file, int64_t offset) {
    struct made *made = file->made;
    bool moves = offset == OFFSET_CURRENT;
    if (made->is.memory) {
        return -EMULTIHOP;
    }
    uint64_t at = moves ? file->offset : (uint64_t)offset;
    if (!is_current(made, at)) {
        return -EREMOTE;
    }
    uint64_t count = at < made->size ? made->size - at : 0;
    count = count < request_out_len(req) ? count : request_out_len(req);
    count = count < STEP_BYTES ? count : STEP_BYTES;
    long done = count ? request_write(req, 0, made->text + at, count) : 0;
    if (done < 0) {
        return done;
    }
    made->next = at + (uint64_t)done;
    file->offset = moves ? made->next : file->offset;
    return done;
}

/* What is written elsewhere than at the start has no effect, as in Linux's /proc/sys; else it is for the process server. */
static long made_write(struct request *req, struct file *file, int64_t offset) {
    bool moves = offset == OFFSET_CURRENT;
    if (file->made->is.memory) {
        return -EMULTIHOP;
    }
    if ((moves ? file->offset : (uint64_t)offset) == 0) {
        return -EREMOTE;
    }
    file->offset += moves ? request_in_len(req) : 0;
    return (long)request_in_len(req);
}

static uint32_t made_poll(struct file *file) {
    (void)file;
    return LX_POLLIN | LX_POLLRDNORM;
}

static void made_close(struct file *file) {
    free(file->made->text);
    free(file->made);
}

static const struct file_ops made_ops = {.read = made_read,
                                         .write = made_write,
                                         .poll = made_poll,
                                         .close = made_close,
                                         .seekable = true};
static const struct file_ops listing_ops = {
    .poll = made_poll, .close = made_close, .seekable = true};

bool file_is_listing(const struct file *file) {
    return file->ops == &listing_ops;
}

const char *file_made_path(const struct file *file) {
    return file->ops == &made_ops || file->ops == &listing_ops ? file->made->is.path : NULL;
}

long file_listing(struct file *file, struct listing *listing) {
    struct made *made = file->made;
    bool wanted = made->fresh || (made->text && file->offset != 0);
    made->fresh = false;
    *listing = (struct listing){made->text, made->size};
    return wanted ? 0 : -EREMOTE;
}

static struct node *node_of(const struct vfs_made *is) {
    struct node *node = node_new(is->mode, is->uid, is->gid);
    if (!node) {
        return NULL;
    }
    node_hold(node);
    node->dev = DEVICE_MADE;
    node->ino = is->ino;
    if (!node_is_dir(node)) {
        return node;
    }
    node->dir.parent = node_hold(tree_remote);
    node->dir.remote = true;
    node->dir.remote_path = strdup(is->path);
    if (!node->dir.remote_path) {
        node_put(node);
        return NULL;
    }
    return node;
}

static struct file *file_of(const struct vfs_made *is, struct node *node) {
    if (is->flags & LX_O_PATH) {
        return file_new(node, &path_ops, is->flags);
    }
    struct made *made = calloc(1, sizeof(*made));
    struct file *file = NULL;
    if (made) {
        file = file_new(node, node_is_dir(node) ? &listing_ops : &made_ops, is->flags);
    }
    if (!file) {
        free(made);
        return NULL;
    }
    made->is = *is;
    file->made = made;
    return file;
}

static long give_file(struct context *context, const struct vfs_made *is, struct node *node) {
    struct file *file = file_of(is, node);
    if (!file) {
        return -ENOMEM;
    }
    return fd_give(context, file, is->flags & LX_O_CLOEXEC);
}

long vfs_handle_install(struct request *req, int pid, uint32_t where) {
    struct caller caller;
    struct vfs_made is;
    long error = caller_by_pid(pid, &caller);
    if (!error) {
        error = request_read_all(req, &is, sizeof(is));
    }
    if (error) {
        return error;
    }
    is.path[sizeof(is.path) - 1] = '\0';
    struct node *node = node_of(&is);
    if (!node) {
        return -ENOMEM;
    }
    long result = 0;
    if (where == VFS_INSTALL_DIRECTORY && node_is_dir(node)) {
        struct node *old = caller.context->cwd;
        caller.context->cwd = node_hold(node);
        node_put(old);
    } else {
        result = where == VFS_INSTALL_FILE ? give_file(caller.context, &is, node) : -EINVAL;
    }
    node_put(node);
    return result;
}

/* The file that a process has at a descriptor, if the process server makes it. */
static struct made *made_at(int pid, int fd) {
    struct caller caller;
    if (caller_by_pid(pid, &caller)) {
        return NULL;
    }
    const struct file *file = fd_file(caller.context, fd);
    return file && file_made_path(file) ? file->made : NULL;
}

long vfs_handle_made(struct request *req, int pid, int fd) {
    const struct made *made = made_at(pid, fd);
    return made ? request_write_all(req, &made->is, sizeof(made->is)) : -EBADF;
}

long vfs_handle_fill(struct request *req, int pid, int fd, uint64_t ino, uint64_t birth) {
    struct made *made = made_at(pid, fd);
    uint64_t size = request_in_len(req);
    if (!made || made->is.ino != ino || made->is.birth != birth) {
        return -EBADF; /* another thread has put another there */
    }
    char *text = size <= VFS_TEXT_MOST ? malloc(size + 1) : NULL;
    if (!text) {
        return -ENOMEM;
    }
    long error = size ? request_read_all(req, text, size) : 0;
    if (error) {
        free(text);
        return error;
    }
    text[size] = '\0'; /* whatever a listing says, its last name ends */
    free(made->text);
    made->text = text;
    made->size = size;
    made->fresh = true;
    return 0;
}
