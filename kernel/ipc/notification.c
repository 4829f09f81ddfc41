/* SPDX-License-Identifier: MIT */
/* Notifications: a word of event bits, waited on alone or through the endpoint it is bound to. */
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <sched/sched.h>
#include <task/thread.h>

#define WAITER_CREDIT 6

static void timer_expired(struct timer *timer) {
    struct notification *n = CONTAINER_OF(timer, struct notification, timer);
    notification_signal(n, n->timer_bits);
}

struct notification *notification_create(struct account *account) {
    struct notification *n = slab_alloc(sizeof *n, account);
    if (!n)
        return NULL;
    *n = (struct notification){.timer = {.expired = timer_expired}};
    kobject_init(&n->kobject, PK_TYPE_NOTIFICATION, account);
    list_init(&n->waiters);
    return n;
}

/* The first waiter in a list of threads linked by `link`, taken off it. */
static struct thread *take_first(struct list *head) {
    struct thread *t = CONTAINER_OF(head->next, struct thread, link);
    list_remove(&t->link);
    return t;
}

enum ending notification_end_step(struct kobject *k, int *credit) {
    struct notification *n = notification_of(k);
    /* Waiters' own task dropped it: nobody will ever signal. */
    for (; !list_empty(&n->waiters); *credit -= WAITER_CREDIT) {
        if (*credit <= 0)
            return ENDING_MORE;
        struct thread *t = take_first(&n->waiters);
        t->regs.x[REG_RESULT] = (uint64_t)-EHOSTDOWN;
        sched_ready(t);
    }
    timer_disarm(&n->timer);
    slab_free(n, sizeof *n, k->account);
    return ENDING_DONE;
}

void notification_destroy(struct kobject *k) {
    int credit = WAITER_CREDIT;
    if (notification_end_step(k, &credit) != ENDING_DONE)
        kobject_doom(k);
}

void notification_signal(struct notification *n, uint64_t bits) {
    if (!n->bits && n->bound)
        n->arrivals = n->bound->arrivals;
    n->bits |= bits;
    if (!n->bits)
        return;
    if (!list_empty(&n->waiters)) {
        struct thread *t = take_first(&n->waiters);
        t->regs.x[REG_RESULT] = n->bits;
        n->bits = 0;
        sched_ready(t);
    } else if (n->bound) {
        struct thread *t = endpoint_take_receiver(n->bound);
        if (!t) {
            n->bound->pending = true;
            return;
        }
        message_events(t, n->bits);
        n->bits = 0;
        sched_ready(t);
    }
}
