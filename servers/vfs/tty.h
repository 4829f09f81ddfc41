/* SPDX-License-Identifier: MIT */
/* The terminal as a file: a client of the console server, which never blocks this one. */
#ifndef VFS_TTY_H
#define VFS_TTY_H

#include "file.h"
#include "terminal.h"

/* What an open file has of a terminal. */
struct tty_file {
    struct terminal *terminal;
    uint64_t opened; /* what the console server calls it */
    bool master;     /* of a pseudo-terminal */
};

/* Linux's majors for slaves of pseudo-terminals, which there are eight of; its own, of one, has many more minors. */
#define PTS_MAJOR 136u

extern const struct file_ops tty_ops;
extern const struct file_ops master_ops;

extern uint64_t tty_console; /* the console server */

/* Finds the console server's capability. */
void tty_init(void);
/*
 * A process has opened a terminal's node as `file`: 0, or -ENXIO if it is /dev/tty and there is no
 * controlling terminal. A session leader without one may get it here (open(2), O_NOCTTY).
 */
long tty_open(struct client *client, struct file *file, uint32_t flags);
/* A new session gets the terminal, whose ever it was. */
long tty_attach(const struct context *context, const struct file *file);
/* The console server was started anew: it has the terminal's life and session from here. */
void tty_attach_again(void);
/* From the background, by a process that ignores or blocks SIGTTOU. */
long tty_write_anyway(struct request *req, struct file *file);
long tty_ioctl_anyway(struct request *req, struct file *file, uint32_t request, uint64_t argument);
/* Some of those who wait at that side try again. True: there are more. */
bool tty_retry(struct side *side);
/* Operations that a master has, too. */
long tty_read(struct request *req, struct file *file, int64_t offset);
long tty_write(struct request *req, struct file *file, int64_t offset);
long tty_ioctl(struct request *req, struct file *file, uint32_t request, uint64_t argument);
uint32_t tty_poll(struct file *file);
struct poll_queue *tty_poll_queue(struct file *file);
/* 0, -EIO if it was hung up, -ENOTTY if it is no terminal. */
long tty_check(const struct file *file);

#endif
