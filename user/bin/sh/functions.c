/* SPDX-License-Identifier: MIT */
/* The shell's functions: their table, and calling them with parameters and local variables. */
#include "sh.h"

#include <string.h>

struct function {
    struct function *next;
    char *name;
    const struct node *body; /* in an arena that is never released */
};

static struct function *functions;

static struct function *lookup(const char *name) {
    struct function *function = functions;

    while (function && strcmp(function->name, name))
        function = function->next;
    return function;
}

void function_define(const char *name, struct node *body) {
    struct function *function = lookup(name);

    if (!function) {
        function = xmalloc(sizeof(*function));
        *function = (struct function){.next = functions, .name = xstrdup(name)};
        functions = function;
    }
    function->body = body;
}

const struct node *function_find(const char *name) {
    const struct function *function = lookup(name);

    return function ? function->body : NULL;
}

void function_unset(const char *name) {
    struct function *function = lookup(name);

    if (function)
        function->body = NULL;
}

/* Call a function: its arguments are the positional parameters while it runs. */
int function_call(const struct node *body, int argc, char **argv) {
    int outer_argc = sh.argc, outer_loops = sh.loop_depth, status;
    char **outer_argv = sh.argv;
    struct saved_var *locals = NULL, **outer_scope = local_scope();

    local_set_scope(&locals);
    sh.argc = argc - 1;
    sh.argv = argv + 1;
    sh.loop_depth = 0;
    sh.function_depth++;
    status = execute(body, 0);
    sh.function_depth--;
    sh.loop_depth = outer_loops;
    sh.argc = outer_argc;
    sh.argv = outer_argv;
    vars_restore(locals);
    local_set_scope(outer_scope);
    if (sh.unwind == UNWIND_RETURN) {
        sh.unwind = UNWIND_NONE;
        status = sh.status;
    }
    return status;
}
