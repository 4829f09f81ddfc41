/* SPDX-License-Identifier: MIT */
/* How a process stops and goes on (halt.c). */
#ifndef PROC_HALT_H
#define PROC_HALT_H

#include <lib/job.h>

struct process;
struct thread;

/* On the way there. */
struct halt {
    struct job job;
    struct thread *next; /* to be looked at; NULL: none */
    int signal;          /* that has stopped it */
    bool poked;          /* it goes on: what was pending for its threads has acted */
};

/* By a signal; it may be stopped already. */
void process_stop(struct process *p, int signal);
/* It may be its end; or it is not stopped. */
void process_continue(struct process *p);

/* t, which its tracer let run on while its process was stopped, is to stop, too. */
void halt_hold(struct thread *t);

void halt_init(struct process *p);
void halt_thread_ends(const struct thread *t);
void halt_end(struct process *p); /* p ends */

#endif
