/* SPDX-License-Identifier: MIT */
/* How lxbench measures a row, and the rows that its files define. */
#ifndef MEASURE_H
#define MEASURE_H

#include "program.h"

#include <stddef.h>

#define MAX_ITERATIONS 10000

/*
 * A row: `run` is measured, once an iteration; the others, which may be NULL, are not. `total`
 * given to `setup` is the number of times that `run` will be called, warm-up included.
 */
struct row {
    const char *name;
    size_t iterations; /* when the command line gives none */
    void (*setup)(size_t total);
    void (*prepare)(void); /* before each run */
    void (*run)(void);
    void (*teardown)(void);
    size_t parts; /* the figure is that of a run divided by this */
};

extern const struct row simple_rows[], ipc_rows[], sysv_rows[], mq_rows[], memory_rows[],
    file_rows[], program_rows[], event_rows[], thread_rows[];
extern const size_t simple_row_count, ipc_row_count, sysv_row_count, mq_row_count, memory_row_count,
    file_row_count, program_row_count, event_row_count, thread_row_count;

void measure_use_time(void);

/* What the environment says, or the other. */
const char *setting(const char *name, const char *otherwise);

/* Warm up, measure, print the row's line. */
void measure_row(const struct row *row, size_t iterations);

#endif
