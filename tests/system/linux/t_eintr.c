/* SPDX-License-Identifier: MIT */
/*
 * Signals that hit a process in a blocking call (signal(7), "Interruption of system calls"): EINTR
 * without SA_RESTART; with it some calls go on and others still give EINTR. And nothing is lost by
 * an interruption.
 */
#include "futex.h"
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>

struct message {
    long type;
    char text[64];
};

static int empty_pipe[2], full_pipe[2], end_pipe[2], empty_queue, full_queue, set;
static volatile sig_atomic_t hits;

static void on_signal(int signum) {
    (void)signum;
    hits++;
}

static void catch_signal(int signum, int flags) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

    sigaction(signum, &action, NULL);
}

static long operate(unsigned short number, short change) {
    struct sembuf operation = {.sem_num = number, .sem_op = change};

    return semop(set, &operation, 1);
}

/* ---- The calls: each blocks until its release --------------------------------------------- */

static long call_read(void) {
    char byte;

    return read(empty_pipe[0], &byte, 1);
}

static void release_read(void) {
    ok(write(empty_pipe[1], "x", 1) == 1, "release a reader");
}

static long call_write(void) {
    return write(full_pipe[1], "x", 1);
}

static void release_write(void) {
    static char data[65536];

    ok(read(full_pipe[0], data, sizeof(data)) > 0, "release a writer");
}

static long call_wait(void) {
    pid_t child = fork();
    long result;
    int saved;

    if (child == 0) {
        char byte;
        _exit(read(end_pipe[0], &byte, 1) != 1);
    }
    result = waitpid(child, NULL, 0);
    saved = errno;
    kill(child, SIGKILL);
    errno = saved;
    return result;
}

static void release_wait(void) {
    ok(write(end_pipe[1], "x", 1) == 1, "end a child");
}

static long call_msgrcv(void) {
    struct message message;

    return msgrcv(empty_queue, &message, sizeof(message.text), 0, 0);
}

static long call_msgsnd(void) {
    struct message message = {.type = 1};

    return msgsnd(full_queue, &message, sizeof(message.text), 0);
}

static long call_semop(void) {
    return operate(0, -1);
}

static long call_semop_zero(void) {
    return operate(1, 0);
}

static long call_nanosleep(void) {
    struct timespec wanted = {20, 0}, left = {0, 0};
    long result = nanosleep(&wanted, &left);

    if (result < 0 && errno == EINTR && (left.tv_sec < 10 || left.tv_sec > 20))
        errno = ERANGE;
    return result;
}

static long call_pause(void) {
    return pause();
}

static long call_sigsuspend(void) {
    sigset_t none;

    sigemptyset(&none);
    return sigsuspend(&none);
}

static long call_poll(void) {
    struct pollfd wanted = {.fd = empty_pipe[0], .events = POLLIN};

    return poll(&wanted, 1, 20000);
}

static volatile uint32_t *word; /* shared with the children */

static long call_futex(void) {
    return futex_wait(word, 0);
}

static void release_futex(void) {
    ok(futex_wake(word, 1) == 1, "release one that waits at a word");
}

static long call_futex_for(void) {
    struct timespec time = {20, 0};

    return futex(word, FUTEX_WAIT, 0, &time, NULL, 0);
}

static long call_futex_until(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += 20;
    return futex(word, FUTEX_WAIT_BITSET, 0, &time, NULL, FUTEX_BITSET_MATCH_ANY);
}

static long call_futex_waitv(void) {
    struct futex_waitv one = {.uaddr = (uint64_t)(uintptr_t)word, .flags = FUTEX_32};

    return syscall(SYS_futex_waitv, &one, 1, 0, NULL, 0);
}

struct blocking {
    const char *name;
    long (*call)(void);
    bool restarts;
    void (*release)(void); /* NULL: it ends by itself */
};

static const struct blocking calls[] = {
    {"read of a pipe", call_read, true, release_read},
    {"write to a pipe", call_write, true, release_write},
    {"waitpid", call_wait, true, release_wait},
    {"msgrcv", call_msgrcv, false, NULL},
    {"msgsnd", call_msgsnd, false, NULL},
    {"semop", call_semop, false, NULL},
    {"semop that waits for zero", call_semop_zero, false, NULL},
    {"nanosleep", call_nanosleep, false, NULL},
    {"pause", call_pause, false, NULL},
    {"sigsuspend", call_sigsuspend, false, NULL},
    {"poll", call_poll, false, NULL},
    {"futex", call_futex, true, release_futex},
    {"futex for a time", call_futex_for, false, NULL},
    {"futex until a time", call_futex_until, false, NULL},
    {"futex_waitv", call_futex_waitv, true, release_futex},
};

/* ---- The tests ---------------------------------------------------------------------------- */

enum { GOT_EINTR, GOT_RESULT, GOT_OTHER_ERROR, NO_HANDLER };

