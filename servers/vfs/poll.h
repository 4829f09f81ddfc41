/* SPDX-License-Identifier: MIT */
/*
 * Who waits for what can change at one thing: a pipe, the terminal, a counter. The callers of poll(2) stand there
 * (poll.c), and the entries of epoll's sets (epoll.c).
 */
#ifndef VFS_POLL_H
#define VFS_POLL_H

#include <lib/list.h>
#include <stdint.h>

#include "linux_abi.h"

/* What has changed: what poll(2) calls input, output, or anything (the end of the thing included). */
#define POLL_INPUT ((uint32_t)(LX_POLLIN | LX_POLLRDNORM))
#define POLL_OUTPUT ((uint32_t)(LX_POLLOUT | LX_POLLWRNORM))
#define POLL_ANY (~0u)

struct poll_queue {
    struct list entries;
};

struct poll_watch {
    struct list link; /* in its queue, or among those to be woken */
    struct poll_queue *queue;
    /* It may have changed so. True: somebody was woken who deals with it. The watch may leave its queue. */
    bool (*woken)(struct poll_watch *watch, uint32_t what);
    bool exclusive; /* need not hear of it if another exclusive one dealt with it */
};

static inline void poll_queue_init(struct poll_queue *queue) {
    list_init(&queue->entries);
}

static inline void poll_stand(struct poll_queue *queue, struct poll_watch *watch) {
    watch->queue = queue;
    list_add_tail(&queue->entries, &watch->link);
}

static inline void poll_leave(struct poll_watch *watch) {
    list_remove(&watch->link);
}

void poll_wake_some(struct poll_queue *queue, uint32_t what);

/* What those who stand here wait for may have come. */
static inline void poll_wake(struct poll_queue *queue, uint32_t what) {
    if (what && !list_empty(&queue->entries)) {
        poll_wake_some(queue, what);
    }
}

#endif
