/* SPDX-License-Identifier: MIT */
/*
 * Waking: after a change, the waiters of the changed semaphores are tried in the order they came.
 * One that proceeds changes semaphores itself, so this goes on until nothing is left to try. One
 * that is stopped elsewhere now moves there. When there are too many for one go, a mark in the queue of the
 * waiters keeps the place: any of them may end before the next step.
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
    operation_free(operation);
}

static void retry_list(struct set *set, struct operation *operation) {
    struct obstacle obstacle;
    long result = set_operate(set, operation->ops, operation->count, operation->undo,
                              client_pid(operation->waiter.client), &obstacle);
    if (result != -EAGAIN || obstacle.nowait) {
        finish(set, operation, result);
    } else if (obstacle.sem != operation->at || obstacle.for_zero != operation->for_zero ||
               obstacle.needed != operation->needed) {
        operation_uncount(operation);
        list_remove(&operation->waiter.link);
        operation_wait(operation, &obstacle);
    }
}

/*
 * The value is what the operation at which it waits needs. Without others and undo that is enough, and whoever
 * waits for an increase is tried in the same walk or had needed more even before.
 */
static inline void retry(struct set *set, struct operation *operation, int64_t now) {
    const struct sembuf *op = operation->ops;
    struct sem *sem = operation->at;
    if (operation->count != 1 || operation->undo) {
        retry_list(set, operation);
        return;
    }
    sem->value = (uint16_t)(sem->value + op->sem_op);
    sem->pid = client_pid(operation->waiter.client);
    set->otime = now;
    if (sem->zcnt && op->sem_op)
        set_changed(set, sem);
    finish(set, operation, 0);
}

#define PASS_COST 12 /* of a waiter that needs another value */
#define TRY_COST 100
#define TRY_OPERATION_COST 60
#define ANSWER_COST 600

static inline int cost(const struct operation *operation) {
    return TRY_COST +
           (operation->count == 1 ? ANSWER_COST : (int)operation->count * TRY_OPERATION_COST);
}

/*
 * Who waits with several operations may be stopped elsewhere by now, by one that could be done when he was last tried.
 * He need not be tried again to wait on, so that is found out when it is asked for; of very many, for the first of them.
 */
uint32_t sem_waiting(struct set *set, const struct sem *sem, bool for_zero) {
    uint32_t waiting = for_zero ? sem->zcnt : sem->ncnt;
    int credit = sem_state.step;
    for (struct list *at = set->several.next; at != &set->several && credit > 0; at = at->next) {
        struct operation *operation = container_of(at, struct operation, several);
        struct obstacle now;
        credit -= (int)operation->count * TRY_OPERATION_COST;
        if (set_operate(set, operation->ops, operation->count, operation->undo, 0, &now) != -EAGAIN)
            continue;
        waiting -= operation->at == sem && operation->for_zero == for_zero;
        waiting += now.sem == sem && now.for_zero == for_zero;
    }
    return waiting;
}

static __attribute__((noinline)) bool stop_before(struct set *set, struct sem *sem, bool zero,
                                                  struct waiter *next) {
    set->trying = sem;
    set->trying_zero = zero;
    list_insert_before(&next->link, &set->mark);
    return false;
}

static inline struct waiter *waiter_at(const struct waiter_queue *queue, struct list *at) {
    return at == &queue->list ? 0 : container_of(at, struct waiter, link);
}

/* Both try waiters from `at` on. False if the credit ended first. */
static inline __attribute__((always_inline)) bool
try_increase(struct set *set, struct sem *sem, struct list *at, int64_t now, int *credit) {
    struct waiter *waiter = waiter_at(&sem->increase, at);
    while (waiter && sem->value) {
        struct operation *operation = container_of(waiter, struct operation, waiter);
        if (*credit <= 0)
            return stop_before(set, sem, false, waiter);
        *credit -= sem->value >= operation->needed ? cost(operation) : PASS_COST;
        waiter = waiter_next(&sem->increase, waiter);
        if (sem->value >= operation->needed)
            retry(set, operation, now);
    }
    return true;
}

static bool try_zero(struct set *set, struct sem *sem, struct list *at, int64_t now, int *credit) {
    struct waiter *waiter = waiter_at(&sem->zero, at);
    while (waiter && (!sem->value || sem->zcnt_after)) {
        struct operation *operation = container_of(waiter, struct operation, waiter);
        if (*credit <= 0)
            return stop_before(set, sem, true, waiter);
        *credit -= sem->value == operation->needed ? cost(operation) : PASS_COST;
        waiter = waiter_next(&sem->zero, waiter);
        if (sem->value == operation->needed)
            retry(set, operation, now);
    }
    return true;
}

/* Goes on where stop_before() stopped. */
static bool try_rest(struct set *set, int64_t now, int *credit) {
    struct sem *sem = set->trying;
    struct list *at = set->mark.next;
    set->trying = 0;
    list_remove(&set->mark);
    if (set->trying_zero)
        return try_zero(set, sem, at, now, credit);
    return try_increase(set, sem, at, now, credit) &&
           try_zero(set, sem, sem->zero.list.next, now, credit);
}

bool set_try_waiters(struct set *set, int *credit) {
    int64_t now = clock_seconds();
    struct sem *sem;
    if (set->trying && !try_rest(set, now, credit))
        return false;
    while ((sem = set->changed) != 0) {
        set->changed = sem->next_changed;
        sem->changed = false;
        if (!try_increase(set, sem, sem->increase.list.next, now, credit) ||
            !try_zero(set, sem, sem->zero.list.next, now, credit))
            return false;
    }
    return true;
}

/* Mostly somebody waits for this increase and nothing else comes of it. */
__attribute__((noinline)) void sem_update(struct set *set, struct sem *sem, int64_t now) {
    int credit = sem_state.step;
    if (sem->zcnt)
        set_changed(set, sem);
    bool tried = try_increase(set, sem, sem->increase.list.next, now, &credit);
    if (!tried || set->changed)
        set_go_on(set, &credit);
}
