/* SPDX-License-Identifier: MIT */
/*
 * Hostile clients for tools/bench --latency: each kind asks one server for as much as it can in one request,
 * again and again, as nobody. A witness makes small calls beside them and tells the longest that one took, in
 * instructions. How long servers are busy with others meanwhile, the kernel measures.
 * `lxhostile MILLISECONDS [KIND...]`.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1ul << 20)
#define NOBODY 65534

static char *area; /* of AREA bytes, all the same pages */
#define AREA (4 * MIB)

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int temporary(void) {
    char name[] = "/tmp/hostile-XXXXXX";
    int fd = mkstemp(name);
    if (fd < 0)
        die(name);
    unlink(name);
    return fd;
}

/* Memory that is large without being much. */
static void make_area(void) {
    int fd = temporary();
    if (ftruncate(fd, MIB) < 0)
        die("ftruncate");
    area = mmap(NULL, AREA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t at = 0; at < AREA; at += MIB)
        if (mmap(area + at, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
            MAP_FAILED)
            die("mmap");
    memset(area, 1, MIB);
}

static void reads(void) {
    int fd = open("/dev/zero", O_RDONLY), random = open("/dev/urandom", O_RDONLY);
    for (;;)
        if (read(fd, area, AREA) < 0 || read(random, area, MIB) < 0)
            die("read");
}

static void files(void) {
    int fd = temporary();
    for (;;)
        if (pwrite(fd, area, 4 * MIB, 0) < 0 || pread(fd, area, 4 * MIB, 0) < 0 ||
            ftruncate(fd, 1) < 0)
            die("file");
}

static void pipes(void) {
    int ends[2];
    if (pipe(ends) < 0)
        die("pipe");
    if (fork() == 0)
        for (;;)
            if (write(ends[1], area, AREA) < 0)
                _exit(1);
    for (;;)
        if (read(ends[0], area, AREA) < 0)
            die("read");
}

static void polls(void) {
    static struct pollfd entries[1024];
    int ends[2];
    if (pipe(ends) < 0)
        die("pipe");
    if (fork() == 0)
        for (char byte = 0;;)
            if (write(ends[1], &byte, 1) < 0 || read(ends[0], &byte, 1) < 0)
                _exit(1);
    for (int i = 0; i < 1024; i++)
        entries[i] = (struct pollfd){.fd = i % 2 ? 0 : ends[0], .events = 0};
    for (;;)
        if (poll(entries, 1024, 5) < 0)
            die("poll");
}

static void on_signal(int number) {
    (void)number;
}

static void timers(void) {
    struct itimerval timer = {{0, 1}, {0, 1}};
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGALRM, &action, NULL);
    for (;;) {
        setitimer(ITIMER_REAL, &timer, NULL);
        for (int i = 0; i < 100; i++)
            getppid();
        signal(SIGALRM, SIG_IGN);
        getppid();
        sigaction(SIGALRM, &action, NULL);
    }
}

static void paths(void) {
    char target[4096], name[32];
    struct stat st;
    if (mkdir("/tmp/paths", 0700) < 0 || chdir("/tmp/paths") < 0 || mkdir("d", 0700) < 0)
        die("paths");
    for (int link = 0; link < 40; link++) {
        int length = 0;
        while (length < 4080)
            length += sprintf(target + length, "d/../");
        sprintf(target + length, link < 39 ? "k%d" : ".", link + 1);
        sprintf(name, "k%d", link);
        if (symlink(target, name) < 0)
            die("symlink");
    }
    for (;;) {
        stat("k0", &st);
        rename("k0/x", "k0/y");
    }
}

static void execs(void) {
    static char *many[250001], *none[] = {NULL};
    for (int i = 0; i < 250000; i++)
        many[i] = (char *)"";
    for (;;)
        execve("/bin/true", many, none); /* E2BIG, at the end */
}

static void operations(void) {
    struct sembuf ops[500];
    int id = semget(IPC_PRIVATE, 500, 0600);
    for (int i = 0; i < 500; i++)
        ops[i] = (struct sembuf){(unsigned short)i, 1, SEM_UNDO};
    for (int sign = 1;; sign = -sign) {
        for (int i = 0; i < 500; i++)
            ops[i].sem_op = (short)sign;
        semop(id, ops, 500);
    }
}

static unsigned short values[32000];

