/* SPDX-License-Identifier: MIT */
/* The workers' Linux calls: those that have state in servers, as fast as they can. */
#include "fuzz.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

int queues[IDS], sets[IDS], segments[IDS];

static char buffer[16384];

const char *random_path(void) {
    static const char *const paths[] = {"a",
                                        "b",
                                        "c",
                                        "d",
                                        "d/a",
                                        "d/b",
                                        "d/e",
                                        "d/e/f",
                                        "l",
                                        "fifo",
                                        "../fuzz/d",
                                        "d/../a",
                                        ".",
                                        "..",
                                        "/",
                                        "//",
                                        "",
                                        "l/x",
                                        "/dev/null",
                                        "/dev/zero",
                                        "/dev/full",
                                        "/dev/tty",
                                        "/dev/ttyS0",
                                        "/dev/console",
                                        "/dev/ptmx",
                                        "/proc",
                                        "/proc/self",
                                        "/proc/2",
                                        "/proc/+2",
                                        "/proc/4294967298",
                                        "/proc/1/fd",
                                        "/bin/true",
                                        "/proc/meminfo",
                                        "/tmp",
                                        SECRET,
                                        "/proc/self/stat",
                                        "/proc/self/exe",
                                        "/proc/self/fd/0",
                                        "/nowhere/x"};

    return ANY_OF(paths);
}

void ipc_setup(void) {
    for (int i = 0; i < IDS; i++) {
        queues[i] = msgget(i < 3 ? 200 + i : IPC_PRIVATE, IPC_CREAT | 0666);
        sets[i] = semget(i < 3 ? 200 + i : IPC_PRIVATE, 4, IPC_CREAT | 0666);
        segments[i] = shmget(i < 3 ? 200 + i : IPC_PRIVATE, 8192, IPC_CREAT | 0666);
    }
}

static int fd(void) {
    return (int)below(20) - 1;
}

/* What the child does, at most three deep: mostly it ends at once. */
static void child(int vforked) {
    static int depth;

    __sync_fetch_and_add(&shared->calls[FORK], 1);
    if (!vforked && ++depth < 3 && below(8) == 0)
        return; /* it goes on as a worker for a while */
    if (below(2)) {
        char *const arguments[] = {(char[]){"true"}, NULL};
        char *const environment[] = {NULL};
        execve(below(4) ? "/bin/true" : random_path(), arguments, environment);
    }
    _exit(3);
}

static void processes(void) {
    pid_t pid;
    int status;

    switch (below(7)) {
    case 0:
        if ((pid = fork()) == 0)
            child(0);
        if (pid > 0 && below(2))
            setpgid(pid, below(2) ? pid : (pid_t)below(200));
        break;
    case 1:
        if (vfork() == 0)
            child(1);
        break;
    case 2:
        setpgid(0, below(2) ? 0 : (pid_t)below(200));
        break;
    case 3:
        setsid();
        break;
    case 4:
        kill(getpid() + (pid_t)below(6) - 3, below(3) ? 0 : (int)below(65));
        break;
    default:
        waitpid(below(2) ? -1 : -(pid_t)below(200), &status, WNOHANG | (int)below(16));
    }
}

/* Times from nothing to for ever. */
static long small_time(void) {
    static const long times[] = {0, 1, 2, 100, 1000, 20000, 999999, 1l << 40, -1, (1ul << 63) - 1};

    return ANY_OF(times);
}

static void timers(void) {
    struct itimerval interval = {{small_time(), small_time()}, {small_time(), small_time()}};
    struct timespec short_time = {0, (long)below(300000)};

    if (below(2))
        interval.it_interval.tv_sec = interval.it_value.tv_sec = 0;
    switch (below(4)) {
    case 0:
    case 1:
        setitimer((int)below(4), &interval, NULL);
        break;
    case 2:
        nanosleep(&short_time, NULL);
        break;
    default:
        alarm(below(3));
    }
}

static void descriptors(void) {
    int pair[2];

    switch (below(10)) {
    case 0:
    case 1:
        if (open(random_path(), below(4) ? O_RDWR | O_CREAT | O_NONBLOCK : (int)random_number(),
                 0666) > 25)
            close(25);
        break;
    case 2:
        if (pipe2(pair, O_NONBLOCK) == 0 && pair[0] > 18)
            close(pair[0]), close(pair[1]);
        break;
    case 3:
        close(fd() + 1);
        break;
    case 4:
        dup2(fd(), fd());
        break;
    case 5:
        fcntl(fd(), (int)below(16), random_number() >> below(64));
        break;
    case 6: {
        struct pollfd set[6];
        for (int i = 0; i < 6; i++)
            set[i] = (struct pollfd){.fd = fd(), .events = (short)random_number()};
        poll(set, 6, (int)below(3));
        break;
    }
    case 7:
        lseek(fd(), (off_t)(random_number() >> below(64)), (int)below(4));
        break;
    case 8:
        ftruncate(fd(), (off_t)below(30000));
        break;
    default:
        if (below(2))
            read(fd(), buffer, below(sizeof(buffer)));
        else
            write(fd() + 1, buffer, below(9000));
    }
}

