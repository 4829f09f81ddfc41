/* SPDX-License-Identifier: MIT */
/* The console's messages: reading, writing, waiting, signals. Sessions are in session.c, requests
 * in ioctl.c. */
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

struct tty_user console_user(uint32_t opened, int group, int session, uint32_t flags) {
    return (struct tty_user){.opened = opened,
                             .group = group,
                             .session = session,
                             .root = flags & CONSOLE_ROOT,
                             .anyway = flags & CONSOLE_ANYWAY};
}

long console_handle_read(struct request *req, uint32_t opened, int group, int session,
                         uint32_t flags) {
    struct tty_user user = console_user(opened, group, session, flags);
    if (opened != console_tty.opened) {
        return -ENODEV;
    }
    long error = tty_may(&console_tty, &user, TTY_READS);
    if (error) {
        return error;
    }
    long count = tty_read(&console_tty, chunk, clip(request_out_len(req)), flags & CONSOLE_ENOUGH);
    if (count == -EAGAIN) {
        console_want_input();
        report_prompt();
    }
    if (count >= 0) {
        console_pump();
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

long console_handle_write_as(struct request *req, uint32_t opened, int group, int session,
                             uint32_t flags) {
    struct tty_user user = console_user(opened, group, session, flags);
    long error = tty_may(&console_tty, &user, TTY_WRITES);
    return error ? error : console_handle_write(req);
}

long console_handle_poll(struct request *req, uint32_t opened) {
    long bits = 0;
    if (opened != console_tty.opened) {
        console_results_poll(&req->msg, 0, 0);
        return CONSOLE_HUNG_UP;
    }
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
    console_results_poll(&req->msg, tty_read_limit_ms(&console_tty),
                         console_tty.canon - console_tty.read);
    return bits;
}

long console_handle_drain(struct request *req) {
    (void)req;
    return tty_output_pending(&console_tty) == 0 ? 0 : -EAGAIN;
}

long console_handle_shut_down(struct request *req) {
    (void)req;
    tty_shut_down(&console_tty);
    console_pump();
    if (tty_output_pending(&console_tty) == 0) {
        return 0;
    }
    console_want_sent();
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
