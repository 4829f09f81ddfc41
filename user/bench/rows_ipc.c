/* SPDX-License-Identifier: MIT */
/*
 * Rows of inter-process communication: pipes, the three System V kinds, POSIX message queues and futexes. A "round trip" goes to a
 * second process and back; "self" and "pair" stay in one. Each row removes what it created.
 */
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <stdint.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t partner;

/* Start the other process of a round trip. */
static void start_partner(void (*serve)(void)) {
    partner = fork();
    if (partner < 0)
        die("fork");
    if (partner == 0) {
        serve();
        _exit(0);
    }
}

static void reap_partner(void) {
    int status;

    if (waitpid(partner, &status, 0) != partner)
        die("waitpid");
    if (status != 0) {
        errno = ECHILD;
        die("the partner failed");
    }
}

/* ---- Pipes -------------------------------------------------------------------------------- */

static int there[2], back[2];

static void serve_pipe(void) {
    char byte;

    close(there[1]);
    close(back[0]);
    while (read(there[0], &byte, 1) == 1) {
        if (write(back[1], &byte, 1) != 1)
            _exit(1);
    }
}

static void setup_pipe(size_t total) {
    (void)total;
    if (pipe(there) < 0 || pipe(back) < 0)
        die("pipe");
    start_partner(serve_pipe);
    close(there[0]);
    close(back[1]);
}

static void run_pipe(void) {
    char byte = 'p';

    if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
        die("pipe_rt");
}

static void teardown_pipe(void) {
    close(there[1]);
    close(back[0]);
    reap_partner();
}

/* ---- Message queues ----------------------------------------------------------------------- */

#define TYPE_DATA 1
#define TYPE_END 2

static struct {
    long type;
    char data[4096];
} message;
static size_t message_size;
static int request_queue, reply_queue;

static void serve_messages(void) {
    for (;;) {
        if (msgrcv(request_queue, &message, sizeof(message.data), 0, 0) < 0)
            _exit(1);
        if (message.type == TYPE_END)
            return;
        if (msgsnd(reply_queue, &message, message_size, 0) < 0)
            _exit(1);
    }
}

static void setup_queues(size_t size) {
    message_size = size;
    memset(message.data, 'm', sizeof(message.data));
    request_queue = msgget(IPC_PRIVATE, 0600);
    reply_queue = msgget(IPC_PRIVATE, 0600);
    if (request_queue < 0 || reply_queue < 0)
        die("msgget");
    start_partner(serve_messages);
}

static void setup_msg_64(size_t total) {
    (void)total;
    setup_queues(64);
}

static void setup_msg_4096(size_t total) {
    (void)total;
    setup_queues(4096);
}

static void run_msg(void) {
    message.type = TYPE_DATA;
    if (msgsnd(request_queue, &message, message_size, 0) < 0 ||
        msgrcv(reply_queue, &message, message_size, 0, 0) != (ssize_t)message_size)
        die("msg_rt");
}

static void teardown_msg(void) {
    message.type = TYPE_END;
    if (msgsnd(request_queue, &message, 0, 0) < 0)
        die("msgsnd");
    reap_partner();
    msgctl(request_queue, IPC_RMID, NULL);
    msgctl(reply_queue, IPC_RMID, NULL);
}

static void setup_msg_self(size_t total) {
    (void)total;
    message_size = 64;
    request_queue = msgget(IPC_PRIVATE, 0600);
    if (request_queue < 0)
        die("msgget");
}

static void run_msg_self(void) {
    message.type = TYPE_DATA;
    if (msgsnd(request_queue, &message, message_size, 0) < 0 ||
        msgrcv(request_queue, &message, message_size, 0, 0) != (ssize_t)message_size)
        die("msg_self");
}

static void teardown_msg_self(void) {
    msgctl(request_queue, IPC_RMID, NULL);
}

/* The same with many other queues alive. */
#define MANY_QUEUES 10000

static int many_queues[MANY_QUEUES];

static void setup_many_queues(size_t total) {
    for (int i = 0; i < MANY_QUEUES; i++) {
        many_queues[i] = msgget(IPC_PRIVATE, 0600);
        if (many_queues[i] < 0)
            die("msgget");
    }
    setup_msg_self(total);
}

