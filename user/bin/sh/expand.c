/* SPDX-License-Identifier: MIT */
/*
 * Word expansion (POSIX XCU 2.6): tilde, parameter, command and arithmetic expansion and quote
 * removal in one pass. Each resulting character remembers where it came from; split.c uses that to
 * split fields and to find file names. The rules of ${...} stand in param.c.
 */
#include "sh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void expansion_add(struct expansion *ex, char c, enum char_kind kind) {
    buffer_add(&ex->text, c);
    buffer_add(&ex->kinds, (char)kind);
}

/* The value of an expansion. */
void expansion_add_text(struct expansion *ex, const char *text, bool quoted) {
    size_t len = strlen(text);

    buffer_append(&ex->text, text, len);
    buffer_fill(&ex->kinds, (char)(quoted ? KIND_QUOTED : KIND_EXPANDED), len);
}

/* A character that was typed without quotes. */
static void add_typed(struct expansion *ex, char c) {
    expansion_add(ex, c, ex->operand ? KIND_EXPANDED : KIND_LITERAL);
}

void expansion_free(struct expansion *ex) {
    buffer_free(&ex->text);
    buffer_free(&ex->kinds);
}

/* ---- Command substitution ----------------------------------------------------------------- */

static void read_all(int fd, struct buffer *output) {
    char chunk[1024];

    buffer_append(output, "", 0);
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof(chunk));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        for (ssize_t i = 0; i < got; i++) {
            if (chunk[i])
                buffer_add(output, chunk[i]);
        }
    }
}

/* Run a command and give what it wrote, less the newlines at its end. */
char *substitute_command(const struct node *node) {
    struct buffer output = {0};
    int ends[2], status = 0;
    char *result;
    pid_t pid;

    if (!node)
        return arena_copy(&sh.temp, "", 0);
    if (pipe(ends) < 0) {
        sh_error("Pipe call failed: %s", strerror(errno));
        return NULL;
    }
    pid = job_fork(NULL, false);
    if (pid == 0) {
        close(ends[0]);
        if (ends[1] != 1) {
            dup2(ends[1], 1);
            close(ends[1]);
        }
        shell_exit(execute(node, EXEC_LAST));
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return NULL;
    }
    read_all(ends[0], &output);
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    sh.substitution_status = wait_status_code(status);
    while (output.len > 0 && output.text[output.len - 1] == '\n')
        output.len--;
    result = arena_copy(&sh.temp, output.text, output.len);
    buffer_free(&output);
    return result;
}

static void add_substitution(struct expansion *ex, const struct node *node, bool quoted) {
    const char *output = substitute_command(node);

    if (output)
        expansion_add_text(ex, output, quoted);
    else
        ex->failed = true;
}

/* Source behind "$(". */
static void expand_command(struct expansion *ex, struct source *source, bool quoted) {
    struct arena arena = {0};
    struct parser parser;
    struct node *node;

    parser_init(&parser, source, &arena);
    node = parse_substitution(&parser);
    if (parser.failed)
        ex->failed = true;
    else
        add_substitution(ex, node, quoted);
    parser_free(&parser);
    arena_release(&arena, (struct arena_mark){0});
}

/* Source behind the opening backquote: the text is taken out of its backslashes first. */
static void expand_backquote(struct expansion *ex, struct source *source, bool quoted) {
    struct buffer text = {0};
    struct source inner;
    int c;

    buffer_append(&text, "", 0);
    while ((c = source_next(source)) >= 0 && c != '`') {
        int next = source_peek(source);

        if (c == '\\' && (next == '`' || next == '\\' || next == '$' || (quoted && next == '"')))
            c = source_next(source);
        buffer_add(&text, (char)c);
    }
    buffer_append(&text, "\n)", 2);
    source_from_text(&inner, text.text, text.len);
    expand_command(ex, &inner, quoted);
    source_free(&inner);
    buffer_free(&text);
}

/* Source at "((": the expression is expanded as if in double quotes, then evaluated. */
static bool expand_arithmetic(struct expansion *ex, struct source *source, bool quoted) {
    size_t start = source->pos;
    char digits[32];
    char *expression;
    long value;

    if (!scan_arithmetic(source))
        return false;
    expression = arena_copy(&sh.temp, source->data.text + start + 2, source->pos - start - 4);
    expression = expand_heredoc(expression);
    if (!expression || !arith_eval(expression, &value)) {
        ex->failed = true;
        return true;
    }
    snprintf(digits, sizeof(digits), "%ld", value);
    expansion_add_text(ex, digits, quoted);
    return true;
}

/* ---- One word ----------------------------------------------------------------------------- */

/* Source behind a dollar. */
static void expand_dollar(struct expansion *ex, struct source *source, bool quoted) {
    int c = source_peek(source);

    if (c == '{') {
        source_next(source);
        expand_braced_parameter(ex, source, quoted);
    } else if (c == '(') {
        if (source_peek_at(source, 1) == '(' && expand_arithmetic(ex, source, quoted))
            return;
        source_next(source);
        expand_command(ex, source, quoted);
    } else if (is_name_char(c) || (c > 0 && strchr("@*#?-$!", c))) {
        expand_simple_parameter(ex, source, quoted);
    } else if (quoted) {
        expansion_add(ex, '$', KIND_QUOTED);
    } else {
        add_typed(ex, '$');
    }
}

