/* SPDX-License-Identifier: MIT */
/* Whether the queues are what msg.h says of them (lib/check.h). */
#include "msg.h"
#include <lib/check.h>

struct totals {
    uint64_t messages, bytes;
};

struct queue_totals {
    const struct queue *queue;
    uint64_t indexed, receivers;
};

/* A message of the index stands in this queue's list, for there are as many in both. */
static void check_indexed(struct type_node *node, void *data) {
    struct queue_totals *totals = data;
    const struct message *message = container_of(node, struct message, by_type);
    CHECK(message->type == node->type, message);
    CHECK(!list_empty(&message->link), message);
    totals->indexed += message->length;
}

static void check_messages(const struct queue *queue, struct queue_totals *totals) {
    uint64_t bytes = 0;
    CHECK(list_check(&queue->messages) == queue->qnum, queue);
    for (struct list *at = queue->messages.next; at != &queue->messages; at = at->next) {
        const struct message *message = container_of(at, struct message, link);
        CHECK(message->type > 0, message);
        bytes += message->length;
    }
    CHECK(bytes == queue->cbytes, queue);
    CHECK(type_index_check(&queue->by_type, check_indexed, totals) == queue->qnum, queue);
    CHECK(totals->indexed == bytes, queue);
}

static void check_sender(struct waiter *waiter, void *data) {
    const struct queue *queue = data;
    const struct sender *sender = container_of(waiter, struct sender, waiter);
    CHECK(sender->queue == queue, sender);
    CHECK(sender->length >= queue->smallest_sender, sender);
    CHECK(!sender->message ||
              (sender->message->length == sender->length && sender->length <= PK_TEXT_SIZE),
          sender);
    CHECK(!queue_has_room(queue, sender->length), sender);
}

/* It would have been given what is there. */
static void check_receiver(const struct receiver *receiver, struct queue_totals *totals) {
    CHECK(receiver->queue == totals->queue, receiver);
    CHECK(receiver->arrival < msg_state.arrivals, receiver);
    CHECK(!queue_find_message(totals->queue, receiver->selection, receiver->type), receiver);
    totals->receivers++;
}

static void check_typed(struct type_node *node, void *data) {
    struct receiver *receiver = container_of(node, struct receiver, by_type);
    CHECK(receiver->selection == SELECT_EQUAL && receiver->type == node->type, receiver);
    waiter_check(&receiver->waiter);
    check_receiver(receiver, data);
}

static void check_any(struct waiter *waiter, void *data) {
    const struct receiver *receiver = container_of(waiter, struct receiver, waiter);
    CHECK(receiver->selection == SELECT_ANY, receiver);
    check_receiver(receiver, data);
}

static void check_choosing(struct waiter *waiter, void *data) {
    const struct receiver *receiver = container_of(waiter, struct receiver, waiter);
    CHECK(receiver->selection == SELECT_UP_TO || receiver->selection == SELECT_EXCEPT, receiver);
    check_receiver(receiver, data);
}

static void check_queue(struct sysv_object *object, void *data) {
    struct queue *queue = container_of(object, struct queue, object);
    struct queue_totals of_queue = {.queue = queue};
    struct totals *totals = data;
    check_messages(queue, &of_queue);
    waiter_queue_check(&queue->senders, check_sender, queue);
    type_index_check(&queue->receivers_of_type, check_typed, &of_queue);
    waiter_queue_check(&queue->receivers_of_any, check_any, &of_queue);
    waiter_queue_check(&queue->receivers_choosing, check_choosing, &of_queue);
    CHECK(of_queue.receivers == queue->receivers, queue);
    totals->messages += queue->qnum;
    totals->bytes += queue->cbytes;
}

/* A queue that is removed counts as long as its messages are there. */
static void check_removed(struct job *job, void *data) {
    struct totals *totals = data;
    struct queue *queue = queue_of_job(job);
    struct queue_totals of_queue = {.queue = queue};
    if (!queue)
        return;
    check_messages(queue, &of_queue);
    totals->messages += queue->qnum;
    totals->bytes += queue->cbytes;
}

void msg_check(void) {
    struct totals totals = {0};
    sysv_check(&msg_state.table, check_queue, &totals);
    jobs_check(check_removed, &totals);
    CHECK(totals.messages == msg_state.messages, &msg_state);
    CHECK(totals.bytes == msg_state.bytes, &msg_state);
}
