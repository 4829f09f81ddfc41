/* SPDX-License-Identifier: MIT */
/*
 * env [-i] [-u NAME] [NAME=VALUE...] [COMMAND [ARG...]]: runs a command in a changed environment.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int option;

    while ((option = getopt(argc, argv, "+iu:")) != -1) {
        if (option == '?')
            return 125;
        if (option == 'i')
            clearenv();
        else if (unsetenv(optarg) < 0)
            err(125, "%s", optarg);
    }
    while (optind < argc && strchr(argv[optind], '=')) {
        if (putenv(argv[optind++]) != 0)
            err(125, NULL);
    }
    if (optind < argc) {
        execvp(argv[optind], argv + optind);
        err(errno == ENOENT ? 127 : 126, "%s", argv[optind]);
    }
    for (char **entry = environ; entry && *entry; entry++)
        puts(*entry);
    return fflush(stdout) != 0;
}
