/* SPDX-License-Identifier: MIT */
/*
 * Redirections (POSIX XCU 2.7): done in order, each remembering what it replaced so that a
 * built-in's can be undone. The shell's own descriptors live at 10 and above.
 */
#include "sh.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_PRIVATE_FD 10

/* Move a descriptor out of the way of the script's own, closed on exec. */
int move_fd_high(int fd) {
    int high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD);

    if (high >= 0)
        close(fd);
    return high;
}

static void save_fd(struct saved_fd **saved, int fd) {
    struct saved_fd *entry;

    if (!saved)
        return;
    for (entry = *saved; entry; entry = entry->next) {
        if (entry->fd == fd)
            return;
    }
    entry = xmalloc(sizeof(*entry));
    entry->next = *saved;
    entry->fd = fd;
    entry->copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD);
    *saved = entry;
}

void redirect_undo(struct saved_fd *saved) {
    while (saved) {
        struct saved_fd *next = saved->next;

        if (saved->copy >= 0) {
            dup2(saved->copy, saved->fd);
            close(saved->copy);
        } else {
            close(saved->fd);
        }
        free(saved);
        saved = next;
    }
}

static void write_all(int fd, const char *text, size_t len) {
    while (len > 0) {
        ssize_t put = write(fd, text, len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return; /* the reader did not want it all */
        text += put;
        len -= (size_t)put;
    }
}

/* A descriptor from which the text can be read: a pipe, filled by a child if it may not fit. */
static int open_heredoc(const struct redir *redir) {
    const char *text = redir->literal ? redir->body : expand_heredoc(redir->body);
    int ends[2];
    size_t len;

    if (!text)
        return -1;
    if (pipe(ends) < 0) {
        sh_error("Pipe call failed: %s", strerror(errno));
        return -1;
    }
    len = strlen(text);
    if (len <= PIPE_BUF) {
        write_all(ends[1], text, len);
    } else if (job_fork(NULL, false) == 0) {
        close(ends[0]);
        signal(SIGPIPE, SIG_DFL);
        write_all(ends[1], text, len);
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

static int open_target(const struct redir *redir, const char *target) {
    int flags = O_RDONLY;
    int fd;

    if (redir->type == REDIR_OUT)
        flags = O_WRONLY | O_CREAT | O_TRUNC;
    else if (redir->type == REDIR_APPEND)
        flags = O_WRONLY | O_CREAT | O_APPEND;
    else if (redir->type == REDIR_READWRITE)
        flags = O_RDWR | O_CREAT;
    do
        fd = open(target, flags, 0666);
    while (fd < 0 && errno == EINTR && !sh.interrupted);
    if (fd < 0)
        sh_error("cannot %s %s: %s", flags & O_CREAT ? "create" : "open", target, strerror(errno));
    return fd;
}

static bool is_number(const char *text) {
    return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 7;
}

/* "<&N", ">&N", and "-" which closes. */
static bool duplicate(const struct redir *redir, const char *target, struct saved_fd **saved) {
    if (strcmp(target, "-") && !is_number(target)) {
        sh_error("%s: bad file descriptor", target);
        return false;
    }
    save_fd(saved, redir->fd);
    if (!strcmp(target, "-")) {
        close(redir->fd);
        return true;
    }
    if (dup2(atoi(target), redir->fd) < 0) {
        sh_error("%s: %s", target, strerror(errno));
        return false;
    }
    return true;
}

static bool redirect_one(const struct redir *redir, struct saved_fd **saved) {
    const char *target = NULL;
    int fd;

    if (redir->type != REDIR_HERE) {
        target = expand_string(redir->target);
        if (!target)
            return false;
    }
    if (redir->type == REDIR_DUP)
        return duplicate(redir, target, saved);
    fd = redir->type == REDIR_HERE ? open_heredoc(redir) : open_target(redir, target);
    if (fd < 0)
        return false;
    if (fd == redir->fd) {
        /* it was closed before, and must be again */
        if (saved) {
            struct saved_fd *entry = xmalloc(sizeof(*entry));

            *entry = (struct saved_fd){*saved, fd, -1};
            *saved = entry;
        }
        return true;
    }
    save_fd(saved, redir->fd);
    dup2(fd, redir->fd);
    close(fd);
    return true;
}

/*
 * Do all redirections. With `saved`, what they replaced is kept there for redirect_undo(), also
 * after a failure, which has been reported.
 */
bool redirect(const struct redir *redirs, struct saved_fd **saved) {
    for (; redirs; redirs = redirs->next) {
        if (!redirect_one(redirs, saved))
            return false;
    }
    return true;
}
