/* SPDX-License-Identifier: MIT */
/*
 * Running the syntax tree: lists, pipelines and compound commands. Simple commands stand in
 * command.c, functions in functions.c. Whatever leaves commands early (break, return, errors,
 * interrupts) sets sh.unwind, and every loop here looks at it.
 */
#include "sh.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Pipelines and processes -------------------------------------------------------------- */

/* In a pipeline's child: take the ends of the pipes as standard input and output. */
static void attach_pipes(int input, const int output[2]) {
    if (input > 0) {
        dup2(input, 0);
        close(input);
    }
    if (output[1] >= 0) {
        if (output[0] >= 0)
            close(output[0]);
        if (output[1] != 1) {
            dup2(output[1], 1);
            close(output[1]);
        }
    }
}

/*
 * Start every command of a pipeline as a process of `job`; false when a process or pipe is
 * lacking.
 */
static bool start_pipeline(struct job *job, const struct node *commands, bool foreground) {
    int input = -1;

    for (const struct node *command = commands; command; command = command->next) {
        int output[2] = {-1, -1};
        pid_t pid;

        if (command->next && pipe(output) < 0) {
            sh_error("Pipe call failed: %s", strerror(errno));
            if (input >= 0)
                close(input);
            return false;
        }
        pid = job_fork(job, foreground);
        if (pid == 0) {
            attach_pipes(input, output);
            shell_exit(execute(command, EXEC_LAST));
        }
        if (input >= 0)
            close(input);
        if (output[1] >= 0)
            close(output[1]);
        input = output[0];
        if (pid < 0) {
            if (input >= 0)
                close(input);
            return false;
        }
    }
    return true;
}

static int execute_pipeline(const struct node *node) {
    struct job *job = job_new(node->text);
    int status;

    if (!start_pipeline(job, node->list, true)) {
        job_wait_foreground(job);
        return 2;
    }
    status = job_wait_foreground(job);
    return status;
}

static int execute_background(const struct node *node) {
    const struct node *command = node->left;
    struct job *job = job_new(node->text);
    bool started;

    job->background = true;
    if (command->type == NODE_PIPE) {
        started = start_pipeline(job, command->list, false);
    } else {
        pid_t pid = job_fork(job, false);

        if (pid == 0)
            shell_exit(execute(command, EXEC_LAST));
        started = pid > 0;
    }
    if (job->count == 0) {
        job_free(job);
        return 2;
    }
    sh.last_background = job->processes[job->count - 1].pid;
    job_announce(job);
    return started ? 0 : 2;
}

static int execute_subshell(const struct node *node, int flags) {
    struct job *job;
    pid_t pid;

    if ((flags & EXEC_LAST) && sh.subshell && !traps_any()) {
        if (!redirect(node->redirs, NULL))
            return 2;
        return execute(node->left, EXEC_LAST);
    }
    job = job_new(node->text);
    pid = job_fork(job, true);
    if (pid == 0) {
        if (!redirect(node->redirs, NULL))
            shell_exit(2);
        shell_exit(execute(node->left, EXEC_LAST));
    }
    if (pid < 0) {
        job_free(job);
        return 2;
    }
    return job_wait_foreground(job);
}

/* ---- Compound commands -------------------------------------------------------------------- */

/* Run a condition; its failing is no error. */
static int execute_tested(const struct node *node) {
    int status;

    sh.no_errexit++;
    status = execute(node, 0);
    sh.no_errexit--;
    return status;
}

/* What is being left has already set $?. */
static bool leaving(void) {
    return sh.unwind == UNWIND_RETURN || sh.unwind == UNWIND_ERROR;
}

/* After a loop's body: whether this loop is to be left. */
static bool leaves_loop(void) {
    if (sh.unwind == UNWIND_NONE)
        return false;
    if (sh.unwind == UNWIND_BREAK || sh.unwind == UNWIND_CONTINUE) {
        bool leaves = sh.unwind == UNWIND_BREAK;

        if (--sh.unwind_levels > 0)
            return true;
        sh.unwind = UNWIND_NONE;
        return leaves;
    }
    return true;
}

