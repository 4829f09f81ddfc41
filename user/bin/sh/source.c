/* SPDX-License-Identifier: MIT */
/*
 * Where the shell's characters come from: a terminal, a file, a pipe or a string.
 * All text of the command being read stays in the buffer, so the lexer may look ahead and the
 * parser may quote it. Line editing is the terminal's work, not done here.
 */
#include "sh.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 1024

void source_from_fd(struct source *source, int fd, bool whole_blocks) {
    *source = (struct source){.fd = fd, .whole_blocks = whole_blocks, .line = 1};
}

void source_from_text(struct source *source, const char *text, size_t len) {
    *source = (struct source){.fd = -1, .ended = true, .line = 1};
    buffer_append(&source->data, text, len);
}

void source_free(struct source *source) {
    buffer_free(&source->data);
}

/* Forget the text already read: a new command starts. */
void source_discard_read(struct source *source) {
    size_t rest = source->data.len - source->pos;

    if (source->pos == 0)
        return;
    memmove(source->data.text, source->data.text + source->pos, rest);
    source->data.text[rest] = '\0';
    source->data.len = rest;
    source->pos = 0;
}

static void print_prompt(const struct source *source) {
    const char *prompt = var_get(source->continuing ? "PS2" : "PS1");

    if (!prompt)
        prompt = source->continuing ? "> " : "$ ";
    if (write(1, prompt, strlen(prompt)) < 0)
        return; /* a closed terminal shows itself as the end of input */
}

/* Ctrl-C at the prompt: drop what was typed and start over. */
static void interrupted_at_prompt(struct source *source) {
    if (write(1, "\n", 1) < 0)
        return;
    sh.interrupted = 0;
    sh.status = 128 + SIGINT;
    source->data.len = source->pos = 0;
    if (source->data.text)
        source->data.text[0] = '\0';
}

/*
 * Read more text: a block from the shell's own file, otherwise never beyond the end of the line,
 * since what follows may be the input of the commands (POSIX sh, "INPUT FILES").
 */
static bool source_fill(struct source *source) {
    char chunk[BLOCK];
    bool bytewise = !source->whole_blocks && !source->prompt;
    bool got_any = false;

    if (source->ended)
        return false;
    if (source->prompt)
        print_prompt(source);
    for (;;) {
        ssize_t got = read(source->fd, chunk, bytewise ? 1 : sizeof(chunk));

        if (got < 0 && errno == EINTR) {
            bool interrupted = sh.interrupted;

            traps_run_pending();
            if (source->prompt && interrupted) {
                bool continuing = source->continuing;

                interrupted_at_prompt(source);
                if (continuing) {
                    sh.unwind = UNWIND_ERROR;
                    return false;
                }
                print_prompt(source);
            }
            continue;
        }
        if (got <= 0) {
            source->ended = !source->prompt || got < 0 || !got_any;
            return got_any;
        }
        buffer_append(&source->data, chunk, (size_t)got);
        got_any = true;
        if (!bytewise || chunk[0] == '\n')
            return true;
    }
}

/* The character `ahead` places after the next one, or -1 at the end of the input. */
int source_peek_at(struct source *source, size_t ahead) {
    while (source->pos + ahead >= source->data.len) {
        if (!source_fill(source))
            return -1;
    }
    return (unsigned char)source->data.text[source->pos + ahead];
}

int source_peek(struct source *source) {
    return source_peek_at(source, 0);
}

int source_next(struct source *source) {
    int c = source_peek(source);

    if (c >= 0) {
        source->pos++;
        if (c == '\n')
            source->line++;
    }
    return c;
}
