/* SPDX-License-Identifier: MIT */
/* What threads leave in memory at their ends (robust.c), in steps (departure.c). */
#ifndef PROC_DEPARTURE_H
#define PROC_DEPARTURE_H

#include "proc.h"

#define DEPARTURE_CREDIT 48 /* of a step: some 50,000 instructions */

/* A thread that is no more, while its memory is looked at. */
struct leaver {
    struct list link; /* struct departure.leavers */
    int tid;
    bool connected;               /* the futex server may know it, and is to be told */
    bool begun;                   /* the list's head has been read */
    uint64_t list, clear_tid;     /* addresses; 0: none */
    uint64_t seat, owner;         /* where the list's may be (seat_read_at()); 0: not there */
    uint64_t next, pending, seen; /* of the list: entries */
    int64_t offset;
    unsigned entries; /* that have been looked at */
};

/* robust.c. t has ended, or is about to with its process; its addresses are the leaver's. False: it leaves nothing. */
bool leaver_begin(struct leaver *l, struct thread *t);
/* Does some of it, and lowers the credit. True: it is done. */
bool leaver_step(struct leaver *l, uint64_t task, int *credit);
/* The list is given up, or at its end. */
void leaver_finish(struct leaver *l, uint64_t task, int *credit);

/* departure.c. At once as far as *credit goes, and the rest later. */
void thread_leaves_memory(struct thread *t, int *credit);
/* p has ended. True: its task and its account are kept, and it is told of (process_left()) when that is over. */
bool departure_keeps_process(struct process *p);
/* p executes another program, and was in that task. True: it is kept. */
bool departure_keeps_task(struct process *p, uint64_t task);

#endif
