/* SPDX-License-Identifier: MIT */
/*
 * Callers that wait in a server for their answer.
 *
 * A waiter is embedded in the server's own structure for a blocked request. It is in a queue, in its
 * client's list, where a cancel notice and the end of the process find it, and, with a deadline, in the timer
 * heap. waiter_finish, waiter_remove and the endings below take it out of all of them together.
 *
 * A client has a waiter for each of its threads at most. Most have one; those with more than a few have the rest
 * in a table of tokens, too, where a cancel notice finds them at once. So are those that have no client.
 *
 * Invariant: a token found there belongs to a caller that has not been answered. So a caller whose
 * request was granted is never in it, and a cancel notice that comes too late finds nothing: the
 * caller keeps what it was granted.
 */
#ifndef LIB_WAITER_H
#define LIB_WAITER_H

#include <lib/client.h>
#include <lib/deadline.h>
#include <lib/hash.h>
#include <lib/list.h>
#include <lib/server.h>

/* Why a waiter was ended by the library and not by the server. */
enum waiter_end {
    WAITER_INTERRUPTED, /* a signal: answer -EINTR, usually */
    WAITER_EXPIRED,     /* its deadline passed: answer -EAGAIN or -ETIMEDOUT */
    WAITER_DEAD,        /* the caller is gone: the answer is ignored */
};

struct waiter;

struct waiter_ops {
    /*
     * Called when the library has ended the waiter and taken it out of everything. Undoes what the
     * server did for it, frees the structure around it if it was allocated, and returns the answer.
     */
    long (*ended)(struct waiter *waiter, enum waiter_end why);
    bool uninterruptible; /* a signal does not end it */
};

struct waiter_queue {
    struct list list;
};

struct waiter {
    struct list link;        /* in a queue */
    struct list client_link; /* in client->waiters */
    struct hash_node token;  /* its key is the reply token */
    const struct waiter_ops *ops;
    struct client *client; /* may be 0 */
    struct deadline deadline;
    int32_t priority; /* for waiter_enqueue_priority: higher first */
    bool tabled;      /* its token is in the table */
};

static inline void waiter_queue_init(struct waiter_queue *queue) {
    list_init(&queue->list);
}

static inline bool waiter_queue_empty(const struct waiter_queue *queue) {
    return list_empty(&queue->list);
}

/* The first waiter, or 0. */
static inline struct waiter *waiter_first(const struct waiter_queue *queue) {
    return list_empty(&queue->list) ? 0 : container_of(queue->list.next, struct waiter, link);
}

/* The waiter behind, or 0. */
static inline struct waiter *waiter_next(const struct waiter_queue *queue,
                                         const struct waiter *waiter) {
    return waiter->link.next == &queue->list ? 0
                                             : container_of(waiter->link.next, struct waiter, link);
}

static inline uint64_t waiter_token(const struct waiter *waiter) {
    return waiter->token.key;
}

/* Makes `waiter` stand for the caller of `req`, in no queue yet; the handler returns SERVER_DEFER. */
void waiter_init(struct waiter *waiter, const struct request *req, struct client *client,
                 const struct waiter_ops *ops);

/* Puts it at the tail of a queue. */
static inline void waiter_enqueue(struct waiter_queue *queue, struct waiter *waiter) {
    list_add_tail(&queue->list, &waiter->link);
}

/*
 * Puts it behind the waiters of the same or a higher priority: a walk from the end, a few instructions for each that it
 * stands before, as on Linux.
 */
void waiter_enqueue_priority(struct waiter_queue *queue, struct waiter *waiter);

/*
 * The waiter ends by itself at this time (deadline.h), as WAITER_EXPIRED. Call it after waiter_init.
 * -ENOMEM leaves it without a deadline.
 */
long waiter_set_deadline(struct waiter *waiter, uint64_t at);

/* Takes it out of everything without an answer: the server answers its token itself. */
void waiter_remove(struct waiter *waiter);

/* Takes it out and answers with a result only. */
void waiter_finish(struct waiter *waiter, long result);

/* Called by the loop and the client table. badge: of the caller whose call is to be cancelled. */
void waiter_cancel(uint64_t badge, uint64_t token, uint64_t reason);
void waiter_end_client(struct client *client);

#endif
