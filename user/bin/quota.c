/* SPDX-License-Identifier: MIT */
/*
 * quota PAGES COMMAND [ARG...]: runs a command that may use at most PAGES page frames of 4 KiB. The
 * limit is set by prctl(2) with an option of Parley's own, so on Linux this fails with EINVAL.
 */
#include <err.h>
#include <errno.h>
#include <parley/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
    unsigned long pages;
    char *end;

    if (argc < 3) {
        fprintf(stderr, "usage: quota PAGES COMMAND [ARG...]\n");
        return 125;
    }
    pages = strtoul(argv[1], &end, 10);
    if (end == argv[1] || *end || pages == 0)
        errx(125, "%s: invalid number of pages", argv[1]);
    if (prctl(PR_PARLEY_QUOTA, pages, 0, 0, 0) < 0)
        err(125, "cannot set a limit of %lu pages", pages);
    execvp(argv[2], argv + 2);
    err(errno == ENOENT ? 127 : 126, "%s", argv[2]);
}
