/* SPDX-License-Identifier: MIT */
/*
 * An exec on its way. Arguments and environment may be megabytes in hundreds of thousands of strings, so
 * they are read in steps, twice: once to count and measure them, and once to copy them straight to where
 * they stay. This server does not keep them, unless they are few.
 */
#ifndef PROC_EXEC_H
#define PROC_EXEC_H

#include "proc.h"
#include <lib/continuation.h>

#define PATH_MOST 4096 /* with its NUL */
#define STEP_PIECES 64 /* some 700 instructions each */
#define PIECE 256
#define POINTERS 16
#define COPIED 1024
#define WORDS 64

/* A file opened to be run. */
struct file {
    uint64_t object, size;
    uint32_t mode, uid, gid;
};

struct exec_image {
    uint64_t entry, headers, base; /* AT_ENTRY, AT_PHDR, AT_BASE */
    uint64_t start;                /* where the thread starts */
    uint64_t brk;
    uint64_t personality, personality_entry;
    unsigned phnum;
};

/* A vector of pointers to strings in a task's memory, read piece by piece. */
struct exec_vector {
    uint64_t next;   /* where the next pointers are; 0: there are none */
    uint64_t string; /* what is left of the string being read; 0: none is being read */
    size_t string_length;
    unsigned read, used; /* of pointers */
    uint64_t pointers[POINTERS];
};

#define KEPT_MOST 4096 /* bytes, and */
#define KEPT_STRINGS 128

#define SCRIPTS_MOST 5
#define LINE_MOST 256 /* of a script's first line */

/*
 * Arguments or variables: first some that are kept here, then a task's. If a task's are few and short, they are
 * all kept when they are measured, and read only once.
 */
struct exec_list {
    char *own; /* own_count strings, each with its NUL */
    size_t own_length, own_count;
    uint64_t vector;      /* 0: none, or all are kept */
    bool keeps;           /* what is read is kept, as long as it is few and short */
    size_t count, length; /* in all */
    size_t first_length;  /* of the vector's first */
    bool begun;           /* to be measured, or to be copied */
};

/* Strings and the pointers to them, on their way to the new stack. */
struct exec_copy {
    uint64_t string_at, string_end; /* in the new task: where the next byte goes; behind the last */
    uint64_t word_at;               /* where the next pointer goes */
    size_t byte_count, word_count;  /* in the buffers */
    uint64_t words[WORDS];
    char bytes[COPIED];
};

enum exec_phase {
    EXEC_MEASURE_ARGUMENTS,
    EXEC_MEASURE_VARIABLES,
    EXEC_OPEN,
    EXEC_BUILD,
    EXEC_COPY_ARGUMENTS,
    EXEC_COPY_VARIABLES,
    EXEC_FINISH
};

struct exec {
    struct continuation c; /* if it takes more than one step */
    struct process *p;
    struct thread *thread; /* of p, that called */
    enum exec_phase phase;
    int pieces; /* of strings, that this step may still look at */
    int dirfd;
    uint32_t flags;
    bool tidy;            /* as proc_exit() tells it */
    bool opening;         /* the way to the file is not at its end */
    char path[PATH_MOST]; /* as it was given */
    char name[16];        /* its last part */
    /* Arguments that are kept, and what each level of scripts adds; variables that are kept. */
    char own[KEPT_MOST + 2 * PATH_MOST + SCRIPTS_MOST * 2 * LINE_MOST];
    char own_variables[KEPT_MOST];
    struct exec_list arguments, variables;
    size_t skipped; /* the vector's first argument has been left out, of this length */
    struct exec_vector vector;
    uint64_t task; /* the new one; 0: not yet */
    struct file file;
    struct exec_image image;
    uint32_t euid, egid;             /* of the process from then on */
    uint64_t sp, path_at, random_at; /* on the new stack */
    struct exec_copy copy;
    struct process_strings strings;
};

/* strings.c. 1: there is more to do; 0: done; or a negative errno. */
long exec_measure(struct exec *e, struct exec_list *list);
long exec_copy_list(struct exec *e, struct exec_list *list);
/* What is in the buffers goes to the new stack. */
long exec_flush(struct exec *e);
/* Behind the strings so far. */
long exec_put_bytes(struct exec *e, const char *bytes, size_t n);
/* One more word of the new stack. */
long exec_put_word(struct exec *e, uint64_t word);

/* stack.c. What strings and the pointers to them may take. */
uint64_t stack_strings_most(const struct process *p);
/* How large the stack is, by RLIMIT_STACK; and below which address the kernel places mappings then. */
void stack_choose(struct exec *e);
uint64_t stack_mappings_below(const struct exec *e);
/* Where everything will be; what stands above the strings. */
long stack_begin(struct exec *e);
/* The auxiliary vector, the last of the words. */
long stack_end(struct exec *e);

#endif
