/* SPDX-License-Identifier: MIT */
/*
 * sort [-rnu] [FILE...]: sorts lines by bytes, or with -n by the numbers they begin with. No keys.
 */
#include "tool.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool reverse, numeric, unique;
static char **lines;
static size_t count, cap;

static int compare(const char *a, const char *b) {
    if (numeric) {
        double x = strtod(a, NULL), y = strtod(b, NULL);

        if (x < y || x > y)
            return x < y ? -1 : 1;
        return unique ? 0 : strcmp(a, b);
    }
    return strcmp(a, b);
}

static int compare_lines(const void *a, const void *b) {
    int order = compare(*(char *const *)a, *(char *const *)b);

    return reverse ? -order : order;
}

static int collect(FILE *stream, const char *name) {
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    while ((len = getline(&line, &size, stream)) >= 0) {
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (count == cap) {
            cap = cap * 2 + 64;
            lines = realloc(lines, cap * sizeof(*lines));
            if (!lines)
                err(2, NULL);
        }
        lines[count++] = line;
        line = NULL;
        size = 0;
    }
    free(line);
    if (ferror(stream))
        warn("%s", name);
    return ferror(stream) != 0;
}

int main(int argc, char **argv) {
    int option, status;

    while ((option = getopt(argc, argv, "rnu")) != -1) {
        switch (option) {
        case 'r':
            reverse = true;
            break;
        case 'n':
            numeric = true;
            break;
        case 'u':
            unique = true;
            break;
        default:
            return 2;
        }
    }
    status = for_each_input(argv + optind, collect) ? 2 : 0;
    if (count > 0)
        qsort(lines, count, sizeof(*lines), compare_lines);
    for (size_t i = 0; i < count; i++) {
        if (!unique || i == 0 || compare(lines[i - 1], lines[i]) != 0)
            puts(lines[i]);
    }
    return finish_output(status);
}