/* A set of as many semaphores as there can be, and a process's end that undoes what it did to them. */
static void sets(void) {
    struct sembuf ops[2] = {{0, 1, SEM_UNDO}, {31999, 1, SEM_UNDO}};
    for (;;) {
        int id = semget(IPC_PRIVATE, 32000, 0600);
        if (semctl(id, 0, SETALL, values) < 0 || semctl(id, 0, GETALL, values) < 0)
            die("semctl");
        pid_t child = fork();
        if (child == 0)
            _exit(semop(id, ops, 2) < 0);
        waitpid(child, NULL, 0);
        semctl(id, 0, SETVAL, 1);
        semctl(id, 0, IPC_RMID);
    }
}

#define SLEEPERS 300

/* Callers of semop that wait together, are woken together, and whose set is removed. */
static void sleepers(void) {
    struct sembuf take = {0, -1, 0}, give = {0, SLEEPERS, 0};
    int id = semget(IPC_PRIVATE, 1, 0600), failed = semget(IPC_PRIVATE, 1, 0600);
    for (int i = 0; i < SLEEPERS; i++)
        if (fork() == 0)
            for (int n = 0;; n++)
                semop(n % 4 ? id : failed, &take, 1);
    for (int n = 0;; n++) {
        semop(id, &give, 1);
        if (n % 4 == 0) {
            semctl(failed, 0, SETVAL, SLEEPERS);
            semctl(failed, 0, SETVAL, 0);
        }
        getppid();
    }
}

static void messages(void) {
    struct {
        long type;
        char text[8];
    } message = {1, ""};
    for (;;) {
        int id = msgget(IPC_PRIVATE, 0600);
        while (msgsnd(id, &message, 1, IPC_NOWAIT) == 0)
            continue;
        for (int i = 0; i < 100; i++) {
            msgrcv(id, &message, 1, 1, IPC_NOWAIT | MSG_EXCEPT);
            message.type = 1;
        }
        msgctl(id, IPC_RMID, NULL);
    }
}

static void descriptors(void) {
    int ends[2];
    for (int i = 0; i < 400; i++)
        if (pipe2(ends, O_CLOEXEC) < 0)
            die("pipe2");
    for (;;) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        waitpid(child, NULL, 0);
    }
}

static void groups(void) {
    for (;;) {
        pid_t leader = 0;
        for (int i = 0; i < 30; i++) {
            pid_t child = fork();
            if (child == 0)
                for (;;)
                    pause();
            if (child < 0)
                break;
            leader = leader ? leader : child;
            setpgid(child, leader);
        }
        kill(-leader, SIGSTOP);
        kill(-leader, SIGCONT);
        kill(-leader, SIGKILL);
        while (waitpid(-1, NULL, 0) > 0)
            continue;
    }
}

#define DEPTH 12000

/* A directory moves into the depth and out again. */
static void depths(void) {
    if (mkdir("/tmp/depths", 0700) < 0 || mkdir("/tmp/depths/moving", 0700) < 0 ||
        chdir("/tmp/depths") < 0)
        die("depths");
    for (int i = 0; i < DEPTH; i++)
        if (mkdir("d", 0700) < 0 || chdir("d") < 0)
            die("d");
    for (;;)
        if (rename("/tmp/depths/moving", "moving") < 0 ||
            rename("moving", "/tmp/depths/moving") < 0)
            die("rename");
}

#define CHILDREN 1500

/* A process with many children, dead and alive, which asks for one of them, and ends before them. */
static void family(int awake) {
    pid_t last = 0;
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0)
            while (i % 2)
                pause();
        if (child == 0)
            _exit(0);
        if (child < 0)
            break;
        last = child;
    }
    if (write(awake, "", 1) < 0)
        _exit(1);
    for (int i = 0; i < 100; i++) {
        waitpid(last, NULL, WNOHANG);
        waitpid(-last, NULL, WNOHANG);
        waitpid(-getpgrp(), NULL, WNOHANG | WUNTRACED);
    }
    _exit(0);
}

