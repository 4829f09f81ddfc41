/* SPDX-License-Identifier: MIT */
/* Files in memory without a name, and their seals: memfd_create(2), fcntl(2). */
#include "lookup.h"
#include "seals.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MOST 249
#define PREFIX "/memfd:"
#define SUFFIX " (deleted)"
#define PAGE 4096ull
#define ALL_SEALS                                                                                  \
    (LX_F_SEAL_SEAL | LX_F_SEAL_SHRINK | LX_F_SEAL_GROW | LX_F_SEAL_WRITE |                        \
     LX_F_SEAL_FUTURE_WRITE | LX_F_SEAL_EXEC)
#define WRITE_SEALS (LX_F_SEAL_WRITE | LX_F_SEAL_FUTURE_WRITE)
#define EXECUTE_BITS 0111u

long seals_check_resize(const struct node *node, uint64_t size) {
    uint8_t seals = node->file.seals;
    bool refused = (size > node->size && (seals & LX_F_SEAL_GROW)) ||
                   (size < node->size && (seals & LX_F_SEAL_SHRINK));
    return refused ? -EPERM : 0;
}

long seals_check_write(const struct node *node) {
    return node->file.seals & WRITE_SEALS ? -EPERM : 0;
}

/* A write goes page by page: up to the first page that would make a file longer which may not grow. */
long seals_check_write_at(const struct node *node, uint64_t at, uint64_t *length) {
    uint64_t size = node->size;
    if (seals_check_write(node)) {
        return -EPERM;
    }
    if (!(node->file.seals & LX_F_SEAL_GROW) || (at <= size && *length <= size - at)) {
        return 0;
    }
    uint64_t end = size & ~(PAGE - 1);
    *length = at < end ? end - at : 0;
    return at < end ? 0 : -EPERM;
}

long seals_check_mode(const struct node *node, uint32_t mode) {
    bool sealed = node_is_regular(node) && (node->file.seals & LX_F_SEAL_EXEC);
    return sealed && ((mode ^ node->mode) & EXECUTE_BITS) ? -EPERM : 0;
}

static bool has_seals(const struct file *file) {
    return node_is_regular(file->node) && file->node->file.memory;
}

/* May somebody have it mapped to write to it? Then there are more references to its object than this server's. */
static bool is_shared(const struct node *node) {
    struct pk_object_info info;
    return node->file.shared && (pk_object_info(node->file.object, &info) < 0 || info.refs > 1);
}

long seals_add(struct request *req, struct file *file, uint64_t seals) {
    struct node *node = file->node;
    if (!has_seals(file) || (seals & ~ALL_SEALS)) {
        return -EINVAL;
    }
    if (!file_writes(file) || (node->file.seals & LX_F_SEAL_SEAL)) {
        return -EPERM;
    }
    if (node->file.busy) {
        return request_wait(req, node->file.busy, NULL);
    }
    if ((seals & LX_F_SEAL_WRITE) && !(node->file.seals & LX_F_SEAL_WRITE) && is_shared(node)) {
        return -EBUSY;
    }
    /* What may not be executed, or never be made so, must not change either. */
    if ((seals & LX_F_SEAL_EXEC) && (node->mode & EXECUTE_BITS)) {
        seals |= LX_F_SEAL_SHRINK | LX_F_SEAL_GROW | WRITE_SEALS;
    }
    node->file.seals |= (uint8_t)seals;
    return 0;
}

long seals_get(const struct file *file) {
    return has_seals(file) ? file->node->file.seals : -EINVAL;
}

/* The name of the request as /proc/PID/fd shows it, in memory of its own. */
static long read_name(const struct request *req, char **name) {
    static char text[sizeof(PREFIX) + NAME_MOST + sizeof(SUFFIX)];
    const char *given;
    long error = read_path(req, &given);
    if (error == -ENAMETOOLONG || (!error && strlen(given) > NAME_MOST)) {
        return -EINVAL;
    }
    if (error) {
        return error;
    }
    strcpy(text, PREFIX);
    strcat(text, given);
    *name = strdup(strcat(text, SUFFIX));
    return *name ? 0 : -ENOMEM;
}

static struct node *memory_node(const struct client *client, uint32_t flags) {
    uint32_t mode = flags & LX_MFD_NOEXEC_SEAL ? 0666 : 0777;
    struct node *node = node_new(MODE_REGULAR | mode, client->uid, client->gid);
    if (node) {
        node->file.memory = true;
        node->file.seals = (uint8_t)(flags & LX_MFD_NOEXEC_SEAL     ? LX_F_SEAL_EXEC
                                     : flags & LX_MFD_ALLOW_SEALING ? 0
                                                                    : LX_F_SEAL_SEAL);
    }
    return node;
}

long vfs_handle_memfd_create(struct request *req, uint32_t flags) {
    const struct client *client = request_client(req);
    bool both = (flags & LX_MFD_EXEC) && (flags & LX_MFD_NOEXEC_SEAL);
    char *name = NULL;
    if (!client) {
        return -EBADF;
    }
    if ((flags & ~(LX_MFD_CLOEXEC | LX_MFD_ALLOW_SEALING | LX_MFD_NOEXEC_SEAL | LX_MFD_EXEC)) ||
        both) {
        return -EINVAL;
    }
    long error = read_name(req, &name);
    if (error) {
        return error;
    }
    struct node *node = memory_node(client, flags);
    if (!node) {
        free(name);
        return -ENOMEM;
    }
    node_hold(node);
    node->removed = name;
    struct file *file = file_new(node, &regular_ops, LX_O_RDWR);
    node_put(node);
    return file ? fd_give(client->data, file, flags & LX_MFD_CLOEXEC) : -ENOMEM;
}
