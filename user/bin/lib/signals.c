/* SPDX-License-Identifier: MIT */
/*
 * Signal names and the kill command (POSIX, kill). Realtime signals have numbers only.
 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
    [SIGHUP] = "HUP",   [SIGINT] = "INT",       [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
    [SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",     [SIGBUS] = "BUS",   [SIGFPE] = "FPE",
    [SIGKILL] = "KILL", [SIGUSR1] = "USR1",     [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
    [SIGPIPE] = "PIPE", [SIGALRM] = "ALRM",     [SIGTERM] = "TERM", [SIGSTKFLT] = "STKFLT",
    [SIGCHLD] = "CHLD", [SIGCONT] = "CONT",     [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
    [SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",     [SIGURG] = "URG",   [SIGXCPU] = "XCPU",
    [SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH",
    [SIGIO] = "IO",     [SIGPWR] = "PWR",       [SIGSYS] = "SYS",
};

#define NAME_COUNT ((int)(sizeof(names) / sizeof(names[0])))
#define HIGHEST 64

const char *signal_name(int signum) {
    static char number[12];

    if (signum > 0 && signum < NAME_COUNT && names[signum])
        return names[signum];
    if (signum <= 0 || signum > HIGHEST)
        return NULL;
    snprintf(number, sizeof(number), "%d", signum);
    return number;
}

int signal_number(const char *text) {
    char *end;
    long number = strtol(text, &end, 10);

    if (end != text && !*end)
        return number >= 0 && number <= HIGHEST ? (int)number : -1;
    if (!strcasecmp(text, "EXIT"))
        return 0;
    if (!strncasecmp(text, "SIG", 3))
        text += 3;
    for (int i = 1; i < NAME_COUNT; i++) {
        if (names[i] && !strcasecmp(text, names[i]))
            return i;
    }
    return -1;
}

static int usage(void) {
    fprintf(stderr, "usage: kill [-s NAME | -NAME | -N] PID...\n       kill -l [STATUS...]\n");
    return 2;
}

/* "kill -l": all names, or that of each number or exit status of a killed process. */
static int list_signals(char **argv) {
    int status = 0;

    if (!*argv) {
        for (int i = 1; i < NAME_COUNT; i++) {
            if (names[i])
                printf("%s%c", names[i], i == NAME_COUNT - 1 ? '\n' : ' ');
        }
        return 0;
    }
    for (; *argv; argv++) {
        int number = atoi(*argv);
        const char *name = signal_name(number > 128 ? number - 128 : number);

        if (name && strspn(*argv, "0123456789") == strlen(*argv)) {
            printf("%s\n", name);
        } else if (!name && signal_number(*argv) > 0) {
            printf("%d\n", signal_number(*argv));
        } else {
            fprintf(stderr, "kill: %s: invalid signal\n", *argv);
            status = 1;
        }
    }
    return status;
}

static int send(const char *target, int signum, pid_t (*find_job)(const char *)) {
    char *end;
    pid_t pid;

    if (*target == '%' && find_job) {
        pid = find_job(target);
        if (pid == 0)
            return 1;
    } else {
        pid = (pid_t)strtol(target, &end, 10);
        if (end == target || *end) {
            fprintf(stderr, "kill: %s: invalid process id\n", target);
            return 2;
        }
    }
    if (kill(pid, signum) == 0)
        return 0;
    fprintf(stderr, "kill: %s: %s\n", target, strerror(errno));
    return 1;
}

int kill_command(int argc, char **argv, pid_t (*find_job)(const char *)) {
    int signum = SIGTERM, status = 0, next = 1;

    if (argc < 2)
        return usage();
    if (!strcmp(argv[1], "-l"))
        return list_signals(argv + 2);
    if (!strcmp(argv[1], "-s") && argc > 2) {
        signum = signal_number(argv[2]);
        next = 3;
    } else if (argv[1][0] == '-' && strcmp(argv[1], "--")) {
        signum = signal_number(argv[1] + 1);
        next = 2;
    }
    if (signum < 0) {
        fprintf(stderr, "kill: %s: invalid signal\n", argv[next - 1]);
        return 1;
    }
    if (next < argc && !strcmp(argv[next], "--"))
        next++;
    if (next == argc)
        return usage();
    for (; next < argc; next++) {
        int result = send(argv[next], signum, find_job);

        if (result > status)
            status = result;
    }
    return status;
}
