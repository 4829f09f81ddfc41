/* SPDX-License-Identifier: MIT */
/*
 * mq_notify(3). A process is told once, when a message has come to the empty queue and no receiver waited for it.
 *
 * Signals are the process server's, which we may not call: it is notified, and fetches what is to be sent (`notice`). The
 * sender of the message has its answer when that is done: so the signal is there when mq_send(3) returns, on any
 * number of harts.
 */
#include "mq.h"
#include <lib/check.h>
#include <stdlib.h>

#define SIGNALS 64

/* Who is to be told; then, out of its queue, what is to be sent. */
struct registration {
    struct list of_member;
    struct list link;    /* in `notices` */
    struct queue *queue; /* NULL: the message has come */
    const struct client *client;
    uint64_t stamp; /* the client's, when it had closed no descriptor of the queue */
    int how, signal;
    uint64_t value; /* the signal's; or the cookie's number, 0: it has been sent */
    bool execed;    /* the program that asked for the signal is not there any more */
    int sender;
    uint32_t sender_uid;
    bool sender_waits;
    struct waiter waiter; /* the sender */
};

static struct list notices = LIST_INIT(notices); /* to be fetched */
static struct registration *fetched;             /* the one that was last, if it is there still */

/* All of them are in their member's list; what is not in another one is not touched by taking it out. */
static void registration_free(struct registration *r) {
    if (r->queue)
        r->queue->registration = NULL;
    if (fetched == r)
        fetched = NULL;
    if (r->how == MQ_NOTIFY_THREAD && r->value)
        files_cookie_send(r->value, VFS_COOKIE_REMOVED);
    if (r->sender_waits)
        waiter_finish(&r->waiter, 0);
    list_remove(&r->link);
    list_remove(&r->of_member);
    free(r);
}

static long sender_died(struct waiter *waiter, enum waiter_end why) {
    (void)why;
    container_of(waiter, struct registration, waiter)->sender_waits = false;
    return 0;
}

/*
 * Who is registered with the queue, or NULL. That a descriptor was closed we hear from vfs, little at a time; who calls may know it
 * sooner. So, if the client has closed any, vfs is asked.
 */
static struct registration *standing(struct queue *queue) {
    struct registration *r = queue->registration;
    if (!r)
        return NULL;
    uint64_t stamp = files_stamp(client_pid(r->client)); /* before vfs is asked, as in opened.c */
    if (r->stamp != stamp && !files_watched(queue, client_pid(r->client))) {
        registration_free(r);
        return NULL;
    }
    r->stamp = stamp;
    return r;
}

long notify_arrival(struct queue *queue, const struct request *req, struct client *sender) {
    static const struct waiter_ops ops = {.ended = sender_died, .uninterruptible = true};
    if (!queue->registration || queue->messages.count != 1)
        return 0;
    struct registration *r = standing(queue);
    if (!r)
        return 0;
    if (r->how == MQ_NOTIFY_THREAD) {
        files_cookie_send(r->value, VFS_COOKIE_CAME);
        r->value = 0;
    }
    if (r->how != MQ_NOTIFY_SIGNAL || !r->signal || r->execed) {
        registration_free(r);
        return 0;
    }
    queue->registration = NULL;
    r->queue = NULL;
    r->sender = client_pid(sender);
    r->sender_uid = sender->ruid;
    r->sender_waits = req != NULL;
    if (req)
        waiter_init(&r->waiter, req, sender, &ops);
    list_add_tail(&notices, &r->link);
    must(pk_notify(boot_cap("events:proc"), MQ_EVENT_NOTICE));
    return req ? SERVER_DEFER : 0;
}

long mq_handle_notice(struct request *req) {
    if (fetched)
        registration_free(fetched);
    if (list_empty(&notices))
        return -EAGAIN;
    fetched = container_of(notices.next, struct registration, link);
    list_remove(&fetched->link);
    mq_results_notice(&req->msg, client_pid(fetched->client), fetched->signal, fetched->value,
                      fetched->sender, fetched->sender_uid);
    return 0;
}

static long register_client(struct queue *queue, struct client *client, int how, int signal,
                            uint64_t value) {
    struct registration *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->queue = queue;
    r->client = client;
    r->stamp = files_stamp(client_pid(client));
    r->how = how;
    r->signal = signal;
    r->value = value;
    list_init(&r->link);
    list_add_tail(&member_of(client)->registrations, &r->of_member);
    queue->registration = r;
    queue_looked_at(queue);
    files_watch(queue, client_pid(client));
    return 0;
}

/* As Linux looks at it: the cookie, the socket, and then the queue. */
static long notify_thread(struct request *req, struct client *client, int fd, int socket) {
    char cookie[VFS_COOKIE_SIZE];
    uint64_t number;
    long error = request_read_all(req, cookie, sizeof cookie);
    if (error >= 0)
        error = files_cookie(client_pid(client), socket, cookie, &number);
    if (error < 0)
        return error == -ESRCH ? -EBADF : error;
    const struct opened *at = opened_at(client, fd, O_RDWR, &error);
    if (at)
        error = standing(at->queue)
                    ? -EBUSY
                    : register_client(at->queue, client, MQ_NOTIFY_THREAD, 0, number);
    if (error < 0)
        files_cookie_send(number, VFS_COOKIE_DROP);
    return error;
}

long mq_handle_notify(struct request *req, int fd, int how, int signal, uint64_t value) {
    struct client *client = request_client(req);
    long error;
    if (how < MQ_NOTIFY_REMOVE || how > MQ_NOTIFY_THREAD ||
        (how == MQ_NOTIFY_SIGNAL && (signal < 0 || signal > SIGNALS)))
        return -EINVAL;
    if (how == MQ_NOTIFY_THREAD && client)
        return notify_thread(req, client, fd, signal);
    const struct opened *at = opened_at(client, fd, O_RDWR, &error);
    if (!at)
        return error;
    struct registration *r = standing(at->queue);
    if (how == MQ_NOTIFY_REMOVE) {
        if (r && r->client == client) {
            registration_free(r);
            queue_looked_at(at->queue);
        }
        return 0;
    }
    return r ? -EBUSY : register_client(at->queue, client, how, signal, value);
}

void notify_closed(struct queue *queue) {
    if (queue->registration)
        registration_free(queue->registration);
}

void notify_end(struct queue *queue) {
    notify_closed(queue);
}

void notify_execed(struct member *member) {
    for (struct list *at = member->registrations.next; at != &member->registrations; at = at->next)
        container_of(at, struct registration, of_member)->execed = true;
}

void notify_exited(struct member *member) {
    while (!list_empty(&member->registrations))
        registration_free(container_of(member->registrations.next, struct registration, of_member));
}

int notify_pid(struct queue *queue, int *how, int *signal) {
    const struct registration *r = standing(queue);
    *how = r ? r->how : MQ_NOTIFY_NOTHING;
    *signal = r && r->how == MQ_NOTIFY_SIGNAL ? r->signal : 0;
    return r ? client_pid(r->client) : 0;
}

void notify_check(const struct queue *queue) {
    const struct registration *r = queue->registration;
    if (!r)
        return;
    CHECK(r->queue == queue, r);
    CHECK(client_find(r->client->node.key) == r->client, r);
    CHECK(!list_empty(&r->of_member) && list_empty(&r->link), r);
}
