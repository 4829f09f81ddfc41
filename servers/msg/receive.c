/* SPDX-License-Identifier: MIT */
/*
 * msgrcv(2): finding a message that suits a receiver, and a receiver that suits a message.
 *
 * A message leaves the queue only after it was copied to its receiver, so one whose buffer is bad or
 * who died meanwhile loses nothing. Only MSG_EXCEPT, MSG_COPY and receivers with negative types ever
 * cost a walk; see docs/protocols/msg.md for who may care.
 */
#include "msg.h"
#include <lib/clock.h>
#include <stdlib.h>

static enum selection selection_of(int64_t *type, int flags) {
    if (flags & MSG_COPY)
        return SELECT_ORDINAL;
    if (*type == 0)
        return SELECT_ANY;
    if (*type < 0) {
        *type = *type == INT64_MIN ? INT64_MAX : -*type;
        return SELECT_UP_TO;
    }
    return flags & MSG_EXCEPT ? SELECT_EXCEPT : SELECT_EQUAL;
}

static struct message *of_node(struct type_node *node) {
    return node ? container_of(node, struct message, by_type) : 0;
}

/* The first message that is not of `type`. */
static struct message *find_except(const struct queue *queue, int64_t type) {
    for (struct list *at = queue->messages.next; at != &queue->messages; at = at->next) {
        struct message *message = container_of(at, struct message, link);
        if (message->type != type)
            return message;
    }
    return 0;
}

static struct message *find_ordinal(const struct queue *queue, int64_t ordinal) {
    if (ordinal < 0 || (uint64_t)ordinal >= queue->qnum)
        return 0;
    struct list *at = queue->messages.next;
    while (ordinal-- > 0)
        at = at->next;
    return container_of(at, struct message, link);
}

struct message *queue_find_message(const struct queue *queue, enum selection selection,
                                   int64_t type) {
    struct message *message;
    if (!queue->qnum)
        return 0;
    switch (selection) {
    case SELECT_ANY:
        return container_of(queue->messages.next, struct message, link);
    case SELECT_EQUAL:
        return of_node(type_index_find(&queue->by_type, type));
    case SELECT_UP_TO:
        message = of_node(type_index_lowest(&queue->by_type));
        return message->type <= type ? message : 0;
    case SELECT_EXCEPT:
        return find_except(queue, type);
    case SELECT_ORDINAL:
        return find_ordinal(queue, type);
    }
    return 0;
}

void queue_take(struct queue *queue, struct message *message) {
    list_remove(&message->link);
    type_index_remove(&queue->by_type, &message->by_type);
    queue->qnum--;
    queue->cbytes -= message->length;
    msg_state.messages--;
    msg_state.bytes -= message->length;
}

/* Gives a caller text and type; returns how long its text is, or a negative errno. */
static long give(uint64_t token, struct pk_msg *reply, const struct message *message, uint64_t room,
                 bool truncate) {
    uint64_t length = message->length;
    if (length > room) {
        if (!truncate)
            return -E2BIG;
        length = room;
    }
    msg_results_rcv(reply, message->type);
    if (length <= PK_TEXT_SIZE) {
        copy_short(&reply->w[PK_TEXT_WORD], message->text);
        return (long)length;
    }
    long copied = pk_copy_to_caller(token, 0, message->text, length);
    return copied < 0 || copied == (long)length ? copied : -EFAULT;
}

static void note_receipt(struct queue *queue, const struct client *client) {
    queue->lrpid = client_pid(client);
    queue->rtime = clock_seconds();
}

static void unlink_receiver(struct receiver *receiver) {
    if (receiver->selection == SELECT_EQUAL)
        type_index_remove(&receiver->queue->receivers_of_type, &receiver->by_type);
    receiver->queue->receivers--;
}

static long receiver_ended(struct waiter *waiter, enum waiter_end why) {
    (void)why;
    struct receiver *receiver = container_of(waiter, struct receiver, waiter);
    unlink_receiver(receiver);
    free(receiver);
    return -EINTR;
}

static const struct waiter_ops receiver_ops = {.ended = receiver_ended};

static long wait_for_message(struct request *req, struct queue *queue, struct client *client,
                             enum selection selection, int64_t type, bool truncate) {
    struct receiver *receiver = malloc(sizeof(*receiver));
    if (!receiver)
        return -ENOMEM;
    receiver->queue = queue;
    receiver->selection = selection;
    receiver->type = type;
    receiver->room = request_out_len(req);
    receiver->truncate = truncate;
    receiver->arrival = msg_state.arrivals++;
    waiter_init(&receiver->waiter, req, client, &receiver_ops);
    if (selection == SELECT_EQUAL)
        type_index_add(&queue->receivers_of_type, &receiver->by_type, type);
    else if (selection == SELECT_ANY)
        waiter_enqueue(&queue->receivers_of_any, &receiver->waiter);
    else
        waiter_enqueue(&queue->receivers_choosing, &receiver->waiter);
    queue->receivers++;
    return SERVER_DEFER;
}

