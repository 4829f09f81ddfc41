/* SPDX-License-Identifier: MIT */
/* Counters and timers as descriptors: eventfd(2), timerfd_create(2). */
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/stat.h>

static long take(int fd) {
    uint64_t value = 0;
    return read(fd, &value, sizeof(value)) == sizeof(value) ? (long)value : -1;
}

static long put(int fd, uint64_t value) {
    return write(fd, &value, sizeof(value));
}

static int events(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT};
    return poll(&one, 1, 0) < 0 ? -1 : one.revents;
}

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_counter(void) {
    int fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);
    ok(fd >= 0, "eventfd");
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "closed on exec");
    is_int(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK, "its flags");
    is_int(take(fd), 3, "the first value");
    is_errno(take(fd), EAGAIN, "nothing more");
    is_int(events(fd), POLLOUT, "only to be written");
    is_int(put(fd, 5), 8, "add");
    is_int(put(fd, 6), 8, "add");
    is_int(events(fd), POLLIN | POLLOUT, "both");
    is_int(take(fd), 11, "the sum");
    is_errno(put(fd, UINT64_MAX), EINVAL, "the largest number is none");
    is_int(put(fd, UINT64_MAX - 1), 8, "the largest sum");
    is_int(events(fd), POLLIN, "no room");
    is_errno(put(fd, 1), EAGAIN, "one more");
    is_int(put(fd, 0), 8, "none more");
    is_int(take(fd), (long)(UINT64_MAX - 1), "all of it");
    char small[4];
    is_errno(read(fd, small, sizeof(small)), EINVAL, "a short read");
    is_errno(write(fd, small, sizeof(small)), EINVAL, "a short write");
    is_errno(write(fd, nowhere, 8), EFAULT, "a bad buffer");
    is_errno(write(fd, nowhere, 8), EFAULT, "again, nothing was added");
    char link[64] = "";
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ok(readlink(path, link, sizeof(link) - 1) > 0 && !strcmp(link, "anon_inode:[eventfd]"),
       "as /proc shows it");
    is_errno(eventfd(0, 0x40), EINVAL, "bad flags");
    close(fd);
}

static void test_semaphore(void) {
    int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    is_int(take(fd), 1, "one");
    is_int(take(fd), 1, "and one");
    is_errno(take(fd), EAGAIN, "no third");
    put(fd, 2);
    is_int(take(fd), 1, "one more");
    close(fd);
}

static void test_blocking(void) {
    int fd = eventfd(0, 0), full = eventfd(0, 0);
    put(full, UINT64_MAX - 1);
    if (start() == 0) {
        if (put(full, 5) != 8 || take(fd) != 9)
            _exit(1);
        _exit(put(fd, 77) != 8);
    }
    let_block();
    is_int(take(full), (long)(UINT64_MAX - 1), "a writer waits: what was there");
    let_block();
    is_int(take(full), 5, "then what it wrote");
    put(fd, 9);
    is_int(reap_exit(tap_last_child), 0, "a reader waited, too");
    is_int(take(fd), 77, "and wrote");
    close(fd);
    close(full);
}

static void test_many(void) {
    enum { COUNT = 50 };
    int fd = eventfd(0, EFD_SEMAPHORE);
    pid_t child[COUNT];
    for (int i = 0; i < COUNT; i++)
        if ((child[i] = start()) == 0)
            _exit(take(fd) != 1);
    let_block();
    kill(child[7], SIGKILL);
    reap(child[7]);
    put(fd, COUNT - 1);
    int good = 0;
    for (int i = 0; i < COUNT; i++)
        good += i != 7 && reap_exit(child[i]) == 0;
    is_int(good, COUNT - 1, "%d readers get one each", COUNT - 1);
    close(fd);
}

static volatile int alarms;

static void on_alarm(int number) {
    (void)number;
    alarms++;
}

static void test_signal(void) {
    struct sigaction action = {.sa_handler = on_alarm};
    int fd = eventfd(0, 0);
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    is_errno(take(fd), EINTR, "a signal ends a wait");
    put(fd, 4);
    is_int(take(fd), 4, "nothing was lost");
    pid_t pid = start();
    if (pid == 0) {
        sleep_ms(50);
        _exit(put(fd, 1) != 8);
    }
    struct pollfd one = {.fd = fd, .events = POLLIN};
    is_int(poll(&one, 1, 20000), 1, "poll is woken");
    is_int(reap_exit(pid), 0, "by another process");
    close(fd);
}

static struct itimerspec in_ms(long value, long interval) {
    return (struct itimerspec){.it_value = {value / 1000, value % 1000 * 1000000},
                               .it_interval = {interval / 1000, interval % 1000 * 1000000}};
}

