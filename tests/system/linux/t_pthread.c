/* SPDX-License-Identifier: MIT */
/* POSIX threads: mutexes of all types and protocols, condition variables, read-write locks, spin locks, barriers. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "tap.h"

#define WORKERS 4
#define ROUNDS 2000
#define SOON_MS 20

static struct timespec in_ms(clockid_t clock, long ms) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* Runs a function in a thread of its own and gives its result. */
static long in_thread(void *(*function)(void *), void *argument) {
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, function, argument))
        bail("pthread_create");
    pthread_join(thread, &result);
    return (long)result;
}

/* ---- Mutexes ---- */

static const struct mutex_kind {
    const char *name;
    int type, protocol, robust;
} kinds[] = {
    {"normal", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, 0},
    {"recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, 0},
    {"error-checking", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, 0},
    {"adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, 0},
    {"normal, inheriting", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, 0},
    {"recursive, inheriting", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_INHERIT, 0},
    {"error-checking, inheriting", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, 0},
    {"normal, robust", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, 1},
    {"recursive, robust", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, 1},
    {"error-checking, robust", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, 1},
    {"normal, robust, inheriting", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, 1},
    {"recursive, robust, inheriting", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_INHERIT, 1},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static void make_mutex(pthread_mutex_t *mutex, const struct mutex_kind *kind) {
    pthread_mutexattr_t attr;
    if (pthread_mutexattr_init(&attr) || pthread_mutexattr_settype(&attr, kind->type) ||
        pthread_mutexattr_setprotocol(&attr, kind->protocol) ||
        pthread_mutexattr_setrobust(&attr,
                                    kind->robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED) ||
        pthread_mutex_init(mutex, &attr) || pthread_mutexattr_destroy(&attr))
        bail("pthread_mutex_init");
}

struct sum {
    pthread_mutex_t mutex;
    long value;
};

static void *add(void *argument) {
    struct sum *sum = argument;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&sum->mutex);
        long value = sum->value;
        if (i % 16 == 0)
            sched_yield();
        sum->value = value + 1;
        pthread_mutex_unlock(&sum->mutex);
    }
    return NULL;
}

static void *try_lock(void *mutex) {
    return (void *)(long)pthread_mutex_trylock(mutex);
}

static void *timed_lock(void *mutex) {
    struct timespec until = in_ms(CLOCK_REALTIME, SOON_MS);
    return (void *)(long)pthread_mutex_timedlock(mutex, &until);
}

static void *clock_lock(void *mutex) {
    struct timespec until = in_ms(CLOCK_MONOTONIC, SOON_MS);
    return (void *)(long)pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
}

static void *unlock(void *mutex) {
    return (void *)(long)pthread_mutex_unlock(mutex);
}

static void *lock_and_end(void *mutex) {
    return (void *)(long)pthread_mutex_lock(mutex);
}

static void excludes(struct sum *sum, const char *name) {
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        if (pthread_create(&threads[i], NULL, add, sum))
            bail("pthread_create");
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    is_int(sum->value, WORKERS * ROUNDS, "%s: it excludes", name);
}

/* What the owner gets that locks again, and who is not the owner. */
static void again(pthread_mutex_t *mutex, const struct mutex_kind *kind) {
    if (kind->type == PTHREAD_MUTEX_RECURSIVE) {
        is_int(pthread_mutex_lock(mutex), 0, "%s: locked twice", kind->name);
        is_int(pthread_mutex_unlock(mutex), 0, "%s: unlocked once", kind->name);
        is_int(in_thread(try_lock, mutex), EBUSY, "%s: still locked", kind->name);
    } else if (kind->type == PTHREAD_MUTEX_ERRORCHECK) {
        is_int(pthread_mutex_lock(mutex), EDEADLK, "%s: not locked twice", kind->name);
    } else {
        is_int(pthread_mutex_trylock(mutex), EBUSY, "%s: not locked twice", kind->name);
    }
    if (kind->type != PTHREAD_MUTEX_NORMAL && kind->type != PTHREAD_MUTEX_ADAPTIVE_NP)
        is_int(in_thread(unlock, mutex), EPERM, "%s: not another's to unlock", kind->name);
}

static void robust(pthread_mutex_t *mutex, const char *name) {
    is_int(in_thread(lock_and_end, mutex), 0, "%s: a thread ends with it", name);
    is_int(pthread_mutex_lock(mutex), EOWNERDEAD, "%s: the next one is told", name);
    is_int(pthread_mutex_consistent(mutex), 0, "%s: it is made consistent", name);
    is_int(pthread_mutex_unlock(mutex), 0, "%s: and unlocked", name);
    is_int(in_thread(lock_and_end, mutex), 0, "%s: it can be locked again", name);
    is_int(pthread_mutex_trylock(mutex), EOWNERDEAD, "%s: who tries is told, too", name);
    is_int(pthread_mutex_unlock(mutex), 0, "%s: unlocked as it was", name);
    is_int(pthread_mutex_lock(mutex), ENOTRECOVERABLE, "%s: it is of no use any more", name);
}

static void mutexes(void) {
    for (unsigned i = 0; i < KINDS; i++) {
        const struct mutex_kind *kind = &kinds[i];
        struct sum sum = {.value = 0};
        make_mutex(&sum.mutex, kind);
        excludes(&sum, kind->name);
        is_int(pthread_mutex_lock(&sum.mutex), 0, "%s: locked", kind->name);
        is_int(in_thread(try_lock, &sum.mutex), EBUSY, "%s: trylock", kind->name);
        is_int(in_thread(timed_lock, &sum.mutex), ETIMEDOUT, "%s: timedlock", kind->name);
        if (kind->protocol == PTHREAD_PRIO_NONE)
            is_int(in_thread(clock_lock, &sum.mutex), ETIMEDOUT, "%s: clocklock", kind->name);
        again(&sum.mutex, kind);
        is_int(pthread_mutex_unlock(&sum.mutex), 0, "%s: unlocked", kind->name);
        if (kind->robust)
            robust(&sum.mutex, kind->name);
        is_int(pthread_mutex_destroy(&sum.mutex), 0, "%s: destroyed", kind->name);
    }
}

/* ---- Condition variables ---- */

struct turn {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int whose, turns;
};
static struct turn turn = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};

