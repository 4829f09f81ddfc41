/* SPDX-License-Identifier: MIT */
/*
 * System V queues and semaphores that are waited for, the same as on Linux (turns.h): by type, with undo, several operations at
 * once, with time-outs, and removed meanwhile. What Linux gives stands below. Where that differs, `t_sysvturns SEED` prints
 * the hash after each turn, on either system.
 *
 * One sender waits at a time: Linux wakes all whose text may fit, and whoever comes first is in.
 */
#include "tap.h"

#include <stdint.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

#define OPS 3

enum call { SEND, RECEIVE, OPERATE, REMOVE_QUEUE, REMOVE_SET, SET_VALUE };
enum until { NEVER, PAST, SOON };

struct order {
    enum call call;
    enum until until; /* semtimedop's */
    int id, flags;
    long type;
    size_t length; /* of the text, of the room for one, of the list of operations */
    uint64_t serial;
    struct sembuf ops[OPS];
};

#include "turns.h"

#define TURNS 1500
#define SIZE 200 /* of the longest text */
#define ROOM 300 /* of the queue */
#define SEMAPHORES 3

/* Linux 6.18. */
static const uint64_t linux_hash[] = {
    0x4b6960e1064388ca, 0x3a936a425398bd26, 0xb7490da9dbba87d0, 0xe2fd4dcb59c48b0d,
    0xb7dc1e57283d1da2, 0xa38e8cc7bf4fdb60, 0x0761c464f5693df9, 0xcadda2592616f602,
};

static uint64_t serial; /* of orders */
static int queue, set;

/* ---- Calls -------------------------------------------------------------------------------- */

struct text {
    long type;
    char bytes[SIZE];
};

static long send_one(const struct order *order) {
    struct text text = {.type = order->type};
    for (size_t i = 0; i < order->length; i++)
        text.bytes[i] = (char)(order->serial + i);
    return msgsnd(order->id, &text, order->length, order->flags);
}

static long receive_one(const struct order *order) {
    struct text text;
    long got = msgrcv(order->id, &text, order->length, order->type, order->flags);
    if (got >= 0)
        say((uint64_t)text.type);
    for (long i = 0; i < got; i++)
        say((unsigned char)text.bytes[i]);
    return got;
}

static long operate_one(const struct order *order) {
    struct sembuf ops[OPS];
    struct timespec time = {0, order->until == SOON ? 2000000 : 0};
    memcpy(ops, order->ops, sizeof ops);
    return semtimedop(order->id, ops, order->length, order->until == NEVER ? NULL : &time);
}

static long turn_call(const struct order *order) {
    switch (order->call) {
    case SEND:
        return send_one(order);
    case RECEIVE:
        return receive_one(order);
    case OPERATE:
        return operate_one(order);
    case REMOVE_QUEUE:
        return msgctl(order->id, IPC_RMID, NULL);
    case REMOVE_SET:
        return semctl(order->id, 0, IPC_RMID);
    case SET_VALUE:
        return semctl(order->id, (int)order->type, SETVAL, (int)order->length);
    }
    return 0;
}

static void turn_before_call(void) {
}

/* ---- Turns -------------------------------------------------------------------------------- */

static bool somebody_sends(void) {
    bool sends = false;
    for (int i = 0; i < WORKERS; i++)
        sends |= workers[i].phase == CALLING && workers[i].order.call == SEND;
    return sends;
}

static void order_message(struct order *order) {
    bool sends = !somebody_sends() && one_in(2);
    order->call = sends ? SEND : RECEIVE;
    order->id = queue;
    order->type = 1 + (long)any(3);
    order->length = (size_t)any(SIZE);
    order->flags = one_in(4) ? IPC_NOWAIT : 0;
    if (sends)
        return;
    order->length = one_in(4) ? (size_t)any(SIZE) : SIZE;
    order->type = one_in(3) ? 0 : one_in(3) ? -order->type : order->type;
    order->flags |= one_in(2) ? MSG_NOERROR : 0;
    order->flags |= order->type > 0 && one_in(3) ? MSG_EXCEPT : 0;
}

static void order_operations(struct order *order) {
    order->call = OPERATE;
    order->id = set;
    order->until = one_in(12) ? PAST : one_in(12) ? SOON : NEVER;
    order->length = one_in(3) ? 2 + (size_t)any(OPS - 1) : 1;
    for (size_t i = 0; i < order->length; i++) {
        struct sembuf *op = &order->ops[i];
        op->sem_num = (unsigned short)any(SEMAPHORES);
        op->sem_op = (short)((long)any(6) - 2);
        op->sem_flg = (short)(one_in(8) ? IPC_NOWAIT : 0);
        op->sem_flg = (short)(op->sem_flg | (one_in(3) ? SEM_UNDO : 0));
    }
}

static void turn_order(struct order *order) {
    memset(order, 0, sizeof *order);
    order->serial = ++serial;
    if (one_in(40)) {
        bool of_queue = one_in(2);
        order->call = of_queue ? REMOVE_QUEUE : REMOVE_SET;
        order->id = of_queue ? queue : set;
    } else if (one_in(20)) {
        order->call = SET_VALUE;
        order->id = set;
        order->type = (long)any(SEMAPHORES);
        order->length = (size_t)any(3);
    } else if (one_in(2)) {
        order_message(order);
    } else {
        order_operations(order);
    }
}

static bool turn_ends(const struct order *order) {
    return order->until != NEVER;
}

static void make_queue(void) {
    struct msqid_ds status;
    queue = msgget(IPC_PRIVATE, 0600);
    if (queue < 0 || msgctl(queue, IPC_STAT, &status) < 0)
        bail("msgget");
    status.msg_qbytes = ROOM;
    if (msgctl(queue, IPC_SET, &status) < 0)
        bail("msgctl");
}

static void make_set(void) {
    set = semget(IPC_PRIVATE, SEMAPHORES, 0600);
    if (set < 0)
        bail("semget");
}

static void turn_ask(void) {
    struct msqid_ds status;
    msgctl(queue, IPC_STAT, &status);
    semctl(set, 0, GETVAL);
}

/* The number that a process has instead of its id, which differs. */
static int worker_of(int pid) {
    for (int i = 0; i < WORKERS; i++)
        if (workers[i].pid == pid)
            return i + 1;
    return 0;
}

/* What was removed is made again. */
static void turn_fold(void) {
    struct msqid_ds status;
    if (msgctl(queue, IPC_STAT, &status) < 0) {
        make_queue();
        msgctl(queue, IPC_STAT, &status);
    }
    fold(status.msg_qnum);
    fold(status.__msg_cbytes);
    fold((uint64_t)worker_of(status.msg_lspid));
    fold((uint64_t)worker_of(status.msg_lrpid));
    if (semctl(set, 0, GETVAL) < 0)
        make_set();
    for (int i = 0; i < SEMAPHORES; i++) {
        fold((uint64_t)semctl(set, i, GETVAL));
        fold((uint64_t)semctl(set, i, GETNCNT));
        fold((uint64_t)semctl(set, i, GETZCNT));
        fold((uint64_t)worker_of(semctl(set, i, GETPID)));
    }
}

static uint64_t run(uint64_t seed, bool verbose) {
    same_begin(seed);
    serial = 0;
    make_queue();
    make_set();
    turns_run(TURNS, verbose);
    msgctl(queue, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    return hash;
}

int main(int argc, char **argv) {
    turns_setup();
    return same_as(linux_hash, ARRAY_LENGTH(linux_hash), TURNS, run, argc, argv);
}
