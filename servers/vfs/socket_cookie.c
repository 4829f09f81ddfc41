/* SPDX-License-Identifier: MIT */
/*
 * Cookies: what a server is to send to a socket of a process's later, at most once. mq_notify(3) with SIGEV_THREAD has
 * the C library wait in recv(2) at a socket of the netlink domain; that is all that such a socket is good for here.
 *
 * The packet is made when it is asked for, so sending it cannot fail. If the socket is closed meanwhile it goes to nobody.
 */
#include "served.h"
#include "socket.h"

#include <stdlib.h>

struct cookie {
    struct hash_node node; /* key: its number */
    struct socket *to;     /* a reference */
    struct packet *packet;
};

static struct hash cookies;

static long socket_of(int pid, int fd, struct caller *caller, struct socket **socket) {
    long error = caller_by_pid(pid, caller);
    if (error) {
        return error;
    }
    const struct file *file = fd_file(caller->context, fd);
    if (!file || (file->flags & LX_O_PATH)) {
        return -EBADF;
    }
    if (file->ops != &socket_ops) {
        return -ENOTSOCK;
    }
    *socket = file->socket;
    return (*socket)->netlink ? 0 : -EINVAL;
}

/* It counts in the socket's own buffer. */
static struct packet *packet_of(const struct request *req, const struct caller *caller,
                                struct socket *socket) {
    struct packet *packet = calloc(1, sizeof(*packet) + VFS_COOKIE_SIZE);
    if (!packet || request_read_all(req, packet->bytes, VFS_COOKIE_SIZE)) {
        free(packet);
        return NULL;
    }
    packet->from = socket_hold(socket);
    packet->who = (struct lx_ucred){caller->who.pid, caller->who.uid, caller->who.gid};
    packet->length = VFS_COOKIE_SIZE;
    socket->sent += VFS_COOKIE_SIZE + PACKET_COST;
    return packet;
}

long vfs_handle_cookie_keep(struct request *req, int pid, int fd) {
    static uint64_t last;
    struct caller caller;
    struct socket *socket;
    long error = socket_of(pid, fd, &caller, &socket);
    struct cookie *cookie = error ? NULL : malloc(sizeof(*cookie));
    if (!cookie) {
        return error ? error : -ENOMEM;
    }
    cookie->packet = packet_of(req, &caller, socket);
    if (!cookie->packet) {
        free(cookie);
        return -ENOMEM;
    }
    cookie->to = socket_hold(socket);
    hash_insert(&cookies, &cookie->node, ++last);
    vfs_results_cookie_keep(&req->msg, last);
    return 0;
}

static void send(struct cookie *cookie, uint8_t end) {
    cookie->packet->bytes[VFS_COOKIE_SIZE - 1] = end;
    if (cookie->to->closed || end == VFS_COOKIE_DROP) {
        packet_free(cookie->packet);
    } else {
        socket_deliver(cookie->to, cookie->packet);
    }
    socket_put(cookie->to);
    hash_remove(&cookies, &cookie->node);
    free(cookie);
}

long vfs_handle_cookie_send(struct request *req, uint64_t number, uint32_t end) {
    struct hash_node *node = hash_find(&cookies, number);
    (void)req;
    if (!node) {
        return -ESRCH;
    }
    send(container_of(node, struct cookie, node), (uint8_t)end);
    socket_work();
    return 0;
}

bool cookies_end_some(unsigned most) {
    static size_t at;
    struct hash_node *node;
    while (most-- > 0 && (node = hash_any(&cookies, &at)) != NULL) {
        send(container_of(node, struct cookie, node), VFS_COOKIE_REMOVED);
    }
    socket_work();
    return cookies.count > 0;
}