static pid_t start_call(const struct blocking *blocking, int flags) {
    pid_t pid = start();

    if (pid == 0) {
        long result;

        alarm(30); /* a hang is a failure, not for ever */
        catch_signal(SIGUSR1, flags);
        result = blocking->call();
        if (result >= 0)
            _exit(hits > 0 ? GOT_RESULT : NO_HANDLER);
        if (errno != EINTR)
            _exit(GOT_OTHER_ERROR);
        _exit(hits > 0 ? GOT_EINTR : NO_HANDLER);
    }
    let_block();
    return pid;
}

static void test_plain(const struct blocking *blocking) {
    pid_t pid = start_call(blocking, 0);

    kill(pid, SIGUSR1);
    is_int(reap_exit(pid), GOT_EINTR, "%s: EINTR", blocking->name);
}

static void test_restart(const struct blocking *blocking) {
    pid_t pid = start_call(blocking, SA_RESTART);

    kill(pid, SIGUSR1);
    if (!blocking->restarts) {
        is_int(reap_exit(pid), GOT_EINTR, "%s: EINTR even with SA_RESTART", blocking->name);
        return;
    }
    let_block();
    is_int(waitpid(pid, NULL, WNOHANG), 0, "%s: still waiting after SA_RESTART", blocking->name);
    if (blocking->release)
        blocking->release();
    is_int(reap_exit(pid), GOT_RESULT, "%s: restarted", blocking->name);
}

/* An ignored signal, or one that is ignored by default, interrupts nothing. */
static void test_ignored(void) {
    pid_t pid = start_call(&calls[0], 0);

    kill(pid, SIGCHLD);
    kill(pid, SIGURG);
    let_block();
    is_int(waitpid(pid, NULL, WNOHANG), 0, "an ignored signal interrupts no read");
    kill(pid, SIGKILL);
    is_int(reap(pid), SIGKILL, "SIGKILL ends a blocked reader");
}

/* Stop and continue: the read goes on. */
static void test_stop(void) {
    pid_t pid = start_call(&calls[0], 0);
    int status;

    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    ok(WIFSTOPPED(status), "a blocked reader can be stopped");
    kill(pid, SIGCONT);
    let_block();
    is_int(waitpid(pid, NULL, WNOHANG), 0, "and continued");
    kill(pid, SIGUSR1);
    is_int(reap_exit(pid), GOT_EINTR, "and then it is still in its read");
}

/* A receiver under a hail of signals gets every message exactly once. */
static void test_nothing_lost(void) {
    enum { MESSAGES = 300 };
    struct message message = {.type = 1};
    int queue = msgget(IPC_PRIVATE, 0600);
    pid_t receiver = start(), bomber;

    if (receiver == 0) {
        int got = 0, sum = 0;

        catch_signal(SIGUSR1, 0);
        while (got < MESSAGES) {
            if (msgrcv(queue, &message, sizeof(message.text), 0, 0) >= 0) {
                got++;
                sum += atoi(message.text);
            } else if (errno != EINTR) {
                _exit(2);
            }
        }
        _exit(sum == MESSAGES * (MESSAGES - 1) / 2 ? 0 : 1);
    }
    let_block();
    bomber = start();
    if (bomber == 0) {
        while (kill(receiver, SIGUSR1) == 0)
            sleep_ms(1);
        _exit(0);
    }
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(message.text, sizeof(message.text), "%d", i);
        msgsnd(queue, &message, sizeof(message.text), 0);
        if (i % 10 == 0)
            sleep_ms(2);
    }
    is_int(reap_exit(receiver), 0, "%d messages and many signals: none lost", MESSAGES);
    kill(bomber, SIGKILL);
    reap(bomber);
    is_int(msgctl(queue, IPC_RMID, NULL), 0, "remove the queue");
}

static void set_up(void) {
    struct message message = {.type = 1};
    char byte = 0;

    if (!(word = futex_shared_page()))
        bail("a shared page");
    if (pipe(empty_pipe) < 0 || pipe(end_pipe) < 0 || pipe(full_pipe) < 0)
        bail("pipe");
    fcntl(full_pipe[1], F_SETFL, O_NONBLOCK);
    while (write(full_pipe[1], &byte, 1) == 1)
        continue;
    fcntl(full_pipe[1], F_SETFL, 0);
    empty_queue = msgget(IPC_PRIVATE, 0600);
    full_queue = msgget(IPC_PRIVATE, 0600);
    while (msgsnd(full_queue, &message, sizeof(message.text), IPC_NOWAIT) == 0)
        continue;
    set = semget(IPC_PRIVATE, 2, 0600);
    if (empty_queue < 0 || full_queue < 0 || set < 0)
        bail("System V IPC");
    operate(1, 1);
}

int main(void) {
    set_up();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        test_plain(&calls[i]);
        test_restart(&calls[i]);
    }
    test_ignored();
    test_stop();
    test_nothing_lost();
    is_int(semctl(set, 0, GETNCNT), 0, "no interrupted caller is still counted as waiting");
    is_int(semctl(set, 1, GETZCNT), 0, "nor for zero");
    semctl(set, 0, IPC_RMID);
    msgctl(empty_queue, IPC_RMID, NULL);
    msgctl(full_queue, IPC_RMID, NULL);
    return done();
}
