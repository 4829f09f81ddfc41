/* SPDX-License-Identifier: MIT */
/* The clocks: the time counter, which user space may read, in nanoseconds and in calendar time. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>

/* Nanoseconds since the time counter was 0: CLOCK_MONOTONIC, and the kernel's timers' time. */
uint64_t clock_ns(void);

/* Nanoseconds since 1970: CLOCK_REALTIME. */
uint64_t clock_realtime_ns(void);

/* The same in seconds, as the System V structures keep their times. */
int64_t clock_seconds(void);

#endif
