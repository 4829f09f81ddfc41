/* SPDX-License-Identifier: MIT */
/* Workers that are processes: of sysv.c and posix.c. */
#include "ipc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int started;

void ipc_start(bool (*work)(int number), int number) {
    pid_t pid;

    fflush(NULL); /* what is not written yet is not to be written twice */
    pid = fork();
    if (pid < 0)
        ipc_die("fork");
    if (pid == 0)
        exit(work(number) ? 0 : 1);
    started++;
}

bool ipc_wait(void) {
    bool good = true;
    int status;

    for (; started > 0; started--) {
        if (wait(&status) < 0)
            ipc_die("wait");
        good &= status == 0;
    }
    return good;
}
