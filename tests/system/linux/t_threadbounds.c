/* SPDX-License-Identifier: MIT */
/* Where threads, signals and timers meet their bounds: stops, limits, and the end of a process that has many. */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tap.h"

#define ROUNDS 60
#define FORKERS 3
#define MOST 50
#define QUEUED 20000 /* signals */
#define OWNERS 300
#define MANY 1500
#define CHAIN 200
#define STACK 8192

/* ---- A process that is stopped while its threads fork ---- */

static volatile long *counters;

static void *count(void *counter) {
    for (volatile long *c = counter;; ++*c)
        continue;
    return NULL;
}

static void *fork_on(void *unused) {
    for (;;) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (child > 0)
            waitpid(child, NULL, 0);
    }
    return unused;
}

static void busy(void) {
    pthread_t thread;
    for (int i = 0; i < 2; i++)
        pthread_create(&thread, NULL, count, (void *)&counters[i]);
    for (int i = 0; i < FORKERS; i++)
        pthread_create(&thread, NULL, fork_on, NULL);
    for (;;)
        pause();
}

static void stopped(void) {
    int ran = 0, status;
    pid_t child = start();
    if (child == 0)
        busy();
    for (int i = 0; i < ROUNDS; i++) {
        usleep(500 + (useconds_t)i * 50);
        kill(child, SIGSTOP);
        if (waitpid(child, &status, WUNTRACED) < 0)
            bail("waitpid");
        usleep(1000); /* for a fork that was on its way */
        long before[] = {counters[0], counters[1]};
        usleep(3000);
        ran += counters[0] != before[0] || counters[1] != before[1];
        kill(child, SIGCONT);
    }
    kill(child, SIGKILL);
    reap(child);
    is_int(ran, 0, "no thread of a stopped process runs, though others were about to fork");
}

/* ---- RLIMIT_SIGPENDING ---- */

static int make_timers(timer_t *timers, int most) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    for (int made = 0; made < most; made++)
        if (timer_create(CLOCK_MONOTONIC, &event, &timers[made]) < 0)
            return made;
    return most;
}

static int limited_timers(void) {
    struct rlimit limit = {MOST, MOST};
    timer_t timers[MOST + 1];
    if (setrlimit(RLIMIT_SIGPENDING, &limit) < 0)
        return 1;
    int made = make_timers(timers, MOST + 1);
    if (made > MOST || errno != EAGAIN) /* on Linux other processes of the user count, too */
        return 2;
    if (made == 0)
        return on_parley() ? 3 : 0;
    timer_delete(timers[0]);
    return make_timers(timers, 2) == 1 && errno == EAGAIN ? 0 : 4;
}

static int limited_signals(void) {
    struct rlimit limit = {MOST, MOST};
    union sigval value = {0};
    sigset_t set;
    int sent = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (setrlimit(RLIMIT_SIGPENDING, &limit) < 0)
        return 1;
    while (sent <= MOST && sigqueue(getpid(), SIGRTMIN, value) == 0)
        sent++;
    if (sent > MOST || errno != EAGAIN)
        return 2;
    if (kill(getpid(), SIGRTMIN) < 0)
        return 3; /* only what carries a value is refused */
    for (int i = 0; i < sent; i++)
        if (sigwaitinfo(&set, NULL) != SIGRTMIN)
            return 4;
    return 0;
}

static int queue_signals(int most) {
    union sigval value = {0};
    int sent = 0;
    while (sent < most && sigqueue(getpid(), SIGRTMIN, value) == 0)
        sent++;
    return sent;
}

#define SOMEBODY 54321 /* a user with no other processes */

/* What the other processes of a user have queued, and their timers, count; other users' do not. */
static int of_one_user(void) {
    struct rlimit limit = {MOST, MOST};
    timer_t timers[MOST];
    sigset_t set;
    int status;
    if (setrlimit(RLIMIT_SIGPENDING, &limit) < 0 || setuid(SOMEBODY) < 0)
        return 1;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (queue_signals(MOST / 2) != MOST / 2 || make_timers(timers, 10) != 10)
        return 2;
    pid_t pid = fork();
    if (pid == 0)
        _exit(queue_signals(MOST) != MOST - MOST / 2 - 10 || errno != EAGAIN ||
              make_timers(timers, 1) != 0 || errno != EAGAIN);
    if (waitpid(pid, &status, 0) < 0 || status)
        return 3;
    timer_delete(timers[0]);
    return queue_signals(MOST) == MOST - MOST / 2 - 9 ? 0 : 4;
}

