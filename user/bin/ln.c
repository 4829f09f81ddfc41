/* SPDX-License-Identifier: MIT */
/*
 * ln [-sfn] FILE [NAME], ln [-sfn] FILE... DIRECTORY: makes other names for files, with -s symbolic links.
 */
#include "tool.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool symbolic, force;

static int make(const char *file, const char *name) {
    int result = symbolic ? symlink(file, name) : link(file, name);

    if (result < 0 && errno == EEXIST && force && unlink(name) == 0)
        result = symbolic ? symlink(file, name) : link(file, name);
    if (result < 0)
        warn("cannot link %s to %s", name, file);
    return result < 0;
}

int main(int argc, char **argv) {
    bool to_directory, no_follow = false;
    int option, status = 0;
    struct stat st;
    char *target;

    while ((option = getopt(argc, argv, "sfn")) != -1) {
        if (option == '?')
            return 2;
        symbolic |= option == 's';
        force |= option == 'f';
        no_follow |= option == 'n';
    }
    if (optind == argc) {
        fprintf(stderr, "usage: ln [-sfn] FILE... [NAME | DIRECTORY]\n");
        return 2;
    }
    target = argc - optind > 1 ? argv[--argc] : (char *)".";
    to_directory = (no_follow ? lstat : stat)(target, &st) == 0 && S_ISDIR(st.st_mode);
    if (argc - optind > 1 && !to_directory)
        errx(1, "%s is not a directory", target);
    for (; optind < argc; optind++) {
        char *path = to_directory ? join_path(target, last_component(argv[optind])) : NULL;

        status |= make(argv[optind], path ? path : target);
        free(path);
    }
    return status;
}
