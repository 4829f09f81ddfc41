/* SPDX-License-Identifier: MIT */
/* The messages about whose terminal it is; the rules are in job.c. */
#include "console.h"

static long may_open(const struct line *line) {
    return !line || line->abandoned || line->locked ? -EIO : 0;
}

long console_handle_open(struct request *req, uint32_t number, int group, int session,
                         uint32_t flags) {
    bool own = flags & CONSOLE_OPEN_OWN;
    struct line *line = own ? line_of_session(session) : line_by_number(number);
    if (own && !line) {
        return -ENXIO;
    }
    long error = may_open(line);
    if (error) {
        return error;
    }
    /* Not if the session has another one, which is no error. */
    if ((flags & CONSOLE_OPEN_ACQUIRE) && line->tty.session == 0) {
        line_acquire(line, group, session, false);
    }
    line->slaves++;
    line->was_open = true;
    console_results_open(&req->msg, line_opened(line));
    return 0;
}

long console_handle_close(struct request *req, uint64_t opened) {
    struct line *line = line_of(opened);
    (void)req;
    if (line_lives(line, opened) && line->slaves > 0) {
        line->slaves--;
        line_changed(line);
    }
    return 0;
}

long console_handle_owner(struct request *req, int session) {
    const struct line *line = line_of_session(session);
    console_results_owner(&req->msg, line ? line->tty.foreground : 0, line ? line_number(line) : 0);
    return line ? 0 : -ENOTTY;
}

/* Who waits for input may be of the session that has lost the terminal: all try again. */
long console_handle_acquire(struct request *req, uint64_t opened, int group, int session,
                            int steal) {
    struct line *line = line_of(opened);
    (void)req;
    if (!line_lives(line, opened)) {
        return -EIO;
    }
    if (session && line->tty.session == session) {
        return 0;
    }
    long error = line_acquire(line, group, session, steal);
    line_wake(line);
    return error;
}

long console_handle_resume(struct request *req, uint64_t opened, int session) {
    (void)req;
    line_resume((uint32_t)opened, session);
    return 0;
}

long console_handle_set_foreground(struct request *req, int group, int session) {
    struct line *line = line_of_session(session);
    (void)req;
    if (!line) {
        return -ENOTTY;
    }
    line->tty.foreground = group;
    return 0;
}

long console_handle_release(struct request *req, int session, int hang_up) {
    (void)req;
    return line_release(session, hang_up);
}
