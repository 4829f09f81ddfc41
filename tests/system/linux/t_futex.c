/* SPDX-License-Identifier: MIT */
/*
 * futex(2) between processes: what a word is (shared memory at different addresses, private memory), who is woken,
 * in which order, requeueing, FUTEX_WAKE_OP, time-outs and errors.
 */
#include "futex.h"
#include "tap.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/shm.h>

#define MS 1000000l
#define LONG_TIME 30 /* seconds: only a lost wake-up waits so long */

static volatile uint32_t *shared;

static const struct timespec long_time = {LONG_TIME, 0};

/* Children that wait at a word say by their exit status what came of it. */
static pid_t waiter(volatile uint32_t *word, uint32_t value, uint32_t bitset) {
    pid_t pid = start();

    if (pid == 0) {
        struct timespec at;

        clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_sec += LONG_TIME;
        long result = futex(word, FUTEX_WAIT_BITSET, value, &at, NULL, bitset);
        _exit(result == 0 ? 0 : errno);
    }
    let_block();
    return pid;
}

static void test_errors(void) {
    static volatile uint32_t word = 5;
    struct timespec bad = {0, 1000000000}, negative = {-1, 0}, none = {0, 0};

    is_errno(futex_wait(&word, 4), EAGAIN, "another value");
    is_errno(futex((volatile uint32_t *)((char *)&word + 2), FUTEX_WAIT, 5, NULL, NULL, 0), EINVAL,
             "a word that is not aligned");
    is_errno(futex((volatile uint32_t *)((char *)&word + 1), FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL,
             "a word that is not aligned, to be woken");
    is_errno(futex_wait(nowhere, 0), EFAULT, "a word that is not there");
    is_errno(futex_wake(nowhere, 1), EFAULT, "a shared word that is not there, to be woken");
    is_int(futex(nowhere, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0,
           "a private word that is not there: nobody waits at it");
    is_errno(futex(&word, FUTEX_WAIT_BITSET, 5, NULL, NULL, 0), EINVAL, "no bits to wait for");
    is_errno(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL, "no bits to wake");
    is_errno(futex(&word, 99, 0, NULL, NULL, 0), ENOSYS, "an unknown operation");
    is_errno(futex(&word, FUTEX_FD, 0, NULL, NULL, 0), ENOSYS, "FUTEX_FD, which is gone");
    is_errno(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS,
             "a clock for what has no time-out");
    is_errno(futex(&word, FUTEX_WAIT, 5, &bad, NULL, 0), EINVAL, "too many nanoseconds");
    is_errno(futex(&word, FUTEX_WAIT, 5, &negative, NULL, 0), EINVAL, "a negative time-out");
    is_errno(futex(&word, FUTEX_WAIT, 5, nowhere, NULL, 0), EFAULT, "no time-out there");
    is_errno(futex(&word, FUTEX_WAIT, 5, &none, NULL, 0), ETIMEDOUT, "no time at all");
    is_errno(futex(&word, FUTEX_WAIT, 4, &none, NULL, 0), EAGAIN, "another value comes first");
    is_errno(futex(&word, FUTEX_CMP_REQUEUE, 1, futex_number(1), &word, 4), EAGAIN,
             "requeue: another value");
    is_errno(futex(&word, FUTEX_CMP_REQUEUE, (uint32_t)-1, futex_number(1), &word, 5), EINVAL,
             "requeue: a negative number");
    is_errno(futex(&word, FUTEX_CMP_REQUEUE, 1, futex_number(-1), &word, 5), EINVAL,
             "requeue: another one");
    is_errno(futex(&word, FUTEX_CMP_REQUEUE, 1, futex_number(1), nowhere, 5), EFAULT,
             "requeue: no second word");
    is_errno(futex(&word, FUTEX_WAKE_OP, 1, futex_number(1), nowhere,
                   FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)),
             EFAULT, "wake_op: no second word");
    is_int(futex_wake(&word, 1), 0, "nobody waits");
    is_int(word, 5, "nothing has changed");
}

static void test_shared(void) {
    pid_t first = waiter(shared, 0, ~0u), second = waiter(shared, 0, ~0u),
          third = waiter(shared, 0, ~0u);

    is_int(futex_wake(shared + 1, 99), 0, "nobody waits at the next word");
    is_int(futex_wake(shared, 1), 1, "one is woken");
    is_int(reap_exit(first), 0, "it is the one that came first");
    is_int(futex_wake(shared, 99), 2, "the others are woken");
    is_int(reap_exit(second), 0, "the second");
    is_int(reap_exit(third), 0, "the third");
    is_int(futex_wake(shared, 99), 0, "nobody is left");
    first = waiter(shared, 0, ~0u);
    is_int(futex_wake(shared, 0), 1, "who asks for none wakes one");
    reap(first);
}

/* Memory that is not shared is another word after a fork, at the same address. */
static void test_private(void) {
    static volatile uint32_t word;
    pid_t child = waiter(&word, 0, ~0u);

    is_int(futex_wake(&word, 99), 0, "the same address in another process is another word");
    is_int(futex(&word, FUTEX_WAKE_PRIVATE, 99, NULL, NULL, 0), 0,
           "for the private operation, too");
    kill(child, SIGKILL);
    reap(child);
    child = start();
    if (child == 0)
        _exit(futex(shared, FUTEX_WAIT_PRIVATE, 0, &long_time, NULL, 0) == 0 ? 0 : errno);
    let_block();
    is_int(futex(shared, FUTEX_WAKE_PRIVATE, 99, NULL, NULL, 0), 0,
           "private operations on shared memory are each process's own");
    kill(child, SIGKILL);
    reap(child);
}

/* One object mapped twice, one file, one segment: the address does not matter, the offset does. */
static void check_aliases(volatile uint32_t *here, volatile uint32_t *there, const char *what) {
    pid_t child = waiter(here + 3, 0, ~0u);

    is_int(futex_wake(there + 2, 99), 0, "%s: another word", what);
    is_int(futex_wake(there + 3, 99), 1, "%s: the same word at another address", what);
    is_int(reap_exit(child), 0, "%s: woken", what);
}

static void test_aliases(void) {
    int fd = open("/tmp/futex", O_RDWR | O_CREAT | O_TRUNC, 0600);
    int id = shmget(IPC_PRIVATE, 8192, 0600);

    if (fd < 0 || ftruncate(fd, 12288) < 0 || id < 0)
        bail("memory to share");
    char *whole = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *tail = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 8192);
    check_aliases((void *)(whole + 8192), (void *)tail, "a file");
    munmap(whole, 12288);
    munmap(tail, 4096);
    close(fd);
    unlink("/tmp/futex");
    volatile uint32_t *here = shmat(id, NULL, 0), *there = shmat(id, NULL, 0);
    check_aliases(here, there, "a segment");
    volatile uint32_t *reader = shmat(id, NULL, SHM_RDONLY);
    check_aliases(reader, here, "a segment that is only read");
    shmdt((const void *)here);
    shmdt((const void *)there);
    shmdt((const void *)reader);
    shmctl(id, IPC_RMID, NULL);
}

