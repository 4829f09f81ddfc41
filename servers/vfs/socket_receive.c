/* SPDX-License-Identifier: MIT */
/* Receiving: recv(2), recvfrom(2), recvmsg(2), read(2). */
#include "socket.h"

#include <stdlib.h>
#include <string.h>

#define FLAGS_KNOWN                                                                                \
    (LX_MSG_PEEK | LX_MSG_TRUNC | LX_MSG_DONTWAIT | LX_MSG_WAITALL | LX_MSG_NOSIGNAL |             \
     LX_MSG_CMSG_CLOEXEC | LX_MSG_DONTROUTE | LX_MSG_EOR)
#define PACKETS_AT_ONCE 32
#define BYTES_AT_ONCE 65536

/* struct cmsghdr and what follows it, as far as room is counted. */
#define CONTROL_HEADER 16
#define IDENTITY_SPACE (CONTROL_HEADER + 16)

/* What is to be received, and how far it has come. */
struct receive {
    struct socket *socket;
    struct client *client;
    uint64_t token;
    uint64_t
        at; /* where the bytes begin in the caller's buffer: behind a struct vfs_received, or 0 */
    uint64_t room;
    uint64_t done;
    uint64_t control; /* bytes of room for control messages */
    uint32_t flags;
    bool told;   /* of the first packet: */
    bool closes; /* its rights are not to be told any more */
    struct lx_ucred who;
    struct address *name;
    struct rights *rights;
    uint32_t result_flags;
};

struct receive_wait {
    struct socket_wait wait;
    struct receive receive;
};

/* ---- Packets --------------------------------------------------------------------------------- */

struct packet *packet_take(struct socket *socket) {
    if (list_empty(&socket->packets)) {
        return NULL;
    }
    struct packet *packet = container_of(socket->packets.next, struct packet, link);
    bool was_stuffed = socket->packet_count > DATAGRAMS_MOST;
    list_remove(&packet->link);
    socket->packet_count--;
    socket->packet_bytes -= packet->length - packet->taken;
    if (was_stuffed && socket->packet_count <= DATAGRAMS_MOST) {
        socket_touch(socket);
        socket_tell_fans(socket);
    }
    return packet;
}

void packet_free(struct packet *packet) {
    struct socket *from = packet->from;
    bool was_writable = socket_is_writable(from);
    from->sent -= packet->length + PACKET_COST;
    if (!from->closed) {
        if (!waiter_queue_empty(&from->writers)) {
            socket_touch(from);
        }
        if (!was_writable && socket_is_writable(from)) {
            poll_wake(&from->pollers, POLL_OUTPUT);
        }
    }
    rights_free(packet->rights);
    if (packet->name) {
        address_put(packet->name);
    }
    socket_put(from);
    free(packet);
}

/* What is told of the first packet that is received: whose it is, and its descriptors. */
static long note(struct receive *r, struct packet *packet) {
    bool peek = r->flags & LX_MSG_PEEK;
    if (!r->told) {
        r->told = true;
        r->who = packet->who;
        r->name = packet->name ? address_hold(packet->name) : NULL;
    }
    if (packet->rights && !r->rights) {
        r->rights = peek ? rights_copy(packet->rights) : packet->rights;
        if (!r->rights) {
            return -ENOMEM;
        }
        packet->rights = peek ? packet->rights : NULL;
    }
    return 0;
}

static bool same_sender(const struct receive *r, const struct packet *packet) {
    return memcmp(&r->who, &packet->who, sizeof(r->who)) == 0;
}

/* ---- Streams --------------------------------------------------------------------------------- */

/* May a packet's bytes follow what was received already? Not if it has descriptors, or another's identity is told. */
static bool may_follow(const struct receive *r, const struct packet *packet) {
    return !r->told ||
           (!packet->rights && !r->rights && (!r->socket->passes || same_sender(r, packet)));
}

/* Bytes of one packet; 0, or an error with nothing taken. */
static long take_bytes(struct receive *r, struct packet *packet) {
    uint64_t left = packet->length - packet->taken;
    uint64_t count = left < r->room - r->done ? left : r->room - r->done;
    if (pk_copy_to_caller(r->token, r->at + r->done, packet->bytes + packet->taken, count) !=
        (long)count) {
        return -EFAULT;
    }
    long error = note(r, packet);
    if (error) {
        return error;
    }
    r->done += count;
    if (r->flags & LX_MSG_PEEK) {
        return 0;
    }
    packet->taken += (uint32_t)count;
    r->socket->packet_bytes -= count;
    if (packet->taken == packet->length) {
        packet_free(packet_take(r->socket));
    }
    return 0;
}

