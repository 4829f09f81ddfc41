/* SPDX-License-Identifier: MIT */
/*
 * poweroff [STATUS]: switches the machine off. STATUS (0 to 255) becomes the emulator's exit
 * status: it goes into the fourth argument of reboot(2) as a plain number. Linux ignores that
 * argument for this command; Parley hands it to the machine's power-off device.
 */
#include <err.h>
#include <linux/reboot.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    long status = 0;
    char *end;

    if (argc > 1) {
        status = strtol(argv[1], &end, 10);
        if (argc > 2 || end == argv[1] || *end || status < 0 || status > 255)
            errx(2, "usage: poweroff [STATUS]");
    }
    sync();
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF,
            status);
    err(1, "reboot");
}