static void test_bitset(void) {
    pid_t one = waiter(shared, 0, 1), two = waiter(shared, 0, 2), both = waiter(shared, 0, 3);

    is_int(futex(shared, FUTEX_WAKE_BITSET, 9, NULL, NULL, 4), 0, "nobody waits for that bit");
    is_int(futex(shared, FUTEX_WAKE_BITSET, 9, NULL, NULL, 2), 2, "two wait for this one");
    is_int(reap_exit(two), 0, "who waits for that bit alone");
    is_int(reap_exit(both), 0, "and who waits for it, too");
    is_int(futex_wake(shared, 9), 1, "a plain wake-up is for all bits");
    is_int(reap_exit(one), 0, "the last one");
}

static void test_requeue(void) {
    pid_t pids[4];

    for (int i = 0; i < 4; i++)
        pids[i] = waiter(shared, 0, ~0u);
    is_int(futex(shared, FUTEX_CMP_REQUEUE, 1, futex_number(2), shared + 8, 0), 3,
           "one is woken and two are moved");
    is_int(reap_exit(pids[0]), 0, "the first is woken");
    is_int(futex_wake(shared + 8, 1), 1, "the second has been moved");
    is_int(reap_exit(pids[1]), 0, "and is woken");
    is_int(futex_wake(shared, 9), 1, "the fourth is where it was");
    is_int(reap_exit(pids[3]), 0, "and is woken");
    is_int(futex(shared + 8, FUTEX_REQUEUE, 0, futex_number(9), shared, 77), 1,
           "the third is moved back, whatever the word holds");
    kill(pids[2], SIGKILL);
    reap(pids[2]);
    is_int(futex_wake(shared, 9), 0, "one that was moved and killed is gone");
}

