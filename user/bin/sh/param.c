/* SPDX-License-Identifier: MIT */
/*
 * Parameter expansion (POSIX XCU 2.5 and 2.6.2): variables, positional and special parameters, and
 * the forms of ${...}.
 */
#include "sh.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *number_text(long number) {
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%ld", number);

    return arena_copy(&sh.temp, digits, (size_t)len);
}

/* The value of any parameter but $@ and $*; NULL when unset. */
static const char *parameter_value(const char *name) {
    if (*name >= '0' && *name <= '9') {
        long index = strtol(name, NULL, 10);

        if (index == 0)
            return sh.name;
        return index <= sh.argc ? sh.argv[index - 1] : NULL;
    }
    switch (*name) {
    case '#':
        return number_text(sh.argc);
    case '?':
        return number_text(sh.status);
    case '$':
        return number_text(sh.pid);
    case '!':
        return sh.last_background ? number_text(sh.last_background) : NULL;
    case '-':
        return option_letters();
    default:
        return var_get(name);
    }
}

/* $@ and $*, quoted or not. */
static void add_arguments(struct expansion *ex, bool star, bool quoted) {
    const char *ifs = var_get("IFS");
    char joint = ifs ? *ifs : ' ';

    for (int i = 0; i < sh.argc; i++) {
        if (i > 0 && star && (quoted || ex->assignment) && joint)
            expansion_add(ex, joint, KIND_QUOTED);
        else if (i > 0 && (!star || !(quoted || ex->assignment)))
            expansion_add(ex, ' ', KIND_BREAK);
        if (quoted)
            expansion_add(ex, 0, KIND_EMPTY);
        expansion_add_text(ex, sh.argv[i], quoted);
    }
}

static bool is_arguments(const char *name) {
    return *name == '@' || *name == '*';
}

static void add_parameter(struct expansion *ex, const char *name, bool quoted) {
    const char *value;

    if (is_arguments(name)) {
        add_arguments(ex, *name == '*', quoted);
        return;
    }
    value = parameter_value(name);
    if (value) {
        expansion_add_text(ex, value, quoted);
    } else if (sh.nounset) {
        sh_fatal("%s: parameter not set", name);
        ex->failed = true;
    }
}

/* A parameter's name; in braces a number may have several digits. */
static char *read_name(struct source *source, bool braces) {
    size_t start = source->pos;
    int c = source_next(source);

    if (is_name_start(c)) {
        while (is_name_char(source_peek(source)))
            source_next(source);
    } else if (c >= '0' && c <= '9') {
        while (braces && source_peek(source) >= '0' && source_peek(source) <= '9')
            source_next(source);
    } else if (c <= 0 || !strchr("@*#?-$!", c)) {
        return NULL;
    }
    return arena_copy(&sh.temp, source->data.text + start, source->pos - start);
}

void expand_simple_parameter(struct expansion *ex, struct source *source, bool quoted) {
    add_parameter(ex, read_name(source, false), quoted);
}

/* ---- ${...} ------------------------------------------------------------------------------- */

static void bad_substitution(struct expansion *ex) {
    sh_fatal("Bad substitution");
    ex->failed = true;
}

static void add_length(struct expansion *ex, const char *name, bool quoted) {
    const char *value;

    if (is_arguments(name)) {
        expansion_add_text(ex, number_text(sh.argc), quoted);
        return;
    }
    value = parameter_value(name);
    if (!value && sh.nounset) {
        sh_fatal("%s: parameter not set", name);
        ex->failed = true;
        return;
    }
    expansion_add_text(ex, number_text(value ? (long)strlen(value) : 0), quoted);
}

/* The text up to the matching brace, which is skipped. */
static char *read_operand(struct source *source, bool quoted) {
    size_t start = source->pos;
    struct arena scratch = {0};
    struct parser parser;
    char *text = NULL;
    int c = 0;
    bool ok = true;

    parser_init(&parser, source, &scratch);
    while (ok && (c = source_next(source)) >= 0 && c != '}') {
        if (c == '\\') {
            source_next(source);
        } else if (c == '\'' && !quoted) {
            while ((c = source_next(source)) >= 0 && c != '\'')
                continue;
        } else if (c == '$') {
            ok = scan_dollar(&parser, quoted);
        } else if (c == '`') {
            ok = scan_backquote(&parser);
        } else if (c == '"') {
            ok = scan_double_quotes(&parser);
        }
    }
    if (ok && c == '}')
        text = arena_copy(&sh.temp, source->data.text + start, source->pos - start - 1);
    parser_free(&parser);
    arena_release(&scratch, (struct arena_mark){0});
    return text;
}

