/* SPDX-License-Identifier: MIT */
/* semop(2) and semtimedop(2). */
#include "sem.h"
#include <lib/clock.h>
#include <stdlib.h>

/* SEM_UNDO: what exit would add must stay within +-SEMVMX, as Linux has it. */
static bool undo_fits(const struct undo *undo, const struct sembuf *op) {
    int adjust = undo->adjust[op->sem_num] - op->sem_op;
    return adjust >= -SEMVMX - 1 && adjust <= SEMVMX;
}

/* Tries one operation on its semaphore's value; 0, -ERANGE, or -EAGAIN. */
static long apply(struct sem *sem, const struct sembuf *op, struct undo *undo) {
    int value = sem->value + op->sem_op;
    if (op->sem_op == 0)
        return sem->value ? -EAGAIN : 0;
    if (value < 0)
        return -EAGAIN;
    if (value > SEMVMX)
        return -ERANGE;
    if (op->sem_flg & SEM_UNDO) {
        if (!undo_fits(undo, op))
            return -ERANGE;
        undo->adjust[op->sem_num] = (int16_t)(undo->adjust[op->sem_num] - op->sem_op);
    }
    sem->value = (uint16_t)value;
    return 0;
}

void set_take_back(struct set *set, const struct sembuf *ops, uint32_t count, struct undo *undo) {
    while (count-- > 0) {
        const struct sembuf *op = &ops[count];
        struct sem *sem = set_sem(set, op->sem_num);
        sem->value = (uint16_t)(sem->value - op->sem_op);
        if (op->sem_op && (op->sem_flg & SEM_UNDO))
            undo->adjust[op->sem_num] = (int16_t)(undo->adjust[op->sem_num] + op->sem_op);
    }
}

/* `value`: what the semaphore had when `op` was tried, after the operations before it. */
static void describe(struct obstacle *obstacle, struct sem *sem, const struct sembuf *op,
                     int value) {
    obstacle->sem = sem;
    obstacle->for_zero = op->sem_op == 0;
    obstacle->nowait = op->sem_flg & IPC_NOWAIT;
    /* sem->value is what it was before the first operation; the difference was our own doing. */
    obstacle->needed = sem->value - value - op->sem_op;
}

long set_operate(struct set *set, const struct sembuf *ops, uint32_t count, struct undo *undo,
                 int pid, struct obstacle *obstacle) {
    for (uint32_t i = 0; i < count; i++) {
        struct sem *sem = set_sem(set, ops[i].sem_num);
        long error = apply(sem, &ops[i], undo);
        if (error < 0) {
            int value = sem->value;
            set_take_back(set, ops, i, undo);
            if (error == -EAGAIN)
                describe(obstacle, sem, &ops[i], value);
            return error;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        struct sem *sem = set_sem(set, ops[i].sem_num);
        set_done(set, sem, &ops[i], sem->value, pid);
    }
    set->otime = clock_seconds();
    return 0;
}

static long operation_ended(struct waiter *waiter, enum waiter_end why) {
    struct operation *operation = container_of(waiter, struct operation, waiter);
    operation_uncount(operation);
    operation_free(operation);
    return why == WAITER_EXPIRED ? -EAGAIN : -EINTR;
}

static const struct waiter_ops operation_ops = {.ended = operation_ended};

static long start_time(struct operation *operation, int64_t timeout_ns) {
    uint64_t now = clock_ns();
    if ((uint64_t)timeout_ns < INT64_MAX - now &&
        waiter_set_deadline(&operation->waiter, now + (uint64_t)timeout_ns) < 0) {
        waiter_remove(&operation->waiter);
        free(operation);
        return -ENOMEM;
    }
    return 0;
}

static inline __attribute__((always_inline)) long
enter(struct request *req, struct client *client, struct set *set, const struct sembuf *ops,
      uint32_t count, struct undo *undo, const struct obstacle *obstacle, int64_t timeout_ns) {
    struct operation *operation = malloc(sizeof(*operation) + count * sizeof(*ops));
    if (!operation)
        return -ENOMEM;
    waiter_init(&operation->waiter, req, client, &operation_ops);
    if (timeout_ns > 0 && start_time(operation, timeout_ns) < 0)
        return -ENOMEM;
    operation->set = set;
    operation->undo = undo;
    operation->count = count;
    for (uint32_t i = 0; i < count; i++) /* mostly one: shorter than a call of memcpy */
        operation->ops[i] = ops[i];
    if (count > 1)
        list_add_tail(&set->several, &operation->several);
    operation_wait(operation, obstacle);
    return SERVER_DEFER;
}

static __attribute__((noinline)) long wait(struct request *req, struct client *client,
                                           struct set *set, const struct sembuf *ops,
                                           uint32_t count, struct undo *undo,
                                           const struct obstacle *obstacle, int64_t timeout_ns) {
    return enter(req, client, set, ops, count, undo, obstacle, timeout_ns);
}

/* One operation in a word, as it stands in memory. */
static inline struct sembuf unpack(uint64_t packed) {
    return (struct sembuf){.sem_num = (uint16_t)packed,
                           .sem_op = (int16_t)(packed >> 16),
                           .sem_flg = (int16_t)(packed >> 32)};
}

/* The same for a subtraction without undo: what is known of it makes it short. */
static __attribute__((noinline)) long wait_one(struct request *req, struct client *client,
                                               struct set *set, uint64_t packed,
                                               int64_t timeout_ns) {
    struct sembuf op = unpack(packed);
    struct obstacle obstacle = {.sem = set_sem(set, op.sem_num), .needed = -op.sem_op};
    return enter(req, client, set, &op, 1, 0, &obstacle, timeout_ns);
}

/* Which permission the operations need, whether they need an undo record, and their range. */
static void inspect(const struct sembuf *ops, uint32_t count, unsigned *mode, bool *undo,
                    uint32_t *highest) {
    *mode = SYSV_READ;
    *undo = false;
    *highest = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (ops[i].sem_op)
            *mode = SYSV_WRITE;
        if (ops[i].sem_op && (ops[i].sem_flg & SEM_UNDO))
            *undo = true;
        if (ops[i].sem_num > *highest)
            *highest = ops[i].sem_num;
    }
}

