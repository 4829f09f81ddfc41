/* SPDX-License-Identifier: MIT */
/* getrlimit(2): RLIMIT_CPU and RLIMIT_RTTIME. As root, on Linux too. */
#include "tap.h"

#include <sched.h>
#include <sys/resource.h>

#define SECOND 1000000ul /* us */

static volatile sig_atomic_t told;

static void count(int signal) {
    (void)signal;
    told++;
}

static void limit(int resource, rlim_t soft, rlim_t hard) {
    struct rlimit values = {soft, hard};
    if (setrlimit(resource, &values) < 0)
        _exit(90);
}

static rlim_t soft_of(int resource) {
    struct rlimit values;
    return getrlimit(resource, &values) < 0 ? 0 : values.rlim_cur;
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void compute(double seconds) {
    while (cpu_seconds() < seconds)
        continue;
}

static void real_time(void) {
    struct sched_param param = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_FIFO, &param) < 0)
        _exit(91);
}

static int a_child(int (*body)(void)) {
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(body());
    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static int soft_ends(void) {
    limit(RLIMIT_CPU, 1, 10);
    compute(8);
    return 1;
}

static int hard_ends(void) {
    signal(SIGXCPU, SIG_IGN);
    limit(RLIMIT_CPU, 1, 2);
    compute(8);
    return 1;
}

static int told_each_second(void) {
    signal(SIGXCPU, count);
    limit(RLIMIT_CPU, 1, 30);
    for (int n = 1; n <= 2; n++) {
        while (told < n && cpu_seconds() < 8)
            continue;
        if (told != n || cpu_seconds() < n || soft_of(RLIMIT_CPU) != (rlim_t)n + 1)
            return 1 + n;
    }
    return 0;
}

static int computes(void) {
    compute(8);
    return 1;
}

static int inherited(void) {
    limit(RLIMIT_CPU, 1, 10);
    int status = a_child(computes);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGXCPU)
        return 2;
    return 0;
}

static int asleep(void) {
    limit(RLIMIT_CPU, 1, 1);
    usleep(1500000);
    return 0;
}

static int runs_away(void) {
    real_time();
    limit(RLIMIT_RTTIME, SECOND / 5, 20 * SECOND);
    compute(8);
    return 1;
}

static int runs_away_deaf(void) {
    signal(SIGXCPU, SIG_IGN);
    real_time();
    limit(RLIMIT_RTTIME, SECOND / 10, SECOND / 2);
    compute(8);
    return 1;
}

static int limited_before(void) {
    limit(RLIMIT_RTTIME, SECOND / 5, 20 * SECOND);
    compute(0.5);
    real_time();
    compute(8);
    return 1;
}

/* Each time for less than the limit. */
static int blocks(void) {
    signal(SIGXCPU, count);
    real_time();
    limit(RLIMIT_RTTIME, SECOND, 20 * SECOND);
    for (int i = 1; i <= 20; i++) {
        compute(0.1 * i);
        usleep(20000);
    }
    return told;
}

static int shares(void) {
    limit(RLIMIT_RTTIME, SECOND / 5, SECOND / 4);
    compute(0.6);
    return 0;
}

static bool ends_by(int status, int signal) {
    return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

int main(void) {
    ok(ends_by(a_child(soft_ends), SIGXCPU), "computing beyond the soft limit");
    ok(ends_by(a_child(hard_ends), SIGKILL), "beyond the hard one");
    is_int(a_child(told_each_second), 0, "a signal each second, and the limit goes along");
    is_int(a_child(inherited), 0, "children have the limit, too");
    is_int(a_child(asleep), 0, "sleeping does not count");
    ok(ends_by(a_child(runs_away), SIGXCPU), "a real-time thread that is never blocked");
    ok(ends_by(a_child(runs_away_deaf), SIGKILL), "beyond the hard limit");
    ok(ends_by(a_child(limited_before), SIGXCPU), "a limit from before it was a real-time one");
    is_int(a_child(blocks), 0, "one that is blocked now and then");
    is_int(a_child(shares), 0, "others do not count");
    return done();
}
