/* SPDX-License-Identifier: MIT */
/* wc [-lwc] [FILE...]: counts lines, words and bytes. */
#include "tool.h"

#include <ctype.h>
#include <err.h>
#include <string.h>
#include <unistd.h>

struct counts {
    long lines, words, bytes;
};

static bool show_lines, show_words, show_bytes;
static int width = 7;
static int files;
static struct counts total;

static void print(const struct counts *counts, const char *name) {
    const char *gap = "";

    if (show_lines) {
        printf("%*ld", width, counts->lines);
        gap = " ";
    }
    if (show_words) {
        printf("%s%*ld", gap, width, counts->words);
        gap = " ";
    }
    if (show_bytes)
        printf("%s%*ld", gap, width, counts->bytes);
    printf(name ? " %s\n" : "\n", name);
}

static int count(FILE *stream, const char *name) {
    struct counts counts = {0};
    bool in_word = false;
    int c;

    while ((c = getc(stream)) != EOF) {
        counts.bytes++;
        counts.lines += c == '\n';
        if (isspace(c)) {
            in_word = false;
        } else if (!in_word) {
            in_word = true;
            counts.words++;
        }
    }
    if (ferror(stream)) {
        warn("%s", name);
        return 1;
    }
    print(&counts, files ? name : NULL);
    total.lines += counts.lines;
    total.words += counts.words;
    total.bytes += counts.bytes;
    return 0;
}

int main(int argc, char **argv) {
    int option, status;

    while ((option = getopt(argc, argv, "lwcm")) != -1) {
        switch (option) {
        case 'l':
            show_lines = true;
            break;
        case 'w':
            show_words = true;
            break;
        case 'c':
        case 'm':
            show_bytes = true;
            break;
        default:
            return 2;
        }
    }
    if (show_lines + show_words + show_bytes == 1 && argc - optind <= 1)
        width = 0;
    if (!show_lines && !show_words && !show_bytes)
        show_lines = show_words = show_bytes = true;
    files = argc - optind;
    status = for_each_input(argv + optind, count);
    if (files > 1)
        print(&total, "total");
    return finish_output(status);
}
