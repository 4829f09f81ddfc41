/* SPDX-License-Identifier: MIT */
/*
 * Terminal requests (ioctl_tty(2)), with Linux's numbers and structures. Those that make a terminal
 * a session's or move a group to the foreground are not here: they need the table of processes, and
 * the process server says what came of them. Speeds and line settings in c_cflag are kept but change
 * nothing.
 */
#include "console.h"

#include <string.h>

static long set_termios(struct request *req, bool drain, bool flush) {
    struct tty_termios termios;
    long error = request_read_all(req, &termios, sizeof(termios));
    if (error) {
        return error < 0 ? -EFAULT : error;
    }
    if (drain && tty_output_pending(&console_tty) != 0 && !console_tty.stopped) {
        console_want_drained();
        return -EAGAIN;
    }
    if (flush) {
        tty_flush_input(&console_tty);
    }
    tty_set_termios(&console_tty, &termios);
    console_pump();
    return 0;
}

static long set_winsize(struct request *req) {
    struct tty_winsize winsize;
    long error = request_read_all(req, &winsize, sizeof(winsize));
    if (error) {
        return -EFAULT;
    }
    tty_set_winsize(&console_tty, &winsize);
    console_pump();
    return 0;
}

static long give(struct request *req, const void *value, uint64_t len) {
    return request_write_all(req, value, len) ? -EFAULT : 0;
}

static long give_int(struct request *req, int32_t value) {
    return give(req, &value, sizeof(value));
}

static long flush_queue(uint64_t which) {
    if (which > TTY_TCIOFLUSH) {
        return -EINVAL;
    }
    if (which != TTY_TCOFLUSH) {
        tty_flush_input(&console_tty);
    }
    if (which != TTY_TCIFLUSH) {
        tty_flush_output(&console_tty);
    }
    console_pump();
    return 0;
}

/* TCIOFF and TCION send the character that stops or starts the other end of the line. */
static long flow(uint64_t action) {
    switch (action) {
    case TTY_TCOOFF:
    case TTY_TCOON:
        tty_hold_output(&console_tty, action == TTY_TCOOFF);
        break;
    case TTY_TCIOFF:
    case TTY_TCION: {
        uint8_t byte = console_tty.termios.c_cc[action == TTY_TCIOFF ? TTY_VSTOP : TTY_VSTART];
        if (byte != 0 && !tty_put_plain(&console_tty, byte)) {
            return -EAGAIN;
        }
        break;
    }
    default:
        return -EINVAL;
    }
    console_pump();
    return 0;
}

static long wait_sent(void) {
    if (tty_output_pending(&console_tty) == 0) {
        return 0;
    }
    console_want_drained();
    return -EAGAIN;
}

/* Requests that only tell something. */
static long tell(struct request *req, uint32_t request, const struct tty_user *user) {
    bool controlling = tty_is_controlling(&console_tty, user);
    switch (request) {
    case TTY_TCGETS:
        return give(req, &console_tty.termios, sizeof(console_tty.termios));
    case TTY_TIOCGWINSZ:
        return give(req, &console_tty.winsize, sizeof(console_tty.winsize));
    case TTY_TIOCGPGRP:
        return controlling ? give_int(req, console_tty.foreground) : -ENOTTY;
    case TTY_TIOCGSID:
        return controlling ? give_int(req, console_tty.session) : -ENOTTY;
    case TTY_FIONREAD:
        return give_int(req, (int32_t)tty_readable(&console_tty));
    case TTY_TIOCOUTQ:
        return give_int(req, (int32_t)tty_output_pending(&console_tty));
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

static long change(struct request *req, uint32_t request, uint64_t value) {
    switch (request) {
    case TTY_TCSETS:
        return set_termios(req, false, false);
    case TTY_TCSETSW:
        return set_termios(req, true, false);
    case TTY_TCSETSF:
        return set_termios(req, true, true);
    case TTY_TIOCSWINSZ:
        return set_winsize(req);
    case TTY_TCFLSH:
        return flush_queue(value);
    case TTY_TCXONC:
        return flow(value);
    default:
        return wait_sent();
    }
}

long console_handle_ioctl(struct request *req, uint32_t request, uint64_t value, uint32_t opened,
                          int group, int session, uint32_t flags) {
    struct tty_user user = console_user(opened, group, session, flags);
    if (opened != console_tty.opened) {
        return -EIO;
    }
    if (!changes(request)) {
        return tell(req, request, &user);
    }
    /* Linux stops nobody in the background for a new window size. */
    user.anyway = user.anyway || request == TTY_TIOCSWINSZ;
    long error = tty_may(&console_tty, &user, TTY_CHANGES);
    return error ? error : change(req, request, value);
}
