/* SPDX-License-Identifier: MIT */
/* The table of words, and the circles of seats. */
#include "futex.h"
#include <stdlib.h>

static struct hash words;
static struct hash owners; /* of locks for which others wait */
static uint64_t next_ticket;
static uint64_t taken;

uint64_t seat_ticket_next(void) {
    return next_ticket;
}

uint64_t seat_count(void) {
    return taken;
}

/* Words that meet in a key are told apart by their names. hash_multiplier is secret, so nobody makes many meet. */
static uint64_t key_of(const struct pk_word_name *name) {
    return name->id * hash_multiplier + name->offset;
}

static struct seat *seat_of_node(struct hash_node *node) {
    return container_of(node, struct seat, node);
}

struct seat *seat_first(const struct pk_word_name *name) {
    struct hash_node *node = hash_find(&words, key_of(name));
    for (; node; node = hash_next(node)) {
        struct seat *seat = seat_of_node(node);
        if (seat->name.id == name->id && seat->name.offset == name->offset)
            return seat;
    }
    return 0;
}

static void make_first(struct seat *seat) {
    seat->first = true;
    hash_insert(&words, &seat->node, key_of(&seat->name));
}

void seat_set_owner(struct seat *first, uint32_t tid) {
    if (first->owner)
        hash_remove(&owners, &first->owned);
    first->owner = tid;
    if (tid)
        hash_insert(&owners, &first->owned, tid);
}

struct seat *seat_owned_by(uint32_t tid) {
    struct hash_node *node = hash_find(&owners, tid);
    return node ? container_of(node, struct seat, owned) : 0;
}

bool seat_take(struct seat *seat) {
    struct seat *first = seat_first(&seat->name);
    if (first && (first->kind == SEAT_LOCK) != (seat->kind == SEAT_LOCK))
        return false;
    seat->ticket = next_ticket++;
    seat->first = false;
    seat->owner = 0;
    list_init(&seat->link);
    if (first)
        list_insert_before(&first->link, &seat->link);
    else
        make_first(seat);
    taken++;
    return true;
}

void seat_leave(struct seat *seat) {
    struct seat *next = container_of(seat->link.next, struct seat, link);
    list_remove(&seat->link);
    taken--;
    if (!seat->first)
        return;
    hash_remove(&words, &seat->node);
    if (next != seat)
        make_first(next);
    if (seat->owner) {
        if (next != seat)
            seat_set_owner(next, seat->owner);
        seat_set_owner(seat, 0);
    }
}

void seat_mark(struct seat *mark, struct seat *before) {
    mark->first = false;
    mark->bitset = 0;
    mark->kind = SEAT_PLAIN;
    mark->owner = 0;
    mark->name = before->name;
    mark->ticket = before->ticket;
    list_insert_before(&before->link, &mark->link);
    taken++;
}