static void add_operand(struct expansion *ex, const char *text, bool quoted) {
    if (quoted)
        expand_quoted(ex, text, false);
    else
        expand_operand(ex, text);
}

/* Whether the parameter is set and, for the forms with a colon, not empty. */
static bool parameter_counts(const char *name, bool colon) {
    const char *value;

    if (is_arguments(name))
        return sh.argc > 0 && (!colon || sh.argc > 1 || *sh.argv[0]);
    value = parameter_value(name);
    return value && (!colon || *value);
}

static void assign_default(struct expansion *ex, const char *name, const char *text, bool quoted) {
    const char *value = expand_assignment(text);

    if (!value || !is_name_start(*name)) {
        if (value)
            bad_substitution(ex);
        ex->failed = true;
        return;
    }
    if (!var_set(name, value)) {
        ex->failed = true;
        return;
    }
    expansion_add_text(ex, value, quoted);
}

static void complain_unset(struct expansion *ex, const char *name, const char *text, bool colon) {
    const char *message = *text ? expand_string(text) : "";

    if (message && *message)
        sh_fatal("%s: %s", name, message);
    else if (message)
        sh_fatal("%s: parameter not set%s", name, colon ? " or null" : "");
    ex->failed = true;
}

static void expand_conditional(struct expansion *ex, const char *name, char op, bool colon,
                               const char *text, bool quoted) {
    bool counts = parameter_counts(name, colon);

    if (op == '+') {
        if (counts)
            add_operand(ex, text, quoted);
    } else if (counts) {
        add_parameter(ex, name, quoted);
    } else if (op == '-') {
        add_operand(ex, text, quoted);
    } else if (op == '=') {
        assign_default(ex, name, text, quoted);
    } else {
        complain_unset(ex, name, text, colon);
    }
}

/* The part of `value` that stays when the pattern's shortest or longest match is cut off. */
static char *cut_prefix(char *value, const char *pattern, bool longest) {
    size_t len = strlen(value);

    for (size_t step = 0; step <= len; step++) {
        size_t cut = longest ? len - step : step;
        char kept = value[cut];
        bool match;

        value[cut] = '\0';
        match = fnmatch(pattern, value, 0) == 0;
        value[cut] = kept;
        if (match)
            return value + cut;
    }
    return value;
}

static char *cut_suffix(char *value, const char *pattern, bool longest) {
    size_t len = strlen(value);

    for (size_t step = 0; step <= len; step++) {
        size_t cut = longest ? step : len - step;

        if (fnmatch(pattern, value + cut, 0) == 0) {
            value[cut] = '\0';
            break;
        }
    }
    return value;
}

static void expand_cut(struct expansion *ex, const char *name, char op, bool longest,
                       const char *text, bool quoted) {
    const char *value = parameter_value(name);
    const char *pattern = expand_pattern(text);
    char *copy;

    if (!pattern || (!value && sh.nounset)) {
        if (pattern)
            sh_fatal("%s: parameter not set", name);
        ex->failed = true;
        return;
    }
    if (!value)
        return;
    copy = arena_copy(&sh.temp, value, strlen(value));
    expansion_add_text(
        ex, op == '#' ? cut_prefix(copy, pattern, longest) : cut_suffix(copy, pattern, longest),
        quoted);
}

/* Source behind "${". */
void expand_braced_parameter(struct expansion *ex, struct source *source, bool quoted) {
    char *name, *text;
    bool colon, twice;
    int op;

    if (source_peek(source) == '#' && source_peek_at(source, 1) != '}') {
        source_next(source);
        name = read_name(source, true);
        if (!name || source_next(source) != '}')
            bad_substitution(ex);
        else
            add_length(ex, name, quoted);
        return;
    }
    name = read_name(source, true);
    op = name ? source_next(source) : -1;
    if (op == '}') {
        add_parameter(ex, name, quoted);
        return;
    }
    colon = op == ':';
    if (colon)
        op = source_next(source);
    if (op <= 0 || !strchr(colon ? "-=?+" : "-=?+#%", op)) {
        bad_substitution(ex);
        return;
    }
    twice = (op == '#' || op == '%') && source_peek(source) == op;
    if (twice)
        source_next(source);
    text = read_operand(source, quoted && op != '#' && op != '%');
    if (!text || (is_arguments(name) && (op == '#' || op == '%')))
        bad_substitution(ex); /* to cut each of "$@" POSIX leaves undefined */
    else if (op == '#' || op == '%')
        expand_cut(ex, name, (char)op, twice, text, quoted);
    else
        expand_conditional(ex, name, (char)op, colon, text, quoted);
}
