/* SPDX-License-Identifier: MIT */
/*
 * Load for tools/bench --latency: what makes a kernel work long in one go, if it does. Nothing is
 * measured here. `lxload PART...`; each part must succeed, or the program ends with status 1.
 */
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define MANY 10000
#define BIG (16ul << 20)
#define BUFFER (1ul << 20)

static char *map(size_t length, int flags, int file) {
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, file, 0);

    if (memory == MAP_FAILED)
        die("mmap");
    return memory;
}

static char *map_private(size_t length) {
    return map(length, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static pid_t fork_or_die(void) {
    pid_t child = fork();

    if (child < 0)
        die("fork");
    return child;
}

/* 0 if it has exited with 0, else 1. */
static int reap(pid_t child) {
    int status;

    if (waitpid(child, &status, 0) != child)
        die("waitpid");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

/* A child writes to all pages of what it inherited, and so does the parent meanwhile. */
static void share_by_fork(char *memory, size_t length) {
    pid_t child = fork_or_die();

    for (size_t at = 0; at < length; at += PAGE)
        memory[at]++;
    if (child == 0)
        _exit(0);
    if (reap(child))
        die("child");
}

static void fork_with(size_t pages) {
    char *memory = map_private(pages * PAGE);

    memset(memory, 1, pages * PAGE);
    for (int i = 0; i < 2; i++) {
        pid_t child = fork_or_die();

        if (child == 0)
            _exit(0); /* nothing written: whole tables are shared */
        if (reap(child))
            die("child");
        share_by_fork(memory, pages * PAGE);
    }
    if (mprotect(memory, pages * PAGE, PROT_READ) < 0)
        die("mprotect");
    munmap(memory, pages * PAGE);
}

static void load_fork(void) {
    fork_with(1024);
    fork_with(16384);
}

/* Thousands of regions: every other page of a large mapping goes. */
static void load_regions(void) {
    size_t length = 6000 * PAGE;
    char *memory = map_private(length);

    memset(memory, 1, length);
    for (size_t at = 0; at < length; at += 2 * PAGE)
        munmap(memory + at, PAGE);
    pid_t child = fork_or_die();
    if (child == 0)
        _exit(0);
    if (reap(child))
        die("child");
    for (int i = 0; i < 10; i++) /* room is looked for among them */
        munmap(map_private(3 * PAGE + (size_t)i * 2 * PAGE), PAGE);
    munmap(memory, length);
    memory = map_private(8ul << 30); /* used here and there */
    for (size_t at = 0; at < 8ul << 30; at += 8ul << 24)
        memory[at] = 1;
    munmap(memory, 8ul << 30);
}

static void copy_through_file(char *buffer, size_t shift) {
    int file = open("/tmp/load", O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (file < 0)
        die("open");
    if (write(file, buffer + shift, BUFFER) != (ssize_t)BUFFER ||
        pread(file, buffer, BUFFER, (off_t)shift) < 0)
        die("copy to and from a file");
    close(file);
    unlink("/tmp/load");
}

static void copy_through_pipe(char *buffer, size_t shift) {
    int ends[2];
    size_t left = BUFFER;

    if (pipe(ends) < 0)
        die("pipe");
    pid_t child = fork_or_die();
    if (child == 0)
        _exit(write(ends[1], buffer + shift, BUFFER) != (ssize_t)BUFFER);
    while (left) {
        ssize_t n = read(ends[0], buffer, left);
        if (n <= 0)
            die("read");
        left -= (size_t)n;
    }
    if (reap(child))
        die("child");
    close(ends[0]);
    close(ends[1]);
}

/* As large as the limits allow, down from 1 MiB. */
static void copy_through_queue(char *buffer, size_t shift) {
    int queue = msgget(IPC_PRIVATE, 0600);
    size_t length = BUFFER;

    if (queue < 0)
        die("msgget");
    *(long *)(void *)buffer = 1;
    while (msgsnd(queue, buffer, length, IPC_NOWAIT) < 0) {
        if (errno != EINVAL && errno != EAGAIN)
            die("msgsnd");
        length /= 2;
    }
    if (msgrcv(queue, buffer + 8 * shift, length, 0, 0) != (ssize_t)length)
        die("msgrcv");
    msgctl(queue, IPC_RMID, NULL);
}

static void load_copy(void) {
    char *buffer = map_private(2 * BUFFER);

    for (size_t shift = 0; shift < 4; shift += 3) { /* aligned in the same way, and not */
        copy_through_file(buffer, shift);
        copy_through_pipe(buffer, shift);
        copy_through_queue(buffer, shift);
    }
    munmap(buffer, 2 * BUFFER);
}

static void load_files(void) {
    int file = open("/tmp/load", O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (file < 0 || ftruncate(file, BIG) < 0)
        die("a file of 16 MiB");
    char *memory = map(BIG, MAP_SHARED, file);
    memset(memory, 1, BIG);
    share_by_fork(memory, BIG);
    if (ftruncate(file, 5000) < 0 || ftruncate(file, BIG) < 0)
        die("ftruncate");
    for (size_t at = 0; at < BIG; at += PAGE)
        if ((memory[at] == 0) != (at >= 5000)) {
            errno = EIO;
            die("what was cut off came back");
        }
    memset(memory, 2, BIG);
    munmap(memory, BIG);
    close(file);
    unlink("/tmp/load");
}

static void load_segments(void) {
    for (size_t length = BIG; length <= 4 * BIG; length *= 4) {
        int segment = shmget(IPC_PRIVATE, length, 0600);
        char *memory = segment < 0 ? (void *)-1 : shmat(segment, NULL, 0);

        if (memory == (void *)-1)
            die("a segment");
        memset(memory, 1, length);
        share_by_fork(memory, length);
        shmctl(segment, IPC_RMID, NULL);
        shmdt(memory);
    }
}

static void load_processes(void) {
    static pid_t children[MANY];

    for (int i = 0; i < MANY; i++) {
        children[i] = fork_or_die();
        if (children[i] == 0)
            for (;;)
                pause();
    }
    for (int i = 0; i < MANY; i++)
        kill(children[i], SIGKILL);
    for (int i = 0; i < MANY; i++)
        if (waitpid(children[i], NULL, 0) != children[i])
            die("waitpid");
}

static void load_queues(void) {
    static int queues[MANY];

    for (int i = 0; i < MANY; i++) {
        queues[i] = msgget(IPC_PRIVATE, 0600);
        if (queues[i] < 0)
            die("msgget");
    }
    for (int i = 0; i < MANY; i++)
        msgctl(queues[i], IPC_RMID, NULL);
}

/* Eats memory until there is no more: dies of it, or is told. */
static void eat(void) {
    for (;;) {
        char *memory = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            _exit(errno == ENOMEM ? 2 : 0);
        memset(memory, 1, BIG);
    }
}

static void load_memory(void) {
    for (int i = 0; i < 2; i++) {
        pid_t child = fork_or_die();
        if (child == 0)
            eat();
        if (!reap(child)) {
            errno = EINVAL;
            die("memory did not end");
        }
        fork_with(256); /* everybody else lives */
    }
}

static const struct part {
    const char *name;
    void (*run)(void);
} parts[] = {
    {"fork", load_fork},     {"regions", load_regions},     {"copy", load_copy},
    {"files", load_files},   {"segments", load_segments},   {"queues", load_queues},
    {"memory", load_memory}, {"processes", load_processes},
};

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        for (size_t n = 0; n < sizeof parts / sizeof *parts; n++)
            if (strcmp(argv[i], parts[n].name) == 0)
                parts[n].run();
    puts("LOAD done");
    return 0;
}
