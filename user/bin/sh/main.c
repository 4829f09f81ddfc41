/* SPDX-License-Identifier: MIT */
/*
 * sh: a small POSIX shell. This file reads its arguments and starts it:
 *
 *     sh [-eufxi] [-o OPTION] [FILE [ARG...] | -c COMMAND [NAME [ARG...]] | -s [ARG...]]
 *
 * Not there: aliases, history, fc, getopts, hash, times. Line editing is the terminal's.
 * Until the first prompt it makes only a dozen system calls.
 */
#include "sh.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct shell sh = {.name = "sh"};

struct start {
    const char *command; /* -c */
    bool force_interactive, from_stdin;
};

/* The shell's own letters come out of the option words; what is left, if any, `set` understands. */
static int parse_options(int argc, char **argv, struct start *start) {
    bool command = false;
    int next = 1;

    while (next < argc && (*argv[next] == '-' || *argv[next] == '+') && argv[next][1]) {
        char *from = argv[next] + 1, *to = from;

        if (!strcmp(argv[next], "--")) {
            next++;
            break;
        }
        if (*argv[next] == '-') {
            for (; *from; from++) {
                command |= *from == 'c';
                start->from_stdin |= *from == 's';
                start->force_interactive |= *from == 'i';
                if (!strchr("csil", *from))
                    *to++ = *from;
            }
            *to = '\0';
        }
        if (argv[next][1]) {
            int end = next, limit = strchr(argv[next], 'o') ? next + 2 : next + 1;

            if (!set_options(limit < argc ? limit : argc, argv, &end))
                exit(2);
            next = end;
        } else {
            next++;
        }
    }
    if (command) {
        if (next == argc) {
            sh_error("-c requires an argument");
            exit(2);
        }
        start->command = argv[next++];
    }
    return next;
}

static void become_interactive(void) {
    sh.interactive = true;
    traps_init_interactive();
    jobs_init();
}

static void set_start_variables(void) {
    char path[PATH_MAX];
    const char *pwd = var_get("PWD");

    if (!var_get("PATH"))
        var_set("PATH", "/bin:/usr/bin");
    if ((!pwd || *pwd != '/') && getcwd(path, sizeof(path)))
        var_set("PWD", path);
    snprintf(path, sizeof(path), "%ld", (long)getppid());
    var_set("PPID", path);
}

static int open_script(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        int error = errno;

        sh_error("cannot open %s: %s", path, strerror(error));
        exit(error == ENOENT ? 127 : 126);
    }
    return move_fd_high(fd);
}

int main(int argc, char **argv, char **environment) {
    struct start start = {0};
    struct source source;
    int next;

    vars_init(environment);
    sh.pid = getpid();
    if (argc > 0)
        sh.name = argv[0];
    next = parse_options(argc, argv, &start);
    set_start_variables();
    if (start.command) {
        if (next < argc)
            sh.name = argv[next++];
        source_from_text(&source, start.command, strlen(start.command));
    } else if (next < argc && !start.from_stdin) {
        source_from_fd(&source, open_script(argv[next]), true);
        sh.name = argv[next++];
    } else {
        source_from_fd(&source, 0, false);
        if (start.force_interactive || (isatty(0) && isatty(2)))
            become_interactive();
        source.prompt = sh.interactive;
    }
    sh.argc = argc - next;
    sh.argv = argv + next;
    shell_exit(run_source(&source, start.command && !sh.interactive));
}
