/* SPDX-License-Identifier: MIT */
/* mq_notify(3): who is told of a message, how, when, and until when. */
#include "tap.h"

#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <sys/syscall.h>

#define NAME "/t_mqnotify"

static volatile sig_atomic_t count;
static siginfo_t last;

static void handle(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    last = *info;
    count++;
}

static mqd_t fresh(void) {
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 64};
    mq_unlink(NAME);
    mqd_t queue = mq_open(NAME, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attr);
    if (queue == (mqd_t)-1)
        bail("mq_open");
    count = 0;
    return queue;
}

static int ask(mqd_t queue, int how, int signal, int value) {
    struct sigevent event = {
        .sigev_notify = how, .sigev_signo = signal, .sigev_value.sival_int = value};
    return mq_notify(queue, &event);
}

/* Whether anybody is registered. */
static bool taken(mqd_t queue) {
    if (ask(queue, SIGEV_NONE, 0, 0) == 0)
        return mq_notify(queue, NULL) != 0;
    return errno == EBUSY;
}

static char text[64];
static void empty(mqd_t queue) {
    while (mq_receive(queue, text, sizeof text, NULL) >= 0)
        continue;
}

static void signals(void) {
    mqd_t queue = fresh();
    is_int(ask(queue, SIGEV_SIGNAL, SIGUSR1, 4711), 0, "a signal is asked for");
    is_errno(ask(queue, SIGEV_SIGNAL, SIGUSR1, 1), EBUSY, "once");
    mq_send(queue, "a", 1, 0);
    is_int(count, 1, "it is there when mq_send returns");
    ok(last.si_signo == SIGUSR1 && last.si_code == SI_MESGQ && last.si_value.sival_int == 4711 &&
           last.si_pid == getpid() && last.si_uid == getuid(),
       "with code, value and whose message it was");
    ok(!taken(queue), "that was all");
    mq_send(queue, "b", 1, 0);
    is_int(count, 1, "no more");
    ask(queue, SIGEV_SIGNAL, SIGUSR1, 2);
    mq_send(queue, "c", 1, 0);
    is_int(count, 1, "none for a queue that is not empty");
    ok(taken(queue), "it is still asked for");
    empty(queue);
    mq_send(queue, "d", 1, 0);
    is_int(count, 2, "when it was empty there is one");
    empty(queue);
    ask(queue, SIGEV_SIGNAL, SIGUSR1, 3);
    pid_t pid = start();
    if (pid == 0)
        _exit(mq_send(queue, "e", 1, 0) != 0);
    is_int(reap_exit(pid), 0, "another process sends");
    ok(count == 3 && last.si_pid == pid && last.si_value.sival_int == 3, "the signal says so");
    empty(queue);
    mq_close(queue);
}

static void none(void) {
    mqd_t queue = fresh();
    is_int(ask(queue, SIGEV_NONE, 0, 0), 0, "nothing is asked for");
    is_errno(ask(queue, SIGEV_SIGNAL, SIGUSR1, 0), EBUSY, "which is a registration, too");
    mq_send(queue, "a", 1, 0);
    ok(count == 0 && !taken(queue), "it ends without a word");
    empty(queue);
    is_int(ask(queue, SIGEV_SIGNAL, 0, 0), 0, "the signal 0");
    mq_send(queue, "a", 1, 0);
    ok(count == 0 && !taken(queue), "is none");
    is_errno(ask(queue, 77, 0, 0), EINVAL, "no such way");
    is_errno(ask(queue, SIGEV_SIGNAL, 65, 0), EINVAL, "no such signal");
    is_errno(ask(queue, SIGEV_SIGNAL, -1, 0), EINVAL, "nor that");
    is_errno(syscall(SYS_mq_notify, queue, nowhere), EFAULT, "bad memory");
    is_int(mq_notify(queue, NULL), 0, "to take back what is not there");
    mq_close(queue);
}

