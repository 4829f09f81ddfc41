/* SPDX-License-Identifier: MIT */
/*
 * Reservations: a thread has the first claim on so much time (its runtime) in each period, to be had until a deadline after the
 * period's beginning, and no claim on more. Those that are ready go in the order of their deadlines, before all other
 * threads (earliest deadline first). Who has spent his runtime waits for his next period, so that nobody takes another's time: a
 * constant bandwidth server (Abeni and Buttazzo, 1998). That all of them fit on the machine is its concern who makes them.
 *
 * Such a thread counts as pinned, so that the fast paths, which know nothing of this, leave it alone.
 */
#ifndef SCHED_RESERVE_H
#define SCHED_RESERVE_H

#include <sched/place.h>

struct reserve {
    struct thread *thread;
    uint64_t runtime, deadline, period; /* ns; the deadline from the period's beginning */
    uint64_t from; /* what the thread had run, in all, when it had its whole runtime before it */
    struct timer refill; /* armed while it waits for its next period */
};

/* From now on; or other values, from now on. -ENOMEM: nothing has changed. */
long reserve_set(struct thread *t, uint64_t runtime, uint64_t deadline, uint64_t period);
/* t has none any more; it may be that it has to be made ready (true). */
bool reserve_end(struct thread *t);
/* Not before its next period does it run again. */
void reserve_yield(struct thread *t);
/* It has run in its period for as long as it may, or longer. */
bool reserve_spent(const struct thread *t);
/* ns that it is to run now: what it has left, but so long that it comes to do something. */
uint64_t reserve_slice(const struct thread *t);
/* A thread that runs no more has used what it had, and waits for its next period: true; else it may stand in a queue. */
bool reserve_waits(struct thread *t, uint64_t now);
/* One that was blocked is ready: the same. */
bool reserve_wakes(struct thread *t, uint64_t now);

#endif
