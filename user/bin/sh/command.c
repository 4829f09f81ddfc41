/* SPDX-License-Identifier: MIT */
/*
 * Simple commands (POSIX XCU 2.9.1): assignments, then a function, a built-in or a program found
 * along PATH.
 */
#include "sh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Finding and starting programs -------------------------------------------------------- */

static bool is_executable_file(const char *path) {
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The next directory of PATH joined with a name; `list` moves on and is NULL behind the last. */
static char *next_candidate(const char **list, const char *name) {
    const char *end = strchrnul(*list, ':');
    size_t len = (size_t)(end - *list);
    char *path = arena_alloc(&sh.temp, len + strlen(name) + 3);

    snprintf(path, len + strlen(name) + 3, "%.*s%s%s", (int)len, *list, len ? "/" : "", name);
    *list = *end ? end + 1 : NULL;
    return path;
}

/* A program's path, or NULL. */
char *find_program(const char *name) {
    const char *list = var_get("PATH");

    if (strchr(name, '/'))
        return is_executable_file(name) ? arena_copy(&sh.temp, name, strlen(name)) : NULL;
    while (list) {
        char *path = next_candidate(&list, name);

        if (is_executable_file(path))
            return path;
    }
    return NULL;
}

/* execve(2); a file without a known format is a shell script (POSIX XCU 2.9.1.1). */
static void try_exec(const char *path, char **argv, char **environment) {
    execve(path, argv, environment);
    if (errno == ENOEXEC) {
        char **script;
        size_t argc = 0;

        while (argv[argc])
            argc++;
        script = arena_alloc(&sh.temp, (argc + 2) * sizeof(*script));
        script[0] = arena_copy(&sh.temp, "sh", 2);
        script[1] = arena_copy(&sh.temp, path, strlen(path));
        memcpy(script + 2, argv + 1, argc * sizeof(*script));
        execve("/bin/sh", script, environment);
    }
}

/* Become the program, or say why not and exit with 126 or 127. */
void exec_program(char **argv) {
    char **environment = vars_environment();
    const char *list = var_get("PATH");
    int error = ENOENT;

    if (strchr(argv[0], '/')) {
        try_exec(argv[0], argv, environment);
        error = errno;
    } else if (*argv[0]) {
        while (list) {
            try_exec(next_candidate(&list, argv[0]), argv, environment);
            if (errno != ENOENT && errno != ENOTDIR)
                error = errno;
        }
    }
    if (error == ENOENT || error == ENOTDIR)
        sh_error("%s: not found", argv[0]);
    else
        sh_error("%s: %s", argv[0], strerror(error));
    _exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
}

/* ---- Assignments -------------------------------------------------------------------------- */

/* Do the assignments before a command; with `saved` they are remembered and exported. */
static bool assign(const struct word *assigns, struct saved_var **saved) {
    for (; assigns; assigns = assigns->next) {
        size_t len = strcspn(assigns->text, "=");
        const char *name = arena_copy(&sh.temp, assigns->text, len);
        const char *value = expand_assignment(assigns->text + len + 1);

        if (!value)
            return false;
        if (sh.xtrace)
            dprintf(2, "+ %s=%s\n", name, value);
        if (saved)
            var_save(saved, name);
        if (!var_set(name, value))
            return false;
        if (saved)
            var_export(name);
    }
    return true;
}

static int execute_assignments(const struct node *node) {
    struct saved_fd *saved = NULL;
    bool ok;

    ok = redirect(node->redirs, &saved);
    redirect_undo(saved);
    if (!ok)
        return 1;
    return assign(node->assigns, NULL) ? sh.substitution_status : 2;
}

/* ---- Built-ins, functions, programs ------------------------------------------------------- */

/* POSIX XCU 2.8.1: an error in a special built-in ends a shell that is not interactive. */
static void fail_special(void) {
    if (!sh.interactive)
        shell_exit(2);
    sh.status = 2;
    sh.unwind = UNWIND_ERROR;
}

static int run_builtin(const struct builtin *builtin, const struct node *node, int argc,
                       char **argv) {
    struct saved_var *saved_vars = NULL;
    struct saved_fd *saved_fds = NULL;
    bool keeps_redirs = builtin->special && !strcmp(builtin->name, "exec") && argc == 1;
    int status;

    if (!redirect(node->redirs, &saved_fds)) {
        redirect_undo(saved_fds);
        if (builtin->special)
            fail_special();
        return 2;
    }
    if (assign(node->assigns, builtin->special ? NULL : &saved_vars))
        status = builtin->run(argc, argv);
    else
        status = 2;
    if (fflush(stdout) != 0 && status == 0) {
        sh_error("%s: I/O error", argv[0]);
        status = 1;
    }
    clearerr(stdout);
    if (keeps_redirs) {
        while (saved_fds) {
            struct saved_fd *next = saved_fds->next;

            if (saved_fds->copy >= 0)
                close(saved_fds->copy);
            free(saved_fds);
            saved_fds = next;
        }
    }
    redirect_undo(saved_fds);
    vars_restore(saved_vars);
    return status;
}

static int run_function(const struct node *body, const struct node *node, int argc, char **argv) {
    struct saved_var *saved_vars = NULL;
    struct saved_fd *saved_fds = NULL;
    int status = 2;

    if (redirect(node->redirs, &saved_fds) && assign(node->assigns, &saved_vars))
        status = function_call(body, argc, argv);
    redirect_undo(saved_fds);
    vars_restore(saved_vars);
    return status;
}

static void become_program(const struct node *node, char **argv) __attribute__((noreturn));

static void become_program(const struct node *node, char **argv) {
    struct saved_var *saved = NULL;

    if (!redirect(node->redirs, NULL) || !assign(node->assigns, &saved))
        _exit(2);
    exec_program(argv);
}

static int run_program(const struct node *node, char **argv, int flags) {
    struct job *job;
    pid_t pid;

    if ((flags & EXEC_LAST) && !traps_any())
        become_program(node, argv);
    job = job_new(node->text);
    pid = job_fork(job, true);
    if (pid == 0)
        become_program(node, argv);
    if (pid < 0) {
        job_free(job);
        return 2;
    }
    return job_wait_foreground(job);
}

static void trace(char **argv) {
    struct buffer line = {0};

    buffer_append(&line, "+", 1);
    for (; *argv; argv++) {
        buffer_add(&line, ' ');
        buffer_append(&line, *argv, strlen(*argv));
    }
    dprintf(2, "%s\n", line.text);
    buffer_free(&line);
}

int execute_simple(const struct node *node, int flags) {
    struct arena_mark mark = arena_mark(&sh.temp);
    const struct builtin *builtin;
    const struct node *function;
    int argc, status;
    char **argv;

    sh.substitution_status = 0;
    argv = expand_words(node->words, &argc);
    if (!argv) {
        arena_release(&sh.temp, mark);
        return sh.status ? sh.status : 2;
    }
    if (argc > 0 && sh.xtrace)
        trace(argv);
    builtin = argc > 0 ? builtin_find(argv[0]) : NULL;
    function = argc > 0 ? function_find(argv[0]) : NULL;
    if (argc == 0)
        status = execute_assignments(node);
    else if (builtin && builtin->special)
        status = run_builtin(builtin, node, argc, argv);
    else if (function)
        status = run_function(function, node, argc, argv);
    else if (builtin)
        status = run_builtin(builtin, node, argc, argv);
    else
        status = run_program(node, argv, flags);
    arena_release(&sh.temp, mark);
    return status;
}
