/* SPDX-License-Identifier: MIT */
/* Setting the time of day, and who waits for one: clock_settime(2). */
#include "tap.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>

#define SECOND 1000000000ll
#define HOUR 3600

static long long now_of(clockid_t clock) {
    struct timespec t;

    if (clock_gettime(clock, &t) < 0)
        bail("clock_gettime");
    return t.tv_sec * SECOND + t.tv_nsec;
}

static struct timespec to_time(long long ns) {
    return (struct timespec){ns / SECOND, ns % SECOND};
}

/* Moves the time of day, as if it had been so all the time. */
static void move(long long seconds) {
    struct timespec t = to_time(now_of(CLOCK_REALTIME) + seconds * SECOND);

    if (clock_settime(CLOCK_REALTIME, &t) < 0)
        bail("clock_settime");
}

/* A child that waits until that many seconds of the time of day have passed, in some way, and then exits with 0. */
static pid_t waiting(int (*wait_until)(struct timespec), long seconds) {
    pid_t pid = start();

    if (pid == 0)
        _exit(wait_until(to_time(now_of(CLOCK_REALTIME) + seconds * SECOND)));
    let_block();
    return pid;
}

static bool has_ended(pid_t pid) {
    return waitpid(pid, NULL, WNOHANG) == pid;
}

/* ---- Ways to wait ---- */

static int by_sleep(struct timespec until) {
    return clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
}

static int by_futex(struct timespec until) {
    static uint32_t word;
    long n = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &until, NULL,
                     FUTEX_BITSET_MATCH_ANY);

    return n < 0 && errno == ETIMEDOUT ? 0 : 1;
}

static int by_condition(struct timespec until) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

    pthread_mutex_lock(&mutex);
    return pthread_cond_timedwait(&condition, &mutex, &until) == ETIMEDOUT ? 0 : 1;
}

static int by_timer(struct timespec until) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec setting = {.it_value = until};
    sigset_t set;
    timer_t timer;
    int signal;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (timer_create(CLOCK_REALTIME, &event, &timer) < 0 ||
        timer_settime(timer, TIMER_ABSTIME, &setting, NULL) < 0)
        return 1;
    return sigwait(&set, &signal);
}

static int by_timerfd(struct timespec until) {
    struct itimerspec setting = {.it_value = until};
    uint64_t count;
    int fd = timerfd_create(CLOCK_REALTIME, 0);

    if (timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL) < 0)
        return 1;
    return read(fd, &count, sizeof(count)) == sizeof(count) && count == 1 ? 0 : 1;
}

static int by_relative_sleep(struct timespec until) {
    struct timespec hour = {HOUR, 0};

    (void)until;
    return clock_nanosleep(CLOCK_REALTIME, 0, &hour, NULL);
}

static void waits(void) {
    static const struct {
        const char *name;
        int (*function)(struct timespec);
    } ways[] = {
        {"clock_nanosleep", by_sleep}, {"futex", by_futex},     {"a condition", by_condition},
        {"timer_settime", by_timer},   {"timerfd", by_timerfd},
    };

    for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        pid_t pid = waiting(ways[i].function, HOUR);
        move(HOUR - 60);
        sleep_ms(30);
        ok(!has_ended(pid), "%s: not yet a minute before", ways[i].name);
        move(120);
        is_int(reap_exit(pid), 0, "it ends when the clock is set to behind its time");
        move(-HOUR - 60);
        pid = waiting(ways[i].function, 1);
        move(-HOUR);
        sleep_ms(1200);
        ok(!has_ended(pid), "it waits when the clock is set back");
        move(HOUR);
        is_int(reap_exit(pid), 0, "until that is undone");
    }
    pid_t pid = waiting(by_relative_sleep, 0);
    move(2 * HOUR);
    sleep_ms(30);
    ok(!has_ended(pid), "a relative sleep is as long as before");
    kill(pid, SIGKILL);
    reap(pid);
    move(-2 * HOUR);
}

/* ---- TFD_TIMER_CANCEL_ON_SET ---- */

static void cancels(void) {
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    struct itimerspec setting = {.it_value = to_time(now_of(CLOCK_REALTIME) + HOUR * SECOND)}, is;
    struct pollfd poll_for = {fd, POLLIN, 0};
    const int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    uint64_t count;

    ok(timerfd_settime(fd, flags, &setting, NULL) == 0, "TFD_TIMER_CANCEL_ON_SET");
    is_int(poll(&poll_for, 1, 0), 0, "nothing yet");
    is_errno(read(fd, &count, sizeof(count)), EAGAIN, "read");
    move(10);
    is_int(poll(&poll_for, 1, 1000), 1, "the clock is set: it can be read");
    is_errno(read(fd, &count, sizeof(count)), ECANCELED, "which says so");
    is_errno(read(fd, &count, sizeof(count)), EAGAIN, "once");
    ok(timerfd_gettime(fd, &is) == 0 && is.it_value.tv_sec > HOUR - 60 &&
           is.it_value.tv_sec < HOUR - 5,
       "it runs on, to the same time");
    move(-10);
    sleep_ms(30);
    is_errno(timerfd_settime(fd, flags, &setting, NULL), ECANCELED, "setting it says so, too");
    ok(timerfd_gettime(fd, &is) == 0 && is.it_value.tv_sec > HOUR - 60, "but it is set");
    pid_t pid = start();
    if (pid == 0) {
        fcntl(fd, F_SETFL, 0);
        _exit(read(fd, &count, sizeof(count)) < 0 && errno == ECANCELED ? 0 : 1);
    }
    let_block();
    move(5);
    is_int(reap_exit(pid), 0, "who waits is told");
    move(-5);
    sleep_ms(30);
    ok(read(fd, &count, sizeof(count)) < 0 && errno == ECANCELED, "and who comes later");
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL);
    move(5);
    is_int(poll(&poll_for, 1, 30), 0, "without the flag nobody is told");
    move(-5);
    close(fd);
}

