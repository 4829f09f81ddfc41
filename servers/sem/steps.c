/* SPDX-License-Identifier: MIT */
/* What is done with a set in steps: by its job while it is held, and its end. */
#include "sem.h"
#include <lib/check.h>
#include <stdlib.h>

#define SET_COST 25

/* SETALL's. False if the credit ended first. */
static bool assign_some(struct set *set, int *credit) {
    struct values *all = set->all;
    if (!all)
        return true;
    for (; all->at < all->count; all->at++) {
        if (*credit <= 0)
            return false;
        *credit -= SET_COST;
        set_one(set, all->at, all->parts[all->at / VALUES_PART][all->at % VALUES_PART], all->pid);
    }
    set->all = 0;
    values_free(all);
    return true;
}

/* False if the credit ended before all was done. */
static bool work(struct set *set, int *credit) {
    for (;;) {
        if (!assign_some(set, credit) || !undo_clear_some(set, credit) ||
            (set->dead_at && !undo_apply_some(set, credit)) || !set_try_waiters(set, credit))
            return false;
        if (list_empty(&set->dead))
            return true;
        if (!undo_apply_some(set, credit))
            return false;
    }
}

static void let_go(struct set *set) {
    set->free_to = set->count;
    request_wake(&set->behind);
}

void set_go_on(struct set *set, int *credit) {
    if (!work(set, credit)) {
        set_hold(set);
        job_queue(&set->job);
    } else if (set_held(set)) {
        let_go(set);
    }
}

void set_update(struct set *set) {
    int credit = sem_state.step;
    set_go_on(set, &credit);
}

bool set_step(struct job *job) {
    struct set *set = container_of(job, struct set, job);
    int credit = sem_state.step;
    if (!work(set, &credit))
        return true;
    let_go(set);
    return false;
}

#define ANSWER_COST 700
#define FREE_COST                                                                                  \
    3000 /* a record may have pages of its own, and a block may be the last of its chunk */
#define SEM_COST 10

static bool end_waiters(struct waiter_queue *queue, int *credit) {
    struct waiter *waiter;
    while ((waiter = waiter_first(queue)) != 0) {
        if (*credit <= 0)
            return false;
        *credit -= ANSWER_COST;
        waiter_finish(waiter, -EIDRM);
        operation_free(container_of(waiter, struct operation, waiter));
    }
    return true;
}

/* The last block's waiters end. */
static bool end_block(struct set *set, struct sem *block, int *credit) {
    uint32_t first = (set->blocks_made - 1) * SEM_BLOCK;
    for (uint32_t i = 0; i < SEM_BLOCK && first + i < set->count; i++)
        if (!end_waiters(&block[i].increase, credit) || !end_waiters(&block[i].zero, credit))
            return false;
    *credit -= (int)SEM_BLOCK * SEM_COST;
    return true;
}

static bool bury_some(struct set *set, int *credit) {
    while (set->blocks_made) {
        struct sem *block = set->blocks[set->blocks_made - 1];
        if (*credit <= 0 || !end_block(set, block, credit))
            return false;
        *credit -= FREE_COST;
        free(block);
        set->blocks_made--;
    }
    for (; !list_empty(&set->undos); *credit -= FREE_COST) {
        if (*credit <= 0)
            return false;
        undo_free(container_of(set->undos.next, struct undo, set_link));
    }
    free(set);
    return true;
}

static struct list graves = LIST_INIT(graves);

static bool graves_step(struct job *job) {
    int credit = sem_state.step;
    (void)job;
    while (!list_empty(&graves)) {
        struct set *set = container_of(graves.next, struct set, grave);
        list_remove(&set->grave);
        if (!bury_some(set, &credit)) {
            list_add_tail(&graves,
                          &set->grave); /* those that are small do not wait for large ones */
            return true;
        }
    }
    return false;
}

size_t set_buried_undos(void) {
    size_t count = 0;
    list_check(&graves);
    for (struct list *at = graves.next; at != &graves; at = at->next)
        count += list_check(&container_of(at, struct set, grave)->undos);
    return count;
}

void set_bury(struct set *set) {
    static struct job job = {.link = LIST_INIT(job.link), .step = graves_step};
    int credit = sem_state.step;
    set->removed = true;
    if (bury_some(set, &credit))
        return;
    list_add_tail(&graves, &set->grave);
    job_queue(&job);
}
