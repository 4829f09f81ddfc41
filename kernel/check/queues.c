/* SPDX-License-Identifier: MIT */
/* Run queues and timers (check.h): whoever is found to stand in one does, and nobody else. */
#include <check/check.h>
#include <ipc/ipc.h>
#include <sched/reserve.h>
#include <task/thread.h>

static uint64_t ready, armed; /* threads and timers that were found to be so */

void check_queues_begin(void) {
    ready = armed = 0;
}

void check_queues_thread(struct kobject *thread) {
    struct thread *t = thread_of(thread);
    const struct share_queue *q = t->sched.share.queue;
    ready += t->sched.queued;
    armed += t->sleep.queue != NULL;
    MUST(!t->sleep.queue || t->state == THREAD_WAITING, t);
    armed += t->reserve && t->reserve->refill.queue;
    MUST(!t->reserve || (t->pinned && t->base_priority == PK_PRIORITY_RESERVED), t);
    MUST(!q || (t->sched.queued && t->state == THREAD_READY && shares(t)), t);
    MUST(!q || q == (t->pinned ? t->hart->pinned : &share_all), t);
    MUST(!t->sched.queued || may_run_on(t, t->hart), t);
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
        MUST(may_run_on(t, hart) && !t->sched.share.queue, t);
        MUST(t->hart == hart, t);
    }
    MUST((hart->queue.levels[level / QUEUE_WORD_BITS] >> level % QUEUE_WORD_BITS & 1) ==
             (count != 0),
         hart);
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
    uint64_t queued = share_all.count,
             timers = count_timers(&deferrable_timers, deferrable_timers.timers.root);
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        struct hart *hart = &harts[i];
        for (unsigned level = 0; level < PRIORITIES; level++)
            queued += count_level(hart, level);
        timers += count_timers(&hart->timers, hart->timers.timers.root);
        MUST(hart->queue.top == queue_find_top(&hart->queue), hart);
        queued += hart->pinned->count;
        MUST(hart->pinned_waits == (hart->pinned->count != 0), hart);
    }
    MUST(queued == ready, NULL);
    MUST(timers == armed, NULL);
}
