/* SPDX-License-Identifier: MIT */
/*
 * Copying and removing trees. Regular files, directories and symbolic links; permissions are kept
 * as the umask allows, times and owners are not.
 */
#include "copy.h"

#include "tool.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy_data(int in, int out, const char *from, const char *to) {
    static char data[65536];
    ssize_t got;

    while ((got = read(in, data, sizeof(data))) > 0) {
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(out, data + done, (size_t)(got - done));

            if (put < 0) {
                warn("%s", to);
                return 1;
            }
            done += put;
        }
    }
    if (got < 0)
        warn("%s", from);
    return got < 0;
}

static int copy_file(const char *from, const char *to, mode_t mode) {
    int in = open(from, O_RDONLY), out, status;

    if (in < 0) {
        warn("%s", from);
        return 1;
    }
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC, mode & 0777);
    if (out < 0) {
        warn("%s", to);
        close(in);
        return 1;
    }
    status = copy_data(in, out, from, to);
    close(in);
    if (close(out) < 0) {
        warn("%s", to);
        status = 1;
    }
    return status;
}

static int copy_link(const char *from, const char *to) {
    char target[PATH_MAX];
    ssize_t len = readlink(from, target, sizeof(target) - 1);

    if (len < 0) {
        warn("%s", from);
        return 1;
    }
    target[len] = '\0';
    if (symlink(target, to) < 0) {
        warn("%s", to);
        return 1;
    }
    return 0;
}

static bool is_dots(const char *name) {
    return !strcmp(name, ".") || !strcmp(name, "..");
}

static int copy_directory(const char *from, const char *to, const struct stat *st) {
    struct dirent *entry;
    int status = 0;
    DIR *directory = opendir(from);

    if (!directory) {
        warn("%s", from);
        return 1;
    }
    if (mkdir(to, (st->st_mode & 0777) | S_IRWXU) < 0 && errno != EEXIST) {
        warn("%s", to);
        closedir(directory);
        return 1;
    }
    while ((entry = readdir(directory))) {
        char *source, *target;

        if (is_dots(entry->d_name))
            continue;
        source = join_path(from, entry->d_name);
        target = join_path(to, entry->d_name);
        status |= copy_path(source, target, true);
        free(source);
        free(target);
    }
    closedir(directory);
    return status;
}

static bool is_inside(const char *from, const char *to) {
    char source[PATH_MAX], parent[PATH_MAX], copy[PATH_MAX];
    size_t len;
    char *slash;

    snprintf(copy, sizeof(copy), "%s", to);
    slash = strrchr(copy, '/');
    if (slash && slash != copy)
        *slash = '\0';
    if (!realpath(from, source) || !realpath(slash ? (slash == copy ? "/" : copy) : ".", parent))
        return false;
    len = strlen(source);
    return !strncmp(source, parent, len) && (!parent[len] || parent[len] == '/' || len == 1);
}

int copy_path(const char *from, const char *to, bool recursive) {
    struct stat source, target;

    if ((recursive ? lstat : stat)(from, &source) < 0) {
        warn("%s", from);
        return 1;
    }
    if (stat(to, &target) == 0 && target.st_dev == source.st_dev &&
        target.st_ino == source.st_ino) {
        warnx("%s and %s are the same file", from, to);
        return 1;
    }
    if (S_ISLNK(source.st_mode))
        return copy_link(from, to);
    if (!S_ISDIR(source.st_mode))
        return copy_file(from, to, source.st_mode);
    if (!recursive) {
        warnx("%s is a directory (not copied)", from);
        return 1;
    }
    if (is_inside(from, to)) {
        warnx("cannot copy %s into itself, %s", from, to);
        return 1;
    }
    return copy_directory(from, to, &source);
}

int remove_tree(const char *path) {
    struct dirent *entry;
    struct stat st;
    DIR *directory;
    int status = 0;

    if (lstat(path, &st) < 0) {
        warn("%s", path);
        return 1;
    }
    if (S_ISDIR(st.st_mode)) {
        directory = opendir(path);
        if (!directory) {
            warn("%s", path);
            return 1;
        }
        while ((entry = readdir(directory))) {
            char *child;

            if (is_dots(entry->d_name))
                continue;
            child = join_path(path, entry->d_name);
            status |= remove_tree(child);
            free(child);
        }
        closedir(directory);
    }
    if (status == 0 && (S_ISDIR(st.st_mode) ? rmdir : unlink)(path) < 0) {
        warn("%s", path);
        status = 1;
    }
    return status;
}
