/* SPDX-License-Identifier: MIT */
/* RLIMIT_STACK: how deep a program's first thread gets, and how much execve(2) may be given. */
#include "tap.h"

#include <sys/mman.h>
#include <sys/resource.h>

#define MB (1ul << 20)
#define TEXT 100000 /* bytes of an argument */
#define TEXTS_MOST 80

static char *program;

/* Takes so many megabytes of stack, a page at a time. */
static unsigned long go_down(unsigned long bytes) {
    volatile char page[4096];
    page[0] = (char)bytes;
    return bytes <= sizeof page ? (unsigned char)page[0]
                                : go_down(bytes - sizeof page) + (unsigned char)page[0];
}

/* The child's part: "deep MEGABYTES", with a mapping before and after. */
static int go_deep(const char *megabytes) {
    char *first = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (first == MAP_FAILED)
        return 1;
    memset(first, 1, MB);
    unsigned long sum = go_down(strtoul(megabytes, NULL, 10) * MB);
    for (unsigned long i = 0; i < MB; i++)
        if (first[i] != 1)
            return 2;
    return sum == 1; /* it is not */
}

static int run(rlim_t soft, char **arguments) {
    pid_t child = start();
    if (child == 0) {
        struct rlimit limit;
        getrlimit(RLIMIT_STACK, &limit);
        limit.rlim_cur = soft;
        if (setrlimit(RLIMIT_STACK, &limit) < 0)
            _exit(99);
        execv(program, arguments);
        _exit(errno);
    }
    return reap(child);
}

static int deep(rlim_t soft, const char *megabytes) {
    char *arguments[] = {program, (char *)"deep", (char *)megabytes, NULL};
    return run(soft, arguments);
}

static bool faults(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void test_depth(void) {
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    is_int(deep(8 * MB, "7"), 0, "7 of 8 MiB of stack are used");
    ok(faults(deep(8 * MB, "9")), "9 are not to be had: SIGSEGV");
    ok(faults(deep(2 * MB, "3")), "nor 3 of 2");
    is_int(deep(20 * MB, "19"), 0, "19 of 20");
    is_int(deep(64 * MB, "60"), 0, "60 of 64");
    ok(faults(deep(64 * MB, "65")), "not 65");
    is_int(deep(RLIM_INFINITY, "100"), 0, "100 without a limit");
}

/* So many arguments of TEXT bytes. */
static int give(rlim_t soft, int count) {
    static char text[TEXT], *arguments[TEXTS_MOST + 3];
    memset(text, 'x', TEXT - 1);
    arguments[0] = program;
    arguments[1] = (char *)"given";
    for (int i = 0; i < count; i++)
        arguments[2 + i] = text;
    arguments[2 + count] = NULL;
    int status = run(soft, arguments);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_arguments(void) {
    is_int(give(8 * MB, 19), 19, "a quarter of the limit may be arguments: 1.9 MB of 8 MiB");
    is_int(give(8 * MB, 25), E2BIG, "2.5 MB are too many");
    is_int(give(16 * MB, 25), 25, "with 16 MiB they are not");
    is_int(give(2 * MB, 8), E2BIG, "0.8 MB of 2 MiB are");
    is_int(give(200000, 1), 1, "100,000 bytes always fit");
    is_int(give(RLIM_INFINITY, 60), 60, "6 MB without a limit");
    is_int(give(RLIM_INFINITY, 70), E2BIG, "and never 7");
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "deep"))
        return go_deep(argv[2]);
    if (argc > 1 && !strcmp(argv[1], "given"))
        return argc - 2;
    program = argv[0];
    test_depth();
    test_arguments();
    return done();
}