/*
 * Text in double quotes, up to `end`: the closing quote, or -1 for all of the source. A
 * here-document's text (`heredoc`) is the same, but its double quotes are ordinary characters.
 */
static void expand_double_quotes(struct expansion *ex, struct source *source, int end,
                                 bool heredoc) {
    int c;

    while ((c = source_next(source)) >= 0 && c != end && !ex->failed) {
        int next = source_peek(source);

        if (c == '\\' && next == '\n') {
            source_next(source);
        } else if (c == '\\' && next > 0 && strchr(heredoc ? "$`\\" : "$`\\\"}", next) &&
                   (next != '}' || end < 0)) {
            expansion_add(ex, (char)source_next(source), KIND_QUOTED);
        } else if (c == '$') {
            expand_dollar(ex, source, true);
        } else if (c == '`') {
            expand_backquote(ex, source, true);
        } else if (c != '"' || heredoc) {
            expansion_add(ex, (char)c, KIND_QUOTED);
        }
    }
}

/* "~" at the start of a word, or behind ':' in an assignment; other users' homes are not known. */
static void expand_tilde(struct expansion *ex, struct source *source) {
    int next = source_peek(source);
    const char *home = var_get("HOME");

    if (home && (next < 0 || next == '/' || (next == ':' && ex->assignment)))
        expansion_add_text(ex, home, true);
    else
        add_typed(ex, '~');
}

static void expand_source(struct expansion *ex, struct source *source) {
    bool start = true;
    int c;

    while (!ex->failed && (c = source_next(source)) >= 0) {
        bool tilde_may_follow = ex->assignment && c == ':';

        if (c == '\\' && source_peek(source) == '\n') {
            source_next(source);
            continue;
        }
        if (c == '\\') {
            c = source_next(source);
            expansion_add(ex, c < 0 ? '\\' : (char)c, KIND_QUOTED);
        } else if (c == '\'') {
            expansion_add(ex, 0, KIND_EMPTY);
            while ((c = source_next(source)) >= 0 && c != '\'')
                expansion_add(ex, (char)c, KIND_QUOTED);
        } else if (c == '"') {
            bool args = source_peek(source) == '$' && source_peek_at(source, 1) == '@';

            if (!args) /* "$@" without parameters is no field at all */
                expansion_add(ex, 0, KIND_EMPTY);
            expand_double_quotes(ex, source, '"', false);
        } else if (c == '$') {
            expand_dollar(ex, source, false);
        } else if (c == '`') {
            expand_backquote(ex, source, false);
        } else if (c == '~' && start) {
            expand_tilde(ex, source);
        } else {
            add_typed(ex, (char)c);
        }
        start = tilde_may_follow;
    }
}

void expand_word(struct expansion *ex, const char *text) {
    struct source source;

    source_from_text(&source, text, strlen(text));
    expand_source(ex, &source);
    source_free(&source);
}

/* What stands for a parameter without a value: part of an expansion, so its fields are split as those of a value. */
void expand_operand(struct expansion *ex, const char *text) {
    bool outer = ex->operand;

    ex->operand = true;
    expand_word(ex, text);
    ex->operand = outer;
}

/* Text that stands inside double quotes, without the quotes themselves. */
void expand_quoted(struct expansion *ex, const char *text, bool heredoc) {
    struct source source;

    source_from_text(&source, text, strlen(text));
    expand_double_quotes(ex, &source, -1, heredoc);
    source_free(&source);
}

/* ---- Results ------------------------------------------------------------------------------ */

/* Take the expansion's text as one string, in the temporary arena; NULL after a failure. */
static char *finish_string(struct expansion *ex) {
    char *result = ex->failed ? NULL : expansion_string(ex, 0, ex->text.len);

    expansion_free(ex);
    return result;
}

/* A word where no fields are split: a redirection's target, a case's subject. */
char *expand_string(const char *text) {
    struct expansion ex = {0};

    expand_word(&ex, text);
    return finish_string(&ex);
}

/* What stands behind the '=' of an assignment. */
char *expand_assignment(const char *text) {
    struct expansion ex = {.assignment = true};

    expand_word(&ex, text);
    return finish_string(&ex);
}

char *expand_heredoc(const char *text) {
    struct expansion ex = {0};

    expand_quoted(&ex, text, true);
    return finish_string(&ex);
}

/* A pattern for fnmatch(3), what was quoted being escaped. */
char *expand_pattern(const char *text) {
    struct expansion ex = {0};
    char *result;

    expand_word(&ex, text);
    result = ex.failed ? NULL : expansion_pattern(&ex, 0, ex.text.len);
    expansion_free(&ex);
    return result;
}

/* A command's words, with the NULL that execve(2) wants; NULL after a failure. */
char **expand_words(const struct word *words, int *count) {
    struct field_list list = {0};
    char **argv = NULL;
    bool failed = false;

    for (const struct word *word = words; word && !failed; word = word->next) {
        struct expansion ex = {0};

        expand_word(&ex, word->text);
        failed = ex.failed;
        if (!failed)
            split_fields(&list, &ex);
        expansion_free(&ex);
    }
    if (!failed) {
        argv = arena_alloc(&sh.temp, (list.count + 1) * sizeof(*argv));
        if (list.count)
            memcpy(argv, list.fields, list.count * sizeof(*argv));
        *count = (int)list.count;
    }
    free(list.fields);
    return argv;
}
