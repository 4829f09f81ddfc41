/* SPDX-License-Identifier: MIT */
/*
 * Priority inheritance (pthread_mutexattr_setprotocol(3), futex(2)): who has a lock is as urgent as whoever waits for it, along
 * chains, and no longer than that; and the inversion that there is without it. As root; all on one hart, on Linux too
 * (there with sched_rt_runtime_us as it is by default).
 *
 * Low, middle and high are real-time threads. Each writes down a letter when it has come to an end.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "futex.h"
#include "tap.h"

enum { LOW = 10, BETWEEN = 15, MIDDLE = 20, HIGH = 30, MAIN = 50 };
#define WORK_MS 10u
#define LONG_MS 150u /* long enough for anything else to be done, if it may be */

static struct shared {
    pthread_mutex_t first, second;
    sem_t locked;      /* a thread has taken its lock */
    sem_t low, middle; /* they may go on */
    char order[16];
    unsigned count;
} * shared;

static void note(char letter) {
    shared->order[__atomic_fetch_add(&shared->count, 1, __ATOMIC_SEQ_CST)] = letter;
}

static void compute(unsigned ms) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    long long end = t.tv_sec * 1000000000ll + t.tv_nsec + ms * 1000000ll;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    while (t.tv_sec * 1000000000ll + t.tv_nsec < end);
}

static void begin(int protocol) {
    pthread_mutexattr_t attr;
    if (pthread_mutexattr_init(&attr) || pthread_mutexattr_setprotocol(&attr, protocol) ||
        pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) ||
        pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) ||
        pthread_mutex_init(&shared->first, &attr) || pthread_mutex_init(&shared->second, &attr) ||
        sem_init(&shared->locked, 1, 0) || sem_init(&shared->low, 1, 0) ||
        sem_init(&shared->middle, 1, 0))
        bail("locks");
    memset(shared->order, 0, sizeof shared->order);
    shared->count = 0;
}

static pthread_t thread(int priority, void *(*function)(void *), void *argument) {
    struct sched_param param = {.sched_priority = priority};
    pthread_attr_t attr;
    pthread_t t;
    if (pthread_attr_init(&attr) || pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) ||
        pthread_attr_setschedpolicy(&attr, SCHED_FIFO) ||
        pthread_attr_setschedparam(&attr, &param) || pthread_create(&t, &attr, function, argument))
        bail("pthread_create");
    pthread_attr_destroy(&attr);
    return t;
}

static void join(pthread_t t) {
    if (pthread_join(t, NULL))
        bail("pthread_join");
}

static void await(sem_t *sem) {
    while (sem_wait(sem) < 0)
        ;
}

