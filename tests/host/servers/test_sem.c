/* SPDX-License-Identifier: MIT */
/*
 * The semaphore server: the manual page's cases, and random runs whose answers are replayed, in the
 * order they were given, on plain arrays: each must have been possible just then, and at the end no
 * caller may be waiting who could proceed.
 */
#include "kernel.h"
#include <protocol/session_client.h>
#include <sem/sem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "model.h"
#include <stdlib.h>
#include <string.h>

enum { PROCESSES = 6 };
static int whole_step; /* what the server takes for a step */

static int setup(void **state) {
    (void)state;
    whole_step = whole_step ? whole_step : sem_state.step;
    mock_start(&sem_server);
    for (int pid = 1; pid <= PROCESSES; pid++)
        mock_connect(pid, pid == 2 ? 200 : 100, 100);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    for (int pid = 1; pid <= PROCESSES; pid++)
        mock_exit(pid);
    mock_jobs();
    sem_state.step = whole_step;
    assert_int_equal(sem_state.table.ids.used, 0);
    assert_int_equal(sem_state.undos.count, 0);
    assert_int_equal(sem_state.semaphores, 0);
    return 0;
}

static long get(int pid, int key, int nsems, int flags) {
    return mock_call((uint64_t)pid, SEM_LABEL_GET,
                     WORDS((uint64_t)key, (uint64_t)nsems, (uint64_t)flags), 0, 0, 0, 0);
}
static long value(int id, int number, int command) {
    return mock_call(1, SEM_LABEL_VALUE, WORDS((uint64_t)id, (uint64_t)number, (uint64_t)command),
                     0, 0, 0, 0);
}
static long set_value(int id, int number, int to) {
    return mock_call(1, SEM_LABEL_SET_VALUE, WORDS((uint64_t)id, (uint64_t)number, (uint64_t)to), 0,
                     0, 0, 0);
}
static long sem_remove(int pid, int id) {
    return mock_call((uint64_t)pid, SEM_LABEL_REMOVE, WORDS((uint64_t)id), 0, 0, 0, 0);
}
static void start_op(struct call *call, int pid, int id, const struct sembuf *ops, uint64_t count,
                     int64_t timeout) {
    mock_send(call, pid, SEM_LABEL_OP, WORDS((uint64_t)id, (uint64_t)timeout), ops,
              count * sizeof(*ops), 0, 0);
}
static long op(int pid, int id, int number, int change, int flags) {
    struct sembuf ops = {(uint16_t)number, (int16_t)change, (int16_t)flags};
    struct call call;
    start_op(&call, pid, id, &ops, 1, SEM_FOREVER);
    assert_true(call.answered);
    return call.result;
}

static void test_get(void **state) {
    (void)state;
    assert_int_equal(get(1, 9, 3, 0600), -ENOENT);
    assert_int_equal(get(1, 9, 0, IPC_CREAT | 0600), -EINVAL);
    assert_int_equal(get(1, 9, SEMMSL + 1, IPC_CREAT | 0600), -EINVAL);
    int id = (int)get(1, 9, 3, IPC_CREAT | 0600);
    assert_int_equal(get(1, 9, 4, 0600), -EINVAL);
    assert_int_equal(get(1, 9, 0, 0600), id);
    assert_int_equal(get(2, 9, 3, 0600), -EACCES);
    assert_int_equal(get(1, 9, 3, IPC_CREAT | IPC_EXCL), -EEXIST);
    assert_int_equal(sem_remove(2, id), -EPERM);
    assert_int_equal(sem_remove(1, id), 0);
    assert_int_equal(sem_remove(1, id), -EINVAL);
    id = (int)get(1, IPC_PRIVATE, SEMMSL, 0600);
    assert_true(id >= 0);
    assert_int_equal(sem_remove(1, id), 0);
}

