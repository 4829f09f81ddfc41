/* SPDX-License-Identifier: MIT */
/*
 * Built-ins about variables and parameters: export readonly local unset set shift.
 */
#include "sh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct saved_var **scope; /* where `local` saves; NULL outside of functions */

struct saved_var **local_scope(void) {
    return scope;
}

void local_set_scope(struct saved_var **new_scope) {
    scope = new_scope;
}

static bool valid_name(const char *command, const char *name) {
    const char *at = name;

    if (is_name_start((unsigned char)*at)) {
        while (is_name_char((unsigned char)*at))
            at++;
        if (!*at)
            return true;
    }
    sh_fatal("%s: %s: bad variable name", command, name);
    return false;
}

/* "NAME" or "NAME=VALUE": checks the name, marks it by `mark`, and assigns. */
static bool declare(const char *command, const char *arg, void (*mark)(const char *name)) {
    size_t len = strcspn(arg, "=");
    const char *name = arena_copy(&sh.temp, arg, len);

    if (!valid_name(command, name))
        return false;
    if (mark == var_export)
        mark(name);
    if (arg[len] && !var_set(name, arg + len + 1))
        return false;
    if (mark != var_export)
        mark(name);
    return true;
}

static void mark_readonly(const char *name) {
    var_set_readonly(name);
}

static int declare_all(int argc, char **argv, void (*mark)(const char *name), bool exported) {
    bool print = argc == 1 || (argc == 2 && !strcmp(argv[1], "-p"));

    if (print) {
        vars_print(exported ? "export " : "readonly ", exported, !exported);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        if (!declare(argv[0], argv[i], mark))
            return 2;
    }
    return 0;
}

int builtin_export(int argc, char **argv) {
    return declare_all(argc, argv, var_export, true);
}

int builtin_readonly(int argc, char **argv) {
    return declare_all(argc, argv, mark_readonly, false);
}

/*
 * Not in POSIX, but known to every shell: the variable gets its old value when the function ends.
 */
int builtin_local(int argc, char **argv) {
    if (!scope) {
        sh_fatal("local: not in a function");
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        size_t len = strcspn(argv[i], "=");
        const char *name = arena_copy(&sh.temp, argv[i], len);

        if (!valid_name(argv[0], name))
            return 2;
        var_save(scope, name);
        if (argv[i][len] && !var_set(name, argv[i] + len + 1))
            return 2;
    }
    return 0;
}

int builtin_unset(int argc, char **argv) {
    bool functions = false;
    int next = 1;

    if (next < argc && (!strcmp(argv[next], "-f") || !strcmp(argv[next], "-v")))
        functions = argv[next++][1] == 'f';
    for (; next < argc; next++) {
        if (functions)
            function_unset(argv[next]);
        else if (!valid_name(argv[0], argv[next]) || !var_unset(argv[next]))
            return 2;
    }
    return 0;
}

/* ---- set and shift ------------------------------------------------------------------------ */

static bool *option_flag(char letter) {
    switch (letter) {
    case 'e':
        return &sh.errexit;
    case 'x':
        return &sh.xtrace;
    case 'u':
        return &sh.nounset;
    case 'f':
        return &sh.noglob;
    default:
        return NULL;
    }
}

/* $- */
char *option_letters(void) {
    char *letters = arena_alloc(&sh.temp, 8);
    char *end = letters;

    for (const char *letter = "efux"; *letter; letter++) {
        if (*option_flag(*letter))
            *end++ = *letter;
    }
    if (sh.interactive)
        *end++ = 'i';
    return letters;
}

static bool *named_option(const char *name) {
    static const char *const option_names[] = {"errexit", "xtrace", "nounset", "noglob"};

    for (size_t i = 0; i < 4; i++) {
        if (!strcmp(name, option_names[i]))
            return option_flag("exuf"[i]);
    }
    return NULL;
}

/*
 * Options from *next on: -exuf, +exuf and -o NAME. On return *next is the first argument that is
 * none, behind a "--" if there was one. False after an unknown option, which was reported.
 */
bool set_options(int argc, char **argv, int *next) {
    for (; *next < argc; (*next)++) {
        const char *arg = argv[*next];
        bool on = *arg == '-';

        if ((*arg != '-' && *arg != '+') || !arg[1])
            return true;
        if (!strcmp(arg, "--")) {
            (*next)++;
            return true;
        }
        while (*++arg) {
            bool *flag =
                *arg == 'o' && *next + 1 < argc ? named_option(argv[++*next]) : option_flag(*arg);
            if (!flag) {
                sh_fatal("Illegal option %c%c", on ? '-' : '+', *arg);
                return false;
            }
            *flag = on;
        }
    }
    return true;
}

/* New positional parameters; the old ones may still be in use by a caller, and stay. */
void set_positional(int argc, char **argv) {
    char **copy = xmalloc(((size_t)argc + 1) * sizeof(*copy));

    for (int i = 0; i < argc; i++)
        copy[i] = xstrdup(argv[i]);
    copy[argc] = NULL;
    sh.argc = argc;
    sh.argv = copy;
}

int builtin_set(int argc, char **argv) {
    int next = 1;

    if (argc == 1) {
        vars_print("", false, false);
        return 0;
    }
    if (!set_options(argc, argv, &next))
        return 2;
    if (next < argc || !strcmp(argv[argc - 1], "--"))
        set_positional(argc - next, argv + next);
    return 0;
}

int builtin_shift(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 1;

    if (count < 0 || count > sh.argc) {
        sh_fatal("shift: can't shift that many");
        return 2;
    }
    sh.argc -= count;
    sh.argv += count;
    return 0;
}
