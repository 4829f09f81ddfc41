/* SPDX-License-Identifier: MIT */
/*
 * lxbench: benchmarks of Linux system calls; the same binary runs on Linux and on Parley.
 *
 *     lxbench [--counter instret|time] [--list] [ROW... [ITERATIONS]]
 *
 * Without a row it runs all. LXBENCH_COUNTER chooses the counter as --counter does. The rows about
 * fork come from lxnolibc, a parent without a C library, which is run for them; LXBENCH_NOLIBC,
 * LXBENCH_TINY and LXBENCH_NOP say where the helper programs are if not in /bin/bench, and
 * LXBENCH_FILE the file that page_in maps (default: /bin/bench/lxbench), LXBENCH_DYNAMIC the dynamic program that
 * fork_exec_dynamic starts (/bin/true).
 */
#include "measure.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct group {
    const struct row *rows;
    const size_t *count;
};

static const struct group groups[] = {
    {simple_rows, &simple_row_count},   {ipc_rows, &ipc_row_count},
    {sysv_rows, &sysv_row_count},       {mq_rows, &mq_row_count},
    {memory_rows, &memory_row_count},   {file_rows, &file_row_count},
    {program_rows, &program_row_count}, {event_rows, &event_row_count},
    {thread_rows, &thread_row_count},
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

/* Rows of lxnolibc. */
static const char *const process_rows[] = {
    "fork_exit_wait",
    "fork_exec_wait",
    "fork_exec_glibc",
    "fork_1024",
};

#define PROCESS_ROWS (sizeof(process_rows) / sizeof(process_rows[0]))

static const char *counter = "instret";

static void list_rows(void) {
    for (size_t group = 0; group < GROUPS; group++) {
        for (size_t i = 0; i < *groups[group].count; i++)
            puts(groups[group].rows[i].name);
    }
    for (size_t i = 0; i < PROCESS_ROWS; i++)
        puts(process_rows[i]);
}

const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);

    return value ? value : otherwise;
}

/* Run lxnolibc for one of its rows. */
static void run_process_row(const char *name, const char *iterations) {
    const char *program = setting("LXBENCH_NOLIBC", "/bin/bench/lxnolibc");
    const char *target = strcmp(name, "fork_exec_glibc")
                             ? setting("LXBENCH_TINY", "/bin/bench/tiny")
                             : setting("LXBENCH_NOP", "/bin/bench/nop_static");
    int status;
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        execl(program, "lxnolibc", counter, name, target, iterations, NULL);
        die(program);
    }
    if (waitpid(pid, &status, 0) != pid)
        die("waitpid");
    if (status != 0)
        exit(1);
}

/* Run the row; `iterations` 0 means its own number. False when there is none of that name. */
static bool run_row(const char *name, size_t iterations) {
    char text[24];

    for (size_t group = 0; group < GROUPS; group++) {
        for (size_t i = 0; i < *groups[group].count; i++) {
            const struct row *row = &groups[group].rows[i];

            if (!strcmp(row->name, name)) {
                measure_row(row, iterations ? iterations : row->iterations);
                return true;
            }
        }
    }
    for (size_t i = 0; i < PROCESS_ROWS; i++) {
        if (!strcmp(process_rows[i], name)) {
            snprintf(text, sizeof(text), "%zu", iterations ? iterations : 200);
            run_process_row(name, text);
            return true;
        }
    }
    return false;
}

static void run_all(size_t iterations) {
    for (size_t group = 0; group < GROUPS; group++) {
        for (size_t i = 0; i < *groups[group].count; i++)
            run_row(groups[group].rows[i].name, iterations);
    }
    for (size_t i = 0; i < PROCESS_ROWS; i++)
        run_row(process_rows[i], iterations);
}

static void choose_counter(const char *name) {
    if (strcmp(name, "instret") && strcmp(name, "time")) {
        fprintf(stderr, "lxbench: %s: no such counter\n", name);
        exit(2);
    }
    counter = name;
    if (!strcmp(name, "time"))
        measure_use_time();
}

/* A last argument that is a number is the number of iterations. */
static size_t take_iterations(int *argc, char **argv) {
    char *end;
    unsigned long number;

    if (*argc < 2)
        return 0;
    number = strtoul(argv[*argc - 1], &end, 10);
    if (end == argv[*argc - 1] || *end)
        return 0;
    if (number < 1 || number > MAX_ITERATIONS) {
        fprintf(stderr, "lxbench: iterations must be 1 to %d\n", MAX_ITERATIONS);
        exit(2);
    }
    --*argc;
    return number;
}

int main(int argc, char **argv) {
    size_t iterations = take_iterations(&argc, argv);
    int next = 1;

    choose_counter(setting("LXBENCH_COUNTER", counter));
    for (; next < argc && !strncmp(argv[next], "--", 2); next++) {
        if (!strcmp(argv[next], "--list")) {
            list_rows();
            return 0;
        }
        if (strcmp(argv[next], "--counter") || next + 1 == argc) {
            fprintf(stderr, "usage: lxbench [--counter instret|time] [--list] "
                            "[ROW... [ITERATIONS]]\n");
            return 2;
        }
        choose_counter(argv[++next]);
    }
    if (next == argc)
        run_all(iterations);
    for (; next < argc; next++) {
        if (!run_row(argv[next], iterations)) {
            fprintf(stderr, "lxbench: %s: no such row\n", argv[next]);
            return 2;
        }
    }
    return 0;
}
