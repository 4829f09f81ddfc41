/* SPDX-License-Identifier: MIT */
/* cat [FILE...]: copies files to standard output, unbuffered. No options. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char data[65536];

static int write_all(size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t put = write(1, data + done, len - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            err(1, "standard output");
        done += (size_t)put;
    }
    return 0;
}

static int copy(int fd, const char *name) {
    ssize_t got;

    while ((got = read(fd, data, sizeof(data))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            warn("%s", name);
            return 1;
        }
        write_all((size_t)got);
    }
    return 0;
}

int main(int argc, char **argv) {
    int status = 0, next = 1;

    if (next < argc && (!strcmp(argv[next], "--") || !strcmp(argv[next], "-u")))
        next++;
    if (next == argc)
        return copy(0, "-");
    for (; next < argc; next++) {
        int fd = strcmp(argv[next], "-") ? open(argv[next], O_RDONLY) : 0;

        if (fd < 0) {
            warn("%s", argv[next]);
            status = 1;
            continue;
        }
        status |= copy(fd, argv[next]);
        if (fd > 0)
            close(fd);
    }
    return status;
}