static int execute_while(const struct node *node) {
    bool wanted = node->type == NODE_WHILE;
    int status = 0;

    sh.loop_depth++;
    for (;;) {
        bool holds = execute_tested(node->left) == 0;

        if (sh.unwind != UNWIND_NONE) {
            if (leaves_loop())
                break;
            continue;
        }
        if (holds != wanted)
            break;
        status = execute(node->right, 0);
        if (leaves_loop())
            break;
    }
    sh.loop_depth--;
    return leaving() ? sh.status : status;
}

static int execute_for(const struct node *node) {
    struct arena_mark mark = arena_mark(&sh.temp);
    char **values = sh.argv;
    int count = sh.argc, status = 0;

    if (!node->in_args)
        values = expand_words(node->words, &count);
    if (!values && !node->in_args) {
        arena_release(&sh.temp, mark);
        return 2;
    }
    sh.loop_depth++;
    for (int i = 0; i < count; i++) {
        if (!var_set(node->name, values[i])) {
            status = 2;
            break;
        }
        status = execute(node->right, 0);
        if (leaves_loop())
            break;
    }
    sh.loop_depth--;
    arena_release(&sh.temp, mark);
    return leaving() ? sh.status : status;
}

static bool item_matches(const struct case_item *item, const char *subject) {
    for (const struct word *word = item->patterns; word; word = word->next) {
        const char *pattern = expand_pattern(word->text);

        if (pattern && fnmatch(pattern, subject, 0) == 0)
            return true;
    }
    return false;
}

static int execute_case(const struct node *node) {
    struct arena_mark mark = arena_mark(&sh.temp);
    const char *subject = expand_string(node->words->text);
    int status = subject ? 0 : 2;

    for (const struct case_item *item = node->items; item && subject; item = item->next) {
        if (!item_matches(item, subject))
            continue;
        if (item->body)
            status = execute(item->body, 0);
        break;
    }
    arena_release(&sh.temp, mark);
    return status;
}

static int execute_if(const struct node *node) {
    int condition = execute_tested(node->left);

    if (sh.unwind != UNWIND_NONE)
        return sh.status;
    if (condition == 0)
        return execute(node->right, 0);
    return node->third ? execute(node->third, 0) : 0;
}

static int execute_compound(const struct node *node) {
    switch (node->type) {
    case NODE_GROUP:
        return execute(node->left, 0);
    case NODE_IF:
        return execute_if(node);
    case NODE_WHILE:
    case NODE_UNTIL:
        return execute_while(node);
    case NODE_FOR:
        return execute_for(node);
    default:
        return execute_case(node);
    }
}

/* A compound command that runs in this shell, with its redirections around it. */
static int execute_redirected(const struct node *node) {
    struct arena_mark mark;
    struct saved_fd *saved = NULL;
    int status = 2;

    if (!node->redirs)
        return execute_compound(node);
    mark = arena_mark(&sh.temp);
    if (redirect(node->redirs, &saved))
        status = execute_compound(node);
    redirect_undo(saved);
    arena_release(&sh.temp, mark);
    return status;
}

/* ---- Everything --------------------------------------------------------------------------- */

static int execute_and_or(const struct node *node, int flags) {
    int status = execute_tested(node->left);

    sh.status = status;
    if (sh.unwind != UNWIND_NONE || (status == 0) != (node->type == NODE_AND))
        return status;
    return execute(node->right, flags);
}

static int execute_not(const struct node *node) {
    int status = execute_tested(node->left);

    return sh.unwind != UNWIND_NONE ? status : !status;
}