static void test_errors(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 2, 0644);
    struct sembuf many[SEMOPM + 1] = {{0, 1, 0}};
    struct call call;
    start_op(&call, 1, id, many, SEMOPM + 1, SEM_FOREVER);
    assert_int_equal(call.result, -E2BIG);
    start_op(&call, 1, id, many, 0, SEM_FOREVER);
    assert_int_equal(call.result, -EINVAL);
    assert_int_equal(op(1, id, 2, 1, 0), -EFBIG);
    assert_int_equal(op(2, id, 0, 1, 0), -EACCES);
    assert_int_equal(op(2, id, 0, 0, 0), 0);
    assert_int_equal(op(1, id, 0, 32767, 0), 0);
    assert_int_equal(op(1, id, 0, 1, 0), -ERANGE);
    assert_int_equal(op(1, id, 1, -1, IPC_NOWAIT), -EAGAIN);
    assert_int_equal(set_value(id, 0, SEMVMX + 1), -ERANGE);
    assert_int_equal(set_value(id, 2, 0), -EINVAL);
    assert_int_equal(value(id, 0, GETVAL), 32767);
    assert_int_equal(value(id, 0, GETPID), 1);
    assert_int_equal(value(id, 0, 99), -EINVAL);
    sem_remove(1, id);
    assert_int_equal(op(1, id, 0, 1, 0), -EINVAL);
}

/* A set of operations is done whole or not at all. */
static void test_atomic(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 3, 0666);
    struct sembuf ops[] = {{0, 1, 0}, {1, -1, 0}, {2, 0, 0}};
    struct call call;
    start_op(&call, 2, id, ops, 3, SEM_FOREVER);
    assert_false(call.answered);
    assert_int_equal(value(id, 0, GETVAL), 0);
    assert_int_equal(value(id, 1, GETNCNT), 1);
    set_value(id, 2, 1);
    op(1, id, 1, 1, 0);
    assert_false(call.answered);
    assert_int_equal(value(id, 1, GETNCNT), 0);
    assert_int_equal(value(id, 2, GETZCNT), 1);
    assert_int_equal(value(id, 1, GETVAL), 1);
    op(1, id, 2, -1, 0);
    assert_true(call.answered);
    assert_int_equal(call.result, 0);
    assert_int_equal(value(id, 0, GETVAL), 1);
    assert_int_equal(value(id, 1, GETVAL), 0);
    assert_int_equal(value(id, 2, GETPID), 2);
    sem_remove(1, id);
}

/* "Subtract one, then it must be zero" waits for the value one. */
static void test_zero_after_change(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 1, 0666);
    struct sembuf ops[] = {{0, -1, 0}, {0, 0, 0}};
    struct call call;
    set_value(id, 0, 3);
    start_op(&call, 1, id, ops, 2, SEM_FOREVER);
    op(1, id, 0, -1, 0);
    assert_false(call.answered);
    op(1, id, 0, -1, 0);
    assert_true(call.answered);
    assert_int_equal(value(id, 0, GETVAL), 0);
    sem_remove(1, id);
}

/* An operation that may not wait ends the wait of one behind it, whenever it cannot be done any more. */
static void test_no_wait_before(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 3, 0666);
    struct sembuf ops[] = {{1, 0, IPC_NOWAIT}, {0, -1, 0}},
                  zeros[] = {{1, 0, IPC_NOWAIT}, {0, 0, 0}};
    struct call call;
    start_op(&call, 1, id, ops, 2, SEM_FOREVER);
    assert_false(call.answered);
    assert_int_equal(value(id, 0, GETNCNT), 1);
    op(1, id, 1, 1, 0);
    assert_true(call.answered);
    assert_int_equal(call.result, -EAGAIN);
    set_value(id, 1, 0);
    set_value(id, 0, 1);
    start_op(&call, 1, id, zeros, 2, SEM_FOREVER);
    op(1, id, 1, 1, 0); /* nothing has become zero */
    assert_false(call.answered);
    op(1, id, 2, 1, 0);
    op(1, id, 2, -1, 0);
    assert_true(call.answered);
    assert_int_equal(call.result, -EAGAIN);
    sem_remove(1, id);
}

