/* SPDX-License-Identifier: MIT */
/*
 * Intrusive doubly linked list with a head node. An empty head, and a node that is in no list, point
 * to themselves; so removal needs no head and removing twice does no harm.
 */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* The structure that has `member` at `pointer`. */
#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_INIT(name)                                                                            \
    { &(name), &(name) }

static inline void list_init(struct list *node) {
    node->next = node;
    node->prev = node;
}

static inline bool list_empty(const struct list *head) {
    return head->next == head;
}

/* Inserts `node` before `where`: at the tail, if `where` is the head. */
static inline void list_insert_before(struct list *where, struct list *node) {
    node->next = where;
    node->prev = where->prev;
    where->prev->next = node;
    where->prev = node;
}

static inline void list_add_tail(struct list *head, struct list *node) {
    list_insert_before(head, node);
}

static inline void list_add_head(struct list *head, struct list *node) {
    list_insert_before(head->next, node);
}

static inline void list_remove(struct list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Moves all nodes of a list to the tail of another. */
static inline void list_move_all(struct list *to, struct list *from) {
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* Walks; the body may remove the node it stands on. `at` and `after` are struct list pointers. */
#define list_for_each(at, after, head)                                                             \
    for ((at) = (head)->next, (after) = (at)->next; (at) != (head);                                \
         (at) = (after), (after) = (at)->next)

#endif
