/* SPDX-License-Identifier: MIT */
/* A thread's place in its process's memory (seat.c). */
#ifndef PROC_SEAT_H
#define PROC_SEAT_H

#include "proc.h"
#include <parley/personality.h>
#include <stddef.h>

#define FIRST_SEAT 1 /* of a process's first thread */

/* A seat for one thread more of a process; 0: there is none. It is taken until it is given back. */
unsigned seat_take(struct process *p);
void seat_give(struct process *p, unsigned seat);
void seats_free(struct process *p); /* all */

/* In its process; t has one. */
static inline uint64_t seat_address(const struct thread *t) {
    return exec_state() + offsetof(struct personality_state, seats) +
           (t->seat - 1ull) * sizeof(struct personality_seat);
}

/* What stands there. False: it is not that owner's yet, or any more. */
static inline bool seat_read_at(uint64_t task, uint64_t address, uint64_t owner,
                                struct personality_seat *seat) {
    return pk_task_copy_in(task, seat, address, sizeof *seat) >= 0 && seat->owner == owner;
}

/* The same of a thread; false, too: it has none. */
static inline bool seat_read(const struct thread *t, struct personality_seat *seat) {
    uint64_t task = t->process->task;
    return t->seat && task && seat_read_at(task, seat_address(t), t->owner, seat);
}

/* t ends without having left its seat. */
void seat_clear(const struct thread *t);

#endif
