/* SPDX-License-Identifier: MIT */
/* rmdir DIRECTORY...: removes empty directories. */
#include <err.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int status = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: rmdir DIRECTORY...\n");
        return 2;
    }
    while (*++argv) {
        if (rmdir(*argv) < 0) {
            warn("%s", *argv);
            status = 1;
        }
    }
    return status;
}