static void check_wake_op(uint32_t old, uint32_t op, uint32_t want, int woken, const char *what) {
    pid_t first = waiter(shared, 0, ~0u), second;

    shared[4] = 1;
    second = waiter(shared + 4, 1, ~0u);
    shared[4] = old;
    is_int(futex(shared, FUTEX_WAKE_OP, 1, futex_number(1), shared + 4, op), woken, "wake_op: %s",
           what);
    is_int((int)shared[4], (int)want, "wake_op: %s: the word", what);
    is_int(reap_exit(first), 0, "wake_op: %s: the first word's waiter", what);
    if (woken == 1)
        is_int(futex_wake(shared + 4, 1), 1, "wake_op: %s: the other still waits", what);
    is_int(reap_exit(second), 0, "wake_op: %s: the second word's waiter", what);
    shared[4] = 0;
}

static void test_wake_op(void) {
    check_wake_op(7, FUTEX_OP(FUTEX_OP_SET, 3, FUTEX_OP_CMP_EQ, 7), 3, 2, "set, equal");
    check_wake_op(7, FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_NE, 7), 12, 1, "add, not equal");
    check_wake_op(1, FUTEX_OP(FUTEX_OP_OR, 6, FUTEX_OP_CMP_LT, 2), 7, 2, "or, less");
    check_wake_op(7, FUTEX_OP(FUTEX_OP_ANDN, 2, FUTEX_OP_CMP_LE, 6), 5, 1,
                  "and not, less or equal");
    check_wake_op(7, FUTEX_OP(FUTEX_OP_XOR, 2, FUTEX_OP_CMP_GT, 6), 5, 2, "xor, greater");
    check_wake_op((uint32_t)-3, FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_GE, -3), (uint32_t)-2, 2,
                  "add, at least, signed");
    check_wake_op(0, FUTEX_OP(FUTEX_OP_OR, 31, FUTEX_OP_CMP_EQ, 0) | 8u << 28, 0x80000000u, 2,
                  "or of a shifted bit");
    is_errno(futex(shared, FUTEX_WAKE_OP, 1, futex_number(1), shared + 4, 5u << 28), ENOSYS,
             "wake_op: an unknown operation");
}

static long long elapsed_ns(const struct timespec *since) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000000000ll + now.tv_nsec - since->tv_nsec;
}

static void check_timeout(int op, clockid_t clock, bool relative, const char *what) {
    struct timespec began, at = {0, 0};

    clock_gettime(CLOCK_MONOTONIC, &began);
    if (!relative)
        clock_gettime(clock, &at);
    at.tv_nsec += 30 * MS;
    if (at.tv_nsec >= 1000 * MS) {
        at.tv_nsec -= 1000 * MS;
        at.tv_sec++;
    }
    is_errno(futex(shared, op, 0, &at, NULL, ~0u), ETIMEDOUT, "%s", what);
    long long ns = elapsed_ns(&began);
    ok(ns >= 30 * MS && ns < LONG_TIME * 1000 * MS, "%s: never early", what);
}

