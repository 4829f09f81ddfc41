/* SPDX-License-Identifier: MIT */
/*
 * Built-ins about the working directory: cd and pwd. The shell keeps its logical path, by the names that led there;
 * with -P what counts is the physical one, without symbolic links.
 */
#include "sh.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_directory(const char *path) {
    struct stat there, here;

    return stat(path, &there) == 0 && stat(".", &here) == 0 && there.st_dev == here.st_dev &&
           there.st_ino == here.st_ino;
}

static bool has_dots(const char *path) {
    for (const char *at = path; at; at = strchr(at + 1, '/')) {
        size_t length = strcspn(at + 1, "/");

        if (length && length <= 2 && strspn(at + 1, ".") >= length)
            return true;
    }
    return false;
}

/* PWD from the environment counts if it is a path of this directory (POSIX XCU 2.5.3). */
void directory_init(void) {
    char path[PATH_MAX];
    const char *pwd = var_get("PWD");

    if ((!pwd || *pwd != '/' || has_dots(pwd) || !same_directory(pwd)) &&
        getcwd(path, sizeof(path)))
        var_set("PWD", path);
}

/* Takes "." and ".." out of an absolute path as text; false if it is too long. */
static bool make_logical(const char *from, const char *target, char *path) {
    size_t length = 0;
    const char *parts[] = {*target == '/' ? "" : from, target};

    for (int i = 0; i < 2; i++) {
        const char *at = parts[i];

        while (*(at += strspn(at, "/"))) {
            size_t n = strcspn(at, "/");

            if (n == 2 && !memcmp(at, "..", 2)) {
                while (length && path[--length] != '/')
                    continue;
            } else if (n != 1 || *at != '.') {
                if (length + n + 2 > PATH_MAX)
                    return false;
                path[length++] = '/';
                memcpy(path + length, at, n);
                length += n;
            }
            at += n;
        }
    }
    if (!length)
        path[length++] = '/';
    path[length] = '\0';
    return true;
}

static bool set_pwd(const char *path) {
    const char *old = var_get("PWD");

    if (old && !var_set("OLDPWD", old))
        return false;
    return var_set("PWD", path);
}

/* Options of cd and pwd: whether the last is -P; *next is behind them. */
static bool wants_physical(int argc, char **argv, int *next) {
    bool physical = false;

    for (*next = 1; *next < argc && argv[*next][0] == '-' && argv[*next][1]; ++*next) {
        if (!strcmp(argv[*next], "--")) {
            ++*next;
            break;
        }
        if (strcmp(argv[*next], "-P") && strcmp(argv[*next], "-L"))
            break;
        physical = argv[*next][1] == 'P';
    }
    return physical;
}

/* 0, or the working directory is as it was. */
static int change(const char *target, bool physical, char *path) {
    const char *pwd = var_get("PWD");

    if (!physical && pwd && make_logical(pwd, target, path))
        return chdir(path);
    if (chdir(target) < 0)
        return -1;
    return getcwd(path, PATH_MAX) ? 0 : -1;
}

int builtin_cd(int argc, char **argv) {
    char path[PATH_MAX];
    int next;
    bool physical = wants_physical(argc, argv, &next);
    const char *target = next < argc ? argv[next] : var_get("HOME");
    bool back = target && !strcmp(target, "-");

    if (back)
        target = var_get("OLDPWD");
    if (!target) {
        sh_error("cd: %s not set", back ? "OLDPWD" : "HOME");
        return 2;
    }
    if (change(target, physical, path) < 0) {
        sh_error("cd: can't cd to %s: %s", target, strerror(errno));
        return 2;
    }
    if (!set_pwd(path))
        return 2;
    if (back)
        puts(path);
    return 0;
}

int builtin_pwd(int argc, char **argv) {
    char path[PATH_MAX];
    int next;
    bool physical = wants_physical(argc, argv, &next);
    const char *pwd = var_get("PWD");

    if (!physical && pwd && *pwd == '/' && same_directory(pwd)) {
        puts(pwd);
        return 0;
    }
    if (!getcwd(path, sizeof(path))) {
        sh_error("%s: %s", argv[0], strerror(errno));
        return 1;
    }
    puts(path);
    return 0;
}
