/* SPDX-License-Identifier: MIT */
/*
 * The first process of a Linux that tools/bench or tools/boot-test boots: runs the program that the
 * kernel's command line names after "--", with the arguments there, and powers off.
 *
 * Linux lets programs read the instruction counter only if perf_user_access says so; for that, and
 * for tests that look there, /proc is mounted. What the program prints follows a marker line.
 */
#include "raw.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <signal.h>

RAW_START;

static const char marker[] = "\x1e"
                             "parley-run\x1e\n"; /* as in tools/parleytools/qemu.py */

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

/* The console as `console=raw` makes it: lines end as the program ends them. */
static void make_raw(void) {
    struct termios settings;

    if (raw_call(SYS_ioctl, 1, TCGETS, (long)&settings, 0, 0) == 0) {
        settings.c_oflag &= ~(tcflag_t)OPOST;
        raw_call(SYS_ioctl, 1, TCSETS, (long)&settings, 0, 0);
    }
}

void start_c(long *stack) {
    char **argv = (char **)(stack + 1);
    char *environment[] = {"PATH=/bin", (char *)0};
    long pid;

    allow_counter();
    make_raw();
    raw_call(SYS_write, 1, (long)marker, sizeof(marker) - 1, 0, 0);
    pid = raw_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        raw_call(SYS_execve, (long)argv[1], (long)(argv + 1), (long)environment, 0, 0);
        raw_exit(127);
    }
    while (raw_call(SYS_wait4, -1, 0, 0, 0, 0) != pid)
        ; /* processes that were left behind end here too */
    raw_call(SYS_reboot, (long)LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF,
             0, 0);
    for (;;)
        raw_call(SYS_sched_yield, 0, 0, 0, 0, 0);
}
