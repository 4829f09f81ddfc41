/* SPDX-License-Identifier: MIT */
/* Whether the queues are what mq.h says of them (lib/check.h). */
#include "mq.h"
#include <lib/check.h>

struct totals {
    uint64_t queues, messages, charge;
};

struct queue_totals {
    const struct queue *queue;
    uint64_t bytes, waiting;
};

static void check_message(struct type_node *node, void *data) {
    struct queue_totals *totals = data;
    const struct message *message = container_of(node, struct message, node);
    CHECK(message_priority(message) < MQ_PRIO_MAX, message);
    CHECK(message->length <= totals->queue->msgsize, message);
    totals->bytes += message->length;
}

static void check_messages(const struct messages *messages, struct queue_totals *totals) {
    CHECK(type_index_check(&messages->index, check_message, totals) == messages->count, messages);
    CHECK(totals->bytes == messages->bytes, messages);
}

static void check_waiting(struct waiter *waiter, void *data) {
    struct queue_totals *totals = data;
    const struct waiting *waiting = waiting_of(waiter);
    CHECK(waiting->queue == totals->queue, waiting);
    CHECK(!waiting->message || waiting->message->length <= totals->queue->msgsize, waiting);
    totals->waiting++;
}

/* Callers whose text is being copied hold it, too, and stand in no list of its. */
static void check_waiters(const struct queue *queue, struct queue_totals *totals) {
    bool senders = waiter_queue_check(&queue->senders, check_waiting, totals);
    bool receivers = waiter_queue_check(&queue->receivers, check_waiting, totals);
    CHECK(!receivers || !queue->messages.count, queue);
    CHECK(!senders || queue_is_full(queue) || job_is_queued(&queue->job), queue);
    CHECK(queue->holds >= 1 + totals->waiting, queue);
}

static void check_queue(struct hash_node *node, void *data) {
    struct queue *queue = container_of(node, struct queue, node);
    struct queue_totals of_queue = {.queue = queue};
    struct totals *totals = data;
    CHECK(!list_empty(&queue->all), queue);
    CHECK(queue->messages.count <= queue->maxmsg, queue);
    check_messages(&queue->messages, &of_queue);
    check_waiters(queue, &of_queue);
    payer_check(queue->payer);
    notify_check(queue);
    totals->queues++;
    totals->messages += queue->messages.count;
    totals->charge += queue->charge;
}

/* A record that a call may use as it is stands for a queue that is there. */
static void check_member(struct hash_node *node, void *data) {
    const struct client *client = container_of(node, struct client, node);
    const struct member *member = member_of(client);
    uint64_t stamp = files_stamp(client_pid(client));
    (void)data;
    for (uint32_t fd = 0; fd < member->size; fd++) {
        const struct opened *opened = &member->opened[fd];
        if (opened->stamp == stamp)
            CHECK(hash_find(&mq_state.table, opened->queue->node.key) == &opened->queue->node,
                  opened);
    }
    list_check(&member->registrations);
}

/* A queue that is closed and has no name keeps its messages until all who are at it have gone. */
void mq_check(void) {
    struct totals totals = {0};
    hash_check(&mq_state.table, check_queue, &totals);
    hash_check(&client_table, check_member, NULL);
    CHECK(totals.queues == mq_state.count, &mq_state);
    CHECK(totals.messages <= mq_state.messages, &mq_state);
    list_check(&mq_state.queues);
    users_check(totals.queues, totals.charge);
}
