/* SPDX-License-Identifier: MIT */
/* What the console server's files share: the one terminal, and who waits for it. */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include <lib/server.h>
#include <protocol/console_server.h>

#include "tty.h"

extern struct tty console_tty;

/* Moves output to the device as far as it goes, and signals those who wait for that. */
void console_pump(void);
/* The caller got EAGAIN: an event must follow when there is input, or room, or no more output. */
void console_want_input(void);
void console_want_room(void);
void console_want_drained(void);

#endif
