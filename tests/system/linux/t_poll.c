/* SPDX-License-Identifier: MIT */
/* poll(2) of many descriptors, by many processes: who waits is woken by what it waits for, and by nothing else. */
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>
#include <stdint.h>
#include <time.h>

#define MANY 1000
#define CROWD 60

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void make_pipe(int ends[2]) {
    if (pipe(ends) < 0)
        bail("pipe");
}

/* `count` entries: all for `fd`, but the last for `last`. */
static struct pollfd *entries(int count, int fd, int last) {
    static struct pollfd list[MANY];
    for (int i = 0; i < count; i++)
        list[i] =
            (struct pollfd){.fd = i == count - 1 ? last : fd, .events = POLLIN, .revents = 99};
    return list;
}

static int answers(const struct pollfd *list, int count, int revents) {
    int found = 0;
    for (int i = 0; i < count; i++)
        found += list[i].revents == revents;
    return found;
}

static void test_time(int count) {
    int ends[2];
    make_pipe(ends);
    struct pollfd *list = entries(count, ends[0], ends[0]);
    long began = now_ms();
    is_int(poll(list, (nfds_t)count, 0), 0, "%d entries, none ready, no time", count);
    is_int(poll(list, (nfds_t)count, 50), 0, "%d entries, none ready, 50 ms", count);
    ok(now_ms() - began >= 50, "waited");
    is_int(answers(list, count, 0), count, "every entry says so");
    is_int(write(ends[1], "x", 1), 1, "something comes");
    is_int(poll(list, (nfds_t)count, -1), count, "all are ready");
    is_int(answers(list, count, POLLIN), count, "every entry says so");
    list[count / 2].fd = -1;
    list[0].fd = 900;
    is_int(poll(list, (nfds_t)count, -1), count - 1, "negative ones are left out");
    is_int(list[count / 2].revents, 0, "they say nothing");
    is_int(list[0].revents, POLLNVAL, "closed ones say so");
    close(ends[0]);
    close(ends[1]);
}

/* Wakes a call of `count` entries by the last one; it must not have been woken by another pipe. */
static void test_wake(int count) {
    int ends[2], others[2], noise[2];
    make_pipe(ends);
    make_pipe(others);
    make_pipe(noise);
    pid_t child = start();
    if (child == 0) {
        char byte = 0;
        for (int i = 0; i < 100; i++)
            if (write(noise[1], &byte, 1) != 1 || read(noise[0], &byte, 1) != 1)
                _exit(1);
        sleep_ms(30);
        _exit(write(ends[1], "x", 1) != 1);
    }
    struct pollfd *list = entries(count, others[0], ends[0]);
    is_int(poll(list, (nfds_t)count, 20000), 1, "%d entries: the last one wakes", count);
    is_int(list[count - 1].revents, POLLIN, "by input");
    is_int(answers(list, count - 1, 0), count - 1, "the others are as before");
    is_int(reap_exit(child), 0, "a child sent it");
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(others[i]);
        close(noise[i]);
    }
}

/* Many wait for one pipe, each with many entries. All hear of its end, and of each byte only one or more. */
static void test_crowd(void) {
    static pid_t children[CROWD];
    int ends[2], ready[2];
    make_pipe(ends);
    make_pipe(ready);
    for (int i = 0; i < CROWD; i++) {
        children[i] = start();
        if (children[i] == 0) {
            close(ends[1]);
            struct pollfd *list = entries(MANY / 2, ends[0], ends[0]);
            if (write(ready[1], "x", 1) != 1)
                _exit(1);
            int found = poll(list, MANY / 2, -1); /* fewer if it looks while the end comes */
            _exit(!(found > 0 && answers(list, MANY / 2, POLLHUP) == found));
        }
    }
    char byte;
    for (int i = 0; i < CROWD; i++)
        if (read(ready[0], &byte, 1) != 1)
            bail("read");
    sleep_ms(50);
    kill(children[3], SIGKILL);
    close(ends[1]);
    int good = 0;
    for (int i = 0; i < CROWD; i++)
        good += reap(children[i]) == (i == 3 ? SIGKILL : 0);
    is_int(good, CROWD, "%d processes, each with %d entries, hear of the end", CROWD, MANY / 2);
    close(ends[0]);
    close(ready[0]);
    close(ready[1]);
}

static void on_alarm(int number) {
    (void)number;
}

