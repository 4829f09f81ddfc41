/* SPDX-License-Identifier: MIT */
/*
 * The terminal and sessions: whose it is, and what a process may do with it (POSIX XBD 11.1,
 * credentials(7)).
 *
 * A terminal that is no session's is for everybody who could open it. One that is gives its input to
 * the foreground group alone; Linux lets other sessions read it too, which takes every other line from
 * the person who types. Other sessions may write, as a daemon does whose output was not redirected,
 * and change nothing. What becomes of a process in the background the process server decides, who
 * knows how it takes signals: here it is only refused.
 */
#include "tty.h"

#include <parley/errno.h>

bool tty_is_controlling(const struct tty *tty, const struct tty_user *user) {
    return user->opened == tty->opened && tty->session != 0 && tty->session == user->session;
}

long tty_may(const struct tty *tty, const struct tty_user *user, enum tty_use use) {
    if (user->opened != tty->opened) {
        return -EIO;
    }
    if (tty->session == 0) {
        return 0;
    }
    if (tty->session != user->session) {
        return use == TTY_WRITES || (use == TTY_CHANGES && user->root) ? 0 : -EIO;
    }
    if (tty->foreground == user->group || (use == TTY_WRITES && !tty_local(tty, TTY_TOSTOP))) {
        return 0;
    }
    return user->anyway && use != TTY_READS ? 0 : -ERESTART;
}

long tty_acquire(struct tty *tty, int32_t group, int32_t session, bool steal) {
    if (tty->session != 0 && tty->session != session && !steal) {
        return -EPERM;
    }
    tty->session = session;
    tty->foreground = group;
    return 0;
}

long tty_release(struct tty *tty, int32_t session) {
    int32_t group = tty->foreground;
    if (session == 0 || tty->session != session) {
        return -ENOTTY;
    }
    tty->session = 0;
    tty->foreground = 0;
    return group;
}
