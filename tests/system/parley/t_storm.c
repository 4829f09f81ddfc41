/* SPDX-License-Identifier: MIT */
/*
 * kill -9 of clients that are blocked, or busy, in every kind of call of every server. After each kind a fresh
 * client works and what the victims shared is as it was; in the end memory is.
 *
 * t_storm [SECONDS]
 */
#include "storm.h"
#include "tap.h"
#include <fcntl.h>
#include <sys/stat.h>

#define SECONDS 20 /* if it is not told */
#define VICTIMS 5  /* at a time */
#define SLACK 48   /* pages that servers keep for the next time */

static unsigned long kills;

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pid_t start_victim(const struct storm_kind *kind, unsigned seed) {
    pid_t pid = start();

    if (pid)
        return pid;
    if (setgid(STORM_USER) < 0 || setuid(STORM_USER) < 0)
        _exit(1);
    srand(seed);
    kind->block();
    _exit(0);
}

/* What victims made live on: their user's processes, killed by one of them. */
static int kill_the_rest(void) {
    if (setgid(STORM_USER) < 0 || setuid(STORM_USER) < 0)
        return 1;
    kill(-1, SIGKILL);
    return 0;
}

/* Victims start, some get to where they block and some do not; all are killed, in the middle of it. */
static void storm(const struct storm_kind *kind, unsigned seed) {
    pid_t victims[VICTIMS];

    for (int i = 0; i < VICTIMS; i++)
        victims[i] = start_victim(kind, seed * VICTIMS + (unsigned)i);
    if (seed % 2)
        usleep((useconds_t)(rand() % 6000));
    for (int i = 0; i < VICTIMS; i++) {
        kills++;
        kill(victims[i], SIGKILL);
        if (rand() % 4 == 0)
            usleep(300);
    }
    for (int i = 0; i < VICTIMS; i++)
        reap(victims[i]);
    in_child(kill_the_rest);
}

static bool all_ended(int before) {
    for (int tries = 0; tries < 500 && process_count() > before; tries++)
        sleep_ms(10);
    return process_count() <= before;
}

/* One round over all kinds; the name of the first that left something behind, or NULL. */
static const char *run_round(unsigned round, int before) {
    const char *bad = NULL;

    for (unsigned i = 0; i < storm_kind_count; i++) {
        const struct storm_kind *kind = &storm_kinds[i];
        char problem[100] = "";
        storm(kind, round);
        bool ended = all_ended(before);
        storm_tidy();
        if (!ended || !storm_check(problem, sizeof(problem))) {
            printf("# after %s: %s\n", kind->name, ended ? problem : "processes are left");
            bad = bad ? bad : kind->name;
        }
    }
    return bad;
}

int main(int argc, char **argv) {
    double end = now() + (argc > 1 ? atof(argv[1]) : SECONDS);
    unsigned round = 0;
    const char *bad;

    signal(SIGPIPE, SIG_IGN);
    storm_setup();
    int before = process_count();
    bad = run_round(round++, before);
    long memory = free_pages(); /* what servers keep for good they have now */
    while (!bad && now() < end)
        bad = run_round(round++, before);
    ok(!bad, "after each kind of call a fresh client works, and nothing is left");
    check_free_pages(memory, SLACK, "memory is what it was");
    printf("# %lu processes killed in %u kinds of call, %u rounds\n", kills, storm_kind_count,
           round);
    storm_end();
    return done();
}
