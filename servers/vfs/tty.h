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
/* A new session on the terminal. */
void tty_attach(int pid);
/* The console server was started anew: the session that was the last is on it again. */
void tty_attach_again(void);

#endif
