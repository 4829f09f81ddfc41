/* SPDX-License-Identifier: MIT */
/* Addresses of sockets: paths and abstract names, bind(2), getsockname(2), getpeername(2). */
#include "socket.h"

#include <lib/hash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAMILY_SIZE sizeof(uint16_t)
#define AUTOMATIC_MOST 0xfffff /* names that bind(2) makes up: five digits */

static struct hash abstract_names;

struct address *address_hold(struct address *address) {
    address->refs++;
    return address;
}

void address_put(struct address *address) {
    if (--address->refs == 0) {
        free(address);
    }
}

static struct address *address_new(const uint8_t *bytes, uint64_t length) {
    struct address *address = calloc(1, sizeof(*address));
    if (address) {
        address->refs = 1;
        address->length = (uint32_t)length;
        memcpy(address->bytes, bytes, length);
    }
    return address;
}

/* FNV-1a; hash.h keys it with the server's secret. */
static uint64_t key_of(const uint8_t *bytes, uint64_t length) {
    uint64_t key = 0xcbf29ce484222325ull;
    for (uint64_t i = 0; i < length; i++) {
        key = (key ^ bytes[i]) * 0x100000001b3ull;
    }
    return key;
}

/* Of two that have the same key the first one hides the other: whoever can make that happen hurts himself only. */
static struct socket *abstract_find(const uint8_t *bytes, uint64_t length) {
    struct hash_node *node = hash_find(&abstract_names, key_of(bytes, length));
    struct socket *socket = node ? container_of(node, struct socket, abstract) : NULL;
    bool same =
        socket && socket->name->length == length && memcmp(socket->name->bytes, bytes, length) == 0;
    return same ? socket : NULL;
}

static bool abstract_is_free(const uint8_t *bytes, uint64_t length) {
    return !hash_find(&abstract_names, key_of(bytes, length));
}

static long check_address(const uint8_t *bytes, uint64_t length) {
    uint16_t family;
    if (length < FAMILY_SIZE || length > ADDRESS_MOST) {
        return -EINVAL;
    }
    memcpy(&family, bytes, sizeof(family));
    return family == LX_AF_UNIX ? 0 : -EINVAL;
}

static bool is_abstract(const uint8_t *bytes, uint64_t length) {
    return length > FAMILY_SIZE && bytes[FAMILY_SIZE] == 0;
}

/* The path of an address, with a NUL, until the next one is asked for. */
static const char *path_of_address(const uint8_t *bytes, uint64_t length) {
    static char path[ADDRESS_MOST];
    memcpy(path, bytes + FAMILY_SIZE, length - FAMILY_SIZE);
    path[length - FAMILY_SIZE] = '\0';
    return path;
}

static long walk_address(const struct request *req, const char *path, const struct caller *caller,
                         uint32_t flags, struct walk *walk) {
    struct node *start;
    long error = start_of(caller, LX_AT_FDCWD, path, &start);
    error = error ? error : walk_from(req, 0, path, start, caller, flags, walk);
    return error == -EREMOTE ? -EACCES : error;
}

static long find_path(const struct request *req, const char *path, struct socket **to) {
    struct caller caller;
    struct walk walk;
    long error = caller_of(req, &caller);
    error = error ? error : walk_address(req, path, &caller, 0, &walk);
    error = error ? error : access_check(walk.node, &caller.who, MAY_WRITE);
    if (error) {
        return error;
    }
    *to = node_type(walk.node) == MODE_SOCKET ? walk.node->socket : NULL;
    return *to ? 0 : -ECONNREFUSED;
}

long socket_named(const struct request *req, const uint8_t *address, uint64_t length, int type,
                  struct socket **to) {
    long error = check_address(address, length);
    if (error || length == FAMILY_SIZE) {
        return -EINVAL;
    }
    if (is_abstract(address, length)) {
        *to = abstract_find(address, length);
        error = *to ? 0 : -ECONNREFUSED;
    } else {
        error = find_path(req, path_of_address(address, length), to);
    }
    return error ? error : (*to)->type == type ? 0 : -EPROTOTYPE;
}

static void take_abstract(struct socket *socket, struct address *address) {
    socket->name = address;
    socket->is_abstract = true;
    hash_insert(&abstract_names, &socket->abstract, key_of(address->bytes, address->length));
}

