/* SPDX-License-Identifier: MIT */
/*
 * From an expanded word to its fields: splitting by IFS (POSIX XCU 2.6.5), then file names
 * (2.6.6, by glob(3)) and quote removal. A word may give none, one or many fields.
 */
#include "sh.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

static enum char_kind kind_at(const struct expansion *ex, size_t i) {
    return (enum char_kind)ex->kinds.text[i];
}

static bool is_marker(enum char_kind kind) {
    return kind == KIND_EMPTY || kind == KIND_BREAK;
}

/* The characters alone; where "$@" made several fields, blanks stand between them. */
char *expansion_string(const struct expansion *ex, size_t from, size_t to) {
    char *result = arena_alloc(&sh.temp, to - from + 1);
    char *end = result;

    for (size_t i = from; i < to; i++) {
        if (kind_at(ex, i) == KIND_BREAK)
            *end++ = ' ';
        else if (kind_at(ex, i) != KIND_EMPTY)
            *end++ = ex->text.text[i];
    }
    return result;
}

char *expansion_pattern(const struct expansion *ex, size_t from, size_t to) {
    char *result = arena_alloc(&sh.temp, 2 * (to - from) + 1);
    char *end = result;

    for (size_t i = from; i < to; i++) {
        char c = ex->text.text[i];

        if (is_marker(kind_at(ex, i)))
            continue;
        if ((kind_at(ex, i) == KIND_QUOTED && strchr("*?[]\\-!^", c)) ||
            (kind_at(ex, i) == KIND_EXPANDED && c == '\\'))
            *end++ = '\\';
        *end++ = c;
    }
    return result;
}

static bool has_pattern(const struct expansion *ex, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        if ((kind_at(ex, i) == KIND_LITERAL || kind_at(ex, i) == KIND_EXPANDED) &&
            strchr("*?[", ex->text.text[i]))
            return true;
    }
    return false;
}

static void add_field(struct field_list *list, char *field) {
    if (list->count == list->cap) {
        list->cap = list->cap * 2 + 16;
        list->fields = xrealloc(list->fields, list->cap * sizeof(*list->fields));
    }
    list->fields[list->count++] = field;
}

static bool add_matches(struct field_list *list, const char *pattern) {
    glob_t matches;

    if (glob(pattern, 0, NULL, &matches) != 0)
        return false;
    for (size_t i = 0; i < matches.gl_pathc; i++)
        add_field(list, arena_copy(&sh.temp, matches.gl_pathv[i], strlen(matches.gl_pathv[i])));
    globfree(&matches);
    return true;
}

static void finish_field(struct field_list *list, const struct expansion *ex, size_t from,
                         size_t to) {
    if (!sh.noglob && has_pattern(ex, from, to) &&
        add_matches(list, expansion_pattern(ex, from, to)))
        return;
    add_field(list, expansion_string(ex, from, to));
}

static bool is_separator(const struct expansion *ex, size_t i, const char *ifs) {
    return i < ex->text.len && kind_at(ex, i) == KIND_EXPANDED && ex->text.text[i] &&
           strchr(ifs, ex->text.text[i]);
}

static bool is_blank_separator(const struct expansion *ex, size_t i, const char *ifs) {
    return is_separator(ex, i, ifs) && strchr(" \t\n", ex->text.text[i]);
}

/*
 * Behind a field: skip one separator, which is any run of IFS blanks with at most one other IFS
 * character in it.
 */
static size_t skip_separator(const struct expansion *ex, size_t i, const char *ifs) {
    while (is_blank_separator(ex, i, ifs))
        i++;
    if (is_separator(ex, i, ifs))
        i++;
    while (is_blank_separator(ex, i, ifs))
        i++;
    return i;
}

void split_fields(struct field_list *list, const struct expansion *ex) {
    const char *ifs = var_get("IFS");
    size_t i = 0, start;
    bool exists = false;

    if (!ifs)
        ifs = " \t\n";
    while (is_blank_separator(ex, i, ifs))
        i++;
    for (start = i; i < ex->text.len;) {
        if (kind_at(ex, i) == KIND_BREAK) {
            if (exists)
                finish_field(list, ex, start, i);
            exists = false;
            start = ++i;
        } else if (is_separator(ex, i, ifs)) {
            if (exists || !is_blank_separator(ex, i, ifs))
                finish_field(list, ex, start, i);
            exists = false;
            start = i = skip_separator(ex, i, ifs);
        } else {
            exists = true;
            i++;
        }
    }
    if (exists)
        finish_field(list, ex, start, i);
}
