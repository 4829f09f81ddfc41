/* SPDX-License-Identifier: MIT */
/*
 * printf (POSIX XCU): escapes in the format, the conversions of printf(3) for numbers and strings, %b for text with
 * escapes of its own, and the format again while there are arguments.
 */
#include "printf_args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct printer {
    char **next; /* the next argument; NULL at the end */
    int status;
    bool stopped; /* by \c in a %b: all output ends */
};

/* A number that does not begin with digits can be a quote and a character: its value. */
static bool is_character(const char *text) {
    return *text == '\'' || *text == '"';
}

static const char *next_argument(struct printer *p) {
    return *p->next ? *p->next++ : NULL;
}

static void check_number(struct printer *p, const char *text, const char *end) {
    const char *why = end == text ? "expected numeric value" : "not completely converted";

    if (errno == ERANGE)
        why = strerror(ERANGE);
    else if (!*end)
        return;
    fflush(stdout);
    fprintf(stderr, "printf: %s: %s\n", text, why);
    p->status = 1;
}

static intmax_t integer(struct printer *p, bool is_signed) {
    const char *text = next_argument(p);
    char *end;
    intmax_t value;

    if (!text)
        return 0;
    if (is_character(text))
        return (unsigned char)text[1];
    errno = 0;
    value =
        is_signed || *text == '-' ? strtoimax(text, &end, 0) : (intmax_t)strtoumax(text, &end, 0);
    check_number(p, text, end);
    return value;
}

static double floating(struct printer *p) {
    const char *text = next_argument(p);
    char *end;
    double value;

    if (!text)
        return 0;
    if (is_character(text))
        return (unsigned char)text[1];
    errno = 0;
    value = strtod(text, &end);
    check_number(p, text, end);
    return value;
}

/* One escape at a backslash: how many characters it takes. In a %b, octal numbers begin with 0 and \c ends all. */
static size_t escape(struct printer *p, const char *at, bool in_argument) {
    static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    const char *letter = at[1] ? strchr(letters, at[1]) : NULL;
    size_t used = 1;
    int value = 0;

    if (letter) {
        putchar(values[letter - letters]);
        return 2;
    }
    if (in_argument && at[1] == 'c') {
        p->stopped = true;
        return 2;
    }
    if (in_argument && at[1] == '0')
        used++;
    for (size_t most = used + 3; used < most && at[used] >= '0' && at[used] <= '7'; used++)
        value = value * 8 + at[used] - '0';
    putchar(used == 1 ? '\\' : value & 255);
    return used;
}

static void put_text(struct printer *p, const char *text) {
    while (*text && !p->stopped) {
        if (*text == '\\')
            text += escape(p, text, true);
        else
            putchar(*text++);
    }
}

/* One conversion: flags, width and precision are those of printf(3), `*` takes them from arguments. */
static const char *convert(struct printer *p, const char *at) {
    char format[64] = "%";
    size_t used = 1;

    for (at++; *at && strchr("-+ #0123456789.*", *at) && used < sizeof(format) - 16; at++) {
        if (*at == '*')
            used += (size_t)snprintf(format + used, 12, "%d", (int)integer(p, true));
        else
            format[used++] = *at;
    }
    if (*at && strchr("diouxX", *at)) {
        snprintf(format + used, sizeof(format) - used, "j%c", *at);
    } else {
        format[used] = *at;
    }
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"");
    if (*at && strchr("di", *at)) {
        printf(format, integer(p, true));
    } else if (*at && strchr("ouxX", *at)) {
        printf(format, (uintmax_t)integer(p, false));
    } else if (*at && strchr("aAeEfFgG", *at)) {
        printf(format, floating(p));
    } else if (*at == 's') {
        const char *text = next_argument(p);

        printf(format, text ? text : "");
    } else if (*at == 'c') {
        const char *text = next_argument(p);

        format[used] = 's';
        printf(format, (char[]){text ? *text : '\0', '\0'});
    } else if (*at == 'b') {
        const char *text = next_argument(p);

        put_text(p, text ? text : "");
    } else {
        fflush(stdout);
        fprintf(stderr, "printf: %%%c: invalid directive\n", *at ? *at : ' ');
        p->status = 1;
        p->stopped = true;
    }
    _Pragma("GCC diagnostic pop");
    return *at ? at + 1 : at;
}

static void print_once(struct printer *p, const char *at) {
    while (*at && !p->stopped) {
        if (*at == '\\') {
            at += escape(p, at, false);
        } else if (*at != '%') {
            putchar(*at++);
        } else if (at[1] == '%') {
            putchar('%');
            at += 2;
        } else {
            at = convert(p, at);
        }
    }
}

int printf_args(int argc, char **argv) {
    struct printer p = {.next = argv + 2};
    char **before;

    if (argc > 1 && !strcmp(argv[1], "--")) {
        argc--;
        argv++;
        p.next++;
    }
    if (argc < 2) {
        fprintf(stderr, "usage: printf FORMAT [ARG...]\n");
        return 2;
    }
    do {
        before = p.next;
        print_once(&p, argv[1]);
    } while (*p.next && p.next > before && !p.stopped);
    return p.status;
}
