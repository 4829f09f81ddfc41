/* SPDX-License-Identifier: MIT */
/*
 * The terminal line discipline (termios(3)): what lies between a serial line and read and write.
 *
 * Pure state, no driver and no messages: bytes from the line go in by tty_input, bytes for the line
 * come out by tty_output_take, programs' side is tty_read and tty_write. It does not block, does
 * not know processes, and keeps signals for whoever asks with tty_take_signal.
 */
#ifndef CONSOLE_TTY_H
#define CONSOLE_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "termios.h"

#define TTY_INPUT_SIZE 4096 /* one line at most, as Linux's N_TTY_BUF_SIZE */
#define TTY_OUTPUT_SIZE 8192

/* Which settings it begins with: Linux's, ... */
enum tty_start {
    TTY_TERMINAL,
    TTY_RAW_OUTPUT, /* but no output processing, so that what programs write arrives as it is, */
    TTY_PIPE,       /* nor echo, for input that nobody types; */
    TTY_PSEUDO      /* Linux's of a pseudo-terminal, whose window has no size yet */
};

/*
 * Input is a ring of free-running counters: [read, canon) is ready for a reader, [canon, tail) is
 * the line being edited; canon equals tail outside canonical mode. `ends` marks the bytes that end
 * a line; a marked 0 is an end of file, which is not data.
 */
#define TTY_FLUSHED_INPUT 1 /* as TIOCPKT_FLUSHREAD */
#define TTY_FLUSHED_OUTPUT 2

struct tty {
    struct tty_termios termios;
    enum tty_start start;
    struct tty_winsize winsize;
    int32_t foreground; /* process group, 0 = none */
    int32_t session;    /* whose controlling terminal it is, 0 = nobody's */
    uint32_t opened;    /* its present life, which ends with a hang-up */

    uint8_t input[TTY_INPUT_SIZE];
    uint8_t ends[TTY_INPUT_SIZE / 8];
    uint32_t read;
    uint32_t canon;
    uint32_t tail;
    bool literal; /* the next byte is data whatever it is (VLNEXT) */

    uint8_t output[TTY_OUTPUT_SIZE];
    uint32_t out_head;
    uint32_t out_tail;
    bool stopped;         /* output held by VSTOP */
    uint8_t flushed;      /* TTY_FLUSHED_*: since whoever tells the master of it looked last */
    bool closing;         /* the machine stops: output is not held any more */
    uint32_t column;      /* where the cursor is */
    uint32_t line_column; /* where it was when the line being edited began */

    uint32_t signals; /* bit n: signal n is to go to the foreground group */
};

void tty_init(struct tty *tty, enum tty_start start);

/* One byte from the line. */
void tty_input(struct tty *tty, uint8_t byte);
/* Is no byte from the line lost for want of room, or can only the line itself make room, by its end? */
bool tty_takes_input(const struct tty *tty);

/*
 * Up to len bytes for a reader, by the rules of canonical or of raw mode (VMIN; with `enough` it
 * takes what there is). 0 is an end of file. -EAGAIN: nothing yet.
 */
long tty_read(struct tty *tty, uint8_t *buffer, size_t len, bool enough);

/*
 * Raw mode with VTIME: how long a reader may wait for the next byte in milliseconds, 0 = no limit.
 * With VMIN it counts from the first byte on (termios(3)).
 */
uint32_t tty_read_limit_ms(const struct tty *tty);

/* Takes as many bytes as there is room for, processed; -EAGAIN if there is none. */
long tty_write(struct tty *tty, const uint8_t *buffer, size_t len);

/* Up to len bytes that the line is to send. */
size_t tty_output_take(struct tty *tty, uint8_t *buffer, size_t len);
size_t tty_output_pending(const struct tty *tty);

bool tty_can_read(const struct tty *tty);
bool tty_can_write(const struct tty *tty);
size_t tty_readable(const struct tty *tty); /* FIONREAD */

void tty_flush_input(struct tty *tty);
void tty_flush_output(struct tty *tty);
void tty_set_termios(struct tty *tty, const struct tty_termios *termios);
void tty_set_winsize(struct tty *tty, const struct tty_winsize *winsize);

/* The lowest pending signal, cleared, or 0. */
int tty_take_signal(struct tty *tty);

/* Output side, shared with the editor: one byte through output processing, false if no room. */
bool tty_put(struct tty *tty, uint8_t byte);
/* One byte as it is: cursor movement of the editor. */
bool tty_put_plain(struct tty *tty, uint8_t byte);

/* Holds output back, or lets it go. */
void tty_hold_output(struct tty *tty, bool held);
/* The machine stops: nothing holds output back from now on. */
void tty_shut_down(struct tty *tty);

/* A process that uses the terminal, as job control sees it. */
struct tty_user {
    uint32_t opened; /* the terminal's life when it was opened */
    int32_t group;
    int32_t session;
    bool root;
    bool anyway; /* ignores or blocks SIGTTOU */
};

enum tty_use { TTY_READS, TTY_WRITES, TTY_CHANGES };

/*
 * May it? 0, -ERESTART if it is in the background, -EIO if the terminal was hung up or is another
 * session's (job.c; POSIX XBD 11.1.4).
 */
long tty_may(const struct tty *tty, const struct tty_user *user, enum tty_use use);
bool tty_is_controlling(const struct tty *tty, const struct tty_user *user);

/* The terminal becomes a session's; -EPERM if it is another's and is not to be stolen. */
long tty_acquire(struct tty *tty, int32_t group, int32_t session, bool steal);
/* It is nobody's any more: the group that was in the foreground, or -ENOTTY. */
long tty_release(struct tty *tty, int32_t session);
/* What is open is dead, and the next who opens it finds it as it was at first. */
void tty_hang_up(struct tty *tty);

/* Editor of the current line (edit.c). */
void tty_edit(struct tty *tty, uint8_t byte);
void tty_echo(struct tty *tty, uint8_t byte);
void tty_append(struct tty *tty, uint8_t byte, bool end);

static inline bool tty_local(const struct tty *tty, uint32_t flag) {
    return (tty->termios.c_lflag & flag) != 0;
}

#endif
