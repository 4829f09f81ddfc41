/* SPDX-License-Identifier: MIT */
/*
 * Tokens (POSIX XCU 2.3). A word keeps its quotes and expansions as they were typed; this file only
 * finds where it ends. Commands inside $(...) are parsed to find their end, as their own grammar
 * says. No aliases.
 */
#include "sh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool is_name_start(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_char(int c) {
    return is_name_start(c) || (c >= '0' && c <= '9');
}

void lexer_error(struct parser *parser, const char *format, ...) {
    char message[256];
    va_list args;

    if (parser->failed)
        return;
    parser->failed = true;
    if (sh.unwind != UNWIND_NONE)
        return; /* interrupted while typing: nothing to complain of */
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    sh_error("%d: Syntax error: %s", parser->source->line, message);
    sh.status = 2;
}

/* ---- Finding the end of what is quoted or expanded ---------------------------------------- */

static bool scan_single_quotes(struct parser *parser) {
    int c;

    while ((c = source_next(parser->source)) != '\'') {
        if (c < 0) {
            lexer_error(parser, "Unterminated quoted string");
            return false;
        }
    }
    return true;
}

/* After the opening quote, up to and with the closing one. */
bool scan_double_quotes(struct parser *parser) {
    struct source *source = parser->source;

    for (;;) {
        int c = source_next(source);
        bool ok = true;

        if (c == '"')
            return true;
        if (c == '\\')
            source_next(source);
        else if (c == '$')
            ok = scan_dollar(parser, true);
        else if (c == '`')
            ok = scan_backquote(parser);
        if (c < 0)
            lexer_error(parser, "Unterminated quoted string");
        if (c < 0 || !ok)
            return false;
    }
}

/* After the opening backquote. */
bool scan_backquote(struct parser *parser) {
    int c;

    while ((c = source_next(parser->source)) != '`') {
        if (c == '\\')
            c = source_next(parser->source);
        if (c < 0) {
            lexer_error(parser, "EOF in backquote substitution");
            return false;
        }
    }
    return true;
}

/*
 * After "${", up to and with the matching brace. Inside double quotes a single quote is an ordinary
 * character, save in the pattern of a prefix or suffix removal.
 */
static bool scan_braces(struct parser *parser, bool quoted) {
    struct source *source = parser->source;

    if (source_peek(source) == '#')
        source_next(source);
    while (is_name_char(source_peek(source)))
        source_next(source);
    if (source_peek(source) == '#' || source_peek(source) == '%')
        quoted = false;
    for (;;) {
        int c = source_next(source);
        bool ok = true;

        if (c == '}')
            return true;
        if (c == '\\')
            source_next(source);
        else if (c == '\'' && !quoted)
            ok = scan_single_quotes(parser);
        else if (c == '"')
            ok = scan_double_quotes(parser);
        else if (c == '$')
            ok = scan_dollar(parser, quoted);
        else if (c == '`')
            ok = scan_backquote(parser);
        if (c < 0)
            lexer_error(parser, "Missing '}'");
        if (c < 0 || !ok)
            return false;
    }
}

/*
 * At "((", after the dollar: skip to behind the matching "))". False, with the place unchanged,
 * when the parentheses do not close together: then it is a command substitution of a subshell.
 */
bool scan_arithmetic(struct source *source) {
    size_t start = source->pos;
    int line = source->line;
    int depth = 0;

    for (;;) {
        int c = source_next(source);

        if (c == '(')
            depth++;
        else if (c == ')' && depth == 2 && source_peek(source) == ')') {
            source_next(source);
            return true;
        } else if (c == ')')
            depth--;
        if (c < 0 || depth < 2) {
            if (c == '(' && depth == 1)
                continue;
            source->pos = start;
            source->line = line;
            return false;
        }
    }
}

/* After a dollar: skip the expansion that follows, if one does. */
bool scan_dollar(struct parser *parser, bool quoted) {
    struct source *source = parser->source;
    struct parser inner;
    bool ok;

    switch (source_peek(source)) {
    case '{':
        source_next(source);
        return scan_braces(parser, quoted);
    case '(':
        if (source_peek_at(source, 1) == '(' && scan_arithmetic(source))
            return true;
        source_next(source);
        parser_init(&inner, source, parser->arena);
        parse_substitution(&inner);
        ok = !inner.failed;
        parser->failed |= inner.failed;
        parser_free(&inner);
        return ok;
    default:
        return true;
    }
}

/* ---- Here-documents ----------------------------------------------------------------------- */

void lexer_await_heredoc(struct parser *parser, struct redir *redir) {
    if (parser->pending_count == parser->pending_cap) {
        parser->pending_cap = parser->pending_cap * 2 + 4;
        parser->pending = xrealloc(parser->pending, parser->pending_cap * sizeof(*parser->pending));
    }
    parser->pending[parser->pending_count++] = redir;
}

