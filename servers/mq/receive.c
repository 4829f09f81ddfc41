/* SPDX-License-Identifier: MIT */
/*
 * mq_receive(3). A message leaves the queue only after it was copied to its receiver, so one whose buffer is bad or who died
 * meanwhile loses nothing; but for short texts, which go in words, and large ones (large.c).
 */
#include "mq.h"
#include <stdlib.h>

long message_give(uint64_t token, struct pk_msg *reply, const struct message *message,
                  uint32_t priority) {
    mq_results_receive(reply, priority);
    if (message->length <= PK_TEXT_SIZE) {
        copy_short(&reply->w[PK_TEXT_WORD], message->text);
        return (long)message->length;
    }
    long copied = pk_copy_to_caller(token, 0, message->text, message->length);
    return copied < 0 || copied == (long)message->length ? copied : -EFAULT;
}

/* Ends a receiver's waiting; false if it has no message, because of an error or its death. */
static bool answer(struct waiting *receiver, long result, const struct pk_msg *reply) {
    waiter_remove(&receiver->waiter);
    bool has_it = pk_reply(waiter_token(&receiver->waiter), result, reply, 0) >= 0 && result >= 0;
    if (has_it)
        queue_changed(receiver->queue);
    waiting_free(receiver);
    return has_it;
}

/* A receiver that cannot take the message gets its error, and the next one gets the message. */
bool queue_hand_over(struct queue *queue, struct message *message, uint32_t priority) {
    struct waiting *receiver;
    while ((receiver = waiting_of(waiter_first(&queue->receivers))) != NULL) {
        struct pk_msg reply = {0};
        if (message->length > COPIED_AT_ONCE) {
            large_receive(receiver, message, priority);
            queue_changed(queue);
            return true;
        }
        long result = message_give(waiter_token(&receiver->waiter), &reply, message, priority);
        if (answer(receiver, result, &reply)) {
            free(message);
            return true;
        }
    }
    return false;
}

bool queue_pass_short(struct queue *queue, struct pk_msg *msg, uint32_t priority, uint64_t length) {
    struct waiting *receiver = waiting_of(waiter_first(&queue->receivers));
    mq_results_receive(msg, priority);
    msg->w[1] = 0; /* not the receiver's business */
    return receiver && answer(receiver, (long)length, msg);
}

bool queue_pass(struct queue *queue, uint64_t sender, uint32_t priority, uint64_t length) {
    static struct pk_msg reply;
    struct waiting *receiver = waiting_of(waiter_first(&queue->receivers));
    if (!receiver)
        return false;
    long copied = pk_caller_to_caller(sender, 0, waiter_token(&receiver->waiter), 0, length);
    mq_results_receive(&reply, priority);
    return copied == (long)length && answer(receiver, copied, &reply);
}

/* A message has left the queue: who waits for room has it now, else who polls is told. */
static inline void made_room(struct queue *queue) {
    queue_changed(queue);
    if (waiter_queue_empty(&queue->senders) || !queue_admit(queue))
        files_tell(queue, POLL_OUTPUT);
}

static long take_large(struct request *req, struct client *client, struct queue *queue,
                       struct message *message) {
    struct waiting *receiver = waiting_new(req, client, queue, MQ_FOR_EVER);
    if (!receiver)
        return -ENOMEM;
    queue_take(queue, message);
    made_room(queue);
    large_receive(receiver, message, message_priority(message));
    return SERVER_DEFER;
}

static long wait_for_message(struct request *req, struct client *client, struct queue *queue,
                             int64_t deadline) {
    struct waiting *receiver = waiting_new(req, client, queue, deadline);
    return receiver ? waiting_enqueue(&queue->receivers, receiver) : -ENOMEM;
}

/* Senders that a job has still to admit are not kept from an empty queue. */
static struct message *first_message(struct queue *queue) {
    if (!queue->messages.count && !waiter_queue_empty(&queue->senders))
        queue_admit(queue);
    return messages_first(&queue->messages);
}

long mq_handle_receive(struct request *req, int fd, int64_t deadline) {
    struct client *client = request_client(req);
    long error;
    const struct opened *from = opened_at(client, fd, O_RDONLY, &error);
    if (!from)
        return error;
    struct queue *queue = from->queue;
    if (request_out_len(req) < queue->msgsize)
        return -EMSGSIZE;
    struct message *message = first_message(queue);
    if (!message)
        return from->flags & O_NONBLOCK ? -EAGAIN : wait_for_message(req, client, queue, deadline);
    if (message->length > COPIED_AT_ONCE)
        return take_large(req, client, queue, message);
    long length = message_give(req->token, &req->msg, message, message_priority(message));
    if (length < 0)
        return length;
    queue_take(queue, message);
    free(message);
    made_room(queue);
    return length;
}
