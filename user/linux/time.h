/* SPDX-License-Identifier: MIT */
/* Clocks and times, as Linux numbers and lays them out. */
#ifndef LINUX_TIME_H
#define LINUX_TIME_H

#include "personality.h"

enum {
    CLOCK_REALTIME = 0,
    CLOCK_MONOTONIC = 1,
    CLOCK_PROCESS_CPUTIME = 2,
    CLOCK_THREAD_CPUTIME = 3,
    CLOCK_MONOTONIC_RAW = 4,
    CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6,
    CLOCK_BOOTTIME = 7,
    CLOCK_REALTIME_ALARM = 8,
    CLOCK_BOOTTIME_ALARM = 9,
    CLOCK_TAI = 11, /* there are no leap seconds here */
};
#define TIMER_ABSTIME 1

/*
 * clock_getcpuclockid(3): in the upper bits the complement of a number, 0 being the caller's; of a thread if that bit
 * is set; in the lowest two the kind of time.
 */
#define CPU_CLOCK_LAST 2
#define CPU_CLOCK_THREAD 4
static inline int cpu_clock_owner(int clock) {
    return (int)(~(uint32_t)clock >> 3);
}

static inline struct linux_timespec to_timespec(uint64_t ns) {
    return (struct linux_timespec){(int64_t)(ns / NS_PER_SECOND), (int64_t)(ns % NS_PER_SECOND)};
}

static inline bool timespec_valid(const struct linux_timespec *t) {
    return t->seconds >= 0 && t->nanoseconds >= 0 && t->nanoseconds < (int64_t)NS_PER_SECOND;
}

#define TIME_FOR_EVER INT64_MAX /* ns: some 292 years; longer times count as this */

/* A time in ns. */
static inline uint64_t timespec_ns(const struct linux_timespec *t) {
    if ((uint64_t)t->seconds >= INT64_MAX / NS_PER_SECOND)
        return TIME_FOR_EVER;
    return (uint64_t)t->seconds * NS_PER_SECOND + (uint64_t)t->nanoseconds;
}

/* The call ends with EINTR, or is made again until that time, ns since boot (restart.c). */
long cut_short(struct foreign_frame *f, uint64_t until);
/* Until that time, which may end with cut_short(); what is left goes to `remain`, which may be NULL. */
long sleep_until(struct foreign_frame *f, uint64_t until, struct linux_timespec *remain);
/* FUTEX_WAIT, likewise (futex.c). */
long futex_wait_until(struct foreign_frame *f, const uint32_t *word, unsigned op, uint32_t value,
                      uint64_t deadline);

long linux_clock_gettime(int clock, struct linux_timespec *out);

/* The program's struct timespec, which must be a valid time: 0, -EFAULT or -EINVAL. */
long time_read(const struct linux_timespec *user, uint64_t *ns);

#endif
