/* SPDX-License-Identifier: MIT */
/*
 * The console server: UART driver and terminal for programs (protocols/console.toml).
 *
 * Bytes move only in console_pump and take_input; both run in bounded time because rings and FIFOs
 * are bounded. Nothing here waits: who gets EAGAIN is remembered as one flag a reason, because the
 * only callers that wait are the vfs server's, which asks again for all of them at an event.
 */
#include "console.h"

#include "uart.h"

#include <string.h>

#define EVENT_UART (1ull << 0)
#define UART_LENGTH 4096
#define INPUT_AT_ONCE 256 /* bytes; the device interrupts again for what is left */

struct tty console_tty;

static uint64_t uart_irq;
static uint64_t vfs_events;
static uint64_t proc_events;
static uint64_t init_events;
static bool want_input;
static bool want_room;
static bool want_drained;
static bool want_sent;

/* Beside a native program there are no servers to tell. */
static void tell(uint64_t events, uint64_t bits) {
    if (events) {
        must(pk_notify(events, bits));
    }
}

void console_want_input(void) {
    want_input = true;
}

void console_want_room(void) {
    want_room = true;
}

void console_want_drained(void) {
    want_drained = true;
}

void console_want_sent(void) {
    want_sent = true;
}

void console_wake(void) {
    want_input = want_room = want_drained = false;
    tell(vfs_events, CONSOLE_EVENT_VFS);
}

static void tell_sent(void) {
    if (want_sent && tty_output_pending(&console_tty) == 0) {
        want_sent = false;
        tell(proc_events, CONSOLE_EVENT_SENT);
        tell(init_events, CONSOLE_EVENT_SENT);
    }
}

/* Signals the vfs server's events once for all that has become possible. */
static void tell_vfs(void) {
    bool input = want_input && console_tty.canon != console_tty.read; /* perhaps enough */
    bool room = want_room && tty_can_write(&console_tty);
    bool drained = want_drained && tty_output_pending(&console_tty) == 0;

    if (input || room || drained) {
        want_input = want_input && !input;
        want_room = want_room && !room;
        want_drained = want_drained && !drained;
        tell(vfs_events, CONSOLE_EVENT_VFS);
    }
}

/* What finds no room waits in the device, and in the end at whoever sends it, until somebody reads. */
static void take_input(void) {
    for (int n = 0; n < INPUT_AT_ONCE && tty_takes_input(&console_tty); n++) {
        int byte = uart_receive();
        if (byte < 0) {
            break;
        }
        tty_input(&console_tty, (uint8_t)byte);
    }
}

void console_pump(void) {
    uint8_t bytes[16];
    take_input();
    while (tty_output_pending(&console_tty) != 0 && uart_has_room()) {
        size_t count = tty_output_take(&console_tty, bytes, sizeof(bytes));
        if (count == 0) {
            break;
        }
        uart_send(bytes, count);
    }
    uart_want(tty_takes_input(&console_tty),
              tty_output_pending(&console_tty) != 0 && !console_tty.stopped);
    tell_vfs();
    tell_sent();
    if (console_tty.signals != 0) {
        tell(proc_events, CONSOLE_EVENT_PROC);
    }
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
    tty_init(&console_tty, start_option());
    start_uart();
    if (boot_info->restarts) {
        tell(vfs_events, CONSOLE_EVENT_NEW);
    }
    return (int)server_run(&server);
}
