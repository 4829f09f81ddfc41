/* SPDX-License-Identifier: MIT */
/* The console's messages about whose terminal it is; the rules are in job.c. */
#include "console.h"

long console_handle_open(struct request *req, int group, int session, uint32_t flags) {
    if ((flags & CONSOLE_OPEN_OWN) && (session == 0 || console_tty.session != session)) {
        return -ENXIO;
    }
    if ((flags & CONSOLE_OPEN_ACQUIRE) && console_tty.session == 0) {
        tty_acquire(&console_tty, group, session, false);
    }
    console_results_open(&req->msg, console_tty.opened);
    return 0;
}

long console_handle_owner(struct request *req) {
    console_results_owner(&req->msg, console_tty.session, console_tty.foreground);
    return 0;
}

/* Who waits for input may be of the session that has lost the terminal: all try again. */
long console_handle_acquire(struct request *req, int group, int session, int steal) {
    (void)req;
    long error = tty_acquire(&console_tty, group, session, steal);
    console_wake();
    return error;
}

/* Which group was in the foreground is lost: the leader's takes it. */
long console_handle_resume(struct request *req, uint32_t opened, int session) {
    (void)req;
    console_tty.opened = opened;
    console_tty.session = console_tty.foreground = session;
    return 0;
}

long console_handle_set_foreground(struct request *req, int group, int session) {
    (void)req;
    if (session == 0 || console_tty.session != session) {
        return -ENOTTY;
    }
    console_tty.foreground = group;
    return 0;
}

long console_handle_release(struct request *req, int session, int hang_up) {
    (void)req;
    long group = tty_release(&console_tty, session);
    if (group >= 0 && hang_up) {
        tty_hang_up(&console_tty);
        console_pump();
    }
    console_wake();
    return group;
}