static void teardown_many_queues(void) {
    teardown_msg_self();
    for (int i = 0; i < MANY_QUEUES; i++)
        msgctl(many_queues[i], IPC_RMID, NULL);
}

/* ---- POSIX message queues ----------------------------------------------------------------- */

#define MQ_TEXT 64

static mqd_t request_mq, reply_mq;
static char mq_text[MQ_TEXT] __attribute__((aligned(8)));

static mqd_t new_mq(const char *name) {
    struct mq_attr attr = {.mq_maxmsg = 8, .mq_msgsize = MQ_TEXT};
    mqd_t made = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    if (made < 0 || mq_unlink(name) < 0)
        die(name);
    return made;
}

/* An empty message is the end. */
static void serve_mq(void) {
    for (;;) {
        if (mq_receive(request_mq, mq_text, MQ_TEXT, NULL) == 0)
            return;
        if (mq_send(reply_mq, mq_text, MQ_TEXT, 0) < 0)
            _exit(1);
    }
}

static void setup_mq(size_t total) {
    (void)total;
    request_mq = new_mq("/bench_request");
    reply_mq = new_mq("/bench_reply");
    start_partner(serve_mq);
}

static void run_mq(void) {
    if (mq_send(request_mq, mq_text, MQ_TEXT, 0) < 0 ||
        mq_receive(reply_mq, mq_text, MQ_TEXT, NULL) != MQ_TEXT)
        die("mq_rt");
}

static void teardown_mq(void) {
    if (mq_send(request_mq, mq_text, 0, 0) < 0)
        die("mq_send");
    reap_partner();
    mq_close(request_mq);
    mq_close(reply_mq);
}

static void setup_mq_self(size_t total) {
    (void)total;
    request_mq = new_mq("/bench_self");
}

static void run_mq_self(void) {
    if (mq_send(request_mq, mq_text, MQ_TEXT, 0) < 0 ||
        mq_receive(request_mq, mq_text, MQ_TEXT, NULL) != MQ_TEXT)
        die("mq_self");
}

static void teardown_mq_self(void) {
    mq_close(request_mq);
}

/* ---- Semaphores --------------------------------------------------------------------------- */

static int set;

static int operate(unsigned short number, short change) {
    struct sembuf operation = {.sem_num = number, .sem_op = change, .sem_flg = 0};

    return semop(set, &operation, 1);
}

static void serve_semaphores(void) {
    while (operate(0, -1) == 0) {
        if (operate(1, 1) < 0)
            _exit(1);
    }
    if (errno != EIDRM && errno != EINVAL)
        _exit(1);
}

static void create_set(void) {
    set = semget(IPC_PRIVATE, 2, 0600);
    if (set < 0)
        die("semget");
    if (semctl(set, 0, SETVAL, 0) < 0 || semctl(set, 1, SETVAL, 0) < 0)
        die("semctl");
}

static void setup_sem_rt(size_t total) {
    (void)total;
    create_set();
    start_partner(serve_semaphores);
}

static void run_sem_rt(void) {
    if (operate(0, 1) < 0 || operate(1, -1) < 0)
        die("sem_rt");
}

/* Removing the set ends the partner's waiting with EIDRM. */
static void teardown_sem_rt(void) {
    semctl(set, 0, IPC_RMID);
    reap_partner();
}

static void setup_sem_pair(size_t total) {
    (void)total;
    create_set();
}

static void run_sem_pair(void) {
    if (operate(0, 1) < 0 || operate(0, -1) < 0)
        die("sem_pair");
}

static void teardown_sem_pair(void) {
    semctl(set, 0, IPC_RMID);
}

/* ---- Futexes ------------------------------------------------------------------------------ */

enum { THERE, BACK, END };
static uint32_t *words; /* shared by two processes */

static long futex(uint32_t *word, int operation, uint32_t value) {
    return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

/* Waits until the word is not `old` any more. */
static void await_change(uint32_t *word, uint32_t old) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == old) {
        if (futex(word, FUTEX_WAIT, old) < 0 && errno != EAGAIN)
            die("futex wait");
    }
}

