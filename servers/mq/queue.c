/* SPDX-License-Identifier: MIT */
/* The life of queues and of messages. */
#include "mq.h"
#include <stdlib.h>

struct mq_state mq_state = {.queues = LIST_INIT(mq_state.queues),
                            .settings = {10, 10, 8192, 8192, 256}};

struct message *message_new(uint64_t length) {
    uint64_t size = length < PK_TEXT_SIZE ? PK_TEXT_SIZE : length;
    struct message *message = malloc(sizeof *message + size);
    if (message)
        message->length = length;
    return message;
}

void queue_add(struct queue *queue, struct message *message, uint32_t priority) {
    messages_add(&queue->messages, message, priority);
    mq_state.messages++;
}

void queue_take(struct queue *queue, struct message *message) {
    messages_take(&queue->messages, message);
    mq_state.messages--;
}

static bool free_some(struct job *job) {
    struct queue *queue = container_of(job, struct queue, job);
    struct message *message;
    for (int i = 0; i < FREED_AT_ONCE && (message = messages_first(&queue->messages)) != NULL;
         i++) {
        queue_take(queue, message);
        free(message);
    }
    if (queue->messages.count)
        return true;
    payer_put(queue->payer);
    free(queue);
    return false;
}

void queue_put(struct queue *queue) {
    if (--queue->holds)
        return;
    job_cancel(&queue->job);
    job_init(&queue->job, free_some);
    job_queue(&queue->job);
}

/* The last queue of a user takes his record along. */
static void discharge(const struct queue *queue) {
    struct user *user = queue->user;
    user->bytes -= queue->charge;
    user_put(user);
}

void queue_end(struct queue *queue) {
    list_remove(&queue->all);
    hash_remove(&mq_state.table, &queue->node);
    mq_state.count--;
    discharge(queue);
    notify_end(queue);
    queue_put(queue);
}

#define LOST_AT_ONCE 32
static struct list lost = LIST_INIT(lost);

static bool lose_some(struct job *job) {
    (void)job;
    for (int i = 0; i < LOST_AT_ONCE && !list_empty(&lost); i++)
        queue_end(container_of(lost.next, struct queue, all));
    return !list_empty(&lost);
}

void queues_lost(void) {
    static struct job job = {.link = LIST_INIT(job.link), .step = lose_some};
    list_move_all(&lost, &mq_state.queues);
    if (lose_some(&job))
        job_queue(&job);
}
