/* SPDX-License-Identifier: MIT */
/*
 * Sockets of the local domain: unix(7). Why they are here: docs/decisions/sockets-in-vfs.md.
 *
 * What is sent stands as packets in the receiver's queue and counts in the sender's buffer until it has been received.
 * A call that must wait is a struct socket_wait in a queue of a socket; it holds its open file, so a socket that
 * closes has no waiting calls of its own.
 *
 * Whatever may let others go on only marks sockets (socket_touch); socket_work(), at the end of each handler, then goes
 * through those that are marked, a bounded part at once and the rest as a job. So no change calls back into the one
 * that caused it.
 */
#ifndef VFS_SOCKET_H
#define VFS_SOCKET_H

#include <lib/list.h>
#include <lib/waiter.h>

#include "file.h"
#include "lookup.h"
#include "poll.h"

#define ADDRESS_MOST 110   /* struct sockaddr_un */
#define PACKET_COST 64     /* what a packet counts besides its bytes */
#define DATAGRAMS_MOST 10  /* waiting at a socket that is not the sender's own: as Linux has it */
#define SEND_BUFFER 212992 /* bytes, SO_SNDBUF */
#define PACKET_MOST 32768  /* bytes of a stream that one packet has */
#define RIGHTS_MOST 253    /* descriptors in a message */

/* A struct sockaddr_un that a socket has, shared by all who know it. */
struct address {
    uint32_t refs;
    uint32_t length;
    uint8_t bytes[ADDRESS_MOST + 2];
};

/* Descriptors on their way: open files, each with a reference (socket_rights.c). */
struct rights {
    uint32_t uid; /* in whose stead they are on their way */
    int count;
    struct file *files[];
};

struct packet {
    struct list link;
    struct socket *from; /* a reference; in whose buffer it counts */
    struct lx_ucred who;
    struct rights *rights; /* NULL: none */
    struct address *name;  /* the sender's, a datagram's; NULL: none */
    uint32_t length;
    uint32_t taken; /* of a stream's bytes */
    uint8_t bytes[];
};

enum socket_state { SOCKET_FREE, SOCKET_LISTENS, SOCKET_CONNECTED };

struct socket {
    uint32_t
        refs; /* its open file or its place in a listener's queue, its peers, packets from it */
    int type; /* LX_SOCK_* */
    enum socket_state state;
    struct file *file; /* NULL: not accepted yet, or closed */
    bool closed;
    bool shut_read;
    bool shut_write;
    bool passes;         /* SO_PASSCRED */
    bool netlink;        /* for cookies alone (socket_cookie.c) */
    bool news;           /* something came that those who poll are to hear of */
    int error;           /* SO_ERROR, positive */
    struct socket *peer; /* a reference; a datagram's: where it sends to; it may be closed */
    struct lx_ucred is;  /* the peer; a listener's: itself */
    struct address *name;
    struct node *bound;        /* by a path; NULL: not */
    struct hash_node abstract; /* in the table of abstract names, if it has one */
    bool is_abstract;

    struct list packets; /* received */
    uint32_t packet_count;
    uint64_t packet_bytes;
    uint64_t sent; /* bytes that count in its buffer */
    uint64_t send_most;
    uint64_t receive_most; /* told only: the sender's buffer is the limit */
    uint64_t send_ns;      /* how long calls wait; 0: for ever */
    uint64_t receive_ns;
    uint32_t flags; /* options without effect, bit n: option n */

    struct list embryos; /* a listener's: connected and not accepted */
    struct list link;    /* of one of these */
    uint32_t embryo_count;
    uint32_t backlog;

    struct waiter_queue readers; /* who receive, or accept */
    struct waiter_queue writers; /* who send from here, and wait for the buffer */
    struct waiter_queue crowd; /* who send to here, or connect, and wait for room in a queue here */
    struct poll_queue pollers;
    struct list work; /* among those to be looked at */
    struct list fans; /* datagram sockets that send to here */
    struct list fan;

    uint32_t flying;    /* how many references to its file are on their way */
    struct list flight; /* among those that are */
    uint32_t unexplained;
    bool alive;
};

/* A call that waits, in a queue of a socket. */
struct socket_wait {
    struct waiter waiter;
    struct file *file;
    bool timed; /* it has a time-out: a signal ends it for good (signal(7)) */
    /* Another try: the result and the reply's words; SOCKET_WAIT: it waits on. */
    long (*again)(struct socket_wait *wait, struct pk_msg *reply);
    /* What a call gets that a signal or its time ends; it may have come some way. */
    long (*cut)(struct socket_wait *wait, long error);
    void (*release)(struct socket_wait *wait);
};
#define SOCKET_WAIT (-EAGAIN)

extern const struct file_ops socket_ops;

/* Where a request's socket is: -EBADF or -ENOTSOCK. */
long socket_at(const struct request *req, int fd, struct file **file);
struct socket *socket_new(int type);
struct socket *socket_hold(struct socket *socket);
void socket_put(struct socket *socket);
/* A new open file for it, at a descriptor of the context; or an error, and the socket is as before. */
long socket_open(struct context *context, struct socket *socket, uint32_t flags,
                 const struct client *client);
struct lx_ucred socket_identity(const struct client *client);
/* Its end, whether it has an open file or was never accepted. */
void socket_close(struct socket *socket);

/* Something has changed at it by which calls that wait there may go on. */
void socket_touch(struct socket *socket);
void socket_work(void);
/* Puts a call into a queue: SERVER_DEFER, or -ENOMEM and it is released. ns: how long at most, 0: for ever. */
long socket_wait(struct request *req, struct file *file, struct waiter_queue *queue, uint64_t ns,
                 struct socket_wait *wait);
/* It moves to the end of another queue. */
void socket_wait_move(struct socket_wait *wait, struct waiter_queue *queue);

static inline bool socket_is_writable(const struct socket *socket) {
    return socket->sent * 4 <= socket->send_most;
}
/* Does a datagram from there have to wait for those that are here? */
bool socket_is_stuffed(const struct socket *to, const struct socket *from);

/* It is not stuffed any more: who sends there and polls hears of it. */
void socket_tell_fans(struct socket *socket);

/* As operations of the open file. */
long socket_read(struct request *req, struct file *file, int64_t offset);
long socket_write(struct request *req, struct file *file, int64_t offset);

/* socket_name.c */
struct address *address_hold(struct address *address);
void address_put(struct address *address);
/* Whom an address names, for a type of socket: 0, -ECONNREFUSED, -EPROTOTYPE, -EINVAL, or as walk_from(). */
long socket_named(const struct request *req, const uint8_t *address, uint64_t length, int type,
                  struct socket **to);
void socket_unbind(struct socket *socket);

/* socket_connect.c */
long socket_disconnect(struct socket *socket);

/* socket_receive.c: a packet goes, read or not. */
void packet_free(struct packet *packet);
/* The next in the queue, taken out of it. */
struct packet *packet_take(struct socket *socket);
/* Straight into the buffer of a call that waits for bytes; 0: not possible. */
long receive_directly(struct socket *to, uint64_t token, uint64_t at, uint64_t length);

/* socket_send.c: a packet into its queue. */
void socket_deliver(struct socket *to, struct packet *packet);

/* socket_rights.c */
long rights_new(const struct request *req, uint64_t at, int count, struct rights **rights);
struct rights *rights_copy(const struct rights *rights);
void rights_free(struct rights *rights);
/* Sockets that only others on their way know: their queues are emptied, later. */
void rights_collect(void);

#endif
