/* SPDX-License-Identifier: MIT */
/*
 * Threads that wait, most urgent first, those of a priority in the order in which they came: the callers of an endpoint, and
 * those that lend a thread their priority. A thread waits at one place at most, so the links are in itself.
 */
#ifndef IPC_RANKED_H
#define IPC_RANKED_H

#include <lib/lib.h>

struct thread;

struct ranked {
    struct list threads;
    struct list levels; /* the first of each priority among them */
};

static inline void ranked_init(struct ranked *r) {
    list_init(&r->threads);
    list_init(&r->levels);
}

static inline bool ranked_empty(const struct ranked *r) {
    return list_empty(&r->threads);
}

/* Behind everybody at least as urgent, in a time that does not depend on how many that are. */
void ranked_insert(struct ranked *r, struct thread *t);
/* Takes it out; one that stands nowhere stays so. */
void ranked_remove(struct ranked *r, struct thread *t);
/* The most urgent, or NULL. */
struct thread *ranked_first(const struct ranked *r);

#endif
