/* SPDX-License-Identifier: MIT */
/*
 * Terminal requests (ioctl_tty(2)), with Linux's numbers and structures. There is one terminal and
 * so one session at a time; speeds and line settings in c_cflag are kept but change nothing.
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
    return 0;
}

static long set_foreground(struct request *req) {
    int32_t group;
    long error = request_read_all(req, &group, sizeof(group));
    if (error) {
        return -EFAULT;
    }
    if (group <= 0) {
        return -EINVAL;
    }
    console_tty.foreground = group;
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
    return 0;
}

static long flow(uint64_t action) {
    if (action > TTY_TCOON) {
        return -EINVAL;
    }
    console_tty.stopped = action == TTY_TCOOFF;
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

long console_handle_ioctl(struct request *req, uint32_t request, uint64_t value, int pid) {
    switch (request) {
    case TTY_TCGETS:
        return give(req, &console_tty.termios, sizeof(console_tty.termios));
    case TTY_TCSETS:
        return set_termios(req, false, false);
    case TTY_TCSETSW:
        return set_termios(req, true, false);
    case TTY_TCSETSF:
        return set_termios(req, true, true);
    case TTY_TIOCGWINSZ:
        return give(req, &console_tty.winsize, sizeof(console_tty.winsize));
    case TTY_TIOCSWINSZ:
        return set_winsize(req);
    case TTY_TIOCGPGRP:
        return give_int(req, console_tty.foreground);
    case TTY_TIOCSPGRP:
        return set_foreground(req);
    case TTY_TIOCGSID:
        return give_int(req, console_tty.session);
    case TTY_TIOCSCTTY:
        console_tty.session = console_tty.foreground = pid;
        return 0;
    case TTY_FIONREAD:
        return give_int(req, (int32_t)tty_readable(&console_tty));
    case TTY_TIOCOUTQ:
        return give_int(req, (int32_t)tty_output_pending(&console_tty));
    case TTY_TCFLSH:
        return flush_queue(value);
    case TTY_TCXONC:
        return flow(value);
    case TTY_TCSBRK:
    case TTY_TCSBRKP:
        return wait_sent();
    default:
        return -ENOTTY;
    }
}