/* One line of a here-document into `line`, without its newline; false at the end of the input. */
static bool read_heredoc_line(struct source *source, const struct redir *redir,
                              struct buffer *line) {
    int c;

    line->len = 0;
    buffer_append(line, "", 0);
    if (source_peek(source) < 0)
        return false;
    if (redir->strip) {
        while (source_peek(source) == '\t')
            source_next(source);
    }
    while ((c = source_next(source)) >= 0 && c != '\n')
        buffer_add(line, (char)c);
    return true;
}

static void read_heredoc(struct parser *parser, struct redir *redir) {
    struct buffer body = {0}, line = {0};

    buffer_append(&body, "", 0);
    while (read_heredoc_line(parser->source, redir, &line) && strcmp(line.text, redir->target)) {
        buffer_append(&body, line.text, line.len);
        buffer_add(&body, '\n');
    }
    redir->body = arena_copy(parser->arena, body.text, body.len);
    buffer_free(&body);
    buffer_free(&line);
}

static void read_pending_heredocs(struct parser *parser) {
    for (size_t i = 0; i < parser->pending_count; i++)
        read_heredoc(parser, parser->pending[i]);
    parser->pending_count = 0;
}

/* ---- Tokens ------------------------------------------------------------------------------- */

static void skip_blanks(struct source *source) {
    for (;;) {
        int c = source_peek(source);

        if (c == ' ' || c == '\t') {
            source_next(source);
        } else if (c == '\\' && source_peek_at(source, 1) == '\n') {
            source_next(source);
            source_next(source);
        } else if (c == '#') {
            while ((c = source_peek(source)) >= 0 && c != '\n')
                source_next(source);
        } else {
            return;
        }
    }
}

struct operator_token {
    const char *text;
    enum token_type type;
};

/* Longest first among those that begin alike. */
static const struct operator_token operators[] = {
    {"&&", TOK_AND_IF},     {"||", TOK_OR_IF},   {";;", TOK_DOUBLE_SEMI}, {"<<-", TOK_HERE_STRIP},
    {"<<", TOK_HERE},       {">>", TOK_APPEND},  {"<&", TOK_LESS_AMP},    {">&", TOK_GREAT_AMP},
    {"<>", TOK_LESS_GREAT}, {">|", TOK_CLOBBER}, {"<", TOK_LESS},         {">", TOK_GREAT},
    {"|", TOK_PIPE},        {"&", TOK_AMP},      {";", TOK_SEMI},         {"(", TOK_OPEN},
    {")", TOK_CLOSE},
};

static bool read_operator(struct parser *parser) {
    struct source *source = parser->source;

    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        const char *text = operators[i].text;
        size_t len = 0;

        while (text[len] && source_peek_at(source, len) == text[len])
            len++;
        if (text[len])
            continue;
        while (len-- > 0)
            source_next(source);
        parser->token = operators[i].type;
        return true;
    }
    return false;
}

static bool ends_word(int c) {
    return c < 0 || strchr(" \t\n|&;()<>", c);
}

static void read_word(struct parser *parser) {
    struct source *source = parser->source;
    size_t start = source->pos;
    bool digits = true;
    bool ok = true;
    int c;

    while (ok && !ends_word(c = source_peek(source))) {
        source_next(source);
        if (c < '0' || c > '9')
            digits = false;
        if (c == '\\')
            source_next(source);
        else if (c == '\'')
            ok = scan_single_quotes(parser);
        else if (c == '"')
            ok = scan_double_quotes(parser);
        else if (c == '`')
            ok = scan_backquote(parser);
        else if (c == '$')
            ok = scan_dollar(parser, false);
    }
    c = source_peek(source);
    parser->token = digits && (c == '<' || c == '>') ? TOK_IO_NUMBER : TOK_WORD;
    parser->word = arena_copy(parser->arena, source->data.text + start, source->pos - start);
}

/* The next token, without taking it. After a failure only TOK_END comes. */
enum token_type lexer_peek(struct parser *parser) {
    struct source *source = parser->source;
    int c;

    if (parser->failed)
        return parser->token = TOK_END;
    if (parser->have_token)
        return parser->token;
    parser->last_end = source->pos;
    skip_blanks(source);
    parser->token_start = source->pos;
    c = source_peek(source);
    if (c < 0) {
        parser->token = TOK_END;
        read_pending_heredocs(parser);
    } else if (c == '\n') {
        source_next(source);
        parser->token = TOK_NEWLINE;
        source->continuing = true;
        read_pending_heredocs(parser);
    } else if (!read_operator(parser)) {
        read_word(parser);
    }
    parser->have_token = true;
    return parser->failed ? (parser->token = TOK_END) : parser->token;
}

/* Take the token that lexer_peek() showed. */
void lexer_skip(struct parser *parser) {
    lexer_peek(parser);
    parser->have_token = false;
}
