/* SPDX-License-Identifier: MIT */
/* What victims do when they are killed, and what they share (storm.h). */
#include "storm.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/tmp/storm"
#define FIFO FOLDER "/fifo"

/* Semaphores: TAKEN, UNDONE and BUSY are 0 between two kinds; NOT_ZERO is 1 always. */
enum { TAKEN, UNDONE, NOT_ZERO, BUSY, SEMAPHORES };

static int queue, full_queue, set, segment, pipe_ends[2], full_pipe[2];
static char big[200000];

static struct message {
    long type;
    char text[8192];
} message = {1, ""};

static void forever(void) {
    for (;;)
        pause();
}

/* ---- Blocked ---------------------------------------------------------------------------------------- */

static void receive_any(void) {
    msgrcv(queue, &message, 100, 0, 0);
}
static void receive_type(void) {
    msgrcv(queue, &message, 8000, 1 + rand() % 5, 0);
}
static void receive_below(void) {
    msgrcv(queue, &message, 100, rand() % 2 ? -4 : 3, rand() % 2 ? MSG_EXCEPT : 0);
}
static void send_short(void) {
    msgsnd(full_queue, &message, 20, 0);
}
static void send_long(void) {
    msgsnd(full_queue, &message, 5000, 0);
}

static void operate(unsigned short number, short value, short flags) {
    struct sembuf op = {number, value, flags};

    semop(set, &op, 1);
}
static void semaphore_take(void) {
    operate(TAKEN, -1, 0);
}
static void semaphore_zero(void) {
    operate(NOT_ZERO, 0, 0);
}
static void semaphore_undo(void) {
    struct sembuf ops[2] = {{UNDONE, 1, SEM_UNDO}, {TAKEN, -1, SEM_UNDO}};

    semop(set, ops, 1); /* to be undone by the kill */
    semop(set, ops, 2);
}
static void semaphore_timed(void) {
    struct sembuf op = {TAKEN, -1, 0};
    struct timespec limit = {10, 0};

    semtimedop(set, &op, 1, &limit);
}

static void pipe_read(void) {
    fcntl(pipe_ends[0], F_SETFL, 0);
    read(pipe_ends[0], big, 100);
}
static void pipe_write(void) {
    write(full_pipe[1], big, 100);
}
static void pipe_write_much(void) {
    write(pipe_ends[1], big, sizeof(big));
}
static void fifo_reader(void) {
    open(FIFO, O_RDONLY);
}
static void fifo_writer(void) {
    open(FIFO "2", O_WRONLY);
}
static void poll_long(void) {
    struct pollfd fds[3] = {{pipe_ends[0], POLLIN, 0}, {full_pipe[1], POLLOUT, 0}, {0, POLLIN, 0}};

    poll(fds, 3, -1);
}
static void poll_short(void) {
    struct pollfd fds[2] = {{pipe_ends[0], POLLIN, 0}, {full_pipe[1], POLLOUT, 0}};

    for (;;)
        poll(fds, 2, rand() % 4);
}
static void terminal_read(void) {
    read(open(rand() % 2 ? "/dev/tty" : "/dev/console", O_RDONLY), big, 10);
    forever();
}
static void terminal_session(void) {
    setsid();
    int tty = open("/dev/console", O_RDWR);
    read(tty < 0 ? open("/dev/tty", O_RDWR) : tty, big, 10);
    forever();
}
static void wait_child(void) {
    if (fork() == 0)
        forever();
    wait(NULL);
}
static void suspended(void) {
    sigset_t none;

    sigemptyset(&none);
    sigsuspend(&none);
}
static void wait_signal(void) {
    sigset_t all;
    struct timespec limit = {10, 0};

    sigfillset(&all);
    sigtimedwait(&all, NULL, rand() % 2 ? NULL : &limit);
}
static void sleeping(void) {
    struct timespec time = {10, 0};

    nanosleep(&time, NULL);
}
static void vforked(void) {
    if (vfork() == 0)
        for (;;)
            pause();
}
static void alarmed(void) {
    struct itimerval tiny = {{0, 1}, {0, 1}};

    signal(SIGALRM, SIG_IGN);
    setitimer(ITIMER_REAL, &tiny, NULL);
    forever();
}
static void handled(int signal) {
    (void)signal;
}
static void alarmed_handled(void) {
    struct itimerval tiny = {{0, 1 + rand() % 300}, {0, 1}};

    signal(SIGALRM, handled);
    setitimer(ITIMER_REAL, &tiny, NULL);
    for (;;)
        msgrcv(queue, &message, 100, 99, 0);
}
static void stopped(void) {
    kill(getpid(), SIGSTOP);
}
static void stopped_in_call(void) {
    pid_t parent = getpid();

    if (fork() == 0)
        for (; getppid() == parent;) {
            kill(parent, SIGSTOP);
            kill(parent, SIGCONT);
        }
    msgrcv(queue, &message, 100, 99, 0);
}

