/* SPDX-License-Identifier: MIT */
/*
 * Built-ins about jobs and signals: jobs fg bg wait kill trap.
 */
#include "sh.h"

#include "signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int builtin_jobs(int argc, char **argv) {
    const char *option = argc > 1 ? argv[1] : "";

    jobs_print(!strcmp(option, "-l"), !strcmp(option, "-p"));
    return 0;
}

static int continue_jobs(int argc, char **argv, bool foreground) {
    int status = 0;

    for (int i = 1; i < argc || i == 1; i++) {
        struct job *job = job_find(argc > 1 ? argv[i] : NULL);

        if (!job)
            return 2;
        status = job_continue(job, foreground);
    }
    return status;
}

int builtin_fg(int argc, char **argv) {
    return continue_jobs(argc, argv, true);
}

int builtin_bg(int argc, char **argv) {
    return continue_jobs(argc, argv, false);
}

int builtin_wait(int argc, char **argv) {
    int status = 0;

    if (argc == 1) {
        jobs_wait_all();
        if (traps_pending())
            status = 128 + traps_pending();
        else if (sh.interrupted && sh.interactive)
            status = 128 + SIGINT;
        return status;
    }
    for (int i = 1; i < argc; i++) {
        if (*argv[i] == '%') {
            struct job *job = job_find(argv[i]);

            status = job ? job_wait_job(job) : 127;
        } else if (strspn(argv[i], "0123456789") == strlen(argv[i])) {
            status = job_wait_pid((pid_t)atol(argv[i]));
        } else {
            sh_error("wait: Illegal number: %s", argv[i]);
            status = 2;
        }
    }
    return status;
}

static pid_t job_target(const char *spec) {
    struct job *job = job_find(spec);

    if (!job)
        return 0;
    return job->group ? -job->group : job->processes[0].pid;
}

int builtin_kill(int argc, char **argv) {
    return kill_command(argc, argv, job_target);
}

int builtin_trap(int argc, char **argv) {
    int status = 0, next = 1;
    const char *action = NULL;

    if (next < argc && !strcmp(argv[next], "--"))
        next++;
    if (next == argc) {
        traps_print();
        return 0;
    }
    if (argc - next > 1) {
        action = argv[next++];
        if (!strcmp(action, "-"))
            action = NULL;
    }
    for (; next < argc; next++) {
        int signum = signal_number(argv[next]);

        if (signum < 0 || !trap_set(signum, action)) {
            sh_error("trap: %s: bad trap", argv[next]);
            status = 1;
        }
    }
    return status;
}
