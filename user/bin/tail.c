/* SPDX-License-Identifier: MIT */
/*
 * tail [-n [+]LINES | -LINES] [FILE...]: the last lines of files, or those from a line on. No -f.
 */
#include "tool.h"

#include <ctype.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long limit = 10;
static bool from_start, titles, later;

/* Everything from line number `limit` on. */
static void show_from(FILE *stream) {
    long line = 1;
    int c;

    while ((c = getc(stream)) != EOF) {
        if (line >= limit)
            putchar(c);
        line += c == '\n';
    }
}

/* The last lines, by a ring of that many. */
static void show_last(FILE *stream) {
    size_t size = (size_t)limit;
    char **lines = calloc(size + 1, sizeof(*lines));
    size_t *lengths = calloc(size + 1, sizeof(*lengths));
    size_t count = 0, cap = 0;
    char *line = NULL;
    ssize_t len;

    if (!lines || !lengths)
        err(1, NULL);
    while (size > 0 && (len = getline(&line, &cap, stream)) >= 0) {
        size_t slot = count++ % size;

        free(lines[slot]);
        lines[slot] = line;
        lengths[slot] = (size_t)len;
        line = NULL;
        cap = 0;
    }
    for (size_t i = count > size ? count - size : 0; i < count; i++)
        fwrite(lines[i % size], 1, lengths[i % size], stdout);
    for (size_t i = 0; i < size; i++)
        free(lines[i]);
    free(line);
    free(lines);
    free(lengths);
}

static int show(FILE *stream, const char *name) {
    if (titles)
        printf("%s==> %s <==\n", later ? "\n" : "", name);
    later = true;
    if (from_start)
        show_from(stream);
    else
        show_last(stream);
    if (ferror(stream))
        warn("%s", name);
    return ferror(stream) != 0;
}

int main(int argc, char **argv) {
    int option;

    if (argc > 1 && argv[1][0] == '-' && isdigit((unsigned char)argv[1][1])) {
        limit = parse_number(argv[1] + 1, "number of lines");
        optind = 2;
    }
    while ((option = getopt(argc, argv, "n:")) != -1) {
        if (option == '?')
            return 2;
        from_start = *optarg == '+';
        limit =
            parse_number(*optarg == '+' || *optarg == '-' ? optarg + 1 : optarg, "number of lines");
    }
    titles = argc - optind > 1;
    return finish_output(for_each_input(argv + optind, show));
}
