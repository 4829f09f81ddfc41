/* SPDX-License-Identifier: MIT */
/*
 * Directories as open files: getdents64(2) over our own directories and over listings that the
 * process server made up. The file's offset is a cookie: the next entry to give.
 */
#include "list.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 4096 /* of entries, in one call */

/* dirent types (dirent.h) are file types without their low bits. */
static uint8_t type_of(const struct node *node) {
    return (uint8_t)(node_type(node) >> 12);
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

static uint64_t list_directory(struct writer *w, const struct node *dir, uint64_t cookie) {
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

static uint64_t list_listing(struct writer *w, const struct listing *listing, uint64_t cookie) {
    uint64_t at = cookie < listing->first ? listing->first : cookie;
    while (at < listing->size) {
        const char *name = listing->content + at + 1;
        size_t length = strlen(name);
        uint64_t next = at + 1 + length + 1;
        if (!add(w, next, next, (uint8_t)listing->content[at], name, length)) {
            break;
        }
        at = next;
    }
    return at;
}

long vfs_handle_getdents(struct request *req, int fd) {
    struct file *file = fd_file(request_context(req), fd);
    uint64_t room = request_out_len(req);
    struct writer w = {.at = chunk, .room = room < CHUNK ? (size_t)room : CHUNK};
    uint64_t offset;

    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    if (file->ops == &listing_ops) {
        offset = list_listing(&w, file->listing, file->offset);
    } else if (file->ops != &directory_ops) {
        return -ENOTDIR;
    } else if (file->node->nlink == 0) {
        return -ENOENT;
    } else {
        offset = list_directory(&w, file->node, file->offset);
    }
    bool more = file->ops == &listing_ops ? offset < file->listing->size
                                          : dir_at(file->node, offset) != NULL;
    if (w.used == 0) {
        return more ? -EINVAL : 0;
    }
    if (request_write(req, 0, chunk, w.used) < 0) {
        return -EFAULT;
    }
    file->offset = offset;
    file_accessed(file);
    return (long)w.used;
}

/* A listing is well formed if every entry has its NUL. */
struct listing *listing_new(const struct request *req) {
    uint64_t size = request_in_len(req);
    if (size > LISTING_MOST) {
        return NULL;
    }
    struct listing *listing = malloc(sizeof(*listing) + size + 1);
    if (!listing) {
        return NULL;
    }
    listing->first = 0;
    listing->size = size;
    listing->content[size] = '\0';
    if (size > 0 &&
        (request_read_all(req, listing->content, size) || listing->content[size - 1] != '\0')) {
        free(listing);
        return NULL;
    }
    return listing;
}

static uint32_t directory_poll(struct file *file) {
    (void)file;
    return LX_POLLIN | LX_POLLRDNORM;
}

static void listing_close(struct file *file) {
    free(file->listing);
}

static uint32_t path_poll(struct file *file) {
    (void)file;
    return LX_POLLNVAL;
}

const struct file_ops directory_ops = {.poll = directory_poll, .seekable = true};
const struct file_ops listing_ops = {
    .poll = directory_poll,
    .close = listing_close,
    .seekable = true,
};
const struct file_ops path_ops = {.poll = path_poll};
