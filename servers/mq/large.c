/* SPDX-License-Identifier: MIT */
/*
 * Texts that take too long to copy in one go, up to 16 MiB. As on Linux a sender's is copied before anything else is looked
 * at, and a receiver's when the message is his and has left the queue.
 */
#include "mq.h"
#include <stdlib.h>

static struct waiting *of_job(struct job *job) {
    return container_of(job, struct waiting, job);
}

static void start(struct waiting *waiting, bool (*step)(struct job *job)) {
    waiting->done = 0;
    waiting->copies = true;
    job_init(&waiting->job, step);
    job_queue(&waiting->job);
}

/* The whole text is here. The sender's request is over or it waits as others do. */
static void arrive(struct waiting *sender) {
    struct queue *queue = sender->queue;
    struct message *message = sender->message;
    uint64_t token = waiter_token(&sender->waiter);
    if (!queue_is_full(queue)) {
        sender->message = NULL;
        if (!queue_hand_over(queue, message, sender->priority))
            queue_arrive(queue, message, sender->priority, NULL, sender->waiter.client);
        waiting_finish(sender, 0);
    } else if (sender->nowait) {
        waiting_finish(sender, -EAGAIN);
    } else {
        sender->length = 0; /* to admit it costs nothing */
        long error = waiting_enqueue(&queue->senders, sender);
        if (error != SERVER_DEFER)
            pk_may_fail(server_reply(token, error)); /* it may have died */
    }
}

static uint64_t next_piece(const struct waiting *waiting) {
    uint64_t left = waiting->message->length - waiting->done;
    return left < COPIED_AT_ONCE ? left : COPIED_AT_ONCE;
}

static bool load_some(struct job *job) {
    struct waiting *sender = of_job(job);
    uint64_t piece = next_piece(sender);
    long copied = pk_copy_from_caller(waiter_token(&sender->waiter), sender->done,
                                      (char *)sender->message->text + sender->done, piece);
    if (copied != (long)piece) {
        waiting_finish(sender, -EFAULT);
        return false;
    }
    sender->done += piece;
    if (sender->done < sender->message->length)
        return true;
    arrive(sender);
    return false;
}

long large_send(struct request *req, struct client *client, struct queue *queue, uint32_t priority,
                int64_t deadline, bool nowait) {
    struct waiting *sender = waiting_new(req, client, queue, deadline);
    if (!sender)
        return -ENOMEM;
    sender->message = message_new(request_in_len(req));
    if (!sender->message) {
        waiter_remove(&sender->waiter);
        waiting_free(sender);
        return -ENOMEM;
    }
    sender->priority = priority;
    sender->nowait = nowait;
    start(sender, load_some);
    return SERVER_DEFER;
}

static bool give_some(struct job *job) {
    struct waiting *receiver = of_job(job);
    const struct message *message = receiver->message;
    uint64_t piece = next_piece(receiver);
    long copied = pk_copy_to_caller(waiter_token(&receiver->waiter), receiver->done,
                                    (const char *)message->text + receiver->done, piece);
    receiver->done += piece;
    if (copied == (long)piece && receiver->done < message->length)
        return true;
    struct pk_msg reply = {0};
    mq_results_receive(&reply, receiver->priority);
    long result = copied == (long)piece ? (long)message->length : -EFAULT;
    waiter_remove(&receiver->waiter);
    pk_may_fail(server_reply_words(waiter_token(&receiver->waiter), result, &reply)); /* likewise */
    waiting_free(receiver);
    return false;
}

/* Only its death ends it now: the message is its own. */
static long receiver_died(struct waiter *waiter, enum waiter_end why) {
    (void)why;
    waiting_free(waiting_of(waiter));
    return -EINTR;
}

void large_receive(struct waiting *receiver, struct message *message, uint32_t priority) {
    static const struct waiter_ops ops = {.ended = receiver_died, .uninterruptible = true};
    list_remove(&receiver->waiter.link);
    if (deadline_is_set(&receiver->waiter.deadline))
        deadline_remove(&receiver->waiter.deadline);
    receiver->waiter.ops = &ops;
    receiver->message = message;
    receiver->priority = priority;
    start(receiver, give_some);
}