static void *take_turns(void *number) {
    for (int i = 0; i < ROUNDS / 4; i++) {
        pthread_mutex_lock(&turn.mutex);
        while (turn.whose != (int)(long)number)
            pthread_cond_wait(&turn.changed, &turn.mutex);
        turn.whose = (turn.whose + 1) % WORKERS;
        turn.turns++;
        pthread_cond_broadcast(&turn.changed);
        pthread_mutex_unlock(&turn.mutex);
    }
    return NULL;
}

static void timed_wait(clockid_t clock, const char *name) {
    pthread_condattr_t attr;
    pthread_cond_t cond;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_condattr_init(&attr);
    is_int(pthread_condattr_setclock(&attr, clock), 0, "a condition variable with the %s", name);
    pthread_cond_init(&cond, &attr);
    pthread_mutex_lock(&mutex);
    struct timespec until = in_ms(clock, SOON_MS), now;
    is_int(pthread_cond_timedwait(&cond, &mutex, &until), ETIMEDOUT, "its time is out");
    clock_gettime(clock, &now);
    ok(now.tv_sec > until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec),
       "and not before");
    is_int(pthread_mutex_trylock(&mutex), EBUSY, "the mutex is locked again");
    until.tv_nsec = -1;
    is_int(pthread_cond_timedwait(&cond, &mutex, &until), EINVAL, "a time that is none");
    pthread_mutex_unlock(&mutex);
    is_int(pthread_cond_destroy(&cond), 0, "it is destroyed");
}

static void conditions(void) {
    pthread_t threads[WORKERS];
    for (long i = 0; i < WORKERS; i++)
        if (pthread_create(&threads[i], NULL, take_turns, (void *)i))
            bail("pthread_create");
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    is_int(turn.turns, ROUNDS / 4 * WORKERS, "threads take turns");
    timed_wait(CLOCK_REALTIME, "real-time clock");
    timed_wait(CLOCK_MONOTONIC, "monotonic clock");
}

/* ---- Read-write locks ---- */

static pthread_rwlock_t rwlock;
static _Atomic int writers_in;

static void *try_read(void *unused) {
    int error = pthread_rwlock_tryrdlock(&rwlock);
    if (error == 0)
        pthread_rwlock_unlock(&rwlock);
    return unused ? unused : (void *)(long)error;
}

static void *try_write(void *unused) {
    int error = pthread_rwlock_trywrlock(&rwlock);
    if (error == 0)
        pthread_rwlock_unlock(&rwlock);
    return unused ? unused : (void *)(long)error;
}

static void *timed_read(void *unused) {
    struct timespec until = in_ms(CLOCK_REALTIME, SOON_MS);
    (void)unused;
    return (void *)(long)pthread_rwlock_timedrdlock(&rwlock, &until);
}

static void *timed_write(void *unused) {
    struct timespec until = in_ms(CLOCK_MONOTONIC, SOON_MS);
    (void)unused;
    return (void *)(long)pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &until);
}

static void *write_once(void *unused) {
    pthread_rwlock_wrlock(&rwlock);
    writers_in++;
    pthread_rwlock_unlock(&rwlock);
    return unused;
}

