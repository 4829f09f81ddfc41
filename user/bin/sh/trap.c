/* SPDX-License-Identifier: MIT */
/*
 * Traps and the shell's own signals. A handler only marks the signal; its action runs between
 * commands. The action for EXIT (number 0) runs in shell_exit(), the only way out of the shell.
 */
#include "sh.h"

#include "signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIGNALS 65

static char *actions[SIGNALS]; /* NULL: default; "": ignored */
static volatile sig_atomic_t pending[SIGNALS];
static volatile sig_atomic_t any_pending;
static bool ignored_on_entry[SIGNALS]; /* POSIX: a script cannot trap these */

static void mark_pending(int signum) {
    pending[signum] = 1;
    any_pending = 1;
}

static void mark_interrupted(int signum) {
    sh.interrupted = 1;
    if (actions[signum])
        mark_pending(signum);
}

static void set_handler(int signum, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};

    sigemptyset(&action.sa_mask);
    sigaction(signum, &action, NULL); /* no SA_RESTART: read() and waitpid() must return */
}

static const int interactive_ignored[] = {SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
#define INTERACTIVE_IGNORED (sizeof(interactive_ignored) / sizeof(interactive_ignored[0]))

/* What an interactive shell does when it has no trap for a signal. */
static void set_default(int signum) {
    void (*handler)(int) = SIG_DFL;

    if (sh.interactive && signum == SIGINT)
        handler = mark_interrupted;
    for (size_t i = 0; i < INTERACTIVE_IGNORED && sh.interactive; i++) {
        if (interactive_ignored[i] == signum)
            handler = SIG_IGN;
    }
    set_handler(signum, handler);
}

void traps_init_interactive(void) {
    set_default(SIGINT);
    for (size_t i = 0; i < INTERACTIVE_IGNORED; i++)
        set_default(interactive_ignored[i]);
}

/* A new process of the shell: traps are gone, ignored signals stay ignored. */
void traps_reset_for_child(void) {
    bool was_interactive = sh.interactive;

    sh.interactive = false;
    for (int i = 0; i < SIGNALS; i++) {
        if (actions[i] && *actions[i]) {
            free(actions[i]);
            actions[i] = NULL;
            if (i > 0)
                set_handler(i, SIG_DFL);
        }
        pending[i] = 0;
    }
    any_pending = 0;
    if (was_interactive) {
        if (!actions[SIGINT])
            set_handler(SIGINT, SIG_DFL);
        for (size_t i = 0; i < INTERACTIVE_IGNORED; i++) {
            if (!actions[interactive_ignored[i]])
                set_handler(interactive_ignored[i], SIG_DFL);
        }
    }
    sh.interrupted = 0;
}

/* A signal with a trap that waits to run, or 0. */
int traps_pending(void) {
    for (int i = 1; i < SIGNALS && any_pending; i++) {
        if (pending[i] && actions[i])
            return i;
    }
    return 0;
}

/* Whether this shell still has something to do when its last command is over. */
bool traps_any(void) {
    for (int i = 0; i < SIGNALS; i++) {
        if (actions[i] && *actions[i])
            return true;
    }
    return false;
}

static void run_action(int signum) {
    int status = sh.status;
    enum unwind unwind = sh.unwind;
    char *action = xstrdup(actions[signum]);

    sh.unwind = UNWIND_NONE;
    run_text(action);
    free(action);
    if (sh.unwind == UNWIND_NONE) {
        sh.unwind = unwind;
        sh.status = status;
    }
}

void traps_run_pending(void) {
    int signum;

    while (any_pending && (signum = traps_pending())) {
        pending[signum] = 0;
        if (signum == SIGINT)
            sh.interrupted = 0;
        run_action(signum);
    }
    any_pending = 0;
}

/* Set a trap; action NULL puts the default back, "" ignores the signal. */
bool trap_set(int signum, const char *action) {
    struct sigaction old;

    if (signum < 0 || signum >= SIGNALS)
        return false;
    if (signum != 0 && !sh.interactive && !actions[signum] && sigaction(signum, NULL, &old) == 0 &&
        old.sa_handler == SIG_IGN)
        ignored_on_entry[signum] = true;
    if (ignored_on_entry[signum])
        return true;
    free(actions[signum]);
    actions[signum] = action ? xstrdup(action) : NULL;
    if (signum == 0)
        return true;
    if (!action)
        set_default(signum);
    else if (!*action)
        set_handler(signum, SIG_IGN);
    else
        set_handler(signum, signum == SIGINT ? mark_interrupted : mark_pending);
    return true;
}

void traps_print(void) {
    for (int i = 0; i < SIGNALS; i++) {
        if (!actions[i])
            continue;
        printf("trap -- '");
        for (const char *c = actions[i]; *c; c++) {
            if (*c == '\'')
                printf("'\\''");
            else
                putchar(*c);
        }
        printf("' %s\n", i ? signal_name(i) : "EXIT");
    }
}

/* Leave the shell by way of its EXIT trap. */
void shell_exit(int status) {
    char *action = actions[0];

    actions[0] = NULL;
    sh.status = status;
    if (action && *action) {
        sh.unwind = UNWIND_NONE;
        run_text(action);
        status = sh.unwind == UNWIND_NONE ? status : sh.status;
    }
    fflush(stdout);
    _exit(status & 255);
}
