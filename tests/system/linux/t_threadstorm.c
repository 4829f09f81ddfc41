/* SPDX-License-Identifier: MIT */
/*
 * A storm of threads: some do at random what programs with threads do (create, join, cancel, signal, fork, exec, exit,
 * wait at mutexes, conditions, barriers, semaphores, futexes, with and without a time-out), all at once, and in the end
 * every one of their sums must be right. Children that have threads of their own are killed or end in their middle.
 *
 * t_threadstorm [STEPS [THREADS [SEED]]]
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "futex.h"
#include "tap.h"

#define MOST 32
#define BOX_ROUNDS 20

struct worker {
    pthread_t thread;
    unsigned long random;
    int steps;
    int number;
};
static struct worker workers[MOST];
static int worker_count;

static _Atomic long wrong, sent, received, made, ran, cleaned, cancelled;
static const char *_Atomic first_wrong;

static void expect(bool good, const char *what) {
    const char *none = NULL;
    if (good)
        return;
    wrong++;
    atomic_compare_exchange_strong(&first_wrong, &none, what);
}

static unsigned long draw(struct worker *w, unsigned long below) {
    w->random = w->random * 6364136223846793005ul + 1442695040888963407ul;
    return (w->random >> 33) % below;
}

static void on_signal(int signal) {
    (void)signal;
    received++;
}

/* ---- What the workers do, each for itself. ---- */

static void *run(void *argument) {
    ran++;
    return argument;
}

static void create_join(struct worker *w) {
    pthread_t threads[4];
    unsigned long n = 1 + draw(w, 4);
    for (unsigned long i = 0; i < n; i++) {
        expect(pthread_create(&threads[i], NULL, run, &w[i]) == 0, "create");
        made++;
    }
    for (unsigned long i = 0; i < n; i++) {
        void *result = NULL;
        expect(pthread_join(threads[i], &result) == 0 && result == &w[i], "join");
    }
}

static void create_detached(struct worker *w) {
    pthread_t thread;
    (void)w;
    expect(pthread_create(&thread, NULL, run, NULL) == 0, "create");
    expect(pthread_detach(thread) == 0, "detach");
    made++;
}

static void clean(void *unused) {
    (void)unused;
    cleaned++;
}

static void *wait_for_cancel(void *kind) {
    pthread_cleanup_push(clean, NULL);
    if (kind)
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (;;)
        if (!kind)
            pause();
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel(struct worker *w) {
    pthread_t thread;
    void *result = NULL;
    expect(pthread_create(&thread, NULL, wait_for_cancel, (void *)draw(w, 2)) == 0, "create");
    if (draw(w, 2))
        sched_yield();
    expect(pthread_cancel(thread) == 0, "cancel");
    expect(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED, "cancelled");
    cancelled++;
}

static void signal_other(struct worker *w) {
    union sigval value = {0};
    struct worker *to = &workers[draw(w, (unsigned long)worker_count)];
    if (pthread_sigqueue(to->thread, SIGRTMIN, value) == 0)
        sent++;
}

static void signal_process(struct worker *w) {
    union sigval value = {0};
    (void)w;
    if (sigqueue(getpid(), SIGRTMIN, value) == 0)
        sent++;
}

static int reap_patiently(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

/* A child is this thread's copy: it must see nobody else, and be able to make threads. */
static void fork_child(struct worker *w) {
    int code = (int)draw(w, 200);
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        void *result = NULL;
        bool good = pthread_create(&thread, NULL, run, w) == 0 &&
                    pthread_join(thread, &result) == 0 && result == w;
        _exit(good ? code : 250);
    }
    expect(child > 0, "fork");
    expect(child < 0 || reap_patiently(child) == code << 8, "a child's exit");
}

static void execute(struct worker *w) {
    (void)w;
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(251);
    }
    expect(child > 0 && reap_patiently(child) == 0, "vfork and exec");
}

static void *nap(void *unused) {
    for (;;)
        usleep(200);
    return unused;
}

/* A child with threads ends: by one's exit_group, by a signal, by an exec. */
static void end_child(struct worker *w) {
    unsigned long way = draw(w, 3), others = 1 + draw(w, 4);
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        for (unsigned long i = 0; i < others; i++)
            pthread_create(&thread, NULL, i % 2 ? nap : wait_for_cancel, NULL);
        if (way == 0)
            _exit(
                33); /* exit() would run destructors, whose locks others may have had at the fork */
        if (way == 1)
            execl("/bin/sh", "sh", "-c", "exit 33", (char *)NULL);
        nap(NULL);
    }
    if (way == 2 && child > 0) {
        struct timespec while_it_runs = {0, (long)draw(w, 2000000)};
        nanosleep(&while_it_runs, NULL);
        kill(child, SIGKILL);
    }
    int status = child > 0 ? reap_patiently(child) : -1;
    expect(status == (way == 2 ? SIGKILL : 33 << 8), "the end of a child with threads");
}

/* ---- What they do together. ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long balance, waits_over;

/* One gives and another takes; whoever finds nothing waits a while. */
static void give(struct worker *w) {
    (void)w;
    pthread_mutex_lock(&mutex);
    balance++;
    pthread_mutex_unlock(&mutex);
    pthread_cond_signal(&changed);
}

static struct timespec soon(clockid_t clock, struct worker *w) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += (long)draw(w, 2000000);
    if (t.tv_nsec >= 1000000000)
        t.tv_nsec -= 1000000000, t.tv_sec++;
    return t;
}

static _Atomic long given, took;

static void take(struct worker *w) {
    struct timespec until = soon(CLOCK_REALTIME, w);
    pthread_mutex_lock(&mutex);
    int error = 0;
    while (balance == 0 && error == 0)
        error = pthread_cond_timedwait(&changed, &mutex, &until);
    expect(error == 0 || error == ETIMEDOUT, "a timed wait");
    if (balance > 0) {
        balance--;
        took++;
    }
    waits_over++;
    pthread_mutex_unlock(&mutex);
}