/* ---- What it shows, and who may ---- */

static void shows(void) {
    long long monotonic = now_of(CLOCK_MONOTONIC), before = now_of(CLOCK_REALTIME);
    struct timeval tv;
    struct stat s;
    int fd;

    move(HOUR);
    long long moved = now_of(CLOCK_REALTIME) - before - HOUR * SECOND;
    ok(moved >= 0 && moved < 10 * SECOND, "the time of day is another");
    moved = now_of(CLOCK_MONOTONIC) - monotonic;
    ok(moved >= 0 && moved < 10 * SECOND, "monotonic time is not");
    fd = open("/tmp/t_clockset", O_CREAT | O_WRONLY, 0600);
    ok(fd >= 0 && fstat(fd, &s) == 0 && s.st_mtime >= before / SECOND + HOUR - 1,
       "files get the new time");
    close(fd);
    unlink("/tmp/t_clockset");
    ok(gettimeofday(&tv, NULL) == 0 && tv.tv_sec >= before / SECOND + HOUR, "gettimeofday");
    ok(time(NULL) >= before / SECOND + HOUR, "time");
    tv = (struct timeval){tv.tv_sec - HOUR, tv.tv_usec};
    ok(settimeofday(&tv, NULL) == 0 && time(NULL) < before / SECOND + 60, "settimeofday");
}

static int may_not(void) {
    struct timespec t = to_time(now_of(CLOCK_REALTIME));
    struct timeval tv = {t.tv_sec, 0};
    struct timex x = {.modes = ADJ_SETOFFSET};

    if (setuid(1234) < 0)
        return 1;
    if (clock_settime(CLOCK_REALTIME, &t) == 0 || errno != EPERM)
        return 2;
    if (settimeofday(&tv, NULL) == 0 || errno != EPERM)
        return 3;
    if (adjtimex(&x) >= 0 || errno != EPERM)
        return 4;
    t.tv_nsec = SECOND;
    if (clock_settime(CLOCK_REALTIME, &t) == 0 || errno != EINVAL)
        return 5;
    x.modes = 0;
    return adjtimex(&x) < 0 ? 6 : 0;
}

static void errors(void) {
    struct timespec t = to_time(now_of(CLOCK_REALTIME)), bad = t;
    struct timeval tv = {t.tv_sec, 1000000};

    is_int(WEXITSTATUS(in_child(may_not)), 0, "only root may");
    is_errno(clock_settime(CLOCK_MONOTONIC, &t), EINVAL, "another clock");
    is_errno(clock_settime(CLOCK_BOOTTIME, &t), EINVAL, "and another");
    is_errno(clock_settime(1000, &t), EINVAL, "none");
    is_errno(syscall(SYS_clock_settime, CLOCK_REALTIME, nowhere), EFAULT, "a bad address");
    bad.tv_nsec = SECOND;
    is_errno(clock_settime(CLOCK_REALTIME, &bad), EINVAL, "too many nanoseconds");
    bad = (struct timespec){-1, 0};
    is_errno(clock_settime(CLOCK_REALTIME, &bad), EINVAL, "negative seconds");
    bad = (struct timespec){0, 0};
    is_errno(clock_settime(CLOCK_REALTIME, &bad), EINVAL, "before the machine was started");
    bad = (struct timespec){INT64_MAX, 0};
    is_errno(clock_settime(CLOCK_REALTIME, &bad), EINVAL, "too late");
    is_errno(syscall(SYS_settimeofday, &tv, NULL), EINVAL, "too many microseconds");
    ok(time(NULL) - t.tv_sec < 60, "the time is as it was");
}

static void adjusts(void) {
    struct timex t = {.modes = 0};
    time_t before = time(NULL);

    ok(adjtimex(&t) >= 0 && t.time.tv_sec - before < 60 && t.tick == 10000, "adjtimex");
    t.modes = ADJ_OFFSET_SS_READ;
    ok(adjtimex(&t) >= 0, "ADJ_OFFSET_SS_READ");
    t = (struct timex){.modes = ADJ_SETOFFSET, .time = {HOUR, 0}};
    ok(clock_adjtime(CLOCK_REALTIME, &t) >= 0 && time(NULL) - before >= HOUR, "ADJ_SETOFFSET");
    t = (struct timex){.modes = ADJ_SETOFFSET | ADJ_NANO, .time = {-HOUR, 1}};
    ok(adjtimex(&t) >= 0 && time(NULL) - before < 60, "and back");
    t.time.tv_usec = SECOND;
    is_errno(adjtimex(&t), EINVAL, "too many nanoseconds");
    t.modes = 0;
    is_errno(clock_adjtime(CLOCK_MONOTONIC, &t), EOPNOTSUPP, "of another clock");
}

int main(void) {
    struct timespec t = to_time(now_of(CLOCK_REALTIME));

    if (clock_settime(CLOCK_REALTIME, &t) < 0 && errno == EPERM) {
        skip("setting the clock", "it may not be set here");
        return done();
    }
    shows();
    errors();
    adjusts();
    waits();
    cancels();
    return done();
}
