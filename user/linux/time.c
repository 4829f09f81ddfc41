/* SPDX-License-Identifier: MIT */
/* Clocks and sleeping, which need no server, and timers, which are the process server's. */
#include "time.h"
#include <parley/clock.h>
#include <protocol/proc_client.h>

/* Nobody writes to it here (personality.ld). */
static const union {
    struct clock_page page;
    char whole[4096];
} clock_page __attribute__((section(".clock"), aligned(4096), used));

#define ITIMER_LAST 2

struct linux_itimerval {
    struct linux_timeval interval, value;
};
struct linux_tms {
    int64_t user, system, children_user, children_system;
};
struct linux_rusage {
    struct linux_timeval user, system;
    int64_t maxrss, rest[13];
};

uint64_t clock_monotonic_ns(void) {
    uint64_t ticks;
    __asm__ volatile("rdtime %0" : "=r"(ticks));
    uint64_t hz = state.timebase_hz;
    if (hz == 10000000) /* QEMU's: spares the divisions */
        return ticks * 100;
    return ticks / hz * NS_PER_SECOND + ticks % hz * NS_PER_SECOND / hz;
}

uint64_t clock_realtime_ns(void) {
    return clock_monotonic_ns() + clock_page.page.realtime_ns;
}

static struct linux_timeval to_timeval(uint64_t ns) {
    return (struct linux_timeval){(int64_t)(ns / NS_PER_SECOND),
                                  (int64_t)(ns % NS_PER_SECOND / 1000)};
}

static long read_cpu_clock(int clock, uint64_t *ns) {
    if ((clock & 3) > CPU_CLOCK_LAST)
        return -EINVAL;
    long error =
        proc_run_time(PK_SLOT_PROC, cpu_clock_owner(clock), (clock & CPU_CLOCK_THREAD) != 0, ns);
    return error < 0 ? -EINVAL : 0;
}

static bool is_cpu_clock(int clock) {
    return clock < 0 || clock == CLOCK_PROCESS_CPUTIME || clock == CLOCK_THREAD_CPUTIME;
}

static long read_clock(int clock, uint64_t *ns) {
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        *ns = clock_realtime_ns();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *ns = clock_monotonic_ns();
        return 0;
    case CLOCK_PROCESS_CPUTIME:
    case CLOCK_THREAD_CPUTIME:
        *ns = 0;
        return proc_run_time(PK_SLOT_PROC, 0, clock == CLOCK_THREAD_CPUTIME, ns);
    default:
        return clock < 0 ? read_cpu_clock(clock, ns) : -EINVAL;
    }
}

long linux_clock_gettime(int clock, struct linux_timespec *out) {
    uint64_t ns;
    long error = read_clock(clock, &ns);
    if (error < 0)
        return error;
    struct linux_timespec now = to_timespec(ns);
    return user_put(out, &now, sizeof now);
}

/* As Linux says: timers are not bound to ticks. The coarse clocks are as fine as the others here, but nobody is told. */
#define COARSE_NS 4000000

long linux_clock_getres(int clock, struct linux_timespec *out) {
    uint64_t ns;
    long error = read_clock(clock, &ns);
    bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
    struct linux_timespec tick = {0, coarse ? COARSE_NS : 1};
    return error == 0 && out ? user_put(out, &tick, sizeof tick) : error;
}

struct linux_timezone {
    int32_t minutes_west, dst;
};

long linux_gettimeofday(struct linux_timeval *tv, struct linux_timezone *tz) {
    struct linux_timeval now = to_timeval(clock_realtime_ns());
    struct linux_timezone zone = {0, 0};
    long error = tv ? user_put(tv, &now, sizeof now) : 0;
    return error == 0 && tz ? user_put(tz, &zone, sizeof zone) : error;
}

#define EXPORT __attribute__((visibility("default"), used))
EXPORT int __vdso_clock_gettime(int clock, struct linux_timespec *out);
EXPORT int __vdso_clock_getres(int clock, struct linux_timespec *out);
EXPORT int __vdso_gettimeofday(struct linux_timeval *tv, struct linux_timezone *tz);

#define NR_CLOCK_GETTIME 113
#define NR_CLOCK_GETRES 114

/* The system call, for those that go on outside of one. */
static int system_call(long number, int clock, struct linux_timespec *out) {
    register long a0 __asm__("a0") = clock;
    register struct linux_timespec *a1 __asm__("a1") = out;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
    return (int)a0;
}

/*
 * glibc calls these directly, outside of a foreign call; a CPU-time clock needs the process server, so it is a
 * system call after all. (glibc makes none by itself when these fail.)
 */
int __vdso_clock_gettime(int clock, struct linux_timespec *out) {
    if (is_cpu_clock(clock))
        return system_call(NR_CLOCK_GETTIME, clock, out);
    uint64_t ns;
    long error = read_clock(clock, &ns);
    if (error == 0)
        *out = to_timespec(ns);
    return (int)error;
}

int __vdso_clock_getres(int clock, struct linux_timespec *out) {
    if (is_cpu_clock(clock))
        return system_call(NR_CLOCK_GETRES, clock, out);
    return (int)linux_clock_getres(clock, out);
}

int __vdso_gettimeofday(struct linux_timeval *tv, struct linux_timezone *tz) {
    return (int)linux_gettimeofday(tv, tz);
}

