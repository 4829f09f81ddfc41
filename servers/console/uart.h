/* SPDX-License-Identifier: MIT */
/* The 16550 UART: polled and interrupt-driven byte transfer, no line discipline. */
#ifndef CONSOLE_UART_H
#define CONSOLE_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets up the device whose registers are mapped at `base`: FIFOs on, receive interrupt on. */
void uart_init(volatile uint8_t *base);
/* The next received byte, or -1. */
int uart_receive(void);
/* Sends as many bytes as the device takes at once; returns how many. */
size_t uart_send(const uint8_t *bytes, size_t count);
/* Asks for an interrupt when something has been received (from the start), or the device can send again. */
void uart_want(bool input, bool room);
bool uart_has_room(void);

#endif
