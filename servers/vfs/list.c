/* SPDX-License-Identifier: MIT */
/*
 * Directories as open files: getdents64(2) over our own directories and over listings that the
 * process server makes up. The file's offset is a cookie: the next entry to give.
 */
#include "notify.h"
#include "remote.h"

#include <stdio.h>
#include <string.h>

#define CHUNK 4096   /* of entries, in one call */
#define LINK_TYPE 10 /* DT_LNK */

/* dirent types (dirent.h) are file types without their low bits. */
static uint8_t type_of(const struct node *node) {
    return (uint8_t)((node_mode(node) & MODE_TYPE) >> 12);
}

struct writer {
    uint8_t *at;
    size_t room;
    size_t used;
};

static uint8_t chunk[CHUNK];

/* Adds one entry; false if it does not fit. `next` is where the one behind it starts. */
static bool add(struct writer *w, uint64_t ino, uint64_t next, uint8_t type, const char *name,
                size_t length) {
    size_t size = (sizeof(struct lx_dirent) + length + 1 + 7) & ~(size_t)7;
    if (size > w->room - w->used) {
        return false;
    }
    struct lx_dirent entry = {
        .d_ino = ino, .d_off = (int64_t)next, .d_reclen = (uint16_t)size, .d_type = type};
    uint8_t *at = w->at + w->used;
    memset(at, 0, size);
    memcpy(at, &entry, sizeof(entry));
    memcpy(at + sizeof(entry), name, length);
    w->used += size;
    return true;
}

/* "." and "..", which every directory has; how far it came. */
static uint64_t list_self(struct writer *w, const struct node *dir, uint64_t cookie) {
    if (cookie == 0) {
        if (!add(w, dir->ino, 1, type_of(dir), ".", 1)) {
            return cookie;
        }
        cookie = 1;
    }
    if (cookie == 1) {
        if (!add(w, dir->dir.parent->ino, COOKIE_FIRST, type_of(dir), "..", 2)) {
            return cookie;
        }
        cookie = COOKIE_FIRST;
    }
    return cookie < COOKIE_FIRST ? COOKIE_FIRST : cookie;
}

static uint64_t list_directory(struct writer *w, const struct node *dir, uint64_t cookie) {
    struct name *name;
    while ((name = dir_at(dir, cookie)) != NULL) {
        uint64_t next = name->place.key + 1;
        if (!add(w, name->node->ino, next, type_of(name->node), name->text, name->length)) {
            return name->place.key;
        }
        cookie = next;
    }
    return cookie;
}

static uint64_t list_made(struct writer *w, const struct listing *listing, uint64_t cookie) {
    uint64_t at = cookie - COOKIE_FIRST;
    while (at < listing->size) {
        const char *name = listing->names + at + 1;
        size_t length = strlen(name);
        uint64_t next = at + 1 + length + 1;
        if (!add(w, COOKIE_FIRST + next, COOKIE_FIRST + next, (uint8_t)listing->names[at], name,
                 length)) {
            break;
        }
        at = next;
    }
    return COOKIE_FIRST + at;
}

/* A cookie is COOKIE_FIRST and the descriptor. */
static uint64_t list_descriptors(struct writer *w, const struct context *context, uint64_t cookie) {
    int next = (int)(cookie - COOKIE_FIRST), fd;
    char name[16];
    while ((fd = fd_table_next(&context->fds, next, false)) >= 0) {
        int length = snprintf(name, sizeof(name), "%d", fd);
        uint64_t own = COOKIE_FIRST + (unsigned)fd;
        if (!add(w, own, own + 1, LINK_TYPE, name, (size_t)length)) {
            break;
        }
        next = fd + 1;
    }
    return COOKIE_FIRST + (unsigned)next;
}

static const struct context *context_listed(const struct file *file) {
    struct client *client = client_find((uint64_t)file->node->dir.files_of);
    return client ? client->data : NULL;
}

/* What the file's offset leads to: entries, and whether there are more; 0 or an error. */
static long list(struct writer *w, struct file *file, uint64_t *offset, bool *more) {
    struct listing listing;
    const struct context *context;
    if (file->ops == &directory_ops) {
        if (file->node->nlink == 0) {
            return -ENOENT;
        }
        *offset = list_self(w, file->node, file->offset);
        *offset = *offset < COOKIE_FIRST ? *offset : list_directory(w, file->node, *offset);
        *more = dir_at(file->node, *offset) != NULL;
        return 0;
    }
    if (file->ops == &descriptors_ops) {
        context = context_listed(file);
        if (!context) {
            return -ENOENT;
        }
        *offset = list_self(w, file->node, file->offset);
        *offset = *offset < COOKIE_FIRST ? *offset : list_descriptors(w, context, *offset);
        *more = fd_table_next(&context->fds, (int)(*offset - COOKIE_FIRST), false) >= 0;
        return 0;
    }
    if (!file_is_listing(file)) {
        return -ENOTDIR;
    }
    long error = file_listing(file, &listing);
    if (error) {
        return error;
    }
    *offset = list_self(w, file->node, file->offset);
    *offset = *offset < COOKIE_FIRST ? *offset : list_made(w, &listing, *offset);
    *more = *offset - COOKIE_FIRST < listing.size;
    return 0;
}

long vfs_handle_getdents(struct request *req, int fd) {
    struct file *file = fd_file(request_context(req), fd);
    uint64_t room = request_out_len(req);
    struct writer w = {.at = chunk, .room = room < CHUNK ? (size_t)room : CHUNK};
    uint64_t offset;
    bool more;

    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    long error = list(&w, file, &offset, &more);
    if (error) {
        return error;
    }
    if (w.used == 0) {
        return more ? -EINVAL : 0;
    }
    if (request_write(req, 0, chunk, w.used) < 0) {
        return -EFAULT;
    }
    file->offset = offset;
    file_accessed(file);
    notify_node(file->node, NOTIFY_ACCESS);
    return (long)w.used;
}

static uint32_t directory_poll(struct file *file) {
    (void)file;
    return LX_POLLIN | LX_POLLRDNORM;
}

static uint32_t path_poll(struct file *file) {
    (void)file;
    return LX_POLLNVAL;
}

const struct file_ops directory_ops = {.poll = directory_poll, .seekable = true};
const struct file_ops descriptors_ops = {.poll = directory_poll, .seekable = true};
const struct file_ops path_ops = {.poll = path_poll};