static void families(void) {
    char buffer[8192];
    int ends[2];
    if (pipe(ends) < 0)
        die("pipe");
    for (;;) {
        pid_t parent = fork();
        if (parent == 0) {
            setpgid(0, 0);
            family(ends[1]);
        }
        setpgid(parent, parent);
        if (read(ends[0], buffer, 1) < 0)
            die("read");
        for (int i = 0; i < 10; i++) {
            int fd = open("/proc", O_RDONLY);
            while (syscall(SYS_getdents64, fd, buffer, sizeof(buffer)) > 0)
                continue;
            close(fd);
        }
        waitpid(parent, NULL, 0);
        kill(-parent, SIGKILL);
    }
}

/* A process that has much memory ends. */
static void memories(void) {
    for (;;) {
        pid_t child = fork();
        if (child == 0) {
            char *memory = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
            _exit(memory == MAP_FAILED);
        }
        waitpid(child, NULL, 0);
    }
}

static void directories(void) {
    char name[32], buffer[8192];
    if (mkdir("/tmp/many", 0700) < 0 || chdir("/tmp/many") < 0)
        die("many");
    for (int i = 0; i < 2000; i++) {
        sprintf(name, "file-%d", i);
        close(open(name, O_CREAT | O_WRONLY, 0600));
    }
    int fd = open(".", O_RDONLY), proc = open("/proc", O_RDONLY);
    for (;;) {
        lseek(fd, 0, SEEK_SET);
        while (syscall(SYS_getdents64, fd, buffer, sizeof(buffer)) > 0)
            continue;
        close(proc);
        proc = open("/proc", O_RDONLY);
    }
}

static struct {
    unsigned long getppid, stat, msgsnd, semop;
} * longest; /* shared with the witness */

static unsigned long instructions(void) {
    unsigned long count;
    __asm__ volatile("rdinstret %0" : "=r"(count));
    return count;
}

static void note(unsigned long *most, unsigned long began) {
    unsigned long taken = instructions() - began;
    *most = taken > *most ? taken : *most;
}

static void witness(void) {
    struct stat st;
    struct {
        long type;
        char text[8];
    } message = {1, ""};
    struct timespec pause_ns = {0, 1000000};
    struct sembuf more = {0, 1, 0};
    int id = msgget(IPC_PRIVATE, 0600), set = semget(IPC_PRIVATE, 1, 0600);
    for (;;) {
        unsigned long began = instructions();
        getppid();
        note(&longest->getppid, began);
        began = instructions();
        stat("/bin", &st);
        note(&longest->stat, began);
        began = instructions();
        msgsnd(id, &message, 1, 0);
        note(&longest->msgsnd, began);
        msgrcv(id, &message, 1, 0, 0);
        began = instructions();
        semop(set, &more, 1);
        note(&longest->semop, began);
        semctl(set, 0, SETVAL, 0);
        nanosleep(&pause_ns, NULL);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {
    {"reads", reads},       {"files", files},
    {"pipes", pipes},       {"polls", polls},
    {"timers", timers},     {"paths", paths},
    {"execs", execs},       {"operations", operations},
    {"messages", messages}, {"descriptors", descriptors},
    {"groups", groups},     {"directories", directories},
    {"sets", sets},         {"sleepers", sleepers},
    {"families", families}, {"memories", memories},
    {"depths", depths},     {"witness", witness},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool chosen(const char *name, int argc, char **argv) {
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc < 3;
}

int main(int argc, char **argv) {
    long ms = argc > 1 ? atol(argv[1]) : 1000;
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    pid_t children[KINDS] = {0};
    chmod("/tmp", 0777);
    longest =
        mmap(NULL, sizeof(*longest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (longest == MAP_FAILED)
        die("mmap");
    make_area();
    for (size_t i = 0; i < KINDS; i++) {
        if (!chosen(kinds[i].name, argc, argv))
            continue;
        children[i] = fork();
        if (children[i] == 0) {
            setpgid(0, 0);
            if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
                die("setuid");
            kinds[i].run();
        }
    }
    nanosleep(&time, NULL);
    int ended = 0;
    for (size_t i = 0; i < KINDS; i++)
        if (children[i]) {
            ended += waitpid(children[i], NULL, WNOHANG) != 0;
            kill(-children[i], SIGKILL);
            kill(children[i], SIGKILL);
        }
    printf("witness: getppid %lu stat %lu msgsnd %lu semop %lu\n", longest->getppid, longest->stat,
           longest->msgsnd, longest->semop);
    if (ended)
        fprintf(stderr, "lxhostile: %d kinds have ended by themselves\n", ended);
    return ended != 0;
}
