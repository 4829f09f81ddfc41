/* SPDX-License-Identifier: MIT */
/* sched(7): SCHED_DEADLINE. As root, on Linux too (there with sched_rt_runtime_us as it is by default). */
#include "tap.h"

#include "schedattr.h"

#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define DEADLINE 6
#define RESETS 1
#define KEEP_PARAMS 16
#define MS 1000000ull
#define NS 1000000000ull

static unsigned long long now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (unsigned long long)t.tv_sec * NS + (unsigned long long)t.tv_nsec;
}

static void sleep_until(unsigned long long at) {
    struct timespec t = {(time_t)(at / NS), (long)(at % NS)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        continue;
}

/* 0 or an errno. */
static int reserve(unsigned long long runtime, unsigned long long deadline,
                   unsigned long long period, unsigned long long flags) {
    struct attr attr = {.size = sizeof attr, .policy = DEADLINE, .flags = flags};
    attr.runtime = runtime;
    attr.deadline = deadline;
    attr.period = period;
    return set_attr(0, &attr, 0) < 0 ? errno : 0;
}

static int set(int policy, int priority) {
    struct sched_param param = {.sched_priority = priority};
    return sched_setscheduler(0, policy, &param) < 0 ? errno : 0;
}

static void values(void) {
    struct attr attr;
    struct sched_param param;
    struct timespec interval;
    is_int(reserve(MS, 2 * MS, 3 * MS, 0), 0, "a reservation");
    ok(get_attr(0, &attr, sizeof attr, 0) == 0 && attr.policy == DEADLINE && attr.priority == 0 &&
           attr.runtime == MS && attr.deadline == 2 * MS && attr.period == 3 * MS,
       "is told");
    ok(sched_getscheduler(0) == DEADLINE && sched_getparam(0, &param) == 0 &&
           param.sched_priority == 0,
       "also by the older calls");
    ok(sched_rr_get_interval(0, &interval) == 0 && interval.tv_sec == 0 && interval.tv_nsec == 0,
       "it has no quantum");
    ok(reserve(MS, 2 * MS, 0, 0) == 0 && get_attr(0, &attr, sizeof attr, 0) == 0 &&
           attr.period == 2 * MS,
       "the period is the deadline, if none is given");
    attr = (struct attr){.size = sizeof attr, .policy = DEADLINE, .flags = KEEP_PARAMS | RESETS};
    ok(set_attr(0, &attr, 0) == 0 && get_attr(0, &attr, sizeof attr, 0) == 0 &&
           attr.runtime == MS && attr.flags == RESETS,
       "what is to be kept is kept");
    ok(setpriority(PRIO_PROCESS, 0, 3) == 0 && getpriority(PRIO_PROCESS, 0) == 3 &&
           setpriority(PRIO_PROCESS, 0, 0) == 0 &&
           sched_getscheduler(0) == (DEADLINE | SCHED_RESET_ON_FORK),
       "a nice value beside it");
    is_int(set(SCHED_OTHER, 0), 0, "none any more");
    ok(get_attr(0, &attr, sizeof attr, 0) == 0 && attr.policy == SCHED_OTHER && !attr.runtime,
       "is told");
}

static void refused(void) {
    static const struct {
        unsigned long long runtime, deadline, period;
    } bad[] = {{0, 0, 0},
               {1023, MS, MS},
               {2 * MS, MS, MS},
               {MS, 3 * MS, 2 * MS},
               {2000, 50000, 50000},
               {MS, 5 * NS, 5 * NS},
               {MS, 0, MS},
               {MS, ~0ull, ~0ull}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        is_int(reserve(bad[i].runtime, bad[i].deadline, bad[i].period, 0), EINVAL,
               "no reservation, number %u", i);
    is_int(set(DEADLINE, 0), EINVAL, "none without values");
    struct attr attr = {.size = sizeof attr, .policy = DEADLINE, .priority = 1};
    attr.runtime = attr.deadline = attr.period = MS;
    ok(set_attr(0, &attr, 0) < 0 && errno == EINVAL, "it has no priority");
    is_int(reserve(1024, 100000, 100000, 0), 0, "the least that there is");
    is_int(set(SCHED_OTHER, 0), 0, "none any more");
}

static int nobody_asks(void) {
    if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
        return 1;
    return reserve(MS, 10 * MS, 10 * MS, 0) != EPERM ? 2 : 0;
}

static int a_child(int (*body)(void)) {
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(body());
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                           : -1;
}

static int affinity(void) {
    cpu_set_t all, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all) < 0)
        return 1;
    for (size_t cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    if (CPU_COUNT(&all) == 1)
        return 0;
    if (reserve(MS, 10 * MS, 10 * MS, 0) || sched_setaffinity(0, sizeof one, &one) == 0 ||
        errno != EBUSY)
        return 2;
    if (set(SCHED_OTHER, 0) || sched_setaffinity(0, sizeof one, &one) < 0)
        return 3;
    return reserve(MS, 10 * MS, 10 * MS, 0) != EPERM ? 4 : 0;
}

static void *nothing(void *unused) {
    return unused;
}

static int parent(void) {
    pthread_t thread;
    if (reserve(MS, 10 * MS, 10 * MS, 0) || fork() >= 0 || errno != EAGAIN)
        return 1;
    if (pthread_create(&thread, NULL, nothing, NULL) != EAGAIN)
        return 2;
    if (reserve(MS, 10 * MS, 10 * MS, RESETS))
        return 3;
    pid_t pid = fork();
    if (pid == 0)
        _exit(sched_getscheduler(0) == SCHED_OTHER ? 0 : 1);
    int status;
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 4;
}

/* Children that reserve half a hart each, as many as may; then a second time: what the first ones had is free again. */
static int admitted(int harts) {
    int count = 0, ends[2], said[2];
    char answer = 0;
    if (pipe(ends) < 0 || pipe(said) < 0)
        return -1;
    for (int i = 0; i < 2 * harts + 2; i++) {
        if (fork() == 0) {
            close(ends[1]);
            answer = (char)reserve(5 * MS, 10 * MS, 10 * MS, 0);
            if (write(said[1], &answer, 1) != 1 || read(ends[0], &answer, 1) != 0)
                _exit(1);
            _exit(0);
        }
        if (read(said[0], &answer, 1) != 1 || (answer && answer != EBUSY))
            return -2;
        count += !answer;
    }
    close(ends[0]), close(ends[1]), close(said[0]), close(said[1]);
    while (wait(NULL) > 0)
        continue;
    return count;
}

static void permissions(void) {
    int harts = (int)sysconf(_SC_NPROCESSORS_ONLN), most = harts * 95 / 50;
    is_int(a_child(nobody_asks), 0, "for root alone");
    is_int(a_child(affinity), 0, "for threads that may run anywhere");
    is_int(a_child(parent), 0, "children do not inherit it");
    is_int(admitted(harts), most, "95 %% of all harts may be reserved");
    is_int(admitted(harts), most, "and what was reserved is free again");
}

/* So long it runs in a second beside one that always wants to run, on each hart. */
static void bandwidth(void) {
    int harts = (int)sysconf(_SC_NPROCESSORS_ONLN);
    pid_t busy[64];
    for (int i = 0; i < harts; i++)
        if ((busy[i] = fork()) == 0)
            for (;;)
                continue;
    is_int(reserve(20 * MS, 100 * MS, 100 * MS, 0), 0, "a fifth of a hart");
    unsigned long long from = now(CLOCK_MONOTONIC), start = now(CLOCK_THREAD_CPUTIME_ID);
    unsigned long long used, passed;
    do {
        used = now(CLOCK_THREAD_CPUTIME_ID) - start;
        passed = now(CLOCK_MONOTONIC) - from;
    } while (passed < NS || (used > passed * 2 / 5 && passed < 10 * NS));
    /* The machine itself may be kept waiting; time passes then in which nothing is done, and which goes off later. */
    ok(used > passed / 50 && used < passed * 2 / 5,
       "is what a thread gets that wants all: %llu ms of %llu", used / MS, passed / MS);
    is_int(set(SCHED_OTHER, 0), 0, "none any more");
    for (int i = 0; i < harts; i++)
        kill(busy[i], SIGKILL), waitpid(busy[i], NULL, 0);
}

static void yields(void) {
    is_int(reserve(5 * MS, 50 * MS, 50 * MS, 0), 0, "a tenth of a hart");
    sched_yield();
    unsigned long long from = now(CLOCK_MONOTONIC);
    for (int i = 0; i < 4; i++)
        sched_yield();
    unsigned long long took = now(CLOCK_MONOTONIC) - from;
    ok(took > 150 * MS, "who yields waits for its next period: %llu ms", took / MS);
    is_int(set(SCHED_OTHER, 0), 0, "none any more");
}

static unsigned long long ran(pid_t pid) {
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) == 0 ? now(clock) : 0;
}

