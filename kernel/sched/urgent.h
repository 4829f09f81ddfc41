/* SPDX-License-Identifier: MIT */
/*
 * Urgent threads, those with a priority from PK_PRIORITY_URGENT up but for those with reservations, have together at most URGENT_BUDGET_NS of a hart's time in
 * each URGENT_PERIOD_NS while others wait for it: one that runs away does not take the machine along.
 */
#ifndef SCHED_URGENT_H
#define SCHED_URGENT_H

#include <sched/place.h>

#define URGENT_PERIOD_NS 1000000000ull
#define URGENT_BUDGET_NS 950000000ull

static inline bool is_urgent(const struct thread *t) {
    return t->sched.priority >= PK_PRIORITY_URGENT;
}

static inline bool has_budget(const struct thread *t) {
    return is_urgent(t) && t->sched.priority < PK_PRIORITY_RESERVED;
}

/* An urgent thread has run for so long until now. */
void urgent_charge(struct hart *hart, uint64_t now, uint64_t ns);
/* A new period has begun, if one has. */
void urgent_renew(struct hart *hart, uint64_t now);
/* When either is to be looked at next, t being who runs. */
uint64_t urgent_event(const struct hart *hart, const struct thread *t);

#endif