/* The first of the receivers with MSG_EXCEPT or a negative type that takes this type. */
static struct receiver *find_choosing(const struct queue *queue, int64_t type) {
    struct waiter *waiter = waiter_first(&queue->receivers_choosing);
    for (; waiter; waiter = waiter_next(&queue->receivers_choosing, waiter)) {
        struct receiver *receiver = container_of(waiter, struct receiver, waiter);
        if (receiver->selection == SELECT_UP_TO ? type <= receiver->type : type != receiver->type)
            return receiver;
    }
    return 0;
}

static struct receiver *earlier(struct receiver *one, struct receiver *other) {
    return !one || (other && other->arrival < one->arrival) ? other : one;
}

/* Who has waited longest for a message of this type. */
static struct receiver *find_receiver(const struct queue *queue, int64_t type) {
    struct type_node *node = type_index_find(&queue->receivers_of_type, type);
    struct waiter *any = waiter_first(&queue->receivers_of_any);
    struct receiver *first = node ? container_of(node, struct receiver, by_type) : 0;
    first = earlier(first, any ? container_of(any, struct receiver, waiter) : 0);
    return earlier(first, find_choosing(queue, type));
}

/* Ends a receiver's waiting; false if it has no message, because of an error or its death. */
static bool answer(struct receiver *receiver, long result, const struct pk_msg *reply) {
    struct queue *queue = receiver->queue;
    unlink_receiver(receiver);
    waiter_remove(&receiver->waiter);
    bool has_it = pk_reply(waiter_token(&receiver->waiter), result, reply, 0) >= 0 && result >= 0;
    if (has_it)
        note_receipt(queue, receiver->waiter.client);
    free(receiver);
    return has_it;
}

/* A receiver that cannot take the message gets its error, and the next one gets the message. */
bool queue_hand_over(struct queue *queue, const struct message *message) {
    struct receiver *receiver;
    while ((receiver = find_receiver(queue, message->type)) != 0) {
        struct pk_msg reply = {0};
        uint64_t token = waiter_token(&receiver->waiter);
        long result = give(token, &reply, message, receiver->room, receiver->truncate);
        if (answer(receiver, result, &reply))
            return true;
    }
    return false;
}

bool queue_pass_short(struct queue *queue, const struct pk_msg *msg, int64_t type,
                      uint64_t length) {
    struct receiver *receiver = find_receiver(queue, type);
    return receiver && length <= receiver->room && answer(receiver, (long)length, msg);
}

bool queue_pass(struct queue *queue, uint64_t sender, int64_t type, uint64_t length) {
    static struct pk_msg reply;
    struct receiver *receiver = find_receiver(queue, type);
    if (!receiver || length > receiver->room)
        return false;
    long copied = pk_caller_to_caller(sender, 0, waiter_token(&receiver->waiter), 0, length);
    msg_results_rcv(&reply, type);
    return copied == (long)length && answer(receiver, copied, &reply);
}

long msg_handle_rcv(struct request *req, int msqid, int64_t type, int flags) {
    struct client *client = request_client(req);
    struct queue *queue;
    uint64_t room = request_out_len(req);
    if (room > INT64_MAX)
        return -EINVAL;
    if ((flags & MSG_COPY) && (!(flags & IPC_NOWAIT) || (flags & MSG_EXCEPT)))
        return -EINVAL;
    long error = queue_find(msqid, client, SYSV_READ, &queue);
    if (error < 0)
        return error;
    enum selection selection = selection_of(&type, flags);
    struct message *message = queue_find_message(queue, selection, type);
    if (!message) {
        if (flags & IPC_NOWAIT)
            return -ENOMSG;
        return wait_for_message(req, queue, client, selection, type, flags & MSG_NOERROR);
    }
    if (selection == SELECT_ORDINAL && message->length > room && flags & MSG_NOERROR)
        return -EINVAL; /* as on Linux: a copy is not cut */
    long length = give(req->token, &req->msg, message, room, flags & MSG_NOERROR);
    if (length < 0 || selection == SELECT_ORDINAL)
        return length;
    queue_take(queue, message);
    free(message);
    note_receipt(queue, client);
    if (!waiter_queue_empty(&queue->senders))
        queue_admit_senders(queue);
    return length;
}