/* The set that has a semaphore of that number, and may be operated on; errors in Linux's order. -EFBIG: see not_free(). */
static inline long find_operand(int semid, const struct client *client, uint32_t number,
                                unsigned mode, struct set **set) {
    long error = set_look(semid, client, set);
    if (error < 0)
        return error;
    return number >= (*set)->free_to ? -EFBIG : sysv_access(&(*set)->object, client, mode);
}

/* The set has no semaphore of that number, or it is held: then the request waits. Not to cost the others, this is the
 * last thing that a handler calls. */
static __attribute__((noinline)) long not_free(const struct request *req, struct set *set,
                                               uint32_t number) {
    return number >= set->count ? -EFBIG : set_wait(req, set);
}

/* All that semop(2) lists as errors comes before anything changes. */
static long prepare(struct request *req, struct client *client, int semid, const struct sembuf *ops,
                    uint32_t count, struct set **set, struct undo **undo) {
    unsigned mode;
    uint32_t highest;
    bool needs_undo;
    inspect(ops, count, &mode, &needs_undo, &highest);
    *undo = 0;
    long error = find_operand(semid, client, highest, mode, set);
    if (error < 0)
        return error == -EFBIG ? not_free(req, *set, highest) : error;
    if (needs_undo && !(*undo = undo_get(client, *set)))
        return -ENOMEM;
    return 0;
}

static long operate(struct request *req, int semid, int64_t timeout_ns, const struct sembuf *ops,
                    uint32_t count) {
    struct client *client = request_client(req);
    struct obstacle obstacle;
    struct set *set;
    struct undo *undo;
    long error = prepare(req, client, semid, ops, count, &set, &undo);
    if (error < 0)
        return error;
    error = set_operate(set, ops, count, undo, client_pid(client), &obstacle);
    if (error >= 0) {
        if (set->changed)
            set_update(set);
        return 0;
    }
    if (error != -EAGAIN || obstacle.nowait || timeout_ns == 0)
        return error;
    return wait(req, client, set, ops, count, undo, &obstacle, timeout_ns);
}

static long read_and_operate(struct request *req, int semid, int64_t timeout_ns, struct sembuf *ops,
                             uint64_t count) {
    long error = request_read_all(req, ops, count * sizeof(*ops));
    return error < 0 ? error : operate(req, semid, timeout_ns, ops, (uint32_t)count);
}

/* As many as the limit is after boot need no memory of their own. */
long sem_handle_op(struct request *req, int semid, int64_t timeout_ns) {
    struct sembuf few[SEMOPM];
    uint64_t count = request_in_len(req) / sizeof(*few);
    if (count < 1)
        return -EINVAL;
    if (count > sem_state.semopm)
        return -E2BIG;
    if (count <= SEMOPM)
        return read_and_operate(req, semid, timeout_ns, few, count);
    struct sembuf *ops = own_calloc(count, sizeof(*ops));
    if (!ops)
        return -ENOMEM;
    long result = read_and_operate(req, semid, timeout_ns, ops, count);
    free(ops);
    return result;
}

/* What operate() does with one addition or subtraction without undo: with nearly every call. */
static long operate_one(struct request *req, struct client *client, int semid, int64_t timeout_ns,
                        uint64_t packed) {
    struct sembuf op = unpack(packed);
    struct set *set;
    long error = find_operand(semid, client, op.sem_num, SYSV_WRITE, &set);
    if (error < 0)
        return error == -EFBIG ? not_free(req, set, op.sem_num) : error;
    struct sem *sem = set_sem(set, op.sem_num);
    int value = sem->value + op.sem_op;
    if (value > SEMVMX)
        return -ERANGE;
    if (value < 0) {
        if (op.sem_flg & IPC_NOWAIT || timeout_ns == 0)
            return -EAGAIN;
        return wait_one(req, client, set, packed, timeout_ns);
    }
    int64_t now = clock_seconds();
    sem->value = (uint16_t)value;
    sem->pid = client_pid(client);
    set->otime = now;
    if (sem->zcnt || (sem->ncnt && op.sem_op > 0))
        sem_update(set, sem, now);
    return 0;
}

long sem_handle_op_one(struct request *req, int semid, int64_t timeout_ns, uint64_t packed) {
    struct sembuf op = unpack(packed);
    if (op.sem_op && !(op.sem_flg & SEM_UNDO))
        return operate_one(req, request_client(req), semid, timeout_ns, packed);
    return operate(req, semid, timeout_ns, &op, 1);
}
