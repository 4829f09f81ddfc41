/* SPDX-License-Identifier: MIT */
/* What the console server's files share: the one terminal, and who waits for it. */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include <lib/server.h>
#include <protocol/console_server.h>

#include "tty.h"

extern struct tty console_tty;

/*
 * Moves output to the device and input from it, as far as both go, and signals those who wait for that.
 * After whatever has made room.
 */
void console_pump(void);
/* The caller got EAGAIN: an event must follow when there is input, or room, or no more output. */
void console_want_input(void);
void console_want_room(void);
void console_want_drained(void);
/* The machine is to stop when all has been sent: the process server and init are told then. */
void console_want_sent(void);
/* Whoever waits in the vfs server is to try again now. */
void console_wake(void);

/* A process as the messages name it. */
struct tty_user console_user(uint32_t opened, int group, int session, uint32_t flags);

#endif
