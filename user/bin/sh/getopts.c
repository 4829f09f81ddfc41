/* SPDX-License-Identifier: MIT */
/* getopts (POSIX): one option of the arguments at each call; OPTIND says where it is. */
#include "sh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next option's place in the argument that OPTIND names; begun anew when OPTIND is set. */
static size_t place = 1;
static int last_index;

static int finish(const char *name, int index) {
    var_set(name, "?");
    place = 1;
    last_index = index;
    return 1;
}

static void set_index(int index) {
    char text[16];

    snprintf(text, sizeof(text), "%d", index);
    var_set("OPTIND", text);
    last_index = index;
}

/* Behind the option letter: in the same argument, or at the next one. */
static void go_on(const char *argument, int index) {
    if (argument[++place]) {
        set_index(index);
        return;
    }
    place = 1;
    set_index(index + 1);
}

/* An option that is unknown or lacks its argument: by a message, or by OPTARG if the list begins with a colon. */
static int complain(const char *name, bool quiet, char letter, const char *result,
                    const char *what) {
    char text[2] = {letter, 0};

    var_set(name, quiet ? result : "?");
    if (quiet) {
        var_set("OPTARG", text);
    } else {
        var_unset("OPTARG");
        dprintf(2, "%s -%s\n", what, text);
    }
    return 0;
}

/* arguments: NULL at the end. */
static int next_option(const char *list, const char *name, char **arguments, int count) {
    const char *known;
    bool quiet = *list == ':';
    int index = atoi(var_get("OPTIND") ? var_get("OPTIND") : "1");
    const char *argument;
    char text[2] = {0};

    if (index < 1)
        index = 1;
    if (index != last_index)
        place = 1;
    argument = index <= count ? arguments[index - 1] : NULL;
    if (!argument || (place == 1 && (argument[0] != '-' || !argument[1])))
        return finish(name, index);
    if (place == 1 && !strcmp(argument, "--")) {
        set_index(index + 1);
        return finish(name, index + 1);
    }
    text[0] = argument[place];
    known = text[0] == ':' ? NULL : strchr(list + quiet, text[0]);
    if (!known) {
        go_on(argument, index);
        return complain(name, quiet, text[0], "?", "Illegal option");
    }
    if (known[1] != ':') {
        go_on(argument, index);
        var_unset("OPTARG");
        return var_set(name, text) ? 0 : 2;
    }
    bool inside = argument[place + 1] != 0;
    const char *value = inside ? argument + place + 1 : index < count ? arguments[index] : NULL;
    place = 1;
    set_index(index + (inside || !value ? 1 : 2));
    if (!value)
        return complain(name, quiet, text[0], ":", "No arg for");
    var_set("OPTARG", value);
    return var_set(name, text) ? 0 : 2;
}

int builtin_getopts(int argc, char **argv) {
    if (argc < 3) {
        sh_fatal("getopts: usage: getopts OPTIONS NAME [ARG...]");
        return 2;
    }
    if (argc > 3)
        return next_option(argv[1], argv[2], argv + 3, argc - 3);
    return next_option(argv[1], argv[2], sh.argv, sh.argc);
}
