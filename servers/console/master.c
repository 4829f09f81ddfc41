/* SPDX-License-Identifier: MIT */
/* Masters of pseudo-terminals (pty(7)): the other end of what a terminal takes as its input and puts out. */
#include "master.h"

long master_read(struct line *line, uint8_t *buffer, size_t len) {
    size_t count = tty_output_take(&line->tty, buffer, len);
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
    if (tty_output_pending(tty) && !tty->stopped) {
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
