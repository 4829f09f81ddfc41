/* SPDX-License-Identifier: MIT */
/* Masters of pseudo-terminals (pty(7)): the other end of what a terminal takes as its input and puts out. */
#include "master.h"

enum {
    PACKET_DATA = 0,
    PACKET_STOP = 4,
    PACKET_START = 8,
    PACKET_NO_STOP = 16,
    PACKET_DO_STOP = 32,
};

/* ^S and ^Q stop and start its output: whoever has the master may do that himself, and sooner. */
static bool has_flow(const struct tty *tty) {
    const struct tty_termios *t = &tty->termios;
    return t->c_iflag & TTY_IXON && t->c_cc[TTY_VSTOP] == 023 && t->c_cc[TTY_VSTART] == 021;
}

/* One of two that exclude each other. */
static void note(struct line *line, bool which, uint8_t yes, uint8_t no) {
    line->status = (uint8_t)((line->status & ~(yes | no)) | (which ? yes : no));
}

void master_note(struct line *line) {
    struct tty *tty = &line->tty;
    bool flow = has_flow(tty);
    if (line->packet) {
        line->status |= tty->flushed;
        if (tty->stopped != line->was_stopped) {
            note(line, tty->stopped, PACKET_STOP, PACKET_START);
        }
        if (flow != line->had_flow) {
            note(line, flow, PACKET_DO_STOP, PACKET_NO_STOP);
        }
    }
    tty->flushed = 0;
    line->was_stopped = tty->stopped;
    line->had_flow = flow;
}

void master_set_packet_mode(struct line *line, bool on) {
    master_note(line); /* what was before is not told */
    line->packet = on;
    line->status = 0;
}

/* In packet mode a read gets a byte of status, or the byte PACKET_DATA and data behind it. */
static size_t take(struct line *line, uint8_t *buffer, size_t len) {
    if (!line->packet || len == 0) {
        return tty_output_take(&line->tty, buffer, len);
    }
    if (line->status) {
        buffer[0] = line->status;
        line->status = 0;
        return 1;
    }
    size_t count = tty_output_take(&line->tty, buffer + 1, len - 1);
    buffer[0] = PACKET_DATA;
    return count > 0 ? count + 1 : 0;
}

long master_read(struct line *line, uint8_t *buffer, size_t len) {
    size_t count = take(line, buffer, len);
    if (count > 0 || len == 0) {
        line_changed(line);
        return (long)count;
    }
    if (line_is_closed(line) && tty_output_pending(&line->tty) == 0) {
        return -EIO;
    }
    line->want_output = true;
    return -EAGAIN;
}

#define INPUT_AT_ONCE 256 /* each byte may be echoed, and edit the line */

long master_write(struct line *line, const uint8_t *buffer, size_t len) {
    size_t done = 0;
    len = len < INPUT_AT_ONCE ? len : INPUT_AT_ONCE;
    while (done < len && tty_takes_input(&line->tty)) {
        tty_input(&line->tty, buffer[done++]);
    }
    line_changed(line);
    if (done == 0 && len > 0) {
        line->want_space = true;
        return -EAGAIN;
    }
    return (long)done;
}

long master_poll(struct line *line) {
    const struct tty *tty = &line->tty;
    long bits = line_is_closed(line) ? CONSOLE_HUNG_UP : 0;
    line->want_status = line->packet && !line->status;
    if (line->status) {
        bits |= CONSOLE_CAN_READ | CONSOLE_STATUS;
    } else if (tty_output_pending(tty) && !tty->stopped) {
        bits |= CONSOLE_CAN_READ;
    } else {
        line->want_output = true;
    }
    if (tty_takes_input(tty)) {
        bits |= CONSOLE_CAN_WRITE;
    } else {
        line->want_space = true;
    }
    return bits;
}

long console_handle_create(struct request *req) {
    long error;
    struct line *line = line_create(request_cap(req, 0), &error);
    if (!line) {
        return error;
    }
    request_take_cap(req, 0);
    console_results_create(&req->msg, line_opened(line));
    return 0;
}

long console_handle_destroy(struct request *req, uint64_t opened) {
    (void)req;
    struct line *line = line_of_master(opened);
    if (line) {
        line_abandon(line);
    }
    return 0;
}

long console_handle_forget(struct request *req) {
    (void)req;
    struct line *line = line_any_pseudo();
    if (line) {
        line_abandon(line);
    }
    return line != NULL;
}
