/* SPDX-License-Identifier: MIT */
/*
 * The shell's shared declarations: the syntax tree, the shell's state, and each file's functions.
 * A command line passes through the files in this order:
 * source.c (characters), lexer.c (tokens), parser.c (tree), exec.c (running), expand.c (words).
 */
#ifndef SH_H
#define SH_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* ---- memory.c ----------------------------------------------------------------------------- */

struct arena_block;

/* Memory given back all at once: a tree's nodes, or the words of one command's expansion. */
struct arena {
    struct arena_block *blocks;
};

/* A place in an arena; arena_release() frees all that was allocated after it. */
struct arena_mark {
    struct arena_block *block;
    size_t used;
};

/* A growing byte string, always terminated by a zero that `len` does not count. */
struct buffer {
    char *text;
    size_t len, cap;
};

void *xmalloc(size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
void *arena_alloc(struct arena *arena, size_t size);
char *arena_copy(struct arena *arena, const char *text, size_t len);
struct arena_mark arena_mark(struct arena *arena);
void arena_release(struct arena *arena, struct arena_mark mark);
void buffer_add(struct buffer *buffer, char c);
void buffer_append(struct buffer *buffer, const char *text, size_t len);
void buffer_fill(struct buffer *buffer, char c, size_t len);
void buffer_free(struct buffer *buffer);

/* ---- The syntax tree ---------------------------------------------------------------------- */

enum node_type {
    NODE_SIMPLE,     /* assigns words redirs */
    NODE_PIPE,       /* list: the commands, linked by next */
    NODE_NOT,        /* left */
    NODE_AND,        /* left right */
    NODE_OR,         /* left right */
    NODE_SEQUENCE,   /* left right */
    NODE_BACKGROUND, /* left */
    NODE_SUBSHELL,   /* left redirs */
    NODE_GROUP,      /* left redirs */
    NODE_IF,         /* left (condition) right (then) third (else) redirs */
    NODE_WHILE,      /* left (condition) right (body) redirs */
    NODE_UNTIL,      /* the same */
    NODE_FOR,        /* name words right (body) redirs */
    NODE_CASE,       /* words (the subject) items redirs */
    NODE_FUNCTION,   /* name left (body) */
};

/* A word as it stood in the input, with its quotes and dollars; expand.c gives it its meaning. */
struct word {
    struct word *next;
    char *text;
};

enum redir_type {
    REDIR_IN,        /* <  */
    REDIR_OUT,       /* >  */
    REDIR_APPEND,    /* >> */
    REDIR_READWRITE, /* <> */
    REDIR_DUP,       /* <& and >& */
    REDIR_HERE,      /* << and <<- */
};

struct redir {
    struct redir *next;
    enum redir_type type;
    int fd;
    char *target; /* file name, descriptor or "-"; for a here-document its delimiter */
    char *body;   /* the here-document's text */
    bool literal; /* here-document with a quoted delimiter: no expansion */
    bool strip;   /* <<- : leading tabs go */
};

struct case_item {
    struct case_item *next;
    struct word *patterns;
    struct node *body;
};

struct node {
    enum node_type type;
    struct node *next;
    struct node *left, *right, *third, *list;
    struct word *words, *assigns;
    struct redir *redirs;
    struct case_item *items;
    char *name;
    char *text;   /* the command as typed, for `jobs` */
    bool in_args; /* NODE_FOR without "in": loops over "$@" */
};

/* ---- The shell's state -------------------------------------------------------------------- */

/* Why commands are being left without being run. */
enum unwind {
    UNWIND_NONE,
    UNWIND_BREAK,
    UNWIND_CONTINUE,
    UNWIND_RETURN,
    UNWIND_ERROR, /* an error, or an interrupt, that ends the whole command line */
};

struct shell {
    const char *name;        /* $0 */
    int argc;                /* $# */
    char **argv;             /* $1 ... at argv[0] ... */
    int status;              /* $? */
    int substitution_status; /* of the last $(...), the status of a command of assignments only */
    pid_t pid;               /* $$ */
    pid_t last_background;   /* $! */
    bool interactive;
    bool job_control;
    bool errexit; /* -e */
    bool xtrace;  /* -x */
    bool nounset; /* -u */
    bool noglob;  /* -f */
    bool subshell;
    int no_errexit; /* depth of conditions, where -e does not apply */
    int loop_depth;
    int function_depth; /* functions and dot scripts, which `return` leaves */
    enum unwind unwind;
    int unwind_levels; /* loops still to leave */
    volatile sig_atomic_t interrupted;
    struct arena temp; /* expansion results, released after each command */
};

extern struct shell sh;

/* ---- source.c: where characters come from ------------------------------------------------- */

struct source {
    int fd;            /* -1: only `text` */
    bool prompt;       /* print a prompt before each line */
    bool continuing;   /* inside a command: the prompt is PS2 */
    bool whole_blocks; /* the descriptor is the shell's own: read ahead */
    bool ended;
    size_t pos;
    int line;
    struct buffer data;
};

void source_from_fd(struct source *source, int fd, bool whole_blocks);
void source_from_text(struct source *source, const char *text, size_t len);
void source_free(struct source *source);
void source_discard_read(struct source *source);
int source_peek(struct source *source);
int source_peek_at(struct source *source, size_t ahead);
int source_next(struct source *source);

/* ---- lexer.c ------------------------------------------------------------------------------ */

enum token_type {
    TOK_END,
    TOK_NEWLINE,
    TOK_WORD,
    TOK_IO_NUMBER,
    TOK_AND_IF,
    TOK_OR_IF,
    TOK_DOUBLE_SEMI,
    TOK_PIPE,
    TOK_AMP,
    TOK_SEMI,
    TOK_OPEN,
    TOK_CLOSE,
    TOK_LESS,
    TOK_GREAT,
    TOK_APPEND,
    TOK_HERE,
    TOK_HERE_STRIP,
    TOK_LESS_AMP,
    TOK_GREAT_AMP,
    TOK_LESS_GREAT,
    TOK_CLOBBER,
};

struct parser {
    struct source *source;
    struct arena *arena;
    enum token_type token;
    char *word; /* the text of a TOK_WORD or TOK_IO_NUMBER */
    bool have_token;
    size_t token_start;     /* where in the source the token begins */
    size_t last_end;        /* and where the one before it ended */
    struct redir **pending; /* here-documents whose bodies follow the next newline */
    size_t pending_count, pending_cap;
    bool failed;
    bool keep; /* a function was defined: the arena must live on */
};

enum token_type lexer_peek(struct parser *parser);
void lexer_skip(struct parser *parser);
void lexer_await_heredoc(struct parser *parser, struct redir *redir);
void lexer_error(struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool scan_dollar(struct parser *parser, bool quoted);
bool scan_backquote(struct parser *parser);
bool scan_double_quotes(struct parser *parser);
bool scan_arithmetic(struct source *source);
bool is_name_start(int c);
bool is_name_char(int c);

/* ---- parser.c ----------------------------------------------------------------------------- */

void parser_init(struct parser *parser, struct source *source, struct arena *arena);
void parser_free(struct parser *parser);
struct node *parse_line(struct parser *parser, bool *end);
struct node *parse_substitution(struct parser *parser);

/* ---- expand.c, param.c, split.c, arith.c -------------------------------------------------- */

/* What each character of a word being expanded came from, which decides splitting and globbing. */
enum char_kind {
    KIND_LITERAL,  /* typed without quotes: may be a pattern */
    KIND_QUOTED,   /* stands for itself */
    KIND_EXPANDED, /* from an unquoted expansion: split by IFS, may be a pattern */
    KIND_BREAK,    /* no character: a field ends here ("$@") */
    KIND_EMPTY,    /* no character: quotes stood here, so the field exists */
};

struct expansion {
    struct buffer text;
    struct buffer kinds;
    bool assignment; /* no splitting: tilde after ':' and "$@" joined by blanks */
    bool operand;    /* of ${name:-word}: what is typed there is split, too */
    bool failed;
};

void expansion_add(struct expansion *ex, char c, enum char_kind kind);
void expansion_add_text(struct expansion *ex, const char *text, bool quoted);
void expansion_free(struct expansion *ex);
void expand_word(struct expansion *ex, const char *text);
void expand_operand(struct expansion *ex, const char *text);
void expand_quoted(struct expansion *ex, const char *text, bool heredoc);
void expand_simple_parameter(struct expansion *ex, struct source *source, bool quoted);
void expand_braced_parameter(struct expansion *ex, struct source *source, bool quoted);
char *expand_string(const char *text);
char *expand_assignment(const char *text);
char *expand_heredoc(const char *text);
char *expand_pattern(const char *text);
char **expand_words(const struct word *words, int *count);

/* A growing list of fields, all in the temporary arena save the array itself. */
struct field_list {
    char **fields;
    size_t count, cap;
};

void split_fields(struct field_list *list, const struct expansion *ex);
char *expansion_string(const struct expansion *ex, size_t from, size_t to);
char *expansion_pattern(const struct expansion *ex, size_t from, size_t to);
bool arith_eval(const char *text, long *result);
char *substitute_command(const struct node *node);

/* ---- vars.c ------------------------------------------------------------------------------- */

struct saved_var {
    struct saved_var *next;
    char *name, *value; /* value NULL: was not set */
    bool exported;
};

void vars_init(char **environment);
const char *var_get(const char *name);
bool var_set(const char *name, const char *value);
bool var_unset(const char *name);
void var_export(const char *name);
bool var_set_readonly(const char *name);
void vars_print(const char *prefix, bool exported, bool readonly);
char **vars_environment(void);
void var_save(struct saved_var **list, const char *name);
void vars_restore(struct saved_var *list);

/* ---- exec.c, command.c, functions.c, redir.c ---------------------------------------------- */

enum {
    EXEC_LAST = 1,   /* the process has nothing else to do: an external command needs no fork */
    EXEC_TESTED = 2, /* the status is being tested: -e does not apply */
};

int execute(const struct node *node, int flags);
int execute_simple(const struct node *node, int flags);
int run_source(struct source *source, bool last_may_exec);
int run_text(const char *text);
int run_file(const char *path);
void function_define(const char *name, struct node *body);
const struct node *function_find(const char *name);
void function_unset(const char *name);
int function_call(const struct node *body, int argc, char **argv);
void exec_program(char **argv) __attribute__((noreturn));
char *find_program(const char *name);

struct saved_fd {
    struct saved_fd *next;
    int fd, copy; /* copy -1: was closed */
};

bool redirect(const struct redir *redirs, struct saved_fd **saved);
void redirect_undo(struct saved_fd *saved);
int move_fd_high(int fd);

/* ---- jobs.c ------------------------------------------------------------------------------- */

struct process {
    pid_t pid;
    int status; /* as waitpid() gave it */
    bool done, stopped;
};

struct job {
    struct job *next;
    int number;
    pid_t group; /* 0 without job control */
    char *text;
    struct process *processes;
    size_t count;
    bool background;
    bool reported; /* the user was told of its present state */
};

void jobs_init(void);
struct job *job_new(const char *text);
void job_free(struct job *job);
pid_t job_fork(struct job *job, bool foreground);
int job_wait_foreground(struct job *job);
void job_announce(const struct job *job);
int job_continue(struct job *job, bool foreground);
struct job *job_find(const char *spec);
int job_wait_pid(pid_t pid);
int job_wait_job(struct job *job);
void jobs_wait_all(void);
void jobs_poll(void);
void jobs_report_changes(void);
void jobs_print(bool with_group, bool only_group);
int wait_status_code(int status);

/* ---- trap.c ------------------------------------------------------------------------------- */

void traps_init_interactive(void);
void traps_reset_for_child(void);
void traps_run_pending(void);
int traps_pending(void);
bool traps_any(void);
bool trap_set(int signum, const char *action);
void traps_print(void);
void shell_exit(int status) __attribute__((noreturn));

/* ---- builtins.c and its companions -------------------------------------------------------- */

struct builtin {
    const char *name;
    int (*run)(int argc, char **argv);
    bool special; /* POSIX special built-in: its assignments stay, its errors are fatal */
    const char *arguments, *what; /* for help */
};

const struct builtin *builtin_find(const char *name);
const struct builtin *builtin_number(size_t number); /* in order; NULL behind the last */
void sh_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void sh_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool set_options(int argc, char **argv, int *next);
char *option_letters(void);

int builtin_cd(int argc, char **argv);
int builtin_pwd(int argc, char **argv);
/* builtins_limits.c */
int builtin_ulimit(int argc, char **argv);
int builtin_umask(int argc, char **argv);
int builtin_read(int argc, char **argv);
int builtin_test(int argc, char **argv);
int builtin_set(int argc, char **argv);
int builtin_export(int argc, char **argv);
int builtin_readonly(int argc, char **argv);
int builtin_local(int argc, char **argv);
int builtin_unset(int argc, char **argv);
int builtin_shift(int argc, char **argv);
int builtin_getopts(int argc, char **argv);
int builtin_printf(int argc, char **argv);
int builtin_help(int argc, char **argv);
int builtin_jobs(int argc, char **argv);
int builtin_fg(int argc, char **argv);
int builtin_bg(int argc, char **argv);
int builtin_wait(int argc, char **argv);
int builtin_kill(int argc, char **argv);
int builtin_trap(int argc, char **argv);
void set_positional(int argc, char **argv);
struct saved_var **local_scope(void);
void local_set_scope(struct saved_var **scope);

#endif
