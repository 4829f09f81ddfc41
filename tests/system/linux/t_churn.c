/* SPDX-License-Identifier: MIT */
/*
 * Many processes one after another: fork, exec of this program, wait; no memory is lost. 10,000 of
 * them, or on a slow emulator as many as the time allows, but 1,000 at least. An argument gives
 * another number. Under qemu-user the exec needs binfmt.
 */
#include "tap.h"

#define WARM_UP 100
#define ROUNDS 10000
#define ROUNDS_AT_LEAST 1000
#define SECONDS 120
#define SLACK 16 /* pages: far less than one for each hundred processes */

static char *program;

/* One process; its exit status tells which one it was. */
static bool run_one(long number) {
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

/* Gives the number of processes that ran as they should; -1 when one did not. */
static long run_many(long count) {
    time_t end = time(NULL) + SECONDS;

    for (long i = 0; i < count; i++) {
        if (i >= ROUNDS_AT_LEAST && time(NULL) > end)
            return i;
        if (!run_one(i)) {
            printf("# process number %ld went wrong\n", i);
            return -1;
        }
    }
    return count;
}

int main(int argc, char **argv) {
    long rounds = ROUNDS, before, ran;

    if (argc == 3 && !strcmp(argv[1], "child"))
        return (int)(atol(argv[2]) % 251);
    if (argc == 2)
        rounds = atol(argv[1]);
    program = argv[0];
    is_int(run_many(WARM_UP), WARM_UP, "%d processes to warm up", WARM_UP);
    before = free_pages();
    ran = run_many(rounds);
    ok(ran == rounds || ran >= ROUNDS_AT_LEAST, "%ld times fork, exec and wait", ran);
    check_free_pages(before, SLACK, "as many free frames as before");
    is_errno(waitpid(-1, NULL, 0), ECHILD, "no child is left");
    return done();
}
