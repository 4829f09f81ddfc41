/* SPDX-License-Identifier: MIT */
/* What is set and told of sockets: getsockopt(2), setsockopt(2). */
#include "socket.h"

#include <string.h>

#define BUFFER_LEAST 4608 /* told, twice what counts */
#define SECOND_NS 1000000000ull
#define MICROSECOND_NS 1000ull
#define MICROSECONDS 1000000

/* Options that are kept and have no effect here. */
#define WITHOUT_EFFECT                                                                             \
    (1u << LX_SO_DEBUG | 1u << LX_SO_REUSEADDR | 1u << LX_SO_DONTROUTE | 1u << LX_SO_BROADCAST |   \
     1u << LX_SO_KEEPALIVE | 1u << LX_SO_OOBINLINE)

static bool has_no_effect(int name) {
    return name >= 0 && name < 32 && (WITHOUT_EFFECT >> name & 1);
}

struct timeval_64 {
    int64_t seconds;
    int64_t microseconds;
};

static int32_t clear_error(struct socket *socket) {
    int32_t error = socket->error;
    socket->error = 0;
    return error;
}

/* An option that is a number: true and *value. */
static bool number_of(struct socket *socket, int name, int32_t *value) {
    switch (name) {
    case LX_SO_TYPE:
        *value = socket->type;
        return true;
    case LX_SO_ERROR:
        *value = clear_error(socket);
        return true;
    case LX_SO_SNDBUF:
        *value = (int32_t)socket->send_most;
        return true;
    case LX_SO_RCVBUF:
        *value = (int32_t)socket->receive_most;
        return true;
    case LX_SO_PASSCRED:
        *value = socket->passes;
        return true;
    case LX_SO_ACCEPTCONN:
        *value = socket->state == SOCKET_LISTENS;
        return true;
    case LX_SO_DOMAIN:
        *value = socket->netlink ? LX_AF_NETLINK : LX_AF_UNIX;
        return true;
    case LX_SO_PROTOCOL:
        *value = 0;
        return true;
    case LX_SO_RCVLOWAT:
        *value = 1;
        return true;
    default:
        *value = has_no_effect(name) && (socket->flags >> name & 1);
        return has_no_effect(name);
    }
}

static struct timeval_64 time_of(uint64_t ns) {
    return (struct timeval_64){(int64_t)(ns / SECOND_NS),
                               (int64_t)(ns % SECOND_NS / MICROSECOND_NS)};
}

/* As much as there is room for; how much. */
static long give(struct request *req, const void *value, uint64_t length) {
    uint64_t count = request_out_len(req) < length ? request_out_len(req) : length;
    return count > 0 ? request_write(req, 0, value, count) : 0;
}

/* The socket of the caller's whose options of that level are asked for. */
static long socket_with_options(struct request *req, int fd, int level, struct socket **socket) {
    struct file *file;
    long error = socket_at(req, fd, &file);
    if (error) {
        return error;
    }
    *socket = file->socket;
    return level == LX_SOL_SOCKET ? 0 : -EOPNOTSUPP;
}

long vfs_handle_socket_get_option(struct request *req, int fd, int level, int name) {
    struct socket *socket;
    int32_t value;
    long error = socket_with_options(req, fd, level, &socket);
    if (error) {
        return error;
    }
    if (number_of(socket, name, &value)) {
        return give(req, &value, sizeof(value));
    }
    if (name == LX_SO_PEERCRED) {
        bool known = socket->state == SOCKET_CONNECTED;
        struct lx_ucred none = {0, UINT32_MAX, UINT32_MAX};
        return give(req, known ? &socket->is : &none, sizeof(none));
    }
    if (name == LX_SO_RCVTIMEO || name == LX_SO_SNDTIMEO) {
        struct timeval_64 time =
            time_of(name == LX_SO_RCVTIMEO ? socket->receive_ns : socket->send_ns);
        return give(req, &time, sizeof(time));
    }
    if (name == LX_SO_LINGER) {
        int32_t none[2] = {0, 0};
        return give(req, none, sizeof(none));
    }
    return -ENOPROTOOPT;
}

/* Linux counts what it keeps of a packet, too, and tells twice what was asked for. */
static uint64_t buffer_of(int32_t asked) {
    uint64_t most = asked < 0 || asked > SEND_BUFFER ? SEND_BUFFER : (uint64_t)asked;
    return 2 * most < BUFFER_LEAST ? BUFFER_LEAST : 2 * most;
}

static long set_time(struct request *req, uint64_t *ns) {
    struct timeval_64 time;
    if (request_in_len(req) < sizeof(time)) {
        return -EINVAL;
    }
    if (request_read(req, 0, &time, sizeof(time)) != sizeof(time)) {
        return -EFAULT;
    }
    if (time.microseconds < 0 || time.microseconds >= MICROSECONDS) {
        return -EDOM;
    }
    bool none = time.seconds < 0 || (uint64_t)time.seconds > INT64_MAX / SECOND_NS - 1;
    *ns = none ? 0
               : (uint64_t)time.seconds * SECOND_NS + (uint64_t)time.microseconds * MICROSECOND_NS;
    return 0;
}

static long set_number(struct socket *socket, int name, int32_t value) {
    switch (name) {
    case LX_SO_SNDBUF:
        socket->send_most = buffer_of(value);
        socket_touch(socket);
        socket_work();
        return 0;
    case LX_SO_RCVBUF:
        socket->receive_most = buffer_of(value);
        return 0;
    case LX_SO_PASSCRED:
        socket->passes = value != 0;
        return 0;
    case LX_SO_RCVLOWAT:
    case LX_SO_LINGER:
        return 0;
    default:
        if (!has_no_effect(name)) {
            return -ENOPROTOOPT;
        }
        socket->flags = value ? socket->flags | 1u << name : socket->flags & ~(1u << name);
        return 0;
    }
}

long vfs_handle_socket_set_option(struct request *req, int fd, int level, int name) {
    struct socket *socket;
    int32_t value;
    long error = socket_with_options(req, fd, level, &socket);
    if (error) {
        return error;
    }
    if (name == LX_SO_RCVTIMEO || name == LX_SO_SNDTIMEO) {
        return set_time(req, name == LX_SO_RCVTIMEO ? &socket->receive_ns : &socket->send_ns);
    }
    if (request_in_len(req) < sizeof(value)) {
        return -EINVAL;
    }
    if (request_read(req, 0, &value, sizeof(value)) != sizeof(value)) {
        return -EFAULT;
    }
    return set_number(socket, name, value);
}