/* ---- Busy ------------------------------------------------------------------------------------------- */

static void attach(void) {
    for (;;) {
        char *at = shmat(segment, NULL, 0);
        at[0] = at[5000] = 1;
        if (rand() % 4)
            shmdt(at);
        if (rand() % 64 == 0 && fork() == 0)
            forever();
    }
}
static void map_file(void) {
    int fd = open(FOLDER "/map", O_RDWR | O_CREAT, 0666);

    ftruncate(fd, 8192);
    for (;;) {
        char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        write(fd, at, 8192);
        munmap(at, 8192);
        ftruncate(fd, rand() % 12288);
        ftruncate(fd, 8192);
    }
}
static void forking(void) {
    for (;;) {
        if (fork() == 0)
            _exit(0);
        wait(NULL);
    }
}
static void executing(void) {
    for (;;) {
        if ((rand() % 2 ? fork() : vfork()) == 0) {
            execl("/bin/true", "true", NULL);
            _exit(1);
        }
        if (rand() % 4)
            wait(NULL);
    }
}
static void executing_itself(void) {
    for (;;)
        if (rand() % 2)
            execl("/bin/sh", "sh", "-c", "while true; do /bin/true; done", NULL);
        else
            execl("/bin/sleep", "sleep", "10", NULL);
}
static void killing_parents(void) {
    for (;;) {
        pid_t pid = fork();
        if (pid == 0) {
            if (vfork() == 0) {
                usleep(1000);
                execl("/bin/true", "true", NULL);
                _exit(0);
            }
            _exit(0);
        }
        usleep((useconds_t)(rand() % 2000));
        kill(pid, SIGKILL);
        wait(NULL);
    }
}
static void grouping(void) {
    for (;;) {
        pid_t pid = fork();
        if (pid == 0) {
            setpgid(0, 0);
            if (rand() % 2)
                setsid();
            kill(0, rand() % 2 ? SIGTERM : SIGKILL);
            _exit(0);
        }
        setpgid(pid, rand() % 2 ? pid : 0);
        waitpid(-pid, NULL, WNOHANG);
        waitpid(pid, NULL, 0);
    }
}
static void reading_proc(void) {
    static const char *const names[] = {"stat", "status", "cmdline", "", "fd", "maps"};

    for (;;) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/%s", getpid() - rand() % 8, names[rand() % 6]);
        int fd = open(path, O_RDONLY);
        read(fd, big, 500);
        close(fd);
    }
}
static void pipe_talk(void) {
    int there[2], back[2];

    pipe(there);
    pipe(back);
    if (fork() == 0)
        while (read(there[0], big, 3000) > 0)
            write(back[1], big, 3000);
    for (;;) {
        write(there[1], big, 3000);
        read(back[0], big, 3000);
    }
}
static void queue_talk(void) {
    for (;;) {
        message.type = 77;
        msgsnd(queue, &message, rand() % 2 ? 30 : 2000, 0);
        msgrcv(queue, &message, sizeof(message.text), 77, IPC_NOWAIT);
    }
}
static void semaphore_talk(void) {
    for (;;) {
        operate(BUSY, 1, SEM_UNDO);
        operate(BUSY, -1, SEM_UNDO);
    }
}
static void reading_much(void) {
    for (int fd = open("/dev/zero", O_RDONLY);;)
        read(fd, big, sizeof(big));
}
static void renaming(void) {
    struct stat status;

    for (;;) {
        char from[64], to[64];
        snprintf(from, sizeof(from), FOLDER "/%d", rand() % 4);
        snprintf(to, sizeof(to), FOLDER "/%d", rand() % 4);
        mkdir(from, 0777);
        rename(from, to);
        chdir(to);
        rmdir(to);
        stat(".", &status);
    }
}
static void queueing_signals(void) {
    sigset_t all;
    union sigval value = {.sival_int = 1};
    struct timespec none = {0, 0};

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        sigqueue(getpid(), SIGRTMIN + rand() % 20, value);
        if (rand() % 8 == 0)
            sigtimedwait(&all, NULL, &none);
    }
}
static void waiting_by_id(void) {
    siginfo_t info;

    for (;;) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(1);
        waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
        waitid(P_ALL, 0, &info, WEXITED | WNOHANG);
    }
}
static void duplicating(void) {
    for (;;) {
        int fd = open(FOLDER "/map", O_RDWR | O_CREAT, 0666), copy = dup(fd);
        fcntl(copy, F_SETFD, FD_CLOEXEC);
        dup2(copy, 3 + rand() % 20);
        if (rand() % 8)
            close(fd), close(copy);
    }
}

