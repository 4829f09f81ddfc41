/* SPDX-License-Identifier: MIT */
/* Whether the queues are what futex.h and lock.h say of them (lib/check.h). */
#include "lock.h"
#include <lib/check.h>

struct totals {
    size_t seats, lockers, locks;
};

static bool same(const struct pk_word_name *a, const struct pk_word_name *b) {
    return a->id == b->id && a->offset == b->offset;
}

/* One that is taken by somebody. */
static void check_taken(struct seat *seat) {
    const struct sleeper *sleeper = seat_sleeper(seat);
    CHECK(seat->index < sleeper->seats_taken, seat);
    CHECK(sleeper->locking == (seat->kind == SEAT_LOCK), seat);
    CHECK(seat->kind != SEAT_TO_LOCK || sleeper->lock.id, seat);
}

/* Behind another in a lock's queue, or (NULL) the first. *head: the last one that was the first of its priority. */
static void check_order(struct seat *seat, struct seat *before, struct sleeper **head) {
    struct sleeper *sleeper = seat_sleeper(seat);
    int32_t above = before ? seat_sleeper(before)->waiter.priority : INT32_MAX;
    CHECK(sleeper->waiter.priority <= above, seat);
    CHECK(sleeper->heads == (!before || sleeper->waiter.priority < above), seat);
    CHECK(before || seat->owner, seat);
    if (!sleeper->heads)
        return;
    CHECK(!*head || (*head)->level.next == &sleeper->level, seat);
    *head = sleeper;
}

static void check_seat(struct seat *seat, const struct seat *first, const struct seat *before) {
    CHECK(seat->first == (seat == first), seat);
    CHECK(same(&seat->name, &first->name), seat);
    CHECK((seat->kind == SEAT_LOCK) == (first->kind == SEAT_LOCK), seat);
    CHECK(seat->ticket < futex_state.next_ticket, seat);
    CHECK(!before || seat->kind == SEAT_LOCK || before->ticket <= seat->ticket, seat);
    if (seat->bitset)
        check_taken(seat);
}

static void check_word(struct hash_node *node, void *data) {
    struct seat *first = container_of(node, struct seat, node), *before = NULL;
    struct sleeper *head = NULL;
    struct totals *totals = data;
    bool lock = first->kind == SEAT_LOCK;
    size_t others = list_check(&first->link), seats = totals->seats;
    for (struct seat *seat = first; seat; before = seat, seat = seat_next(seat)) {
        check_seat(seat, first, before);
        if (lock)
            check_order(seat, before, &head);
        totals->seats++;
        totals->lockers += lock;
    }
    CHECK(totals->seats - seats == others + 1, first);
    CHECK(!head || head->level.next == &seat_sleeper(first)->level, first);
    totals->locks += lock;
}

static void check_owner(struct hash_node *node, void *data) {
    const struct seat *first = container_of(node, struct seat, owned);
    (void)data;
    CHECK(first->first && first->kind == SEAT_LOCK && first->owner == node->key, first);
}

static void check_wanting(struct hash_node *node, void *data) {
    const struct sleeper *sleeper = container_of(node, struct sleeper, wanting);
    (void)data;
    CHECK(sleeper->locking && sleeper->tid == (uint32_t)node->key, sleeper);
}

void futex_check(void) {
    struct totals totals = {0};
    hash_check(&futex_state.words, check_word, &totals);
    CHECK(totals.seats == futex_state.taken, &futex_state);
    CHECK(totals.locks == hash_check(&futex_state.owners, check_owner, NULL), &futex_state);
    CHECK(totals.lockers == hash_check(&futex_state.wanting, check_wanting, NULL), &futex_state);
    hash_check(&futex_state.known, NULL, NULL);
}
