/* SPDX-License-Identifier: MIT */
/*
 * Donation: who waits makes whom it waits for as urgent as it is itself.
 *
 * A caller waits for the thread that serves the endpoint where it queues, or that works on its call. If its server knows
 * better, it lends the caller's priority to another thread (`lend`): the one that must do something before the call can be
 * answered. The kernel need not know what that is. A thread that is lent something and waits itself gives it on, and so on.
 *
 * Who serves is raised, and falls to its own priority when it receives again. What is lent is part of the
 * borrower's own priority (thread.base_priority) as long as it is lent: until the call ends, however that happens, or is lent
 * to somebody else.
 */
#ifndef IPC_DONATE_H
#define IPC_DONATE_H

#include <stdbool.h>

struct thread;

/* t, which may wait, has a priority that it had not before, or has begun to wait. */
void donate(struct thread *t);
/* What t has of its own, whatever is lent to it. */
void donate_set_priority(struct thread *t, unsigned priority);
/* The call of a caller that is not in hand is lent to a thread from now on, or (NULL) to nobody. */
void lend(struct thread *caller, struct thread *to);
/* Switched off, who waits makes nobody more urgent; what is lent already stays so until that changes. */
extern bool donation_on;

#endif