const struct storm_kind storm_kinds[] = {
    {"msgrcv of any type", receive_any},
    {"msgrcv of a type", receive_type},
    {"msgrcv of types below, or of others", receive_below},
    {"msgsnd of a short message", send_short},
    {"msgsnd of a long message", send_long},
    {"semop, taking", semaphore_take},
    {"semop, waiting for zero", semaphore_zero},
    {"semop with SEM_UNDO", semaphore_undo},
    {"semtimedop", semaphore_timed},
    {"read of an empty pipe", pipe_read},
    {"write to a full pipe", pipe_write},
    {"write of more than a pipe holds", pipe_write_much},
    {"open of a fifo, reading", fifo_reader},
    {"open of a fifo, writing", fifo_writer},
    {"poll", poll_long},
    {"poll with short times", poll_short},
    {"read of the terminal", terminal_read},
    {"read of the terminal in a session", terminal_session},
    {"wait", wait_child},
    {"sigsuspend", suspended},
    {"sigtimedwait", wait_signal},
    {"nanosleep", sleeping},
    {"vfork", vforked},
    {"a timer of 1 us, ignored", alarmed},
    {"a timer of 1 us, handled", alarmed_handled},
    {"stopped", stopped},
    {"stopped and continued in a call", stopped_in_call},
    {"shmat and shmdt", attach},
    {"mmap and ftruncate", map_file},
    {"fork", forking},
    {"exec", executing},
    {"exec of itself", executing_itself},
    {"vfork whose parent is killed", killing_parents},
    {"setpgid, setsid and signals to groups", grouping},
    {"reading /proc", reading_proc},
    {"a talk by pipes", pipe_talk},
    {"a talk by messages", queue_talk},
    {"a talk by semaphores", semaphore_talk},
    {"long reads", reading_much},
    {"mkdir, rename, chdir, rmdir", renaming},
    {"sigqueue", queueing_signals},
    {"waitid", waiting_by_id},
    {"open, dup, close", duplicating},
};
const unsigned storm_kind_count = sizeof(storm_kinds) / sizeof(storm_kinds[0]);

/* ---- What is shared --------------------------------------------------------------------------------- */

static bool make_fifo(const char *name) {
    return mkfifo(name, 0666) == 0 && chmod(name, 0666) == 0;
}