/* Who is stopped earlier in its list than before is counted there. */
static void test_counted_anew(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 2, 0666);
    struct sembuf ops[] = {{1, -1, 0}, {0, -1, 0}};
    struct call call;
    set_value(id, 1, 1);
    start_op(&call, 1, id, ops, 2, SEM_FOREVER);
    assert_int_equal(value(id, 0, GETNCNT), 1);
    op(1, id, 1, -1, 0);
    assert_int_equal(value(id, 0, GETNCNT), 0);
    assert_int_equal(value(id, 1, GETNCNT), 1);
    op(1, id, 0, 1, 0);
    op(1, id, 1, 1, 0);
    assert_true(call.answered);
    assert_int_equal(call.result, 0);
    sem_remove(1, id);
}

/* With several operations or one: who came first and can go on does, the others stay. */
static void test_by_age(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 2, 0666);
    struct sembuf both[] = {{0, -1, 0}, {1, -1, 0}}, one = {0, -1, 0},
                  zeros[] = {{0, 0, 0}, {1, 0, 0}}, zero = {0, 0, 0};
    struct call older, several, younger, last;
    start_op(&older, 2, id, &one, 1, SEM_FOREVER);
    start_op(&several, 3, id, both, 2, SEM_FOREVER);
    start_op(&younger, 4, id, &one, 1, SEM_FOREVER);
    op(1, id, 0, 1, 0);
    assert_true(older.answered);
    op(1, id, 0, 1, 0); /* the several want the other one, too */
    assert_true(younger.answered && !several.answered);
    op(1, id, 1, 1, 0);
    start_op(&younger, 4, id, &one, 1, SEM_FOREVER);
    op(1, id, 0, 1, 0);
    assert_true(several.answered && !younger.answered);
    start_op(&last, 2, id, &one, 1, SEM_FOREVER); /* nobody with several is left */
    op(1, id, 0, 1, 0);
    assert_true(younger.answered && !last.answered);
    op(1, id, 0, 1, 0);
    assert_true(last.answered);
    set_value(id, 0, 1);
    start_op(&several, 3, id, zeros, 2, SEM_FOREVER);
    start_op(&younger, 4, id, &zero, 1, SEM_FOREVER);
    op(1, id, 0, -1, 0);
    assert_true(several.answered && younger.answered && younger.order < several.order);
    assert_int_equal(value(id, 0, GETPID), 3);
    sem_remove(1, id);
}

static void test_endings(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 1, 0666);
    struct sembuf take = {0, -1, 0};
    struct call call;
    start_op(&call, 2, id, &take, 1, 0);
    assert_int_equal(call.result, -EAGAIN);
    start_op(&call, 2, id, &take, 1, 500);
    assert_false(call.answered);
    mock_advance(499);
    assert_false(call.answered);
    mock_advance(1);
    assert_int_equal(call.result, -EAGAIN);
    start_op(&call, 2, id, &take, 1, 500);
    mock_interrupt(&call);
    assert_int_equal(call.result, -EINTR);
    assert_int_equal(value(id, 0, GETNCNT), 0);
    /* A caller that dies unnoticed does not take the semaphore along. */
    start_op(&call, 2, id, &take, 1, SEM_FOREVER);
    call.dead = true;
    op(1, id, 0, 1, 0);
    assert_int_equal(value(id, 0, GETVAL), 1);
    mock_kill_notice(&call);
    set_value(id, 0, 0);
    start_op(&call, 2, id, &take, 1, SEM_FOREVER);
    sem_remove(1, id);
    assert_int_equal(call.result, -EIDRM);
}

