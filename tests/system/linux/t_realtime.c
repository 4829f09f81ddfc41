/* SPDX-License-Identifier: MIT */
/*
 * sched(7): real-time policies, nice values, harts, and what children have of them. As root, on Linux too (there with
 * sched_rt_runtime_us as it is by default).
 */
#include "tap.h"

#include "schedattr.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define NOBODY 65534
#define RESETS 1
#define NS 1000000000ull

static volatile struct shared {
    unsigned order[8], count;
    int running;
    unsigned long turns[4];
} * shared;

static unsigned long long now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (unsigned long long)t.tv_sec * NS + (unsigned long long)t.tv_nsec;
}

static int set(int policy, int priority) {
    struct sched_param param = {.sched_priority = priority};
    return sched_setscheduler(0, policy, &param);
}

static int priority_of(pid_t pid) {
    struct sched_param param;
    return sched_getparam(pid, &param) < 0 ? -1 : param.sched_priority;
}

static void on_hart(unsigned hart) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(hart, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) < 0)
        _exit(99);
}

static void compute_ms(unsigned ms) {
    for (unsigned long long end = now(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000ull;
         now(CLOCK_THREAD_CPUTIME_ID) < end;)
        ;
}

static void become_nobody(void) {
    if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(98);
}

/* What was set is told, by the kernel's file too. */
static int told(void) {
    char text[1024], *at;
    int fd = open("/proc/self/stat", O_RDONLY), shown, real, policy;
    if (set(SCHED_FIFO, 42) < 0 || sched_getscheduler(0) != SCHED_FIFO || priority_of(0) != 42)
        return 1;
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n <= 0 || !(text[n] = 0, at = strrchr(text, ')')))
        return 2;
    if (sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %d", &shown) !=
            1 ||
        shown != -43)
        return 3;
    for (int field = 2; field < 40; field++)
        at = strchr(at + 1, ' ');
    if (sscanf(at, "%d %d", &real, &policy) != 2 || real != 42 || policy != SCHED_FIFO)
        return 4;
    return set(SCHED_RR, 1) < 0 || sched_getscheduler(0) != SCHED_RR || set(SCHED_BATCH, 0) < 0 ||
           sched_getscheduler(0) != SCHED_BATCH || set(SCHED_IDLE, 0) < 0 ||
           set(SCHED_OTHER, 0) < 0;
}

static int refused(void) {
    struct sched_param none = {0};
    if (set(SCHED_FIFO, 0) == 0 || errno != EINVAL || set(SCHED_FIFO, 100) == 0 ||
        errno != EINVAL || set(SCHED_OTHER, 1) == 0 || errno != EINVAL ||
        set(SCHED_BATCH, 1) == 0 || errno != EINVAL || set(4, 0) == 0 || errno != EINVAL ||
        sched_setscheduler(4000000, SCHED_OTHER, &none) == 0 || errno != ESRCH)
        return 1;
    return sched_getscheduler(0) != SCHED_OTHER;
}

static int inherited(void) {
    if (set(SCHED_RR, 7) < 0 || setpriority(PRIO_PROCESS, 0, -3) < 0)
        return 1;
    pid_t child = fork();
    if (child == 0)
        _exit(sched_getscheduler(0) != SCHED_RR || priority_of(0) != 7 ||
              getpriority(PRIO_PROCESS, 0) != -3);
    return reap_exit(child);
}

static int not_inherited(void) {
    if (set(SCHED_RR | SCHED_RESET_ON_FORK, 7) < 0 || setpriority(PRIO_PROCESS, 0, -3) < 0 ||
        sched_getscheduler(0) != (SCHED_RR | SCHED_RESET_ON_FORK))
        return 1;
    pid_t child = fork();
    if (child == 0)
        _exit(sched_getscheduler(0) != SCHED_OTHER || priority_of(0) != 0 ||
              getpriority(PRIO_PROCESS, 0) != 0);
    return reap_exit(child);
}

/* Through exec, too: the program that runs then tells. */
static int executed(void) {
    on_hart(0);
    if (set(SCHED_FIFO, 9) < 0)
        return 1;
    execl("/proc/self/exe", "t_realtime", "what", NULL);
    return 2;
}

/* Three of different priorities that are ready on one hart: the most urgent runs first, to its end. */
static int order(void) {
    static const int priorities[] = {20, 40, 30};
    pid_t children[3];
    on_hart(0);
    if (set(SCHED_FIFO, 80) < 0)
        return 1;
    for (int i = 0; i < 3; i++)
        if (!(children[i] = fork())) {
            if (set(SCHED_FIFO, priorities[i]) < 0)
                _exit(1);
            compute_ms(20);
            shared->order[shared->count++] = (unsigned)priorities[i];
            _exit(0);
        }
    for (int i = 0; i < 3; i++)
        if (waitpid(children[i], NULL, 0) < 0)
            return 2;
    return shared->order[0] != 40 || shared->order[1] != 30 || shared->order[2] != 20;
}

