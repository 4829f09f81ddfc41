/* SPDX-License-Identifier: MIT */
/* POSIX timers: timer_create(2) and its like, which the process server has. */
#include "time.h"
#include <protocol/proc_client.h>

enum { TIMER_MONOTONIC, TIMER_PROCESS, TIMER_THREAD, TIMER_WALL };
enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };
#define SIGALRM 14

struct linux_sigevent {
    uint64_t value;
    int32_t signal, notify, thread, rest[11];
};
_Static_assert(sizeof(struct linux_sigevent) == 64, "sigevent");

struct linux_itimerspec {
    struct linux_timespec interval, value;
};

/* proc's name of a clock: 0, or -EINVAL. A CPU-time clock of all ones is the caller's own. */
static long timer_clock(int clock, uint64_t *name) {
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        *name = TIMER_WALL;
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *name = TIMER_MONOTONIC;
        return 0;
    case CLOCK_PROCESS_CPUTIME:
        *name = TIMER_PROCESS;
        return 0;
    case CLOCK_THREAD_CPUTIME:
        *name = TIMER_THREAD;
        return 0;
    default:
        if (clock >= 0 || (clock & 3) > CPU_CLOCK_LAST)
            return -EINVAL;
        *name = (clock & CPU_CLOCK_THREAD ? TIMER_THREAD : TIMER_PROCESS) |
                (uint64_t)cpu_clock_owner(clock) << 32;
        return 0;
    }
}

long linux_timer_create(int clock, const struct linux_sigevent *user, int32_t *id) {
    struct linux_sigevent event = {.signal = SIGALRM, .notify = SIGEV_SIGNAL};
    uint64_t name;
    long error = timer_clock(clock, &name);
    if (error < 0)
        return error;
    if (user && user_get(&event, user, sizeof event) < 0)
        return -EFAULT;
    long timer = proc_timer_create(PK_SLOT_PROC, name, event.notify, event.signal, event.thread,
                                   event.value, !user);
    if (timer < 0)
        return timer;
    int32_t number = (int32_t)timer;
    if (user_put(id, &number, sizeof number) == 0)
        return 0;
    must(proc_timer_delete(PK_SLOT_PROC, (int)timer));
    return -EFAULT;
}

static long put_times(struct linux_itimerspec *out, uint64_t value, uint64_t interval) {
    struct linux_itimerspec times = {to_timespec(interval), to_timespec(value)};
    return user_put(out, &times, sizeof times);
}

long linux_timer_settime(int id, int flags, const struct linux_itimerspec *new,
                         struct linux_itimerspec *old) {
    struct linux_itimerspec times;
    uint64_t old_value, old_interval;
    if (!new)
        return -EINVAL;
    if (user_get(&times, new, sizeof times) < 0)
        return -EFAULT;
    if (!timespec_valid(&times.value) || !timespec_valid(&times.interval))
        return -EINVAL;
    long error =
        proc_timer_settime(PK_SLOT_PROC, id, flags & TIMER_ABSTIME, timespec_ns(&times.value),
                           timespec_ns(&times.interval), &old_value, &old_interval);
    return error == 0 && old ? put_times(old, old_value, old_interval) : error;
}

long linux_timer_gettime(int id, struct linux_itimerspec *out) {
    uint64_t value, interval;
    long error = proc_timer_gettime(PK_SLOT_PROC, id, &value, &interval);
    return error == 0 ? put_times(out, value, interval) : error;
}

long linux_timer_getoverrun(int id) {
    return proc_timer_getoverrun(PK_SLOT_PROC, id);
}

long linux_timer_delete(int id) {
    return proc_timer_delete(PK_SLOT_PROC, id);
}
