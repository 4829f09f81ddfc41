/* SPDX-License-Identifier: MIT */
/* Waiting at a word. */
#include "lock.h"
#include <stdlib.h>

static void leave_seats(struct sleeper *sleeper) {
    for (uint32_t i = 0; i < sleeper->seats_taken; i++)
        seat_leave(&sleeper->seats[i]);
}

/* Who had the lock for which it waited is lent less now, perhaps. */
static __attribute__((noinline)) void leave_lock(struct sleeper *sleeper) {
    uint32_t owner = seat_first(&sleeper->seats[0].name)->owner;
    lock_sleeps_no_more(sleeper);
    leave_seats(sleeper);
    if (owner == sleeper->tid)
        return;
    lend_to(sleeper, 0);
    order_changed(sleeper->waiter.client, owner);
}

static void leave_all(struct sleeper *sleeper) {
    if (sleeper->locking)
        leave_lock(sleeper);
    else
        leave_seats(sleeper);
}

/* Who was moved to a lock cannot begin anew: the word at which it waited before has changed. */
static long ended(struct waiter *waiter, enum waiter_end why) {
    struct sleeper *sleeper = container_of(waiter, struct sleeper, waiter);
    bool moved = sleeper->lock.id && sleeper->seats[0].kind == SEAT_LOCK;
    leave_all(sleeper);
    free(sleeper);
    return why == WAITER_EXPIRED ? -ETIMEDOUT : moved ? -EAGAIN : -EINTR;
}

static const struct waiter_ops sleeper_ops = {.ended = ended};

struct sleeper *sleeper_new(const struct request *req, struct client *client, uint32_t seats,
                            uint64_t deadline) {
    struct sleeper *sleeper = malloc(sizeof(*sleeper) + seats * sizeof(sleeper->seats[0]));
    if (!sleeper)
        return 0;
    waiter_init(&sleeper->waiter, req, client, &sleeper_ops);
    if (deadline != FUTEX_FOREVER && waiter_set_deadline(&sleeper->waiter, deadline) < 0) {
        waiter_remove(&sleeper->waiter);
        free(sleeper);
        return 0;
    }
    sleeper->seats_taken = 0;
    sleeper->many = false;
    sleeper->tid = 0;
    sleeper->locking = false;
    sleeper->lock = (struct pk_word_name){0, 0};
    return sleeper;
}

long sleeper_sit(struct sleeper *sleeper, const struct pk_word_name *name, enum seat_kind kind,
                 uint32_t bitset) {
    struct seat *seat = &sleeper->seats[sleeper->seats_taken];
    seat->index = (uint8_t)sleeper->seats_taken;
    seat->kind = (uint8_t)kind;
    seat->bitset = bitset;
    seat->name = *name;
    if (kind == SEAT_LOCK)
        sleeper->waiter.priority = (int32_t)pk_lend(waiter_token(&sleeper->waiter), 0);
    if (!seat_take(seat))
        return -EINVAL;
    sleeper->seats_taken++;
    return 0;
}

void sleeper_drop(struct sleeper *sleeper) {
    leave_all(sleeper);
    waiter_remove(&sleeper->waiter);
    free(sleeper);
}

void sleeper_answer(struct sleeper *sleeper, long answer) {
    leave_all(sleeper);
    waiter_finish(&sleeper->waiter, answer);
    free(sleeper);
}

void sleeper_wake(struct seat *seat) {
    struct sleeper *sleeper = seat_sleeper(seat);
    sleeper_answer(sleeper, sleeper->many ? seat->index : 0);
}

long look_at_word(const struct request *req, uint32_t value, uint32_t flags,
                  struct pk_word_name *name) {
    long word = pk_caller_word(req->token, 0, flags & FUTEX_OWN, name);
    if (word < 0)
        return word;
    return flags & FUTEX_COMPARE && (uint32_t)word != value ? -EAGAIN : 0;
}

long futex_handle_wait(struct request *req, uint32_t value, uint32_t bitset, uint32_t flags,
                       uint64_t deadline) {
    struct client *client = request_client(req);
    struct pk_word_name name;
    if (!client)
        return -EBADF;
    if (!bitset)
        return -EINVAL;
    long error = look_at_word(req, value, flags | FUTEX_COMPARE, &name);
    if (error < 0)
        return error;
    struct sleeper *sleeper = sleeper_new(req, client, 1, deadline);
    if (!sleeper)
        return -ENOMEM;
    error = sleeper_sit(sleeper, &name, SEAT_PLAIN, bitset);
    if (error < 0)
        sleeper_drop(sleeper);
    return error < 0 ? error : SERVER_DEFER;
}
