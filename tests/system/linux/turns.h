/* SPDX-License-Identifier: MIT */
/*
 * For programs that compare with Linux how processes wait for each other (same.h): several workers make calls by turns that
 * one hands out. They wait, and are let go on by each other, interrupted, killed, or out of time. After each turn it is found
 * out who waits still and what the others got, and all that goes into the hash.
 *
 * Whether a process waits in its call is not guessed by time: it sleeps, whoever could be working for it has answered the one
 * who asks meanwhile, and it has not run in between. So the schedule is the same on every system. What has a deadline is waited
 * for.
 *
 * The program says what calls there are: before this is included, struct order; behind, the functions declared here.
 */
#ifndef TURNS_H
#define TURNS_H

#include "futex.h"
#include "same.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define WORKERS 6

enum phase { IDLE, ORDERED, CALLING, DONE };

/* What a worker is to do, and what came of it: in memory that it shares with who hands out the turns. */
struct worker {
    volatile uint32_t phase;
    volatile uint32_t handled; /* signals */
    struct order order;
    long result;
    int error;
    uint64_t said; /* a hash of what it was told besides */
    /* Its controller's own. */
    pid_t pid;
    int stat, schedstat; /* its files in /proc */
};

static struct worker *workers, *self;

/* The program's: makes up an order; carries one out, as a system call does; whether it ends by itself soon. */
static void turn_order(struct order *order);
static long turn_call(const struct order *order);
static bool turn_ends(const struct order *order);
/* Before a worker's call. */
static void turn_before_call(void);
/* Asks all who could be working for a worker, each of whom answers in the order that he is asked. */
static void turn_ask(void);
/* What all can see goes into the hash. */
static void turn_fold(void);

/* ---- The workers -------------------------------------------------------------------------- */

static inline void say(uint64_t value) {
    self->said = (self->said ^ value) * 1099511628211u;
}

static inline void turn_handle(int signal) {
    (void)signal;
    self->handled++;
}

static inline void turn_work(void) {
    for (uint32_t phase; (phase = self->phase) != ORDERED;)
        futex_wait(&self->phase, phase);
    self->said = 0;
    turn_before_call();
    __atomic_store_n(&self->phase, CALLING, __ATOMIC_SEQ_CST);
    errno = 0;
    self->result = turn_call(&self->order);
    self->error = self->result < 0 ? errno : 0;
    __atomic_store_n(&self->phase, DONE, __ATOMIC_SEQ_CST);
}

static inline void turn_become_worker(struct worker *worker) {
    struct sigaction action = {.sa_handler = turn_handle};
    self = worker;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, NULL);
    for (;;)
        turn_work();
}

/* ---- Who hands out the turns -------------------------------------------------------------- */

static inline int turn_open(pid_t pid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        bail(path);
    return fd;
}

static inline void turn_start(struct worker *worker) {
    worker->phase = IDLE;
    worker->handled = 0;
    pid_t pid = start();
    if (pid == 0)
        turn_become_worker(worker);
    worker->pid = pid;
    worker->stat = turn_open(pid, "stat");
    worker->schedstat = turn_open(pid, "schedstat");
}

static inline void turn_end(struct worker *worker) {
    kill(worker->pid, SIGKILL);
    reap(worker->pid);
    close(worker->stat);
    close(worker->schedstat);
}

/* The text of a file in /proc as it is now. */
static inline const char *turn_look(int fd) {
    static char text[512];
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = 0;
    return text;
}

static inline bool turn_sleeps(const struct worker *worker) {
    const char *behind = strrchr(turn_look(worker->stat), ')');
    return behind && behind[1] && behind[2] == 'S';
}

static inline unsigned long long turn_run_time(const struct worker *worker) {
    return strtoull(turn_look(worker->schedstat), NULL, 10);
}

/* It sleeps, and has not run while everybody was asked who could be working for it. */
static inline bool turn_waits(const struct worker *worker) {
    unsigned long long before = turn_run_time(worker);
    if (!turn_sleeps(worker))
        return false;
    turn_ask();
    return turn_sleeps(worker) && turn_run_time(worker) == before;
}

/* Until it waits in its call, or is through with it. */
static inline void turn_settle(const struct worker *worker) {
    while (worker->phase != DONE && !(worker->phase == CALLING && turn_waits(worker)))
        sched_yield();
}

static inline int turn_done(void) {
    int done = 0;
    for (int i = 0; i < WORKERS; i++)
        done += workers[i].phase == DONE;
    return done;
}

/* Until nobody has gone on: one who does may let others go on. */
static inline void turn_settle_all(void) {
    int before;
    do {
        before = turn_done();
        for (int i = 0; i < WORKERS; i++)
            if (workers[i].phase == CALLING)
                turn_settle(&workers[i]);
    } while (turn_done() != before);
}

static inline void turn_give(struct worker *worker) {
    turn_order(&worker->order);
    __atomic_store_n(&worker->phase, ORDERED, __ATOMIC_SEQ_CST);
    futex_wake(&worker->phase, 1);
    turn_settle(worker);
    while (turn_ends(&worker->order) && worker->phase != DONE)
        sched_yield();
}

/* A call that waits is interrupted, and ends or begins anew as the signal's handler was set. */
static inline void turn_interrupt(struct worker *worker, int signal) {
    uint32_t before = worker->handled;
    kill(worker->pid, signal);
    while (worker->handled == before || (signal == SIGUSR1 && worker->phase != DONE))
        sched_yield();
}

static inline void turn_disturb(struct worker *worker) {
    switch (any(5)) {
    case 0:
        turn_end(worker);
        turn_start(worker);
        break;
    case 1:
        turn_interrupt(worker, SIGUSR2);
        break;
    case 2:
        turn_interrupt(worker, SIGUSR1);
        break;
    default: /* it waits on */
        break;
    }
}

static inline void turn_fold_worker(int number) {
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

static inline void turn_take(void) {
    struct worker *worker = &workers[any(WORKERS)];
    if (worker->phase == CALLING)
        turn_disturb(worker);
    else
        turn_give(worker);
    turn_settle_all();
    for (int i = 0; i < WORKERS; i++)
        turn_fold_worker(i);
    turn_fold();
}

static inline uint64_t turns_run(int turns, bool verbose) {
    for (int i = 0; i < WORKERS; i++)
        turn_start(&workers[i]);
    for (int turn = 0; turn < turns; turn++) {
        turn_take();
        if (verbose)
            printf("# %d %016llx\n", turn, (unsigned long long)hash);
    }
    for (int i = 0; i < WORKERS; i++)
        turn_end(&workers[i]);
    return hash;
}

/* Before all else. */
static inline void turns_setup(void) {
    workers = mmap(NULL, WORKERS * sizeof *workers, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (workers == MAP_FAILED)
        bail("mmap");
}

#endif
