/* SPDX-License-Identifier: MIT */
/* head [-n LINES | -c BYTES | -LINES] [FILE...]: the first lines of files. */
#include "tool.h"

#include <ctype.h>
#include <err.h>
#include <string.h>
#include <unistd.h>

static long limit = 10;
static bool bytes, titles, later;

static int show(FILE *stream, const char *name) {
    long left = limit;
    int c;

    if (titles)
        printf("%s==> %s <==\n", later ? "\n" : "", name);
    later = true;
    while (left > 0 && (c = getc(stream)) != EOF) {
        putchar(c);
        if (bytes || c == '\n')
            left--;
    }
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
    while ((option = getopt(argc, argv, "n:c:")) != -1) {
        if (option == '?')
            return 2;
        bytes = option == 'c';
        limit = parse_number(optarg, bytes ? "number of bytes" : "number of lines");
    }
    titles = argc - optind > 1;
    return finish_output(for_each_input(argv + optind, show));
}
