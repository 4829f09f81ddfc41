/* SPDX-License-Identifier: MIT */
/*
 * Terminal requests (ioctl_tty(2)), with Linux's numbers and structures. Those that make a terminal
 * a session's or move a group to the foreground are not here: they need the table of processes, and
 * the process server says what came of them. Speeds and line settings in c_cflag are kept but change
 * nothing.
 */
#include "console.h"
#include "master.h"

#include <string.h>

static long set_termios(struct line *line, const struct request *req, bool drain, bool flush) {
    struct tty_termios termios;
    long error = request_read_all(req, &termios, sizeof(termios));
    if (error) {
        return error < 0 ? -EFAULT : error;
    }
    if (drain && line_unsent(line) != 0 && !line->tty.stopped) {
        line->want_drained = true;
        return -EAGAIN;
    }
    if (flush) {
        tty_flush_input(&line->tty);
    }
    tty_set_termios(&line->tty, &termios);
    line_changed(line);
    return 0;
}

static long set_winsize(struct line *line, const struct request *req) {
    struct tty_winsize winsize;
    long error = request_read_all(req, &winsize, sizeof(winsize));
    if (error) {
        return -EFAULT;
    }
    tty_set_winsize(&line->tty, &winsize);
    line_changed(line);
    return 0;
}

static long give(const struct request *req, const void *value, uint64_t len) {
    return request_write_all(req, value, len) ? -EFAULT : 0;
}

static long give_int(const struct request *req, int32_t value) {
    return give(req, &value, sizeof(value));
}

static long flush_queue(struct line *line, uint64_t which) {
    if (which > TTY_TCIOFLUSH) {
        return -EINVAL;
    }
    if (which != TTY_TCOFLUSH) {
        tty_flush_input(&line->tty);
    }
    if (which != TTY_TCIFLUSH) {
        tty_flush_output(&line->tty);
    }
    line_changed(line);
    return 0;
}

/* TCIOFF and TCION send the character that stops or starts the other end of the line. */
static long flow(struct line *line, uint64_t action) {
    switch (action) {
    case TTY_TCOOFF:
    case TTY_TCOON:
        tty_hold_output(&line->tty, action == TTY_TCOOFF);
        break;
    case TTY_TCIOFF:
    case TTY_TCION: {
        uint8_t byte = line->tty.termios.c_cc[action == TTY_TCIOFF ? TTY_VSTOP : TTY_VSTART];
        if (byte != 0 && !tty_put_plain(&line->tty, byte)) {
            return -EAGAIN;
        }
        break;
    }
    default:
        return -EINVAL;
    }
    line_changed(line);
    return 0;
}

static long wait_sent(struct line *line) {
    if (line_unsent(line) == 0) {
        return 0;
    }
    line->want_drained = true;
    return -EAGAIN;
}

/* Requests that only tell something. */
static long tell(const struct line *line, const struct request *req, uint32_t request,
                 const struct tty_user *user) {
    const struct tty *tty = &line->tty;
    bool controlling = tty_is_controlling(tty, user);
    switch (request) {
    case TTY_TCGETS:
        return give(req, &tty->termios, sizeof(tty->termios));
    case TTY_TIOCGWINSZ:
        return give(req, &tty->winsize, sizeof(tty->winsize));
    case TTY_TIOCGPGRP:
        return controlling ? give_int(req, tty->foreground) : -ENOTTY;
    case TTY_TIOCGSID:
        return controlling ? give_int(req, tty->session) : -ENOTTY;
    case TTY_FIONREAD:
        return give_int(req, (int32_t)tty_readable(tty));
    case TTY_TIOCOUTQ:
        return give_int(req, (int32_t)line_unsent(line));
    default:
        return -ENOTTY;
    }
}

static bool changes(uint32_t request) {
    switch (request) {
    case TTY_TCSETS:
    case TTY_TCSETSW:
    case TTY_TCSETSF:
    case TTY_TIOCSWINSZ:
    case TTY_TCFLSH:
    case TTY_TCXONC:
    case TTY_TCSBRK:
    case TTY_TCSBRKP:
        return true;
    default:
        return false;
    }
}

static long change(struct line *line, const struct request *req, uint32_t request, uint64_t value) {
    switch (request) {
    case TTY_TCSETS:
        return set_termios(line, req, false, false);
    case TTY_TCSETSW:
        return set_termios(line, req, true, false);
    case TTY_TCSETSF:
        return set_termios(line, req, true, true);
    case TTY_TIOCSWINSZ:
        return set_winsize(line, req);
    case TTY_TCFLSH:
        return flush_queue(line, value);
    case TTY_TCXONC:
        return flow(line, value);
    default:
        return wait_sent(line);
    }
}

static long set_lock(struct line *line, const struct request *req) {
    int32_t locked;
    if (request_read_all(req, &locked, sizeof(locked))) {
        return -EFAULT;
    }
    line->locked = locked != 0;
    return 0;
}

static long set_packet_mode(struct line *line, const struct request *req) {
    int32_t on;
    if (request_read_all(req, &on, sizeof(on))) {
        return -EFAULT;
    }
    if (line->packet != (on != 0)) {
        master_set_packet_mode(line, on != 0);
    }
    return 0;
}

/* What is the terminal's input is the master's output. */
static long flush_master(struct line *line, uint64_t which) {
    return flush_queue(line, which == TTY_TCIFLUSH   ? TTY_TCOFLUSH
                             : which == TTY_TCOFLUSH ? TTY_TCIFLUSH
                                                     : which);
}

/* By a master; its settings are its terminal's. */
static long of_master(struct line *line, const struct request *req, uint32_t request,
                      uint64_t value) {
    struct tty_user everybody = {.opened = line->tty.opened, .session = line->tty.session};
    switch (request) {
    case TTY_TIOCGPTN:
        return give_int(req, (int32_t)line_number(line) - 1);
    case TTY_TIOCSPTLCK:
        return set_lock(line, req);
    case TTY_TIOCPKT:
        return set_packet_mode(line, req);
    case TTY_TIOCGPKT:
        return give_int(req, line->packet);
    case TTY_TIOCGPTLCK:
        return give_int(req, line->locked);
    case TTY_FIONREAD:
        return give_int(req, (int32_t)tty_output_pending(&line->tty));
    case TTY_TIOCGPGRP:
        return give_int(req, line->tty.foreground);
    case TTY_TCFLSH:
        return flush_master(line, value);
    case TTY_TCXONC:
        return -ENOTTY;
    default:
        return changes(request) ? change(line, req, request, value)
                                : tell(line, req, request, &everybody);
    }
}

long console_handle_ioctl(struct request *req, uint32_t request, uint64_t value, uint64_t opened,
                          int group, int session, uint32_t flags) {
    struct tty_user user = console_user(opened, group, session, flags);
    struct line *line = flags & CONSOLE_MASTER ? line_of_master(opened) : line_of(opened);
    if (flags & CONSOLE_MASTER) {
        return line ? of_master(line, req, request, value) : -EIO;
    }
    if (!line_lives(line, opened)) {
        return -EIO;
    }
    if (!changes(request)) {
        return tell(line, req, request, &user);
    }
    /* Linux stops nobody in the background for a new window size. */
    user.anyway = user.anyway || request == TTY_TIOCSWINSZ;
    long error = tty_may(&line->tty, &user, TTY_CHANGES);
    return error ? error : change(line, req, request, value);
}
