/* SPDX-License-Identifier: MIT */
/* The heap of waiters with deadlines, over the server's one kernel timer. Used by waiter.c only. */
#ifndef LIB_DEADLINE_H
#define LIB_DEADLINE_H

#include <lib/waiter.h>

void deadline_remove(struct waiter *waiter);

/* The earliest waiter if its time has come, still in the heap; else 0. */
struct waiter *deadline_due(void);

/* Sets the kernel's timer to the earliest deadline; to be called when it has fired. */
void deadline_rearm(void);

#endif