void storm_setup(void) {
    mkdir(FOLDER, 0777);
    chmod(FOLDER, 0777);
    queue = msgget(IPC_PRIVATE, 0666);
    full_queue = msgget(IPC_PRIVATE, 0666);
    set = semget(IPC_PRIVATE, SEMAPHORES, 0666);
    segment = shmget(IPC_PRIVATE, 8192, 0666);
    bool good = queue >= 0 && full_queue >= 0 && set >= 0 && segment >= 0 && make_fifo(FIFO) &&
                make_fifo(FIFO "2") && pipe2(pipe_ends, O_NONBLOCK) == 0 &&
                pipe2(full_pipe, O_NONBLOCK) == 0 && semctl(set, NOT_ZERO, SETVAL, 1) == 0;
    while (good && write(full_pipe[1], big, 4096) > 0)
        continue;
    while (good && msgsnd(full_queue, &message, sizeof(message.text), IPC_NOWAIT) == 0)
        continue;
    if (!good) {
        printf("Bail out! what victims share: %s\n", strerror(errno));
        exit(1);
    }
    fcntl(full_pipe[1], F_SETFL, 0);
    fcntl(pipe_ends[1], F_SETFL, 0);
}

void storm_tidy(void) {
    char path[64];

    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), FOLDER "/%d", i);
        rmdir(path);
    }
    unlink(FOLDER "/map");
    fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK); /* one victim changes it for all */
    while (read(pipe_ends[0], big, sizeof(big)) > 0)
        continue;
    while (msgrcv(queue, &message, sizeof(message.text), 77, IPC_NOWAIT) >= 0)
        continue;
}

static bool queues_work(void) {
    struct msqid_ds state;
    static struct message one = {55, "one"};

    return msgctl(queue, IPC_STAT, &state) == 0 && state.msg_qnum == 0 &&
           msgsnd(queue, &one, 10, IPC_NOWAIT) == 0 &&
           msgrcv(queue, &one, 100, 55, IPC_NOWAIT) == 10 &&
           msgctl(full_queue, IPC_STAT, &state) == 0 && state.msg_cbytes + 8192 > state.msg_qbytes;
}

static bool semaphores_work(void) {
    struct sembuf up = {TAKEN, 1, 0}, down = {TAKEN, -1, IPC_NOWAIT};

    return semctl(set, TAKEN, GETVAL) == 0 && semctl(set, UNDONE, GETVAL) == 0 &&
           semctl(set, BUSY, GETVAL) == 0 && semctl(set, TAKEN, GETNCNT) == 0 &&
           semctl(set, NOT_ZERO, GETZCNT) == 0 && semop(set, &up, 1) == 0 &&
           semop(set, &down, 1) == 0;
}

static bool pipes_work(void) {
    char byte;

    return write(pipe_ends[1], "ab", 2) == 2 && read(pipe_ends[0], &byte, 1) == 1 && byte == 'a' &&
           read(pipe_ends[0], &byte, 1) == 1;
}

static bool segment_is_free(void) {
    struct shmid_ds state;

    return shmctl(segment, IPC_STAT, &state) == 0 && state.shm_nattch == 0;
}

bool storm_check(char *problem, size_t size) {
    const struct {
        const char *what;
        bool good;
    } checks[] = {
        {"the queues are not as they were", queues_work()},
        {"the semaphores are not as they were", semaphores_work()},
        {"the pipe is not as it was", pipes_work()},
        {"the segment is still attached", segment_is_free()},
    };

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (!checks[i].good) {
            snprintf(problem, size, "%s (%s)", checks[i].what, strerror(errno));
            return false;
        }
    return true;
}

void storm_end(void) {
    msgctl(queue, IPC_RMID, NULL);
    msgctl(full_queue, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    shmctl(segment, IPC_RMID, NULL);
    unlink(FIFO);
    unlink(FIFO "2");
    rmdir(FOLDER);
}
