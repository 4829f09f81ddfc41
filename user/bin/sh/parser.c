/* SPDX-License-Identifier: MIT */
/*
 * The shell's grammar (POSIX XCU 2.10), by recursive descent: tokens in, a syntax tree out.
 * Nothing is expanded or run here.
 */
#include "sh.h"

#include <stdlib.h>
#include <string.h>

static struct node *parse_and_or(struct parser *parser);
static struct node *parse_compound_list(struct parser *parser);

void parser_init(struct parser *parser, struct source *source, struct arena *arena) {
    *parser = (struct parser){.source = source, .arena = arena};
}

void parser_free(struct parser *parser) {
    free(parser->pending);
}

static struct node *new_node(struct parser *parser, enum node_type type) {
    struct node *node = arena_alloc(parser->arena, sizeof(*node));

    node->type = type;
    return node;
}

static struct node *new_pair(struct parser *parser, enum node_type type, struct node *left,
                             struct node *right) {
    struct node *node = new_node(parser, type);

    node->left = left;
    node->right = right;
    return node;
}

/* The text between a place and the last token taken. */
static char *text_since(struct parser *parser, size_t start) {
    const struct source *source = parser->source;
    size_t end = parser->have_token ? parser->last_end : source->pos;

    while (end > start && strchr(" \t\n;&", source->data.text[end - 1]))
        end--;
    return arena_copy(parser->arena, source->data.text + start, end > start ? end - start : 0);
}

static const char *const token_names[] = {
    [TOK_END] = "end of file",    [TOK_NEWLINE] = "newline",
    [TOK_WORD] = "word",          [TOK_IO_NUMBER] = "redirection",
    [TOK_AND_IF] = "\"&&\"",      [TOK_OR_IF] = "\"||\"",
    [TOK_DOUBLE_SEMI] = "\";;\"", [TOK_PIPE] = "\"|\"",
    [TOK_AMP] = "\"&\"",          [TOK_SEMI] = "\";\"",
    [TOK_OPEN] = "\"(\"",         [TOK_CLOSE] = "\")\"",
};

static void unexpected(struct parser *parser) {
    enum token_type token = lexer_peek(parser);

    if (token == TOK_WORD)
        lexer_error(parser, "\"%s\" unexpected", parser->word);
    else
        lexer_error(parser, "%s unexpected",
                    token <= TOK_CLOSE ? token_names[token] : "redirection");
}

static bool at_word(struct parser *parser, const char *text) {
    return lexer_peek(parser) == TOK_WORD && !strcmp(parser->word, text);
}

static bool take_word(struct parser *parser, const char *text) {
    if (!at_word(parser, text))
        return false;
    lexer_skip(parser);
    return true;
}

static void expect_word(struct parser *parser, const char *text) {
    if (!take_word(parser, text))
        unexpected(parser);
}

static bool take_token(struct parser *parser, enum token_type type) {
    if (lexer_peek(parser) != type)
        return false;
    lexer_skip(parser);
    return true;
}

static void skip_newlines(struct parser *parser) {
    while (take_token(parser, TOK_NEWLINE))
        continue;
}

/* ---- Redirections ------------------------------------------------------------------------- */

static bool at_redirection(struct parser *parser) {
    enum token_type token = lexer_peek(parser);

    return token == TOK_IO_NUMBER || token >= TOK_LESS;
}

