/* SPDX-License-Identifier: MIT */
/*
 * Driver of the 16550A (National Semiconductor PC16550D data sheet), byte-wide registers one byte
 * apart, as QEMU's virt machine has it. The firmware has set the speed; it is left as it is.
 */
#include "uart.h"

#define RBR 0 /* receive buffer; written: transmit holding register */
#define IER 1 /* interrupt enable */
#define FCR 2 /* FIFO control, written */
#define LCR 3 /* line control */
#define MCR 4 /* modem control */
#define LSR 5 /* line status */

#define IER_RECEIVED 0x01
#define IER_ROOM 0x02
#define FCR_ENABLE 0x01
#define LCR_8N1 0x03
#define MCR_READY 0x0b /* DTR, RTS, and OUT2, which lets interrupts through */
#define LSR_RECEIVED 0x01
#define LSR_ROOM 0x20
#define FIFO_SIZE 16

static volatile uint8_t *uart;
static uint8_t interrupts;

void uart_init(volatile uint8_t *base) {
    uart = base;
    uart[LCR] = LCR_8N1;
    uart[FCR] = FCR_ENABLE;
    uart[MCR] = MCR_READY;
    interrupts = IER_RECEIVED;
    uart[IER] = interrupts;
}

int uart_receive(void) {
    return uart[LSR] & LSR_RECEIVED ? uart[RBR] : -1;
}

bool uart_has_room(void) {
    return (uart[LSR] & LSR_ROOM) != 0;
}

/* LSR_ROOM means that the whole transmit FIFO is empty. */
size_t uart_send(const uint8_t *bytes, size_t count) {
    size_t sent = 0;
    if (count == 0 || !uart_has_room()) {
        return 0;
    }
    while (sent < count && sent < FIFO_SIZE) {
        uart[RBR] = bytes[sent++];
    }
    return sent;
}

void uart_want(bool input, bool room) {
    uint8_t wanted = (uint8_t)((input ? IER_RECEIVED : 0) | (room ? IER_ROOM : 0));
    if (wanted != interrupts) {
        interrupts = wanted;
        uart[IER] = wanted;
    }
}
