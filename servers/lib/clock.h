/* SPDX-License-Identifier: MIT */
/* The clocks: the time counter, which user space may read, in nanoseconds and in calendar time. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>

/* Nanoseconds since the time counter was 0: CLOCK_MONOTONIC, and the kernel's timers' time. */
uint64_t clock_ns(void);

/* Nanoseconds since 1970: CLOCK_REALTIME. */
uint64_t clock_realtime_ns(void);

/* The time so many nanoseconds from now, or the end of time: sums of what programs give do not wrap. */
static inline uint64_t clock_after(uint64_t ns) {
    uint64_t now = clock_ns();
    return ns < INT64_MAX - now ? now + ns : INT64_MAX;
}

/* What CLOCK_REALTIME is ahead of CLOCK_MONOTONIC, in nanoseconds. */
uint64_t clock_realtime_offset(void);

/* CLOCK_REALTIME in seconds, as the System V structures keep their times. */
int64_t clock_seconds(void);

#endif
