/* SPDX-License-Identifier: MIT */
/* Sets of descriptors: epoll(7). */
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#define MANY 500

static int new_set(void) {
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        bail("epoll_create1");
    return set;
}

static int control(int set, int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)fd << 32 | 0xabc};
    return epoll_ctl(set, operation, fd, &event);
}

/* How many events there are now; the first one's. */
static int now(int set, uint32_t *events, int *fd) {
    struct epoll_event found[8] = {{0}};
    int count = epoll_wait(set, found, 8, 0);
    *events = found[0].events;
    *fd = (int)(found[0].data.u64 >> 32);
    return count;
}

static int count_now(int set) {
    uint32_t events;
    int fd;
    return now(set, &events, &fd);
}

static void put(int fd) {
    uint64_t one = 1;
    if (write(fd, &one, sizeof(one)) != sizeof(one))
        bail("write");
}

static void take(int fd) {
    uint64_t value;
    if (read(fd, &value, sizeof(value)) != sizeof(value))
        bail("read");
}

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_level(void) {
    int set = new_set(), fd = eventfd(0, 0), got;
    uint32_t events;
    is_int(fcntl(set, F_GETFD), FD_CLOEXEC, "closed on exec");
    is_int(control(set, EPOLL_CTL_ADD, fd, EPOLLIN), 0, "add");
    is_int(count_now(set), 0, "nothing");
    put(fd);
    is_int(now(set, &events, &got), 1, "something");
    is_int(events, EPOLLIN, "input");
    is_int(got, fd, "the program's word");
    is_int(now(set, &events, &got), 1, "as long as it is there");
    take(fd);
    is_int(count_now(set), 0, "no more");
    is_int(control(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT), 0, "ask for more");
    is_int(now(set, &events, &got), 1, "that is there");
    is_int(events, EPOLLOUT, "output");
    is_int(control(set, EPOLL_CTL_DEL, fd, 0), 0, "take it out");
    is_int(count_now(set), 0, "nothing");
    close(set);
    close(fd);
}

static void test_edge(void) {
    int set = new_set(), ends[2], got;
    uint32_t events;
    char byte;
    if (pipe(ends))
        bail("pipe");
    control(set, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLET);
    if (write(ends[1], "x", 1) != 1)
        bail("write");
    is_int(count_now(set), 1, "a change is told");
    is_int(count_now(set), 0, "once");
    if (write(ends[1], "x", 1) != 1)
        bail("write");
    is_int(count_now(set), 1, "each change");
    if (read(ends[0], &byte, 1) != 1)
        bail("read");
    is_int(count_now(set), 0, "a read is none");
    control(set, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLET);
    is_int(count_now(set), 1, "asked anew it is told what is there");
    close(ends[1]);
    is_int(now(set, &events, &got), 1, "the end");
    is_int(events, EPOLLIN | EPOLLHUP, "with what is left");
    close(ends[0]);
    close(set);
}

static void test_one_shot(void) {
    int set = new_set(), fd = eventfd(1, 0);
    control(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT);
    is_int(count_now(set), 1, "one shot");
    put(fd);
    is_int(count_now(set), 0, "no second one");
    control(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT);
    is_int(count_now(set), 1, "but when it is asked for anew");
    close(set);
    close(fd);
}

