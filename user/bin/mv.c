/* SPDX-License-Identifier: MIT */
/*
 * mv [-f] FROM TO, mv [-f] FROM... DIRECTORY: renames files; between file systems it copies and removes.
 */
#include "copy.h"
#include "tool.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int move(const char *from, const char *to) {
    if (rename(from, to) == 0)
        return 0;
    if (errno != EXDEV) {
        warn("cannot move %s to %s", from, to);
        return 1;
    }
    return copy_path(from, to, true) || remove_tree(from);
}

int main(int argc, char **argv) {
    bool to_directory;
    int option, status = 0;
    struct stat st;
    char *target;

    while ((option = getopt(argc, argv, "f")) != -1) {
        if (option == '?')
            return 2;
    }
    if (argc - optind < 2) {
        fprintf(stderr, "usage: mv FROM... TO\n");
        return 2;
    }
    target = argv[argc - 1];
    to_directory = stat(target, &st) == 0 && S_ISDIR(st.st_mode);
    if (argc - optind > 2 && !to_directory)
        errx(1, "%s is not a directory", target);
    for (; optind < argc - 1; optind++) {
        char *path = to_directory ? join_path(target, last_component(argv[optind])) : NULL;

        status |= move(argv[optind], path ? path : target);
        free(path);
    }
    return status;
}
