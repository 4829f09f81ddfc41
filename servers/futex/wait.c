/* SPDX-License-Identifier: MIT */
/* Waiting at a word. */
#include "futex.h"
#include <stdlib.h>

static void leave_all(struct sleeper *sleeper) {
    for (uint32_t i = 0; i < sleeper->seats_taken; i++)
        seat_leave(&sleeper->seats[i]);
}

static long ended(struct waiter *waiter, enum waiter_end why) {
    struct sleeper *sleeper = container_of(waiter, struct sleeper, waiter);
    leave_all(sleeper);
    free(sleeper);
    return why == WAITER_EXPIRED ? -ETIMEDOUT : -EINTR;
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
    return sleeper;
}

void sleeper_sit(struct sleeper *sleeper, const struct pk_word_name *name, uint32_t bitset) {
    struct seat *seat = &sleeper->seats[sleeper->seats_taken];
    seat->index = (uint8_t)sleeper->seats_taken++;
    seat->bitset = bitset;
    seat->name = *name;
    seat_take(seat);
}

void sleeper_wake(struct seat *seat) {
    struct sleeper *sleeper = seat_sleeper(seat);
    long answer = sleeper->many ? seat->index : 0;
    leave_all(sleeper);
    waiter_finish(&sleeper->waiter, answer);
    free(sleeper);
}

long futex_handle_wait(struct request *req, uint32_t value, uint32_t bitset, uint32_t flags,
                       uint64_t deadline) {
    struct client *client = request_client(req);
    struct pk_word_name name;
    if (!client)
        return -EBADF;
    if (!bitset)
        return -EINVAL;
    long word = pk_caller_word(req->token, 0, flags & FUTEX_OWN, &name);
    if (word < 0)
        return word;
    if ((uint32_t)word != value)
        return -EAGAIN;
    struct sleeper *sleeper = sleeper_new(req, client, 1, deadline);
    if (!sleeper)
        return -ENOMEM;
    sleeper_sit(sleeper, &name, bitset);
    return SERVER_DEFER;
}