static void test_undo(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 2, 0666);
    set_value(id, 0, 5);
    assert_int_equal(mock_connect(10, 0, 0), 1);
    assert_int_equal(op(10, id, 0, -2, SEM_UNDO), 0);
    assert_int_equal(op(10, id, 1, 3, SEM_UNDO), 0);
    /* A child has its own account; exec keeps the parent's. */
    assert_int_equal(mock_fork(10, 11), 0);
    mock_exec(10);
    mock_exit(11);
    assert_int_equal(value(id, 0, GETVAL), 3);
    /* The undo stops at zero, and wakes who waited. */
    assert_int_equal(op(1, id, 1, -3, 0), 0);
    struct sembuf take = {0, -5, 0};
    struct call call;
    start_op(&call, 1, id, &take, 1, SEM_FOREVER);
    mock_exit(10);
    assert_true(call.answered);
    assert_int_equal(value(id, 0, GETVAL), 0);
    assert_int_equal(value(id, 1, GETVAL), 0);
    assert_int_equal(value(id, 1, GETPID), 10);
    /* SETVAL clears the account. */
    assert_int_equal(mock_connect(10, 0, 0), 1);
    assert_int_equal(op(10, id, 0, 4, SEM_UNDO), 0);
    set_value(id, 0, 9);
    mock_exit(10);
    assert_int_equal(value(id, 0, GETVAL), 9);
    sem_remove(1, id);
}

/* What a server does when it, or the process server, was started anew. */
static void test_restarts(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 1, 0666);
    struct call call;
    struct sembuf take = {0, -1, 0};
    assert_int_equal(op(77, id, 0, 1, 0), -EBADF); /* nobody connected that one */
    assert_int_equal(get(77, IPC_PRIVATE, 1, 0600), -EBADF);
    assert_int_equal(mock_fork(77, 78), -ESRCH);
    assert_int_equal(mock_connect(77, 0, 0), 1);
    assert_int_equal(mock_connect(77, 0, 0), 0);
    assert_int_equal(op(77, id, 0, 1, SEM_UNDO), 0);
    start_op(&call, 2, id, &(struct sembuf){0, -9, 0}, 1, SEM_FOREVER);
    call.dead = true;
    for (int clients = PROCESSES + 1; clients >= 0; clients--)
        assert_int_equal(mock_call(PK_BADGE_PROC, SESSION_LABEL_FORGET, 0, 0, 0, 0, 0, 0),
                         clients > 0);
    mock_kill_notice(&call);
    assert_int_equal(sem_state.undos.count, 0);
    setup(0);
    assert_int_equal(value(id, 0, GETVAL), 0);
    assert_int_equal(op(1, id, 0, 1, 0), 0);
    start_op(&call, 1, id, &take, 1, SEM_FOREVER);
    assert_int_equal(call.result, 0);
    sem_remove(1, id);
}

static void test_all_and_stat(void **state) {
    (void)state;
    int id = (int)get(1, 3, 3, IPC_CREAT | 0600);
    uint16_t values[3] = {1, 40000, 3};
    assert_int_equal(mock_call(1, SEM_LABEL_SET_ALL, WORDS((uint64_t)id), values, 6, 0, 0),
                     -ERANGE);
    values[1] = 2;
    assert_int_equal(mock_call(1, SEM_LABEL_SET_ALL, WORDS((uint64_t)id), values, 4, 0, 0),
                     -EINVAL);
    assert_int_equal(mock_call(1, SEM_LABEL_SET_ALL, WORDS((uint64_t)id), values, 6, 0, 0), 0);
    uint16_t got[4] = {0};
    assert_int_equal(mock_call(1, SEM_LABEL_GET_ALL, WORDS((uint64_t)id), 0, 0, got, 4), -EINVAL);
    assert_int_equal(mock_call(1, SEM_LABEL_GET_ALL, WORDS((uint64_t)id), 0, 0, got, 8), 0);
    assert_memory_equal(got, values, 6);
    struct semid64_ds ds;
    assert_int_equal(
        mock_call(1, SEM_LABEL_STAT, WORDS((uint64_t)id, IPC_STAT), 0, 0, &ds, sizeof(ds)), 0);
    assert_int_equal(ds.sem_nsems, 3);
    assert_int_equal(ds.sem_otime, 0);
    assert_int_equal(
        mock_call(2, SEM_LABEL_STAT, WORDS((uint64_t)id % 32768, SEM_STAT), 0, 0, &ds, sizeof(ds)),
        -EACCES);
    assert_int_equal(mock_call(2, SEM_LABEL_STAT, WORDS((uint64_t)id % 32768, SEM_STAT_ANY), 0, 0,
                               &ds, sizeof(ds)),
                     id);
    ds.sem_perm.mode = 0666;
    assert_int_equal(mock_call(1, SEM_LABEL_SET, WORDS((uint64_t)id), &ds, sizeof(ds), 0, 0), 0);
    assert_int_equal(op(2, id, 0, 1, 0), 0);
    struct seminfo info;
    assert_int_equal(mock_call(1, SEM_LABEL_INFO, WORDS(SEM_INFO), 0, 0, &info, sizeof(info)),
                     id % 32768);
    assert_int_equal(info.semusz, 1);
    assert_int_equal(info.semaem, 3);
    sem_remove(1, id);
}