/* Two of the same on one hart, counted in turns: with FIFO the first runs to its end, with RR they alternate. */
static int alternate(int policy) {
    pid_t children[2];
    on_hart(0);
    shared->count = 0;
    if (set(policy, 80) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if (!(children[i] = fork())) {
            set(policy, 50);
            for (int k = 0; k < 300; k++) {
                compute_ms(1);
                if (shared->running != i + 1)
                    shared->count++;
                shared->running = i + 1;
            }
            _exit(0);
        }
    for (int i = 0; i < 2; i++)
        waitpid(children[i], NULL, 0);
    return (int)shared->count;
}

static int first_in_first_out(void) {
    return alternate(SCHED_FIFO) != 2;
}

static int round_robin(void) {
    int turns = alternate(SCHED_RR);
    printf("# %d turns\n", turns);
    return turns < 4 || turns > 100; /* a loaded machine's time goes on while it stands still */
}

/* One that never gives way leaves some time for the others. */
static int throttled(void) {
    on_hart(0);
    pid_t hog = fork();
    if (hog == 0) {
        set(SCHED_FIFO, 99);
        for (;;)
            ;
    }
    unsigned long long from = now(CLOCK_MONOTONIC);
    compute_ms(60);
    unsigned long long took = now(CLOCK_MONOTONIC) - from;
    kill(hog, SIGKILL);
    waitpid(hog, NULL, 0);
    return took > 20 * NS;
}

/* Shares of one hart by nice value: ten steps are a factor of about 9. */
static int nice_shares(void) {
    pid_t children[2];
    on_hart(0);
    shared->turns[0] = shared->turns[1] = 0;
    for (int i = 0; i < 2; i++)
        if (!(children[i] = fork())) {
            if (i && nice(10) != 10)
                _exit(1);
            for (;;) {
                compute_ms(1);
                shared->turns[i]++;
            }
        }
    sleep(2);
    for (int i = 0; i < 2; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    double ratio = (double)shared->turns[0] / ((double)shared->turns[1] + 1);
    printf("# %lu to %lu turns\n", shared->turns[0], shared->turns[1]);
    return ratio < 4 || ratio > 25;
}

/* It runs where it may, and is moved when that changes. */
static int harts(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    for (int round = 0; round < 20; round++) {
        unsigned cpu = 99;
        on_hart((unsigned)round % (unsigned)count);
        for (int k = 0; k < 5; k++) {
            if (syscall(SYS_getcpu, &cpu, NULL, NULL) < 0 ||
                cpu != (unsigned)round % (unsigned)count)
                return 1;
            usleep(100);
        }
    }
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(200, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) == 0 || errno != EINVAL)
        return 2;
    on_hart(0);
    pid_t child = fork();
    if (child == 0)
        _exit(sched_getaffinity(0, sizeof cpus, &cpus) < 0 || CPU_COUNT(&cpus) != 1 ||
              !CPU_ISSET(0, &cpus));
    return reap_exit(child);
}

static int limited(void) {
    struct rlimit limit = {10, 10}, nice_limit = {25, 25}; /* to -5 */
    if (setrlimit(RLIMIT_RTPRIO, &limit) < 0 || setrlimit(RLIMIT_NICE, &nice_limit) < 0)
        return 1;
    become_nobody();
    if (set(SCHED_FIFO, 11) == 0 || errno != EPERM || set(SCHED_FIFO, 10) < 0 ||
        set(SCHED_FIFO, 3) < 0)
        return 2;
    if (set(SCHED_OTHER | SCHED_RESET_ON_FORK, 0) < 0 || set(SCHED_OTHER, 0) == 0 || errno != EPERM)
        return 3;
    if (setpriority(PRIO_PROCESS, 0, -5) < 0 || setpriority(PRIO_PROCESS, 0, -6) == 0 ||
        errno != EACCES)
        return 4;
    struct attr attr = {.size = sizeof attr, .policy = SCHED_OTHER, .flags = RESETS, .nice = -6};
    if (set_attr(0, &attr, 0) == 0 || errno != EPERM)
        return 5;
    attr.nice = 7;
    return set_attr(0, &attr, 0) < 0 || getpriority(PRIO_PROCESS, 0) != 7 ? 6 : 0;
}

static int unprivileged(void) {
    become_nobody();
    if (set(SCHED_RR, 1) == 0 || errno != EPERM || set(SCHED_BATCH, 0) < 0 ||
        set(SCHED_IDLE, 0) < 0)
        return 1;
    if (set(SCHED_OTHER, 0) == 0 ||
        errno != EPERM) /* from the idle one only who may be less nice */
        return 2;
    cpu_set_t cpus;
    if (sched_getaffinity(getppid(), sizeof cpus, &cpus) < 0 ||
        sched_setaffinity(getppid(), sizeof cpus, &cpus) == 0 || errno != EPERM)
        return 3;
    return 0;
}

static void *thread_tells(void *unused) {
    struct sched_param param;
    int policy;
    (void)unused;
    if (pthread_getschedparam(pthread_self(), &policy, &param))
        return (void *)1;
    return (void *)(long)(policy * 1000 + param.sched_priority);
}

static int threads(void) {
    struct sched_param param = {.sched_priority = 33};
    pthread_attr_t attr;
    pthread_t thread;
    void *result;
    pthread_attr_init(&attr);
    if (pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) ||
        pthread_attr_setschedpolicy(&attr, SCHED_FIFO) ||
        pthread_attr_setschedparam(&attr, &param) ||
        pthread_create(&thread, &attr, thread_tells, NULL) || pthread_join(thread, &result) ||
        (long)result != SCHED_FIFO * 1000 + 33)
        return 1;
    if (pthread_create(&thread, NULL, thread_tells, NULL) || pthread_join(thread, &result) ||
        (long)result != SCHED_OTHER * 1000)
        return 2;
    return sched_getscheduler(0) != SCHED_OTHER;
}

