/* SPDX-License-Identifier: MIT */
/* From samples to a result line. Needs no C library, so that lxnolibc can use it. */
#ifndef STATS_H
#define STATS_H

#include <stddef.h>
#include <stdint.h>

#define STATS_LINE_MAX 256

/*
 * Sort the samples and write "BENCH name unit iterations mean min p50 p99 max\n" to `line`, which
 * has room for STATS_LINE_MAX bytes; gives its length. `count` is at least 1.
 */
size_t stats_line(char *line, const char *name, const char *unit, uint64_t *samples, size_t count);

#endif
