/* SPDX-License-Identifier: MIT */
/* The witness: an honest program that sees whether others can change what is its own. */
#include "fuzz.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FILE_NAME SECRET "/secret"
#define SIZE 4096
#define KEY 7777

static int file, queue, set, segment, to_echo, from_echo;
static unsigned long *attached;
static char content[SIZE];
static pid_t self, parent;

static void echo(int in, int out) {
    unsigned long value;

    while (read(in, &value, sizeof(value)) == sizeof(value)) {
        value = ~value;
        if (write(out, &value, sizeof(value)) != sizeof(value))
            break;
    }
    _exit(0);
}

static void start_echo(void) {
    int there[2], back[2];

    if (pipe(there) < 0 || pipe(back) < 0)
        complain("pipe: %s", strerror(errno));
    if (fork() == 0) {
        close(there[1]);
        close(back[0]);
        echo(there[0], back[1]);
    }
    close(there[0]);
    close(back[1]);
    to_echo = there[1];
    from_echo = back[0];
}

static void make_all(void) {
    static const int values[] = {5, 0, 7};

    memset(content, 'S', SIZE);
    mkdir(SECRET, 0700);
    file = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
    queue = msgget(KEY, IPC_CREAT | 0600);
    set = semget(KEY, 3, IPC_CREAT | 0600);
    segment = shmget(KEY, 8192, IPC_CREAT | 0600);
    attached = shmat(segment, NULL, 0);
    if (file < 0 || write(file, content, SIZE) != SIZE || queue < 0 || set < 0 || segment < 0 ||
        attached == (void *)-1) {
        complain("it cannot begin: %s", strerror(errno));
        _exit(1);
    }
    for (int i = 0; i < 3; i++)
        semctl(set, i, SETVAL, values[i]);
    start_echo();
    self = getpid();
    parent = getppid();
}

static void check_queue(unsigned long round) {
    struct {
        long type;
        unsigned long words[30];
    } sent = {1 + (long)(round % 5), {round, ~round}}, got;

    sent.words[29] = round * 3;
    if (msgsnd(queue, &sent, sizeof(sent.words), 0) < 0)
        complain("msgsnd: %s", strerror(errno));
    ssize_t length = msgrcv(queue, &got, sizeof(got.words), 0, 0);
    if (length != sizeof(got.words) || memcmp(&sent, &got, sizeof(got)))
        complain("msgrcv: %ld bytes (%s), type %ld", (long)length, strerror(errno), got.type);
}

static void check_set(void) {
    struct sembuf take[2] = {{0, -2, SEM_UNDO}, {2, 1, 0}},
                  give[2] = {{0, 2, SEM_UNDO}, {2, -1, 0}};

    if (semop(set, take, 2) < 0)
        complain("semop: %s", strerror(errno));
    int values[3] = {semctl(set, 0, GETVAL), semctl(set, 1, GETVAL), semctl(set, 2, GETVAL)};
    if (values[0] != 3 || values[1] != 0 || values[2] != 8)
        complain("semaphores: %d %d %d", values[0], values[1], values[2]);
    if (semop(set, give, 2) < 0)
        complain("semop back: %s", strerror(errno));
}

static void check_file(void) {
    static char seen[SIZE];
    struct stat status;

    if (pread(file, seen, SIZE, 0) != SIZE || memcmp(seen, content, SIZE))
        complain("the file changed (%s)", strerror(errno));
    if (stat(FILE_NAME, &status) < 0 || status.st_size != SIZE || status.st_uid != HONEST ||
        (status.st_mode & 07777) != 0600 || status.st_nlink != 1)
        complain("stat: %s, %ld bytes of %u, mode %o", strerror(errno), (long)status.st_size,
                 status.st_uid, status.st_mode);
}

static void check_processes(unsigned long round) {
    unsigned long sent = round * 77, got = 0;
    int status = 0;

    if (write(to_echo, &sent, sizeof(sent)) != sizeof(sent) ||
        read(from_echo, &got, sizeof(got)) != sizeof(got) || got != ~sent)
        complain("echo: %lx for %lx", got, sent);
    if (getpid() != self || syscall(SYS_getppid) != parent || getuid() != HONEST)
        complain("it is somebody else: %d, %d", getpid(), getuid());
    attached[round % 1024] = round;
    pid_t pid = round % 16 ? -1 : fork();
    if (pid == 0)
        _exit(attached[round % 1024] == round ? (int)(round & 127) : 200);
    if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != (int)((round & 127) << 8)))
        complain("wait: status %x, not %lx", (unsigned)status, (round & 127) << 8);
}

static void remove_all(void) {
    shmdt(attached);
    shmctl(segment, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, NULL);
    unlink(FILE_NAME);
}

void witness(void) {
    if (setgid(HONEST) < 0 || setuid(HONEST) < 0)
        complain("setuid: %s", strerror(errno));
    make_all();
    for (unsigned long round = 1; !shared->stop; round++) {
        check_queue(round);
        check_set();
        check_file();
        check_processes(round);
        shared->witnessed++;
    }
    remove_all();
    _exit(0);
}