static void give_counted(struct worker *w) {
    given++;
    give(w);
}

static sem_t semaphore;
static _Atomic long posted, got;

static void post(struct worker *w) {
    (void)w;
    posted++;
    sem_post(&semaphore);
}

static void wait_semaphore(struct worker *w) {
    struct timespec until = soon(CLOCK_REALTIME, w);
    int error;
    while ((error = sem_timedwait(&semaphore, &until)) < 0 && errno == EINTR)
        continue;
    if (error == 0)
        got++;
    else
        expect(errno == ETIMEDOUT, "a semaphore's time-out");
}

/* A lock of one's own making, in one word. */
static volatile uint32_t word;
static long under_lock;

static void futex_lock(struct worker *w) {
    (void)w;
    while (__atomic_exchange_n(&word, 2, __ATOMIC_ACQUIRE) != 0)
        futex(&word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 0);
    under_lock++;
    __atomic_store_n(&word, 0, __ATOMIC_RELEASE);
    futex(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}
static _Atomic long locks;
static void futex_lock_counted(struct worker *w) {
    locks++;
    futex_lock(w);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static volatile long pair[2];

static void read_pair(struct worker *w) {
    (void)w;
    pthread_rwlock_rdlock(&rwlock);
    long a = pair[0];
    sched_yield();
    expect(a == pair[1], "a reader beside a writer");
    pthread_rwlock_unlock(&rwlock);
}

static void write_pair(struct worker *w) {
    (void)w;
    pthread_rwlock_wrlock(&rwlock);
    pair[0]++;
    sched_yield();
    pair[1]++;
    pthread_rwlock_unlock(&rwlock);
}

/* A barrier that two new threads and this one meet at. */
static void *meet(void *barrier) {
    return (void *)(long)(pthread_barrier_wait(barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void barrier(struct worker *w) {
    pthread_barrier_t all;
    pthread_t threads[2];
    void *serial;
    long sum;
    (void)w;
    pthread_barrier_init(&all, NULL, 3);
    for (int i = 0; i < 2; i++)
        expect(pthread_create(&threads[i], NULL, meet, &all) == 0, "create");
    sum = (long)meet(&all);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &serial);
        sum += (long)serial;
    }
    expect(sum == 1, "one of those at a barrier is told");
    pthread_barrier_destroy(&all);
}

static void timer(struct worker *w) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    struct itimerspec once = {.it_value.tv_nsec = 1 + (long)draw(w, 100000)};
    timer_t t;
    if (timer_create(CLOCK_MONOTONIC, &event, &t) < 0)
        return;
    timer_settime(t, 0, &once, NULL);
    if (draw(w, 2))
        sched_yield();
    expect(timer_delete(t) == 0, "a timer is deleted");
}

static void (*const often[])(struct worker *) = {
    give_counted,       take,           post,       wait_semaphore,
    futex_lock_counted, read_pair,      write_pair, read_pair,
    signal_other,       signal_process, timer,
};
static void (*const seldom[])(struct worker *) = {
    create_join, create_detached, cancel, barrier, create_join,
};
static void (*const rarely[])(struct worker *) = {fork_child, execute, end_child};

#define PICK(table) table[draw(w, sizeof(table) / sizeof(table)[0])](w)

static pthread_barrier_t all_done;

static void *work(void *argument) {
    struct worker *w = argument;
    for (int step = 0; step < w->steps; step++) {
        unsigned long kind = draw(w, 100);
        if (kind < 85)
            PICK(often);
        else if (kind < 97)
            PICK(seldom);
        else
            PICK(rarely);
    }
    pthread_barrier_wait(&all_done); /* a signal for one that has ended would be lost */
    return NULL;
}

int main(int argc, char **argv) {
    int steps = argc > 1 ? atoi(argv[1]) : 4000;
    unsigned long seed = argc > 3 ? strtoul(argv[3], NULL, 0) : (unsigned long)time(NULL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    worker_count = argc > 2 && atoi(argv[2]) <= MOST ? atoi(argv[2]) : 8;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("# seed %lu\n", seed);
    sigaction(SIGRTMIN, &action, NULL);
    signal(SIGUSR2, SIG_IGN);
    sem_init(&semaphore, 0, 0);
    pthread_barrier_init(&all_done, NULL, (unsigned)worker_count);
    for (int i = 0; i < worker_count; i++) {
        workers[i] = (struct worker){.random = seed * 2 + (unsigned long)i * 77777 + 1,
                                     .steps = steps / worker_count,
                                     .number = i};
        workers[i].thread = pthread_self(); /* until it has one */
    }
    for (int i = 0; i < worker_count; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            bail("pthread_create");
    for (int i = 0; i < worker_count; i++)
        pthread_join(workers[i].thread, NULL);
    for (int tries = 0; (ran < made || received < sent) && tries < 10000; tries++)
        usleep(1000);
    is_int(wrong, 0, "nothing went wrong (%s)", first_wrong ? first_wrong : "nothing");
    is_int(ran, made, "every thread that was made ran");
    is_int(cleaned, cancelled, "every cancelled thread was cleaned up after");
    is_int(received, sent, "every signal that was sent came");
    is_int(balance + took, given, "what was given was taken, or is there");
    int value = -1;
    sem_getvalue(&semaphore, &value);
    is_int(value + got, posted, "so it is with semaphores");
    is_int(under_lock, locks, "a lock in a word excludes");
    is_int(pair[0], pair[1], "writers did all of their work");
    is_errno(waitpid(-1, NULL, 0), ECHILD, "no child is left");
    return done();
}
