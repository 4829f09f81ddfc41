/* SPDX-License-Identifier: MIT */
/* setitimer(2) and sleeps at their limits: tiny and huge intervals, ignored and blocked signals, crowds. */
#include "tap.h"
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#define CROWD 60

static volatile sig_atomic_t alarms;

static void on_alarm(int number) {
    (void)number;
    alarms++;
}

static void handle(void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGALRM, &action, NULL);
}

static int set(long value_us, long interval_us) {
    struct itimerval timer = {{interval_us / 1000000, interval_us % 1000000},
                              {value_us / 1000000, value_us % 1000000}};
    return setitimer(ITIMER_REAL, &timer, NULL);
}

static long left_us(long *interval_us) {
    struct itimerval timer;
    if (getitimer(ITIMER_REAL, &timer) < 0)
        bail("getitimer");
    *interval_us = timer.it_interval.tv_sec * 1000000 + timer.it_interval.tv_usec;
    return timer.it_value.tv_sec * 1000000 + timer.it_value.tv_usec;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits until so many alarms have come, or ten seconds. */
static bool wait_alarms(int count) {
    for (double end = now() + 10; alarms < count && now() < end;)
        getppid();
    return alarms >= count;
}

static void test_tiny(void) {
    long interval;
    alarms = 0;
    handle(on_alarm);
    /* A handler of some emulated Linux gets no further than the next signal: there it is longer. */
    long tiny = on_parley() ? 1 : 500;
    is_int(set(tiny, tiny), 0, "a timer that expires all the time");
    ok(wait_alarms(100), "a hundred signals come");
    for (int i = 0; i < 100; i++)
        getppid();
    ok(left_us(&interval) <= 2 * tiny, "it goes on");
    is_int(interval, tiny, "as it was set");
    is_int(set(0, 0), 0, "it is switched off");
    is_int(left_us(&interval), 0, "it is off");
    int before = alarms;
    sleep_ms(20);
    ok(alarms <= before + 1, "no more come");
}

static void test_ignored(void) {
    alarms = 0;
    handle(SIG_IGN);
    is_int(set(on_parley() ? 1 : 500, 500), 0, "a timer whose signal is ignored");
    sleep_ms(50);
    for (int i = 0; i < 100; i++)
        getppid();
    is_int(alarms, 0, "nobody notices it");
    set(0, 0);
    handle(on_alarm);
    is_int(set(1000, 10000), 0, "a timer of 10 ms");
    ok(wait_alarms(3), "comes again and again");
    set(0, 0);
}

static void test_blocked(void) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGALRM);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    alarms = 0;
    is_int(set(1000, 1000), 0, "a timer whose signal is blocked");
    sleep_ms(50);
    is_int(alarms, 0, "does not come");
    sigprocmask(SIG_UNBLOCK, &mask, NULL);
    ok(alarms >= 1 && alarms <= 5, "comes once for all that it missed");
    ok(wait_alarms(alarms + 3), "and goes on");
    int number = 0;
    sigprocmask(SIG_BLOCK, &mask, NULL);
    for (int i = 0; i < 3; i++)
        is_int(sigwait(&mask, &number), 0, "it can be waited for");
    is_int(number, SIGALRM, "again and again");
    set(0, 0);
    sigprocmask(SIG_UNBLOCK, &mask, NULL);
}

static int child_has_none(void) {
    long interval;
    return left_us(&interval) != 0 || interval != 0;
}

static void test_long(void) {
    long interval;
    alarms = 0;
    is_int(set(1000, 1000000l * 1000000000), 0, "an interval of 30,000 years");
    ok(wait_alarms(1), "it expires once");
    sleep_ms(20);
    is_int(alarms, 1, "and then not soon");
    ok(left_us(&interval) > 1000000, "it is far away");
    is_int(in_child(child_has_none), 0, "a child has no timer");
    set(0, 0);
    is_errno(setitimer(ITIMER_REAL, &(struct itimerval){{0, 1000000}, {1, 0}}, NULL), EINVAL,
             "a million microseconds are too many");
}

/* All sleep until the same moment: none wakes before, all soon after. */
static void test_crowd(void) {
    static pid_t children[CROWD];
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += 2;
    for (int i = 0; i < CROWD; i++) {
        children[i] = start();
        if (children[i] == 0) {
            struct timespec woken;
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
            clock_gettime(CLOCK_MONOTONIC, &woken);
            _exit(woken.tv_sec < at.tv_sec ||
                  (woken.tv_sec == at.tv_sec && woken.tv_nsec < at.tv_nsec));
        }
    }
    int good = 0;
    for (int i = 0; i < CROWD; i++)
        good += reap_exit(children[i]) == 0;
    is_int(good, CROWD, "%d processes sleep until the same moment", CROWD);
}

/* One that slept hears of the CPU time that it uses then, though many others have timers that are looked at. */
static void test_woken(void) {
    static pid_t children[CROWD];
    struct itimerval soon = {{0, 0}, {0, 50000}};
    for (int i = 0; i < CROWD; i++) {
        children[i] = start();
        if (children[i] == 0) {
            setitimer(ITIMER_PROF, &soon, NULL);
            setitimer(ITIMER_VIRTUAL, &soon, NULL);
            for (;;)
                pause();
        }
    }
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGPROF, &action, NULL);
    alarms = 0;
    setitimer(ITIMER_PROF, &soon, NULL);
    sleep_ms(500);
    is_int(alarms, 0, "a timer of CPU time stands still while its process sleeps");
    for (double end = now() + 10; !alarms && now() < end;)
        continue;
    is_int(alarms, 1, "and expires when it has run");
    int status, lost = 0;
    for (int i = 0; i < CROWD; i++) {
        lost += waitpid(children[i], &status, WNOHANG) != 0;
        kill(children[i], SIGKILL);
        reap(children[i]);
    }
    /* But for one that the machine kept waiting before it slept: that time passed on its hart. */
    ok(lost < CROWD / 4, "those of others, who sleep, do not: %d of %d did", lost, CROWD);
}

int main(void) {
    test_tiny();
    test_ignored();
    test_blocked();
    test_long();
    test_crowd();
    test_woken();
    return done();
}
