/* SPDX-License-Identifier: MIT */
/* The messages of terminals: reading, writing, waiting, signals. Masters are in master.c, sessions in session.c,
 * requests in ioctl.c. */
#include "console.h"
#include "master.h"

#include <stdio.h>

#define CHUNK 4096
#define SIGHUP 1

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
        tty_write(&console_line.tty, (const uint8_t *)line, (size_t)len);
        console_pump();
    }
}

struct tty_user console_user(uint64_t opened, int group, int session, uint32_t flags) {
    return (struct tty_user){.opened = (uint32_t)opened,
                             .group = group,
                             .session = session,
                             .root = flags & CONSOLE_ROOT,
                             .anyway = flags & CONSOLE_ANYWAY};
}

static struct line *line_named(uint64_t opened, uint32_t flags) {
    return flags & CONSOLE_MASTER ? line_of_master(opened) : line_of(opened);
}

static long read_terminal(struct line *line, const struct request *req, const struct tty_user *user,
                          uint32_t flags) {
    long error = tty_may(&line->tty, user, TTY_READS);
    if (error) {
        return error;
    }
    long count = tty_read(&line->tty, chunk, clip(request_out_len(req)), flags & CONSOLE_ENOUGH);
    if (count == -EAGAIN) {
        line->want_input = true;
        report_prompt();
    }
    if (count >= 0) {
        line_changed(line);
    }
    return count;
}

long console_handle_read(struct request *req, uint64_t opened, int group, int session,
                         uint32_t flags) {
    struct tty_user user = console_user(opened, group, session, flags);
    struct line *line = line_named(opened, flags);
    long count;
    if (flags & CONSOLE_MASTER) {
        count = line ? master_read(line, chunk, clip(request_out_len(req))) : -EIO;
    } else {
        count = line_lives(line, opened) ? read_terminal(line, req, &user, flags) : -ENODEV;
    }
    return count > 0 ? request_write(req, 0, chunk, (uint64_t)count) : count;
}

/* As much of the chunk as goes. */
static long write_chunk(struct line *line, size_t len) {
    size_t done = 0;
    while (done < len && !line_is_held(line)) {
        long count = tty_write(&line->tty, chunk + done, len - done);
        line_changed(line);
        if (count <= 0) {
            break;
        }
        done += (size_t)count;
    }
    if (done == 0 && len > 0) {
        line->want_room = true;
        return -EAGAIN;
    }
    return (long)done;
}

long console_handle_write(struct request *req) {
    long len = request_read(req, 0, chunk, clip(request_in_len(req)));
    return len < 0 ? len : write_chunk(&console_line, (size_t)len);
}

long console_handle_write_as(struct request *req, uint64_t opened, int group, int session,
                             uint32_t flags) {
    struct tty_user user = console_user(opened, group, session, flags);
    struct line *line = line_named(opened, flags);
    bool master = flags & CONSOLE_MASTER;
    if (!line) {
        return -EIO;
    }
    long error = master ? 0 : tty_may(&line->tty, &user, TTY_WRITES);
    long len = error ? error : request_read(req, 0, chunk, clip(request_in_len(req)));
    if (len < 0) {
        return len;
    }
    return master ? master_write(line, chunk, (size_t)len) : write_chunk(line, (size_t)len);
}

static long poll_terminal(struct line *line) {
    long bits = 0;
    if (tty_can_read(&line->tty)) {
        bits |= CONSOLE_CAN_READ;
    } else {
        line->want_input = true;
    }
    if (line_can_write(line)) {
        bits |= CONSOLE_CAN_WRITE;
    } else {
        line->want_room = true;
    }
    return bits;
}

long console_handle_poll(struct request *req, uint64_t opened, uint32_t flags) {
    struct line *line = line_named(opened, flags);
    bool master = flags & CONSOLE_MASTER;
    if (!line || (!master && !line_lives(line, opened))) {
        console_results_poll(&req->msg, 0, 0);
        return CONSOLE_HUNG_UP;
    }
    uint32_t limit_ms = master ? 0 : tty_read_limit_ms(&line->tty);
    console_results_poll(&req->msg, limit_ms, line->tty.canon - line->tty.read);
    return master ? master_poll(line) : poll_terminal(line);
}

long console_handle_woken(struct request *req) {
    const struct line *line = line_take_woken();
    console_results_woken(&req->msg, line ? line_number(line) : 0);
    return line != NULL;
}

long console_handle_drain(struct request *req) {
    (void)req;
    return line_unsent(&console_line) == 0 ? 0 : -EAGAIN;
}

long console_handle_shut_down(struct request *req) {
    (void)req;
    tty_shut_down(&console_line.tty);
    console_pump();
    if (line_unsent(&console_line) == 0) {
        return 0;
    }
    console_want_sent();
    return -EAGAIN;
}

/* The line's next signal, or that its master has gone: true. Without a foreground group signals have nobody to go to. */
static bool take_signal(struct line *line, struct pk_msg *msg) {
    if (line->leaderless) {
        line->leaderless = false;
        console_results_signals(msg, SIGHUP, 0, line->tty.session);
        return true;
    }
    int number = tty_take_signal(&line->tty);
    if (number == 0 || line->tty.foreground == 0) {
        line->tty.signals = 0;
        return false;
    }
    console_results_signals(msg, number, line->tty.foreground, 0);
    return true;
}

long console_handle_signals(struct request *req) {
    struct line *line = line_take_signalling();
    if (!line) {
        console_results_signals(&req->msg, 0, 0, 0);
        return 0;
    }
    if (!take_signal(line, &req->msg)) {
        console_results_signals(&req->msg, 0, 0, 0); /* others may have more */
    }
    line_notice(line);
    line_check(line);
    return 1;
}
