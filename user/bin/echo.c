/* SPDX-License-Identifier: MIT */
/* echo [-neE] [TEXT...]: prints its arguments; lib/echo_args.c does the work. */
#include "echo_args.h"

#include <err.h>
#include <stdio.h>

int main(int argc, char **argv) {
    int status = echo_args(argc, argv);

    if (fflush(stdout) != 0)
        err(1, "standard output");
    return status;
}