/* Whatever of its state is wrong, the server's check notices. */
static void test_checks(void **state) {
    (void)state;
    struct call more, zero, several;
    struct sembuf take = {1, -3, 0}, none = {0, 0, 0}, both[] = {{2, -1, 0}, {1, -1, 0}};
    int id = (int)get(1, 7, 3, IPC_CREAT | 0666);
    struct set *set = container_of(idtable_at(&sem_state.table.ids, id), struct set, object);
    assert_int_equal(op(1, id, 0, 2, SEM_UNDO), 0);
    start_op(&more, 2, id, &take, 1, 1000);
    start_op(&zero, 3, id, &none, 1, SEM_FOREVER);
    start_op(&several, 3, id, both, 2, SEM_FOREVER);
    assert_checked(set_sem(set, 1)->ncnt);
    assert_checked(set_sem(set, 0)->zcnt);
    assert_checked(set->listed);
    assert_checked(set->altering);
    assert_checked(set_sem(set, 2)->changed);
    assert_checked(set->free_to);
    assert_checked(set->object.id);
    assert_checked(sem_state.semaphores);
    assert_checked(sem_state.undos.count);
    struct operation *waits =
        container_of(waiter_first(&set_sem(set, 1)->increase), struct operation, waiter);
    assert_checked(waits->for_zero);
    assert_checked(waits->waiter.deadline.heap_index);
    set_sem(set, 1)->value = 3; /* it could go on */
    assert_non_null(mock_violation());
    set_sem(set, 1)->value = 0;
    set_sem(set, 0)->value = 0; /* likewise */
    assert_non_null(mock_violation());
    set_sem(set, 0)->value = 2;
    assert_null(mock_violation());
    sem_remove(1, id);
}

/* ---- Random runs. ---- */

enum { SEMS = 4, CALLS = 24, OPS = 3 };

struct pending {
    struct call call;
    bool active;
    int pid;
    uint64_t deadline; /* UINT64_MAX: it has none */
    unsigned count;
    struct sembuf ops[OPS];
};

static struct pending pending[CALLS];
static int model_id; /* of the set */
static int model[SEMS];
static int adjust[PROCESSES + 1][SEMS];
static uint64_t replayed;

/* Does the operations on the model if they are possible: NULL. Else which one is not. */
static const struct sembuf *model_do(const struct pending *p, bool commit) {
    int values[SEMS], undo[SEMS];
    memcpy(values, model, sizeof(values));
    memcpy(undo, adjust[p->pid], sizeof(undo));
    for (unsigned i = 0; i < p->count; i++) {
        const struct sembuf *o = &p->ops[i];
        int *v = &values[o->sem_num];
        if (o->sem_op == 0 ? *v != 0 : *v + o->sem_op < 0)
            return o;
        *v += o->sem_op;
        if (o->sem_flg & SEM_UNDO)
            undo[o->sem_num] -= o->sem_op;
    }
    if (commit) {
        memcpy(model, values, sizeof(values));
        memcpy(adjust[p->pid], undo, sizeof(undo));
    }
    return NULL;
}

