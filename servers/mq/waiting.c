/* SPDX-License-Identifier: MIT */
/* Callers that wait at a queue; each pays for its own record. */
#include "mq.h"
#include <stdlib.h>

/* Only who has one can have it copied. */
static __attribute__((noinline)) void free_message(struct waiting *waiting) {
    if (waiting->copies)
        job_cancel(&waiting->job);
    free(waiting->message);
}

void waiting_free(struct waiting *waiting) {
    if (waiting->message)
        free_message(waiting);
    queue_put(waiting->queue);
    free(waiting);
}

static long ended(struct waiter *waiter, enum waiter_end why) {
    waiting_free(waiting_of(waiter));
    return why == WAITER_EXPIRED ? -ETIMEDOUT : -EINTR;
}

struct waiting *waiting_new(struct request *req, struct client *client, struct queue *queue,
                            int64_t deadline) {
    static const struct waiter_ops ops = {.ended = ended};
    struct waiting *waiting = malloc(sizeof *waiting);
    if (!waiting)
        return NULL;
    queue->holds++;
    waiting->queue = queue;
    waiting->message = NULL;
    waiting->length = 0;
    waiting->deadline = deadline;
    waiting->copies = false;
    waiter_init(&waiting->waiter, req, client, &ops);
    return waiting;
}

static long set_deadline(struct waiting *waiting) {
    uint64_t at = (uint64_t)waiting->deadline | TIME_REAL;
    return deadline_has_come(at) ? -ETIMEDOUT : waiter_set_deadline(&waiting->waiter, at);
}

#define WEIGHT_BITS 20
_Static_assert(PK_WEIGHT_MOST < 1 << WEIGHT_BITS, "a weight is below all priorities");

/* How urgent a caller is: real-time threads before others, and these by their nice values. */
static int32_t urgency(const struct waiter *waiter) {
    long rank = pk_caller_rank(waiter_token(waiter));
    if (rank < 0)
        return 0; /* it has died, and the notice is on its way */
    uint32_t priority = (uint32_t)((uint64_t)rank >> 32), weight = (uint32_t)rank;
    return (int32_t)(priority == PK_PRIORITY_SHARED ? weight : priority << WEIGHT_BITS);
}

/* One that waits alone is not asked for its rank until another comes, with which it is compared as it is then. */
void waiting_enter_among(struct waiter_queue *list, struct waiting *waiting) {
    struct waiter *first = waiter_first(list);
    if (!waiter_next(list, first))
        first->priority = urgency(first);
    waiting->waiter.priority = urgency(&waiting->waiter);
    waiter_enqueue_priority(list, &waiting->waiter);
}

long waiting_enqueue_until(struct waiter_queue *list, struct waiting *waiting) {
    long error = set_deadline(waiting);
    if (error < 0) {
        waiter_remove(&waiting->waiter);
        waiting_free(waiting);
        return error;
    }
    waiting_enter(list, waiting);
    return SERVER_DEFER;
}

void waiting_finish(struct waiting *waiting, long result) {
    waiter_finish(&waiting->waiter, result);
    waiting_free(waiting);
}
