/* SPDX-License-Identifier: MIT */
/* Shared by the tests of files: a directory of their own below /tmp, and files in it. After tap.h. */
#ifndef FILES_H
#define FILES_H

#include <fcntl.h>
#include <sys/stat.h>

static inline int create(const char *path, const char *text) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        bail(path);
    return fd;
}

static inline bool content_is(const char *path, const char *text) {
    char data[256];
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, data, sizeof(data));

    if (fd >= 0)
        close(fd);
    return got == (ssize_t)strlen(text) && !memcmp(data, text, (size_t)got);
}

static inline void enter(const char *directory) {
    if (mkdir(directory, 0755) < 0 || chdir(directory) < 0)
        bail(directory);
    umask(022);
}

static inline void leave(const char *directory) {
    is_int(chdir("/tmp"), 0, "leave");
    is_int(rmdir(directory), 0, "nothing is left behind");
}

#endif
