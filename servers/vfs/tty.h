/* SPDX-License-Identifier: MIT */
/* The terminal as a file: a client of the console server, which never blocks this one. */
#ifndef VFS_TTY_H
#define VFS_TTY_H

#include "file.h"

extern const struct file_ops tty_ops;

/* Finds the console server's capability. */
void tty_init(void);
/* The console signalled that something is possible that was not: those who wait try again. */
void tty_retry(void);
/*
 * A process has opened a terminal's node as `file`: 0, or -ENXIO if it is /dev/tty and there is no
 * controlling terminal. A session leader without one may get it here (open(2), O_NOCTTY).
 */
long tty_open(struct client *client, struct file *file, uint32_t flags);
/* A new session gets the terminal, whose ever it was. */
long tty_attach(const struct context *context);
/* The console server was started anew: it has the terminal's life and session from here. */
void tty_attach_again(void);
/* From the background, by a process that ignores or blocks SIGTTOU. */
long tty_write_anyway(struct request *req, struct file *file);
long tty_ioctl_anyway(struct request *req, struct file *file, uint32_t request, uint64_t argument);
/* 0, -EIO if it was hung up, -ENOTTY if it is no terminal. */
long tty_check(const struct file *file);

#endif
