/* SPDX-License-Identifier: MIT */
/*
 * The first process of the Linux that tools/bench --linux boots: runs lxbench with its own
 * arguments, which the kernel takes from its command line after "--", and powers off.
 *
 * Linux lets programs read the instruction counter only if perf_user_access says so; /proc is
 * mounted for that alone.
 */
#include "raw.h"

#include <fcntl.h>
#include <linux/reboot.h>
#include <signal.h>

RAW_START;

static void allow_counter(void) {
    long file;

    raw_call(SYS_mount, (long)"proc", (long)"/proc", (long)"proc", 0, 0);
    file =
        raw_call(SYS_openat, AT_FDCWD, (long)"/proc/sys/kernel/perf_user_access", O_WRONLY, 0, 0);
    if (file >= 0) {
        raw_call(SYS_write, file, (long)"2\n", 2, 0, 0);
        raw_call(SYS_close, file, 0, 0, 0, 0);
    }
}

void start_c(long *stack) {
    char **argv = (char **)(stack + 1);
    char *environment[] = {(char *)0};
    long pid;

    allow_counter();
    pid = raw_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        argv[0] = "/bin/bench/lxbench";
        raw_call(SYS_execve, (long)argv[0], (long)argv, (long)environment, 0, 0);
        raw_exit(127);
    }
    raw_call(SYS_wait4, pid, 0, 0, 0, 0);
    raw_call(SYS_reboot, (long)LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF,
             0, 0);
    for (;;)
        raw_call(SYS_sched_yield, 0, 0, 0, 0, 0);
}
