/* SPDX-License-Identifier: MIT */
/*
 * By threads of one process: all memory is shared anyway, and a mutex with a condition variable makes a semaphore or a
 * mailbox of it; see pthreads(7).
 */
#include "ipc.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

const char *const ipc_name = "threads";

#define ROOM 8 /* messages in a mailbox */

static struct semaphore {
    pthread_mutex_t mutex;
    pthread_cond_t more;
    unsigned value;
} semaphores[SEMAPHORES_MOST];

static struct mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t first, count;
    struct {
        size_t length;
        char text[MESSAGE_MOST];
    } messages[ROOM];
} mailboxes[MAILBOXES_MOST];

static struct worker {
    pthread_t thread;
    bool (*work)(int number);
    int number;
} workers[WORKERS_MOST];

static void *memories[SEMAPHORES_MOST];
static int semaphore_count, mailbox_count, worker_count, memory_count;

void *ipc_memory(size_t size) {
    memories[memory_count] = calloc(1, size);
    if (!memories[memory_count])
        ipc_die("calloc");
    return memories[memory_count++];
}

int ipc_semaphore(unsigned value) {
    struct semaphore *s = &semaphores[semaphore_count];

    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->more, NULL);
    s->value = value;
    return semaphore_count++;
}

void ipc_down(int semaphore) {
    struct semaphore *s = &semaphores[semaphore];

    pthread_mutex_lock(&s->mutex);
    while (s->value == 0)
        pthread_cond_wait(&s->more, &s->mutex);
    s->value--;
    pthread_mutex_unlock(&s->mutex);
}

void ipc_up(int semaphore) {
    struct semaphore *s = &semaphores[semaphore];

    pthread_mutex_lock(&s->mutex);
    s->value++;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->mutex);
}

int ipc_mailbox(void) {
    pthread_mutex_init(&mailboxes[mailbox_count].mutex, NULL);
    pthread_cond_init(&mailboxes[mailbox_count].changed, NULL);
    return mailbox_count++;
}

/* Senders and receivers wait for one condition, so all that wait are told. */
void ipc_send(int mailbox, const void *message, size_t length) {
    struct mailbox *m = &mailboxes[mailbox];
    size_t place;

    pthread_mutex_lock(&m->mutex);
    while (m->count == ROOM)
        pthread_cond_wait(&m->changed, &m->mutex);
    place = (m->first + m->count++) % ROOM;
    memcpy(m->messages[place].text, message, length);
    m->messages[place].length = length;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->mutex);
}

size_t ipc_receive(int mailbox, void *message, size_t room) {
    struct mailbox *m = &mailboxes[mailbox];
    size_t length;

    pthread_mutex_lock(&m->mutex);
    while (m->count == 0)
        pthread_cond_wait(&m->changed, &m->mutex);
    length = m->messages[m->first].length;
    memcpy(message, m->messages[m->first].text, length < room ? length : room);
    m->first = (m->first + 1) % ROOM;
    m->count--;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->mutex);
    return length < room ? length : room;
}

static void *run(void *argument) {
    struct worker *w = argument;

    return w->work(w->number) ? w : NULL;
}

void ipc_start(bool (*work)(int number), int number) {
    struct worker *w = &workers[worker_count++];

    w->work = work;
    w->number = number;
    errno = pthread_create(&w->thread, NULL, run, w);
    if (errno != 0)
        ipc_die("pthread_create");
}

bool ipc_wait(void) {
    bool good = true;
    void *result;

    while (worker_count > 0) {
        pthread_join(workers[--worker_count].thread, &result);
        good &= result != NULL;
    }
    return good;
}

int ipc_end(bool good) {
    while (memory_count > 0)
        free(memories[--memory_count]);
    return good ? 0 : 1;
}
