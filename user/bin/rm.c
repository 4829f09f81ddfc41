/* SPDX-License-Identifier: MIT */
/* rm [-rf] PATH...: removes files, with -r whole trees; -f is silent about what is not there. */
#include "copy.h"
#include "tool.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_refused(const char *path) {
    char copy[4096];
    const char *name;

    snprintf(copy, sizeof(copy), "%s", path);
    name = last_component(copy);
    if (strcmp(name, ".") && strcmp(name, "..") && strcmp(name, "/"))
        return false;
    warnx("refusing to remove %s", path);
    return true;
}

static int remove_path(const char *path, bool recursive, bool force) {
    struct stat st;

    if (lstat(path, &st) < 0) {
        if (force && (errno == ENOENT || errno == ENOTDIR))
            return 0;
        warn("%s", path);
        return 1;
    }
    if (recursive)
        return is_refused(path) ? 1 : remove_tree(path);
    if (S_ISDIR(st.st_mode)) {
        warnx("%s: %s", path, strerror(EISDIR));
        return 1;
    }
    if (unlink(path) < 0) {
        warn("%s", path);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    bool recursive = false, force = false;
    int option, status = 0;

    while ((option = getopt(argc, argv, "rRf")) != -1) {
        if (option == '?')
            return 2;
        if (option == 'f')
            force = true;
        else
            recursive = true;
    }
    if (optind == argc && !force) {
        fprintf(stderr, "usage: rm [-rf] PATH...\n");
        return 2;
    }
    for (; optind < argc; optind++)
        status |= remove_path(argv[optind], recursive, force);
    return status;
}