long time_read(const struct linux_timespec *user, uint64_t *ns) {
    struct linux_timespec t;
    if (user_get(&t, user, sizeof t) < 0)
        return -EFAULT;
    *ns = timespec_ns(&t);
    return timespec_valid(&t) ? 0 : -EINVAL;
}

long sleep_until(struct foreign_frame *f, uint64_t until, struct linux_timespec *remain) {
    long result = pk_sleep(until);
    if (result != -EINTR)
        return result;
    uint64_t now = clock_monotonic_ns();
    struct linux_timespec t = to_timespec(until > now ? until - now : 0);
    if (remain && user_put(remain, &t, sizeof t) < 0)
        return -EFAULT;
    return cut_short(f, until);
}

/* clock_nanosleep(2). */
static long nanosleep(struct foreign_frame *f, int clock, int flags,
                      const struct linux_timespec *request, struct linux_timespec *remain) {
    if ((clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME) ||
        flags & ~TIMER_ABSTIME)
        return -EINVAL;
    uint64_t until;
    long error = time_read(request, &until);
    if (error < 0)
        return error;
    if (flags & TIMER_ABSTIME && clock == CLOCK_REALTIME) /* which may be set meanwhile */
        return proc_sleep(PK_SLOT_PROC, until | TIME_REAL);
    if (flags & TIMER_ABSTIME)
        return pk_sleep(until);
    uint64_t now = clock_monotonic_ns();
    if (!until)
        return 0;
    return sleep_until(f, until > INT64_MAX - now ? INT64_MAX : now + until, remain);
}

long linux_clock_nanosleep(int clock, int flags, const struct linux_timespec *request,
                           struct linux_timespec *remain, long a4, long a5,
                           struct foreign_frame *f) {
    (void)a4, (void)a5;
    return nanosleep(f, clock, flags, request, remain);
}

long linux_nanosleep(const struct linux_timespec *request, struct linux_timespec *remain, long a2,
                     long a3, long a4, long a5, struct foreign_frame *f) {
    (void)a2, (void)a3, (void)a4, (void)a5;
    return nanosleep(f, CLOCK_MONOTONIC, 0, request, remain);
}

static long timeval_ns(const struct linux_timeval *user, uint64_t *ns) {
    struct linux_timeval copy, *tv = &copy;
    long error = user_get(&copy, user, sizeof copy);
    if (error < 0)
        return error;
    if (tv->seconds < 0 || tv->microseconds < 0 || tv->microseconds >= 1000000)
        return -EINVAL;
    struct linux_timespec t = {tv->seconds, tv->microseconds * 1000};
    *ns = timespec_ns(&t);
    return 0;
}

static long itimer(int which, uint64_t value, uint64_t interval, int get,
                   struct linux_itimerval *old) {
    uint64_t old_value, old_interval;
    long error =
        proc_setitimer(PK_SLOT_PROC, value, interval, which * 2 + get, &old_value, &old_interval);
    struct linux_itimerval was = {to_timeval(old_interval), to_timeval(old_value)};
    return error == 0 && old ? user_put(old, &was, sizeof was) : error;
}

/* setitimer(2) */
long linux_setitimer(int which, const struct linux_itimerval *new, struct linux_itimerval *old) {
    if (which < 0 || which > ITIMER_LAST)
        return -EINVAL;
    uint64_t value = 0, interval = 0;
    long error = new ? timeval_ns(&new->value, &value) : 0;
    if (error == 0 && new)
        error = timeval_ns(&new->interval, &interval);
    if (error < 0)
        return error;
    return itimer(which, value, interval, 0, old);
}

long linux_getitimer(int which, struct linux_itimerval *old) {
    return which < 0 || which > ITIMER_LAST ? -EINVAL : itimer(which, 0, 0, 1, old);
}

#define CLOCK_TICKS_NS 10000000 /* sysconf(_SC_CLK_TCK) is 100 */

long linux_times(struct linux_tms *out) {
    uint64_t own, children, resident;
    long error = proc_usage(PK_SLOT_PROC, &own, &children, &resident);
    if (error < 0)
        return error;
    struct linux_tms tms = {.user = (int64_t)(own / CLOCK_TICKS_NS),
                            .children_user = (int64_t)(children / CLOCK_TICKS_NS)};
    if (out && user_put(out, &tms, sizeof tms) < 0)
        return -EFAULT;
    return (long)(clock_monotonic_ns() / CLOCK_TICKS_NS);
}

#define RUSAGE_THREAD 1

/* getrusage(2): time (all of it as user time) and resident size. */
long linux_getrusage(int who, struct linux_rusage *out) {
    uint64_t own, children, resident;
    if (who < -1 || who > RUSAGE_THREAD)
        return -EINVAL;
    long error = proc_usage(PK_SLOT_PROC, &own, &children, &resident);
    if (error == 0 && who == RUSAGE_THREAD)
        error = proc_run_time(PK_SLOT_PROC, 0, 1, &own);
    if (error < 0)
        return error;
    struct linux_rusage usage = {.user = to_timeval(who == -1 ? children : own),
                                 .maxrss = who == -1 ? 0 : (int64_t)resident * 4};
    return user_put(out, &usage, sizeof usage);
}
