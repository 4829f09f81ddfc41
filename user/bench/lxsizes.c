/* SPDX-License-Identifier: MIT */
/*
 * What it costs to bring a text from one process to another, by its length and by the way that it goes, for tools/bench
 * --sizes: `lxsizes` prints lines "SIZES way bytes ns". A way is measured there and back, and halved. With QEMU's
 * instruction clock a nanosecond is an instruction. Nothing here is of Parley alone. Root's: it raises limits.
 *
 * Through shared memory a text is copied into the memory, and out of it into the receiver's own, as by all other ways.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST (1 << 20)
#define BYTES_A_SIZE (8 << 20) /* are brought there and back, but in so many trips: */
#define TRIPS_LEAST 8
#define TRIPS_MOST 200

enum { THERE, BACK };

static const size_t sizes[] = {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, MOST};

static struct {
    long type;
    char data[MOST];
} text;

static void set(const char *path, const char *value) {
    int fd = open(path, O_WRONLY);

    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        die(path);
    close(fd);
}

/* ---- The ways ----------------------------------------------------------------------------- */

static int ends[2]
               [2]; /* of pipes: to be read, to be written; of sockets: one's own and the other's */

static void open_pipe(void) {
    if (pipe(ends[THERE]) < 0 || pipe(ends[BACK]) < 0)
        die("pipe");
}

static void close_ends(void) {
    for (int i = 0; i < 4; i++)
        if (ends[i / 2][i % 2] > 0)
            close(ends[i / 2][i % 2]);
    memset(ends, 0, sizeof ends);
}

static void write_all(int fd, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t n = write(fd, text.data + done, length - done);
        if (n <= 0)
            die("write");
        done += (size_t)n;
    }
}

static void read_all(int fd, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t n = read(fd, text.data + done, length - done);
        if (n <= 0)
            die("read");
        done += (size_t)n;
    }
}

static void send_pipe(int way, size_t length) {
    write_all(ends[way][1], length);
}
static void receive_pipe(int way, size_t length) {
    read_all(ends[way][0], length);
}

static void open_unix(void) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends[THERE]) < 0)
        die("socketpair");
}
static void send_unix(int way, size_t length) {
    write_all(ends[THERE][way], length);
}
static void receive_unix(int way, size_t length) {
    read_all(ends[THERE][!way], length);
}

static int ids[2];

static void open_msg(void) {
    struct msqid_ds status;

    set("/proc/sys/kernel/msgmax", "1048576");
    for (int way = 0; way < 2; way++) {
        ids[way] = msgget(IPC_PRIVATE, 0600);
        if (ids[way] < 0 || msgctl(ids[way], IPC_STAT, &status) < 0)
            die("msgget");
        status.msg_qbytes = MOST;
        if (msgctl(ids[way], IPC_SET, &status) < 0)
            die("msgctl");
    }
}
static void send_msg(int way, size_t length) {
    text.type = 1;
    if (msgsnd(ids[way], &text, length, 0) < 0)
        die("msgsnd");
}
static void receive_msg(int way, size_t length) {
    if (msgrcv(ids[way], &text, MOST, 0, 0) != (ssize_t)length)
        die("msgrcv");
}
static void close_msg(void) {
    for (int way = 0; way < 2; way++)
        msgctl(ids[way], IPC_RMID, NULL);
}

static void open_mq(void) {
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = MOST};

    if (setrlimit(RLIMIT_MSGQUEUE, &all) < 0)
        die("setrlimit");
    for (int way = 0; way < 2; way++) {
        ids[way] = mq_open("/lxsizes", O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
        if (ids[way] < 0 || mq_unlink("/lxsizes") < 0)
            die("mq_open");
    }
}
static void send_mq(int way, size_t length) {
    if (mq_send(ids[way], text.data, length, 0) < 0)
        die("mq_send");
}
static void receive_mq(int way, size_t length) {
    if (mq_receive(ids[way], text.data, MOST, NULL) != (ssize_t)length)
        die("mq_receive");
}
static void close_mq(void) {
    for (int way = 0; way < 2; way++)
        mq_close(ids[way]);
}

static char *shared;
static int segment, semaphores;

