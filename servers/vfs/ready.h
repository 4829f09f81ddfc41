/* SPDX-License-Identifier: MIT */
/*
 * Sets of things that may be ready, and the list of those that are: the logic of epoll(7). Pure data: what an item is
 * about, and who waits, is the user's (epoll.c).
 *
 * Invariants: an item that is ready is in the list unless it was taken from there and is edge-triggered or has had its
 * one shot. What is in the list need not be ready any more: it is looked at before it is taken. So whatever happens
 * costs nothing for items to which nothing happened.
 */
#ifndef VFS_READY_H
#define VFS_READY_H

#include <common/tree.h>
#include <lib/list.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READY_EXCLUSIVE (1u << 28) /* EPOLLEXCLUSIVE */
#define READY_WAKEUP (1u << 29)    /* EPOLLWAKEUP: accepted */
#define READY_ONE_SHOT (1u << 30)  /* EPOLLONESHOT */
#define READY_EDGE (1u << 31)      /* EPOLLET */
#define READY_HOW (READY_EXCLUSIVE | READY_WAKEUP | READY_ONE_SHOT | READY_EDGE)

struct ready_item {
    struct tree_node place; /* in the set */
    struct list link;       /* in the list of those that are ready */
    uint32_t events;        /* what is asked for, LX_POLL*; none after its one shot; and READY_* */
    uint64_t data;          /* the program's */
};

struct ready_set {
    struct tree items;
    struct list ready;
    /* What of what the item is about holds now, LX_POLL*. */
    uint32_t (*look)(struct ready_item *item);
};

/* An item and what of that which it asks for holds. */
struct ready_event {
    struct ready_item *item;
    uint32_t events;
};

void ready_init(struct ready_set *set, uint32_t (*look)(struct ready_item *item));
/* The item of that key, or NULL; keys are the user's, one an item. */
struct ready_item *ready_find(const struct ready_set *set, uint64_t key);
void ready_add(struct ready_set *set, struct ready_item *item, uint64_t key);
void ready_remove(struct ready_set *set, struct ready_item *item);
/* Some item, or NULL. */
struct ready_item *ready_any(const struct ready_set *set);

/* Something happened to what it is about, `what` of LX_POLL*: is it ready? Then it is in the list. */
bool ready_changed(struct ready_set *set, struct ready_item *item, uint32_t what);

/*
 * The first that are ready, `most` at most, without taking them: how many. *more: there may be others behind them, for
 * no more than `looks` are looked at.
 */
size_t ready_look(struct ready_set *set, struct ready_event *events, size_t most, size_t looks,
                  bool *more);
/* Those have been told: those that are level-triggered go to the end of the list, the others leave it. */
void ready_take(struct ready_set *set, const struct ready_event *events, size_t count);

#endif
