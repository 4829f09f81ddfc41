/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues that are waited for, the same as on Linux: several processes send, receive and poll, by turns that one
 * hands out; they wait, and are let go on by each other, interrupted, killed, or out of time. After each turn it is
 * found out who waits still and what the others got; all that goes into one hash a seed, and what Linux gives stands below.
 *
 * Whether a process waits in its call is not guessed by time: it sleeps, whoever could be working for it has answered the one
 * who asks meanwhile, and it has not run in between. Deadlines are long past, never, or soon: those are waited for.
 */
#include "tap.h"

#include "futex.h"
#include "same.h"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define TURNS 1500
#define WORKERS 6
#define QUEUES 3
#define BASE 100 /* the first queue's descriptor */
#define SIZE 100 /* of the longest text */
#define NOTICE SIGRTMIN

/* Linux 6.18. */
static const uint64_t linux_hash[] = {
    0x05b70edbac7db0bf, 0x8faaf27f77a2c20e, 0xd986779e1d972d0a, 0x1338a06ca9de0b6a,
    0xa381650722969eec, 0x4b717ff2c259c35b, 0xc2ff22421197fb4c, 0xe065edf90a287366,
};

enum phase { IDLE, ORDERED, CALLING, DONE };
enum call { SEND, RECEIVE, POLL, NOTIFY };
enum until { NEVER, PAST, SOON };

/* What a worker is to do, and what came of it: in memory that it shares with who hands out the turns. */
struct worker {
    volatile uint32_t phase;
    volatile uint32_t handled; /* signals */
    enum call call;
    enum until until;
    int queue, events;
    unsigned priority;
    size_t length;
    uint64_t serial;
    long result;
    int error;
    uint64_t said; /* a hash of what it was told besides */
    /* Its controller's own. */
    pid_t pid;
    int stat, schedstat; /* its files in /proc */
};

static struct worker *workers;
static uint64_t serial; /* of calls */

/* ---- The workers -------------------------------------------------------------------------- */

static struct worker *self;

static void handle(int signal) {
    (void)signal;
    self->handled++;
}

static const struct timespec *deadline(enum until until) {
    static struct timespec at;
    if (until == NEVER)
        return NULL;
    at = (struct timespec){1, 0};
    if (until == SOON) {
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_nsec += 2000000;
        at.tv_sec += at.tv_nsec / 1000000000;
        at.tv_nsec %= 1000000000;
    }
    return &at;
}

static void say(uint64_t value) {
    self->said = (self->said ^ value) * 1099511628211u;
}

static long send_one(int fd) {
    char text[SIZE];
    for (size_t i = 0; i < self->length; i++)
        text[i] = (char)(self->serial + i);
    return syscall(SYS_mq_timedsend, fd, text, self->length, self->priority, deadline(self->until));
}

static long receive_one(int fd) {
    char text[SIZE];
    unsigned priority = 0;
    long got =
        syscall(SYS_mq_timedreceive, fd, text, sizeof text, &priority, deadline(self->until));
    say(priority);
    for (long i = 0; i < got; i++)
        say((unsigned char)text[i]);
    return got;
}

static long poll_one(int fd) {
    struct pollfd entry = {.fd = fd, .events = (short)self->events};
    long got = poll(&entry, 1, self->until == NEVER ? -1 : self->until == SOON ? 2 : 0);
    say((uint64_t)entry.revents);
    return got;
}

static long notify_one(int fd) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = NOTICE};
    event.sigev_value.sival_int = (int)self->serial;
    return syscall(SYS_mq_notify, fd, self->serial % 4 ? &event : NULL);
}

/* Those that have come since the last call: they are blocked. */
static void fetch_notices(void) {
    siginfo_t info;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, NOTICE);
    while (sigtimedwait(&set, &info, &(struct timespec){0, 0}) == NOTICE) {
        say((uint64_t)info.si_code);
        say((uint64_t)info.si_value.sival_int);
        for (int i = 0; i < WORKERS; i++)
            if (workers[i].pid == info.si_pid)
                say((uint64_t)i);
    }
}

static void work(void) {
    static long (*const calls[])(int fd) = {send_one, receive_one, poll_one, notify_one};
    for (uint32_t phase; (phase = self->phase) != ORDERED;)
        futex_wait(&self->phase, phase);
    self->said = 0;
    fetch_notices();
    __atomic_store_n(&self->phase, CALLING, __ATOMIC_SEQ_CST);
    errno = 0;
    self->result = calls[self->call](BASE + self->queue);
    self->error = self->result < 0 ? errno : 0;
    __atomic_store_n(&self->phase, DONE, __ATOMIC_SEQ_CST);
}

static void become_worker(struct worker *worker) {
    struct sigaction action = {.sa_handler = handle};
    sigset_t set;
    self = worker;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, NOTICE);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (;;)
        work();
}

/* ---- Who hands out the turns -------------------------------------------------------------- */

static int open_proc(pid_t pid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        bail(path);
    return fd;
}

static void start_worker(struct worker *worker) {
    worker->phase = IDLE;
    worker->handled = 0;
    pid_t pid = start();
    if (pid == 0)
        become_worker(worker);
    worker->pid = pid;
    worker->stat = open_proc(worker->pid, "stat");
    worker->schedstat = open_proc(worker->pid, "schedstat");
}

