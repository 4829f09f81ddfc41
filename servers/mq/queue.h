/* SPDX-License-Identifier: MIT */
/*
 * The messages of a queue, as data: the highest priority first, and of one priority the oldest. Finding, adding and taking
 * cost no more for many messages of one priority than for one, and grow with the logarithm of the number of priorities.
 */
#ifndef MQ_QUEUE_H
#define MQ_QUEUE_H

#include <lib/typeindex.h>
#include <stddef.h>
#include <stdint.h>

struct message {
    struct type_node node; /* its type: the priority, negated */
    uint64_t length;       /* of the text */
    uint64_t text[]; /* PK_TEXT_SIZE bytes at least, the unused ones of them not our own data */
};

struct messages {
    struct type_index index;
    uint64_t count;
    uint64_t bytes;
};

static inline uint32_t message_priority(const struct message *message) {
    return (uint32_t)-message->node.type;
}

static inline void messages_add(struct messages *messages, struct message *message,
                                uint32_t priority) {
    type_index_add(&messages->index, &message->node, -(int64_t)priority);
    messages->count++;
    messages->bytes += message->length;
}

/* The next to be received, or NULL. */
static inline struct message *messages_first(const struct messages *messages) {
    struct type_node *node = type_index_lowest(&messages->index);
    return node ? container_of(node, struct message, node) : NULL;
}

static inline void messages_take(struct messages *messages, struct message *message) {
    type_index_remove(&messages->index, &message->node);
    messages->count--;
    messages->bytes -= message->length;
}

#endif
