/* SPDX-License-Identifier: MIT */
/*
 * Waking: after a change, the waiters of the changed semaphores are tried in the order they came.
 * One that proceeds changes semaphores itself, so this goes on until nothing is left to try. One
 * that is stopped elsewhere now moves there.
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

static void retry_increase(struct set *set, struct sem *sem, int64_t now) {
    struct waiter *waiter = waiter_first(&sem->increase);
    while (waiter && sem->value) {
        struct operation *operation = container_of(waiter, struct operation, waiter);
        waiter = waiter_next(&sem->increase, waiter);
        if (sem->value >= operation->needed)
            retry(set, operation, now);
    }
}

static void retry_zero(struct set *set, struct sem *sem, int64_t now) {
    struct waiter *waiter = waiter_first(&sem->zero);
    while (waiter && (!sem->value || sem->zcnt_after)) {
        struct operation *operation = container_of(waiter, struct operation, waiter);
        waiter = waiter_next(&sem->zero, waiter);
        if (sem->value == operation->needed)
            retry(set, operation, now);
    }
}

void set_update(struct set *set) {
    int64_t now = clock_seconds();
    struct sem *sem;
    while ((sem = set->changed) != 0) {
        set->changed = sem->next_changed;
        sem->changed = false;
        if (sem->ncnt)
            retry_increase(set, sem, now);
        if (sem->zcnt)
            retry_zero(set, sem, now);
    }
}

/* Mostly somebody waits for this increase and nothing else comes of it. */
__attribute__((noinline)) void sem_update(struct set *set, struct sem *sem, int64_t now) {
    if (sem->zcnt)
        set_changed(set, sem);
    if (sem->ncnt)
        retry_increase(set, sem, now);
    if (set->changed)
        set_update(set);
}
