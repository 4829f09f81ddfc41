/* SPDX-License-Identifier: MIT */
/*
 * `help`: the commands, a line each: those of the shell, which it knows, and the programs that came with
 * the system, by a file that the build made from the beginnings of their sources (tools/mkhelp).
 */
#include "sh.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PROGRAMS "/usr/share/help" /* lines of name, arguments, what it does, between tabs */

struct entry {
    const char *name, *arguments, *what;
};

/* Cuts a line of the file into its parts; false if it has not all of them. */
static bool cut(char *line, struct entry *entry) {
    char *arguments = strchr(line, '\t');
    char *what = arguments ? strchr(arguments + 1, '\t') : NULL;

    if (!what)
        return false;
    line[strcspn(line, "\n")] = '\0';
    *arguments++ = '\0';
    *what++ = '\0';
    *entry = (struct entry){line, arguments, what};
    return true;
}

static void print_short(const struct entry *e) {
    printf("  %-9s %s\n", e->name, e->what);
}

static void print_usage(const struct entry *e) {
    printf("%s%s%s: %s\n", e->name, *e->arguments ? " " : "", e->arguments, e->what);
}

/* One command, or all if name is NULL; how many, or -1 with errno set. */
static int programs(const char *name, void (*print)(const struct entry *)) {
    char line[1024];
    struct entry entry;
    FILE *file = fopen(PROGRAMS, "re");
    int found = 0;

    if (!file)
        return -1;
    while (fgets(line, sizeof(line), file)) {
        if (cut(line, &entry) && (!name || !strcmp(name, entry.name))) {
            print(&entry);
            found++;
        }
    }
    fclose(file);
    return found;
}

static void print_builtin(const struct builtin *b, void (*print)(const struct entry *)) {
    print(&(struct entry){b->name, b->arguments, b->what});
}

static int help_on(const char *name) {
    const struct builtin *builtin = builtin_find(name);

    if (builtin) {
        print_builtin(builtin, print_usage);
        return 0;
    }
    if (programs(name, print_usage) > 0)
        return 0;
    sh_error("help: nothing is known of %s", name);
    return 1;
}

static int help_on_all(void) {
    const struct builtin *builtin;

    printf("Of the shell ('help NAME' tells how a command is used):\n");
    for (size_t i = 0; (builtin = builtin_number(i)); i++)
        print_builtin(builtin, print_short);
    printf("Programs in /bin:\n");
    if (programs(NULL, print_short) < 0) {
        sh_error("help: %s: %s", PROGRAMS, strerror(errno));
        return 1;
    }
    return 0;
}

int builtin_help(int argc, char **argv) {
    int status = 0;

    if (argc == 1)
        status = help_on_all();
    for (int i = 1; i < argc; i++)
        status |= help_on(argv[i]);
    return fflush(stdout) ? 1 : status;
}