/* Far more than by default; what is left at the end of the process is given back. */
static int many_signals(void) {
    struct rlimit limit = {QUEUED, QUEUED};
    struct timespec now = {0, 0};
    union sigval value;
    siginfo_t info;
    sigset_t set;
    if (setrlimit(RLIMIT_SIGPENDING, &limit) < 0)
        return 1;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < QUEUED; i++) {
        value.sival_int = i;
        if (sigqueue(getpid(), SIGRTMIN + i % 2, value) < 0)
            return i > QUEUED - MOST && !on_parley() ? 0 : 2;
    }
    if (sigqueue(getpid(), SIGRTMIN, value) == 0 || errno != EAGAIN)
        return 3;
    for (int i = 0; i < QUEUED / 2; i++) /* all of the lower number first, in their order */
        if (sigtimedwait(&set, &info, &now) != SIGRTMIN || info.si_value.sival_int != 2 * i)
            return 4;
    for (int i = 0; i < QUEUED / 4; i++)
        if (sigtimedwait(&set, &info, &now) != SIGRTMIN + 1 || info.si_value.sival_int != 2 * i + 1)
            return 5;
    return 0;
}

/* ---- The end of a process with many threads ---- */

static pthread_mutex_t *mutexes;

static void *own(void *mutex) {
    pthread_mutex_lock(mutex);
    pthread_barrier_wait((pthread_barrier_t *)(void *)&mutexes[OWNERS]);
    for (;;)
        pause();
    return NULL;
}

static void own_all(void) {
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 32768);
    for (int i = 0; i < OWNERS; i++)
        if (pthread_create(&thread, &attr, own, &mutexes[i]))
            _exit(1);
    for (;;)
        pause();
}

static void owners_die(void) {
    pthread_barrierattr_t shared;
    pthread_mutexattr_t robust;
    mutexes = mmap(NULL, OWNERS * sizeof *mutexes + sizeof(pthread_barrier_t),
                   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrier_t *barrier = (pthread_barrier_t *)(void *)&mutexes[OWNERS];
    int dead = 0;
    pthread_barrierattr_init(&shared);
    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(barrier, &shared, OWNERS + 1);
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < OWNERS; i++)
        pthread_mutex_init(&mutexes[i], &robust);
    pid_t child = start();
    if (child == 0)
        own_all();
    pthread_barrier_wait(barrier);
    kill(child, SIGKILL);
    reap(child);
    for (int i = 0; i < OWNERS; i++)
        dead += pthread_mutex_lock(&mutexes[i]) == EOWNERDEAD;
    is_int(dead, OWNERS, "each thread's robust mutex says that its owner died");
}

/* Lists that have no end, of many threads, and addresses where nothing is. */
static struct node {
    struct node *next;
    long offset;
    void *pending;
} loop[2] = {{&loop[1], 8, (void *)16}, {&loop[1], 0, NULL}};

static int hang(void *unused) {
    static int word;
    (void)unused;
    syscall(SYS_set_robust_list, loop, sizeof *loop);
    for (;;)
        syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0);
    return 0;
}

static int loops(void) {
    char *stacks =
        mmap(NULL, MANY * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                CLONE_CHILD_CLEARTID;
    for (int i = 1; i <= MANY; i++)
        if (clone(hang, stacks + i * STACK, flags, NULL, NULL, NULL, nowhere) < 0)
            return errno == EAGAIN ? 33 : 1;
    usleep(20000);
    return 33;
}

/* ---- Exit signals that end the parent, whose end ends its own, and so on ---- */

static int chain(void) {
    for (int i = 0; i < CHAIN; i++) {
        long child = syscall(SYS_clone, SIGKILL, 0, 0, 0, 0);
        if (child < 0)
            return 1;
        while (child)
            pause();
    }
    return 0;
}

int main(void) {
    counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counters == MAP_FAILED)
        bail("mmap");
    stopped();
    is_int(in_child(limited_timers), 0, "RLIMIT_SIGPENDING holds for timers");
    is_int(in_child(limited_signals), 0, "RLIMIT_SIGPENDING holds for signals with a value");
    is_int(in_child(of_one_user), 0, "it holds for a user, not for each process");
    long free_before = free_pages();
    is_int(in_child(many_signals), 0,
           "as many signals as the limit lets are queued, and come in order");
    check_free_pages(free_before, 32, "those that are not taken are given back");
    owners_die();
    is_int(in_child(chain), SIGKILL, "a chain of parents that their children's exit signals end");
    long before = free_pages();
    is_int(in_child(loops), 33 << 8, "a process with many threads ends, whatever their lists are");
    check_free_pages(before, 16, "it gives all back");
    return done();
}
