/* SPDX-License-Identifier: MIT */
/*
 * The console server: UART driver and terminals for programs (protocols/console.toml).
 *
 * Bytes of the serial line move only in console_pump and take_input; both run in bounded time because rings
 * and FIFOs are bounded. Nothing here waits.
 */
#include "console.h"

#include "uart.h"

#include <string.h>

#define EVENT_UART (1ull << 0)
#define UART_LENGTH 4096
#define INPUT_AT_ONCE 256 /* bytes; the device interrupts again for what is left */

static uint64_t uart_irq;
static uint64_t vfs_events;
static uint64_t proc_events;
static uint64_t init_events;
static bool want_sent;

/* Beside a native program there are no servers to tell. */
static void tell(uint64_t events, uint64_t bits) {
    if (events) {
        must(pk_notify(events, bits));
    }
}

void console_want_sent(void) {
    want_sent = true;
}

void console_tell_vfs(void) {
    tell(vfs_events, CONSOLE_EVENT_VFS);
}

void console_tell_proc(void) {
    tell(proc_events, CONSOLE_EVENT_PROC);
}

static void tell_sent(void) {
    if (want_sent && line_unsent(&console_line) == 0) {
        want_sent = false;
        tell(proc_events, CONSOLE_EVENT_SENT);
        tell(init_events, CONSOLE_EVENT_SENT);
    }
}

/* What finds no room waits in the device, and in the end at whoever sends it, until somebody reads. */
static void take_input(void) {
    for (int n = 0; n < INPUT_AT_ONCE && tty_takes_input(&console_line.tty); n++) {
        int byte = uart_receive();
        if (byte < 0) {
            break;
        }
        tty_input(&console_line.tty, (uint8_t)byte);
    }
}

void console_pump(void) {
    uint8_t bytes[16];
    take_input();
    while (tty_output_pending(&console_line.tty) != 0 && uart_has_room()) {
        size_t count = tty_output_take(&console_line.tty, bytes, sizeof(bytes));
        if (count == 0) {
            break;
        }
        uart_send(bytes, count);
    }
    uart_want(tty_takes_input(&console_line.tty),
              tty_output_pending(&console_line.tty) != 0 && !console_line.tty.stopped);
    line_notice(&console_line);
    tell_sent();
}

static void on_events(uint64_t bits) {
    if (bits & EVENT_UART) {
        console_pump();
        must(pk_irq_ack(uart_irq));
    }
}

static void start_uart(void) {
    long base = pk_map(0, 0, UART_LENGTH, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED,
                       boot_cap("uart"), 0, 0);
    if (base < 0) {
        server_panic("cannot map the UART: %ld", base);
    }
    uart_init((volatile uint8_t *)base);
    uart_irq = boot_cap("uart-irq");
    long error = pk_irq_bind(uart_irq, PK_SLOT_SERVER_EVENTS, EVENT_UART);
    if (error < 0) {
        server_panic("cannot have the UART's interrupt: %ld", error);
    }
    must(pk_irq_ack(uart_irq));
}

/* console=raw and console=pipe of the kernel's command line. */
static enum tty_start start_option(void) {
    char option[8] = "";
    long length = command_line_get("console", option, sizeof(option));
    if (length == 3 && !memcmp(option, "raw", 3)) {
        return TTY_RAW_OUTPUT;
    }
    return length == 4 && !memcmp(option, "pipe", 4) ? TTY_PIPE : TTY_TERMINAL;
}

int main(void) {
    static const struct server server = {
        .name = "console",
        .protocol = &console_protocol,
        .on_events = on_events,
    };
    vfs_events = boot_cap("events:vfs");
    proc_events = boot_cap("events:proc");
    init_events = boot_cap("events:init");
    lines_init(start_option());
    start_uart();
    if (boot_info->restarts) {
        tell(vfs_events, CONSOLE_EVENT_NEW);
    }
    return (int)server_run(&server);
}
