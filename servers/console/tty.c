/* SPDX-License-Identifier: MIT */
/*
 * Line discipline: input processing, readers and writers, settings (termios(3)).
 *
 * Invariants: read <= canon <= tail <= read + TTY_INPUT_SIZE as free-running counters; ring sizes
 * are powers of two. Echo that finds no room is dropped, never waited for. Editing of the current
 * line is in edit.c.
 */
#include "tty.h"

#include <string.h>

#include <parley/errno.h>

#define SIGINT 2
#define SIGQUIT 3
#define SIGTSTP 20
#define SIGWINCH 28
#define DISABLED 0 /* _POSIX_VDISABLE */

static void init_termios(struct tty *tty, enum tty_start start) {
    static const uint8_t characters[TTY_NCCS] = {
        [TTY_VINTR] = 003, [TTY_VQUIT] = 034,    [TTY_VERASE] = 0177, [TTY_VKILL] = 025,
        [TTY_VEOF] = 004,  [TTY_VMIN] = 1,       [TTY_VSTART] = 021,  [TTY_VSTOP] = 023,
        [TTY_VSUSP] = 032, [TTY_VREPRINT] = 022, [TTY_VWERASE] = 027, [TTY_VLNEXT] = 026,
    };
    tty->termios.c_iflag = TTY_ICRNL | TTY_IXON | TTY_IUTF8;
    tty->termios.c_oflag = start == TTY_TERMINAL || start == TTY_PSEUDO ? TTY_OPOST | TTY_ONLCR : 0;
    tty->termios.c_cflag = TTY_CFLAG_DEFAULT;
    tty->termios.c_lflag = TTY_ISIG | TTY_ICANON | TTY_ECHO | TTY_ECHOE | TTY_ECHOK | TTY_ECHOCTL |
                           TTY_ECHOKE | TTY_IEXTEN;
    if (start == TTY_PSEUDO)
        tty->termios.c_iflag &= ~(uint32_t)TTY_IUTF8;
    if (start == TTY_PIPE)
        tty->termios.c_lflag &= ~(uint32_t)TTY_ECHO;
    memcpy(tty->termios.c_cc, characters, sizeof(characters));
}

void tty_init(struct tty *tty, enum tty_start start) {
    memset(tty, 0, sizeof(*tty));
    tty->start = start;
    init_termios(tty, start);
    if (start != TTY_PSEUDO) {
        tty->winsize.ws_row = 24;
        tty->winsize.ws_col = 80;
    }
}

static bool is_end(const struct tty *tty, uint32_t at) {
    uint32_t slot = at % TTY_INPUT_SIZE;
    return (tty->ends[slot / 8] >> (slot % 8) & 1) != 0;
}

void tty_append(struct tty *tty, uint8_t byte, bool end) {
    uint32_t slot = tty->tail % TTY_INPUT_SIZE;
    uint8_t mask = (uint8_t)(1u << (slot % 8));

    tty->input[slot] = byte;
    tty->ends[slot / 8] = (uint8_t)(end ? tty->ends[slot / 8] | mask : tty->ends[slot / 8] & ~mask);
    tty->tail++;
    if (end || !tty_local(tty, TTY_ICANON)) {
        tty->canon = tty->tail;
    }
}

static int signal_of(const struct tty *tty, uint8_t byte) {
    const uint8_t *cc = tty->termios.c_cc;
    if (!tty_local(tty, TTY_ISIG) || byte == DISABLED) {
        return 0;
    }
    return byte == cc[TTY_VINTR]   ? SIGINT
           : byte == cc[TTY_VQUIT] ? SIGQUIT
           : byte == cc[TTY_VSUSP] ? SIGTSTP
                                   : 0;
}

static void input_signal(struct tty *tty, uint8_t byte, int number) {
    if (!tty_local(tty, TTY_NOFLSH)) {
        tty_flush_input(tty);
        tty_flush_output(tty);
    }
    tty_echo(tty, byte);
    tty_hold_output(tty, false);
    tty->signals |= 1u << number;
}

/* VSTART and VSTOP; true if the byte was one of them. */
static bool input_flow(struct tty *tty, uint8_t byte) {
    const uint8_t *cc = tty->termios.c_cc;
    if (!(tty->termios.c_iflag & TTY_IXON) || byte == DISABLED) {
        return false;
    }
    if (byte == cc[TTY_VSTOP]) {
        tty_hold_output(tty, true);
        return true;
    }
    if (byte == cc[TTY_VSTART]) {
        tty_hold_output(tty, false);
        return true;
    }
    if (tty->stopped && (tty->termios.c_iflag & TTY_IXANY)) {
        tty_hold_output(tty, false);
    }
    return false;
}

/* The input modes that change a byte; -1 drops it. */
static int input_map(const struct tty *tty, uint8_t byte) {
    uint32_t iflag = tty->termios.c_iflag;
    if (iflag & TTY_ISTRIP) {
        byte &= 0x7f;
    }
    if (byte == '\r') {
        return iflag & TTY_IGNCR ? -1 : iflag & TTY_ICRNL ? '\n' : '\r';
    }
    return byte == '\n' && (iflag & TTY_INLCR) ? '\r' : byte;
}

/* Raw mode: the byte is ready at once; a full ring drops it. */
static void input_raw(struct tty *tty, uint8_t byte) {
    if (tty->tail - tty->read == TTY_INPUT_SIZE) {
        return;
    }
    tty_echo(tty, byte);
    tty_append(tty, byte, false);
}