void socket_unbind(struct socket *socket) {
    if (socket->is_abstract) {
        socket->is_abstract = false;
        hash_remove(&abstract_names, &socket->abstract);
    }
    if (socket->bound) {
        socket->bound->socket = NULL;
        node_put(socket->bound);
        socket->bound = NULL;
    }
}

static long bind_abstract(struct socket *socket, const uint8_t *bytes, uint64_t length) {
    if (!abstract_is_free(bytes, length)) {
        return -EADDRINUSE;
    }
    struct address *address = address_new(bytes, length);
    if (!address) {
        return -ENOMEM;
    }
    take_abstract(socket, address);
    return 0;
}

/* A name of five hexadecimal digits, as Linux makes it up: the next one that is free. */
static long bind_automatically(struct socket *socket) {
    static uint32_t next;
    uint8_t bytes[FAMILY_SIZE + 8] = {LX_AF_UNIX};
    for (int tries = 0; tries < 256; tries++) {
        next = (next + 1) & AUTOMATIC_MOST;
        snprintf((char *)bytes + FAMILY_SIZE + 1, 6, "%05x", (unsigned)next);
        long error = bind_abstract(socket, bytes, FAMILY_SIZE + 6);
        if (error != -EADDRINUSE) {
            return error;
        }
    }
    return -ENOSPC;
}

static long bind_path(struct request *req, struct socket *socket, const uint8_t *bytes,
                      uint64_t length) {
    struct caller caller;
    struct walk walk;
    struct node *node;
    const char *path = path_of_address(bytes, length);
    uint64_t named = FAMILY_SIZE + strlen(path) + 1;
    long error = caller_of(req, &caller);
    error = error ? error : walk_address(req, path, &caller, WALK_PARENT | WALK_NAME, &walk);
    error = error ? error : check_new_name(&walk, &caller);
    if (error || walk.slash) {
        return error == -EEXIST ? -EADDRINUSE : error ? error : -ENOENT;
    }
    struct address *address = address_new(bytes, FAMILY_SIZE + strlen(path));
    if (!address) {
        return -ENOMEM;
    }
    address->length = (uint32_t)named;
    error = name_new_node(&caller, &walk, MODE_SOCKET | (0777 & ~caller.context->umask), &node);
    if (error) {
        address_put(address);
        return error;
    }
    node->socket = socket;
    socket->bound = node_hold(node);
    socket->name = address;
    return 0;
}

/* An address at the start of the request's buffer; its length, or an error. */
static long read_address(const struct request *req, uint8_t *bytes) {
    uint64_t length = request_in_len(req);
    if (length > ADDRESS_MOST) {
        return -EINVAL;
    }
    return length > 0 ? request_read(req, 0, bytes, length) : 0;
}

long vfs_handle_socket_bind(struct request *req, int fd) {
    struct file *file;
    uint8_t bytes[ADDRESS_MOST];
    long error = socket_at(req, fd, &file);
    long length = error ? error : read_address(req, bytes);
    error = length < 0 ? length : check_address(bytes, (uint64_t)length);
    if (error) {
        return error;
    }
    struct socket *socket = file->socket;
    if (length == FAMILY_SIZE) {
        return socket->name ? 0 : bind_automatically(socket);
    }
    if (socket->name) {
        return -EINVAL;
    }
    return is_abstract(bytes, (uint64_t)length) ? bind_abstract(socket, bytes, (uint64_t)length)
                                                : bind_path(req, socket, bytes, (uint64_t)length);
}

long vfs_handle_socket_name(struct request *req, int fd, int peer) {
    static const uint8_t none[FAMILY_SIZE] = {LX_AF_UNIX};
    struct file *file;
    long error = socket_at(req, fd, &file);
    if (error) {
        return error;
    }
    const struct socket *socket = peer ? file->socket->peer : file->socket;
    if (!socket) {
        return -ENOTCONN;
    }
    const struct address *name = socket->name;
    uint64_t length = name ? name->length : FAMILY_SIZE;
    uint64_t room = request_out_len(req) < length ? request_out_len(req) : length;
    if (room > 0 && request_write(req, 0, name ? name->bytes : none, room) < 0) {
        return -EFAULT;
    }
    return (long)length;
}
