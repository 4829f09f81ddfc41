/* SPDX-License-Identifier: MIT */
/* Making and connecting sockets: socket(2), socketpair(2), listen(2), connect(2), accept(2), shutdown(2). */
#include "socket.h"

#include <stdlib.h>
#include <string.h>

#define BACKLOG_MOST 4096 /* somaxconn */
#define TYPE_FLAGS (LX_O_CLOEXEC | LX_O_NONBLOCK)

/* What socket(2) and socketpair(2) check; the type without its flags, or an error. */
static long check_kind(int domain, uint32_t type, int protocol) {
    uint32_t plain = type & 0xf;
    if (type & ~(0xfu | TYPE_FLAGS)) {
        return -EINVAL;
    }
    if (domain != LX_AF_UNIX) {
        return -EAFNOSUPPORT;
    }
    if (protocol != 0 && protocol != LX_AF_UNIX) {
        return -EPROTONOSUPPORT;
    }
    switch (plain) {
    case LX_SOCK_RAW: /* as on Linux */
        return LX_SOCK_DGRAM;
    case LX_SOCK_STREAM:
    case LX_SOCK_DGRAM:
    case LX_SOCK_SEQPACKET:
        return (long)plain;
    default:
        return -ESOCKTNOSUPPORT;
    }
}

static long open_new(struct request *req, struct context *context, int type, uint32_t flags) {
    struct socket *socket = socket_new(type);
    if (!socket) {
        return -ENOMEM;
    }
    long fd = socket_open(context, socket, flags, request_client(req));
    if (fd < 0) {
        socket_put(socket);
    }
    return fd;
}

/* As a local one for datagrams, to which nobody but a server sends. */
static long open_netlink(struct request *req, struct context *context, uint32_t type,
                         int protocol) {
    long plain = check_kind(LX_AF_UNIX, type, 0);
    if (plain < 0 || protocol != 0) {
        return plain < 0 ? plain : -EPROTONOSUPPORT;
    }
    if (plain != LX_SOCK_DGRAM) {
        return -ESOCKTNOSUPPORT;
    }
    long fd = open_new(req, context, LX_SOCK_DGRAM, type & TYPE_FLAGS);
    if (fd >= 0) {
        fd_file(context, (int)fd)->socket->netlink = true;
    }
    return fd;
}

long vfs_handle_socket(struct request *req, int domain, uint32_t type, int protocol) {
    struct context *context = request_context(req);
    if (!context) {
        return -EBADF;
    }
    if (domain == LX_AF_NETLINK) {
        return open_netlink(req, context, type, protocol);
    }
    long plain = check_kind(domain, type, protocol);
    return plain < 0 ? plain : open_new(req, context, (int)plain, type & TYPE_FLAGS);
}

/* Each knows the other: one and the other keep a reference. */
static void connect_two(struct socket *one, struct socket *other) {
    one->peer = socket_hold(other);
    other->peer = socket_hold(one);
    one->state = other->state = SOCKET_CONNECTED;
}

long vfs_handle_socket_pair(struct request *req, int domain, uint32_t type, int protocol) {
    struct context *context = request_context(req);
    long plain = check_kind(domain, type, protocol);
    if (!context) {
        return -EBADF;
    }
    if (plain < 0) {
        return plain;
    }
    int32_t pair[2];
    long fd = open_new(req, context, (int)plain, type & TYPE_FLAGS);
    if (fd < 0) {
        return fd;
    }
    pair[0] = (int32_t)fd;
    fd = open_new(req, context, (int)plain, type & TYPE_FLAGS);
    if (fd < 0) {
        fd_close(context, pair[0]);
        return fd;
    }
    pair[1] = (int32_t)fd;
    if (request_write_all(req, pair, sizeof(pair))) {
        fd_close(context, pair[0]);
        fd_close(context, pair[1]);
        return -EFAULT;
    }
    struct socket *one = fd_file(context, pair[0])->socket;
    struct socket *other = fd_file(context, pair[1])->socket;
    connect_two(one, other);
    one->is = other->is = socket_identity(request_client(req));
    return 0;
}

