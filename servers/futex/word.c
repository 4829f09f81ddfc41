/* SPDX-License-Identifier: MIT */
/* The table of words, and the circles of seats. */
#include "lock.h"
#include <stdlib.h>

struct futex_state futex_state;

uint64_t seat_ticket_next(void) {
    return futex_state.next_ticket;
}

uint64_t seat_count(void) {
    return futex_state.taken;
}

/* Words that meet in a key are told apart by their names. hash_multiplier is secret, so nobody makes many meet. */
static uint64_t key_of(const struct pk_word_name *name) {
    return name->id * hash_multiplier + name->offset;
}

static struct seat *seat_of_node(struct hash_node *node) {
    return container_of(node, struct seat, node);
}

struct seat *seat_first(const struct pk_word_name *name) {
    struct hash_node *node = hash_find(&futex_state.words, key_of(name));
    for (; node; node = hash_next(node)) {
        struct seat *seat = seat_of_node(node);
        if (seat->name.id == name->id && seat->name.offset == name->offset)
            return seat;
    }
    return 0;
}

static void make_first(struct seat *seat) {
    seat->first = true;
    hash_insert(&futex_state.words, &seat->node, key_of(&seat->name));
}

/* Another seat is the first now: what the first knows is its. */
static void hand_over(struct seat *from, struct seat *to) {
    if (from->owner) {
        hash_remove(&futex_state.owners, &from->owned);
        hash_insert(&futex_state.owners, &to->owned, from->owner);
    }
    to->owner = from->owner;
    to->thread = from->thread;
    from->owner = 0;
    from->thread = 0;
    lend_to(seat_sleeper(to), to->thread);
}

void seat_set_owner(struct seat *first, uint32_t tid, uint64_t thread) {
    if (first->owner)
        hash_remove(&futex_state.owners, &first->owned);
    if (first->thread)
        must(pk_cap_drop(0, first->thread));
    first->owner = tid;
    first->thread = thread;
    if (tid)
        hash_insert(&futex_state.owners, &first->owned, tid);
}

struct seat *seat_owned_by(uint32_t tid) {
    struct hash_node *node = hash_find(&futex_state.owners, tid);
    return node ? container_of(node, struct seat, owned) : 0;
}

/* Locks' queues are seldom: what they need does not cost the others. */
#define NOINLINE __attribute__((noinline))

static NOINLINE void take_by_priority(struct seat *seat, struct seat *first) {
    seat->owner = 0;
    seat->thread = 0;
    if (!first) {
        order_alone(seat);
        make_first(seat);
        return;
    }
    struct place place = order_enter(seat, first);
    list_insert_before(&place.before->link, &seat->link);
    if (!place.leads)
        return;
    hash_remove(&futex_state.words, &first->node);
    first->first = false;
    make_first(seat);
    hand_over(first, seat);
    lend_to(seat_sleeper(first), 0);
}

bool seat_take(struct seat *seat) {
    struct seat *first = seat_first(&seat->name);
    if (first && (first->kind == SEAT_LOCK) != (seat->kind == SEAT_LOCK))
        return false;
    seat->ticket = futex_state.next_ticket++;
    seat->first = false;
    list_init(&seat->link);
    futex_state.taken++;
    if (seat->kind == SEAT_LOCK)
        take_by_priority(seat, first);
    else if (first)
        list_insert_before(&first->link, &seat->link);
    else
        make_first(seat);
    return true;
}

static void leave_circle(struct seat *seat) {
    struct seat *next = container_of(seat->link.next, struct seat, link);
    list_remove(&seat->link);
    futex_state.taken--;
    if (!seat->first)
        return;
    hash_remove(&futex_state.words, &seat->node);
    if (next != seat)
        make_first(next);
}

static NOINLINE void leave_lock(struct seat *seat) {
    struct seat *next = container_of(seat->link.next, struct seat, link);
    bool first = seat->first;
    order_leave(seat);
    leave_circle(seat);
    if (first && next != seat)
        hand_over(seat, next);
    else if (first)
        seat_set_owner(seat, 0, 0);
}

void seat_leave(struct seat *seat) {
    if (seat->kind == SEAT_LOCK)
        leave_lock(seat);
    else
        leave_circle(seat);
}

void seat_mark(struct seat *mark, struct seat *before) {
    mark->first = false;
    mark->bitset = 0;
    mark->kind = SEAT_PLAIN;
    mark->name = before->name;
    mark->ticket = before->ticket;
    list_insert_before(&before->link, &mark->link);
    futex_state.taken++;
}