static int execute_node(const struct node *node, int flags) {
    switch (node->type) {
    case NODE_SIMPLE:
        return execute_simple(node, flags);
    case NODE_PIPE:
        return execute_pipeline(node);
    case NODE_NOT:
        return execute_not(node);
    case NODE_AND:
    case NODE_OR:
        return execute_and_or(node, flags);
    case NODE_BACKGROUND:
        return execute_background(node);
    case NODE_SUBSHELL:
        return execute_subshell(node, flags);
    case NODE_SEQUENCE:
        sh.status = execute(node->left, 0);
        return sh.unwind == UNWIND_NONE ? execute(node->right, flags) : sh.status;
    case NODE_FUNCTION:
        function_define(node->name, node->left);
        return 0;
    default:
        return execute_redirected(node);
    }
}

/* Whether -e looks at this node's status itself, and not at that of a command within. */
static bool errexit_applies(const struct node *node) {
    return node->type == NODE_SIMPLE || node->type == NODE_PIPE || node->type == NODE_SUBSHELL;
}

/* Run a tree and give its exit status, which also is $? then. */
int execute(const struct node *node, int flags) {
    int status;

    if (!node)
        return sh.status;
    if (sh.interrupted && sh.interactive) {
        sh.unwind = UNWIND_ERROR;
        sh.status = 128 + SIGINT;
    }
    if (sh.unwind != UNWIND_NONE)
        return sh.status;
    status = execute_node(node, flags);
    if (!leaving())
        sh.status = status;
    if (status != 0 && sh.errexit && !sh.no_errexit && errexit_applies(node) &&
        sh.unwind == UNWIND_NONE)
        shell_exit(status);
    traps_run_pending();
    return leaving() ? sh.status : status;
}

/* ---- Whole sources ------------------------------------------------------------------------ */

/* One complete command; false at the end of the source. */
static bool run_line(struct source *source, bool last_may_exec) {
    struct arena arena = {0};
    struct parser parser;
    struct node *node;
    bool end;

    source_discard_read(source);
    source->continuing = false;
    parser_init(&parser, source, &arena);
    node = parse_line(&parser, &end);
    if (node && sh.unwind == UNWIND_NONE) {
        bool last = last_may_exec && source->ended && source_peek(source) < 0;

        execute(node, last && !traps_any() ? EXEC_LAST : 0);
    }
    if (parser.failed) {
        if (sh.unwind == UNWIND_NONE) {
            sh.unwind = UNWIND_ERROR;
            sh.status = 2;
        }
        if (source->prompt) /* the rest of a bad line means nothing */
            source->pos = source->data.len;
    }
    parser_free(&parser);
    if (!parser.keep)
        arena_release(&arena, (struct arena_mark){0});
    return !end;
}

/*
 * Read and run commands until the source ends or something unwinds. An interactive source goes on
 * after errors. With `last_may_exec` nothing follows the source's end.
 */
int run_source(struct source *source, bool last_may_exec) {
    bool ran = false;

    for (;;) {
        if (source->prompt)
            jobs_report_changes();
        if (!run_line(source, last_may_exec))
            break;
        ran = true;
        traps_run_pending();
        if (sh.unwind != UNWIND_NONE) {
            if (!source->prompt)
                break;
            sh.unwind = UNWIND_NONE;
            sh.loop_depth = sh.function_depth = sh.no_errexit = 0;
        }
        if (source->prompt && sh.interrupted) {
            dprintf(2, "\n"); /* behind the terminal's ^C */
            sh.interrupted = 0;
        }
    }
    return ran ? sh.status : 0;
}

/* `eval` and traps. */
int run_text(const char *text) {
    struct source source;
    int status;

    source_from_text(&source, text, strlen(text));
    status = run_source(&source, false);
    source_free(&source);
    return status;
}

/* `.`: -1 when the file cannot be opened. */
int run_file(const char *path) {
    struct source source;
    int status, fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    fd = move_fd_high(fd);
    source_from_fd(&source, fd, true);
    sh.function_depth++;
    status = run_source(&source, false);
    sh.function_depth--;
    if (sh.unwind == UNWIND_RETURN) {
        sh.unwind = UNWIND_NONE;
        status = sh.status;
    }
    source_free(&source);
    close(fd);
    return status;
}
