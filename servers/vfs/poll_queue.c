/* SPDX-License-Identifier: MIT */
/*
 * Waking who stands in a queue (poll.h). A change that many wait for is told to some at once, and to the rest by a
 * job. What is woken may be a set of epoll that others stand at: they are woken in the same go, and count in it, so
 * that no depth of sets makes one change take long.
 */
#include "poll.h"

#include <lib/job.h>

#define WOKEN_AT_ONCE 32
#define WOKEN_IN_A_STEP 128

/* Those that are to be woken yet because there were too many. */
static struct list late = LIST_INIT(late);
/* How many may still be woken in the go that is under way; -1: none is. */
static int left = -1;

/* It goes back to where it stood first, for who is woken may leave. */
static bool wake(struct poll_watch *watch, uint32_t what) {
    list_remove(&watch->link);
    list_add_tail(&watch->queue->entries, &watch->link);
    return watch->woken(watch, what);
}

static void wake_list(struct list *list, uint32_t what) {
    bool dealt_with = false;
    for (; left > 0 && !list_empty(list); left--) {
        struct poll_watch *watch = container_of(list->next, struct poll_watch, link);
        bool exclusive = watch->exclusive; /* who is woken may end the watch */
        if (exclusive && dealt_with) {
            list_remove(&watch->link);
            list_add_tail(&watch->queue->entries, &watch->link);
        } else if (wake(watch, what)) {
            dealt_with |= exclusive;
        }
    }
}

static bool late_step(struct job *job) {
    (void)job;
    left = WOKEN_IN_A_STEP;
    wake_list(&late, POLL_ANY);
    left = -1;
    return !list_empty(&late);
}

static struct job late_job = {.link = LIST_INIT(late_job.link), .step = late_step};

void poll_wake_some(struct poll_queue *queue, uint32_t what) {
    struct list now = LIST_INIT(now);
    bool outermost = left < 0;
    left = outermost ? WOKEN_AT_ONCE : left;
    list_move_all(&now, &queue->entries);
    wake_list(&now, what);
    left = outermost ? -1 : left;
    if (!list_empty(&now)) {
        list_move_all(&late, &now);
        job_queue(&late_job);
    }
}
