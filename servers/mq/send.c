/* SPDX-License-Identifier: MIT */
/*
 * mq_send(3). A message is copied once: from its sender into its place in the queue or, if somebody waits for one, straight to
 * that receiver. What is queued is paid by the queue's maker, who has said how much there may be; what waits to be queued by
 * its sender.
 */
#include "mq.h"
#include <stdlib.h>

#define ADMITTED_AT_ONCE 16

long queue_arrive(struct queue *queue, struct message *message, uint32_t priority,
                  const struct request *req, struct client *sender) {
    queue_add(queue, message, priority);
    queue_changed(queue);
    files_tell(queue, POLL_INPUT);
    return notify_arrival(queue, req, sender);
}

/* A text that is longer than words can carry: it is its sender's still. A new message, or NULL and *error. */
static struct message *copy_in(uint64_t token, uint64_t length, long *error) {
    struct message *message = message_new(length);
    long copied = message ? pk_copy_from_caller(token, 0, message->text, length) : -ENOMEM;
    if (copied == (long)length)
        return message;
    free(message);
    *error = copied < 0 ? copied : -EFAULT;
    return NULL;
}

/* A message of a sender that has waited: 0, or a negative errno. */
static long admit(struct waiting *sender) {
    struct queue *queue = sender->queue;
    struct message *message = sender->message;
    long error = 0;
    if (!message) {
        payer_serve(queue->payer);
        if (queue_pass(queue, waiter_token(&sender->waiter), sender->priority, sender->length))
            return 0;
        message = copy_in(waiter_token(&sender->waiter), sender->length, &error);
    }
    sender->message = NULL;
    if (message && !queue_hand_over(queue, message, sender->priority))
        queue_add(queue, message, sender->priority);
    return error;
}

bool queue_admit(struct queue *queue) {
    uint64_t before = queue->messages.count, bytes = 0;
    struct waiting *sender;
    for (int n = 0;
         !queue_is_full(queue) && (sender = waiting_of(waiter_first(&queue->senders))) != NULL;
         n++) {
        if (n == ADMITTED_AT_ONCE || (bytes += sender->length) > COPIED_AT_ONCE) {
            job_queue(&queue->job);
            break;
        }
        waiting_finish(sender, admit(sender));
    }
    return queue->messages.count > before;
}

bool queue_admit_step(struct job *job) {
    struct queue *queue = container_of(job, struct queue, job);
    if (queue_admit(queue))
        files_tell(queue, POLL_INPUT);
    return !waiter_queue_empty(&queue->senders) && !queue_is_full(queue);
}

static long wait_for_room(struct request *req, struct client *client, struct queue *queue,
                          uint32_t priority, uint64_t length, int64_t deadline) {
    struct waiting *sender = waiting_new(req, client, queue, deadline);
    if (!sender)
        return -ENOMEM;
    sender->priority = priority;
    sender->length = length;
    if (length <= PK_TEXT_SIZE) {
        sender->message = message_new(length);
        if (!sender->message) {
            waiter_remove(&sender->waiter);
            waiting_free(sender);
            return -ENOMEM;
        }
        copy_short(sender->message->text, request_text(req));
    }
    return waiting_enqueue(&queue->senders, sender);
}

/* The text is in the words behind the priority, where a receiver expects them. */
static inline __attribute__((always_inline)) long
send_short(struct request *req, struct client *client, const struct opened *to, uint32_t priority,
           uint64_t length, int64_t deadline) {
    struct queue *queue = to->queue;
    if (length > queue->msgsize)
        return -EMSGSIZE;
    if (queue_is_full(queue))
        return to->flags & O_NONBLOCK
                   ? -EAGAIN
                   : wait_for_room(req, client, queue, priority, length, deadline);
    if (!waiter_queue_empty(&queue->receivers) &&
        queue_pass_short(queue, &req->msg, priority, length))
        return 0;
    payer_serve(queue->payer);
    struct message *message = message_new(length);
    if (!message)
        return -ENOMEM;
    copy_short(message->text, request_text(req));
    return queue_arrive(queue, message, priority, req, client);
}

long mq_handle_send_short(struct request *req, uint64_t how, int64_t deadline) {
    uint32_t priority = (uint32_t)(how >> MQ_SHORT_PRIORITY_SHIFT) & 0xffff;
    uint64_t length = how >> MQ_SHORT_LENGTH_SHIFT;
    struct client *client = request_client(req);
    long error;
    if (priority >= MQ_PRIO_MAX || length > PK_TEXT_SIZE)
        return -EINVAL;
    const struct opened *to = opened_at(client, (int)how, O_WRONLY, &error);
    return to ? send_short(req, client, to, priority, length, deadline) : error;
}

static long send_long(struct request *req, struct client *client, const struct opened *to,
                      uint32_t priority, int64_t deadline) {
    struct queue *queue = to->queue;
    uint64_t length = request_in_len(req);
    long error = 0;
    if (length > queue->msgsize)
        return -EMSGSIZE;
    if (length > COPIED_AT_ONCE)
        return large_send(req, client, queue, priority, deadline, to->flags & O_NONBLOCK);
    if (queue_is_full(queue))
        return to->flags & O_NONBLOCK
                   ? -EAGAIN
                   : wait_for_room(req, client, queue, priority, length, deadline);
    if (queue_pass(queue, req->token, priority, length))
        return 0;
    payer_serve(queue->payer);
    struct message *message = copy_in(req->token, length, &error);
    if (!message)
        return error;
    return queue_hand_over(queue, message, priority)
               ? 0
               : queue_arrive(queue, message, priority, req, client);
}

long mq_handle_send(struct request *req, int fd, uint32_t priority, int64_t deadline) {
    struct client *client = request_client(req);
    uint64_t length = request_in_len(req);
    long error;
    if (priority >= MQ_PRIO_MAX)
        return -EINVAL;
    const struct opened *to = opened_at(client, fd, O_WRONLY, &error);
    if (!to)
        return error;
    if (length > PK_TEXT_SIZE)
        return send_long(req, client, to, priority, deadline);
    uint64_t text[PK_TEXT_SIZE / sizeof(uint64_t)] = {0};
    error = length ? request_read_all(req, text, length) : 0;
    if (error < 0)
        return error;
    copy_short(request_text(req), text);
    return send_short(req, client, to, priority, length, deadline);
}
