/* SPDX-License-Identifier: MIT */
/* Sending: send(2), sendto(2), sendmsg(2), write(2). */
#include "socket.h"

#include <stdlib.h>
#include <string.h>

#define FLAGS_KNOWN                                                                                \
    (LX_MSG_DONTROUTE | LX_MSG_DONTWAIT | LX_MSG_EOR | LX_MSG_CONFIRM | LX_MSG_NOSIGNAL |          \
     LX_MSG_MORE)
#define AT_ONCE 4 /* packets of a stream that one request makes */

/* What is to be sent, and how far it has come. */
struct send {
    struct socket *from;
    struct socket *to; /* a datagram's; NULL: to the peer. While it waits: a reference */
    uint64_t token;
    uint64_t at; /* where the bytes begin in the caller's buffer */
    uint64_t length;
    uint64_t done;
    struct rights *rights; /* go with the first byte */
    struct lx_ucred who;
    struct waiter_queue *queue; /* where to wait */
};

struct send_wait {
    struct socket_wait wait;
    struct send send;
};

/* A packet with bytes of the caller's, which counts in the sender's buffer from now on; or -ENOMEM, -EFAULT. */
static long packet_new(struct send *send, uint64_t length, struct packet **made) {
    struct packet *packet = malloc(sizeof(*packet) + length);
    if (!packet) {
        return -ENOMEM;
    }
    if (length > 0 && pk_copy_from_caller(send->token, send->at + send->done, packet->bytes,
                                          length) != (long)length) {
        free(packet);
        return -EFAULT;
    }
    struct socket *from = send->from;
    packet->from = socket_hold(from);
    packet->who = send->who;
    packet->rights = send->rights;
    packet->name = from->type == LX_SOCK_DGRAM && from->name ? address_hold(from->name) : NULL;
    packet->length = (uint32_t)length;
    packet->taken = 0;
    send->rights = NULL;
    from->sent += length + PACKET_COST;
    *made = packet;
    return 0;
}

void socket_deliver(struct socket *to, struct packet *packet) {
    list_add_tail(&to->packets, &packet->link);
    to->packet_count++;
    to->packet_bytes += packet->length;
    to->news = true;
    socket_touch(to);
}

/* What part of a stream has room in the buffer, at most so much at once. */
static uint64_t stream_room(const struct send *send) {
    const struct socket *from = send->from;
    uint64_t used = from->sent + PACKET_COST;
    uint64_t room = used < from->send_most ? from->send_most - used : 0;
    uint64_t left = send->length - send->done;
    room = room < left ? room : left;
    return room < PACKET_MOST ? room : PACKET_MOST;
}

/* One packet, or straight to who waits for it; if more is left it waits on, and is tried again at once if it has room. */
static long send_stream(struct send *send) {
    struct socket *from = send->from;
    struct socket *to = from->peer;
    if (from->state != SOCKET_CONNECTED) {
        return -ENOTCONN;
    }
    if (from->shut_write || to->closed) {
        return send->done > 0 ? (long)send->done : -EPIPE;
    }
    if (send->length == 0) {
        return 0;
    }
    if (!send->rights && list_empty(&to->packets)) {
        long direct =
            receive_directly(to, send->token, send->at + send->done, send->length - send->done);
        send->done += (uint64_t)direct;
        if (send->done == send->length) {
            return (long)send->done;
        }
    }
    uint64_t room = stream_room(send);
    send->queue = &from->writers;
    if (room == 0) {
        return SOCKET_WAIT;
    }
    struct packet *packet;
    long error = packet_new(send, room, &packet);
    if (error) {
        return send->done > 0 ? (long)send->done : error;
    }
    socket_deliver(to, packet);
    send->done += room;
    if (send->done == send->length) {
        return (long)send->done;
    }
    socket_touch(from);
    return SOCKET_WAIT;
}

/* Where it goes, or why not. */
static long destination(const struct send *send, struct socket **to) {
    struct socket *from = send->from;
    bool datagram = from->type == LX_SOCK_DGRAM;
    *to = send->to ? send->to : from->peer;
    if (!*to || (!datagram && from->state != SOCKET_CONNECTED)) {
        return -ENOTCONN;
    }
    if (from->shut_write) {
        return -EPIPE;
    }
    if ((*to)->closed) {
        if (datagram && *to == from->peer && !send->to) {
            socket_disconnect(from);
        }
        return datagram ? -ECONNREFUSED : -EPIPE;
    }
    if ((*to)->shut_read) {
        return -EPIPE;
    }
    return datagram && (*to)->peer && (*to)->peer != from ? -EPERM : 0;
}

static long send_packet(struct send *send) {
    struct socket *from = send->from;
    struct socket *to;
    struct packet *packet;
    long error = destination(send, &to);
    uint64_t most = from->send_most < SEND_BUFFER ? from->send_most : SEND_BUFFER;
    if (!error && send->length > most - 32) {
        error = -EMSGSIZE;
    }
    if (error) {
        return error;
    }
    bool full = from->sent > 0 && from->sent + send->length + PACKET_COST > from->send_most;
    if (full || socket_is_stuffed(to, from)) {
        send->queue = full ? &from->writers : &to->crowd;
        return SOCKET_WAIT;
    }
    error = packet_new(send, send->length, &packet);
    if (error) {
        return error;
    }
    socket_deliver(to, packet);
    return (long)send->length;
}