static void terminals(void) {
    static const unsigned long requests[] = {TIOCSCTTY, TIOCSPGRP, TIOCNOTTY, TIOCSWINSZ, TCSETS,
                                             TCXONC,    TCFLSH,    TIOCSTI,   FIONREAD,   TIOCGSID};
    int tty = open(below(2) ? "/dev/tty" : "/dev/console", O_RDWR | O_NONBLOCK | O_NOCTTY);

    memset(buffer, (int)random_number(), 64);
    ioctl(tty >= 0 ? tty : fd(), ANY_OF(requests), below(2) ? buffer : (char *)(long)below(4));
    if (tty >= 0)
        close(tty);
}

static void names(void) {
    switch (below(9)) {
    case 0:
        rename(random_path(), random_path());
        break;
    case 1:
        unlink(random_path());
        break;
    case 2:
        mkdir(random_path(), 0777);
        break;
    case 3:
        rmdir(random_path());
        break;
    case 4:
        link(random_path(), random_path());
        break;
    case 5:
        symlink(random_path(), random_path());
        break;
    case 6:
        mkfifo(random_path(), 0666);
        break;
    case 7:
        chmod(random_path(), 0777);
        break;
    default:
        chdir(below(3) ? FOLDER : random_path());
    }
}

static void system_v(void) {
    struct {
        long type;
        char text[3000];
    } message = {1 + below(3), ""};
    struct sembuf operations[3];

    for (int i = 0; i < 3; i++)
        operations[i] = (struct sembuf){(unsigned short)below(5), (short)(below(5) - 2),
                                        (short)(IPC_NOWAIT | (below(2) ? SEM_UNDO : 0))};
    switch (below(7)) {
    case 0:
        msgsnd(ANY_OF(queues), &message, below(sizeof(message.text)), IPC_NOWAIT);
        break;
    case 1:
        msgrcv(ANY_OF(queues), &message, below(sizeof(message.text)), (long)below(7) - 3,
               IPC_NOWAIT | (below(2) ? MSG_NOERROR : 0));
        break;
    case 2:
        semop(ANY_OF(sets), operations, 1 + below(3));
        break;
    case 3:
        semctl(ANY_OF(sets), (int)below(5), (int)below(24), below(9));
        break;
    case 4: {
        char *at = shmat(ANY_OF(segments), NULL, below(2) ? SHM_RDONLY : 0);
        if (at != (void *)-1 && below(8))
            shmdt(at);
        break;
    }
    case 5:
        if (below(3) == 0)
            msgctl(ANY_OF(queues), IPC_RMID, NULL), ipc_setup();
        break;
    default:
        if (below(3) == 0)
            shmctl(ANY_OF(segments), IPC_RMID, NULL), semctl(ANY_OF(sets), 0, IPC_RMID),
                ipc_setup();
    }
}

static void mappings(void) {
    size_t length = (1 + below(8)) * 4096;
    char *at = mmap(NULL, length, PROT_READ | (below(2) ? PROT_WRITE : 0),
                    below(2) ? MAP_SHARED : MAP_PRIVATE, fd(), below(4) * 4096);

    if (at == MAP_FAILED)
        return;
    if (below(2))
        read(fd(), at, length);
    else
        write(fd(), at, length);
    mprotect(at, length / 2, (int)below(8));
    munmap(at, below(16) ? length : 4096);
}

/* Any number, but for those that would only end the worker. */
static void any_call(void) {
    long number = (long)below(460);

    if (number == SYS_exit || number == SYS_exit_group || number == SYS_rt_sigreturn ||
        number == SYS_rt_sigsuspend || number == SYS_munmap)
        return;
    syscall(number, (long)below(20), random_number() >> below(64), buffer + below(9000),
            (long)below(4096), (long)below(8), 0l);
}

void linux_call(void) {
    static void (*const calls[])(void) = {processes, processes, timers,   descriptors, descriptors,
                                          terminals, names,     system_v, mappings,    any_call};

    __sync_fetch_and_add(&shared->calls[LINUX], 1);
    ANY_OF(calls)();
}
