/* SPDX-License-Identifier: MIT */
/*
 * Messages that a program sends itself, past the personality, are interruptible like any other call: a
 * signal's handler runs and the call ends with EINTR, whatever SA_RESTART says; nothing that was granted
 * is lost; what does not run a handler interrupts nothing.
 */
#include "tap.h"
#include <parley/identity.h>
#include <parley/stubs.h>
#include <protocol/msg_client.h>
#include <protocol/proc_client.h>
#include <protocol/sem_client.h>
#include <protocol/vfs_client.h>
#include <sys/time.h>

#define SEM_FOREVER (-1)
#define NUMBERS 3000

static volatile sig_atomic_t handled;

static void count(int signal) {
    (void)signal;
    handled++;
}

static void on(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    if (sigaction(signal, &action, NULL) < 0)
        bail("sigaction");
}

static long new_queue(void) {
    long id = msg_get(PK_SLOT_MSG, 0, 0600);

    if (id == -EBADF && proc_connect(PK_SLOT_PROC, PK_SLOT_MSG) == 1)
        id = msg_get(PK_SLOT_MSG, 0, 0600);
    return id;
}

static long receive(int queue, int64_t *number) {
    uint64_t words[8] = {0};
    int64_t type;
    long length = msg_rcv(PK_SLOT_MSG, queue, 0, 0, NULL, 64, &type, words);

    *number = (int64_t)words[0];
    return length;
}

static long send(int queue, int64_t number) {
    return msg_snd(PK_SLOT_MSG, queue, 0, 1, &number, sizeof(number));
}

/* A child that sends signals to this process once that has been blocked for a while. */
static pid_t signal_when_blocked(const int *signals, int n) {
    pid_t parent = getpid(), pid = start();

    if (pid)
        return pid;
    tap_last_child = parent;
    for (int i = 0; i < n; i++) {
        let_block();
        kill(parent, signals[i]);
    }
    _exit(0);
}

static long call_msg(int id) {
    int64_t number;

    return receive(id, &number);
}

static long call_sem(int id) {
    struct sembuf op = {.sem_num = 0, .sem_op = -1};

    return sem_op(PK_SLOT_SEM, id, SEM_FOREVER, &op, 1);
}

static long call_vfs(int fd) {
    char byte;

    return vfs_read(PK_SLOT_VFS, fd, &byte, 1);
}

static long call_proc(int unused) {
    (void)unused;
    return proc_sleep(PK_SLOT_PROC, 1ull << 60);
}

/* Each blocks for ever, until a handler has run. */
static void check_interrupted(const char *name, long (*call)(int), int argument, int flags) {
    int signal = SIGUSR1;

    handled = 0;
    on(SIGUSR1, count, flags);
    pid_t child = signal_when_blocked(&signal, 1);
    long result = call(argument);
    int seen = handled;
    reap(child);
    is_int(result, -EINTR, "%s: the call ends%s", name, flags ? ", not restarted" : "");
    is_int(seen, 1, "%s: after the handler", name);
}

static void check_undisturbed(int queue) {
    static const int harmless[] = {SIGCHLD, SIGUSR2, SIGSTOP, SIGCONT, SIGWINCH};
    int64_t number = 0;
    pid_t parent = getpid();

    on(SIGUSR2, SIG_IGN, 0);
    pid_t child = start();
    if (child == 0) {
        for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
            sleep_ms(20);
            kill(parent, harmless[i]);
        }
        sleep_ms(20);
        _exit(send(queue, 42) != 0);
    }
    is_int(receive(queue, &number), sizeof(number), "what runs no handler interrupts nothing");
    is_int(number, 42, "and the message comes");
    is_int(reap_exit(child), 0, "the sender could send it");
}

/* Every message comes once and in order, however often the receiver is interrupted. */
static void check_lossless(int queue) {
    struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    int64_t number;
    long wrong = 0, interrupted = 0;

    on(SIGALRM, count, SA_RESTART);
    pid_t child = start();
    if (child == 0) {
        for (int64_t i = 0; i < NUMBERS; i++) {
            if (i % 16 == 0)
                sleep_ms(1);
            if (send(queue, i) != 0)
                _exit(1);
        }
        _exit(0);
    }
    setitimer(ITIMER_REAL, &often, NULL);
    for (int64_t i = 0; i < NUMBERS; i++) {
        long length;

        while ((length = receive(queue, &number)) == -EINTR)
            interrupted++;
        wrong += length != sizeof(number) || number != i;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    is_int(wrong, 0, "%d messages come, each once and in order", NUMBERS);
    ok(interrupted > 0, "though the receiver was interrupted");
    is_int(reap_exit(child), 0, "the sender is done");
}

static void check_killed(int queue) {
    int64_t number;
    pid_t child = start();

    if (child == 0)
        _exit(receive(queue, &number) != 0);
    let_block();
    kill(child, SIGKILL);
    int status = reap(child);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a blocked one can be killed");
    is_int(send(queue, 7), 0, "and its queue goes on");
    is_int(receive(queue, &number), sizeof(number), "for others");
}

int main(void) {
    int queue = (int)new_queue(), pipes[2];

    if (queue < 0 || pipe(pipes) < 0 || proc_connect(PK_SLOT_PROC, PK_SLOT_SEM) != 1)
        bail("connecting");
    int set = (int)sem_get(PK_SLOT_SEM, 0, 1, 0600);
    ok(set >= 0, "a semaphore set");
    check_interrupted("msg", call_msg, queue, 0);
    check_interrupted("msg", call_msg, queue, SA_RESTART);
    check_interrupted("sem", call_sem, set, 0);
    check_interrupted("vfs", call_vfs, pipes[0], 0);
    check_interrupted("proc", call_proc, 0, 0);
    check_undisturbed(queue);
    check_lossless(queue);
    check_killed(queue);
    is_int(msg_remove(PK_SLOT_MSG, queue), 0, "the queue is removed");
    is_int(sem_remove(PK_SLOT_SEM, set), 0, "the set is removed");
    return done();
}
