/* SPDX-License-Identifier: MIT */
/* The life of sockets, what they are as open files, and the calls that wait at them (socket.h). */
#include "socket.h"

#include <lib/clock.h>
#include <lib/heap.h>
#include <lib/job.h>
#include <stdlib.h>

#define WORK_AT_ONCE 24 /* calls tried again, packets and sockets freed, in one go */

struct socket *socket_new(int type) {
    struct socket *socket = calloc(1, sizeof(*socket));
    if (!socket) {
        return NULL;
    }
    socket->refs = 1;
    socket->type = type;
    socket->is = (struct lx_ucred){0, UINT32_MAX, UINT32_MAX};
    socket->send_most = SEND_BUFFER;
    socket->receive_most = SEND_BUFFER;
    list_init(&socket->packets);
    list_init(&socket->embryos);
    list_init(&socket->link);
    list_init(&socket->work);
    list_init(&socket->fans);
    list_init(&socket->fan);
    list_init(&socket->flight);
    waiter_queue_init(&socket->readers);
    waiter_queue_init(&socket->writers);
    waiter_queue_init(&socket->crowd);
    poll_queue_init(&socket->pollers);
    return socket;
}

struct socket *socket_hold(struct socket *socket) {
    socket->refs++;
    return socket;
}

void socket_put(struct socket *socket) {
    if (--socket->refs > 0) {
        return;
    }
    if (socket->name) {
        address_put(socket->name);
    }
    free(socket);
}

struct lx_ucred socket_identity(const struct client *client) {
    return (struct lx_ucred){client_pid(client), client->uid, client->gid};
}

long socket_at(const struct request *req, int fd, struct file **file) {
    *file = fd_file(request_context(req), fd);
    if (!*file || ((*file)->flags & LX_O_PATH)) {
        return -EBADF;
    }
    return (*file)->ops == &socket_ops ? 0 : -ENOTSOCK;
}

long socket_open(struct context *context, struct socket *socket, uint32_t flags,
                 const struct client *client) {
    struct node *node = node_new(MODE_SOCKET | 0777, client->uid, client->gid);
    if (!node) {
        return -ENOMEM;
    }
    node_hold(node);
    node->dev = DEVICE_MADE;
    struct file *file = file_new(node, &socket_ops, LX_O_RDWR | (flags & LX_O_NONBLOCK));
    node_put(node);
    if (!file) {
        return -ENOMEM;
    }
    long fd = fd_install(context, file, 0, flags & LX_O_CLOEXEC);
    if (fd < 0) {
        file_put(file);
        return fd;
    }
    file->socket = socket;
    socket->file = file;
    return fd;
}

/* ---- Calls that wait ------------------------------------------------------------------------- */

static struct list touched = LIST_INIT(touched);
static bool working;

/* It is looked at later. It has a reference meanwhile. */
void socket_touch(struct socket *socket) {
    if (list_empty(&socket->work)) {
        socket_hold(socket);
        list_add_tail(&touched, &socket->work);
    }
}

static struct socket_wait *wait_of(struct waiter *waiter) {
    return container_of(waiter, struct socket_wait, waiter);
}

static void wait_free(struct socket_wait *wait) {
    struct file *file = wait->file;
    wait->release(wait);
    file_put(file);
}

static long wait_ended(struct waiter *waiter, enum waiter_end why) {
    struct socket_wait *wait = wait_of(waiter);
    struct file *file = wait->file;
    socket_touch(file->socket);
    long error = why == WAITER_EXPIRED ? -EAGAIN : wait->timed ? -EINTR_FINAL : -EINTR;
    long result = why == WAITER_DEAD ? 0 : wait->cut(wait, error);
    wait_free(wait);
    socket_work();
    return result;
}

static const struct waiter_ops wait_ops = {.ended = wait_ended};