static int intervals(void) {
    struct timespec t;
    if (set(SCHED_RR, 5) < 0 || sched_rr_get_interval(0, &t) < 0 || t.tv_sec != 0 ||
        t.tv_nsec != 100000000)
        return 1;
    return set(SCHED_FIFO, 5) < 0 || sched_rr_get_interval(0, &t) < 0 || t.tv_sec != 0 ||
           t.tv_nsec != 0;
}

/* Parley's own: the policy is changed while threads run and wait. */
static int policies(void) {
    static const char *const names[] = {"fifo", "o1", "fair", "eevdf"};
    static const char file[] = "/proc/sys/kernel/sched_policy";
    pid_t children[6];
    char text[20];
    for (unsigned i = 0; i < 6; i++)
        if (!(children[i] = fork()))
            for (;;)
                usleep(100), compute_ms(1);
    for (unsigned i = 0; i < 12; i++) {
        int fd = open(file, O_RDWR);
        size_t length = strlen(names[i % 4]);
        if (fd < 0 || write(fd, names[i % 4], length) != (ssize_t)length ||
            pread(fd, text, sizeof text, 0) != (ssize_t)length + 1 ||
            memcmp(text, names[i % 4], length) || pwrite(fd, "none", 4, 0) >= 0 || errno != EINVAL)
            return 1;
        close(fd);
        usleep(20000);
    }
    for (unsigned i = 0; i < 6; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    become_nobody();
    return open(file, O_WRONLY) >= 0 || errno != EACCES;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        cpu_set_t cpus;
        (void)argv;
        return sched_getscheduler(0) != SCHED_FIFO || priority_of(0) != 9 ||
               sched_getaffinity(0, sizeof cpus, &cpus) < 0 || CPU_COUNT(&cpus) != 1;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    is_int(in_child(told), 0, "what was set is told");
    is_int(in_child(refused), 0, "what is out of range is refused");
    is_int(in_child(inherited), 0, "a child has the same");
    is_int(in_child(not_inherited), 0, "or not, if that was asked for");
    is_int(in_child(executed), 0, "a program keeps it through exec");
    is_int(in_child(order), 0, "the most urgent runs first");
    is_int(in_child(first_in_first_out), 0, "of equals one after the other, by FIFO");
    is_int(in_child(round_robin), 0, "and in turns, by RR");
    is_int(in_child(throttled), 0, "one that runs away leaves time for others");
    is_int(in_child(nice_shares), 0, "nice values make shares");
    is_int(in_child(harts), 0, "a thread runs where it may");
    is_int(in_child(limited), 0, "limits say what others than root may");
    is_int(in_child(unprivileged), 0, "which is not much, without them");
    is_int(in_child(threads), 0, "a pthread begins as asked");
    is_int(in_child(intervals), 0, "quanta");
    if (access("/proc/sys/kernel/sched_policy", F_OK) == 0)
        is_int(in_child(policies), 0, "policies change while threads wait");
    else
        skip("policies change while threads wait", "there is but one");
    return done();
}
