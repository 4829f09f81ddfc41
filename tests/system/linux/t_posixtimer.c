/* SPDX-License-Identifier: MIT */
/* POSIX timers, and the clocks of threads' time. */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tap.h"

#define MS 1000000L

static _Atomic int count;
static siginfo_t info;
static _Atomic long taken_by;

static void on_signal(int signal, siginfo_t *i, void *context) {
    (void)signal, (void)context;
    info = *i;
    taken_by = syscall(SYS_gettid);
    count++;
}

static int wait_count(int value) {
    for (int tries = 0; count < value && tries < 5000; tries++)
        usleep(1000);
    return count;
}

static struct itimerspec after(long ns, long interval_ns) {
    return (struct itimerspec){.it_value = {ns / 1000000000, ns % 1000000000},
                               .it_interval = {interval_ns / 1000000000, interval_ns % 1000000000}};
}

static timer_t make(clockid_t clock, int notify, int signal, int value) {
    struct sigevent event = {.sigev_notify = notify, .sigev_signo = signal};
    timer_t timer = NULL;
    event.sigev_value.sival_int = value;
    ok(timer_create(clock, &event, &timer) == 0, "a timer of clock %d", (int)clock);
    return timer;
}

static void one_shot(void) {
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
    for (int i = 0; i < 3; i++) {
        struct itimerspec left, once = after(5 * MS, 0);
        timer_t timer = make(clocks[i], SIGEV_SIGNAL, SIGRTMIN, 40 + i);
        count = 0;
        timer_settime(timer, 0, &once, NULL);
        is_int(wait_count(1), 1, "it expires");
        ok(info.si_code == SI_TIMER && info.si_value.sival_int == 40 + i && info.si_overrun == 0,
           "its signal says what it is, and carries the value");
        timer_gettime(timer, &left);
        ok(!left.it_value.tv_sec && !left.it_value.tv_nsec, "then it is not set any more");
        struct timespec now;
        clock_gettime(clocks[i], &now);
        once.it_value = (struct timespec){now.tv_sec, now.tv_nsec};
        timer_settime(timer, TIMER_ABSTIME, &once, NULL);
        is_int(wait_count(2), 2, "a time that has passed is now");
        is_int(timer_delete(timer), 0, "it is deleted");
        is_errno(timer_delete(timer), EINVAL, "once");
    }
}

static void periodic(void) {
    struct itimerspec old, period = after(2 * MS, 2 * MS), none = after(0, 0);
    timer_t timer = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);
    sigset_t set;
    count = 0;
    timer_settime(timer, 0, &period, NULL);
    ok(wait_count(5) >= 5, "a periodic timer goes on");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    usleep(50000);
    int before = count;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    timer_settime(timer, 0, &none, &old);
    ok(count >= before + 1, "while its signal is blocked it is pending once");
    is_int(old.it_interval.tv_nsec, 2 * MS, "the old interval is told");
    before = count;
    usleep(10000);
    is_int(count, before, "it is stopped");
    timer_delete(timer);
}

/* A signal that stands for many expiries. */
static void overrun(void) {
    struct itimerspec period = after(MS, MS);
    timer_t timer = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 3);
    sigset_t set;
    siginfo_t got;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    timer_settime(timer, 0, &period, NULL);
    usleep(100000);
    is_int(sigwaitinfo(&set, &got), SIGRTMIN, "its signal is taken");
    ok(got.si_overrun >= 90 && got.si_overrun < 5000, "it tells how many more expiries there were");
    is_int(timer_getoverrun(timer), got.si_overrun, "so does the timer");
    period = after(0, 0);
    usleep(5000);
    timer_settime(timer, 0, &period, NULL);
    struct timespec no_time = {0, 0};
    is_errno(sigtimedwait(&set, &got, &no_time), EAGAIN, "setting it anew takes its signal back");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    timer_delete(timer);
}

/* Whether its signal was pending or waited for: all that passed since its first expiry is told, and nothing twice. */
static void awaited(void) {
    struct timespec now;
    struct itimerspec period = after(0, MS);
    timer_t timer = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 3);
    sigset_t set;
    siginfo_t got;
    long next = 0, late = 0, early = 0, differ = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    clock_gettime(CLOCK_MONOTONIC, &now);
    period.it_value.tv_sec = now.tv_sec + 1;
    timer_settime(timer, TIMER_ABSTIME, &period, NULL);
    for (int i = 0; i < 400; i++) {
        sigwaitinfo(&set, &got);
        clock_gettime(CLOCK_MONOTONIC, &now);
        int more = timer_getoverrun(timer);
        next += MS * (1 + more);
        early += (now.tv_sec - period.it_value.tv_sec) * 1000 * MS + now.tv_nsec < next - MS;
        differ += got.si_overrun != more;
        late += more > 0;
        if (i % 8 == 0)
            usleep(3500);
    }
    ok(late >= 40, "some expiries are told by a signal that stands for several");
    is_int(early, 0, "never more than have been");
    is_int(differ, 0, "the signal says how many, as the timer does");
    timer_delete(timer);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void many(void) {
    struct itimerspec once = after(3 * MS, 0);
    timer_t timers[200];
    count = 0;
    for (int i = 0; i < 200; i++) {
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
        if (timer_create(CLOCK_MONOTONIC, &event, &timers[i]) < 0)
            bail("timer_create");
        timer_settime(timers[i], 0, &once, NULL);
    }
    is_int(wait_count(200), 200, "each timer's signal comes, though all are the same standard one");
    for (int i = 0; i < 200; i++)
        timer_delete(timers[i]);
}