long socket_wait(struct request *req, struct file *file, struct waiter_queue *queue, uint64_t ns,
                 struct socket_wait *wait) {
    wait->file = file;
    wait->timed = ns != 0;
    file->refs++;
    waiter_init(&wait->waiter, req, request_client(req), &wait_ops);
    if (ns && waiter_set_deadline(&wait->waiter, clock_after(ns)) < 0) {
        waiter_remove(&wait->waiter);
        wait_free(wait);
        return -ENOMEM;
    }
    waiter_enqueue(queue, &wait->waiter);
    return SERVER_DEFER;
}

void socket_wait_move(struct socket_wait *wait, struct waiter_queue *queue) {
    list_remove(&wait->waiter.link);
    waiter_enqueue(queue, &wait->waiter);
}

/* The first of a queue tries again, at the cost of its own user; true if it has its answer. */
static bool try_first(struct waiter_queue *queue) {
    struct waiter *waiter = waiter_first(queue);
    struct pk_msg reply = {0};
    if (!waiter) {
        return false;
    }
    struct heap *heap = heap_current;
    payer_serve(waiter->client->payer);
    struct socket_wait *wait = wait_of(waiter);
    long result = wait->again(wait, &reply);
    heap_current = heap;
    if (result == SOCKET_WAIT) {
        return waiter_first(queue) !=
               waiter; /* it has moved to another queue: the next one's turn */
    }
    waiter_remove(waiter);
    server_reply_words(waiter_token(waiter), result, &reply);
    wait_free(wait);
    return true;
}

/* One thing that is left of a closed socket goes; true if there may be more. */
static bool purge(struct socket *socket) {
    if (!list_empty(&socket->embryos)) {
        struct socket *embryo = container_of(socket->embryos.next, struct socket, link);
        list_remove(&embryo->link);
        socket_close(embryo);
        return true;
    }
    struct packet *packet = packet_take(socket);
    if (packet) {
        packet_free(packet);
        return true;
    }
    return try_first(&socket->crowd);
}

/* Does one thing; true if something was done. */
static bool work_on(struct socket *socket) {
    if (socket->closed) {
        return purge(socket);
    }
    return try_first(&socket->readers) || try_first(&socket->writers) || try_first(&socket->crowd);
}

static void tell_news(struct socket *socket) {
    if (socket->news && (socket->packet_count > 0 || socket->embryo_count > 0)) {
        poll_wake(&socket->pollers, POLL_INPUT);
    }
    socket->news = false;
}

static bool work_some(void) {
    int left = WORK_AT_ONCE;
    working = true;
    while (left > 0 && !list_empty(&touched)) {
        struct socket *socket = container_of(touched.next, struct socket, work);
        while (left > 0 && work_on(socket)) {
            left--;
        }
        if (left > 0) {
            left--;
            list_remove(&socket->work);
            tell_news(socket);
            socket_put(socket);
        }
    }
    working = false;
    return !list_empty(&touched);
}

static bool work_step(struct job *job) {
    (void)job;
    return work_some();
}

static struct job work_job = {.link = LIST_INIT(work_job.link), .step = work_step};

void socket_work(void) {
    if (!working && !list_empty(&touched) && work_some()) {
        job_queue(&work_job);
    }
}

/* ---- The end --------------------------------------------------------------------------------- */

/* The other side of a connection sees the end; and an error, if something was not read. */
static void hang_up(struct socket *peer, bool unread) {
    peer->shut_read = peer->shut_write = true;
    peer->error = unread ? ECONNRESET : peer->error;
    socket_touch(peer);
    poll_wake(&peer->pollers, POLL_ANY);
}

void socket_close(struct socket *socket) {
    bool unread = socket->packet_count > 0 || !socket->file; /* or it was never accepted */
    bool connected = socket->state == SOCKET_CONNECTED && socket->type != LX_SOCK_DGRAM;
    socket->closed = true;
    socket->file = NULL;
    socket_unbind(socket);
    if (connected && socket->peer && !socket->peer->closed) {
        hang_up(socket->peer, unread);
    }
    if (socket->peer) {
        list_remove(&socket->fan);
        socket_put(socket->peer);
        socket->peer = NULL;
    }
    while (!list_empty(&socket->fans)) { /* they find out when they send */
        list_remove(socket->fans.next);
    }
    socket_touch(socket);
    socket_put(socket);
    rights_collect();
}

