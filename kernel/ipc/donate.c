/* SPDX-License-Identifier: MIT */
/* Donation of priorities (donate.h), all under the kernel lock. */
#include <ipc/donate.h>
#include <ipc/ipc.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>

/* Threads along which a change goes on at once; behind them it is left as it was. */
#define DONATION_DEPTH 64

bool donation_on = true;

static unsigned at_least(unsigned a, unsigned b) {
    return a > b ? a : b;
}

static unsigned rank(const struct thread *t) {
    return t ? t->sched.priority : 0;
}

/*
 * A reservation is not lent, for nobody would keep account of it, and who got it could keep the hart for ever. What is lent
 * instead is the priority below it, which has the budget of all urgent threads (sched/urgent.h).
 */
static unsigned own_priority(const struct thread *t) {
    unsigned lent = donation_on ? rank(ranked_first(&t->lenders)) : 0;
    if (lent == PK_PRIORITY_RESERVED)
        lent--;
    return at_least(t->given_priority, lent);
}

/* What its callers make of a server that works for them; 0 for others. */
static unsigned priority_of_calls(const struct thread *t) {
    const struct endpoint *e = t->receiving;
    const struct thread *caller = t->task->in_hand;
    if (!e || e->server != t)
        return 0;
    unsigned served = caller && caller->call.endpoint == e ? rank(caller) : 0;
    return donation_on ? at_least(served, rank(ranked_first(&e->callers))) : served;
}

/* Its own priority is what it has and what it is lent. True if that has changed. */
static bool rebase(struct thread *t) {
    unsigned own = own_priority(t);
    if (own == t->base_priority || t->state == THREAD_ENDED)
        return false;
    t->base_priority = (uint8_t)own;
    sched_set_priority(t, at_least(own, priority_of_calls(t)));
    return true;
}

/* Who serves t, or is to. */
static struct thread *server_of(const struct thread *t) {
    if (t->state != THREAD_QUEUED && t->state != THREAD_SERVED)
        return NULL;
    struct thread *server = t->call.endpoint->server;
    bool serves = server && (t->state == THREAD_QUEUED || server->task->in_hand == t);
    return serves ? server : NULL;
}

/* A server is only raised: it falls when it receives. */
static struct thread *raise_server(const struct thread *t) {
    struct thread *server = server_of(t);
    if (!donation_on || !server || rank(server) >= rank(t))
        return NULL;
    sched_set_priority(server, rank(t));
    return server;
}

static struct ranked *place_of(const struct thread *t) {
    if (t->state == THREAD_QUEUED)
        return &t->call.endpoint->callers;
    return t->call.lent_to ? &t->call.lent_to->lenders : NULL;
}

/* t takes the place that its priority gives it, and whom it waits for hears of it: that one, if it has another priority now. */
static struct thread *give_on(struct thread *t) {
    struct ranked *place = place_of(t);
    if (place && t->call.priority != t->sched.priority) {
        ranked_remove(place, t);
        ranked_insert(place, t);
    }
    struct thread *to = t->call.lent_to;
    if (to)
        return rebase(to) ? to : NULL;
    return raise_server(t);
}

/*
 * A chain that closes ends here, too: who is raised is raised to what the first one has, once. (One that closes and is
 * lowered may stay too high until it is broken; but nobody in it runs.)
 */
void donate(struct thread *t) {
    for (int depth = 0; t && depth < DONATION_DEPTH; depth++)
        t = give_on(t);
    if (t && place_of(t)) { /* only its place: invariants hold at the end of long chains, too */
        ranked_remove(place_of(t), t);
        ranked_insert(place_of(t), t);
    }
}

void donate_set_priority(struct thread *t, unsigned priority) {
    t->given_priority = (uint8_t)priority;
    if (rebase(t))
        donate(t);
}

static void take_back(struct thread *caller) {
    struct thread *from = caller->call.lent_to;
    ranked_remove(&from->lenders, caller);
    caller->call.lent_to = NULL;
    if (rebase(from))
        donate(from);
    kobject_put(&from->kobject); /* held, so that it may end while it is lent something */
}

void lend(struct thread *caller, struct thread *to) {
    if (caller->call.lent_to == to)
        return;
    if (caller->call.lent_to)
        take_back(caller);
    if (!to || to->state == THREAD_ENDED)
        return;
    kobject_hold(&to->kobject);
    caller->call.lent_to = to;
    ranked_insert(&to->lenders, caller);
    donate(caller);
}
