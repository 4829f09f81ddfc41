/* SPDX-License-Identifier: MIT */
/* What the console server's files share: the terminals, and who waits for them. */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include <lib/hash.h>
#include <lib/list.h>
#include <lib/server.h>
#include <protocol/console_server.h>

#include "tty.h"

/*
 * A terminal: the serial line, or a pseudo-terminal (line.c). A pseudo-terminal has its structure in memory that its
 * user pays for. It lives until its master is closed and no session has it any more.
 *
 * Who got EAGAIN is remembered as one flag a reason, because the only callers that wait are the vfs server's, which asks
 * again for all of a terminal's when that is in the list of those woken.
 */
struct line {
    struct hash_node number;  /* its key; the serial line's is 0 */
    struct hash_node session; /* its key is tty.session, if that is not 0 */
    struct list pseudo;       /* in the list of pseudo-terminals whose masters are open */
    struct list woken;        /* in the list of those that the vfs server is to hear of */
    struct list signalling;   /* in the list of those that have signals */
    struct tty tty;
    uint64_t master; /* what its master was opened as: its first life */
    uint64_t memory; /* a pseudo-terminal's, slot; 0: it is the serial line */
    uint32_t slaves; /* how often its slave is open */
    bool was_open;   /* since the master was opened, its slave was */
    bool locked;     /* its slave cannot be opened (unlockpt(3)) */
    bool abandoned;  /* its master is closed */
    bool leaderless; /* which the session's leader is still to be told */
    bool want_input, want_room, want_drained;  /* of the terminal */
    bool want_output, want_space, want_status; /* of the master: bytes to read, room to write */
    bool packet;                /* its reads are told what becomes of the terminal: */
    uint8_t status;             /* TIOCPKT_*, that has not been read */
    bool was_stopped, had_flow; /* when that was looked at last */
};
_Static_assert(sizeof(struct line) <= CONSOLE_MEMORY, "a pseudo-terminal fits in its memory");

extern struct line console_line; /* the serial line */

static inline uint32_t line_number(const struct line *line) {
    return (uint32_t)line->number.key;
}
static inline bool line_is_pseudo(const struct line *line) {
    return line->memory != 0;
}
/* What the server's messages tell its present life by. */
static inline uint64_t line_opened(const struct line *line) {
    return line->number.key << CONSOLE_LIFE_BITS | line->tty.opened;
}
static inline bool line_lives(const struct line *line, uint64_t opened) {
    return line && line_opened(line) == opened;
}

void lines_init(enum tty_start start);
/* NULL: there is no such terminal (any more). */
struct line *line_by_number(uint32_t number);
struct line *line_of(uint64_t opened);
struct line *line_of_master(uint64_t opened);
/* A session's controlling terminal, if its master is open; else NULL. */
struct line *line_of_session(int session);

/* A pseudo-terminal in that memory, of which the capability is kept; NULL and *error. */
struct line *line_create(uint64_t memory, long *error);
/* One whose master is open, or NULL. */
struct line *line_any_pseudo(void);
/* Its master is closed. */
void line_abandon(struct line *line);
/* What can go, goes: to be called after what ends its use. */
void line_check(struct line *line);

/* 0, or -EPERM. */
long line_acquire(struct line *line, int group, int session, bool steal);
/* The session's terminal, whether its master is open or not, is nobody's: the foreground group, or -ENOTTY. */
long line_release(int session, bool hang_up);
/* The serial line's present session and life. */
void line_resume(uint32_t life, int session);

/* Bytes that are still to be sent: what is in a pseudo-terminal has arrived. */
static inline size_t line_unsent(const struct line *line) {
    return line_is_pseudo(line) ? 0 : tty_output_pending(&line->tty);
}
/*
 * Its output is held, and nobody may write: what a pseudo-terminal has been given is with its master already, so that
 * whoever writes waits at once. A device takes on what its ring has room for.
 */
static inline bool line_is_held(const struct line *line) {
    return line_is_pseudo(line) && line->tty.stopped;
}
static inline bool line_can_write(const struct line *line) {
    return !line_is_held(line) && tty_can_write(&line->tty);
}
/* Nobody has the slave open who had: the master reads EIO. */
static inline bool line_is_closed(const struct line *line) {
    return line->was_open && line->slaves == 0;
}

/* After whatever has changed it: moves bytes as far as they go, and signals those who wait. */
void line_changed(struct line *line);
/* The latter alone. */
void line_notice(struct line *line);
/* Whoever waits in the vfs server for it is to try again now. */
void line_wake(struct line *line);
/* The next that was woken, or that has signals: out of its list; NULL. */
struct line *line_take_woken(void);
struct line *line_take_signalling(void);

/* The serial line's device: main.c. Moves output to it and input from it, as far as both go. */
void console_pump(void);
/* The machine is to stop when all has been sent: the process server and init are told then. */
void console_want_sent(void);
void console_tell_vfs(void);
void console_tell_proc(void);

/* A process as the messages name it. */
struct tty_user console_user(uint64_t opened, int group, int session, uint32_t flags);

#endif
