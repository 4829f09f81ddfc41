/* SPDX-License-Identifier: MIT */
/* Rows of threads: making one, waiting for each other in the ways that pthreads have, masks, numbers. */
#include "measure.h"

#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_gettid(void) {
    syscall(SYS_gettid);
}

static void run_sigprocmask(void) {
    sigset_t set;

    sigemptyset(&set);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        die("sigprocmask");
}

static void *come_back(void *argument) {
    return argument;
}

static void run_create_join(void) {
    pthread_t thread;

    if (pthread_create(&thread, NULL, come_back, NULL) || pthread_join(thread, NULL))
        die("pthread_create");
}

/* ---- A partner, whom a row wakes and waits for. ---- */

static pthread_t partner;
static uint32_t there, back, over;

static long futex(uint32_t *word, int operation, uint32_t value) {
    return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void await_change(uint32_t *word, uint32_t old) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == old)
        futex(word, FUTEX_WAIT, old);
}

static void change(uint32_t *word) {
    __atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
    futex(word, FUTEX_WAKE, 1);
}

static void *serve_words(void *unused) {
    for (uint32_t seen = 0;; seen++) {
        await_change(&there, seen);
        if (over)
            return unused;
        change(&back);
    }
}

static void begin(void *(*serve)(void *)) {
    over = there = back = 0;
    if (pthread_create(&partner, NULL, serve, NULL))
        die("pthread_create");
}

static void setup_words(size_t total) {
    (void)total;
    begin(serve_words);
}

static void run_words(void) {
    uint32_t old = back;

    change(&there);
    await_change(&back, old);
}

static void teardown_words(void) {
    over = 1;
    change(&there);
    pthread_join(partner, NULL);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn; /* whose: 0 or 1 */

static void take_turn(int own) {
    pthread_mutex_lock(&mutex);
    while (turn != own && !over)
        pthread_cond_wait(&changed, &mutex);
    turn = !own;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static void *serve_turns(void *unused) {
    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE))
        take_turn(1);
    return unused;
}

static void setup_turns(size_t total) {
    (void)total;
    begin(serve_turns);
}

static void run_turn(void) {
    take_turn(0);
}

static void teardown_turns(void) {
    pthread_mutex_lock(&mutex);
    over = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    pthread_join(partner, NULL);
}

static void run_mutex(void) {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

/* ---- POSIX semaphores, of two processes. ---- */

static sem_t *semaphores; /* there, back */
static pid_t other;

static void setup_semaphores(size_t total) {
    semaphores = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (semaphores == MAP_FAILED || sem_init(&semaphores[0], 1, 0) ||
        sem_init(&semaphores[1], 1, 0))
        die("sem_init");
    other = fork();
    if (other < 0)
        die("fork");
    if (other)
        return;
    for (size_t i = 0; i < total; i++) {
        sem_wait(&semaphores[0]);
        sem_post(&semaphores[1]);
    }
    _exit(0);
}

static void run_semaphores(void) {
    sem_post(&semaphores[0]);
    sem_wait(&semaphores[1]);
}

static void teardown_semaphores(void) {
    waitpid(other, NULL, 0);
    munmap(semaphores, 4096);
}

static sem_t own;

static void setup_own(size_t total) {
    (void)total;
    sem_init(&own, 0, 0);
}

static void run_own(void) {
    sem_post(&own);
    sem_wait(&own);
}

const struct row thread_rows[] = {
    {"gettid", 2000, NULL, NULL, run_gettid, NULL, 1},
    {"sigprocmask", 2000, NULL, NULL, run_sigprocmask, NULL, 1},
    {"thread_create_join", 500, NULL, NULL, run_create_join, NULL, 1},
    {"thread_futex_rt", 1000, setup_words, NULL, run_words, teardown_words, 1},
    {"cond_rt", 1000, setup_turns, NULL, run_turn, teardown_turns, 1},
    {"mutex_pair", 2000, NULL, NULL, run_mutex, NULL, 1},
    {"posix_sem_rt", 1000, setup_semaphores, NULL, run_semaphores, teardown_semaphores, 1},
    {"posix_sem_pair", 2000, setup_own, NULL, run_own, NULL, 1},
};
const size_t thread_row_count = sizeof(thread_rows) / sizeof(thread_rows[0]);
