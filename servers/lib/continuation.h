/* SPDX-License-Identifier: MIT */
/*
 * Continuations: requests that go on as jobs (lib/job.h) because one handler call would take too long,
 * or because they have to wait for another that does.
 *
 * A handler that has begun one returns SERVER_DEFER. The continuation has the request, and its caller is
 * a waiter like others: the end of the process ends it, wherever it stands; so does a signal if it may.
 *
 * The simplest continuation is the request itself, handled again from its beginning: request_wait().
 * That is right where a handler has changed nothing yet when it finds that it cannot go on.
 */
#ifndef LIB_CONTINUATION_H
#define LIB_CONTINUATION_H

#include <lib/job.h>
#include <lib/server.h>
#include <lib/waiter.h>

struct continuation;

struct continuation_ops {
    /* One step: the answer, with c->req as the reply; or SERVER_DEFER if there is more to do. */
    long (*step)(struct continuation *c);
    /* The last thing that happens to it, answered or not: frees what it has, itself included. */
    void (*release)(struct continuation *c);
    /* What a signal makes of it: its answer. 0: signals do not end it. */
    long (*interrupted)(struct continuation *c);
};

struct continuation {
    struct waiter waiter;
    struct job job;
    const struct continuation_ops *ops;
    struct request req; /* a copy: its capabilities must have been taken before */
};

/* Makes `c` the rest of a request, without a step to do yet: continuation_go(), or a waiter queue. */
void continuation_init(struct continuation *c, const struct request *req,
                       const struct continuation_ops *ops);

/* It has a step to do. */
static inline void continuation_go(struct continuation *c) {
    job_queue(&c->job);
}

/* Ends it without an answer: its caller is gone. */
void continuation_drop(struct continuation *c);

static inline struct continuation *continuation_of_waiter(struct waiter *waiter) {
    return container_of(waiter, struct continuation, waiter);
}

/* Memory of a request that is handled again and again: the head of the server's own structure. */
struct request_memory {
    void (*release)(struct request_memory *memory); /* after the last try, whatever came of it */
};

/*
 * What a handler returns that has changed nothing yet and found it must wait: the caller waits in the
 * queue or, if that is 0, only until others have had their turn. Then the request is handled again, and
 * request_memory() tells it what `memory` (may be 0) it left. Signals do not end it. -ENOMEM: it does not
 * wait, and the memory is released.
 */
long request_wait(const struct request *req, struct waiter_queue *queue,
                  struct request_memory *memory);

/* What the request that is being handled left at an earlier try, or 0. */
struct request_memory *request_memory(void);

/* All that wait in the queue by request_wait are to be handled again, in their order. */
void request_wake(struct waiter_queue *queue);

/* Called by the loop before the first request. */
void continuation_setup(const struct server *srv);

#endif
