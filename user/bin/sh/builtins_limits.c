/* SPDX-License-Identifier: MIT */
/* The built-in ulimit: what programs may use (getrlimit(2)), as POSIX and other shells have it. */
#include "sh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const struct kind {
    char option;
    int resource;
    unsigned long unit; /* bytes that one stands for */
    const char *name;
} kinds[] = {
    {'c', RLIMIT_CORE, 512, "core file size (blocks)"},
    {'d', RLIMIT_DATA, 1024, "data size (kbytes)"},
    {'e', RLIMIT_NICE, 1, "nice priority"},
    {'f', RLIMIT_FSIZE, 512, "file size (blocks)"},
    {'i', RLIMIT_SIGPENDING, 1, "pending signals"},
    {'l', RLIMIT_MEMLOCK, 1024, "locked memory (kbytes)"},
    {'n', RLIMIT_NOFILE, 1, "open files"},
    {'q', RLIMIT_MSGQUEUE, 1, "message queues (bytes)"},
    {'r', RLIMIT_RTPRIO, 1, "real-time priority"},
    {'s', RLIMIT_STACK, 1024, "stack size (kbytes)"},
    {'t', RLIMIT_CPU, 1, "processor time (seconds)"},
    {'u', RLIMIT_NPROC, 1, "processes"},
    {'v', RLIMIT_AS, 1024, "address space (kbytes)"},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

struct choice {
    bool soft, hard, all;
    const struct kind *kind;
};

static const struct kind *find_kind(char option) {
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].option == option)
            return &kinds[i];
    }
    return NULL;
}

static bool read_option(struct choice *choice, char option) {
    const struct kind *kind = find_kind(option);

    if (kind)
        choice->kind = kind;
    else if (option == 'S')
        choice->soft = true;
    else if (option == 'H')
        choice->hard = true;
    else if (option == 'a')
        choice->all = true;
    else
        sh_error("ulimit: Illegal option -%c", option);
    return kind || strchr("SHa", option);
}

/* The hard one if only that was asked for. */
static void print_limit(const struct choice *choice, const struct kind *kind) {
    struct rlimit limit;
    rlim_t value;

    if (getrlimit((__rlimit_resource_t)kind->resource, &limit) < 0)
        return;
    value = choice->hard && !choice->soft ? limit.rlim_max : limit.rlim_cur;
    if (choice->all)
        printf("-%c: %-28s", kind->option, kind->name);
    if (value == RLIM_INFINITY)
        printf("unlimited\n");
    else
        printf("%lu\n", (unsigned long)value / kind->unit);
}

static int set_limit(const struct choice *choice, const char *text) {
    struct rlimit limit;
    unsigned long number;
    rlim_t value = RLIM_INFINITY;
    char *end;

    if (strcmp(text, "unlimited")) {
        errno = 0;
        number = strtoul(text, &end, 10);
        if (*end || end == text || *text == '-' || errno || number > ~0ul / choice->kind->unit) {
            sh_error("ulimit: Illegal number: %s", text);
            return 2;
        }
        value = number * choice->kind->unit;
    }
    if (getrlimit((__rlimit_resource_t)choice->kind->resource, &limit) == 0) {
        limit.rlim_cur = choice->soft || !choice->hard ? value : limit.rlim_cur;
        limit.rlim_max = choice->hard || !choice->soft ? value : limit.rlim_max;
        if (setrlimit((__rlimit_resource_t)choice->kind->resource, &limit) == 0)
            return 0;
    }
    sh_error("ulimit: %s: %s", choice->kind->name, strerror(errno));
    return 1;
}

int builtin_ulimit(int argc, char **argv) {
    struct choice choice = {.kind = find_kind('f')};
    int at = 1;

    for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
        for (const char *option = argv[at] + 1; *option; option++) {
            if (!read_option(&choice, *option))
                return 2;
        }
    }
    if (at + 1 < argc || (choice.all && at < argc)) {
        sh_error("ulimit: Too many arguments");
        return 2;
    }
    if (at < argc)
        return set_limit(&choice, argv[at]);
    for (size_t i = 0; i < KINDS; i++) {
        if (choice.all || &kinds[i] == choice.kind)
            print_limit(&choice, &kinds[i]);
    }
    return 0;
}