static void end_worker(struct worker *worker) {
    kill(worker->pid, SIGKILL);
    reap(worker->pid);
    close(worker->stat);
    close(worker->schedstat);
}

/* The text of a file in /proc as it is now. */
static const char *look(int fd) {
    static char text[512];
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = 0;
    return text;
}

static char state(const struct worker *worker) {
    const char *behind = strrchr(look(worker->stat), ')');
    return behind && behind[1] ? behind[2] : '?';
}

static unsigned long long run_time(const struct worker *worker) {
    return strtoull(look(worker->schedstat), NULL, 10);
}

static long waiting_messages(int queue) {
    struct mq_attr attr;
    if (mq_getattr(BASE + queue, &attr) < 0)
        bail("mq_getattr");
    return attr.mq_curmsgs;
}

/* It sleeps, and has not run while everybody was asked who could be working for it. */
static bool sleeps(const struct worker *worker) {
    unsigned long long before = run_time(worker);
    if (state(worker) != 'S')
        return false;
    waiting_messages(worker->queue);
    return state(worker) == 'S' && run_time(worker) == before;
}

/* Until it waits in its call, or is through with it. */
static void settle(const struct worker *worker) {
    while (worker->phase != DONE && !(worker->phase == CALLING && sleeps(worker)))
        sched_yield();
}

/* Whose turn it is first: what it does when it goes on may let others go on. */
static void settle_all(const struct worker *first) {
    if (first->phase == CALLING)
        settle(first);
    for (int i = 0; i < WORKERS; i++)
        if (workers[i].phase == CALLING)
            settle(&workers[i]);
}

static void order(struct worker *worker) {
    worker->call = one_in(12) ? POLL : one_in(16) ? NOTIFY : one_in(2) ? SEND : RECEIVE;
    worker->until = one_in(12) ? PAST : one_in(12) ? SOON : NEVER;
    worker->queue = (int)any(QUEUES);
    worker->events = one_in(2) ? POLLIN : POLLOUT;
    worker->priority = (unsigned)any(3);
    worker->length = one_in(3) ? 65 + (size_t)any(SIZE - 64) : (size_t)any(65);
    worker->serial = ++serial;
    __atomic_store_n(&worker->phase, ORDERED, __ATOMIC_SEQ_CST);
    futex_wake(&worker->phase, 1);
    settle(worker);
    while (worker->until != NEVER && worker->phase != DONE)
        sched_yield();
}

/* A call that waits is interrupted, and ends or begins anew as the signal's handler was set. */
static void interrupt(struct worker *worker, int signal) {
    uint32_t before = worker->handled;
    kill(worker->pid, signal);
    while (worker->handled == before || (signal == SIGUSR1 && worker->phase != DONE))
        sched_yield();
}

static void disturb(struct worker *worker) {
    switch (any(5)) {
    case 0:
        end_worker(worker);
        start_worker(worker);
        break;
    case 1:
        interrupt(worker, SIGUSR2);
        break;
    case 2:
        interrupt(worker, SIGUSR1);
        break;
    default: /* it waits on */
        break;
    }
}

static void fold_worker(int number) {
    struct worker *worker = &workers[number];
    if (worker->phase == CALLING)
        fold('s');
    if (worker->phase != DONE)
        return;
    fold((uint64_t)number);
    fold((uint64_t)worker->result);
    fold((uint64_t)worker->error);
    fold(worker->said);
    worker->phase = IDLE;
}

static void take_turn(void) {
    struct worker *worker = &workers[any(WORKERS)];
    if (worker->phase == CALLING)
        disturb(worker);
    else
        order(worker);
    settle_all(worker);
    for (int i = 0; i < WORKERS; i++)
        fold_worker(i);
    for (int i = 0; i < QUEUES; i++)
        fold((uint64_t)waiting_messages(i));
}

static void open_queues(void) {
    for (int i = 0; i < QUEUES; i++) {
        struct mq_attr attr = {.mq_maxmsg = 1 + (long)any(3), .mq_msgsize = SIZE};
        mq_unlink("/t_mqturns");
        int fd = mq_open("/t_mqturns", O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
        if (fd < 0 || dup2(fd, BASE + i) < 0)
            bail("mq_open");
        close(fd);
    }
    mq_unlink("/t_mqturns");
}

static uint64_t run(uint64_t seed, bool verbose) {
    same_begin(seed);
    serial = 0;
    open_queues();
    for (int i = 0; i < WORKERS; i++)
        start_worker(&workers[i]);
    for (int turn = 0; turn < TURNS; turn++) {
        take_turn();
        if (verbose)
            printf("# %d %016llx\n", turn, (unsigned long long)hash);
    }
    for (int i = 0; i < WORKERS; i++)
        end_worker(&workers[i]);
    return hash;
}

int main(int argc, char **argv) {
    workers = mmap(NULL, WORKERS * sizeof *workers, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (workers == MAP_FAILED)
        bail("mmap");
    return same_as(linux_hash, ARRAY_LENGTH(linux_hash), TURNS, run, argc, argv);
}
