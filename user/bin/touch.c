/* SPDX-License-Identifier: MIT */
/* touch [-c] FILE...: sets files' times to now, creating those that are not there (not with -c). */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int touch(const char *path, bool create) {
    int fd;

    if (utimensat(AT_FDCWD, path, NULL, 0) == 0)
        return 0;
    if (errno == ENOENT && !create)
        return 0;
    if (errno == ENOENT && (fd = open(path, O_WRONLY | O_CREAT, 0666)) >= 0) {
        close(fd);
        return 0;
    }
    warn("%s", path);
    return 1;
}

int main(int argc, char **argv) {
    bool create = true;
    int option, status = 0;

    while ((option = getopt(argc, argv, "c")) != -1) {
        if (option == '?')
            return 2;
        create = false;
    }
    if (optind == argc) {
        fprintf(stderr, "usage: touch [-c] FILE...\n");
        return 2;
    }
    for (; optind < argc; optind++)
        status |= touch(argv[optind], create);
    return status;
}
