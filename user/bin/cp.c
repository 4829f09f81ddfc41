/* SPDX-License-Identifier: MIT */
/* cp [-rR] FROM TO, cp [-rR] FROM... DIRECTORY: copies files, with -r trees; see lib/copy.c. */
#include "copy.h"
#include "tool.h"

#include <err.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
    bool recursive = false, to_directory;
    int option, status = 0;
    struct stat st;
    char *target;

    while ((option = getopt(argc, argv, "rRf")) != -1) {
        if (option == '?')
            return 2;
        recursive |= option != 'f';
    }
    if (argc - optind < 2) {
        fprintf(stderr, "usage: cp [-r] FROM... TO\n");
        return 2;
    }
    target = argv[argc - 1];
    to_directory = stat(target, &st) == 0 && S_ISDIR(st.st_mode);
    if (argc - optind > 2 && !to_directory)
        errx(1, "%s is not a directory", target);
    for (; optind < argc - 1; optind++) {
        char *path = to_directory ? join_path(target, last_component(argv[optind])) : NULL;

        status |= copy_path(argv[optind], path ? path : target, recursive);
        free(path);
    }
    return status;
}
