/* SPDX-License-Identifier: MIT */
/*
 * Many processes one after another: fork, exec of this program, wait; no memory is lost. Under
 * qemu-user the exec needs binfmt. An argument gives another number than 10,000.
 */
#include "tap.h"

#define WARM_UP 100
#define ROUNDS 10000
#define SLACK 16 /* pages: far less than one for each hundred processes */

static char *program;

/* One process; its exit status tells which one it was. */
static bool run_one(long number)
{
    char text[24];
    char *arguments[] = {program, "child", text, NULL};
    char *environment[] = {NULL};
    int status;
    pid_t pid;

    snprintf(text, sizeof(text), "%ld", number);
    pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        execve(program, arguments, environment);
        _exit(255);
    }
    if (waitpid(pid, &status, 0) != pid)
        return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == number % 251;
}

static long run_many(long count)
{
    for (long i = 0; i < count; i++) {
        if (!run_one(i))
            return i;
    }
    return count;
}

int main(int argc, char **argv)
{
    long rounds = ROUNDS, before;

    if (argc == 3 && !strcmp(argv[1], "child"))
        return (int)(atol(argv[2]) % 251);
    if (argc == 2)
        rounds = atol(argv[1]);
    program = argv[0];
    is_int(run_many(WARM_UP), WARM_UP, "%d processes to warm up", WARM_UP);
    before = free_pages();
    is_int(run_many(rounds), rounds, "%ld times fork, exec and wait", rounds);
    check_free_pages(before, SLACK, "as many free frames as before");
    is_errno(waitpid(-1, NULL, 0), ECHILD, "no child is left");
    return done();
}