bool tty_takes_input(const struct tty *tty) {
    return tty->tail - tty->read < TTY_INPUT_SIZE - 1 || tty->canon == tty->read;
}

void tty_input(struct tty *tty, uint8_t byte) {
    if (tty->literal) {
        tty->literal = false;
        if (tty->tail - tty->read < TTY_INPUT_SIZE - 1) {
            tty_echo(tty, byte);
            tty_append(tty, byte, false);
        }
        return;
    }
    int mapped = input_map(tty, byte);
    if (mapped < 0) {
        return;
    }
    byte = (uint8_t)mapped;
    if (input_flow(tty, byte)) {
        return;
    }
    int number = signal_of(tty, byte);
    if (number) {
        input_signal(tty, byte, number);
    } else if (tty_local(tty, TTY_ICANON)) {
        tty_edit(tty, byte);
    } else {
        input_raw(tty, byte);
    }
}

static long read_line(struct tty *tty, uint8_t *buffer, size_t len) {
    size_t done = 0;
    while (done < len && tty->read != tty->canon) {
        uint8_t byte = tty->input[tty->read % TTY_INPUT_SIZE];
        bool end = is_end(tty, tty->read);
        tty->read++;
        if (!end || byte != 0) {
            buffer[done++] = byte;
        }
        if (end) {
            break;
        }
    }
    /* An end of file right behind a full buffer belongs to this read, not to the next one. */
    if (done == len && done > 0 && tty->read != tty->canon && is_end(tty, tty->read) &&
        tty->input[tty->read % TTY_INPUT_SIZE] == 0 && !is_end(tty, tty->read - 1)) {
        tty->read++;
    }
    return (long)done;
}

/* Bytes that a reader in raw mode with room for len waits for. */
static size_t raw_least(const struct tty *tty, size_t len) {
    size_t least = tty->termios.c_cc[TTY_VMIN];
    if (least == 0) {
        return tty->termios.c_cc[TTY_VTIME] != 0;
    }
    return least < len ? least : len;
}

static long read_raw(struct tty *tty, uint8_t *buffer, size_t len, bool enough) {
    size_t ready = tty->canon - tty->read;
    size_t done = 0;
    if (ready < raw_least(tty, len) && !(enough && ready > 0)) {
        return -EAGAIN;
    }
    while (done < len && tty->read != tty->canon) {
        buffer[done++] = tty->input[tty->read++ % TTY_INPUT_SIZE];
    }
    return (long)done;
}

long tty_read(struct tty *tty, uint8_t *buffer, size_t len, bool enough) {
    if (len == 0) {
        return 0;
    }
    if (!tty_local(tty, TTY_ICANON)) {
        return read_raw(tty, buffer, len, enough);
    }
    return tty_can_read(tty) ? read_line(tty, buffer, len) : -EAGAIN;
}

uint32_t tty_read_limit_ms(const struct tty *tty) {
    const uint8_t *cc = tty->termios.c_cc;
    bool counts = cc[TTY_VMIN] == 0 || tty->canon != tty->read;
    return !tty_local(tty, TTY_ICANON) && counts ? cc[TTY_VTIME] * 100u : 0;
}

bool tty_can_read(const struct tty *tty) {
    uint32_t ready = tty->canon - tty->read;
    uint32_t least = 1;
    if (!tty_local(tty, TTY_ICANON) && tty->termios.c_cc[TTY_VTIME] == 0 &&
        tty->termios.c_cc[TTY_VMIN] > 1) {
        least = tty->termios.c_cc[TTY_VMIN];
    }
    return ready >= least;
}

size_t tty_readable(const struct tty *tty) {
    size_t ready = 0;
    for (uint32_t at = tty->read; at != tty->canon; at++) {
        ready += !(is_end(tty, at) && tty->input[at % TTY_INPUT_SIZE] == 0);
    }
    return ready;
}

void tty_flush_input(struct tty *tty) {
    tty->read = tty->canon = tty->tail;
    tty->literal = false;
    tty->flushed |= TTY_FLUSHED_INPUT;
}

/* What leaves canonical mode unfinished becomes readable, what enters it becomes a finished line.
 */
void tty_set_termios(struct tty *tty, const struct tty_termios *termios) {
    tty->termios = *termios;
    tty->literal = false;
    if (!tty_local(tty, TTY_ICANON)) {
        memset(tty->ends, 0, sizeof(tty->ends));
    }
    tty->canon = tty->tail;
    if (!(termios->c_iflag & TTY_IXON)) {
        tty_hold_output(tty, false);
    }
}

void tty_hang_up(struct tty *tty) {
    struct tty fresh = {0};
    init_termios(&fresh, tty->start);
    tty_set_termios(tty, &fresh.termios);
    tty_hold_output(tty, false);
    tty->signals = 0;
    tty->opened++;
}

void tty_set_winsize(struct tty *tty, const struct tty_winsize *winsize) {
    if (memcmp(&tty->winsize, winsize, sizeof(*winsize)) != 0) {
        tty->winsize = *winsize;
        tty->signals |= 1u << SIGWINCH;
    }
}

int tty_take_signal(struct tty *tty) {
    if (tty->signals == 0) {
        return 0;
    }
    int number = __builtin_ctz(tty->signals);
    tty->signals &= tty->signals - 1;
    return number;
}
