/* SPDX-License-Identifier: MIT */
/* getopts (POSIX XCU): the next option of the positional parameters, or of the arguments given. */
#include "sh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t letter_at = 1; /* in the argument that OPTIND tells: options may stand together */
static int last_index = 1;   /* OPTIND as it was left; another value starts anew */

/* OPTIND, and the place within its argument. */
static int begin(void) {
    const char *text = var_get("OPTIND");
    int index = text ? atoi(text) : 1;

    index = index < 1 ? 1 : index;
    if (index != last_index)
        letter_at = 1;
    return index;
}

static bool set_index(int index) {
    char text[16];

    last_index = index;
    snprintf(text, sizeof(text), "%d", index);
    return var_set("OPTIND", text);
}

static bool end(const char *name, int index) {
    letter_at = 1;
    var_unset("OPTARG");
    return set_index(index) && var_set(name, "?");
}

/* An option that is not known, or has no argument: what the variables tell. */
static int complain(const char *name, char letter, bool quiet, bool missing) {
    char text[2] = {letter, '\0'};

    if (quiet) {
        var_set("OPTARG", text);
    } else {
        var_unset("OPTARG");
        dprintf(2, missing ? "%s: No arg for -%c option\n" : "%s: Illegal option -%c\n", sh.name,
                letter);
    }
    return var_set(name, quiet && missing ? ":" : "?") ? 0 : 2;
}

int builtin_getopts(int argc, char **argv) {
    int count = argc > 3 ? argc - 3 : sh.argc, index = begin();
    char **args = argc > 3 ? argv + 3 : sh.argv;
    const char *options, *known, *arg;
    bool quiet;
    char letter, text[2] = "";

    if (argc < 3) {
        sh_error("getopts: usage: getopts OPTIONS NAME [ARG...]");
        return 2;
    }
    quiet = argv[1][0] == ':';
    options = argv[1] + quiet;
    arg = index <= count ? args[index - 1] : NULL;
    if (letter_at == 1 && (!arg || arg[0] != '-' || !arg[1]))
        return end(argv[2], index) ? 1 : 2;
    if (letter_at == 1 && !strcmp(arg, "--"))
        return end(argv[2], index + 1) ? 1 : 2;
    if (!arg || letter_at >= strlen(arg))
        return end(argv[2], index) ? 1 : 2; /* the arguments are others than they were */
    letter = arg[letter_at++];
    text[0] = letter;
    known = letter == ':' ? NULL : strchr(options, letter);
    if (!arg[letter_at] || (known && known[1] == ':')) {
        const char *rest = arg + letter_at;

        letter_at = 1;
        index++;
        if (known && known[1] == ':') {
            if (!*rest)
                rest = index <= count ? args[index++ - 1] : NULL;
            if (!set_index(index))
                return 2;
            if (!rest)
                return complain(argv[2], letter, quiet, true);
            return var_set("OPTARG", rest) && var_set(argv[2], text) ? 0 : 2;
        }
    }
    if (!set_index(index))
        return 2;
    if (!known)
        return complain(argv[2], letter, quiet, false);
    var_unset("OPTARG");
    return var_set(argv[2], text) ? 0 : 2;
}