static void test_errors(void) {
    int set = new_set(), fd = eventfd(1, 0), file = open("/proc/self/exe", O_RDONLY);
    int directory = open("/", O_RDONLY | O_DIRECTORY);
    struct epoll_event event;
    volatile int minus = -1;
    int other = eventfd(0, 0);
    control(set, EPOLL_CTL_ADD, fd, EPOLLIN);
    is_errno(control(set, EPOLL_CTL_ADD, fd, EPOLLIN), EEXIST, "twice");
    is_errno(control(set, EPOLL_CTL_MOD, other, EPOLLIN), ENOENT, "is not there");
    is_errno(control(set, EPOLL_CTL_DEL, other, 0), ENOENT, "is not there");
    is_errno(control(set, EPOLL_CTL_ADD, 900, EPOLLIN), EBADF, "not open");
    is_errno(control(-1, EPOLL_CTL_ADD, fd, EPOLLIN), EBADF, "no set");
    is_errno(control(fd, EPOLL_CTL_ADD, set, EPOLLIN), EINVAL, "not a set");
    is_errno(control(set, EPOLL_CTL_ADD, set, EPOLLIN), EINVAL, "the set itself");
    is_errno(control(set, 77, fd, EPOLLIN), EINVAL, "a bad operation");
    is_errno(control(set, EPOLL_CTL_ADD, file, EPOLLIN), EPERM, "a file");
    is_errno(control(set, EPOLL_CTL_ADD, directory, EPOLLIN), EPERM, "a directory");
    is_errno(epoll_ctl(set, EPOLL_CTL_ADD, other, nowhere), EFAULT, "a bad event");
    is_errno(epoll_wait(set, nowhere, 8, 0), EFAULT, "a bad buffer");
    is_int(count_now(set), 1, "loses nothing");
    is_errno(epoll_wait(set, &event, 0, 0), EINVAL, "no room");
    is_errno(epoll_wait(set, &event, minus, 0), EINVAL, "less");
    is_errno(epoll_wait(fd, &event, 1, 0), EINVAL, "not a set");
    is_errno(epoll_wait(900, &event, 1, 0), EBADF, "not open");
    is_errno(epoll_create1(1), EINVAL, "bad flags");
    is_errno(control(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLEXCLUSIVE), EINVAL, "exclusive later");
    is_errno(control(set, EPOLL_CTL_ADD, file, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EPERM,
             "a file first");
    is_errno(read(set, &event, 1), EINVAL, "a set is not read");
    close(other);
    close(directory);
    close(file);
    close(fd);
    close(set);
}

/* It leaves with its last descriptor, not before. */
static void test_close(void) {
    int set = new_set(), fd = eventfd(1, 0), copy = dup(fd);
    control(set, EPOLL_CTL_ADD, fd, EPOLLIN);
    is_int(control(set, EPOLL_CTL_ADD, copy, EPOLLIN), 0, "by another number");
    is_int(count_now(set), 2, "both");
    close(fd);
    is_int(count_now(set), 2, "still open by the other");
    pid_t pid = start();
    if (pid == 0) {
        sleep_ms(100);
        _exit(0);
    }
    close(copy);
    is_int(count_now(set), 2, "a child has it, too");
    reap(pid);
    is_int(count_now(set), 0, "nobody has");
    fd = eventfd(1, 0);
    is_int(control(set, EPOLL_CTL_ADD, fd, EPOLLIN), 0, "the number is free");
    close(set);
    close(fd);
}

static void test_wait(void) {
    int set = new_set(), fd = eventfd(0, 0);
    struct epoll_event event;
    control(set, EPOLL_CTL_ADD, fd, EPOLLIN);
    long began = now_ms();
    is_int(epoll_wait(set, &event, 1, 50), 0, "50 ms");
    ok(now_ms() - began >= 50, "waited");
    pid_t pid = start();
    if (pid == 0) {
        sleep_ms(50);
        put(fd);
        _exit(0);
    }
    is_int(epoll_wait(set, &event, 1, 20000), 1, "woken");
    is_int(event.events, EPOLLIN, "by input");
    reap(pid);
    take(fd);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec soon = {.it_value = {0, 20000000}};
    timerfd_settime(timer, 0, &soon, NULL);
    control(set, EPOLL_CTL_ADD, timer, EPOLLIN);
    is_int(epoll_wait(set, &event, 1, -1), 1, "a timer");
    is_int(event.data.u64 >> 32, timer, "it was the timer");
    close(timer);
    /* Something added while another waits. */
    pid = start();
    if (pid == 0)
        _exit(epoll_wait(set, &event, 1, 20000) != 1);
    let_block();
    control(set, EPOLL_CTL_MOD, fd, EPOLLOUT);
    is_int(reap_exit(pid), 0, "a change of what is asked for wakes");
    close(set);
    close(fd);
}

static volatile int alarms;

static void on_alarm(int number) {
    (void)number;
    alarms++;
}

static void test_signals(void) {
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct epoll_event event;
    struct timespec time = {20, 0}, little = {0, 20000000}, bad = {0, -1};
    sigset_t blocked, none, is;
    int set = new_set();
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    is_errno(epoll_wait(set, &event, 1, -1), EINTR, "a signal ends a wait");
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGALRM);
    is_int(epoll_wait(set, &event, 1, 20), 0, "a blocked one does not");
    is_int(alarms, 1, "nor is it handled");
    is_errno(epoll_pwait(set, &event, 1, 20000, &none), EINTR, "let in for the wait it does");
    is_int(alarms, 2, "handled");
    raise(SIGALRM);
    is_errno(syscall(SYS_epoll_pwait2, set, &event, 1, &time, &none, 8), EINTR,
             "the same by epoll_pwait2");
    is_int(syscall(SYS_epoll_pwait2, set, &event, 1, &little, NULL, 8), 0, "its time");
    is_errno(syscall(SYS_epoll_pwait2, set, &event, 1, &bad, NULL, 8), EINVAL, "a bad time");
    sigprocmask(SIG_SETMASK, &none, &is);
    ok(sigismember(&is, SIGALRM), "the mask is as before");
    close(set);
}