/* A reader comes while a writer waits: whether it is let in is what the kind says. */
static void preference(int kind, int wanted, const char *what) {
    pthread_rwlockattr_t attr;
    pthread_t writer;
    int error = 0;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, kind);
    pthread_rwlock_init(&rwlock, &attr);
    pthread_rwlock_rdlock(&rwlock);
    writers_in = 0;
    pthread_create(&writer, NULL, write_once, NULL);
    /* Until it waits: from then on the answer does not change. */
    for (int tries = 0; tries < 50 && (tries < 5 || error != wanted); tries++) {
        usleep(2000);
        error = (int)in_thread(try_read, NULL);
    }
    is_int(error, wanted, "%s", what);
    is_int(writers_in, 0, "the writer waits for the reader");
    pthread_rwlock_unlock(&rwlock);
    pthread_join(writer, NULL);
    is_int(writers_in, 1, "then it goes in");
    pthread_rwlock_destroy(&rwlock);
}

static void read_write_locks(void) {
    pthread_rwlock_init(&rwlock, NULL);
    pthread_rwlock_rdlock(&rwlock);
    is_int(in_thread(try_read, NULL), 0, "two readers");
    is_int(in_thread(try_write, NULL), EBUSY, "no writer beside a reader");
    is_int(in_thread(timed_write, NULL), ETIMEDOUT, "a writer's time is out");
    pthread_rwlock_unlock(&rwlock);
    pthread_rwlock_wrlock(&rwlock);
    is_int(in_thread(try_read, NULL), EBUSY, "no reader beside a writer");
    is_int(in_thread(timed_read, NULL), ETIMEDOUT, "a reader's time is out");
    is_int(pthread_rwlock_rdlock(&rwlock), EDEADLK, "the writer cannot read");
    is_int(pthread_rwlock_wrlock(&rwlock), EDEADLK, "nor write again");
    pthread_rwlock_unlock(&rwlock);
    pthread_rwlock_destroy(&rwlock);
    preference(PTHREAD_RWLOCK_PREFER_READER_NP, 0, "readers go before a writer that waits");
    preference(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, EBUSY,
               "a writer that waits goes before readers");
}

/* ---- Spin locks and barriers ---- */

static pthread_spinlock_t spin;
static long spun;
static pthread_barrier_t barrier;
static _Atomic int arrived, early;

static void *spin_add(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        pthread_spin_lock(&spin);
        spun++;
        pthread_spin_unlock(&spin);
    }
    return unused;
}

static void *meet(void *unused) {
    long serial = 0;
    (void)unused;
    for (int round = 1; round <= 50; round++) {
        arrived++;
        serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
        early += arrived < round * WORKERS;
        pthread_barrier_wait(&barrier);
    }
    return (void *)serial;
}

static long all(void *(*function)(void *)) {
    pthread_t threads[WORKERS];
    long sum = 0;
    for (int i = 0; i < WORKERS; i++)
        if (pthread_create(&threads[i], NULL, function, NULL))
            bail("pthread_create");
    for (int i = 0; i < WORKERS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    return sum;
}

static void spins_and_barriers(void) {
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    all(spin_add);
    is_int(spun, WORKERS * ROUNDS, "a spin lock excludes");
    pthread_spin_lock(&spin);
    is_int(pthread_spin_trylock(&spin), EBUSY, "a spin lock that is locked");
    pthread_spin_destroy(&spin);
    is_int(pthread_barrier_init(&barrier, NULL, 0), EINVAL, "a barrier for nobody");
    pthread_barrier_init(&barrier, NULL, WORKERS);
    is_int(all(meet), 50, "one of those at a barrier is told, each time");
    is_int(early, 0, "nobody leaves before all have come");
    pthread_barrier_destroy(&barrier);
}

/* PTHREAD_PRIO_PROTECT: a thread without rights to be urgent cannot lock such a mutex, or is let. */
static void protect(void) {
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&attr);
    is_int(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT), 0, "protocol protect");
    is_int(pthread_mutexattr_setprioceiling(&attr, 1000), EINVAL, "no such priority");
    is_int(pthread_mutex_init(&mutex, &attr), 0, "a mutex with it");
    int error = pthread_mutex_lock(&mutex);
    ok(error == 0 || error == EPERM || error == EINVAL, "it is locked, or refused (%d)", error);
    if (error == 0)
        pthread_mutex_unlock(&mutex);
    pthread_mutex_destroy(&mutex);
}

int main(void) {
    long before = free_pages();
    mutexes();
    protect();
    conditions();
    read_write_locks();
    spins_and_barriers();
    check_free_pages(before, 64, "threads' memory comes back");
    return done();
}
