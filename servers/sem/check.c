/* SPDX-License-Identifier: MIT */
/* Whether the sets are what sem.h says of them (lib/check.h). */
#include "sem.h"
#include <lib/check.h>

struct totals {
    uint64_t semaphores, undos;
};

static void check_ops(const struct set *set, const struct operation *operation) {
    bool undo = false;
    for (uint32_t i = 0; i < operation->count; i++) {
        const struct sembuf *op = &operation->ops[i];
        CHECK(op->sem_num < set->count, operation);
        undo |= op->sem_op && op->sem_flg & SEM_UNDO;
    }
    CHECK(!undo || operation->undo, operation);
    CHECK(!operation->undo || operation->undo->set == set, operation);
}

/* What the header promises: nobody waits who could proceed, but for those whose turn the set's job brings. */
static bool stops(const struct sem *sem, const struct operation *operation) {
    return operation->for_zero ? sem->value != operation->needed : sem->value < operation->needed;
}

/* Callers that wait at a semaphore for one of both: how many, and how many of them need another value than zero. */
static uint32_t check_waiters(const struct set *set, const struct sem *sem, bool zero,
                              uint32_t *after) {
    const struct list *head = zero ? &sem->zero.list : &sem->increase.list;
    uint32_t count = 0;
    list_check(head);
    for (struct list *at = head->next; at != head; at = at->next) {
        if (at == &set->mark)
            continue;
        struct operation *operation = container_of(at, struct operation, waiter.link);
        waiter_check(&operation->waiter);
        CHECK(operation->set == set && operation->at == sem && operation->for_zero == zero,
              operation);
        CHECK(set_held(set) || stops(sem, operation), operation);
        check_ops(set, operation);
        *after += operation->needed != 0;
        count++;
    }
    return count;
}

static void check_sem(const struct set *set, const struct sem *sem) {
    uint32_t unused = 0, after = 0;
    CHECK(sem->value <= SEMVMX, sem);
    CHECK(check_waiters(set, sem, false, &unused) == sem->ncnt, sem);
    CHECK(check_waiters(set, sem, true, &after) == sem->zcnt, sem);
    CHECK(after == sem->zcnt_after, sem);
}

static void check_undos(const struct set *set, struct totals *totals) {
    totals->undos += list_check(&set->undos);
    list_check(&set->dead);
    for (struct list *at = set->undos.next; at != &set->undos; at = at->next) {
        struct undo *undo = container_of(at, struct undo, set_link);
        CHECK(undo->set == set, undo);
        CHECK((uint32_t)undo->node.key == (uint32_t)set->object.id, undo);
        CHECK(hash_find(&sem_state.undos, undo->node.key) == &undo->node, undo);
        CHECK(!list_empty(&undo->client_link), undo);
    }
}

/* A set has work left only while it is held. */
static void check_work(const struct set *set) {
    uint32_t changed = 0, listed = 0;
    for (uint32_t i = 0; i < set->count; i++)
        changed += set_sem(set, i)->changed;
    for (const struct sem *sem = set->changed; sem && listed <= changed; sem = sem->next_changed)
        listed += sem->changed;
    CHECK(listed == changed, set);
    CHECK(set->free_to == 0 || set->free_to == set->count, set);
    CHECK(set_held(set) || (!set->changed && !set->trying && !set->all && !set->clear), set);
    CHECK(set_held(set) || (list_empty(&set->dead) && !job_is_queued(&set->job)), set);
    CHECK((set->trying != NULL) == !list_empty(&set->mark), set);
}

static void check_set(struct sysv_object *object, void *data) {
    const struct set *set = container_of(object, struct set, object);
    struct totals *totals = data;
    CHECK(!set->unfinished && !set->removed, set);
    CHECK(set->blocks_made == set_blocks(set->count), set);
    check_work(set);
    for (uint32_t i = 0; i < set->count; i++)
        check_sem(set, set_sem(set, i));
    check_undos(set, totals);
    list_check(&set->behind.list);
    totals->semaphores += set->count;
}

void sem_check(void) {
    struct totals totals = {0};
    sysv_check(&sem_state.table, check_set, &totals);
    CHECK(totals.semaphores == sem_state.semaphores, &sem_state);
    CHECK(hash_check(&sem_state.undos, NULL, NULL) == totals.undos + set_buried_undos(),
          &sem_state);
}