long vfs_handle_socket_listen(struct request *req, int fd, int backlog) {
    struct file *file;
    long error = socket_at(req, fd, &file);
    if (error) {
        return error;
    }
    struct socket *socket = file->socket;
    if (socket->type == LX_SOCK_DGRAM) {
        return -EOPNOTSUPP;
    }
    if (!socket->name || socket->state == SOCKET_CONNECTED) {
        return -EINVAL;
    }
    socket->state = SOCKET_LISTENS;
    socket->backlog = (unsigned)backlog > BACKLOG_MOST ? BACKLOG_MOST : (uint32_t)backlog;
    socket->is = socket_identity(request_client(req));
    socket_touch(socket);
    socket_work();
    return 0;
}

/* ---- Connecting ------------------------------------------------------------------------------ */

struct connect_wait {
    struct socket_wait wait;
    struct socket *to; /* a reference */
};

/* A connection that the listener has not accepted yet; SOCKET_WAIT: there are as many as it wants. */
static long connect_stream(struct socket *socket, struct socket *to, const struct client *client) {
    if (to->closed || to->state != SOCKET_LISTENS || to->shut_read) {
        return -ECONNREFUSED;
    }
    if (socket->state == SOCKET_CONNECTED) {
        return -EISCONN;
    }
    if (socket->state == SOCKET_LISTENS) {
        return -EINVAL;
    }
    if (to->embryo_count > to->backlog) {
        return SOCKET_WAIT;
    }
    struct socket *embryo = socket_new(socket->type);
    if (!embryo) {
        return -ENOMEM;
    }
    connect_two(socket, embryo);
    embryo->name = to->name ? address_hold(to->name) : NULL;
    embryo->is = socket_identity(client);
    embryo->passes = to->passes;
    socket->is = to->is;
    list_add_tail(&to->embryos, &embryo->link);
    to->embryo_count++;
    to->news = true;
    socket_touch(to);
    poll_wake(&socket->pollers, POLL_ANY);
    return 0;
}

static struct connect_wait *connect_of(struct socket_wait *wait) {
    return container_of(wait, struct connect_wait, wait);
}

static long connect_again(struct socket_wait *wait, struct pk_msg *reply) {
    (void)reply;
    return connect_stream(wait->file->socket, connect_of(wait)->to, wait->waiter.client);
}

static long connect_cut(struct socket_wait *wait, long error) {
    (void)wait;
    return error;
}

static void connect_release(struct socket_wait *wait) {
    socket_put(connect_of(wait)->to);
    free(connect_of(wait));
}

static long connect_later(struct request *req, struct file *file, struct socket *to) {
    struct connect_wait *wait = calloc(1, sizeof(*wait));
    if (!wait) {
        return -ENOMEM;
    }
    wait->to = socket_hold(to);
    wait->wait.again = connect_again;
    wait->wait.cut = connect_cut;
    wait->wait.release = connect_release;
    return socket_wait(req, file, &to->crowd, file->socket->send_ns, &wait->wait);
}

long socket_disconnect(struct socket *socket) {
    struct socket *peer = socket->peer;
    if (peer) {
        list_remove(&socket->fan);
        socket->peer = NULL;
        socket_touch(peer);
        socket_put(peer);
    }
    socket->state = SOCKET_FREE;
    poll_wake(&socket->pollers, POLL_ANY);
    return 0;
}

/* From now on it sends there, and nobody else sends here. */
static long connect_datagrams(struct socket *socket, struct socket *to) {
    if (to->peer && to->peer != socket) {
        return -EPERM;
    }
    socket_hold(to);
    socket_disconnect(socket);
    socket->peer = to;
    socket->state = SOCKET_CONNECTED;
    list_add_tail(&to->fans, &socket->fan);
    return 0;
}

static bool is_unspecified(const uint8_t *bytes, uint64_t length) {
    uint16_t family;
    memcpy(&family, bytes, sizeof(family));
    return length >= sizeof(family) && family == LX_AF_UNSPEC;
}

long vfs_handle_socket_connect(struct request *req, int fd) {
    struct file *file;
    struct socket *to;
    uint8_t bytes[ADDRESS_MOST];
    uint64_t length = request_in_len(req);
    long error = socket_at(req, fd, &file);
    if (error || length < sizeof(uint16_t) || length > ADDRESS_MOST) {
        return error ? error : -EINVAL;
    }
    if (request_read_all(req, bytes, length)) {
        return -EFAULT;
    }
    struct socket *socket = file->socket;
    bool datagrams = socket->type == LX_SOCK_DGRAM;
    if (datagrams && is_unspecified(bytes, length)) {
        return socket_disconnect(socket);
    }
    error = socket_named(req, bytes, length, socket->type, &to);
    if (error) {
        return error;
    }
    error =
        datagrams ? connect_datagrams(socket, to) : connect_stream(socket, to, request_client(req));
    if (error == SOCKET_WAIT && !(file->flags & LX_O_NONBLOCK)) {
        return connect_later(req, file, to);
    }
    socket_work();
    return error;
}

