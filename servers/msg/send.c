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

static struct message *message_new(int64_t type, uint64_t length) {
    uint64_t size = length < PK_TEXT_SIZE ? PK_TEXT_SIZE : length;
    struct message *message = malloc(sizeof(*message) + size);
    if (message) {
        message->type = type;
        message->length = length;
    }
    return message;
}

/* To a receiver or into the queue. */
static void put(struct queue *queue, struct message *message) {
    if (queue->receivers && queue_hand_over(queue, message))
        free(message);
    else
        queue_append(queue, message);
}

static void note_sending(struct queue *queue, const struct client *client) {
    queue->lspid = client_pid(client);
    queue->stime = clock_seconds();
}

/* A text that is longer than words can carry. */
static long take_in(struct queue *queue, uint64_t token, int64_t type, uint64_t length) {
    if (queue->receivers && queue_pass(queue, token, type, length))
        return 0;
    struct message *message = message_new(type, length);
    if (!message)
        return -ENOMEM;
    long copied = pk_copy_from_caller(token, 0, message->text, length);
    if (copied != (long)length) {
        free(message);
        return copied < 0 ? copied : -EINVAL;
    }
    put(queue, message);
    return 0;
}

static struct message *from_words(const struct pk_msg *msg, int64_t type, uint64_t length) {
    struct message *message = message_new(type, length);
    if (message)
        copy_short(message->text, &msg->w[PK_TEXT_WORD]);
    return message;
}

static long sender_ended(struct waiter *waiter, enum waiter_end why) {
    (void)why;
    struct sender *sender = container_of(waiter, struct sender, waiter);
    free(sender->message);
    free(sender);
    return -EINTR;
}

static const struct waiter_ops sender_ops = {.ended = sender_ended};

static long wait_for_room(struct request *req, struct queue *queue, struct client *client,
                          int64_t type, uint64_t length) {
    struct sender *sender = malloc(sizeof(*sender));
    if (!sender)
        return -ENOMEM;
    sender->queue = queue;
    sender->message = 0;
    sender->type = type;
    sender->length = length;
    if (length <= PK_TEXT_SIZE && !(sender->message = from_words(&req->msg, type, length))) {
        free(sender);
        return -ENOMEM;
    }
    if (waiter_queue_empty(&queue->senders) || length < queue->smallest_sender)
        queue->smallest_sender = length;
    waiter_init(&sender->waiter, req, client, &sender_ops);
    waiter_enqueue(&queue->senders, &sender->waiter);
    return SERVER_DEFER;
}

/* Now that there is room. */
static long admit(struct sender *sender) {
    struct queue *queue = sender->queue;
    long error = 0;
    if (sender->message)
        put(queue, sender->message);
    else
        error = take_in(queue, waiter_token(&sender->waiter), sender->type, sender->length);
    if (error >= 0)
        note_sending(queue, sender->waiter.client);
    return error;
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
        waiter_finish(&sender->waiter, admit(sender));
        free(sender);
    }
}

/* The text is in the words behind the type, where a receiver expects them. */
static long send_short(struct request *req, int msqid, bool nowait, int64_t type, uint64_t length) {
    struct client *client = request_client(req);
    struct queue *queue;
    if (length > PK_TEXT_SIZE || length > msg_state.msgmax || type < 1)
        return -EINVAL;
    long error = queue_find(msqid, client, SYSV_WRITE, &queue);
    if (error < 0)
        return error;
    if (!queue_has_room(queue, length))
        return nowait ? -EAGAIN : wait_for_room(req, queue, client, type, length);
    if (!queue->receivers || !queue_pass_short(queue, &req->msg, type, length)) {
        struct message *message = from_words(&req->msg, type, length);
        if (!message)
            return -ENOMEM;
        put(queue, message);
    }
    note_sending(queue, client);
    return 0;
}

long msg_handle_snd_short(struct request *req, int64_t type, uint64_t how) {
    uint32_t length = (uint32_t)(how >> MSG_SHORT_SHIFT);
    req->msg.w[1] = 0; /* not the receiver's business */
    return send_short(req, (int)how, length & IPC_NOWAIT, type, length & ~(uint32_t)IPC_NOWAIT);
}

long msg_handle_snd(struct request *req, int msqid, int flags, int64_t type) {
    struct client *client = request_client(req);
    struct queue *queue;
    uint64_t length = request_in_len(req);
    if (length > msg_state.msgmax || type < 1)
        return -EINVAL;
    if (length <= PK_TEXT_SIZE) {
        uint64_t text[PK_TEXT_SIZE / sizeof(uint64_t)] = {0};
        long error = request_read_all(req, text, length);
        if (error < 0)
            return error;
        msg_results_rcv(&req->msg, type);
        copy_short(request_text(req), text);
        return send_short(req, msqid, flags & IPC_NOWAIT, type, length);
    }
    long error = queue_find(msqid, client, SYSV_WRITE, &queue);
    if (error < 0)
        return error;
    if (!queue_has_room(queue, length))
        return flags & IPC_NOWAIT ? -EAGAIN : wait_for_room(req, queue, client, type, length);
    error = take_in(queue, req->token, type, length);
    if (error >= 0)
        note_sending(queue, client);
    return error;
}
