/* SPDX-License-Identifier: MIT */
/*
 * A process with hundreds of threads that is stopped and continued: all of them stop before that is told, all go on, however
 * often it is stopped and continued meanwhile, and whatever ends it or them.
 */
#include "tap.h"

#include <pthread.h>
#include <sys/mman.h>

#define THREADS 400
#define FLIPS 100
#define MUTEXES 2000

struct counts {
    volatile unsigned turns[THREADS];
    volatile unsigned ready, made;
};
static struct counts *counts;

static void *take_turns(void *argument) {
    const struct timespec pause = {0, 5000000};
    volatile unsigned *turns = argument;
    __atomic_fetch_add(&counts->ready, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        ++*turns;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void *come_back(void *argument) {
    return argument;
}

/* So many threads that go on for ever, and others that come and go. */
static void run_threads(void) {
    pthread_attr_t small;
    pthread_t thread;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 32768);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread, &small, take_turns, (void *)&counts->turns[i]))
            _exit(1);
    for (;; counts->made++)
        if (pthread_create(&thread, &small, come_back, NULL) || pthread_join(thread, NULL))
            _exit(2);
}

static pid_t start_threads(void) {
    counts->ready = 0;
    pid_t child = start();
    if (child == 0)
        run_threads();
    while (counts->ready < THREADS)
        usleep(1000);
    return child;
}

static unsigned sum_of(unsigned *turns) {
    unsigned sum = 0;
    for (int i = 0; i < THREADS; i++)
        sum += turns[i] = counts->turns[i];
    return sum;
}

static bool is_at_rest(void) {
    static unsigned then[THREADS], now[THREADS];
    unsigned made = counts->made, sum = sum_of(then);
    usleep(50000);
    return sum_of(now) == sum && counts->made == made;
}

/* Each of them, within a minute. */
static bool all_go_on(void) {
    static unsigned then[THREADS], now[THREADS];
    unsigned made = counts->made;
    sum_of(then);
    for (int tenths = 0; tenths < 600; tenths++) {
        int behind = counts->made == made;
        usleep(100000);
        sum_of(now);
        for (int i = 0; i < THREADS; i++)
            behind += now[i] == then[i];
        if (!behind)
            return true;
    }
    return false;
}

static bool stops(pid_t child) {
    int status;
    return waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) &&
           WSTOPSIG(status) == SIGSTOP;
}

static void test_stops(pid_t child) {
    int status;
    kill(child, SIGSTOP);
    ok(stops(child) && is_at_rest(), "when it is told that it has stopped, all threads have");
    kill(child, SIGCONT);
    ok(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status), "it goes on,");
    ok(all_go_on(), "and all of them do");
    for (int i = 0; i < FLIPS; i++) {
        kill(child, SIGSTOP);
        kill(child, SIGCONT);
    }
    ok(all_go_on(), "stopped and continued in a row, in the end all go on");
    while (waitpid(child, &status, WUNTRACED | WCONTINUED | WNOHANG) > 0)
        continue;
    for (int i = 0; i < FLIPS; i++) {
        kill(child, SIGCONT);
        kill(child, SIGSTOP);
    }
    while (!stops(child))
        continue;
    ok(is_at_rest(), "or all stop");
}

static void test_ends(pid_t child) {
    kill(child, SIGTERM);
    ok(is_at_rest(), "a signal that ends it waits for it to go on");
    kill(child, SIGCONT);
    int status = reap(child);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "and ends it then");
    child = start_threads();
    kill(child, SIGSTOP);
    kill(child, SIGKILL);
    status = reap(child);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "it is killed while it stops");
    child = start_threads();
    kill(child, SIGSTOP);
    kill(child, SIGCONT);
    kill(child, SIGKILL);
    status = reap(child);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "or while it goes on");
}

/* So its end takes a while. */
static int holds_many(void) {
    static pthread_mutex_t mutexes[MUTEXES];
    pthread_mutexattr_t robust;
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < MUTEXES; i++)
        if (pthread_mutex_init(&mutexes[i], &robust) || pthread_mutex_lock(&mutexes[i]))
            return 1;
    counts->ready = THREADS;
    for (;;)
        pause();
}

/* That it went on is there to be told; but then it ends, and that is. */
static void test_events(void) {
    counts->ready = 0;
    pid_t child = start();
    if (child == 0)
        _exit(holds_many());
    while (counts->ready < THREADS)
        usleep(1000);
    kill(child, SIGSTOP);
    stops(child);
    kill(child, SIGCONT);
    kill(child, SIGKILL);
    int status = reap(child);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "who goes on and ends has ended");
    usleep(200000); /* what is left of it */
}

int main(void) {
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = start_threads();
    test_stops(child);
    test_ends(child);
    test_events();
    return done();
}