static void test_timer(void) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec set = in_ms(60, 0), is;
    long began = now_ms();
    is_int(events(fd), 0, "not set");
    is_int(timerfd_settime(fd, 0, &set, NULL), 0, "set");
    is_int(timerfd_gettime(fd, &is), 0, "gettime");
    ok(is.it_value.tv_sec == 0 && is.it_value.tv_nsec > 0 && is.it_value.tv_nsec <= 60000000,
       "what is left");
    struct pollfd one = {.fd = fd, .events = POLLIN};
    is_int(poll(&one, 1, 20000), 1, "poll is woken");
    ok(now_ms() - began >= 60, "not early");
    is_int(take(fd), 1, "once");
    is_int(timerfd_gettime(fd, &is), 0, "gettime");
    ok(is.it_value.tv_sec == 0 && is.it_value.tv_nsec == 0, "and no more");
    began = now_ms();
    timerfd_settime(fd, 0, &set, NULL);
    is_int(take(fd), 1, "a reader waits");
    ok(now_ms() - began >= 60, "not too short");
    is_int(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR, "its flags");
    is_errno(write(fd, &set, 8), EINVAL, "nobody writes");
    char small[4];
    is_errno(read(fd, small, 4), EINVAL, "a short read");
    close(fd);
}

static void test_interval(void) {
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    struct itimerspec set = in_ms(20, 10), old;
    timerfd_settime(fd, 0, &set, NULL);
    is_errno(take(fd), EAGAIN, "not yet");
    sleep_ms(120);
    long times = take(fd);
    ok(times >= 10, "expired %ld times", times);
    sleep_ms(30);
    times = take(fd);
    ok(times >= 2, "and %ld more", times);
    struct itimerspec off = in_ms(0, 0);
    is_int(timerfd_settime(fd, 0, &off, &old), 0, "off");
    ok(old.it_interval.tv_nsec == 10000000 && old.it_value.tv_nsec <= 10000000, "the old setting");
    off.it_interval.tv_sec = 7;
    timerfd_settime(fd, 0, &off, NULL);
    timerfd_gettime(fd, &old);
    ok(!old.it_value.tv_sec && !old.it_value.tv_nsec && old.it_interval.tv_sec == 7,
       "the interval of one that is off is told");
    sleep_ms(30);
    is_errno(take(fd), EAGAIN, "nothing comes any more");
    struct itimerspec quick = {.it_value = {0, 1}, .it_interval = {0, 1}};
    timerfd_settime(fd, 0, &quick, NULL);
    sleep_ms(20);
    ok(take(fd) > 1000000, "each nanosecond counts");
    close(fd);
}

static void test_absolute(void) {
    int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
    for (int i = 0; i < 3; i++) {
        int fd = timerfd_create(clocks[i], 0);
        struct itimerspec set = {0};
        struct timespec now;
        clock_gettime(clocks[i], &now);
        set.it_value = now;
        set.it_value.tv_sec -= 1;
        int flags = TFD_TIMER_ABSTIME | (i == 0 ? TFD_TIMER_CANCEL_ON_SET : 0);
        is_int(timerfd_settime(fd, flags, &set, NULL), 0, "a time in the past");
        is_int(take(fd), 1, "has come");
        set.it_value = now;
        set.it_value.tv_nsec += 50000000;
        set.it_value.tv_sec += set.it_value.tv_nsec / 1000000000;
        set.it_value.tv_nsec %= 1000000000;
        timerfd_settime(fd, flags, &set, NULL);
        is_int(take(fd), 1, "a time to come");
        clock_gettime(clocks[i], &now);
        ok(now.tv_sec > set.it_value.tv_sec ||
               (now.tv_sec == set.it_value.tv_sec && now.tv_nsec >= set.it_value.tv_nsec),
           "has come then");
        close(fd);
    }
}

static void test_timer_errors(void) {
    int fd = timerfd_create(CLOCK_MONOTONIC, 0), other = eventfd(0, 0);
    struct itimerspec bad = {.it_value = {0, 1000000000}}, good = in_ms(1, 0);
    is_errno(timerfd_settime(fd, 0, &bad, NULL), EINVAL, "a bad time");
    is_errno(timerfd_settime(fd, 8, &good, NULL), EINVAL, "bad flags");
    is_errno(timerfd_settime(other, 0, &good, NULL), EINVAL, "not a timer");
    is_errno(timerfd_settime(-1, 0, &good, NULL), EBADF, "not open");
    is_errno(timerfd_gettime(fd, nowhere), EFAULT, "a bad buffer");
    is_errno(timerfd_settime(fd, 0, nowhere, NULL), EFAULT, "a bad setting");
    is_errno(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL, "a bad clock");
    is_errno(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL, "bad flags");
    close(fd);
    close(other);
}

/* Children have the same timer; their reads take from one count. */
static void test_shared(void) {
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec set = in_ms(10, 0);
    if (start() == 0)
        _exit(take(fd) != 1);
    let_block();
    timerfd_settime(fd, 0, &set, NULL);
    is_int(reap_exit(tap_last_child), 0, "a child waited for it");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    is_errno(take(fd), EAGAIN, "it was taken");
    close(fd);
}

int main(void) {
    test_counter();
    test_semaphore();
    test_blocking();
    test_many();
    test_signal();
    test_timer();
    test_interval();
    test_absolute();
    test_timer_errors();
    test_shared();
    return done();
}