static void test_signal(int count) {
    struct sigaction action = {.sa_handler = on_alarm};
    int ends[2];
    make_pipe(ends);
    sigaction(SIGALRM, &action, NULL);
    struct pollfd *list = entries(count, ends[0], ends[0]);
    alarm(1);
    is_errno(poll(list, (nfds_t)count, -1), EINTR, "a signal ends a wait for %d entries", count);
    close(ends[0]);
    close(ends[1]);
}

static void test_no_wrap(void) {
    int ends[2];
    make_pipe(ends);
    struct pollfd one = {.fd = ends[0], .events = POLLIN};
    struct timespec for_ever = {.tv_sec = INT64_MAX, .tv_nsec = 999999999};
    alarm(1);
    is_errno(ppoll(&one, 1, &for_ever, NULL), EINTR, "the longest time is not over at once");
    close(ends[0]);
    close(ends[1]);
}

static volatile int alarms;

static void count_alarm(int number) {
    (void)number;
    alarms++;
}

static sigset_t own_mask(void) {
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    return now;
}

/* SIGALRM is blocked but for the time of the wait. */
static void test_mask(void) {
    int ends[2];
    make_pipe(ends);
    struct sigaction action = {.sa_handler = count_alarm, .sa_flags = SA_RESTART};
    struct pollfd one = {.fd = ends[0], .events = POLLIN};
    sigset_t blocked, none, now;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    sigaction(SIGALRM, &action, NULL);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGALRM);
    is_errno(ppoll(&one, 1, NULL, &none), EINTR,
             "ppoll: a pending signal that the mask lets through");
    is_int(alarms, 1, "its handler has run");
    now = own_mask();
    ok(sigismember(&now, SIGALRM), "the own mask is back");
    alarm(1);
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(ends[0], &readable);
    is_errno(pselect(ends[0] + 1, &readable, NULL, NULL, NULL, &none), EINTR,
             "pselect: a signal that comes while it waits");
    is_int(alarms, 2, "its handler has run");
    raise(SIGALRM);
    struct timespec soon = {0, 20000000};
    is_int(ppoll(&one, 1, &soon, &blocked), 0, "a mask that blocks it, too: the time is over");
    is_int(alarms, 2, "it is still pending");
    if (write(ends[1], "x", 1) != 1)
        bail("write");
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    is_int(alarms, 3, "until it is let through");
    is_int(ppoll(&one, 1, &soon, &blocked), 1, "what is ready");
    now = own_mask();
    ok(!sigismember(&now, SIGALRM), "the own mask is back");
    close(ends[0]);
    close(ends[1]);
}

/* A signal that comes at any moment between the change of the mask and the wait ends the wait. */
static void test_mask_race(void) {
    enum { ROUNDS = 300 };
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    int before = alarms, interrupted = 0;
    pid_t parent = getpid(), pid = start();
    if (pid == 0) {
        for (int i = 0; i < ROUNDS * 4 && kill(parent, SIGALRM) == 0; i++)
            sleep_ms(1);
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++)
        interrupted += ppoll(NULL, 0, NULL, &none) < 0 && errno == EINTR;
    kill(pid, SIGKILL);
    reap(pid);
    is_int(interrupted, ROUNDS, "each wait ended by a signal");
    is_int(alarms - before, ROUNDS, "each by one, handled once");
    struct timespec now = {0, 0};
    sigtimedwait(&blocked, NULL, &now);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

/* select(2) on Linux tells what is left of the time. */
static void test_left(void) {
    int ends[2];
    make_pipe(ends);
    struct timeval time = {.tv_sec = 100};
    fd_set writable;
    FD_ZERO(&writable);
    FD_SET(ends[1], &writable);
    is_int(select(ends[1] + 1, NULL, &writable, NULL, &time), 1, "select");
    ok(time.tv_sec == 99 || (time.tv_sec == 100 && time.tv_usec == 0), "most of the time is left");
    time = (struct timeval){.tv_usec = 5000};
    is_int(select(0, NULL, NULL, NULL, &time), 0, "a time-out");
    ok(time.tv_sec == 0 && time.tv_usec == 0, "nothing is left");
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    test_time(3);
    test_time(128);
    test_time(129);
    test_time(MANY);
    test_wake(2);
    test_wake(MANY);
    test_crowd();
    test_signal(1);
    test_signal(MANY);
    test_no_wrap();
    test_mask();
    test_mask_race();
    test_left();
    return done();
}
