/* SPDX-License-Identifier: MIT */
/* Where a ready thread waits: for the scheduler's own files. */
#ifndef SCHED_PLACE_H
#define SCHED_PLACE_H

#include <sched/hart.h>
#include <task/thread.h>

static inline bool shares(const struct thread *t) {
    return t->sched.priority == PK_PRIORITY_SHARED;
}

static inline bool may_run_on(const struct thread *t, const struct hart *hart) {
    return !t->pinned || t->sched.harts >> hart->index & 1;
}

static inline struct thread *thread_of_entity(struct sched_entity *e) {
    return CONTAINER_OF(e, struct thread, sched);
}

/* How many that share could run on this hart. */
static inline uint64_t sharing(const struct hart *hart) {
    return share_all.count + hart->pinned->count;
}

/* Somebody waits who may run on this hart. */
static inline bool anybody_waits(const struct hart *hart) {
    return hart->queue.top || sharing(hart);
}

static ALWAYS_INLINE void ready_on(struct hart *hart, struct thread *t) {
    t->state = THREAD_READY;
    t->hart = hart;
}

static ALWAYS_INLINE void place_fixed(struct hart *hart, struct thread *t, bool front) {
    ready_on(hart, t);
    queue_put(&hart->queue, &t->sched, front);
}

/* One that goes by no deadline. */
static ALWAYS_INLINE void place_usual(struct hart *hart, struct thread *t, bool front) {
    ready_on(hart, t);
    queue_put_usual(&hart->queue, &t->sched, front);
}

/* Where nobody else waits who shares. */
static ALWAYS_INLINE void place_lone(struct hart *hart, struct thread *t, enum share_reason why) {
    ready_on(hart, t);
    share_put_lone(&share_all, &t->sched, why);
}

/* Into a queue; no hart is told. */
static ALWAYS_INLINE void place_ready(struct hart *hart, struct thread *t, enum share_reason why) {
    if (!shares(t)) {
        place_fixed(hart, t, why == SHARE_PREEMPTED);
        return;
    }
    ready_on(hart, t);
    share_put(t->pinned ? hart->pinned : &share_all, &t->sched, why);
    hart->pinned_waits |= t->pinned;
}

/* Out of whichever queue it is in. */
static ALWAYS_INLINE void place_remove(struct thread *t) {
    if (!t->sched.share.queue) {
        queue_remove(&t->hart->queue, &t->sched);
        return;
    }
    share_take(&t->sched);
    t->hart->pinned_waits = t->hart->pinned->count;
}

/* The first that may run on this hart, taken out of its queue, or NULL. */
struct thread *place_take_first(struct hart *hart);
/* A thread that may not run here, or that another hart has to run soon: into a queue of one that may, which is told. */
void place_elsewhere(struct thread *t, enum share_reason why);
/* True if t, which is urgent or kept off by somebody urgent, has been given to a hart that has less urgent things to do. */
bool place_urgently(struct thread *t);
/* A thread with a reservation: where it runs soonest. */
void place_by_deadline(struct thread *t);

#endif
