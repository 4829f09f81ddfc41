/* SPDX-License-Identifier: MIT */
/* ln [-fs] TARGET... [LINK | DIRECTORY]: gives files further names, or symbolic links (-s) to them. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool symbolic, forced;

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

static int make_link(const char *target, const char *name) {
    if (forced)
        unlink(name);
    if ((symbolic ? symlink(target, name) : link(target, name)) == 0)
        return 0;
    fprintf(stderr, "ln: %s: %s\n", name, strerror(errno));
    return 1;
}

static int make_link_in(const char *target, const char *directory) {
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, base_of(target)) >= sizeof(path)) {
        fprintf(stderr, "ln: %s: %s\n", directory, strerror(ENAMETOOLONG));
        return 1;
    }
    return make_link(target, path);
}

int main(int argc, char **argv) {
    struct stat status;
    int option, failed = 0;

    while ((option = getopt(argc, argv, "fs")) != -1) {
        symbolic |= option == 's';
        forced |= option == 'f';
        if (option == '?')
            return 2;
    }
    argc -= optind;
    argv += optind;
    if (argc < 1) {
        fprintf(stderr, "usage: ln [-fs] TARGET... [LINK | DIRECTORY]\n");
        return 2;
    }
    const char *last = argc > 1 ? argv[argc - 1] : ".";
    if (argc == 2 && !(stat(last, &status) == 0 && S_ISDIR(status.st_mode)))
        return make_link(argv[0], last);
    for (int i = 0; i < (argc > 1 ? argc - 1 : 1); i++)
        failed |= make_link_in(argv[i], last);
    return failed;
}
