/* SPDX-License-Identifier: MIT */
/* printf FORMAT [ARG...]: prints its arguments as the format says; lib/printf_args.c does the work. */
#include "printf_args.h"

#include <err.h>
#include <stdio.h>

int main(int argc, char **argv) {
    int status = printf_args(argc, argv);

    if (fflush(stdout) != 0)
        err(1, "standard output");
    return status;
}
