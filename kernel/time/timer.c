/* SPDX-License-Identifier: MIT */
/* One-shot timers (timer.h). */
#include <time/timer.h>
#include <arch/hart.h>
#include <arch/machine.h>
#include <lib/lib.h>
#include <sched/hart.h>

void timer_arm(struct timer *t, uint64_t at_ns) {
    timer_disarm(t);
    t->hart = this_hart();
    t->node.key = at_ns;
    tree_insert(&t->hart->timers, &t->node);
}

void timer_disarm(struct timer *t) {
    if (!t->hart)
        return;
    tree_remove(&t->hart->timers, &t->node);
    t->hart = NULL;
}

static struct timer *first(void) {
    struct tree_node *n = tree_first(&this_hart()->timers);
    return n ? CONTAINER_OF(n, struct timer, node) : NULL;
}

void timers_run(void) {
    struct timer *t;
    while ((t = first()) && t->node.key <= arch_time_ns()) {
        timer_disarm(t);
        t->expired(t);
    }
}

uint64_t timers_next(void) {
    struct timer *t = first();
    return t ? t->node.key : UINT64_MAX;
}
