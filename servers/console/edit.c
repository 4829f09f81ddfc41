/* SPDX-License-Identifier: MIT */
/*
 * Line discipline: canonical-mode editing of the current line, and echo (termios(3)).
 *
 * Works on [canon, tail) only: bytes of finished lines are never changed. One byte of the ring is
 * kept free so that a full line can always be ended. Multi-byte characters are erased whole in
 * IUTF8 mode; every character counts as one column wide.
 */
#include "tty.h"

#define DISABLED 0 /* _POSIX_VDISABLE */

static bool is_control(uint8_t byte) {
    return (byte < ' ' && byte != '\t' && byte != '\n') || byte == 0177;
}

static bool is_continuation(const struct tty *tty, uint8_t byte) {
    return (tty->termios.c_iflag & TTY_IUTF8) && (byte & 0xc0) == 0x80;
}

static uint8_t byte_at(const struct tty *tty, uint32_t at) {
    return tty->input[at % TTY_INPUT_SIZE];
}

/* Echo of one byte by ECHO, ECHONL and ECHOCTL. */
void tty_echo(struct tty *tty, uint8_t byte) {
    if (!tty_local(tty, TTY_ECHO)) {
        if (byte == '\n' && tty_local(tty, TTY_ECHONL) && tty_local(tty, TTY_ICANON)) {
            tty_put(tty, byte);
        }
        return;
    }
    if (is_control(byte) && tty_local(tty, TTY_ECHOCTL)) {
        tty_put(tty, '^');
        tty_put(tty, byte ^ 0100);
    } else {
        tty_put(tty, byte);
    }
}

/* Columns that the echo of a byte takes when it starts in `column`. */
static uint32_t width_of(const struct tty *tty, uint8_t byte, uint32_t column) {
    if (byte == '\t') {
        return 8 - (column & 7);
    }
    if (is_control(byte)) {
        return tty_local(tty, TTY_ECHOCTL) ? 2 : 0;
    }
    return is_continuation(tty, byte) ? 0 : 1;
}

/* The cursor's column before the byte at `at` was echoed. */
static uint32_t column_before(const struct tty *tty, uint32_t at) {
    uint32_t column = tty->line_column;
    for (uint32_t i = tty->canon; i != at; i++) {
        column += width_of(tty, byte_at(tty, i), column);
    }
    return column;
}

/* Take the last character off the line and off the screen. */
static void erase_one(struct tty *tty) {
    uint32_t at = tty->tail;
    do {
        at--;
    } while (at != tty->canon && is_continuation(tty, byte_at(tty, at)));
    uint8_t byte = byte_at(tty, at);
    uint32_t width = width_of(tty, byte, byte == '\t' ? column_before(tty, at) : 0);

    tty->tail = at;
    if (!tty_local(tty, TTY_ECHO)) {
        return;
    }
    if (!tty_local(tty, TTY_ECHOE)) {
        tty_echo(tty, tty->termios.c_cc[TTY_VERASE]);
        return;
    }
    for (uint32_t i = 0; i < width; i++) {
        tty_put_plain(tty, '\b');
        if (byte != '\t') {
            tty_put_plain(tty, ' ');
            tty_put_plain(tty, '\b');
        }
    }
}

static bool is_word(uint8_t byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '_' || byte >= 0x80;
}

static void erase_word(struct tty *tty) {
    while (tty->tail != tty->canon && !is_word(byte_at(tty, tty->tail - 1))) {
        erase_one(tty);
    }
    while (tty->tail != tty->canon && is_word(byte_at(tty, tty->tail - 1))) {
        erase_one(tty);
    }
}

static void kill_line(struct tty *tty) {
    bool visual = tty_local(tty, TTY_ECHOKE) && tty_local(tty, TTY_ECHOE);
    if (tty_local(tty, TTY_ECHO) && !visual) {
        tty->tail = tty->canon;
        tty_echo(tty, tty->termios.c_cc[TTY_VKILL]);
        if (tty_local(tty, TTY_ECHOK)) {
            tty_put(tty, '\n');
        }
        return;
    }
    while (tty->tail != tty->canon) {
        erase_one(tty);
    }
}

static void reprint(struct tty *tty) {
    tty_echo(tty, tty->termios.c_cc[TTY_VREPRINT]);
    tty_put(tty, '\n');
    tty->line_column = tty->column;
    for (uint32_t at = tty->canon; at != tty->tail; at++) {
        tty_echo(tty, byte_at(tty, at));
    }
}

/* The editing characters; true if the byte was one. */
static bool edit_command(struct tty *tty, uint8_t byte) {
    const uint8_t *cc = tty->termios.c_cc;
    bool extended = tty_local(tty, TTY_IEXTEN);
    bool empty = tty->tail == tty->canon;

    if (byte == DISABLED) {
        return false;
    }
    if (byte == cc[TTY_VERASE]) {
        if (!empty) {
            erase_one(tty);
        }
    } else if (byte == cc[TTY_VKILL]) {
        kill_line(tty);
    } else if (extended && byte == cc[TTY_VWERASE]) {
        erase_word(tty);
    } else if (extended && byte == cc[TTY_VREPRINT] && tty_local(tty, TTY_ECHO)) {
        reprint(tty);
    } else if (extended && byte == cc[TTY_VLNEXT]) {
        tty->literal = true;
        if (tty_local(tty, TTY_ECHO) && tty_local(tty, TTY_ECHOCTL)) {
            tty_put_plain(tty, '^');
            tty_put_plain(tty, '\b');
        }
    } else {
        return false;
    }
    return true;
}

/* Does the byte end the line? VEOF does too, but is not part of it. */
static bool ends_line(const struct tty *tty, uint8_t byte) {
    const uint8_t *cc = tty->termios.c_cc;
    return byte == '\n' ||
           (byte != DISABLED &&
            (byte == cc[TTY_VEOL] || (tty_local(tty, TTY_IEXTEN) && byte == cc[TTY_VEOL2])));
}

void tty_edit(struct tty *tty, uint8_t byte) {
    if (tty->tail == tty->canon) {
        tty->line_column = tty->column;
    }
    if (edit_command(tty, byte)) {
        return;
    }
    uint32_t used = tty->tail - tty->read;
    if (byte != DISABLED && byte == tty->termios.c_cc[TTY_VEOF]) {
        if (used < TTY_INPUT_SIZE) {
            tty_append(tty, 0, true);
        }
        return;
    }
    bool end = ends_line(tty, byte);
    if (used >= TTY_INPUT_SIZE - (end ? 0u : 1u)) {
        if (tty->termios.c_iflag & TTY_IMAXBEL) {
            tty_put_plain(tty, '\a');
        }
        return;
    }
    tty_echo(tty, byte);
    tty_append(tty, byte, end);
}