static void operate(unsigned short number, short change) {
    struct sembuf op = {.sem_num = number, .sem_op = change};

    if (semop(semaphores, &op, 1) < 0)
        die("semop");
}
static void open_shm(void) {
    segment = shmget(IPC_PRIVATE, MOST, 0600);
    semaphores = semget(IPC_PRIVATE, 2, 0600);
    if (segment < 0 || semaphores < 0 || (shared = shmat(segment, NULL, 0)) == (void *)-1)
        die("shmget, semget, shmat");
}
static void send_shm(int way, size_t length) {
    memcpy(shared, text.data, length);
    operate((unsigned short)way, 1);
}
static void receive_shm(int way, size_t length) {
    operate((unsigned short)way, -1);
    memcpy(text.data, shared, length);
}
static void close_shm(void) {
    shmdt(shared);
    shmctl(segment, IPC_RMID, NULL);
    semctl(semaphores, 0, IPC_RMID);
}

#define PAGE 4096 /* the first has the semaphores */

static sem_t *semaphore(int way) {
    return (sem_t *)(void *)shared + way;
}
static void open_posix_shm(void) {
    int fd = shm_open("/lxsizes", O_RDWR | O_CREAT | O_EXCL, 0600);

    if (fd < 0 || shm_unlink("/lxsizes") < 0 || ftruncate(fd, PAGE + MOST) < 0)
        die("shm_open");
    shared = mmap(NULL, PAGE + MOST, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED || sem_init(semaphore(THERE), 1, 0) < 0 ||
        sem_init(semaphore(BACK), 1, 0) < 0)
        die("mmap, sem_init");
    close(fd);
}
static void send_posix_shm(int way, size_t length) {
    memcpy(shared + PAGE, text.data, length);
    if (sem_post(semaphore(way)) < 0)
        die("sem_post");
}
static void receive_posix_shm(int way, size_t length) {
    if (sem_wait(semaphore(way)) < 0)
        die("sem_wait");
    memcpy(text.data, shared + PAGE, length);
}
static void close_posix_shm(void) {
    munmap(shared, PAGE + MOST);
}

static const struct way {
    const char *name;
    void (*open)(void);
    void (*send)(int way, size_t length);
    void (*receive)(int way, size_t length);
    void (*close)(void);
} ways[] = {
    {"pipe", open_pipe, send_pipe, receive_pipe, close_ends},
    {"unix", open_unix, send_unix, receive_unix, close_ends},
    {"msg", open_msg, send_msg, receive_msg, close_msg},
    {"mq", open_mq, send_mq, receive_mq, close_mq},
    {"shm", open_shm, send_shm, receive_shm, close_shm},
    {"posix_shm", open_posix_shm, send_posix_shm, receive_posix_shm, close_posix_shm},
};

/* ---- Measuring ---------------------------------------------------------------------------- */

static unsigned trips_of(size_t length) {
    size_t trips = BYTES_A_SIZE / length;

    return trips < TRIPS_LEAST ? TRIPS_LEAST : trips > TRIPS_MOST ? TRIPS_MOST : (unsigned)trips;
}

static void echo(const struct way *way, size_t length, unsigned trips) {
    for (unsigned i = 0; i < trips; i++) {
        way->receive(THERE, length);
        way->send(BACK, length);
    }
}

static void trip(const struct way *way, size_t length) {
    way->send(THERE, length);
    way->receive(BACK, length);
}

/* The text comes back as it went. */
static void fill(size_t length) {
    for (size_t i = 0; i < length; i++)
        text.data[i] = (char)(i * 7 + i / 251);
}

static void check(const struct way *way, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (text.data[i] != (char)(i * 7 + i / 251)) {
            errno = EIO;
            die(way->name);
        }
}

static void measure(const struct way *way, size_t length) {
    unsigned trips = trips_of(length), warm_up = trips / 4;
    int status;

    way->open();
    pid_t partner = fork();
    if (partner < 0)
        die("fork");
    if (partner == 0) {
        echo(way, length, warm_up + trips);
        _exit(0);
    }
    fill(length);
    for (unsigned i = 0; i < warm_up; i++)
        trip(way, length);
    uint64_t start = now();
    for (unsigned i = 0; i < trips; i++)
        trip(way, length);
    uint64_t spent = now() - start;
    check(way, length);
    if (waitpid(partner, &status, 0) != partner || status != 0)
        die("the partner");
    way->close();
    printf("SIZES %s %zu %llu\n", way->name, length, (unsigned long long)(spent / trips / 2));
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++)
            measure(&ways[i], sizes[j]);
    puts("SIZES done 0 1");
    return 0;
}
