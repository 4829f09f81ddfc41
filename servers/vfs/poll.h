/* SPDX-License-Identifier: MIT */
/* Where the callers of poll(2) stand that wait for one thing: a pipe, the terminal. */
#ifndef VFS_POLL_H
#define VFS_POLL_H

#include <lib/list.h>

struct poll_queue {
    struct list entries;
};

static inline void poll_queue_init(struct poll_queue *queue) {
    list_init(&queue->entries);
}

void poll_wake_some(struct poll_queue *queue);

/* What those who stand here wait for may have come. */
static inline void poll_wake(struct poll_queue *queue) {
    if (!list_empty(&queue->entries)) {
        poll_wake_some(queue);
    }
}

#endif