static void socket_file_close(struct file *file) {
    if (file->socket) {
        socket_close(file->socket);
        socket_work();
    }
}

/* ---- Who sends datagrams to one that was stuffed ---------------------------------------------- */

#define TOLD_AT_ONCE 16

static struct list to_tell = LIST_INIT(to_tell);

/* Each goes back to the list of whom it sends to, whom it keeps alive. */
static bool tell_step(struct job *job) {
    (void)job;
    for (int i = 0; i < TOLD_AT_ONCE && !list_empty(&to_tell); i++) {
        struct socket *fan = container_of(to_tell.next, struct socket, fan);
        list_remove(&fan->fan);
        list_add_tail(&fan->peer->fans, &fan->fan);
        poll_wake(&fan->pollers, POLL_OUTPUT);
    }
    return !list_empty(&to_tell);
}

static struct job tell_job = {.link = LIST_INIT(tell_job.link), .step = tell_step};

void socket_tell_fans(struct socket *socket) {
    list_move_all(&to_tell, &socket->fans);
    if (tell_step(&tell_job)) {
        job_queue(&tell_job);
    }
}

/* ---- The open file --------------------------------------------------------------------------- */

bool socket_is_stuffed(const struct socket *to, const struct socket *from) {
    return to->type == LX_SOCK_DGRAM && to->peer != from && to->packet_count > DATAGRAMS_MOST;
}

static uint32_t socket_poll(struct file *file) {
    const struct socket *socket = file->socket;
    uint32_t bits = socket->error ? (uint32_t)LX_POLLERR : 0;
    if (socket->state == SOCKET_LISTENS) {
        return bits | (socket->embryo_count > 0 ? POLL_INPUT : 0);
    }
    if (socket->shut_read) {
        bits |= POLL_INPUT | LX_POLLRDHUP;
    }
    if ((socket->shut_read && socket->shut_write) ||
        (socket->type != LX_SOCK_DGRAM && socket->state == SOCKET_FREE)) {
        bits |= LX_POLLHUP;
    }
    bits |= socket->packet_count > 0 ? POLL_INPUT : 0;
    bool stuffed = socket->type == LX_SOCK_DGRAM && socket->peer && !socket->peer->closed &&
                   socket_is_stuffed(socket->peer, socket);
    return bits | (socket_is_writable(socket) && !stuffed ? POLL_OUTPUT : 0);
}

static struct poll_queue *socket_poll_queue(struct file *file) {
    return &file->socket->pollers;
}

static long socket_ioctl(struct request *req, struct file *file, uint32_t request,
                         uint64_t argument) {
    const struct socket *socket = file->socket;
    int32_t value;
    (void)argument;
    if (request == LX_FIONREAD) {
        if (socket->state == SOCKET_LISTENS) {
            return -EINVAL;
        }
        const struct packet *first = container_of(socket->packets.next, struct packet, link);
        value = socket->type == LX_SOCK_STREAM ? (int32_t)socket->packet_bytes
                : socket->packet_count > 0     ? (int32_t)first->length
                                               : 0;
    } else if (request == LX_SIOCOUTQ) {
        value = (int32_t)socket->sent;
    } else {
        return -ENOTTY;
    }
    return request_write(req, 0, &value, sizeof(value)) < 0 ? -EFAULT : 0;
}

const struct file_ops socket_ops = {
    .read = socket_read,
    .write = socket_write,
    .ioctl = socket_ioctl,
    .poll = socket_poll,
    .poll_queue = socket_poll_queue,
    .close = socket_file_close,
};
