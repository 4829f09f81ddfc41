/* SPDX-License-Identifier: MIT */
/*
 * Waking, in Linux's order: after a change first those who wait for zero, then those who change values themselves. The
 * waiters of the changed semaphores are tried by age, then the set's lists. One that proceeds changes semaphores itself, so
 * this goes on until nothing is left to try. When there are too many for one go, a mark in the queue keeps the
 * place: any of the waiters may end before the next step.
 */
#include "sem.h"
#include <lib/clock.h>
#include <stdlib.h>

/* What was done for a caller that has died meanwhile is taken back: nobody holds it. */
static inline void finish(struct set *set, struct operation *operation, long result) {
    operation_uncount(operation);
    waiter_remove(&operation->waiter);
    if (server_reply(waiter_token(&operation->waiter), result) < 0 && result >= 0)
        set_take_back(set, operation->ops, operation->count, operation->undo);
    free(operation);
}

/* Its result: 0 if it was done. It waits on if it cannot be yet. */
static long retry_list(struct set *set, struct operation *operation) {
    struct obstacle obstacle;
    long result = set_operate(set, operation->ops, operation->count, operation->undo,
                              client_pid(operation->waiter.client), &obstacle);
    if (result == -EAGAIN && !obstacle.nowait) {
        operation_uncount(operation);
        operation_count(operation, &obstacle);
    } else {
        operation_unlist(operation);
        finish(set, operation, result);
    }
    return result;
}

/*
 * An operation alone whose semaphore has the value that it needs. Without undo that is enough, and whoever
 * waits for an increase is tried in the same walk or had needed more even before.
 */
static inline __attribute__((always_inline)) void
retry_one(struct set *set, struct operation *operation, int64_t now) {
    const struct sembuf *op = operation->ops;
    struct sem *sem = operation->at;
    if (operation->undo) {
        retry_list(set, operation);
        return;
    }
    sem->value = (uint16_t)(sem->value + op->sem_op);
    sem->pid = client_pid(operation->waiter.client);
    set->otime = now;
    finish(set, operation, 0);
}

/* The same, where it is not the usual one, who waits for an increase. */
static __attribute__((noinline)) void retry_other(struct set *set, struct operation *operation,
                                                  int64_t now) {
    retry_one(set, operation, now);
}

/* The semaphore has become zero by what those did who waited for an increase. */
static inline void became_zero(struct set *set, struct sem *sem) {
    if (!sem->value && (sem->zcnt | set->listed))
        set_changed(set, sem);
}

#define PASS_COST 12 /* of a waiter that needs another value */
#define TRY_COST 100
#define TRY_OPERATION_COST 60
#define ANSWER_COST 600

static inline int cost(const struct operation *operation) {
    return TRY_COST +
           (operation->count == 1 ? ANSWER_COST : (int)operation->count * TRY_OPERATION_COST);
}

static __attribute__((noinline)) bool stop_before(struct set *set, enum set_queue which,
                                                  struct sem *sem, struct waiter *next) {
    set->trying = sem;
    set->trying_which = which;
    list_insert_before(&next->link, &set->mark);
    return false;
}

static inline struct waiter *waiter_at(const struct waiter_queue *queue, struct list *at) {
    return at == &queue->list ? 0 : container_of(at, struct waiter, link);
}

/* These try waiters from `at` on. False if the credit ended first. */
static inline __attribute__((always_inline)) bool
try_increase(struct set *set, struct sem *sem, struct list *at, int64_t now, int *credit) {
    struct waiter *waiter = waiter_at(&sem->increase, at);
    while (waiter && sem->value) {
        struct operation *operation = container_of(waiter, struct operation, waiter);
        if (*credit <= 0)
            return stop_before(set, QUEUE_INCREASE, sem, waiter);
        *credit -= sem->value >= operation->needed ? cost(operation) : PASS_COST;
        waiter = waiter_next(&sem->increase, waiter);
        if (sem->value >= operation->needed)
            retry_one(set, operation, now);
    }
    return true;
}

static bool try_zero(struct set *set, struct sem *sem, struct list *at, int64_t now, int *credit) {
    struct waiter *waiter = waiter_at(&sem->zero, at);
    while (waiter && !sem->value) {
        struct operation *operation = container_of(waiter, struct operation, waiter);
        if (*credit <= 0)
            return stop_before(set, QUEUE_ZERO, sem, waiter);
        *credit -= cost(operation);
        waiter = waiter_next(&sem->zero, waiter);
        retry_other(set, operation, now);
    }
    return true;
}

static bool try_set_zero(struct set *set, struct list *at, int *credit) {
    struct waiter *waiter = waiter_at(&set->zero, at);
    while (waiter) {
        struct operation *operation = container_of(waiter, struct operation, waiter);
        if (*credit <= 0)
            return stop_before(set, QUEUE_SET_ZERO, 0, waiter);
        *credit -= cost(operation);
        waiter = waiter_next(&set->zero, waiter);
        retry_list(set, operation);
    }
    return true;
}

