/* SPDX-License-Identifier: MIT */
/* Run queues and timers (check.h): whoever is found to stand in one does, and nobody else. */
#include <check/check.h>
#include <ipc/ipc.h>
#include <sched/hart.h>
#include <task/thread.h>

static uint64_t ready, armed; /* threads and timers that were found to be so */

void check_queues_begin(void) {
    ready = armed = 0;
}

void check_queues_thread(struct kobject *thread) {
    struct thread *t = thread_of(thread);
    ready += t->sched.queued;
    MUST(thread_by_id(t->id) == t, t);
}

void check_queues_timer(struct kobject *notification) {
    armed += notification_of(notification)->timer.queue != NULL;
}

static uint64_t count_level(struct hart *hart, unsigned level) {
    uint64_t count = 0;
    struct list *head = &hart->queue.lists[level];
    for (struct list *l = head->next; l != head; l = l->next, count++) {
        struct thread *t = CONTAINER_OF(l, struct thread, sched.link);
        MUST(t->state == THREAD_READY && t->sched.queued && t->sched.priority == level, t);
        MUST(t->hart == hart, t);
    }
    MUST((hart->queue.levels >> level & 1) == (count != 0), hart);
    return count;
}

static uint64_t count_timers(const struct timer_queue *q, const struct tree_node *n) {
    if (!n)
        return 0;
    const struct timer *t = CONTAINER_OF(n, struct timer, node);
    MUST(t->queue == q && n->key >= q->next, t);
    return count_timers(q, n->left) + count_timers(q, n->right) + 1;
}

void check_queues(void) {
    uint64_t queued = 0, timers = count_timers(&deferrable_timers, deferrable_timers.timers.root);
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        struct hart *hart = &harts[i];
        for (unsigned level = 0; level < PRIORITIES; level++)
            queued += count_level(hart, level);
        timers += count_timers(&hart->timers, hart->timers.timers.root);
        MUST(!hart->queue.levels || hart->queue.levels >> hart->queue.top == 1, hart);
    }
    MUST(queued == ready, NULL);
    MUST(timers == armed, NULL);
}
