/* SPDX-License-Identifier: MIT */
/*
 * The table of built-in commands and those that steer the shell itself. Those about variables, jobs
 * and files stand in builtins_vars.c, builtins_jobs.c and builtins_files.c, `test` in test.c.
 */
#include "sh.h"

#include "echo_args.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A message; the command has failed. */
void sh_error(const char *format, ...) {
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    dprintf(2, "%s: %s\n", sh.name, message);
}

/* A message for an error that ends a script (POSIX XCU 2.8.1), and at a prompt the command line. */
void sh_fatal(const char *format, ...) {
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    sh_error("%s", message);
    sh.status = 2;
    if (!sh.interactive)
        shell_exit(2);
    sh.unwind = UNWIND_ERROR;
}

static bool parse_count(const char *name, const char *text, int *count) {
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || *end || number < 0 || number > 1 << 30) {
        sh_fatal("%s: Illegal number: %s", name, text);
        return false;
    }
    *count = (int)number;
    return true;
}

static int builtin_true(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return 0;
}

static int builtin_false(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return 1;
}

static int builtin_echo(int argc, char **argv) {
    return echo_args(argc, argv);
}

static int builtin_exit(int argc, char **argv) {
    int status = sh.status;

    if (argc > 1 && !parse_count(argv[0], argv[1], &status))
        return 2;
    shell_exit(status);
}

static int builtin_return(int argc, char **argv) {
    int status = sh.status;

    if (argc > 1 && !parse_count(argv[0], argv[1], &status))
        return 2;
    if (sh.function_depth == 0)
        shell_exit(status); /* as dash: outside of functions `return` is `exit` */
    sh.status = status & 255;
    sh.unwind = UNWIND_RETURN;
    return sh.status;
}

static int leave_loops(int argc, char **argv, enum unwind how) {
    int levels = 1;

    if (argc > 1 && !parse_count(argv[0], argv[1], &levels))
        return 2;
    if (levels > sh.loop_depth)
        levels = sh.loop_depth;
    if (levels > 0) {
        sh.unwind = how;
        sh.unwind_levels = levels;
    }
    return 0;
}

static int builtin_break(int argc, char **argv) {
    return leave_loops(argc, argv, UNWIND_BREAK);
}

static int builtin_continue(int argc, char **argv) {
    return leave_loops(argc, argv, UNWIND_CONTINUE);
}

static int builtin_eval(int argc, char **argv) {
    struct buffer text = {0};
    int status;

    buffer_append(&text, "", 0);
    for (int i = 1; i < argc; i++) {
        if (i > 1)
            buffer_add(&text, ' ');
        buffer_append(&text, argv[i], strlen(argv[i]));
    }
    status = run_text(text.text);
    buffer_free(&text);
    return status;
}

/* A dot script without a slash is sought along PATH. */
static int builtin_dot(int argc, char **argv) {
    const char *list = var_get("PATH");
    int status;

    if (argc < 2) {
        sh_fatal(".: filename argument required");
        return 2;
    }
    if (strchr(argv[1], '/')) {
        status = run_file(argv[1]);
    } else {
        status = -1;
        while (list && status < 0) {
            const char *end = strchrnul(list, ':');
            char path[4096];

            snprintf(path, sizeof(path), "%.*s%s%s", (int)(end - list), list, end > list ? "/" : "",
                     argv[1]);
            status = access(path, R_OK) == 0 ? run_file(path) : -1;
            list = *end ? end + 1 : NULL;
        }
    }
    if (status < 0) {
        sh_fatal(".: cannot open %s: %s", argv[1], strerror(ENOENT));
        status = 2;
    }
    return status;
}

static int builtin_exec(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--")) {
        argc--;
        argv++;
    }
    if (argc < 2)
        return 0; /* only its redirections, which stay */
    exec_program(argv + 1);
}

static const char *describe(const char *name) {
    const struct builtin *builtin = builtin_find(name);

    if (builtin)
        return builtin->special ? "a special shell builtin" : "a shell builtin";
    return function_find(name) ? "a shell function" : NULL;
}

static int builtin_type(int argc, char **argv) {
    int status = 0;

    for (int i = 1; i < argc; i++) {
        const char *what = describe(argv[i]);
        const char *path = what ? NULL : find_program(argv[i]);

        if (what || path) {
            printf("%s is %s\n", argv[i], what ? what : path);
        } else {
            printf("%s: not found\n", argv[i]);
            status = 127;
        }
    }
    return status;
}

