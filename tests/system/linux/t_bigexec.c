/* SPDX-License-Identifier: MIT */
/*
 * execve(2) with very many and very long arguments: they arrive as they were given, too many fail with E2BIG,
 * and whoever is killed in the middle leaves nothing behind.
 */
#include "tap.h"
#include <sys/mman.h>
#include <sys/stat.h>

#define MANY 100000
#define TOO_MANY 300000
#define LONG 100000

static char *program;
static char *pointers[TOO_MANY + 1];

static char *numbered(int number) {
    static char text[MANY][8];
    snprintf(text[number], sizeof(text[number]), "%d", number);
    return text[number];
}

/* The child's part: "many COUNT 0 1 2 ...", "long TEXT" with so many variables as well. */
static int check_many(int argc, char **argv) {
    long count = atol(argv[2]);
    if (argc != count + 3)
        return 1;
    for (int i = 0; i < count; i++)
        if (atoi(argv[i + 3]) != i || argv[i + 3][0] == 0)
            return 2;
    return argv[argc] != NULL;
}

static int check_long(int argc, char **argv, char **environment) {
    if (argc != 4 || strlen(argv[2]) != LONG || argv[3][0] != 0)
        return 1;
    for (int i = 0; i < LONG; i++)
        if (argv[2][i] != (char)('a' + i % 26))
            return 2;
    int count = 0;
    while (environment[count])
        count++;
    return count != 2000 || strcmp(environment[1999], "1999") != 0;
}

static int run(char **arguments, char **environment) {
    pid_t pid = start();
    if (pid == 0) {
        execve(program, arguments, environment);
        _exit(errno);
    }
    return reap_exit(pid);
}

static void test_many(long count) {
    char text[16];
    char *none[] = {NULL};
    snprintf(text, sizeof(text), "%ld", count);
    pointers[0] = program;
    pointers[1] = (char *)"many";
    pointers[2] = text;
    for (int i = 0; i < count; i++)
        pointers[i + 3] = numbered(i);
    pointers[count + 3] = NULL;
    is_int(run(pointers, none), 0, "%ld arguments arrive", count);
}

static void test_long(void) {
    static char text[LONG + 1];
    char *arguments[] = {program, (char *)"long", text, (char *)"", NULL};
    for (int i = 0; i < LONG; i++)
        text[i] = (char)('a' + i % 26);
    for (int i = 0; i < 2000; i++)
        pointers[i] = numbered(i);
    pointers[2000] = NULL;
    is_int(run(arguments, pointers), 0, "a long argument and 2000 variables arrive");
}

static void test_script(void) {
    char path[64];
    char *none[] = {NULL};
    snprintf(path, sizeof(path), "/tmp/script-%d", (int)getpid());
    FILE *file = fopen(path, "w");
    if (!file || fprintf(file, "#!%s many\n", program) < 0 || fclose(file) || chmod(path, 0700))
        bail(path);
    /* The script's path stands where the number is expected. */
    for (int i = 0; i < 5000; i++)
        pointers[i] = numbered(i);
    pointers[5000] = NULL;
    pid_t pid = start();
    if (pid == 0) {
        execve(path, pointers, none);
        _exit(errno);
    }
    is_int(reap_exit(pid), 1, "a script with 5000 arguments runs");
    unlink(path);
}

static void test_too_many(void) {
    char *none[] = {NULL};
    for (int i = 0; i < TOO_MANY; i++)
        pointers[i] = (char *)"";
    pointers[TOO_MANY] = NULL;
    is_int(run(pointers, none), E2BIG, "%d arguments are too many", TOO_MANY);
    for (int i = 0; i < 1000; i++)
        pointers[i] = (char *)"";
    pointers[1000] = (char *)8;
    pointers[1001] = NULL;
    is_int(run(pointers, none), EFAULT, "a bad pointer after many good ones");
}

static void test_killed(void) {
    char *none[] = {NULL};
    for (int i = 0; i < 200000; i++)
        pointers[i] = (char *)"x";
    pointers[200000] = NULL;
    long before = free_pages();
    for (int i = 0; i < 20; i++) {
        pid_t pid = start();
        if (pid == 0) {
            execve(program, pointers, none);
            _exit(1);
        }
        sleep_ms(i);
        kill(pid, SIGKILL);
        reap(pid);
    }
    check_free_pages(before, 64, "killed in the middle, they leave nothing behind");
}

int main(int argc, char **argv, char **environment) {
    program = argv[0];
    if (argc > 2 && strcmp(argv[1], "many") == 0)
        return check_many(argc, argv);
    if (argc > 2 && strcmp(argv[1], "long") == 0)
        return check_long(argc, argv, environment);
    if (argc > 1)
        return 99;
    test_many(0);
    test_many(1);
    test_many(125);
    test_many(126);
    test_many(1000);
    test_many(MANY);
    test_long();
    test_script();
    test_too_many();
    test_killed();
    return done();
}
