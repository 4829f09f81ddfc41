/* SPDX-License-Identifier: MIT */
/* What of its period a thread has left, and when the next one begins (reserve.h). */
#include <sched/reserve.h>
#include <arch/machine.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <sched/sched.h>

static int64_t left_of(const struct reserve *r) {
    return (int64_t)(r->runtime - (r->thread->sched.run_ns - r->from));
}

/* What this is too long goes off the next periods, like all that it runs too long. */
#define SLICE_LEAST_NS 50000

bool reserve_spent(const struct thread *t) {
    return left_of(t->reserve) <= 0;
}

uint64_t reserve_slice(const struct thread *t) {
    int64_t left = left_of(t->reserve);
    return left > SLICE_LEAST_NS ? (uint64_t)left : SLICE_LEAST_NS;
}

/* A period begins at that time. */
static void begin(struct reserve *r, uint64_t at) {
    r->thread->sched.deadline = at + r->deadline;
    r->from = r->thread->sched.run_ns;
}

/* So long it waits at most for what it ran too long: the rest is forgiven, for it may not be its fault. */
#define DEBT_MOST_NS 1000000000ull

/* In so many periods it may run again: what it ran too long, in a server that was not to be interrupted, goes off those between. */
static uint64_t periods_off(const struct reserve *r) {
    int64_t left = left_of(r);
    uint64_t owed = left > 0 ? 1 : (uint64_t)-left / r->runtime + 1;
    return min_u64(owed, DEBT_MOST_NS / r->period + 1);
}

static uint64_t next_turn(const struct reserve *r) {
    return r->thread->sched.deadline - r->deadline + periods_off(r) * r->period;
}

static void refill(struct reserve *r, uint64_t now) {
    uint64_t periods = periods_off(r);
    r->thread->sched.deadline += periods * r->period;
    r->from += periods * r->runtime;
    if (r->thread->sched.deadline <= now)
        begin(r, now);
    else if (left_of(r) > (int64_t)r->runtime || left_of(r) <= 0)
        r->from = r->thread->sched.run_ns;
}

/* It would run, or stand in a queue, if it had not to wait for its next period. */
static bool is_ready(const struct thread *t) {
    return t->state == THREAD_READY && !t->suspended;
}

static void refilled(struct timer *timer) {
    struct reserve *r = CONTAINER_OF(timer, struct reserve, refill);
    struct thread *t = r->thread;
    refill(r, arch_time_ns());
    if (is_ready(t) && !t->sched.queued)
        place_by_deadline(t);
}

static struct reserve *reserve_new(struct thread *t) {
    struct reserve *r = slab_alloc(sizeof *r, t->kobject.account);
    if (!r)
        return NULL;
    *r = (struct reserve){.thread = t, .refill = {.expired = refilled}};
    t->reserve = r;
    t->pinned = true;
    return r;
}

long reserve_set(struct thread *t, uint64_t runtime, uint64_t deadline, uint64_t period) {
    bool waits = t->reserve && t->reserve->refill.queue, queued = t->reserve && t->sched.queued;
    struct reserve *r = t->reserve ? t->reserve : reserve_new(t);
    if (!r)
        return -ENOMEM;
    if (queued)
        place_remove(t);
    timer_disarm(&r->refill);
    r->runtime = runtime;
    r->deadline = deadline;
    r->period = period;
    sched_end_slice(t);
    begin(r, arch_time_ns());
    t->sched.slice_left = reserve_slice(t); /* also where it waits already, until now like others */
    if (queued || (waits && is_ready(t)))
        place_by_deadline(t);
    return 0;
}

bool reserve_end(struct thread *t) {
    struct reserve *r = t->reserve;
    bool waits = r->refill.queue;
    timer_disarm(&r->refill);
    t->reserve = NULL;
    t->sched.deadline = 0;
    sched_set_harts(t, t->sched.harts); /* whether it is pinned */
    slab_free(r, sizeof *r, t->kobject.account);
    return waits && is_ready(t);
}

void reserve_yield(struct thread *t) {
    if (left_of(t->reserve) > 0)
        t->reserve->from = t->sched.run_ns - t->reserve->runtime;
}

bool reserve_waits(struct thread *t, uint64_t now) {
    struct reserve *r = t->reserve;
    if (r->refill.queue)
        return true;
    if (left_of(r) > 0)
        return false;
    if (next_turn(r) <= now) {
        refill(r, now);
        return false;
    }
    timer_arm(&r->refill, next_turn(r), false);
    return true;
}

/*
 * Whom a server answers that did nothing else meanwhile worked on, in that. Who was away: if what is left until its deadline is a greater part of that time than it has a claim on, it would keep others from
 * theirs: a new period begins. If its deadline is over but not its period, it waits for the end of that.
 */
bool reserve_wakes(struct thread *t, uint64_t now) {
    struct reserve *r = t->reserve;
    uint64_t ends = t->sched.deadline;
    if (reserve_waits(t, now))
        return true;
    bool away = t->away;
    t->away = false;
    if (!away)
        return false;
    if (ends <= now && now < next_turn(r)) {
        timer_arm(&r->refill, next_turn(r), false);
        return true;
    }
    if (ends <= now || (uint64_t)left_of(r) * r->deadline > (ends - now) * r->runtime)
        begin(r, now);
    return false;
}
