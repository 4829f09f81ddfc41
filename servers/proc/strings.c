/* SPDX-License-Identifier: MIT */
/* Arguments and environment of an exec, read out of the calling process. */
#include "proc.h"
#include <stdlib.h>
#include <string.h>

#define STRINGS_MAX (STACK_SIZE / 4) /* all of them, as Linux allows */
#define STRING_MAX (32 * 4096ul)     /* one of them */
#define PIECE 256
#define FIRST_ROOM 1024

static long reserve(struct exec_strings *s, size_t more) {
    size_t want = s->length + more;
    if (want > STRINGS_MAX)
        return -E2BIG;
    if (want <= s->room)
        return 0;
    size_t room = s->room ? s->room : FIRST_ROOM;
    while (room < want)
        room *= 2;
    char *bytes = realloc(s->bytes, room);
    if (!bytes)
        return -ENOMEM;
    s->bytes = bytes;
    s->room = room;
    return 0;
}

long exec_add_string(struct exec_strings *s, const char *text, size_t length) {
    long error = reserve(s, length);
    if (error < 0)
        return error;
    memcpy(s->bytes + s->length, text, length);
    s->length += length;
    return 0;
}

/* Copies pieces that end at page boundaries, so that nothing behind the string is touched. */
static long read_string(const struct process *p, uint64_t address, struct exec_strings *s) {
    char piece[PIECE];
    size_t total = 0;
    for (;;) {
        size_t n = PIECE - address % PIECE;
        long got = pk_task_copy_in(p->task, piece, address, n);
        if (got < 0)
            return got;
        const char *end = memchr(piece, 0, n);
        size_t used = end ? (size_t)(end - piece) + 1 : n;
        total += used;
        if (total > STRING_MAX)
            return -E2BIG;
        long error = exec_add_string(s, piece, used);
        if (error < 0 || end)
            return error;
        address += n;
    }
}

/* A vector of pointers that ends with 0; a vector at 0 is empty, as on Linux. */
static long read_vector(const struct process *p, uint64_t address, struct exec_strings *s,
                        size_t *count) {
    for (*count = 0; address; address += 8, ++*count) {
        uint64_t string;
        long got = pk_task_copy_in(p->task, &string, address, sizeof string);
        if (got < 0)
            return got;
        if (!string)
            return 0;
        long error = read_string(p, string, s);
        if (error < 0)
            return error;
    }
    return 0;
}

long exec_read_strings(struct process *p, uint64_t argv, uint64_t envp, struct exec_strings *s) {
    *s = (struct exec_strings){0};
    long error = read_vector(p, argv, s, &s->arguments);
    if (error == 0 && s->arguments == 0) { /* execve(2): argv[0] is made up */
        error = exec_add_string(s, "", 1);
        s->arguments = 1;
    }
    s->argument_bytes = s->length;
    if (error == 0)
        error = read_vector(p, envp, s, &s->variables);
    return error;
}