/* What there is at the end of what is there: an error once, the end, or more to wait for. */
static long at_end(struct receive *r) {
    struct socket *socket = r->socket;
    if (r->done > 0 && !(r->flags & LX_MSG_WAITALL)) {
        return (long)r->done;
    }
    if (socket->error) {
        long error = -socket->error;
        socket->error = r->done > 0 ? socket->error : 0;
        return r->done > 0 ? (long)r->done : error;
    }
    return socket->shut_read ? (long)r->done : SOCKET_WAIT;
}

static long receive_stream(struct receive *r) {
    struct socket *socket = r->socket;
    if (socket->state != SOCKET_CONNECTED) {
        return -EINVAL;
    }
    uint64_t began = r->done;
    struct list *at = socket->packets.next;
    for (int i = 0; at != &socket->packets && r->done < r->room; i++) {
        struct packet *packet = container_of(at, struct packet, link);
        at = at->next;
        if (!may_follow(r, packet)) {
            return (long)r->done;
        }
        if (i == PACKETS_AT_ONCE || r->done - began >= BYTES_AT_ONCE) {
            socket_touch(socket);
            return r->flags & LX_MSG_WAITALL ? SOCKET_WAIT : (long)r->done;
        }
        long error = take_bytes(r, packet);
        if (error) {
            return r->done > 0 ? (long)r->done : error;
        }
        if (r->rights) {
            return (long)r->done;
        }
    }
    if (r->done == r->room && (r->room > 0 || socket->packet_count > 0)) {
        return (long)r->done;
    }
    return at_end(r);
}

/* ---- Datagrams, and packets of a connection -------------------------------------------------- */

