/* SPDX-License-Identifier: MIT */
/*
 * Line discipline: output processing (termios(3), c_oflag) and the ring towards the line.
 *
 * A byte goes in whole or not at all: a newline that becomes two bytes needs room for both.
 * `column` follows the cursor so that tabs and their erasure come out right.
 */
#include "tty.h"

#include <parley/errno.h>

static size_t room(const struct tty *tty) {
    return TTY_OUTPUT_SIZE - tty_output_pending(tty);
}

static void push(struct tty *tty, uint8_t byte) {
    tty->output[tty->out_tail++ % TTY_OUTPUT_SIZE] = byte;
}

size_t tty_output_pending(const struct tty *tty) {
    return tty->out_tail - tty->out_head;
}

bool tty_can_write(const struct tty *tty) {
    return room(tty) >= TTY_OUTPUT_SIZE / 4;
}

bool tty_put_plain(struct tty *tty, uint8_t byte) {
    if (room(tty) == 0) {
        return false;
    }
    push(tty, byte);
    if (byte == '\b') {
        tty->column -= tty->column > 0;
    } else if (byte >= ' ' && byte != 0177) {
        tty->column++;
    }
    return true;
}

static bool put_newline(struct tty *tty) {
    if (tty->termios.c_oflag & TTY_ONLCR) {
        if (room(tty) < 2) {
            return false;
        }
        push(tty, '\r');
        tty->column = 0;
    } else if (tty->termios.c_oflag & TTY_ONLRET) {
        tty->column = 0;
    }
    push(tty, '\n');
    return true;
}

static bool put_return(struct tty *tty) {
    uint32_t oflag = tty->termios.c_oflag;
    if ((oflag & TTY_ONOCR) && tty->column == 0) {
        return true;
    }
    push(tty, oflag & TTY_OCRNL ? '\n' : '\r');
    if (!(oflag & TTY_OCRNL) || (oflag & TTY_ONLRET)) {
        tty->column = 0;
    }
    return true;
}

static bool put_tab(struct tty *tty) {
    uint32_t width = 8 - (tty->column & 7);
    if ((tty->termios.c_oflag & TTY_XTABS) == TTY_XTABS) {
        if (room(tty) < width) {
            return false;
        }
        for (uint32_t i = 0; i < width; i++) {
            push(tty, ' ');
        }
    } else {
        push(tty, '\t');
    }
    tty->column += width;
    return true;
}

static bool is_continuation(const struct tty *tty, uint8_t byte) {
    return (tty->termios.c_iflag & TTY_IUTF8) && (byte & 0xc0) == 0x80;
}

bool tty_put(struct tty *tty, uint8_t byte) {
    if (room(tty) == 0) {
        return false;
    }
    if (!(tty->termios.c_oflag & TTY_OPOST)) {
        push(tty, byte);
        return true;
    }
    switch (byte) {
    case '\n':
        return put_newline(tty);
    case '\r':
        return put_return(tty);
    case '\t':
        return put_tab(tty);
    case '\b':
        tty->column -= tty->column > 0;
        break;
    default:
        tty->column += byte >= ' ' && byte != 0177 && !is_continuation(tty, byte);
        break;
    }
    push(tty, byte);
    return true;
}

long tty_write(struct tty *tty, const uint8_t *buffer, size_t len) {
    size_t done = 0;
    while (done < len && tty_put(tty, buffer[done])) {
        done++;
    }
    return done == 0 && len > 0 ? -EAGAIN : (long)done;
}

size_t tty_output_take(struct tty *tty, uint8_t *buffer, size_t len) {
    size_t done = 0;
    if (tty->stopped) {
        return 0;
    }
    while (done < len && tty->out_head != tty->out_tail) {
        buffer[done++] = tty->output[tty->out_head++ % TTY_OUTPUT_SIZE];
    }
    return done;
}

void tty_hold_output(struct tty *tty, bool held) {
    tty->stopped = held && !tty->closing;
}

void tty_shut_down(struct tty *tty) {
    tty->closing = true;
    tty_hold_output(tty, false);
}

void tty_flush_output(struct tty *tty) {
    tty->out_head = tty->out_tail;
    tty->flushed |= TTY_FLUSHED_OUTPUT;
}