static void test_timeouts(void) {
    struct timespec past = {1, 0}, far = {INT64_MAX, 0};

    check_timeout(FUTEX_WAIT, CLOCK_MONOTONIC, true, "relative");
    check_timeout(FUTEX_WAIT_BITSET, CLOCK_MONOTONIC, false, "absolute");
    check_timeout(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, CLOCK_REALTIME, false,
                  "absolute, real time");
    is_errno(futex(shared, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, NULL, ~0u),
             ETIMEDOUT, "a time that has passed");
    pid_t child = start();
    if (child == 0)
        _exit(futex(shared, FUTEX_WAIT, 0, &far, NULL, 0) == 0 ? 0 : errno);
    let_block();
    is_int(futex_wake(shared, 1), 1, "a time-out that is too far away to be counted");
    is_int(reap_exit(child), 0, "is none");
}

static long waitv(volatile struct futex_waitv *vector, unsigned count, unsigned flags,
                  const struct timespec *until, clockid_t clock) {
    return syscall(SYS_futex_waitv, vector, count, flags, until, clock);
}

static struct futex_waitv one(volatile uint32_t *word, uint32_t value) {
    return (struct futex_waitv){
        .val = value, .uaddr = (uint64_t)(uintptr_t)word, .flags = FUTEX_32};
}

static pid_t many_waiter(struct futex_waitv *vector, unsigned count) {
    pid_t pid = start();

    if (pid == 0) {
        long result = waitv(vector, count, 0, NULL, CLOCK_MONOTONIC);
        _exit(result >= 0 ? (int)result : 128 + errno);
    }
    let_block();
    return pid;
}

static void test_many(void) {
    enum { MOST = 128 };
    static volatile uint32_t word;
    static struct futex_waitv vector[MOST + 1];
    struct timespec past = {1, 0};

    for (int i = 0; i <= MOST; i++)
        vector[i] = one(shared + 16 + i, 0);
    pid_t child = many_waiter(vector, MOST);
    is_int(futex_wake(shared + 16 + MOST, 1), 0, "many: nobody waits at one word more");
    is_int(futex_wake(shared + 16 + 77, 1), 1, "many: one of them is woken");
    is_int(reap_exit(child), 77, "many: it says which");
    is_int(futex_wake(shared + 16 + 78, 1), 0, "many: nobody waits at the others any more");
    vector[1] = vector[0];
    child = many_waiter(vector, 2);
    ok(futex_wake(shared + 16, 9) >= 1, "many: the same word twice"); /* Linux wakes it twice */
    ok((unsigned)reap_exit(child) <= 1, "many: woken at either");
    vector[1] = one(&word, 1);
    is_errno(waitv(vector, 2, 0, NULL, 0), EAGAIN, "many: one has another value");
    vector[1].val = 0;
    is_errno(waitv(vector, 2, 0, &past, CLOCK_REALTIME), ETIMEDOUT, "many: a time that has passed");
    is_errno(waitv(vector, 2, 0, &past, 99), EINVAL, "many: no such clock");
    is_errno(waitv(vector, 2, 1, NULL, 0), EINVAL, "many: flags");
    is_errno(waitv(vector, 0, 0, NULL, 0), EINVAL, "many: none");
    is_errno(waitv(vector, MOST + 1, 0, NULL, 0), EINVAL, "many: too many");
    is_errno(waitv(nowhere, 2, 0, NULL, 0), EFAULT, "many: no vector there");
    vector[1].__reserved = 1;
    is_errno(waitv(vector, 2, 0, NULL, 0), EINVAL, "many: something in a reserved field");
    vector[1] = one(&word, 0);
    vector[1].flags = 0;
    is_errno(waitv(vector, 2, 0, NULL, 0), EINVAL, "many: a word of another size");
    vector[1] = one((volatile uint32_t *)((char *)&word + 1), 0);
    is_errno(waitv(vector, 2, 0, NULL, 0), EINVAL, "many: not aligned");
    vector[1] = one(nowhere, 0);
    is_errno(waitv(vector, 2, 0, NULL, 0), EFAULT, "many: a word that is not there");
    is_int(futex_wake(shared + 16, 9), 0, "many: whoever gets an error waits nowhere");
}

