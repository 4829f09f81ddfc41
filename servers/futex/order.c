/* SPDX-License-Identifier: MIT */
/*
 * The order in a lock's queue: by priority, and among equals as they came. The first of each priority stand in a circle of
 * their own, which begins with the first of all; there are no more of them than priorities, so a place is found in
 * a bounded time.
 *
 * The first lends its priority to the lock's owner. The kernel sees to it that this goes on along chains of locks; here
 * it moves owners that wait themselves to other places.
 */
#include "lock.h"

#define CHANGED_MOST 32 /* locks along a chain in which places change at once */

static int32_t rank(const struct sleeper *sleeper) {
    return sleeper->waiter.priority;
}

static struct sleeper *level_behind(const struct sleeper *head) {
    return container_of(head->level.next, struct sleeper, level);
}

void order_alone(struct seat *seat) {
    struct sleeper *sleeper = seat_sleeper(seat);
    sleeper->heads = true;
    list_init(&sleeper->level);
}

struct place order_enter(struct seat *seat, struct seat *first) {
    struct sleeper *sleeper = seat_sleeper(seat), *top = seat_sleeper(first), *at = top;
    bool behind_all = false;
    while (!behind_all && rank(at) > rank(sleeper)) {
        at = level_behind(at);
        behind_all = at == top;
    }
    sleeper->heads = behind_all || rank(at) < rank(sleeper);
    if (sleeper->heads)
        list_insert_before(&at->level, &sleeper->level);
    else
        at = level_behind(at);
    return (struct place){&at->seats[0], sleeper->heads && at == top && !behind_all};
}

void order_leave(struct seat *seat) {
    struct sleeper *sleeper = seat_sleeper(seat);
    struct seat *next = seat_next(seat);
    if (!sleeper->heads)
        return;
    if (next && rank(seat_sleeper(next)) == rank(sleeper)) {
        seat_sleeper(next)->heads = true;
        list_insert_before(&sleeper->level, &seat_sleeper(next)->level);
    }
    list_remove(&sleeper->level);
}

/* Who has died lends nothing any more, and the notice of that is on its way. */
void lend_to(const struct sleeper *sleeper, uint64_t thread) {
    pk_may_fail(pk_lend(waiter_token(&sleeper->waiter), thread));
}

/* Out of the queue, and into it by another priority. It stays known to its owner if it is alone there. */
static void enter_again(struct sleeper *sleeper, int32_t priority) {
    struct seat *seat = &sleeper->seats[0];
    bool alone = seat->first && !seat_next(seat);
    if (!alone)
        seat_leave(seat);
    sleeper->waiter.priority = priority;
    if (!alone)
        must(seat_take(seat) ? 0 : -EINVAL);
    if (!seat->first)
        lend_to(sleeper, 0);
}

void order_changed(const struct client *client, uint32_t tid) {
    for (int locks = 0; locks < CHANGED_MOST; locks++) {
        struct sleeper *sleeper = lock_sleeper(client, tid);
        if (!sleeper)
            return;
        struct seat *seat = &sleeper->seats[0];
        long priority = pk_lend(waiter_token(&sleeper->waiter), seat->first ? seat->thread : 0);
        if (priority < 0 || priority == rank(sleeper))
            return; /* it has died, or nothing has changed */
        enter_again(sleeper, (int32_t)priority);
        tid = seat_first(&seat->name)->owner;
    }
}

long futex_handle_rescheduled(struct request *req, int pid, uint32_t tid) {
    const struct client *client = client_find((uint64_t)pid);
    (void)req;
    if (client)
        order_changed(client, tid);
    return 0;
}