/* `command -v NAME` and `command NAME ARGS`, which passes over functions. */
static int builtin_command(int argc, char **argv) {
    const struct builtin *builtin;

    if (argc < 2)
        return 0;
    if (!strcmp(argv[1], "-v")) {
        const char *path = argc > 2 && !describe(argv[2]) ? find_program(argv[2]) : NULL;

        if (argc < 3 || (!path && !describe(argv[2])))
            return 127;
        puts(path ? path : argv[2]);
        return 0;
    }
    builtin = builtin_find(argv[1]);
    if (builtin)
        return builtin->run(argc - 1, argv + 1);
    fflush(stdout);
    {
        struct job *job = job_new(argv[1]);
        pid_t pid = job_fork(job, true);

        if (pid == 0)
            exec_program(argv + 1);
        if (pid > 0)
            return job_wait_foreground(job);
        job_free(job);
        return 2;
    }
}

static const struct builtin builtins[] = {
    {".", builtin_dot, true, "FILE", "reads commands from a file"},
    {":", builtin_true, true, "[ARG...]", "does nothing"},
    {"[", builtin_test, false, "EXPRESSION ]", "tests files, strings and numbers"},
    {"bg", builtin_bg, false, "[%JOB...]", "lets stopped jobs run on in the background"},
    {"break", builtin_break, true, "[N]", "leaves N loops"},
    {"cd", builtin_cd, false, "[-L | -P] [DIRECTORY | -]", "changes the working directory"},
    {"command", builtin_command, false, "[-v | -V] NAME [ARG...]",
     "runs a command that no function hides, or tells what a name is"},
    {"continue", builtin_continue, true, "[N]", "goes on with the next turn of a loop"},
    {"echo", builtin_echo, false, "[-neE] [TEXT...]", "prints its arguments"},
    {"eval", builtin_eval, true, "[TEXT...]", "runs its arguments as commands"},
    {"exec", builtin_exec, true, "[COMMAND [ARG...]]",
     "becomes another program, or keeps redirections"},
    {"exit", builtin_exit, true, "[STATUS]", "leaves the shell"},
    {"export", builtin_export, true, "[-p] [NAME[=VALUE]...]", "gives variables to programs"},
    {"false", builtin_false, false, "", "fails"},
    {"fg", builtin_fg, false, "[%JOB]", "lets a job run on in the foreground"},
    {"getopts", builtin_getopts, false, "OPTIONS NAME [ARG...]",
     "takes options from arguments, one by one"},
    {"help", builtin_help, false, "[NAME...]", "lists the commands, or tells how one is used"},
    {"jobs", builtin_jobs, false, "[-lp]", "lists the shell's jobs"},
    {"kill", builtin_kill, false, "[-s NAME | -NAME | -N] PID | %JOB..., kill -l", "sends signals"},
    {"local", builtin_local, false, "NAME[=VALUE]...", "makes variables of a function's own"},
    {"printf", builtin_printf, false, "FORMAT [ARG...]", "prints its arguments as the format says"},
    {"pwd", builtin_pwd, false, "[-L | -P]", "prints the working directory"},
    {"read", builtin_read, false, "[-r] [NAME...]", "reads a line into variables"},
    {"readonly", builtin_readonly, true, "[-p] [NAME[=VALUE]...]", "protects variables"},
    {"return", builtin_return, true, "[STATUS]", "leaves a function"},
    {"set", builtin_set, true, "[-efnuvx] [-o OPTION] [--] [ARG...]",
     "sets options and arguments, or lists variables"},
    {"shift", builtin_shift, true, "[N]", "drops the first arguments"},
    {"test", builtin_test, false, "EXPRESSION", "tests files, strings and numbers"},
    {"trap", builtin_trap, true, "[ACTION SIGNAL...]", "sets what is done at a signal"},
    {"true", builtin_true, false, "", "succeeds"},
    {"type", builtin_type, false, "NAME...", "tells what names are"},
    {"ulimit", builtin_ulimit, false, "[-HSa] [-cdefilnqrstuv] [LIMIT]",
     "sets what programs may use, or tells"},
    {"umask", builtin_umask, false, "[-S] [MODE]", "sets which permissions new files do not get"},
    {"unset", builtin_unset, true, "[-v | -f] NAME...", "forgets variables or functions"},
    {"wait", builtin_wait, false, "[PID | %JOB...]", "waits for background commands"},
};

const struct builtin *builtin_number(size_t number) {
    return number < sizeof(builtins) / sizeof(builtins[0]) ? &builtins[number] : NULL;
}

const struct builtin *builtin_find(const char *name) {
    for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
        if (!strcmp(builtins[i].name, name))
            return &builtins[i];
    }
    return NULL;
}
