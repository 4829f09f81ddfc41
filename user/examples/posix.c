/* SPDX-License-Identifier: MIT */
/*
 * By POSIX's IPC: shm_open(3), sem_open(3), mq_open(3); see shm_overview(7), sem_overview(7), mq_overview(7). Names are
 * unlinked as soon as they are open: the workers inherit what they stood for.
 */
#include "ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const ipc_name = "POSIX";

static sem_t *semaphores[SEMAPHORES_MOST];
static mqd_t queues[MAILBOXES_MOST];
static int semaphore_count, queue_count, memory_count;

static const char *name_of(const char *kind, int number) {
    static char name[40];

    snprintf(name, sizeof name, "/example-%d-%s%d", (int)getpid(), kind, number);
    return name;
}

void *ipc_memory(size_t size) {
    const char *name = name_of("shm", memory_count++);
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    void *memory;

    if (fd < 0 || shm_unlink(name) < 0 || ftruncate(fd, (off_t)size) < 0)
        ipc_die("shared memory");
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        ipc_die("mmap");
    close(fd);
    return memory;
}

int ipc_semaphore(unsigned value) {
    const char *name = name_of("sem", semaphore_count);
    sem_t *semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, value);

    if (semaphore == SEM_FAILED || sem_unlink(name) < 0)
        ipc_die("sem_open");
    semaphores[semaphore_count] = semaphore;
    return semaphore_count++;
}

void ipc_down(int semaphore) {
    while (sem_wait(semaphores[semaphore]) < 0) {
        if (errno != EINTR)
            ipc_die("sem_wait");
    }
}

void ipc_up(int semaphore) {
    if (sem_post(semaphores[semaphore]) < 0)
        ipc_die("sem_post");
}

int ipc_mailbox(void) {
    const char *name = name_of("mq", queue_count);
    struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = MESSAGE_MOST};
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);

    if (queue < 0 || mq_unlink(name) < 0)
        ipc_die("mq_open");
    queues[queue_count] = queue;
    return queue_count++;
}

void ipc_send(int mailbox, const void *message, size_t length) {
    while (mq_send(queues[mailbox], message, length, 0) < 0) {
        if (errno != EINTR)
            ipc_die("mq_send");
    }
}

/* mq_receive(3) asks for room for the longest message that there may be. */
size_t ipc_receive(int mailbox, void *message, size_t room) {
    ssize_t length;

    while ((length = mq_receive(queues[mailbox], message, room, NULL)) < 0) {
        if (errno != EINTR)
            ipc_die("mq_receive");
    }
    return (size_t)length;
}

int ipc_end(bool good) {
    for (int i = 0; i < semaphore_count; i++)
        sem_close(semaphores[i]);
    for (int i = 0; i < queue_count; i++)
        mq_close(queues[i]);
    return good ? 0 : 1;
}