static void test_nested(void) {
    int set[8], fd = eventfd(0, 0), depth;
    uint32_t events;
    int got;
    for (int i = 0; i < 8; i++)
        set[i] = new_set();
    control(set[0], EPOLL_CTL_ADD, fd, EPOLLIN);
    for (depth = 1; depth < 8; depth++)
        if (control(set[depth], EPOLL_CTL_ADD, set[depth - 1], EPOLLIN) < 0)
            break;
    ok(depth >= 4 && depth <= 6 && errno == ELOOP, "sets in sets up to a depth of 5 or so");
    int top = depth - 1;
    is_errno(control(set[0], EPOLL_CTL_ADD, set[top], EPOLLIN), ELOOP, "none in itself");
    is_int(count_now(set[top]), 0, "nothing");
    put(fd);
    is_int(now(set[top], &events, &got), 1, "seen through all of them");
    is_int(events, EPOLLIN, "as input");
    is_int(got, set[top - 1], "of the set below");
    struct pollfd one = {.fd = set[1], .events = POLLIN};
    is_int(poll(&one, 1, 0), 1, "a set can be polled");
    take(fd);
    is_int(count_now(set[top]), 0, "nothing again");
    pid_t pid = start();
    if (pid == 0) {
        sleep_ms(50);
        put(fd);
        _exit(0);
    }
    struct epoll_event event;
    is_int(epoll_wait(set[top], &event, 1, 20000), 1, "a wait through all of them");
    reap(pid);
    control(set[1], EPOLL_CTL_DEL, set[0], 0);
    is_int(control(set[0], EPOLL_CTL_ADD, set[1], EPOLLIN), top == 5 ? 0 : 0,
           "the other way round");
    is_errno(control(set[1], EPOLL_CTL_ADD, set[0], EPOLLIN), ELOOP, "but not both");
    for (int i = 0; i < 8; i++)
        close(set[i]);
    close(fd);
}

/* Several wait at one descriptor by sets of their own. */
static int crowd(uint32_t events, int count) {
    int fd = eventfd(0, EFD_SEMAPHORE), good = 0;
    pid_t child[16];
    for (int i = 0; i < count; i++)
        if ((child[i] = start()) == 0) {
            struct epoll_event event;
            int set = new_set();
            control(set, EPOLL_CTL_ADD, fd, events);
            _exit(epoll_wait(set, &event, 1, 1500));
        }
    let_block();
    put(fd);
    for (int i = 0; i < count; i++)
        good += reap_exit(child[i]);
    close(fd);
    return good;
}

static void test_exclusive(void) {
    is_int(crowd(EPOLLIN, 8), 8, "all hear of it");
    int some = crowd(EPOLLIN | EPOLLEXCLUSIVE, 8);
    ok(some >= 1 && some < 8, "not all if they are exclusive: %d", some);
}

/* Many descriptors, many ready: nobody is left out. */
static void test_many(void) {
    struct rlimit limit = {MANY + 50, MANY + 50};
    int set = new_set(), fds[MANY], seen[MANY + 50] = {0}, all = 0;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max > MANY + 50 ? MANY + 50 : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < MANY; i++) {
        fds[i] = eventfd(0, EFD_NONBLOCK);
        if (fds[i] < 0 || control(set, EPOLL_CTL_ADD, fds[i], EPOLLIN))
            bail("many");
    }
    is_int(count_now(set), 0, "%d idle ones", MANY);
    put(fds[MANY / 2]);
    is_int(count_now(set), 1, "one of them ready");
    for (int i = 0; i < MANY; i++)
        put(fds[i]);
    for (int turn = 0; turn < 50; turn++) {
        struct epoll_event found[32];
        int count = epoll_wait(set, found, 32, 0);
        for (int i = 0; i < count; i++)
            seen[found[i].data.u64 >> 32] = 1;
    }
    for (int i = 0; i < MANY; i++)
        all += seen[fds[i]];
    is_int(all, MANY, "all are told in turn");
    for (int i = 0; i < MANY; i++)
        take(fds[i]);
    is_int(count_now(set), 0, "none any more");
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    is_int(count_now(set), 0, "none at all");
    close(set);
}

/* One descriptor in many sets, which close before it or after it. */
static void test_many_sets(void) {
    int fd = eventfd(0, 0), sets[MANY];
    for (int i = 0; i < MANY; i++) {
        sets[i] = new_set();
        control(sets[i], EPOLL_CTL_ADD, fd, EPOLLIN);
    }
    put(fd);
    int good = 0;
    for (int tries = 0; good < MANY && tries < 100; tries++) {
        good = 0;
        for (int i = 0; i < MANY; i++)
            good += count_now(sets[i]) == 1;
    }
    is_int(good, MANY, "one descriptor in %d sets", MANY);
    for (int i = 0; i < MANY; i += 2)
        close(sets[i]);
    close(fd);
    good = 0;
    for (int tries = 0; good < MANY / 2 && tries < 100; tries++) {
        good = 0;
        for (int i = 1; i < MANY; i += 2)
            good += count_now(sets[i]) == 0;
    }
    is_int(good, MANY / 2, "it has left those that are open");
    for (int i = 1; i < MANY; i += 2)
        close(sets[i]);
}

int main(void) {
    long before = free_pages();
    test_level();
    test_edge();
    test_one_shot();
    test_errors();
    test_close();
    test_wait();
    test_signals();
    test_nested();
    test_exclusive();
    test_many();
    test_many_sets();
    check_free_pages(before, 64, "no memory is lost");
    return done();
}