static long receive_packet(struct receive *r) {
    struct socket *socket = r->socket;
    if (socket->type == LX_SOCK_SEQPACKET && socket->state != SOCKET_CONNECTED) {
        return -ENOTCONN;
    }
    if (list_empty(&socket->packets)) {
        return at_end(r);
    }
    struct packet *packet = container_of(socket->packets.next, struct packet, link);
    uint64_t count = packet->length < r->room ? packet->length : r->room;
    if (count > 0 && pk_copy_to_caller(r->token, r->at, packet->bytes, count) != (long)count) {
        return -EFAULT;
    }
    long error = note(r, packet);
    if (error) {
        return error;
    }
    uint64_t length = packet->length;
    r->result_flags |= count < length ? LX_MSG_TRUNC : 0;
    r->result_flags |= socket->type == LX_SOCK_SEQPACKET ? LX_MSG_EOR : 0;
    if (!(r->flags & LX_MSG_PEEK)) {
        packet_free(packet_take(socket));
    }
    return (long)(r->flags & LX_MSG_TRUNC ? length : count);
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* As many descriptors as there is room for are the caller's; the others are closed. How many. */
static int install(struct receive *r, struct vfs_received *received) {
    uint64_t space = r->control;
    if (received->identity) {
        space = space > IDENTITY_SPACE ? space - IDENTITY_SPACE : 0;
    }
    uint64_t room = space > CONTROL_HEADER ? (space - CONTROL_HEADER) / sizeof(int32_t) : 0;
    int count = 0;
    while (r->rights && count < r->rights->count && (uint64_t)count < room) {
        struct file *file = r->rights->files[count];
        file->refs++;
        long fd = fd_give(r->client->data, file, r->flags & LX_MSG_CMSG_CLOEXEC);
        if (fd < 0) {
            break;
        }
        received->descriptors[count++] = (int32_t)fd;
    }
    if (r->rights && count < r->rights->count) {
        r->result_flags |= LX_MSG_CTRUNC;
    }
    return count;
}

static void take_back(const struct receive *r, const struct vfs_received *received) {
    for (uint32_t i = 0; i < received->count; i++) {
        fd_close(r->client->data, received->descriptors[i]);
    }
}

/* What was received besides bytes goes in front of them. */
static long tell(struct receive *r) {
    static struct vfs_received received;
    received.identity = r->socket->passes && r->told;
    received.count = (uint32_t)install(r, &received);
    received.pid = r->who.pid;
    received.uid = r->who.uid;
    received.gid = r->who.gid;
    received.name_length = r->name ? r->name->length : 0;
    if (r->name) {
        memcpy(received.name, r->name->bytes, r->name->length);
    }
    received.flags = r->result_flags;
    uint64_t length = offsetof(struct vfs_received, descriptors) + received.count * sizeof(int32_t);
    if (pk_copy_to_caller(r->token, 0, &received, length) != (long)length) {
        take_back(r, &received);
        return -EFAULT;
    }
    return 0;
}

static void forget(struct receive *r) {
    rights_free(r->rights);
    if (r->name) {
        address_put(r->name);
    }
    r->rights = NULL;
    r->name = NULL;
}

/* A call that has received all that it will. */
static long finish(struct receive *r, long result) {
    if (result >= 0 && r->at > 0) {
        long error = tell(r);
        result = error ? error : result;
    }
    forget(r);
    return result;
}

static long receive_try(struct receive *r) {
    long result = r->socket->type == LX_SOCK_STREAM ? receive_stream(r) : receive_packet(r);
    return result == SOCKET_WAIT ? result : finish(r, result);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static struct receive_wait *receive_of(struct socket_wait *wait) {
    return container_of(wait, struct receive_wait, wait);
}

static long receive_again(struct socket_wait *wait, struct pk_msg *reply) {
    (void)reply;
    return receive_try(&receive_of(wait)->receive);
}

static long receive_cut(struct socket_wait *wait, long error) {
    struct receive *r = &receive_of(wait)->receive;
    return r->done > 0 ? finish(r, (long)r->done) : error;
}

static void receive_release(struct socket_wait *wait) {
    forget(&receive_of(wait)->receive);
    free(receive_of(wait));
}

static long receive_later(struct request *req, struct file *file, const struct receive *r) {
    struct receive_wait *wait = malloc(sizeof(*wait));
    if (!wait) {
        return -ENOMEM;
    }
    wait->receive = *r;
    wait->wait.again = receive_again;
    wait->wait.cut = receive_cut;
    wait->wait.release = receive_release;
    return socket_wait(req, file, &file->socket->readers, file->socket->receive_ns, &wait->wait);
}

long receive_directly(struct socket *to, uint64_t token, uint64_t at, uint64_t length) {
    struct waiter *waiter = waiter_first(&to->readers);
    struct socket_wait *wait = waiter ? container_of(waiter, struct socket_wait, waiter) : NULL;
    if (!wait || wait->again != receive_again) {
        return 0;
    }
    const struct receive *r = &receive_of(wait)->receive;
    if (r->at > 0 || (r->flags & (LX_MSG_PEEK | LX_MSG_WAITALL))) {
        return 0;
    }
    uint64_t count = length < r->room ? length : r->room;
    count = count < PACKET_MOST ? count : PACKET_MOST;
    if (pk_caller_to_caller(token, at, r->token, 0, count) != (long)count) {
        return 0; /* which of the two has a bad buffer, the way by the queue tells */
    }
    struct file *file = wait->file;
    waiter_finish(waiter, (long)count);
    receive_release(wait);
    file_put(file);
    return (long)count;
}

static long receive_now(struct request *req, struct file *file, struct receive *r) {
    struct socket *socket = file->socket;
    bool blocks = !(file->flags & LX_O_NONBLOCK) && !(r->flags & LX_MSG_DONTWAIT);
    bool behind = !waiter_queue_empty(&socket->readers) && blocks;
    long result = behind ? SOCKET_WAIT : receive_try(r);
    if (result == SOCKET_WAIT) {
        result = blocks        ? receive_later(req, file, r)
                 : r->done > 0 ? finish(r, (long)r->done)
                               : result;
    }
    socket_work();
    return result;
}

static struct receive receive_of_request(const struct request *req, const struct file *file,
                                         uint32_t flags) {
    return (struct receive){.socket = file->socket,
                            .client = request_client(req),
                            .token = req->token,
                            .room = request_out_len(req),
                            .flags = flags & LX_MSG_PEEK ? flags & ~LX_MSG_WAITALL : flags};
}

long socket_read(struct request *req, struct file *file, int64_t offset) {
    struct receive receive = receive_of_request(req, file, 0);
    (void)offset;
    return receive.room == 0 ? 0 : receive_now(req, file, &receive);
}

long vfs_handle_socket_receive(struct request *req, int fd, uint32_t flags) {
    struct file *file;
    long error = socket_at(req, fd, &file);
    if (error || (flags & ~FLAGS_KNOWN)) {
        return error ? error : -EOPNOTSUPP;
    }
    struct receive receive = receive_of_request(req, file, flags);
    return receive_now(req, file, &receive);
}

long vfs_handle_socket_receive_message(struct request *req, int fd, uint32_t flags,
                                       uint64_t control) {
    struct file *file;
    long error = socket_at(req, fd, &file);
    if (error || (flags & ~FLAGS_KNOWN)) {
        return error ? error : -EOPNOTSUPP;
    }
    if (request_out_len(req) < sizeof(struct vfs_received)) {
        return -EINVAL;
    }
    struct receive receive = receive_of_request(req, file, flags);
    receive.at = sizeof(struct vfs_received);
    receive.room -= receive.at;
    receive.control = control;
    return receive_now(req, file, &receive);
}
