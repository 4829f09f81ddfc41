/* SPDX-License-Identifier: MIT */
/*
 * msgsnd(2). A message is copied once: from its sender into its place in the queue or, if somebody waits
 * for it, straight to that receiver.
 */
#include "msg.h"
#include <lib/clock.h>
#include <stdlib.h>

void queue_append(struct queue *queue, struct message *message) {
    list_add_tail(&queue->messages, &message->link);
    type_index_add(&queue->by_type, &message->by_type, message->type);
    queue->qnum++;
    queue->cbytes += message->length;
    msg_state.messages++;
    msg_state.bytes += message->length;
}

static long take_in(struct queue *queue, uint64_t token, int64_t type, uint64_t length) {
    struct message *message = malloc(sizeof(*message) + length);
    if (!message)
        return -ENOMEM;
    long copied = pk_copy_from_caller(token, 0, message->text, length);
    if (copied != (long)length) {
        free(message);
        return copied < 0 ? copied : -EINVAL;
    }
    message->type = type;
    message->length = length;
    if (queue->receivers && queue_hand_over(queue, message))
        free(message);
    else
        queue_append(queue, message);
    return 0;
}

static long accept(struct queue *queue, uint64_t token, const struct client *client, int64_t type,
                   uint64_t length) {
    if (!queue->receivers || !queue_pass(queue, token, type, length)) {
        long error = take_in(queue, token, type, length);
        if (error < 0)
            return error;
    }
    queue->lspid = client_pid(client);
    queue->stime = clock_seconds();
    return 0;
}

static long sender_ended(struct waiter *waiter, enum waiter_end why) {
    (void)why;
    free(container_of(waiter, struct sender, waiter));
    return -EINTR;
}

static const struct waiter_ops sender_ops = {.ended = sender_ended};

/* The text is read when there is room for it. */
static long wait_for_room(struct request *req, struct queue *queue, struct client *client,
                          int64_t type, uint64_t length) {
    struct sender *sender = malloc(sizeof(*sender));
    if (!sender)
        return -ENOMEM;
    sender->queue = queue;
    sender->type = type;
    sender->length = length;
    if (waiter_queue_empty(&queue->senders) || length < queue->smallest_sender)
        queue->smallest_sender = length;
    waiter_init(&sender->waiter, req, client, &sender_ops);
    waiter_enqueue(&queue->senders, &sender->waiter);
    return SERVER_DEFER;
}

/*
 * In the order they came, but one that does not fit does not hold up a shorter one (it has what
 * msgop(2) makes it wait for). smallest_sender ends the walk as soon as nobody else can fit.
 */
void queue_admit_senders(struct queue *queue) {
    struct waiter *waiter = waiter_first(&queue->senders);
    while (waiter && queue_has_room(queue, queue->smallest_sender)) {
        struct sender *sender = container_of(waiter, struct sender, waiter);
        waiter = waiter_next(&queue->senders, waiter);
        if (!queue_has_room(queue, sender->length))
            continue;
        uint64_t token = waiter_token(&sender->waiter);
        long result = accept(queue, token, sender->waiter.client, sender->type, sender->length);
        waiter_finish(&sender->waiter, result);
        free(sender);
    }
}

long msg_handle_snd(struct request *req, int msqid, int flags, int64_t type) {
    struct client *client = request_client(req);
    struct queue *queue;
    uint64_t length = request_in_len(req);
    if (length > MSGMAX || type < 1)
        return -EINVAL;
    long error = queue_find(msqid, client, SYSV_WRITE, &queue);
    if (error < 0)
        return error;
    if (queue_has_room(queue, length))
        return accept(queue, req->token, client, type, length);
    if (flags & IPC_NOWAIT)
        return -EAGAIN;
    return wait_for_room(req, queue, client, type, length);
}