/* A stop and continuation is no interruption: the wait ends when it should. */
static void test_stopped(void) {
    pid_t child = start();
    int status;

    if (child == 0) {
        struct timespec began, at;
        clock_gettime(CLOCK_MONOTONIC, &began);
        at = began;
        at.tv_sec += 1;
        long result = futex(shared, FUTEX_WAIT_BITSET, 0, &at, NULL, ~0u);
        _exit(result < 0 && errno == ETIMEDOUT && elapsed_ns(&began) >= 1000 * MS ? 0 : 1);
    }
    let_block();
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    ok(WIFSTOPPED(status), "one that waits can be stopped");
    kill(child, SIGCONT);
    is_int(reap_exit(child), 0, "and continued, and waits until its time");
}

/* Who waits and ends is woken by nobody, and what it kept is given back. */
static void test_ends(void) {
    pid_t child = waiter(shared, 0, ~0u), other = waiter(shared, 0, ~0u);

    kill(child, SIGKILL);
    reap(child);
    is_int(futex_wake(shared, 1), 1, "a dead one is not woken in place of a live one");
    is_int(reap_exit(other), 0, "which is");
}

#define TURNS 2000

/* Two processes take turns; each change is a store, then a wake-up. A lost one is a time-out. */
static int take_turns(uint32_t mine) {
    for (int i = 0; i < TURNS; i++) {
        while (__atomic_load_n(shared, __ATOMIC_ACQUIRE) != mine)
            if (futex(shared, FUTEX_WAIT, !mine, &long_time, NULL, 0) < 0 && errno == ETIMEDOUT)
                return 1;
        __atomic_store_n(shared, !mine, __ATOMIC_RELEASE);
        futex_wake(shared, 1);
    }
    return 0;
}

static void test_turns(void) {
    pid_t child = start();

    if (child == 0)
        _exit(take_turns(1));
    is_int(take_turns(0), 0, "%d turns, no wake-up is lost", TURNS);
    is_int(reap_exit(child), 0, "nor for the other");
}

static volatile uint32_t own;

static void *wait_own(void *result) {
    *(long *)result = futex(&own, FUTEX_WAIT_PRIVATE, 0, &long_time, NULL, 0);
    return NULL;
}

/* Two threads of the program: 0 if one wakes the other. */
static int wake_own(void) {
    pthread_t thread;
    long result = -1;
    struct timespec pause = {0, 1000000};

    if (pthread_create(&thread, NULL, wait_own, &result) != 0)
        return 1;
    for (int tries = 0; futex(&own, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) != 1; tries++) {
        if (tries == 5000)
            return 2; /* it does not find it */
        nanosleep(&pause, NULL);
    }
    pthread_join(thread, NULL);
    return result == 0 ? 0 : 3;
}

/* A word of the program's own is another after execve(2), at the same address. */
static void test_exec(char *self) {
    pid_t child = start();

    if (child == 0) {
        char *arguments[] = {self, "again", NULL};
        if (wake_own() == 0)
            execv(self, arguments);
        _exit(9);
    }
    is_int(reap_exit(child), 0, "threads wake each other, also in a program that was executed");
}

int main(int argc, char **argv) {
    if (argc > 1)
        return wake_own();
    shared = futex_shared_page();
    if (!shared)
        bail("a shared page");
    test_errors();
    test_shared();
    test_private();
    test_aliases();
    test_bitset();
    test_requeue();
    test_wake_op();
    test_timeouts();
    test_many();
    test_stopped();
    test_ends();
    test_turns();
    test_exec(argv[0]);
    return done();
}