static void change(uint32_t *word) {
    __atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
    if (futex(word, FUTEX_WAKE, 1) < 0)
        die("futex wake");
}

static void serve_futex(void) {
    for (uint32_t seen = 0;; seen++) {
        await_change(&words[THERE], seen);
        if (words[END])
            return;
        change(&words[BACK]);
    }
}

static void setup_words(size_t total) {
    (void)total;
    words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (words == MAP_FAILED)
        die("mmap");
}

static void setup_futex_rt(size_t total) {
    setup_words(total);
    start_partner(serve_futex);
}

static void run_futex_rt(void) {
    uint32_t old = words[BACK];

    change(&words[THERE]);
    await_change(&words[BACK], old);
}

static void teardown_futex_rt(void) {
    words[END] = 1;
    change(&words[THERE]);
    reap_partner();
    munmap(words, 4096);
}

/* A wake-up when nobody waits, of a word of one's own. */
static void run_futex_wake(void) {
    static uint32_t word;

    if (futex(&word, FUTEX_WAKE_PRIVATE, 1) != 0)
        die("futex_wake");
}

/* The same for one that others may share. */
static void run_futex_wake_shared(void) {
    if (futex(&words[THERE], FUTEX_WAKE, 1) != 0)
        die("futex_wake_shared");
}

static void teardown_words(void) {
    munmap(words, 4096);
}

/* ---- Shared memory ------------------------------------------------------------------------ */

static int segment;

static void run_shm_cycle(void) {
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    char *memory = id < 0 ? (char *)-1 : shmat(id, NULL, 0);

    if (memory == (char *)-1)
        die("shm_cycle");
    *(volatile char *)memory = 1;
    if (shmdt(memory) < 0 || shmctl(id, IPC_RMID, NULL) < 0)
        die("shm_cycle");
}

static void setup_shm_attach(size_t total) {
    (void)total;
    segment = shmget(IPC_PRIVATE, 4096, 0600);
    if (segment < 0)
        die("shmget");
}

static void run_shm_attach(void) {
    char *memory = shmat(segment, NULL, 0);

    if (memory == (char *)-1)
        die("shmat");
    *(volatile char *)memory = 1;
    if (shmdt(memory) < 0)
        die("shmdt");
}

static void teardown_shm_attach(void) {
    shmctl(segment, IPC_RMID, NULL);
}

const struct row ipc_rows[] = {
    {"pipe_rt", 1000, setup_pipe, NULL, run_pipe, teardown_pipe, 1},
    {"msg_rt_64", 1000, setup_msg_64, NULL, run_msg, teardown_msg, 1},
    {"msg_rt_4096", 1000, setup_msg_4096, NULL, run_msg, teardown_msg, 1},
    {"mq_rt_64", 1000, setup_mq, NULL, run_mq, teardown_mq, 1},
    {"mq_self_64", 1000, setup_mq_self, NULL, run_mq_self, teardown_mq_self, 1},
    {"msg_self_64", 1000, setup_msg_self, NULL, run_msg_self, teardown_msg_self, 1},
    {"msg_10000_queues", 1000, setup_many_queues, NULL, run_msg_self, teardown_many_queues, 1},
    {"sem_rt", 1000, setup_sem_rt, NULL, run_sem_rt, teardown_sem_rt, 1},
    {"sem_pair", 1000, setup_sem_pair, NULL, run_sem_pair, teardown_sem_pair, 1},
    {"futex_rt", 1000, setup_futex_rt, NULL, run_futex_rt, teardown_futex_rt, 1},
    {"futex_wake", 2000, NULL, NULL, run_futex_wake, NULL, 1},
    {"futex_wake_shared", 2000, setup_words, NULL, run_futex_wake_shared, teardown_words, 1},
    {"shm_cycle", 500, NULL, NULL, run_shm_cycle, NULL, 1},
    {"shm_attach", 500, setup_shm_attach, NULL, run_shm_attach, teardown_shm_attach, 1},
};
const size_t ipc_row_count = sizeof(ipc_rows) / sizeof(ipc_rows[0]);