/* Several operations that all want zero are not tried again before something is zero, as on Linux. */
static bool model_stays(const struct pending *p) {
    bool alters = false;
    for (unsigned i = 0; i < p->count; i++)
        alters |= p->ops[i].sem_op != 0;
    return p->count > 1 && !alters;
}

static void replay(void) {
    for (; replayed < mock_answers; replayed++) {
        for (int i = 0; i < CALLS; i++) {
            struct pending *p = &pending[i];
            if (!p->active || !p->call.answered || p->call.order != replayed)
                continue;
            const struct sembuf *stopped = model_do(p, p->call.result == 0);
            assert_int_equal(p->call.result, stopped ? -EAGAIN : 0);
            assert_true(!stopped || stopped->sem_flg & IPC_NOWAIT);
            p->active = false;
        }
    }
}

static void check(void) {
    int increase[SEMS] = {0}, zero[SEMS] = {0}, stay = 0;
    mock_jobs();
    replay();
    for (int i = 0; i < CALLS; i++) {
        if (!pending[i].active)
            continue;
        const struct sembuf *stopped = model_do(&pending[i], false);
        assert_non_null(stopped);
        if (model_stays(&pending[i])) {
            stay++;
            continue;
        }
        assert_false(stopped->sem_flg & IPC_NOWAIT);
        ++*(stopped->sem_op ? &increase[stopped->sem_num] : &zero[stopped->sem_num]);
    }
    for (int i = 0; i < SEMS; i++) {
        assert_int_equal(value(model_id, i, GETVAL), model[i]);
        assert_int_equal(value(model_id, i, GETNCNT), increase[i]);
        assert_true(value(model_id, i, GETZCNT) >= zero[i]);
        stay -= (int)value(model_id, i, GETZCNT) - zero[i];
    }
    assert_int_equal(stay, 0);
}

static void random_op(struct pending *p) {
    int64_t timeout = mock_random(3) ? (int64_t)SEM_FOREVER : 1 + (int64_t)mock_random(3000);
    p->pid = 1 + (int)mock_random(PROCESSES);
    p->deadline = timeout == (int64_t)SEM_FOREVER ? UINT64_MAX : mock_now + (uint64_t)timeout;
    p->count = 1 + mock_random(OPS);
    for (unsigned i = 0; i < p->count; i++)
        p->ops[i] = (struct sembuf){
            (uint16_t)mock_random(SEMS), (int16_t)((int)mock_random(6) - 3),
            (int16_t)((mock_random(3) ? 0 : SEM_UNDO) | (mock_random(4) ? 0 : IPC_NOWAIT))};
    start_op(&p->call, p->pid, model_id, p->ops, p->count, timeout);
    p->active = !p->call.answered;
    if (p->active)
        return;
    /* The caller's own operations come first, though those whom they wake are answered first. */
    const struct sembuf *stopped = model_do(p, p->call.result == 0);
    assert_int_equal(p->call.result, stopped ? -EAGAIN : 0);
    assert_true(!stopped || stopped->sem_flg & IPC_NOWAIT);
}

/* Few end at a time, and the rest soon after. */
static void pass_time(void) {
    mock_advance(mock_random(1000));
    for (int i = 0; i < CALLS; i++) {
        struct pending *p = &pending[i];
        if (!p->active || p->deadline > mock_now)
            continue;
        for (int n = 0; n < CALLS && !p->call.answered; n++)
            mock_advance(mock_timer - mock_now);
        assert_true(p->call.answered);
        assert_int_equal(p->call.result, -EAGAIN);
        p->active = false;
    }
}

