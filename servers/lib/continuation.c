/* SPDX-License-Identifier: MIT */
/* Requests that go on as jobs; see continuation.h. */
#include <lib/client.h>
#include <lib/continuation.h>
#include <stdlib.h>

static const struct server *server;

void continuation_setup(const struct server *srv) {
    server = srv;
}

/* The caller gets the error if its table has no room for what the reply carries (server.c). */
static void answer(const struct request *req, long result) {
    uint64_t packed = req->msg.caps;
    long error = pk_reply(req->token, result, &req->msg, req->reply_caps);
    if (error < 0 && req->reply_caps)
        server_reply(req->token, error);
    for (unsigned i = 0; req->reply_drops >> i; i++)
        if (req->reply_drops >> i & 1)
            must(pk_cap_drop(0, PK_CAP_AT(packed, i)));
}

static bool step(struct job *job) {
    struct continuation *c = container_of(job, struct continuation, job);
    request_client(&c->req); /* pays for what the step keeps */
    long result = c->ops->step(c);
    if (result == SERVER_DEFER)
        return true;
    waiter_remove(&c->waiter);
    answer(&c->req, result);
    c->ops->release(c);
    return false;
}

static long ended(struct waiter *waiter, enum waiter_end why) {
    struct continuation *c = continuation_of_waiter(waiter);
    job_cancel(&c->job);
    long result = why == WAITER_INTERRUPTED ? c->ops->interrupted(c) : -EINTR;
    c->ops->release(c);
    return result;
}

void continuation_init(struct continuation *c, const struct request *req,
                       const struct continuation_ops *ops) {
    static const struct waiter_ops interruptible = {.ended = ended};
    static const struct waiter_ops steadfast = {.ended = ended, .uninterruptible = true};
    c->ops = ops;
    c->req = *req;
    c->req.caps_left = 0;
    job_init(&c->job, step);
    waiter_init(&c->waiter, req, request_client(req),
                ops->interrupted ? &interruptible : &steadfast);
}

void continuation_drop(struct continuation *c) {
    waiter_remove(&c->waiter);
    job_cancel(&c->job);
    c->ops->release(c);
}

/* A request that is handled again. */
struct retry {
    struct waiter waiter;
    struct job job;
    struct request req;
    struct request_memory *memory;
    bool waits; /* the handler that has just been called wants another try, */
    bool soon;  /* and waits for nothing else */
};

static struct retry *current; /* whose handler is being called */

static void retry_free(struct retry *r) {
    if (r->memory)
        r->memory->release(r->memory);
    free(r);
}

static long retry_ended(struct waiter *waiter, enum waiter_end why) {
    struct retry *r = container_of(waiter, struct retry, waiter);
    (void)why;
    job_cancel(&r->job);
    retry_free(r);
    return -EINTR;
}

/* Anything may be the answer, even that it waits by other means from now on. */
static bool retry_step(struct job *job) {
    struct retry *r = container_of(job, struct retry, job);
    waiter_remove(&r->waiter);
    r->waits = false;
    r->req.reply_caps = r->req.reply_drops = 0;
    current = r;
    long result = server_handle(server, &r->req);
    current = 0;
    if (r->waits)
        return r->soon;
    if (result != SERVER_DEFER)
        answer(&r->req, result);
    retry_free(r);
    return false;
}

static struct retry *retry_new(const struct request *req, struct request_memory *memory) {
    struct retry *r = malloc(sizeof(*r));
    if (!r) {
        if (memory)
            memory->release(memory);
        return 0;
    }
    job_init(&r->job, retry_step);
    r->req = *req;
    r->req.caps_left = 0;
    r->memory = memory;
    return r;
}

long request_wait(const struct request *req, struct waiter_queue *queue,
                  struct request_memory *memory) {
    static const struct waiter_ops ops = {.ended = retry_ended, .uninterruptible = true};
    struct retry *r = current;
    if (r)
        r->memory = memory ? memory : r->memory;
    else
        r = retry_new(req, memory);
    if (!r)
        return -ENOMEM;
    waiter_init(&r->waiter, req, request_client(req), &ops);
    r->waits = true;
    r->soon = !queue;
    if (queue)
        list_add_tail(&queue->list, &r->job.link);
    else if (!current)
        job_queue(&r->job);
    return SERVER_DEFER;
}

struct request_memory *request_memory(void) {
    return current ? current->memory : 0;
}

void request_wake(struct waiter_queue *queue) {
    job_queue_all(&queue->list); /* their links are in it */
}
