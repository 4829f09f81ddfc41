/* SPDX-License-Identifier: MIT */
/* The console's messages: reading, writing, waiting, signals, sessions. Requests are in ioctl.c. */
#include "console.h"

#include <stdio.h>

#define CHUNK 4096

static uint8_t chunk[CHUNK];

static size_t clip(uint64_t len) {
    return len < CHUNK ? (size_t)len : CHUNK;
}

/*
 * With bench=boot_prompt, the first reader that finds nothing is the shell at its prompt: say how
 * long it took since the kernel started, in nanoseconds, which are instructions under -icount.
 */
static void report_prompt(void) {
    static bool reported;
    char option[16];
    struct pk_machine_info info;

    if (reported || command_line_get("bench", option, sizeof(option)) != 11) {
        reported = true;
        return;
    }
    reported = true;
    if (pk_machine_info(&info) == 0) {
        unsigned long long ns = info.uptime_ns;
        char line[160];
        int len = snprintf(line, sizeof(line),
                           "\nBENCH boot_prompt instructions 1 %llu %llu %llu %llu %llu\n", ns, ns,
                           ns, ns, ns);
        tty_write(&console_tty, (const uint8_t *)line, (size_t)len);
        console_pump();
    }
}

long console_handle_read(struct request *req) {
    long count = tty_read(&console_tty, chunk, clip(request_out_len(req)));
    if (count == -EAGAIN) {
        console_want_input();
        report_prompt();
    }
    return count > 0 ? request_write(req, 0, chunk, (uint64_t)count) : count;
}

long console_handle_write(struct request *req) {
    long len = request_read(req, 0, chunk, clip(request_in_len(req)));
    if (len < 0) {
        return len;
    }
    long done = 0;
    while (done < len) {
        long count = tty_write(&console_tty, chunk + done, (size_t)(len - done));
        console_pump();
        if (count <= 0) {
            break;
        }
        done += count;
    }
    if (done == 0 && len > 0) {
        console_want_room();
        return -EAGAIN;
    }
    return done;
}

long console_handle_poll(struct request *req) {
    long bits = 0;
    if (tty_can_read(&console_tty)) {
        bits |= CONSOLE_CAN_READ;
    } else {
        console_want_input();
    }
    if (tty_can_write(&console_tty)) {
        bits |= CONSOLE_CAN_WRITE;
    } else {
        console_want_room();
    }
    console_results_poll(&req->msg, tty_read_limit_ms(&console_tty));
    return bits;
}

long console_handle_drain(struct request *req) {
    (void)req;
    if (tty_output_pending(&console_tty) == 0) {
        return 0;
    }
    console_want_drained();
    return -EAGAIN;
}

/* Signals without a foreground group have nobody to go to. */
long console_handle_signals(struct request *req) {
    int number = tty_take_signal(&console_tty);
    if (number == 0 || console_tty.foreground == 0) {
        console_tty.signals = 0;
        console_results_signals(&req->msg, 0, 0);
        return 0;
    }
    console_results_signals(&req->msg, number, console_tty.foreground);
    return 1;
}

long console_handle_attach(struct request *req, int pid) {
    (void)req;
    console_tty.session = pid;
    console_tty.foreground = pid;
    return 0;
}