/* ---- Accepting ------------------------------------------------------------------------------- */

struct accept_wait {
    struct socket_wait wait;
    uint32_t flags;
    uint64_t room; /* for the address */
};

/* The first connection: its descriptor. What cannot be opened stays where it is. */
static long accept_one(struct socket *socket, uint64_t token, struct client *client, uint32_t flags,
                       uint64_t room, struct pk_msg *reply) {
    static const uint8_t none[sizeof(uint16_t)] = {LX_AF_UNIX};
    if (socket->state != SOCKET_LISTENS) {
        return -EINVAL;
    }
    if (list_empty(&socket->embryos)) {
        return socket->shut_read ? -EINVAL : SOCKET_WAIT;
    }
    struct socket *embryo = container_of(socket->embryos.next, struct socket, link);
    long fd = socket_open(client->data, embryo, flags, client);
    if (fd < 0) {
        return fd;
    }
    list_remove(&embryo->link);
    socket->embryo_count--;
    socket_touch(socket);
    const struct address *name = embryo->peer ? embryo->peer->name : NULL;
    uint64_t length = name ? name->length : sizeof(none);
    uint64_t shown = length < room ? length : room;
    if (shown > 0 && pk_copy_to_caller(token, 0, name ? name->bytes : none, shown) < 0) {
        fd_close(client->data, (int)fd);
        return -EFAULT;
    }
    vfs_results_socket_accept(reply, (uint32_t)length);
    return fd;
}

static struct accept_wait *accept_of(struct socket_wait *wait) {
    return container_of(wait, struct accept_wait, wait);
}

static long accept_again(struct socket_wait *wait, struct pk_msg *reply) {
    return accept_one(wait->file->socket, waiter_token(&wait->waiter), wait->waiter.client,
                      accept_of(wait)->flags, accept_of(wait)->room, reply);
}

static void accept_release(struct socket_wait *wait) {
    free(accept_of(wait));
}

static long accept_later(struct request *req, struct file *file, uint32_t flags) {
    struct accept_wait *wait = calloc(1, sizeof(*wait));
    if (!wait) {
        return -ENOMEM;
    }
    wait->flags = flags;
    wait->room = request_out_len(req);
    wait->wait.again = accept_again;
    wait->wait.cut = connect_cut;
    wait->wait.release = accept_release;
    return socket_wait(req, file, &file->socket->readers, file->socket->receive_ns, &wait->wait);
}

long vfs_handle_socket_accept(struct request *req, int fd, uint32_t flags) {
    struct file *file;
    long result = socket_at(req, fd, &file);
    if (result || (flags & ~TYPE_FLAGS)) {
        return result ? result : -EINVAL;
    }
    if (file->socket->type == LX_SOCK_DGRAM) {
        return -EOPNOTSUPP;
    }
    result = accept_one(file->socket, req->token, request_client(req), flags, request_out_len(req),
                        &req->msg);
    if (result == SOCKET_WAIT && !(file->flags & LX_O_NONBLOCK)) {
        return accept_later(req, file, flags);
    }
    socket_work();
    return result;
}

/* ---- Shutting down --------------------------------------------------------------------------- */

/* What one side does not receive the other need not send, and the other way round. */
long vfs_handle_socket_shutdown(struct request *req, int fd, int how) {
    struct file *file;
    long error = socket_at(req, fd, &file);
    if (error || how < 0 || how > 2) {
        return error ? error : -EINVAL;
    }
    struct socket *socket = file->socket;
    bool reading = how != 1;
    bool writing = how != 0;
    socket->shut_read |= reading;
    socket->shut_write |= writing;
    socket_touch(socket);
    poll_wake(&socket->pollers, POLL_ANY);
    struct socket *peer = socket->type == LX_SOCK_DGRAM ? NULL : socket->peer;
    if (peer && !peer->closed) {
        peer->shut_write |= reading;
        peer->shut_read |= writing;
        socket_touch(peer);
        poll_wake(&peer->pollers, POLL_ANY);
    }
    socket_work();
    return 0;
}