/* SIGEV_NONE, SIGEV_THREAD (made of SIGEV_THREAD_ID by the C library), and what is wrong. */
static _Atomic int called;
static void call(union sigval value) {
    called += value.sival_int;
}

static void ways(void) {
    struct itimerspec left, once = after(50 * MS, 0);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = call};
    timer_t timer = make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    timer_settime(timer, 0, &once, NULL);
    timer_gettime(timer, &left);
    ok(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 50 * MS,
       "SIGEV_NONE: it can be asked");
    usleep(60000);
    timer_gettime(timer, &left);
    is_int(left.it_value.tv_nsec, 0, "and tells nobody");
    timer_delete(timer);
    event.sigev_value.sival_int = 5;
    is_int(timer_create(CLOCK_MONOTONIC, &event, &timer), 0, "SIGEV_THREAD");
    once = after(2 * MS, 0);
    timer_settime(timer, 0, &once, NULL);
    for (int tries = 0; !called && tries < 5000; tries++)
        usleep(1000);
    is_int(called, 5, "calls a function in a thread");
    timer_delete(timer);
    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
    is_errno(timer_create(CLOCK_MONOTONIC, &event, &timer), EINVAL, "no such signal");
    is_errno(timer_create((clockid_t)77, NULL, &timer), EINVAL, "no such clock");
    struct itimerspec bad = {.it_value.tv_nsec = 1000000000};
    timer = make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    is_errno(timer_settime(timer, 0, &bad, NULL), EINVAL, "no such time");
    timer_delete(timer);
}

/* A timer without a sigevent: its signal, SIGALRM, tells the number that timer_create(2) gave, by all clocks. */
static void numbers(void) {
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_TAI};
    for (int i = 0; i < 3; i++) {
        struct itimerspec once = after(MS, 0);
        int id = -1;
        count = 0;
        is_int(syscall(SYS_timer_create, clocks[i], NULL, &id), 0, "one without a sigevent");
        syscall(SYS_timer_settime, id, 0, &once, NULL);
        is_int(wait_count(1), 1, "it expires");
        is_int(info.si_timerid, id, "its signal names it");
        is_int(info.si_value.sival_int, id, "twice");
        is_int(syscall(SYS_timer_delete, id), 0, "it is deleted");
    }
}

/* Not inherited, gone after exec. */
static int child_has_timer(void) {
    sleep_ms(20);
    return count;
}

static void inheritance(void) {
    struct itimerspec once = after(5 * MS, 0);
    timer_t timer = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);
    count = 0;
    timer_settime(timer, 0, &once, NULL);
    is_int(in_child(child_has_timer), 0, "a fork has no timers");
    timer_delete(timer);
}

/* CPU time. */
static volatile int stop;
static void *burn(void *ns) {
    struct timespec t = {0, 0};
    while (t.tv_sec * 1000000000 + t.tv_nsec < (long)ns)
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return NULL;
}
static void *spin(void *unused) {
    (void)unused;
    while (!stop)
        ;
    return NULL;
}
static long ns_of(clockid_t clock) {
    struct timespec t = {0, 0};
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

static void cpu_time(void) {
    pthread_t thread;
    clockid_t clock;
    struct rusage usage;
    long all = ns_of(CLOCK_PROCESS_CPUTIME_ID), own = ns_of(CLOCK_THREAD_CPUTIME_ID);
    pthread_create(&thread, NULL, burn, (void *)(30 * MS));
    pthread_join(thread, NULL);
    own = ns_of(CLOCK_THREAD_CPUTIME_ID) - own;
    all = ns_of(CLOCK_PROCESS_CPUTIME_ID) - all;
    ok(all >= 30 * MS, "a process's time is all its threads', also of ended ones");
    ok(own <= all - 30 * MS, "a thread's is its own"); /* however busy the machine is */
    getrusage(RUSAGE_THREAD, &usage);
    long used = usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 +
                usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000;
    ok(labs(used - ns_of(CLOCK_THREAD_CPUTIME_ID) / MS) < 20, "so is its usage");
    pthread_create(&thread, NULL, spin, NULL);
    is_int(pthread_getcpuclockid(thread, &clock), 0, "another thread's clock");
    own = ns_of(clock);
    usleep(20000);
    ok(ns_of(clock) > own, "goes on");
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec once = after(10 * MS, 0);
    timer_t timer;
    count = 0;
    is_int(timer_create(clock, &event, &timer), 0, "a timer of another thread's time");
    timer_settime(timer, 0, &once, NULL);
    is_int(wait_count(1), 1, "expires when that has run so long");
    timer_delete(timer);
    is_int(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer), 0, "one of the process's");
    timer_settime(timer, 0, &once, NULL);
    is_int(wait_count(2), 2, "too");
    timer_delete(timer);
    stop = 1;
    pthread_join(thread, NULL);
}

int main(void) {
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    one_shot();
    periodic();
    overrun();
    awaited();
    many();
    ways();
    numbers();
    inheritance();
    cpu_time();
    return done();
}
