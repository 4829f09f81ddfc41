/* SPDX-License-Identifier: MIT */
/* The built-in printf (POSIX): a format that is used again until all arguments have been. */
#include "sh.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is left of the arguments; a conversion that finds none gets an empty one. */
struct arguments {
    char **next;
    int status;
    bool stop; /* \c in a %b: no more output at all */
};

static const char *take(struct arguments *a) {
    return *a->next ? *a->next++ : "";
}

/* The character of an escape sequence behind its backslash, which *text is moved past. */
static int escape(const char **text, bool octal_with_zero) {
    static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    const char *at = *text;
    const char *name = *at ? strchr(names, *at) : NULL;

    if (name) {
        *text = at + 1;
        return values[name - names];
    }
    if (*at >= '0' && *at <= '7') {
        int digits = octal_with_zero && *at == '0' ? 4 : 3, value = 0;

        for (; digits-- > 0 && *at >= '0' && *at <= '7'; at++)
            value = value * 8 + *at - '0';
        *text = at;
        return value & 255;
    }
    return '\\'; /* no escape: it stands for itself */
}

/* %b: an argument with escapes in it. */
static void put_escaped(struct buffer *out, const char *text, struct arguments *a) {
    while (*text && !a->stop) {
        char c = *text++;

        if (c == '\\' && *text == 'c')
            a->stop = true;
        else
            buffer_add(out, c == '\\' ? (char)escape(&text, true) : c);
    }
}

static void check_number(const char *text, const char *end, struct arguments *a) {
    if (errno == ERANGE) {
        sh_error("printf: %s: %s", text, strerror(ERANGE));
        a->status = 1;
    } else if (*end || end == text) {
        if (*text)
            sh_error("printf: %s: %s", text,
                     end == text ? "expected numeric value" : "not completely converted");
        a->status |= *text != 0;
    }
}

/* A number as C has it, or the code of the character behind a quote. */
static intmax_t take_number(struct arguments *a, bool is_signed) {
    const char *text = take(a);
    char *end;
    intmax_t value;

    if (*text == '\'' || *text == '"')
        return (unsigned char)text[1];
    errno = 0;
    value = is_signed ? strtoimax(text, &end, 0) : (intmax_t)strtoumax(text, &end, 0);
    check_number(text, end, a);
    return value;
}

static double take_double(struct arguments *a) {
    const char *text = take(a);
    char *end;
    double value;

    if (*text == '\'' || *text == '"')
        return (unsigned char)text[1];
    errno = 0;
    value = strtod(text, &end);
    check_number(text, end, a);
    return value;
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* One conversion; `format` is it, without a length modifier, and `width` and `precision` are what its stars say. */
static void convert(struct arguments *a, const char *flags, int width, int precision, char kind) {
    char format[64];
    struct buffer text = {0};
    char one[2] = {0};

    buffer_append(&text, "", 0);
    switch (kind) {
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
        snprintf(format, sizeof(format), "%%%s*.*j%c", flags, kind);
        printf(format, width, precision, take_number(a, kind == 'd' || kind == 'i'));
        break;
    case 'c':
        one[0] = *take(a);
        snprintf(format, sizeof(format), "%%%s*s", flags);
        printf(format, width, one);
        break;
    case 'b':
        put_escaped(&text, take(a), a);
        snprintf(format, sizeof(format), "%%%s*.*s", flags);
        printf(format, width, precision, text.text);
        break;
    case 's':
        snprintf(format, sizeof(format), "%%%s*.*s", flags);
        printf(format, width, precision, take(a));
        break;
    default: /* a e f g and their large ones */
        snprintf(format, sizeof(format), "%%%s*.*%c", flags, kind);
        printf(format, width, precision, take_double(a));
    }
    buffer_free(&text);
}

static int take_size(const char **at, struct arguments *a) {
    char *end;

    if (**at == '*') {
        ++*at;
        return (int)take_number(a, true);
    }
    long size = strtol(*at, &end, 10);
    *at = end;
    return (int)size;
}

/* A conversion at its '%'; false if it is none. */
static bool conversion(const char **at, struct arguments *a) {
    char flags[8];
    const char *p = *at + 1;
    size_t count = strspn(p, "-+ #0");
    int width, precision = -1;

    if (count >= sizeof(flags))
        count = sizeof(flags) - 1;
    memcpy(flags, p, count);
    flags[count] = 0;
    p += strspn(p, "-+ #0");
    width = take_size(&p, a);
    if (*p == '.') {
        p++;
        precision = take_size(&p, a);
    }
    if (!*p || !strchr("diouxXcsbaAeEfFgG", *p)) {
        sh_error("printf: %s: invalid directive", *at);
        return false;
    }
    convert(a, flags, width, precision, *p);
    *at = p + 1;
    return true;
}

/* The format once. False: it is wrong. */
static bool print_once(const char *format, struct arguments *a) {
    while (*format && !a->stop) {
        if (*format == '\\') {
            format++;
            putchar(escape(&format, false));
        } else if (format[0] == '%' && format[1] == '%') {
            putchar('%');
            format += 2;
        } else if (*format == '%') {
            if (!conversion(&format, a))
                return false;
        } else {
            putchar(*format++);
        }
    }
    return true;
}

int builtin_printf(int argc, char **argv) {
    int first = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;
    struct arguments a = {.next = argv + first + 1};
    char **before;

    if (argc <= first) {
        sh_error("printf: usage: printf FORMAT [ARG...]");
        return 2;
    }
    do {
        before = a.next;
        if (!print_once(argv[first], &a))
            return 1;
    } while (*a.next && a.next != before && !a.stop);
    return a.status;
}
