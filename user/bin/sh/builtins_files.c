/* SPDX-License-Identifier: MIT */
/*
 * Built-ins about input and file modes: read umask.
 */
#include "sh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- read --------------------------------------------------------------------------------- */

/*
 * One line into `line`, a byte at a time, since what follows belongs to others. Escaped characters
 * are marked in `escaped`. False at the end of the input.
 */
static bool read_line(struct buffer *line, struct buffer *escaped, bool raw) {
    bool backslash = false;
    char c;

    buffer_append(line, "", 0);
    for (;;) {
        ssize_t got = read(0, &c, 1);

        if (got < 0 && errno == EINTR && !traps_pending() && !sh.interrupted)
            continue;
        if (got <= 0)
            return false;
        if (c == '\0')
            continue;
        if (backslash) {
            backslash = false;
            if (c != '\n') {
                buffer_add(line, c);
                buffer_add(escaped, 1);
            }
        } else if (c == '\\' && !raw) {
            backslash = true;
        } else if (c == '\n') {
            return true;
        } else {
            buffer_add(line, c);
            buffer_add(escaped, 0);
        }
    }
}

struct field_reader {
    const char *text, *escaped, *ifs;
    size_t at, len;
};

static bool at_separator(const struct field_reader *reader, bool blank_only) {
    char c;

    if (reader->at >= reader->len || reader->escaped[reader->at])
        return false;
    c = reader->text[reader->at];
    return strchr(reader->ifs, c) && (!blank_only || strchr(" \t\n", c));
}

static void skip_blank_separators(struct field_reader *reader) {
    while (at_separator(reader, true))
        reader->at++;
}

/* The next field, with the separator behind it skipped. */
static const char *next_field(struct field_reader *reader) {
    size_t start = reader->at;
    const char *field;

    while (reader->at < reader->len && !at_separator(reader, false))
        reader->at++;
    field = arena_copy(&sh.temp, reader->text + start, reader->at - start);
    skip_blank_separators(reader);
    if (at_separator(reader, false))
        reader->at++;
    skip_blank_separators(reader);
    return field;
}

/* All that is left, for the last variable, less the blanks and a lone separator at its end. */
static const char *last_field(struct field_reader *reader) {
    struct field_reader probe = *reader;
    const char *only = next_field(&probe);
    size_t end = reader->len;

    if (probe.at >= probe.len)
        return only;
    while (end > reader->at && !reader->escaped[end - 1] &&
           strchr(" \t\n", reader->text[end - 1]) && strchr(reader->ifs, reader->text[end - 1]))
        end--;
    return arena_copy(&sh.temp, reader->text + reader->at, end - reader->at);
}

int builtin_read(int argc, char **argv) {
    struct buffer line = {0}, escaped = {0};
    struct field_reader reader;
    int status, next = 1;
    bool raw = false;

    for (; next < argc && *argv[next] == '-'; next++) {
        if (!strcmp(argv[next], "-r")) {
            raw = true;
        } else if (!strcmp(argv[next], "-p") && next + 1 < argc) {
            const char *prompt = argv[++next];

            dprintf(2, "%s", prompt);
        } else {
            sh_error("read: Illegal option %s", argv[next]);
            return 2;
        }
    }
    if (next == argc) {
        sh_error("read: arg count");
        return 2;
    }
    fflush(stdout);
    buffer_append(&escaped, "", 0);
    status = read_line(&line, &escaped, raw) ? 0 : 1;
    reader = (struct field_reader){line.text, escaped.text, var_get("IFS"), 0, line.len};
    if (!reader.ifs)
        reader.ifs = " \t\n";
    skip_blank_separators(&reader);
    for (; next < argc; next++) {
        if (!var_set(argv[next], next == argc - 1 ? last_field(&reader) : next_field(&reader)))
            status = 2;
    }
    buffer_free(&line);
    buffer_free(&escaped);
    return status;
}

/* Octal masks only. */
int builtin_umask(int argc, char **argv) {
    mode_t mask;
    char *end;

    if (argc == 1) {
        mask = umask(0);
        umask(mask);
        printf("%04o\n", (unsigned int)mask);
        return 0;
    }
    mask = (mode_t)strtoul(argv[1], &end, 8);
    if (*end || end == argv[1] || mask > 0777) {
        sh_error("umask: Illegal mode: %s", argv[1]);
        return 2;
    }
    umask(mask);
    return 0;
}