static void random_all(void) {
    uint16_t values[SEMS];
    for (int i = 0; i < SEMS; i++)
        values[i] = (uint16_t)(model[i] = (int)mock_random(3));
    memset(adjust, 0, sizeof(adjust));
    assert_int_equal(
        mock_call(1, SEM_LABEL_SET_ALL, WORDS((uint64_t)model_id), values, sizeof(values), 0, 0),
        0);
}

static void random_value(void) {
    uint32_t number = mock_random(SEMS);
    model[number] = (int)mock_random(3);
    for (int pid = 1; pid <= PROCESSES; pid++)
        adjust[pid][number] = 0;
    assert_int_equal(set_value(model_id, (int)number, model[number]), 0);
}

static void random_exit(int pid) {
    for (int i = 0; i < CALLS; i++)
        if (pending[i].active && pending[i].pid == pid)
            pending[i].active = false;
    mock_exit(pid);
    for (int i = 0; i < SEMS; i++) {
        model[i] += adjust[pid][i];
        if (model[i] < 0)
            model[i] = 0;
        adjust[pid][i] = 0;
    }
    mock_connect(pid, 100, 100);
}

static void begin_at_random(void) {
    model_id = (int)get(1, IPC_PRIVATE, SEMS, 0666);
    memset(pending, 0, sizeof(pending));
    memset(model, 0, sizeof(model));
    memset(adjust, 0, sizeof(adjust));
    replayed = mock_answers;
}

static void step_at_random(uint64_t number) {
    struct pending *p = &pending[mock_random(CALLS)];
    uint32_t kind = mock_random(40);
    (void)number;
    if (kind == 0) {
        random_exit(1 + (int)mock_random(PROCESSES));
    } else if (kind < 3) {
        random_value();
    } else if (kind == 3) {
        random_all();
    } else if (kind == 4) {
        pass_time();
    } else if (!p->active) {
        random_op(p);
    } else if (kind < 20) {
        model_end_call(&p->call);
        p->active = false;
    }
    check();
}

static void end_at_random(void) {
    sem_remove(1, model_id);
    mock_jobs();
    for (int i = 0; i < CALLS; i++)
        if (pending[i].active)
            assert_int_equal(pending[i].call.result, -EIDRM);
}

static const struct model_run random_run = {begin_at_random, step_at_random, end_at_random};

static void test_at_random(void **state) {
    (void)state;
    model_run(&random_run);
}

/* The same when all that can be done in steps is. */
static void test_steps_at_random(void **state) {
    (void)state;
    sem_state.step = 1;
    model_run(&random_run);
}

/* ---- Sets that take many steps. ---- */

static uint16_t many[SEMMSL], got[SEMMSL];

static void start_all(struct call *call, uint64_t label, int id) {
    bool get = label == SEM_LABEL_GET_ALL;
    mock_send(call, 1, label, WORDS((uint64_t)id), get ? 0 : many, get ? 0 : sizeof(many),
              get ? got : 0, get ? sizeof(got) : 0);
    assert_false(call->answered);
}

static void fill_many(uint16_t value) {
    for (size_t i = 0; i < SEMMSL; i++)
        many[i] = value;
}

static void start_one(struct call *call, int pid, int id, int number, int change, int flags) {
    static struct sembuf ops[4];
    static unsigned next;
    struct sembuf *o = &ops[next++ % 4];
    *o = (struct sembuf){(uint16_t)number, (int16_t)change, (int16_t)flags};
    start_op(call, pid, id, o, 1, SEM_FOREVER);
}

