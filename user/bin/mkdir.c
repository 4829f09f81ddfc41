/* SPDX-License-Identifier: MIT */
/* mkdir [-p] [-m MODE] DIRECTORY...: makes directories, with -p their parents too. */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make(const char *path, mode_t mode) {
    if (mkdir(path, mode) == 0)
        return 0;
    warn("%s", path);
    return 1;
}

static int make_all(char *path, mode_t mode) {
    struct stat st;
    int error;

    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0777) < 0 && errno != EEXIST) {
            warn("%s", path);
            return 1;
        }
        *slash = '/';
    }
    if (mkdir(path, mode) == 0)
        return 0;
    error = errno;
    if (error == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    errno = error;
    warn("%s", path);
    return 1;
}

int main(int argc, char **argv) {
    bool parents = false;
    mode_t mode = 0777;
    int option, status = 0;
    char *end;

    while ((option = getopt(argc, argv, "pm:")) != -1) {
        if (option == '?')
            return 2;
        if (option == 'p')
            parents = true;
        if (option == 'm') {
            mode = (mode_t)strtoul(optarg, &end, 8);
            if (*end || mode > 07777)
                errx(2, "%s: invalid mode", optarg);
            umask(0);
        }
    }
    if (optind == argc) {
        fprintf(stderr, "usage: mkdir [-p] [-m MODE] DIRECTORY...\n");
        return 2;
    }
    for (; optind < argc; optind++)
        status |= parents ? make_all(argv[optind], mode) : make(argv[optind], mode);
    return status;
}