static long send_try(struct send *send) {
    return send->from->type == LX_SOCK_STREAM ? send_stream(send) : send_packet(send);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static struct send_wait *send_of(struct socket_wait *wait) {
    return container_of(wait, struct send_wait, wait);
}

static long send_again(struct socket_wait *wait, struct pk_msg *reply) {
    struct send *send = &send_of(wait)->send;
    struct waiter_queue *before = send->queue;
    (void)reply;
    long result = send_try(send);
    if (result == SOCKET_WAIT && send->queue != before) {
        socket_wait_move(wait, send->queue);
    }
    return result;
}

static long send_cut(struct socket_wait *wait, long error) {
    const struct send *send = &send_of(wait)->send;
    return send->done > 0 ? (long)send->done : error;
}

static void send_release(struct socket_wait *wait) {
    struct send *send = &send_of(wait)->send;
    rights_free(send->rights);
    if (send->to) {
        socket_put(send->to);
    }
    free(send_of(wait));
}

static long send_later(struct request *req, struct file *file, const struct send *send) {
    struct send_wait *wait = malloc(sizeof(*wait));
    if (!wait) {
        rights_free(send->rights);
        return send->done > 0 ? (long)send->done : -ENOMEM;
    }
    wait->send = *send;
    if (send->to) {
        socket_hold(send->to);
    }
    wait->wait.again = send_again;
    wait->wait.cut = send_cut;
    wait->wait.release = send_release;
    return socket_wait(req, file, send->queue, file->socket->send_ns, &wait->wait);
}

/* Sends, or waits: the rights are used up. Behind others that wait a stream must wait, too. */
static long send_now(struct request *req, struct file *file, struct send *send, uint32_t flags) {
    struct socket *from = send->from;
    bool blocks = !(file->flags & LX_O_NONBLOCK) && !(flags & LX_MSG_DONTWAIT);
    bool behind = from->type == LX_SOCK_STREAM && !waiter_queue_empty(&from->writers);
    send->queue = &from->writers;
    long result = behind ? SOCKET_WAIT : send_try(send);
    bool divisible = from->type == LX_SOCK_STREAM && !blocks && !behind;
    for (int i = 1; i < AT_ONCE && divisible && result == SOCKET_WAIT && stream_room(send) > 0;
         i++) {
        result = send_try(send);
    }
    if (result == SOCKET_WAIT && blocks) {
        result = send_later(req, file, send);
    } else {
        rights_free(send->rights);
        result = result == SOCKET_WAIT && send->done > 0 ? (long)send->done : result;
    }
    socket_work();
    return result;
}

static struct send send_of_request(const struct request *req, const struct file *file) {
    return (struct send){.from = file->socket,
                         .token = req->token,
                         .length = request_in_len(req),
                         .who = socket_identity(request_client(req))};
}

long socket_write(struct request *req, struct file *file, int64_t offset) {
    struct send send = send_of_request(req, file);
    (void)offset;
    return send_now(req, file, &send, 0);
}

long vfs_handle_socket_send(struct request *req, int fd, uint32_t flags) {
    struct file *file;
    long error = socket_at(req, fd, &file);
    if (error || (flags & ~FLAGS_KNOWN)) {
        return error ? error : -EOPNOTSUPP;
    }
    struct send send = send_of_request(req, file);
    return send_now(req, file, &send, flags);
}

/* Whose a message may say that it is: the sender's own; root may say anything. */
static long check_identity(const struct request *req, const struct lx_ucred *who) {
    const struct client *client = request_client(req);
    bool own = who->pid == client_pid(client) && who->uid == client->uid && who->gid == client->gid;
    return own || client->uid == 0 ? 0 : -EPERM;
}

/* Whom the message names, if it does. */
static long read_destination(const struct request *req, uint64_t at, uint64_t length,
                             const struct socket *from, struct socket **to) {
    uint8_t bytes[ADDRESS_MOST];
    if (length == 0 || from->type == LX_SOCK_SEQPACKET) {
        return 0;
    }
    if (from->type == LX_SOCK_STREAM) {
        return from->state == SOCKET_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    }
    if (length > ADDRESS_MOST) {
        return -EINVAL;
    }
    if (request_read(req, at, bytes, length) != (long)length) {
        return -EFAULT;
    }
    return socket_named(req, bytes, length, from->type, to);
}

/* The buffer has who it is from, the descriptors, the address and the bytes, one behind the other. */
long vfs_handle_socket_send_message(struct request *req, int fd, uint32_t flags,
                                    uint32_t name_length, uint32_t descriptors, int identity) {
    struct file *file;
    struct lx_ucred who;
    long error = socket_at(req, fd, &file);
    if (error || (flags & ~FLAGS_KNOWN)) {
        return error ? error : -EOPNOTSUPP;
    }
    uint64_t rights_at = identity ? sizeof(who) : 0;
    if (descriptors > RIGHTS_MOST || name_length > ADDRESS_MOST) {
        return -EINVAL;
    }
    uint64_t name_at = rights_at + descriptors * sizeof(int32_t);
    uint64_t at = name_at + name_length;
    if (at > request_in_len(req)) {
        return -EINVAL;
    }
    struct send send = send_of_request(req, file);
    send.at = at;
    send.length -= at;
    error = read_destination(req, name_at, name_length, send.from, &send.to);
    if (!error && identity) {
        error = request_read(req, 0, &who, sizeof(who)) == sizeof(who) ? check_identity(req, &who)
                                                                       : -EFAULT;
        send.who = who;
    }
    if (!error && descriptors > 0) {
        error = rights_new(req, rights_at, (int)descriptors, &send.rights);
    }
    return error ? error : send_now(req, file, &send, flags);
}
