/* SPDX-License-Identifier: MIT */
/*
 * grep [-EFivnclqsh] PATTERN [FILE...]: lines that match a regular expression (regcomp(3)) or,
 * with -F, contain a string. -e PATTERN gives the pattern too. Status 0: found, 1: not found, 2:
 * trouble.
 */
#include "tool.h"

#include <err.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool invert, number_lines, count_only, quiet, names_only, fixed, ignore_case, silent;
static bool show_names;
static const char *pattern;
static regex_t regex;
static bool found, trouble;

static bool matches(const char *line) {
    if (fixed)
        return ignore_case ? strcasestr(line, pattern) : strstr(line, pattern);
    return regexec(&regex, line, 0, NULL, 0) == 0;
}

static void print_line(const char *name, long number, const char *line) {
    if (show_names)
        printf("%s:", name);
    if (number_lines)
        printf("%ld:", number);
    puts(line);
}

static int search(FILE *stream, const char *name) {
    long number = 0, count = 0;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    if (!strcmp(name, "-"))
        name = "(standard input)";
    while ((len = getline(&line, &cap, stream)) >= 0) {
        number++;
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (matches(line) == invert)
            continue;
        found = true;
        count++;
        if (quiet || names_only)
            break;
        if (!count_only)
            print_line(name, number, line);
    }
    free(line);
    if (ferror(stream)) {
        if (!silent)
            warn("%s", name);
        trouble = true;
    }
    if (names_only && !quiet && count > 0)
        puts(name);
    else if (count_only && !quiet && !names_only)
        printf(show_names ? "%s:%ld\n" : "%.0s%ld\n", name, count);
    return 0;
}

static void compile(int flags) {
    char message[256];
    int error;

    if (fixed)
        return;
    error = regcomp(&regex, pattern, flags | REG_NOSUB);
    if (error) {
        regerror(error, &regex, message, sizeof(message));
        errx(2, "%s: %s", pattern, message);
    }
}

int main(int argc, char **argv) {
    bool hide_names = false;
    int option, flags = 0;

    while ((option = getopt(argc, argv, "EFGivnclqshe:")) != -1) {
        switch (option) {
        case 'E':
            flags |= REG_EXTENDED;
            break;
        case 'F':
            fixed = true;
            break;
        case 'G':
            break;
        case 'i':
            flags |= REG_ICASE;
            ignore_case = true;
            break;
        case 'v':
            invert = true;
            break;
        case 'n':
            number_lines = true;
            break;
        case 'c':
            count_only = true;
            break;
        case 'l':
            names_only = true;
            break;
        case 'q':
            quiet = true;
            break;
        case 's':
            silent = true;
            break;
        case 'h':
            hide_names = true;
            break;
        case 'e':
            pattern = optarg;
            break;
        default:
            return 2;
        }
    }
    if (!pattern && optind < argc)
        pattern = argv[optind++];
    if (!pattern) {
        fprintf(stderr, "usage: grep [-EFivnclqsh] PATTERN [FILE...]\n");
        return 2;
    }
    compile(flags);
    show_names = argc - optind > 1 && !hide_names;
    if (for_each_input(argv + optind, search))
        trouble = true;
    if (found && quiet)
        return 0;
    return finish_output(trouble ? 2 : !found);
}
