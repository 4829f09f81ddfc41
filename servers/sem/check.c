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

/* How many callers are counted in a set's semaphores, and how many wait in its queues. */
struct callers {
    uint64_t counted, queued;
};

/* The operation that stops the others, if each before it were done; NULL: none does. */
static const struct sembuf *find_stopping(const struct set *set,
                                          const struct operation *operation) {
    for (uint32_t i = 0; i < operation->count; i++) {
        const struct sembuf *op = &operation->ops[i];
        int64_t value = set_sem(set, op->sem_num)->value;
        for (uint32_t before = 0; before < i; before++)
            if (operation->ops[before].sem_num == op->sem_num)
                value += operation->ops[before].sem_op;
        if (op->sem_op ? value + op->sem_op < 0 : value != 0)
            return op;
    }
    return NULL;
}

/* What the header promises: nobody waits who could proceed, but for those whose turn the set's job brings. */
static void check_waiting(const struct set *set, struct operation *operation) {
    waiter_check(&operation->waiter);
    CHECK(operation->set == set, operation);
    check_ops(set, operation);
    if (set_held(set))
        return;
    const struct sembuf *stopping = find_stopping(set, operation);
    CHECK(stopping, operation);
    /* Those who all want zero are not tried at other changes. */
    CHECK((operation->listed && operation->for_zero && !operation->alters) ||
              (operation->at == set_sem(set, stopping->sem_num) &&
               operation->for_zero == !stopping->sem_op),
          operation);
}

/* Callers with one operation that wait at a semaphore, for one of both. */
static void check_waiters(const struct set *set, const struct sem *sem, bool zero,
                          struct callers *callers) {
    const struct list *head = zero ? &sem->zero.list : &sem->increase.list;
    list_check(head);
    for (struct list *at = head->next; at != head; at = at->next) {
        if (at == &set->mark)
            continue;
        struct operation *operation = container_of(at, struct operation, waiter.link);
        CHECK(operation->at == sem && operation->for_zero == zero, operation);
        CHECK(operation->count == 1 && !operation->listed, operation);
        check_waiting(set, operation);
        callers->queued++;
    }
}

static void check_list(const struct set *set, bool zero, struct callers *callers) {
    const struct list *head = zero ? &set->zero.list : &set->alter.list;
    uint32_t altering = 0;
    list_check(head);
    for (struct list *at = head->next; at != head; at = at->next) {
        if (at == &set->mark)
            continue;
        struct operation *operation = container_of(at, struct operation, waiter.link);
        CHECK(operation->listed && (operation->count > 1 || !zero), operation);
        CHECK(operation->alters == (operation->count > 1 && !zero), operation);
        check_waiting(set, operation);
        altering += operation->alters;
        callers->queued++;
    }
    CHECK(zero || altering == set->altering, set);
}

/* That those who are counted are those who wait is seen from the sums, and from each one's place. */
static void check_callers(const struct set *set) {
    struct callers all = {0}, lists = {0};
    check_list(set, true, &lists);
    check_list(set, false, &lists);
    CHECK(lists.queued == set->listed, set);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct sem *sem = set_sem(set, i);
        CHECK(sem->value <= SEMVMX, sem);
        check_waiters(set, sem, false, &all);
        check_waiters(set, sem, true, &all);
        all.counted += sem->ncnt + sem->zcnt;
    }
    CHECK(all.counted == all.queued + lists.queued, set);
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
    CHECK(set_held(set) || (!set->changed && !set->trying_which && !set->all && !set->clear), set);
    CHECK(set_held(set) || (list_empty(&set->dead) && !job_is_queued(&set->job)), set);
    CHECK(set_held(set) || (!set->try_zero && !set->try_alter), set);
    CHECK((set->trying_which != QUEUE_NONE) == !list_empty(&set->mark), set);
}

static void check_set(struct sysv_object *object, void *data) {
    const struct set *set = container_of(object, struct set, object);
    struct totals *totals = data;
    CHECK(!set->unfinished && !set->removed, set);
    CHECK(set->blocks_made == set_blocks(set->count), set);
    check_work(set);
    check_callers(set);
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