/* One alone in the list. True if it was what changed something. */
static bool retry_listed_one(struct set *set, struct operation *operation, int64_t now) {
    struct sem *sem = operation->at;
    bool can = sem->value >= operation->needed;
    if (can) {
        operation_unlist(operation);
        retry_other(set, operation, now);
        became_zero(set, sem);
    } else if (!set->altering) { /* nobody with several is left before it: back to its semaphore */
        operation_unlist(operation);
        list_remove(&operation->waiter.link);
        waiter_enqueue(&sem->increase, &operation->waiter);
    }
    return can;
}

/* After one that proceeds all are tried again, beginning with those for zero and the oldest. */
static bool try_set_alter(struct set *set, struct list *at, int64_t now, int *credit) {
    long result = -EAGAIN;
    struct waiter *waiter = waiter_at(&set->alter, at);
    while (waiter && result != 0) {
        struct operation *operation = container_of(waiter, struct operation, waiter);
        if (*credit <= 0)
            return stop_before(set, QUEUE_SET_ALTER, 0, waiter);
        bool one = operation->count == 1;
        *credit -= one && operation->at->value < operation->needed ? PASS_COST : cost(operation);
        waiter = waiter_next(&set->alter, waiter);
        if (!one)
            result = retry_list(set, operation);
        else if (retry_listed_one(set, operation, now))
            result = 0;
    }
    set->try_alter |= result == 0;
    return true;
}

static bool try_to_zero(struct set *set, struct sem *sem, struct list *at, int64_t now,
                        int *credit) {
    bool done = try_increase(set, sem, at, now, credit);
    if (done)
        became_zero(set, sem);
    return done;
}

/* Goes on where stop_before() stopped. */
static bool try_rest(struct set *set, int64_t now, int *credit) {
    struct list *at = set->mark.next;
    enum set_queue which = set->trying_which;
    set->trying_which = QUEUE_NONE;
    list_remove(&set->mark);
    switch (which) {
    case QUEUE_NONE:
        break;
    case QUEUE_INCREASE:
        return try_to_zero(set, set->trying, at, now, credit);
    case QUEUE_ZERO: /* and it was zero: nobody else waits for that */
        return try_zero(set, set->trying, at, now, credit);
    case QUEUE_SET_ZERO:
        return try_set_zero(set, at, credit);
    case QUEUE_SET_ALTER:
        return try_set_alter(set, at, now, credit);
    }
    return true;
}

/* A semaphore's own waiters; for the set's lists it is noted that there was a change. */
static bool try_changed(struct set *set, struct sem *sem, int64_t now, int *credit) {
    set->changed = sem->next_changed;
    sem->changed = false;
    set->try_zero |= !sem->value && !waiter_queue_empty(&set->zero);
    set->try_alter |= !waiter_queue_empty(&set->alter);
    return sem->value ? try_to_zero(set, sem, sem->increase.list.next, now, credit)
                      : try_zero(set, sem, sem->zero.list.next, now, credit);
}

bool set_try_waiters(struct set *set, int *credit) {
    int64_t now = clock_seconds();
    bool done = set->trying_which == QUEUE_NONE || try_rest(set, now, credit);
    while (done) {
        if (set->changed) {
            done = try_changed(set, set->changed, now, credit);
        } else if (set->try_zero) {
            set->try_zero = false;
            done = try_set_zero(set, set->zero.list.next, credit);
        } else if (set->try_alter) {
            set->try_alter = false;
            done = try_set_alter(set, set->alter.list.next, now, credit);
        } else {
            break;
        }
    }
    return done;
}

/* Mostly somebody waits for this increase and nothing else comes of it. */
__attribute__((noinline)) void sem_update(struct set *set, struct sem *sem, int64_t now) {
    int credit = sem_state.step;
    bool tried = try_increase(set, sem, sem->increase.list.next, now, &credit);
    if (sem->zcnt | set->listed)
        set_changed(set, sem);
    if (!tried || set->changed)
        set_go_on(set, &credit);
}

void operation_list(struct operation *operation) {
    struct set *set = operation->set;
    operation->alters = false;
    for (uint32_t i = 0; operation->count > 1 && i < operation->count; i++)
        operation->alters |= operation->ops[i].sem_op != 0;
    operation->listed = true;
    set->listed++;
    set->altering += operation->alters;
    waiter_enqueue(operation->count > 1 && !operation->alters ? &set->zero : &set->alter,
                   &operation->waiter);
}

#define LOOKED_AT 1000 /* semaphores: in a larger set one is zero, it is taken for granted */

void set_changed_any(struct set *set) {
    uint32_t i = 0;
    if (waiter_queue_empty(&set->zero))
        return;
    while (i < set->count && i < LOOKED_AT && set_sem(set, i)->value)
        i++;
    set->try_zero |= i < set->count;
}
