/* SPDX-License-Identifier: MIT */
/* One-shot timers (timer.h). */
#include <time/timer.h>
#include <arch/hart.h>
#include <arch/machine.h>
#include <lib/lib.h>
#include <sched/hart.h>

#define TIMER_CREDIT 20

static void update_next(struct hart *hart) {
    struct tree_node *n = tree_first(&hart->timers);
    hart->timers_next = n ? n->key : UINT64_MAX;
    hart->reconsider = true; /* the clock event device may have to be programmed */
}

void timers_init(void) {
    for (unsigned i = 0; i < ARCH_MAX_HARTS; i++)
        harts[i].timers_next = UINT64_MAX;
}

void timer_arm(struct timer *t, uint64_t at_ns) {
    timer_disarm(t);
    t->hart = this_hart();
    t->node.key = at_ns;
    tree_insert(&t->hart->timers, &t->node);
    update_next(t->hart);
}

void timer_disarm(struct timer *t) {
    if (!t->hart)
        return;
    tree_remove(&t->hart->timers, &t->node);
    update_next(t->hart);
    t->hart = NULL;
}

/* Those for whom the credit is not enough come by the next interrupt, for which they wait already. */
void timers_run(void) {
    int credit = STEP_CREDIT;
    for (; credit > 0 && this_hart()->timers_next <= arch_time_ns(); credit -= TIMER_CREDIT) {
        struct timer *t = CONTAINER_OF(tree_first(&this_hart()->timers), struct timer, node);
        timer_disarm(t);
        t->expired(t);
    }
}
