/* SPDX-License-Identifier: MIT */
/* What many tools share: input files, numbers, paths, and the last look at standard output. */
#include "tool.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

int finish_output(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    warn("standard output");
    return status ? status : 1;
}

long parse_number(const char *text, const char *what) {
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || *end || number < 0)
        errx(2, "%s: invalid %s", text, what);
    return number;
}

int for_each_input(char **names, int (*use)(FILE *stream, const char *name)) {
    int status = 0;

    if (!*names)
        return use(stdin, "-") != 0;
    for (; *names; names++) {
        bool is_stdin = !strcmp(*names, "-");
        FILE *stream = is_stdin ? stdin : fopen(*names, "r");

        if (!stream) {
            warn("%s", *names);
            status = 1;
            continue;
        }
        if (use(stream, *names) != 0)
            status = 1;
        if (!is_stdin)
            fclose(stream);
    }
    return status;
}

char *join_path(const char *directory, const char *name) {
    size_t len = strlen(directory);
    char *path;

    if (asprintf(&path, "%s%s%s", directory, len && directory[len - 1] == '/' ? "" : "/", name) < 0)
        errx(1, "out of memory");
    return path;
}

char *last_component(char *path) {
    size_t len = strlen(path);
    char *slash;

    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}