/* A here-document's delimiter without its quotes; tells whether there were any. */
static bool unquote(char *text) {
    char *to = text;
    bool quoted = false;
    char quote = 0;

    for (const char *from = text; *from; from++) {
        if (quote ? *from == quote : *from == '\'' || *from == '"') {
            quote = quote ? 0 : *from;
            quoted = true;
        } else if (*from == '\\' && quote != '\'' && from[1]) {
            *to++ = *++from;
            quoted = true;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return quoted;
}

static void parse_redirection(struct parser *parser, struct redir ***tail) {
    struct redir *redir = arena_alloc(parser->arena, sizeof(*redir));
    enum token_type token;

    redir->fd = -1;
    if (lexer_peek(parser) == TOK_IO_NUMBER) {
        redir->fd = atoi(parser->word);
        lexer_skip(parser);
    }
    token = lexer_peek(parser);
    lexer_skip(parser);
    switch (token) {
    case TOK_LESS:
        redir->type = REDIR_IN;
        break;
    case TOK_GREAT:
    case TOK_CLOBBER:
        redir->type = REDIR_OUT;
        break;
    case TOK_APPEND:
        redir->type = REDIR_APPEND;
        break;
    case TOK_LESS_GREAT:
        redir->type = REDIR_READWRITE;
        break;
    case TOK_LESS_AMP:
    case TOK_GREAT_AMP:
        redir->type = REDIR_DUP;
        break;
    default:
        redir->type = REDIR_HERE;
        break;
    }
    if (redir->fd < 0) {
        bool output = token == TOK_GREAT || token == TOK_CLOBBER || token == TOK_APPEND ||
                      token == TOK_GREAT_AMP;
        redir->fd = output ? 1 : 0;
    }
    if (lexer_peek(parser) != TOK_WORD) {
        unexpected(parser);
        return;
    }
    redir->target = parser->word;
    lexer_skip(parser);
    if (redir->type == REDIR_HERE) {
        redir->strip = token == TOK_HERE_STRIP;
        redir->literal = unquote(redir->target);
        lexer_await_heredoc(parser, redir);
    }
    **tail = redir;
    *tail = &redir->next;
}

/* ---- Commands ----------------------------------------------------------------------------- */

static void add_word(struct parser *parser, struct word ***tail) {
    struct word *word = arena_alloc(parser->arena, sizeof(*word));

    word->text = parser->word;
    **tail = word;
    *tail = &word->next;
    lexer_skip(parser);
}

static bool is_assignment(const char *text) {
    if (!is_name_start((unsigned char)*text))
        return false;
    while (is_name_char((unsigned char)*text))
        text++;
    return *text == '=';
}

static bool is_name(const char *text) {
    if (!is_name_start((unsigned char)*text))
        return false;
    while (is_name_char((unsigned char)*text))
        text++;
    return !*text;
}

static struct node *parse_command(struct parser *parser);

/* After "NAME ( )". */
static struct node *parse_function(struct parser *parser, char *name) {
    struct node *node = new_node(parser, NODE_FUNCTION);

    if (!is_name(name)) {
        lexer_error(parser, "Bad function name");
        return NULL;
    }
    skip_newlines(parser);
    node->name = name;
    node->left = parse_command(parser);
    parser->keep = true;
    return node;
}

static struct node *parse_simple(struct parser *parser) {
    struct node *node = new_node(parser, NODE_SIMPLE);
    struct word **assigns = &node->assigns, **words = &node->words;
    struct redir **redirs = &node->redirs;

    for (;;) {
        if (at_redirection(parser))
            parse_redirection(parser, &redirs);
        else if (lexer_peek(parser) != TOK_WORD)
            break;
        else if (!node->words && is_assignment(parser->word))
            add_word(parser, &assigns);
        else
            add_word(parser, &words);
        if (node->words && !node->words->next && !node->assigns && !node->redirs &&
            take_token(parser, TOK_OPEN)) {
            if (take_token(parser, TOK_CLOSE))
                return parse_function(parser, node->words->text);
            unexpected(parser);
        }
    }
    if (!node->words && !node->assigns && !node->redirs)
        unexpected(parser);
    return node;
}

/* After "if" or "elif". */
static struct node *parse_if(struct parser *parser) {
    struct node *node = new_node(parser, NODE_IF);

    node->left = parse_compound_list(parser);
    expect_word(parser, "then");
    node->right = parse_compound_list(parser);
    if (take_word(parser, "elif")) {
        node->third = parse_if(parser);
        return node;
    }
    if (take_word(parser, "else"))
        node->third = parse_compound_list(parser);
    expect_word(parser, "fi");
    return node;
}

static struct node *parse_loop(struct parser *parser, enum node_type type) {
    struct node *node = new_node(parser, type);

    node->left = parse_compound_list(parser);
    expect_word(parser, "do");
    node->right = parse_compound_list(parser);
    expect_word(parser, "done");
    return node;
}

static struct node *parse_for(struct parser *parser) {
    struct node *node = new_node(parser, NODE_FOR);
    struct word **words = &node->words;

    if (lexer_peek(parser) != TOK_WORD || !is_name(parser->word)) {
        lexer_error(parser, "Bad for loop variable");
        return NULL;
    }
    node->name = parser->word;
    lexer_skip(parser);
    skip_newlines(parser);
    if (take_word(parser, "in")) {
        while (lexer_peek(parser) == TOK_WORD)
            add_word(parser, &words);
    } else {
        node->in_args = true;
    }
    if (!take_token(parser, TOK_SEMI) && !node->in_args && lexer_peek(parser) != TOK_NEWLINE)
        unexpected(parser);
    skip_newlines(parser);
    expect_word(parser, "do");
    node->right = parse_compound_list(parser);
    expect_word(parser, "done");
    return node;
}

static void parse_case_item(struct parser *parser, struct case_item ***tail) {
    struct case_item *item = arena_alloc(parser->arena, sizeof(*item));
    struct word **patterns = &item->patterns;

    take_token(parser, TOK_OPEN);
    do {
        if (lexer_peek(parser) != TOK_WORD) {
            unexpected(parser);
            return;
        }
        add_word(parser, &patterns);
    } while (take_token(parser, TOK_PIPE));
    if (!take_token(parser, TOK_CLOSE))
        unexpected(parser);
    skip_newlines(parser);
    if (lexer_peek(parser) != TOK_DOUBLE_SEMI && !at_word(parser, "esac"))
        item->body = parse_compound_list(parser);
    **tail = item;
    *tail = &item->next;
}

static struct node *parse_case(struct parser *parser) {
    struct node *node = new_node(parser, NODE_CASE);
    struct word **subject = &node->words;
    struct case_item **items = &node->items;

    if (lexer_peek(parser) != TOK_WORD) {
        unexpected(parser);
        return NULL;
    }
    add_word(parser, &subject);
    skip_newlines(parser);
    expect_word(parser, "in");
    skip_newlines(parser);
    while (!parser->failed && !take_word(parser, "esac")) {
        parse_case_item(parser, &items);
        if (!take_token(parser, TOK_DOUBLE_SEMI)) {
            expect_word(parser, "esac");
            break;
        }
        skip_newlines(parser);
    }
    return node;
}

/* Words that end a list, and so cannot start a command. */
static bool at_closing_word(struct parser *parser) {
    static const char *const closing[] = {"then", "else", "elif", "fi", "do", "done", "esac", "}"};

    for (size_t i = 0; i < sizeof(closing) / sizeof(closing[0]); i++) {
        if (at_word(parser, closing[i]))
            return true;
    }
    return false;
}

/* A compound command by its first word, or NULL when the word is an ordinary one. */
static struct node *parse_compound(struct parser *parser) {
    struct node *node = NULL;

    if (take_token(parser, TOK_OPEN)) {
        node = new_pair(parser, NODE_SUBSHELL, parse_compound_list(parser), NULL);
        if (!take_token(parser, TOK_CLOSE))
            unexpected(parser);
    } else if (take_word(parser, "{")) {
        node = new_pair(parser, NODE_GROUP, parse_compound_list(parser), NULL);
        expect_word(parser, "}");
    } else if (take_word(parser, "if")) {
        node = parse_if(parser);
    } else if (take_word(parser, "while")) {
        node = parse_loop(parser, NODE_WHILE);
    } else if (take_word(parser, "until")) {
        node = parse_loop(parser, NODE_UNTIL);
    } else if (take_word(parser, "for")) {
        node = parse_for(parser);
    } else if (take_word(parser, "case")) {
        node = parse_case(parser);
    }
    return node;
}

static struct node *parse_command(struct parser *parser) {
    size_t start;
    struct node *node;
    struct redir **redirs;

    lexer_peek(parser);
    start = parser->token_start;
    if (at_closing_word(parser)) {
        unexpected(parser);
        return NULL;
    }
    node = parse_compound(parser);
    if (!node && !parser->failed)
        node = parse_simple(parser);
    if (!node || parser->failed)
        return NULL;
    if (node->type != NODE_SIMPLE && node->type != NODE_FUNCTION) {
        redirs = &node->redirs;
        while (at_redirection(parser))
            parse_redirection(parser, &redirs);
    }
    node->text = text_since(parser, start);
    return node;
}

static struct node *parse_pipeline(struct parser *parser) {
    struct node *first, *pipe;
    struct node **tail;
    size_t start;

    if (take_word(parser, "!"))
        return new_pair(parser, NODE_NOT, parse_pipeline(parser), NULL);
    lexer_peek(parser);
    start = parser->token_start;
    first = parse_command(parser);
    if (!first || lexer_peek(parser) != TOK_PIPE)
        return first;
    pipe = new_node(parser, NODE_PIPE);
    pipe->list = first;
    tail = &first->next;
    while (take_token(parser, TOK_PIPE)) {
        skip_newlines(parser);
        *tail = parse_command(parser);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    }
    pipe->text = text_since(parser, start);
    return pipe;
}

static struct node *parse_and_or(struct parser *parser) {
    size_t start;
    struct node *left;

    lexer_peek(parser);
    start = parser->token_start;
    left = parse_pipeline(parser);
    while (!parser->failed) {
        enum node_type type;

        if (take_token(parser, TOK_AND_IF))
            type = NODE_AND;
        else if (take_token(parser, TOK_OR_IF))
            type = NODE_OR;
        else
            break;
        skip_newlines(parser);
        left = new_pair(parser, type, left, parse_pipeline(parser));
        left->text = text_since(parser, start);
    }
    return left;
}

/* One and-or list with its separator; `more` says whether another may follow. */
static struct node *parse_list_item(struct parser *parser, bool *more) {
    struct node *node = parse_and_or(parser);

    *more = true;
    if (take_token(parser, TOK_AMP)) {
        struct node *background = new_pair(parser, NODE_BACKGROUND, node, NULL);

        background->text = node ? node->text : NULL;
        return background;
    }
    if (!take_token(parser, TOK_SEMI))
        *more = false;
    return node;
}

/* Commands up to a closing word or token, at least one. */
static struct node *parse_compound_list(struct parser *parser) {
    struct node *list = NULL;

    skip_newlines(parser);
    do {
        bool more;
        struct node *item = parse_list_item(parser, &more);

        list = list ? new_pair(parser, NODE_SEQUENCE, list, item) : item;
        if (lexer_peek(parser) != TOK_NEWLINE && !more)
            break;
        skip_newlines(parser);
    } while (!parser->failed && !at_closing_word(parser) && lexer_peek(parser) != TOK_CLOSE &&
             lexer_peek(parser) != TOK_DOUBLE_SEMI && lexer_peek(parser) != TOK_END);
    return list;
}

/*
 * One complete command: what stands up to the end of a line. NULL for an empty line, at the end of
 * the input (`end` set) and after an error (`failed` set).
 */
struct node *parse_line(struct parser *parser, bool *end) {
    struct node *list = NULL;
    bool more = true;

    *end = false;
    if (lexer_peek(parser) == TOK_END) {
        *end = !parser->failed;
        return NULL;
    }
    if (take_token(parser, TOK_NEWLINE))
        return NULL;
    parser->source->continuing = true;
    while (more && !parser->failed) {
        struct node *item = parse_list_item(parser, &more);

        list = list ? new_pair(parser, NODE_SEQUENCE, list, item) : item;
        if (lexer_peek(parser) == TOK_NEWLINE || lexer_peek(parser) == TOK_END)
            break;
        if (!more)
            unexpected(parser);
    }
    if (lexer_peek(parser) == TOK_NEWLINE)
        lexer_skip(parser);
    return parser->failed ? NULL : list;
}

/* After "$(": the commands up to the closing parenthesis, which is taken too. NULL when empty. */
struct node *parse_substitution(struct parser *parser) {
    struct node *list = NULL;

    skip_newlines(parser);
    if (lexer_peek(parser) != TOK_CLOSE)
        list = parse_compound_list(parser);
    if (!take_token(parser, TOK_CLOSE))
        unexpected(parser);
    return parser->failed ? NULL : list;
}