/* Whoever comes while a large set is read or set waits, and sees one state. */
static void test_large_set(void **state) {
    (void)state;
    struct call all, one, killed;
    int id = (int)get(1, IPC_PRIVATE, SEMMSL, 0666);
    fill_many(2);
    start_all(&all, SEM_LABEL_SET_ALL, id);
    while (!all.answered)
        assert_true(mock_job());
    start_one(&one, 2, id, SEMMSL - 1, -1, 0);
    assert_false(one.answered); /* the values are being set */
    mock_jobs();
    assert_int_equal(one.result, 0);
    assert_int_equal(value(id, SEMMSL - 1, GETVAL), 1);

    start_all(&all, SEM_LABEL_GET_ALL, id);
    start_one(&one, 2, id, 0, 5, 0);
    assert_false(one.answered); /* the values are being read */
    mock_jobs();
    assert_int_equal(all.result, 0);
    assert_int_equal(got[0], 2);
    assert_int_equal(got[SEMMSL - 1], 1);
    assert_int_equal(one.result, 0);
    assert_int_equal(value(id, 0, GETVAL), 7);

    start_all(&killed, SEM_LABEL_GET_ALL, id);
    start_one(&one, 2, id, 0, 1, 0);
    mock_kill(&killed);
    mock_jobs();
    assert_int_equal(one.result, 0);
    fill_many(3);
    many[SEMMSL - 1] = SEMVMX + 1;
    start_all(&all, SEM_LABEL_SET_ALL, id);
    mock_jobs();
    assert_int_equal(all.result, -ERANGE);
    assert_int_equal(value(id, 0, GETVAL), 8); /* nothing was set */
    sem_remove(1, id);
}

/* A process's end gives back what it took, though the set is large and busy; the next one of its pid has no part in it. */
static void test_large_undo(void **state) {
    (void)state;
    struct call all, one;
    int id = (int)get(1, IPC_PRIVATE, SEMMSL, 0666);
    assert_int_equal(mock_connect(10, 0, 0), 1);
    assert_int_equal(op(10, id, 0, 3, SEM_UNDO), 0);
    assert_int_equal(op(10, id, SEMMSL - 1, 4, SEM_UNDO), 0);
    start_all(&all, SEM_LABEL_GET_ALL, id);
    mock_exit(10);
    assert_int_equal(mock_connect(10, 0, 0), 1);
    start_one(&one, 10, id, SEMMSL - 1, 1, SEM_UNDO);
    assert_false(one.answered);
    mock_jobs();
    assert_int_equal(got[SEMMSL - 1], 4); /* as it was when the call came */
    assert_int_equal(one.result, 0);
    assert_int_equal(value(id, 0, GETVAL), 0);
    assert_int_equal(value(id, SEMMSL - 1, GETVAL), 1);
    mock_exit(10);
    assert_int_equal(value(id, SEMMSL - 1, GETVAL), 0);
    sem_remove(1, id);
}

/* A thousand callers are woken, or end, a few at a time; each is answered once. */
static void test_many_waiters(void **state) {
    (void)state;
    static struct call waiting[1000];
    struct call late;
    int id = (int)get(1, IPC_PRIVATE, 1, 0666), woken = 0;
    for (int i = 0; i < 1000; i++)
        start_one(&waiting[i], 2, id, 0, -1, 0);
    assert_int_equal(op(1, id, 0, 900, 0), 0);
    for (int i = 0; i < 1000; i++)
        woken += waiting[i].answered;
    assert_in_range(woken, 1, 200);
    start_one(&late, 3, id, 0, -1, IPC_NOWAIT);
    assert_false(late.answered);     /* those before it are served first */
    mock_interrupt(&waiting[woken]); /* the next one */
    mock_interrupt(&waiting[950]);
    mock_jobs();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(waiting[i].answered, i < 901 || i == 950);
    assert_int_equal(waiting[woken].result, -EINTR);
    assert_int_equal(waiting[900].result, 0);
    assert_int_equal(late.result, -EAGAIN);
    assert_int_equal(value(id, 0, GETNCNT), 98);
    sem_remove(1, id);
    mock_jobs();
    for (int i = 901; i < 1000; i++)
        assert_int_equal(waiting[i].result, i == 950 ? -EINTR : -EIDRM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_atomic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zero_after_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_wait_before, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counted_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_by_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_and_stat, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_at_random, setup, teardown),
        cmocka_unit_test_setup_teardown(test_steps_at_random, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_undo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_waiters, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
