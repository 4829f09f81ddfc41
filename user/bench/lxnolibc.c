/* SPDX-License-Identifier: MIT */
/*
 * The benchmark rows about fork, from a small static parent without a C library, so that what is
 * copied is known to the page. Run by lxbench:
 *
 *     lxnolibc instret|time ROW PROGRAM ITERATIONS
 *
 * fork_exit_wait   fork; the child exits; wait
 * fork_exec_wait   fork; the child executes PROGRAM, which exits; wait
 * fork_exec_glibc  the same, by another name because PROGRAM is a static glibc program
 * fork_1024        fork_exit_wait with 1024 more touched pages
 */
#include "counter.h"
#include "raw.h"
#include "stats.h"

#include <linux/time.h>
#include <signal.h>
#include <stdbool.h>

#define MAX_ITERATIONS 10000
#define MANY_PAGES 1024
#define PAGE 4096

static uint64_t samples[MAX_ITERATIONS];
static char many_pages[MANY_PAGES * PAGE];
static bool use_time = !HAVE_INSTRET;
static const char *program;
static char *no_environment[1];

RAW_START;

static size_t length(const char *text) {
    size_t len = 0;

    while (text[len])
        len++;
    return len;
}

static bool equal(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static size_t number(const char *text) {
    size_t value = 0;

    while (*text >= '0' && *text <= '9' && value <= MAX_ITERATIONS)
        value = value * 10 + (size_t)(*text++ - '0');
    return value;
}

static void __attribute__((noreturn)) fail(const char *what) {
    raw_call(SYS_write, 2, (long)"lxnolibc: ", 10, 0, 0);
    raw_call(SYS_write, 2, (long)what, (long)length(what), 0, 0);
    raw_call(SYS_write, 2, (long)"\n", 1, 0, 0);
    raw_exit(1);
}

static uint64_t read_counter(void) {
    long now[2]; /* struct timespec on a 64-bit machine */

    if (!use_time)
        return read_instret();
    raw_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)now, 0, 0, 0);
    return (uint64_t)now[0] * 1000000000u + (uint64_t)now[1];
}

static void execute_program(void) {
    char *arguments[] = {(char *)program, NULL};

    raw_call(SYS_execve, (long)program, (long)arguments, (long)no_environment, 0, 0);
    raw_exit(127);
}

static void fork_and_wait(bool execute) {
    int status = -1;
    long pid = raw_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid < 0)
        fail("clone");
    if (pid == 0) {
        if (execute)
            execute_program();
        raw_exit(0);
    }
    if (raw_call(SYS_wait4, pid, (long)&status, 0, 0, 0) != pid || status != 0)
        fail("wait4, or the child's status");
}

static uint64_t overhead(void) {
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < 100; i++) {
        uint64_t start = read_counter(), one = read_counter() - start;

        if (one < least)
            least = one;
    }
    return least;
}

static void measure(const char *name, bool execute, size_t iterations) {
    size_t warm_up = iterations / 10 < 100 ? iterations / 10 + 2 : 100, len;
    uint64_t cost = overhead();
    char line[STATS_LINE_MAX];

    for (size_t i = 0; i < warm_up + iterations; i++) {
        uint64_t start = read_counter(), one;

        fork_and_wait(execute);
        one = read_counter() - start;
        if (i >= warm_up)
            samples[i - warm_up] = one > cost ? one - cost : 0;
    }
    len = stats_line(line, name, use_time ? "ns" : "instructions", samples, iterations);
    raw_call(SYS_write, 1, (long)line, (long)len, 0, 0);
}

void start_c(long *stack) {
    long argc = stack[0];
    char **argv = (char **)(stack + 1);
    const char *row;
    size_t iterations;

    if (argc != 5)
        fail("usage: lxnolibc instret|time ROW PROGRAM ITERATIONS");
    if (equal(argv[1], "time"))
        use_time = true;
    row = argv[2];
    program = argv[3];
    iterations = number(argv[4]);
    if (iterations < 1 || iterations > MAX_ITERATIONS)
        fail("bad number of iterations");
    if (equal(row, "fork_1024")) {
        for (size_t i = 0; i < sizeof(many_pages); i += PAGE)
            ((volatile char *)many_pages)[i] = 1;
        measure(row, false, iterations);
    } else if (equal(row, "fork_exit_wait")) {
        measure(row, false, iterations);
    } else if (equal(row, "fork_exec_wait") || equal(row, "fork_exec_glibc")) {
        measure(row, true, iterations);
    } else {
        fail("no such row");
    }
    raw_exit(0);
}
