/* SPDX-License-Identifier: MIT */
/*
 * The time of day: the time counter, which everybody may read, and how far CLOCK_REALTIME is ahead of it. That stands in a
 * page which all servers read (lib/clock.h), and in one which all programs read; proc alone sets both.
 */
#ifndef PARLEY_CLOCK_H
#define PARLEY_CLOCK_H

#include <stdint.h>

struct clock_page {
    volatile uint64_t realtime_ns; /* CLOCK_REALTIME when the time counter was 0 */
};

/* With this bit a time that somebody waits for is one of CLOCK_REALTIME, which may be set; else a monotonic one. */
#define TIME_REAL (1ull << 63)

#endif