static void others(void) {
    mqd_t queue = fresh();
    int ready[2], go[2];
    char byte;
    if (pipe(ready) < 0 || pipe(go) < 0)
        bail("pipe");
    pid_t pid = start();
    if (pid == 0) {
        ask(queue, SIGEV_SIGNAL, SIGUSR1, 0);
        if (write(ready[1], "r", 1) < 0 || read(go[0], &byte, 1) < 0)
            _exit(1);
        mq_close(queue);
        if (write(ready[1], "c", 1) < 0 || read(go[0], &byte, 1) < 0)
            _exit(1);
        _exit(0);
    }
    if (read(ready[0], &byte, 1) < 0)
        bail("read");
    is_errno(ask(queue, SIGEV_SIGNAL, SIGUSR1, 0), EBUSY, "another process is registered");
    is_int(mq_notify(queue, NULL), 0, "which cannot be taken back by us");
    ok(taken(queue), "it is still there");
    mqd_t again = mq_open(NAME, O_RDONLY);
    mq_close(again);
    ok(taken(queue), "our closing does not end it");
    if (write(go[1], "g", 1) < 0 || read(ready[0], &byte, 1) < 0)
        bail("go");
    ok(!taken(queue), "its own does");
    if (write(go[1], "g", 1) < 0)
        bail("go");
    is_int(reap_exit(pid), 0, "its end");
    pid = start();
    if (pid == 0)
        _exit(ask(queue, SIGEV_SIGNAL, SIGUSR1, 0));
    is_int(reap_exit(pid), 0, "who registers and ends");
    ok(!taken(queue), "is not registered any more");
    ask(queue, SIGEV_NONE, 0, 0);
    again = mq_open(NAME, O_RDONLY);
    ok(taken(queue), "registered");
    mq_close(again);
    ok(!taken(queue), "any descriptor of the queue that its process closes ends it");
    pid = start();
    if (pid == 0) {
        ask(queue, SIGEV_SIGNAL, SIGKILL, 0);
        execl("/proc/self/exe", "t_mqnotify", "sleep", (char *)NULL);
        _exit(9);
    }
    let_block();
    ok(!taken(queue), "so does an exec");
    kill(pid, SIGTERM);
    is_int(WTERMSIG(reap(pid)), SIGTERM, "and the new program gets no signal");
    mq_close(queue);
}

static void receivers(void) {
    mqd_t queue = fresh();
    fcntl(queue, F_SETFL, 0);
    ask(queue, SIGEV_SIGNAL, SIGUSR1, 0);
    pid_t pid = start();
    if (pid == 0)
        _exit(mq_receive(queue, text, sizeof text, NULL) != 1);
    let_block();
    mq_send(queue, "a", 1, 0);
    is_int(reap_exit(pid), 0, "a receiver that waits gets the message");
    is_int(count, 0, "then nobody is told");
    mq_send(queue, "b", 1, 0);
    is_int(count, 1, "but of the next");
    mq_close(queue);
}

/* A new thread, which the C library makes: it waits at a netlink socket. */
static sem_t ran;
static volatile int thread_value;
static void run(union sigval value) {
    thread_value = value.sival_int;
    sem_post(&ran);
}

static void threads(void) {
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_notify_function = run, .sigev_value.sival_int = 815};
    mqd_t queue = fresh();
    sem_init(&ran, 0, 0);
    is_int(mq_notify(queue, &event), 0, "a thread is asked for");
    memset(text, 0, sizeof text);
    pread(queue, text, sizeof text, 0);
    ok(strstr(text, "NOTIFY:2 ") != NULL, "the queue's file says so");
    is_errno(mq_notify(queue, &event), EBUSY, "once");
    mq_send(queue, "a", 1, 0);
    sem_wait(&ran);
    is_int(thread_value, 815, "it runs");
    ok(!taken(queue), "that was all");
    empty(queue);
    event.sigev_value.sival_int = 816;
    is_int(mq_notify(queue, &event), 0, "again");
    is_int(mq_notify(queue, NULL), 0, "and taken back");
    mq_send(queue, "b", 1, 0);
    empty(queue);
    event.sigev_value.sival_int = 817;
    mq_notify(queue, &event);
    mq_send(queue, "c", 1, 0);
    sem_wait(&ran);
    is_int(thread_value, 817, "only the next one runs");
    struct sigevent raw = {
        .sigev_notify = SIGEV_THREAD, .sigev_signo = queue, .sigev_value.sival_ptr = text};
    is_errno(syscall(SYS_mq_notify, queue, &raw), ENOTSOCK, "a queue is no socket");
    raw.sigev_signo = -1;
    is_errno(syscall(SYS_mq_notify, queue, &raw), EBADF, "nor is nothing");
    raw.sigev_value.sival_ptr = nowhere;
    is_errno(syscall(SYS_mq_notify, queue, &raw), EFAULT, "a bad cookie");
    mq_close(queue);
}

#define MANY 100

/* A registration is gone when a descriptor was closed, however many were, also to who closed it. */
static void closed(void) {
    struct mq_attr small = {.mq_maxmsg = 1, .mq_msgsize = 8};
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    mqd_t kept[MANY];
    int refused = 0;
    for (int i = 0; i < MANY; i++) {
        kept[i] = mq_open(NAME, O_CREAT | O_RDWR, 0600, &small);
        mq_unlink(NAME);
    }
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < MANY; i++) {
            dup2(kept[i], 300 + i);
            refused += mq_notify(300 + i, &none) < 0;
        }
        close_range(300, 300 + MANY - 1, 0);
        for (int i = MANY; i-- > 0;)
            refused += mq_notify(kept[i], &none) < 0 || mq_notify(kept[i], NULL) < 0;
    }
    ok(refused == 0, "who closes a descriptor is registered no more, at once");
    for (int i = 0; i < MANY; i++)
        mq_close(kept[i]);
}

int main(int argc, char **argv) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    (void)argv;
    if (argc > 1) {
        pause();
        return 8;
    }
    sigaction(SIGUSR1, &action, NULL);
    signals();
    none();
    others();
    receivers();
    threads();
    closed();
    mq_unlink(NAME);
    return done();
}
