/* SPDX-License-Identifier: MIT */
/*
 * The measuring loop: one sample an iteration, less what reading the counter itself costs. Nothing
 * here depends on time or chance, so equal machines give equal counts.
 */
#include "measure.h"

#include "counter.h"
#include "stats.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static bool use_time = !HAVE_INSTRET;
static uint64_t samples[MAX_ITERATIONS];

void measure_use_time(void) {
    use_time = true;
}

static inline uint64_t read_counter(void) {
    struct timespec now;

    if (!use_time)
        return read_instret();
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void nothing(void) {
}

/* One sample of `run`, by way of the same call that is always used. */
static __attribute__((noinline)) uint64_t sample(void (*run)(void)) {
    uint64_t start = read_counter();

    run();
    return read_counter() - start;
}

/* What a sample of an empty function costs: the least of some. */
static uint64_t measure_overhead(void) {
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < 100; i++) {
        uint64_t one = sample(nothing);

        if (one < least)
            least = one;
    }
    return least;
}

void measure_row(const struct row *row, size_t iterations) {
    size_t warm_up = iterations / 10 < 100 ? iterations / 10 + 2 : 100;
    uint64_t overhead = measure_overhead();
    char line[STATS_LINE_MAX];
    size_t len;

    if (row->setup)
        row->setup(warm_up + iterations);
    for (size_t i = 0; i < warm_up + iterations; i++) {
        uint64_t one;

        if (row->prepare)
            row->prepare();
        one = sample(row->run);
        if (i >= warm_up)
            samples[i - warm_up] = one > overhead ? (one - overhead) / row->parts : 0;
    }
    if (row->teardown)
        row->teardown();
    len = stats_line(line, row->name, use_time ? "ns" : "instructions", samples, iterations);
    if (write(1, line, len) != (ssize_t)len)
        die("standard output");
}
