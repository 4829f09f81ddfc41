/* SPDX-License-Identifier: MIT */
/* One-shot timers (timer.h). */
#include <time/timer.h>
#include <arch/hart.h>
#include <arch/machine.h>
#include <lib/lib.h>
#include <sched/hart.h>

#define TIMER_CREDIT 20

struct timer_queue deferrable_timers = {.next = UINT64_MAX};

static void update_next(struct timer_queue *queue) {
    struct tree_node *n = tree_first(&queue->timers);
    queue->next = n ? n->key : UINT64_MAX;
    this_hart()->reconsider = true; /* the clock event device may have to be programmed */
}

void timers_init(void) {
    for (unsigned i = 0; i < ARCH_MAX_HARTS; i++)
        harts[i].timers.next = UINT64_MAX;
}

void timer_arm(struct timer *t, uint64_t at_ns, bool deferrable) {
    timer_disarm(t);
    t->queue = deferrable ? &deferrable_timers : &this_hart()->timers;
    t->node.key = at_ns;
    tree_insert(&t->queue->timers, &t->node);
    update_next(t->queue);
}

void timer_disarm(struct timer *t) {
    if (!t->queue)
        return;
    tree_remove(&t->queue->timers, &t->node);
    update_next(t->queue);
    t->queue = NULL;
}

static void run_queue(struct timer_queue *queue, int *credit) {
    for (; *credit > 0 && queue->next <= arch_time_ns(); *credit -= TIMER_CREDIT) {
        struct timer *t = CONTAINER_OF(tree_first(&queue->timers), struct timer, node);
        timer_disarm(t);
        t->expired(t);
        /* Who is woken by a server finds the hart free when that is done; an interrupt leaves it with whoever ran. */
        this_hart()->picks_anew = true;
    }
}

/* Those for whom the credit is not enough come by the next interrupt, for which they wait already. */
void timers_run(void) {
    int credit = STEP_CREDIT;
    run_queue(&this_hart()->timers, &credit);
    run_queue(&deferrable_timers, &credit);
}
