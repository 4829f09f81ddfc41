/* SPDX-License-Identifier: MIT */
/* Endpoints: where callers queue by priority and servers wait. */
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>

#define WAITER_CREDIT 16

struct endpoint *endpoint_create(struct account *account, struct notification *bind) {
    struct endpoint *e = slab_alloc(sizeof *e, account);
    if (!e)
        return NULL;
    *e = (struct endpoint){.bound = bind, .pending = bind};
    kobject_init(&e->kobject, PK_TYPE_ENDPOINT, account);
    ranked_init(&e->callers);
    list_init(&e->receivers);
    list_init(&e->notices);
    if (bind) {
        kobject_hold(&bind->kobject);
        bind->bound = e;
    }
    return e;
}

void endpoint_add_receiver(struct endpoint *e, struct thread *r) {
    if (e->server == r)
        e->waiting = r;
    else
        list_append(&e->receivers, &r->link);
}

void endpoint_set_server(struct endpoint *e, struct thread *r) {
    struct thread *before = e->server;
    e->server = r;
    if (!before || before == r)
        return;
    if (e->waiting == before) {
        e->waiting = NULL;
        list_append(&e->receivers, &before->link);
    } else if (before->state != THREAD_RECEIVING) {
        before->receiving = NULL; /* e may go before it receives again, and would not tell it */
    }
}

struct thread *endpoint_take_receiver(struct endpoint *e) {
    struct thread *r = e->waiting;
    if (r) {
        e->waiting = NULL;
    } else if (!list_empty(&e->receivers)) {
        r = CONTAINER_OF(e->receivers.next, struct thread, link);
        list_remove(&r->link);
    }
    if (r && e->server != r)
        r->receiving = NULL; /* e may go before r receives again, and would not tell it */
    return r;
}

void endpoint_remove_receiver(struct thread *r) {
    if (r->receiving->waiting == r)
        r->receiving->waiting = NULL;
    else
        list_remove(&r->link);
}

void endpoint_add_receive_cap(struct kobject *k) {
    endpoint_of(k)->receiver_caps++;
}

/* Fails a caller, or a receiver, or drops a notice; false if there are none any more. */
static bool fail_one(struct endpoint *e) {
    struct thread *t;
    if (!ranked_empty(&e->callers)) {
        call_fail(ranked_first(&e->callers), -EHOSTDOWN);
    } else if ((t = endpoint_take_receiver(e))) {
        t->regs.x[REG_RESULT] = (uint64_t)-EHOSTDOWN;
        sched_ready(t);
    } else if (!list_empty(&e->notices)) {
        notice_drop(CONTAINER_OF(e->notices.next, struct thread, call.notice));
    } else {
        return false;
    }
    return true;
}

/* It may have a receiver again before all are told: the rest is that one's. */
enum ending endpoint_end_step(struct kobject *k, int *credit) {
    struct endpoint *e = endpoint_of(k);
    for (; !e->receiver_caps && fail_one(e); *credit -= WAITER_CREDIT)
        if (*credit <= 0)
            return ENDING_MORE;
    kobject_ended(k);
    return ENDING_DONE;
}

void endpoint_drop_receive_cap(struct kobject *k) {
    if (--endpoint_of(k)->receiver_caps || !list_empty(&k->doomed))
        return;      /* or those who waited before are being told already, and all others will be */
    kobject_hold(k); /* its callers' references go */
    int credit = WAITER_CREDIT;
    if (endpoint_end_step(k, &credit) != ENDING_DONE)
        kobject_doom(k);
}

void endpoint_destroy(struct kobject *k) {
    struct endpoint *e = endpoint_of(k);
    ASSERT(ranked_empty(&e->callers) &&
           list_empty(&e->notices)); /* their references are gone too */
    if (e->server)
        e->server->receiving = NULL;
    if (e->bound) {
        e->bound->bound = NULL;
        kobject_put(&e->bound->kobject);
    }
    slab_free(e, sizeof *e, k->account);
}
