/* SPDX-License-Identifier: MIT */
/*
 * Locks whose word names their owner (futex(2), priority inheritance): between processes that share memory. Who waits
 * gets the lock in order, an owner's death passes it on, and errors change nothing.
 */
#include "futex.h"
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#define MS 1000000l

static volatile uint32_t *shared; /* shared[0]: the lock; others as the cases want */

static long lock_pi(volatile uint32_t *word, const struct timespec *until) {
    return futex(word, FUTEX_LOCK_PI, 0, until, NULL, 0);
}

static long unlock_pi(volatile uint32_t *word) {
    return futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
}

static struct timespec soon(clockid_t clock, long ms) {
    struct timespec at;

    clock_gettime(clock, &at);
    at.tv_nsec += ms * MS;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static void test_errors(void) {
    uint32_t mine = (uint32_t)getpid();
    struct timespec at = soon(CLOCK_REALTIME, 20);

    *shared = mine;
    is_errno(lock_pi(shared, NULL), EDEADLK, "a lock that the caller has");
    is_errno(futex(shared, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK,
             "the same, without waiting");
    *shared = mine + 1;
    is_errno(unlock_pi(shared), EPERM, "to give away what the caller has not");
    *shared = 0;
    is_errno(unlock_pi(shared), EPERM, "or nobody has");
    is_errno(lock_pi((volatile uint32_t *)((char *)shared + 1), NULL), EINVAL, "not aligned");
    is_errno(lock_pi(nowhere, NULL), EFAULT, "not there");
    is_errno(unlock_pi(nowhere), EFAULT, "not there, to be unlocked");
    pid_t ended = start();
    if (ended == 0)
        _exit(0);
    reap(ended);
    *shared = (uint32_t)ended;
    is_errno(lock_pi(shared, &at), ESRCH, "an owner that is no more");
    is_int((int)*shared & FUTEX_TID_MASK, (int)ended, "the word names it still");
    *shared = 0;
    is_int(lock_pi(shared, NULL), 0, "a free lock is taken");
    is_int((int)*shared, (int)mine, "and names the caller");
    is_int(unlock_pi(shared), 0, "and is given up");
    is_int((int)*shared, 0, "and free");
    *shared = FUTEX_OWNER_DIED;
    is_int(futex(shared, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), 0, "a dead owner's is taken");
    is_int((int)*shared, (int)(mine | FUTEX_OWNER_DIED), "and says so");
    *shared = 0;
    is_errno(futex(shared, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, &at, NULL, 0), ENOSYS,
             "LOCK_PI has one clock only");
}

/* A child that takes the lock, says so, waits for shared[word] to change, and gives it up or dies with it. */
static pid_t owner(int word, bool dies) {
    pid_t pid = start();

    if (pid == 0) {
        if (lock_pi(shared, NULL) < 0)
            _exit(errno);
        while (!shared[word])
            futex_wait(shared + word, 0);
        if (!dies && unlock_pi(shared) < 0)
            _exit(errno);
        _exit(0);
    }
    let_block();
    return pid;
}

static void go(int word) {
    shared[word] = 1;
    futex_wake(shared + word, 1);
}

static void test_order(void) {
    shared[0] = shared[1] = shared[2] = shared[3] = 0;
    pid_t first = owner(1, false), second = owner(2, false), third = owner(3, false);
    is_int((int)*shared, (int)((uint32_t)first | FUTEX_WAITERS), "the first has it, others wait");
    is_errno(futex(shared, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN, "it cannot be had at once");
    go(1);
    is_int(reap_exit(first), 0, "the first gives it up");
    is_int((int)*shared & FUTEX_TID_MASK, (int)second, "the second has it");
    go(2);
    is_int(reap_exit(second), 0, "and gives it up");
    is_int((int)*shared & FUTEX_TID_MASK, (int)third, "the third has it");
    go(3);
    is_int(reap_exit(third), 0, "and gives it up");
    is_int((int)*shared, 0, "it is free");
}

static void test_timeout(void) {
    struct timespec past = {1, 0}, at;

    shared[0] = shared[1] = 0;
    pid_t child = owner(1, false);
    at = soon(CLOCK_REALTIME, 30);
    is_errno(lock_pi(shared, &at), ETIMEDOUT, "by real time");
    at = soon(CLOCK_MONOTONIC, 30);
    is_errno(futex(shared, 13 /* FUTEX_LOCK_PI2 */, 0, &at, NULL, 0), ETIMEDOUT,
             "by the monotonic clock");
    is_errno(lock_pi(shared, &past), ETIMEDOUT, "a time that has passed");
    go(1);
    is_int(reap_exit(child), 0, "the owner gives it up, though nobody waits any more");
    is_int((int)*shared, 0, "it is free");
}

static void test_death(void) {
    shared[0] = shared[1] = shared[2] = 0;
    pid_t first = owner(1, true), second = owner(2, true), third = owner(3, false);
    go(1);
    reap(first);
    let_block();
    is_int((int)*shared, (int)((uint32_t)second | FUTEX_WAITERS | FUTEX_OWNER_DIED),
           "the next has a dead owner's lock, which says so");
    kill(second, SIGKILL);
    reap(second);
    shared[3] = 1;
    futex_wake(shared + 3, 1);
    is_int(reap_exit(third), 0, "a killed one's goes on, too");
    shared[3] = 0;
    /* One that waits is killed: the lock passes it by. */
    shared[0] = shared[1] = shared[2] = 0;
    first = owner(1, false);
    second = owner(2, false);
    kill(second, SIGKILL);
    reap(second);
    go(1);
    is_int(reap_exit(first), 0, "one that was killed as it waited");
    is_int((int)*shared & FUTEX_TID_MASK, 0, "does not get it");
}

static void on_signal(int number) {
    (void)number;
    shared[8]++;
}

/* A handler runs, and the wait goes on. */
static void test_signal(void) {
    shared[0] = shared[1] = shared[8] = 0;
    pid_t first = owner(1, false), second = start();

    if (second == 0) {
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(SIGUSR1, &action, NULL);
        _exit(lock_pi(shared, NULL) == 0 && unlock_pi(shared) == 0 ? 0 : errno);
    }
    let_block();
    kill(second, SIGUSR1);
    let_block();
    is_int((int)shared[8], 1, "the handler of one that waits has run");
    go(1);
    is_int(reap_exit(first), 0, "the owner gives it up");
    is_int(reap_exit(second), 0, "and the other gets it");
}

static long wait_requeue(volatile uint32_t *word, uint32_t value, volatile uint32_t *lock) {
    return futex(word, FUTEX_WAIT_REQUEUE_PI, value, NULL, lock, ~0u);
}

static pid_t conditional(void) {
    pid_t pid = start();

    if (pid == 0) {
        if (wait_requeue(shared + 4, 7, shared) < 0)
            _exit(errno);
        bool mine = (*shared & FUTEX_TID_MASK) == (uint32_t)getpid();
        _exit(mine && unlock_pi(shared) == 0 ? 0 : 99);
    }
    let_block();
    return pid;
}

static long requeue_pi(uint32_t value, int moves) {
    return futex(shared + 4, FUTEX_CMP_REQUEUE_PI, 1, futex_number(moves), shared, value);
}

static void test_condition(void) {
    shared[0] = 0;
    shared[4] = 7;
    is_errno(wait_requeue(shared + 4, 8, shared), EAGAIN, "another value");
    is_errno(wait_requeue(shared + 4, 7, shared + 4), EINVAL, "the same word twice");
    is_errno(requeue_pi(8, 1), EAGAIN, "requeue: another value");
    is_int(requeue_pi(7, 9), 0, "requeue: nobody waits");
    pid_t a = conditional();
    is_errno(futex_wake(shared + 4, 1), EINVAL, "who waits for a lock is not simply woken");
    is_int(requeue_pi(7, 0), 1, "the first gets the free lock");
    is_int(reap_exit(a), 0, "and has it");
    pid_t b = conditional(), c = conditional(), d = conditional();
    is_int(lock_pi(shared, NULL), 0, "the lock is taken");
    is_int(requeue_pi(7, 9), 3, "three wait for it now");
    let_block();
    is_int((int)*shared, (int)((uint32_t)getpid() | FUTEX_WAITERS), "the owner knows");
    is_int(unlock_pi(shared), 0, "it is given up");
    is_int(reap_exit(b), 0, "the first");
    is_int(reap_exit(c), 0, "the second");
    is_int(reap_exit(d), 0, "and the third had it");
    is_int((int)*shared & FUTEX_TID_MASK, 0, "it is free");
}

#define ROUNDS 500
#define WORKERS 4

static void work(void) {
    uint32_t mine = (uint32_t)getpid();

    for (int i = 0; i < ROUNDS; i++) {
        uint32_t free = 0;
        if (!__atomic_compare_exchange_n(shared, &free, mine, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED) &&
            lock_pi(shared, NULL) < 0)
            _exit(errno);
        uint32_t seen = shared[6];
        if (i % 16 == 0)
            sched_yield();
        shared[6] = seen + 1;
        uint32_t held = mine;
        if (!__atomic_compare_exchange_n(shared, &held, 0, false, __ATOMIC_RELEASE,
                                         __ATOMIC_RELAXED) &&
            unlock_pi(shared) < 0)
            _exit(errno);
    }
    _exit(0);
}

/* Owners give up the lock and end at once: who looks for one of them finds nobody, and has the lock all the same. */
static void test_brief_owners(void) {
    int bad = 0;

    shared[0] = 0;
    for (int i = 0; i < 200; i++) {
        pid_t pids[3];
        for (int k = 0; k < 3; k++)
            if ((pids[k] = start()) == 0)
                _exit(lock_pi(shared, NULL) == 0 && unlock_pi(shared) == 0 ? 0 : errno);
        for (int k = 0; k < 3; k++)
            bad += reap_exit(pids[k]) != 0;
    }
    is_int(bad, 0, "owners that end at once");
}

/* It excludes: no addition is lost. */
static void test_exclusion(void) {
    pid_t pids[WORKERS];

    shared[0] = shared[6] = 0;
    for (int i = 0; i < WORKERS; i++)
        if ((pids[i] = start()) == 0)
            work();
    for (int i = 0; i < WORKERS; i++)
        is_int(reap_exit(pids[i]), 0, "worker %d", i);
    is_int((int)shared[6], WORKERS * ROUNDS, "nobody was there with another");
}

/* ---- Chains: each has a lock and wants the next one's ---- */

#define CHAIN 5

static volatile uint32_t chain[CHAIN];
static volatile int chain_ready;

static void *in_chain(void *number) {
    long n = (long)number;

    if (lock_pi(&chain[n], NULL) < 0)
        return (void *)1;
    __atomic_fetch_add(&chain_ready, 1, __ATOMIC_SEQ_CST);
    while (chain_ready < CHAIN)
        sched_yield();
    if (lock_pi(&chain[n + 1], NULL) < 0 || unlock_pi(&chain[n + 1]) < 0)
        return (void *)2;
    return unlock_pi(&chain[n]) < 0 ? (void *)3 : NULL;
}

/* The caller has the last lock, for which the last thread waits, and so on. */
static void test_chain(void) {
    pthread_t threads[CHAIN - 1];
    struct timespec at = soon(CLOCK_REALTIME, 50);
    uint32_t self = (uint32_t)syscall(SYS_gettid);
    void *failed;
    bool good = true;

    is_int(lock_pi(&chain[CHAIN - 1], NULL), 0, "the last lock of a chain");
    for (long n = 0; n < CHAIN - 1; n++)
        if (pthread_create(&threads[n], NULL, in_chain, (void *)n))
            bail("pthread_create");
    while (chain_ready < CHAIN - 1)
        sched_yield();
    chain_ready++;
    for (int n = 1; n < CHAIN; n++)
        while (!(chain[n] & FUTEX_WAITERS))
            sched_yield();
    sleep_ms(20);
    is_errno(lock_pi(&chain[0], NULL), EDEADLK, "the first one would close it");
    is_errno(lock_pi(&chain[2], &at), EDEADLK, "so would one in the middle");
    is_errno(futex(&chain[0], FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN, "to try is allowed");
    ok((chain[CHAIN - 1] & FUTEX_TID_MASK) == self, "nothing has changed");
    is_int(unlock_pi(&chain[CHAIN - 1]), 0, "the last one is given away");
    for (int n = 0; n < CHAIN - 1; n++) {
        pthread_join(threads[n], &failed);
        good &= !failed;
    }
    ok(good, "all go on");
    is_int(lock_pi(&chain[0], NULL), 0, "and the first one is free");
    unlock_pi(&chain[0]);
}

int main(void) {
    shared = futex_shared_page();
    if (!shared)
        bail("a shared page");
    test_errors();
    test_chain();
    test_order();
    test_timeout();
    test_death();
    test_signal();
    test_condition();
    test_exclusion();
    test_brief_owners();
    return done();
}