/* It computes without end, without ever giving its hart away. */
static pid_t never_ends(int policy, int priority) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (set(policy, priority))
        _exit(1);
    for (;;)
        continue;
}

/* Whom others give a reservation while it runs has that time from then on, and no more; and is not charged what it ran before. */
static void given_by_others(void) {
    static const int policies[] = {SCHED_OTHER, SCHED_FIFO, SCHED_RR};
    struct attr attr = {.size = sizeof attr, .policy = DEADLINE};
    attr.runtime = 10 * MS;
    attr.deadline = attr.period = 200 * MS;
    is_int(set(SCHED_FIFO, 90), 0, "more urgent than those");
    for (unsigned i = 0; i < sizeof policies / sizeof *policies; i++) {
        pid_t pid = never_ends(policies[i], policies[i] == SCHED_OTHER ? 0 : 10);
        sleep_until(now(CLOCK_MONOTONIC) + 300 * MS);
        is_int(set_attr(pid, &attr, 0) < 0 ? errno : 0, 0, "a reservation for who runs");
        unsigned long long from = ran(pid);
        sleep_until(now(CLOCK_MONOTONIC) + 1000 * MS);
        unsigned long long took = ran(pid) - from;
        ok(took > 0 && took < 500 * MS, "by policy %d until then: %llu ms of 1000", policies[i],
           took / MS);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    is_int(set(SCHED_OTHER, 0), 0, "none any more");
}

/* One runs from 0 to 60 ms, until then the other one wants to at 20 ms, for 5 ms. */
static volatile struct meeting {
    unsigned long long began, woke, ended;
    int ready;
} * meeting;

static void *early(void *unused) {
    if (reserve(10 * MS, 30 * MS, 30 * MS, 0))
        _exit(1);
    meeting->ready++;
    sleep_until(meeting->began + 20 * MS);
    meeting->woke = now(CLOCK_MONOTONIC);
    return unused;
}

static void *late(void *unused) {
    if (reserve(200 * MS, 1000 * MS, 1000 * MS, 0))
        _exit(2);
    meeting->ready++;
    sleep_until(meeting->began);
    while (now(CLOCK_MONOTONIC) < meeting->began + 60 * MS)
        continue;
    meeting->ended = now(CLOCK_MONOTONIC);
    return unused;
}

static void deadlines(void) {
    pthread_t threads[2];
    meeting->began = now(CLOCK_MONOTONIC) + 100 * MS;
    pthread_create(&threads[0], NULL, early, NULL);
    pthread_create(&threads[1], NULL, late, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    ok(meeting->ready == 2 && meeting->woke < meeting->ended,
       "whose deadline is earlier runs at once: after %llu us",
       (meeting->woke - meeting->began - 20 * MS) / 1000);
}

/* A runaway real-time thread neither keeps it off its time nor keeps a more urgent sleeper asleep. */
static void *runs_away(void *unused) {
    unsigned long long until = meeting->began + 800 * MS;
    if (set(SCHED_FIFO, 10))
        _exit(3);
    sleep_until(meeting->began - 5 * MS);
    while (now(CLOCK_MONOTONIC) < until)
        continue;
    return unused;
}

static void *reserved_sleeper(void *worst) {
    if (reserve(2 * MS, 10 * MS, 10 * MS, 0))
        _exit(4);
    for (unsigned i = 1; i <= 20; i++) {
        unsigned long long at = meeting->began + i * 10 * MS;
        sleep_until(at);
        unsigned long long after = now(CLOCK_MONOTONIC) - at;
        if (after > *(unsigned long long *)worst)
            *(unsigned long long *)worst = after;
    }
    return NULL;
}

static void beside_real_time(void) {
    int harts = (int)sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t threads[64], sleeper;
    unsigned long long worst = 0;
    meeting->began = now(CLOCK_MONOTONIC) + 100 * MS;
    pthread_create(&sleeper, NULL, reserved_sleeper, &worst);
    for (int i = 0; i < harts; i++)
        pthread_create(&threads[i], NULL, runs_away, NULL);
    pthread_join(sleeper, NULL);
    for (int i = 0; i < harts; i++)
        pthread_join(threads[i], NULL);
    ok(worst < 500 * MS, "wakes in time beside real-time threads that never sleep: %llu us at most",
       worst / 1000);
}

static pthread_mutex_t *shared_lock(void) {
    pthread_mutexattr_t attr;
    pthread_mutex_t *lock =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(lock, &attr);
    return lock;
}

static pid_t keeps(pthread_mutex_t *lock) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    pthread_mutex_lock(lock);
    meeting->ready = 1;
    for (unsigned long long from = now(CLOCK_MONOTONIC); now(CLOCK_MONOTONIC) < from + 8000 * MS;)
        continue;
    _exit(0);
}

static pid_t wants_reserved(pthread_mutex_t *lock) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (reserve(MS, 100 * MS, 100 * MS, 0))
        _exit(5);
    pthread_mutex_lock(lock);
    _exit(0);
}

/* Who has a lock for which one with a reservation waits, and does not give it back, is not given the machine. */
static void is_waited_for(void) {
    pthread_mutex_t *lock = shared_lock();
    meeting->ready = 0;
    pid_t keeper = keeps(lock);
    while (!*(volatile int *)&meeting->ready)
        sched_yield();
    unsigned long long at = now(CLOCK_MONOTONIC) + 300 * MS;
    pid_t waiter = wants_reserved(lock);
    sleep_until(at);
    unsigned long long late = now(CLOCK_MONOTONIC) - at;
    ok(late < 3000 * MS, "others run beside who is lent urgency without end: %llu ms late",
       late / MS);
    kill(keeper, SIGKILL), waitpid(keeper, NULL, 0);
    kill(waiter, SIGKILL), waitpid(waiter, NULL, 0);
    munmap(lock, 4096);
}

int main(void) {
    meeting = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    values();
    refused();
    permissions();
    bandwidth();
    yields();
    given_by_others();
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
        return done(); /* of which any may be kept waiting by the machine below it, whatever is more urgent */
    deadlines();
    beside_real_time();
    is_waited_for();
    return done();
}
