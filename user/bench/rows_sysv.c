/* SPDX-License-Identifier: MIT */
/*
 * Rows of System V IPC among many: what one of 32,000 queues or sets costs, a message of one type among 10,000 of 1,000
 * types, and messages by their length. Root's: they raise limits.
 */
#include "measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

#define LENGTH 64
#define LENGTH_MOST (1 << 20)

static struct {
    long type;
    char data[LENGTH_MOST];
} message;
static int queue, set;

/* ---- Types -------------------------------------------------------------------------------- */

#define LOOKED_FOR 500

static void make_queue(unsigned long bytes) {
    struct msqid_ds status;

    queue = msgget(IPC_PRIVATE, 0600);
    if (queue < 0 || msgctl(queue, IPC_STAT, &status) < 0)
        die("msgget");
    status.msg_qbytes = bytes;
    if (msgctl(queue, IPC_SET, &status) < 0)
        die("msgctl");
}

static void fill_queue(int messages, int types) {
    make_queue((unsigned long)(messages + 1) * LENGTH);
    for (int i = 0; i < messages; i++) {
        message.type = types == 1 ? LOOKED_FOR : 1 + i % types;
        if (msgsnd(queue, &message, LENGTH, IPC_NOWAIT) < 0)
            die("msgsnd");
    }
}

static void setup_few(size_t total) {
    (void)total;
    fill_queue(10, 1);
}

static void setup_many(size_t total) {
    (void)total;
    fill_queue(10000, 1000);
}

static void run_type(void) {
    if (msgrcv(queue, &message, LENGTH, LOOKED_FOR, 0) != LENGTH)
        die("msgrcv");
    if (msgsnd(queue, &message, LENGTH, 0) < 0)
        die("msgsnd");
}

static void remove_queue(void) {
    msgctl(queue, IPC_RMID, NULL);
}

/* ---- One of all that there may be --------------------------------------------------------- */

#define OTHERS 31999

static int others[OTHERS];

static void setup_queues(size_t total) {
    (void)total;
    for (int i = 0; i < OTHERS; i++) {
        others[i] = msgget(IPC_PRIVATE, 0600);
        if (others[i] < 0)
            die("msgget");
    }
    fill_queue(0, 1);
}

static void run_queue(void) {
    message.type = 1;
    if (msgsnd(queue, &message, LENGTH, 0) < 0 || msgrcv(queue, &message, LENGTH, 0, 0) != LENGTH)
        die("msgsnd, msgrcv");
}

static void remove_queues(void) {
    for (int i = 0; i < OTHERS; i++)
        msgctl(others[i], IPC_RMID, NULL);
    remove_queue();
}

static void setup_sets(size_t total) {
    (void)total;
    for (int i = 0; i < OTHERS; i++) {
        others[i] = semget(IPC_PRIVATE, 1, 0600);
        if (others[i] < 0)
            die("semget");
    }
    set = semget(IPC_PRIVATE, 1, 0600);
    if (set < 0)
        die("semget");
}

static void run_set(void) {
    struct sembuf up = {.sem_op = 1}, down = {.sem_op = -1};

    if (semop(set, &up, 1) < 0 || semop(set, &down, 1) < 0)
        die("semop");
}

static void remove_sets(void) {
    for (int i = 0; i < OTHERS; i++)
        semctl(others[i], 0, IPC_RMID);
    semctl(set, 0, IPC_RMID);
}

/* ---- Lengths ------------------------------------------------------------------------------ */

static size_t length;

static void raise_limit(void) {
    char text[20];
    int size = snprintf(text, sizeof text, "%d", LENGTH_MOST);
    int fd = open("/proc/sys/kernel/msgmax", O_WRONLY);

    if (fd < 0 || write(fd, text, (size_t)size) != size)
        die("/proc/sys/kernel/msgmax");
    close(fd);
}

static void setup_length(size_t bytes) {
    length = bytes;
    raise_limit();
    make_queue(LENGTH_MOST);
}

static void run_length(void) {
    message.type = 1;
    if (msgsnd(queue, &message, length, 0) < 0 ||
        msgrcv(queue, &message, length, 0, 0) != (ssize_t)length)
        die("msgsnd, msgrcv");
}

#define LENGTH_ROW(bytes)                                                                          \
    static void setup_##bytes(size_t total) {                                                      \
        (void)total;                                                                               \
        setup_length(bytes);                                                                       \
    }
LENGTH_ROW(1)
LENGTH_ROW(1024)
LENGTH_ROW(32768)
LENGTH_ROW(1048576)

const struct row sysv_rows[] = {
    {"msg_type_of_1", 1000, setup_few, NULL, run_type, remove_queue, 1},
    {"msg_type_of_1000", 1000, setup_many, NULL, run_type, remove_queue, 1},
    {"msg_32000_queues", 1000, setup_queues, NULL, run_queue, remove_queues, 1},
    {"sem_32000_sets", 1000, setup_sets, NULL, run_set, remove_sets, 1},
    {"msg_size_1", 500, setup_1, NULL, run_length, remove_queue, 1},
    {"msg_size_1k", 500, setup_1024, NULL, run_length, remove_queue, 1},
    {"msg_size_32k", 100, setup_32768, NULL, run_length, remove_queue, 1},
    {"msg_size_1m", 20, setup_1048576, NULL, run_length, remove_queue, 1},
};
const size_t sysv_row_count = sizeof(sysv_rows) / sizeof(sysv_rows[0]);
