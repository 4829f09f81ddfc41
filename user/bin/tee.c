/* SPDX-License-Identifier: MIT */
/* tee [-a] [FILE...]: copies standard input to standard output and to files. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* A failing output is reported and left out from then on. */
static int write_all(int *fd, const char *name, const char *data, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t put = write(*fd, data + done, len - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            warn("%s", name);
            *fd = -1;
            return 1;
        }
        done += (size_t)put;
    }
    return 0;
}

int main(int argc, char **argv) {
    static char data[8192];
    int option, count, status = 0, flags = O_TRUNC;
    ssize_t got;
    int *fds;

    while ((option = getopt(argc, argv, "a")) != -1) {
        if (option == '?')
            return 2;
        flags = O_APPEND;
    }
    argv += optind - 1; /* argv[0] stands for standard output */
    count = argc - optind + 1;
    fds = calloc((size_t)count, sizeof(*fds));
    if (!fds)
        err(1, NULL);
    argv[0] = "standard output";
    fds[0] = 1;
    for (int i = 1; i < count; i++) {
        fds[i] = open(argv[i], O_WRONLY | O_CREAT | flags, 0666);
        if (fds[i] < 0) {
            warn("%s", argv[i]);
            status = 1;
        }
    }
    while ((got = read(0, data, sizeof(data))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            err(1, "standard input");
        for (int i = 0; i < count; i++) {
            if (fds[i] >= 0)
                status |= write_all(&fds[i], argv[i], data, (size_t)got);
        }
    }
    return status;
}