/* Somebody waits for the lock: the word of a robust one says so. */
static void await_waiter(const pthread_mutex_t *lock) {
    while (!(__atomic_load_n((const unsigned *)lock, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
        sleep_ms(1);
}

/* Takes a lock and gives it up when it has done its work. */
static void *has_first(void *unused) {
    (void)unused;
    pthread_mutex_lock(&shared->first);
    sem_post(&shared->locked);
    await(&shared->low);
    compute(WORK_MS);
    note('L');
    pthread_mutex_unlock(&shared->first);
    return NULL;
}

/* The same; its work is others': servers do it, beside threads that keep the hart busy. */
static void *has_first_and_calls(void *unused) {
    char byte;
    int ends[2];
    (void)unused;
    pthread_mutex_lock(&shared->first);
    sem_post(&shared->locked);
    await(&shared->low);
    for (unsigned i = 0; i < 50; i++)
        if (pipe(ends) < 0 || write(ends[1], "", 1) != 1 || read(ends[0], &byte, 1) != 1 ||
            close(ends[0]) < 0 || close(ends[1]) < 0)
            bail("pipe");
    note('L');
    pthread_mutex_unlock(&shared->first);
    return NULL;
}

/* Takes one lock and waits for the other. */
static void *has_second(void *unused) {
    (void)unused;
    pthread_mutex_lock(&shared->second);
    sem_post(&shared->locked);
    pthread_mutex_lock(&shared->first);
    note('B');
    pthread_mutex_unlock(&shared->first);
    pthread_mutex_unlock(&shared->second);
    return NULL;
}

static void *wants(void *lock) {
    pthread_mutex_lock(lock);
    note('H');
    pthread_mutex_unlock(lock);
    return NULL;
}

static void *busy(void *unused) {
    (void)unused;
    await(&shared->middle);
    compute(LONG_MS);
    note('M');
    return NULL;
}

/* Low has a lock. */
static pthread_t begin_low(int protocol, void *(*function)(void *)) {
    begin(protocol);
    pthread_t low = thread(LOW, function, NULL);
    await(&shared->locked);
    return low;
}

/* Middle goes on, then low; both to their ends. */
static void go_on(pthread_t low) {
    pthread_t middle = thread(MIDDLE, busy, NULL);
    sem_post(&shared->middle);
    sem_post(&shared->low);
    join(middle);
    join(low);
}

/* Low has the lock that high wants; middle wants nothing but time. */
static const char *classic(int protocol, void *(*what_low_does)(void *)) {
    pthread_t low = begin_low(protocol, what_low_does);
    pthread_t high = thread(HIGH, wants, &shared->first);
    await_waiter(&shared->first);
    go_on(low);
    join(high);
    return shared->order;
}

static void is_order(const char *got, const char *want, const char *what) {
    if (!ok(!strcmp(got, want), "%s", what))
        printf("# %s, not %s\n", got, want);
}

static void test_classic(void) {
    is_order(classic(PTHREAD_PRIO_NONE, has_first), "MLH",
             "without inheritance middle keeps high off");
    is_order(classic(PTHREAD_PRIO_INHERIT, has_first), "LHM",
             "with it low is done first, then high");
    is_order(classic(PTHREAD_PRIO_INHERIT, has_first_and_calls), "LHM",
             "and if low makes system calls");
}

static void test_chain(void) {
    pthread_t low = begin_low(PTHREAD_PRIO_INHERIT, has_first);
    pthread_t between = thread(BETWEEN, has_second, NULL);
    await(&shared->locked);
    await_waiter(&shared->first);
    pthread_t high = thread(HIGH, wants, &shared->second);
    await_waiter(&shared->second);
    go_on(low);
    join(high);
    join(between);
    is_order(shared->order, "LBHM", "along two locks");
}

static void *gives_up(void *unused) {
    struct timespec at;
    (void)unused;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += 10000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    if (pthread_mutex_timedlock(&shared->first, &at) == ETIMEDOUT)
        note('T');
    return NULL;
}

static void test_timeout(void) {
    pthread_t low = begin_low(PTHREAD_PRIO_INHERIT, has_first);
    join(thread(HIGH, gives_up, NULL));
    go_on(low);
    is_order(shared->order, "TML", "high gives up waiting, and low is low again");
}

/* A process that waits is killed, and lends nothing any more. */
static void test_death(void) {
    pthread_t low = begin_low(PTHREAD_PRIO_INHERIT, has_first);
    pid_t child = start();
    if (child == 0) {
        struct sched_param param = {.sched_priority = HIGH};
        if (sched_setscheduler(0, SCHED_FIFO, &param) == 0)
            pthread_mutex_lock(&shared->first);
        _exit(1);
    }
    await_waiter(&shared->first);
    kill(child, SIGKILL);
    reap(child);
    go_on(low);
    is_order(shared->order, "ML", "high is killed, and low is low again");
}

/* The owner ends with the lock: the most urgent gets it, and is told. */
static void *dies(void *unused) {
    (void)unused;
    pthread_mutex_lock(&shared->first);
    sem_post(&shared->locked);
    await(&shared->low);
    return NULL;
}

#define WAITERS 5
static pid_t tids[WAITERS];

static void *inherits(void *letter) {
    char own = *(const char *)letter;
    __atomic_store_n(&tids[own - 'a'], (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
    int error = pthread_mutex_lock(&shared->first);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(&shared->first);
    note(error == EOWNERDEAD ? '!' : ' ');
    note(own);
    pthread_mutex_unlock(&shared->first);
    return NULL;
}

/* It has begun, and sleeps: it has nothing to wait for but the lock. */
static void await_blocked(const pid_t *tid) {
    char state = 0, path[64];
    while (state != 'S') {
        snprintf(path, sizeof path, "/proc/self/task/%d/stat",
                 __atomic_load_n(tid, __ATOMIC_SEQ_CST));
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%*d %*[^)]) %c", &state) != 1)
            state = 0;
        if (file)
            fclose(file);
        sleep_ms(1);
    }
}

/* Those who wait get it by their priorities, and these may change meanwhile. */
static void test_order(void) {
    static const int priorities[WAITERS] = {12, 14, 14, 11, 13};
    static const char letters[] = "abcde";
    struct sched_param param = {.sched_priority = 16};
    pthread_t low = begin_low(PTHREAD_PRIO_INHERIT, dies), waiters[WAITERS];
    for (unsigned i = 0; i < WAITERS; i++) {
        waiters[i] = thread(priorities[i], inherits, (void *)&letters[i]);
        await_blocked(&tids[i]);
    }
    ok(pthread_setschedparam(waiters[3], SCHED_FIFO, &param) == 0, "one becomes more urgent");
    param.sched_priority = 11;
    ok(pthread_setschedparam(waiters[1], SCHED_FIFO, &param) == 0, "and one less");
    sem_post(&shared->low);
    join(low);
    for (unsigned i = 0; i < WAITERS; i++)
        join(waiters[i]);
    is_order(shared->order, "!d c e a b", "they get it by priority");
}

static bool donation(const char *text) {
    int fd = open("/proc/sys/kernel/sched_donation", O_WRONLY);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return done;
}

/* Parley's own. */
static void test_switch(void) {
    ok(donation("0\n"), "donation is switched off");
    is_order(classic(PTHREAD_PRIO_INHERIT, has_first), "MLH", "and middle keeps high off");
    ok(!donation("2\n"), "another number is refused");
    ok(donation("1\n"), "donation is switched on");
    is_order(classic(PTHREAD_PRIO_INHERIT, has_first), "LHM", "and middle does not any more");
}

int main(void) {
    struct sched_param param = {.sched_priority = MAIN};
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || sched_setaffinity(0, sizeof cpus, &cpus) < 0 ||
        sched_setscheduler(0, SCHED_FIFO, &param) < 0)
        bail("one hart and SCHED_FIFO, as root");
    test_classic();
    test_chain();
    test_timeout();
    test_death();
    test_order();
    if (on_parley())
        test_switch();
    return done();
}
