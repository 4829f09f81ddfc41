/* SPDX-License-Identifier: MIT */
/*
 * echo: -n leaves the newline out, -e understands backslash escapes, -E does not (the default).
 */
#include "echo_args.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_option(const char *arg) {
    return arg[0] == '-' && arg[1] && strspn(arg + 1, "neE") == strlen(arg + 1);
}

/* An octal (\0NNN) or hexadecimal (\xHH) escape whose digits begin at `at`; gives where it ends. */
static const char *put_number(const char *at, unsigned int base, int most) {
    unsigned int value = 0;
    int count = 0;

    for (; count < most && *at; count++, at++) {
        const char *digits = "0123456789abcdefABCDEF";
        const char *digit = strchr(digits, *at);
        unsigned int number = digit ? (unsigned int)(digit - digits) : base;

        if (number >= 16)
            number -= 6;
        if (number >= base)
            break;
        value = value * base + number;
    }
    putchar((int)(value & 255));
    return at;
}

/* Print with escapes; false when \c says that all output ends here. */
static bool put_escaped(const char *text) {
    static const char letters[] = "abefnrtv\\";
    static const char values[] = "\a\b\033\f\n\r\t\v\\";

    while (*text) {
        const char *letter;

        if (*text != '\\' || !text[1]) {
            putchar(*text++);
            continue;
        }
        letter = strchr(letters, text[1]);
        if (text[1] == 'c')
            return false;
        if (letter) {
            putchar(values[letter - letters]);
            text += 2;
        } else if (text[1] == '0') {
            text = put_number(text + 2, 8, 3);
        } else if (text[1] == 'x') {
            text = put_number(text + 2, 16, 2);
        } else {
            putchar(*text++);
        }
    }
    return true;
}

int echo_args(int argc, char **argv) {
    bool newline = true, escapes = false;
    int next = 1;

    for (; next < argc && is_option(argv[next]); next++) {
        for (const char *letter = argv[next] + 1; *letter; letter++) {
            if (*letter == 'n')
                newline = false;
            else
                escapes = *letter == 'e';
        }
    }
    for (int i = next; i < argc; i++) {
        if (i > next)
            putchar(' ');
        if (!escapes)
            fputs(argv[i], stdout);
        else if (!put_escaped(argv[i]))
            return 0;
    }
    if (newline)
        putchar('\n');
    return 0;
}
