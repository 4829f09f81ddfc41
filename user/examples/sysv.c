/* SPDX-License-Identifier: MIT */
/* By System V IPC: shmget(2), semget(2), msgget(2) and their companions; see svipc(7). */
#include "ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

const char *const ipc_name = "System V";

union semun {
    int val;
};

static int sets[SEMAPHORES_MOST], set_count;
static int queues[MAILBOXES_MOST], queue_count;

/* It is removed at once, and lives until the last process that has it attached ends. */
void *ipc_memory(size_t size) {
    int id = shmget(IPC_PRIVATE, size, 0600);
    void *memory = id < 0 ? (void *)-1 : shmat(id, NULL, 0);

    if (memory == (void *)-1)
        ipc_die("shared memory");
    if (shmctl(id, IPC_RMID, NULL) < 0)
        ipc_die("shmctl");
    return memory;
}

int ipc_semaphore(unsigned value) {
    int id = semget(IPC_PRIVATE, 1, 0600);

    if (id < 0 || semctl(id, 0, SETVAL, (union semun){.val = (int)value}) < 0)
        ipc_die("semget");
    sets[set_count] = id;
    return set_count++;
}

static void operate(int semaphore, short change) {
    struct sembuf operation = {.sem_num = 0, .sem_op = change};

    while (semop(sets[semaphore], &operation, 1) < 0) {
        if (errno != EINTR)
            ipc_die("semop");
    }
}

void ipc_down(int semaphore) {
    operate(semaphore, -1);
}

void ipc_up(int semaphore) {
    operate(semaphore, 1);
}

struct message {
    long type;
    char text[MESSAGE_MOST];
};

int ipc_mailbox(void) {
    int id = msgget(IPC_PRIVATE, 0600);

    if (id < 0)
        ipc_die("msgget");
    queues[queue_count] = id;
    return queue_count++;
}

void ipc_send(int mailbox, const void *text, size_t length) {
    struct message message = {.type = 1};

    memcpy(message.text, text, length);
    while (msgsnd(queues[mailbox], &message, length, 0) < 0) {
        if (errno != EINTR)
            ipc_die("msgsnd");
    }
}

size_t ipc_receive(int mailbox, void *text, size_t room) {
    struct message message;
    ssize_t length;

    while ((length = msgrcv(queues[mailbox], &message, room, 0, 0)) < 0) {
        if (errno != EINTR)
            ipc_die("msgrcv");
    }
    memcpy(text, message.text, (size_t)length);
    return (size_t)length;
}

int ipc_end(bool good) {
    for (int i = 0; i < set_count; i++)
        semctl(sets[i], 0, IPC_RMID);
    for (int i = 0; i < queue_count; i++)
        msgctl(queues[i], IPC_RMID, NULL);
    return good ? 0 : 1;
}
