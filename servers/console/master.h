/* SPDX-License-Identifier: MIT */
/* Masters of pseudo-terminals. */
#ifndef CONSOLE_MASTER_H
#define CONSOLE_MASTER_H

#include "console.h"

/* What the terminal has put out: bytes; -EAGAIN; -EIO: its slaves are closed, and nothing is left. */
long master_read(struct line *line, uint8_t *buffer, size_t len);
/* The terminal's input: bytes that it took; -EAGAIN. */
long master_write(struct line *line, const uint8_t *buffer, size_t len);
/* What has become of the terminal is kept for reads in packet mode (TIOCPKT of ioctl_tty(2)). */
void master_note(struct line *line);
void master_set_packet_mode(struct line *line, bool on);
/* CONSOLE_CAN_READ, _CAN_WRITE, _HUNG_UP, _STATUS. */
long master_poll(struct line *line);

#endif
