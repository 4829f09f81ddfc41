/* SPDX-License-Identifier: MIT */
/*
 * The terminal as a file (tty.h). Bytes pass through one buffer here. A caller for whom the console
 * has nothing, or no room, waits in a queue; the console's notification makes all of a queue try
 * again, in order, until it says no once more.
 */
#include "tty.h"

#include <lib/clock.h>
#include <lib/waiter.h>
#include <protocol/console_client.h>
#include <stdlib.h>

#include "poll.h"

#define CHUNK 4096
#define IOCTL_MOST 64 /* protocols/vfs.toml: bytes at an ioctl's argument */
#define MILLISECOND 1000000ull

enum tty_wait_kind { WAIT_READ, WAIT_WRITE, WAIT_IOCTL };

struct tty_wait {
    struct waiter waiter;
    enum tty_wait_kind kind;
    uint64_t length; /* read: room; write: bytes in all */
    uint64_t done;   /* written */
    uint32_t request;
    uint64_t argument;
    int pid;
};

static uint64_t console;
static uint8_t chunk[CHUNK];
static struct waiter_queue readers = {LIST_INIT(readers.list)};
static struct waiter_queue writers = {LIST_INIT(writers.list)};
static struct poll_queue pollers = {LIST_INIT(pollers.entries)};
/* What the console said could be done. It holds until its next event or the next call that moves bytes. */
static long readiness;
static bool readiness_known;

void tty_init(void) {
    console = boot_cap("console");
}

static int session; /* whose the console is; 0: nobody's yet */

void tty_attach(int pid) {
    session = pid;
    console_attach(console, pid);
}

void tty_attach_again(void) {
    if (session) {
        console_attach(console, session);
    }
}

static long try_read(uint64_t token, uint64_t length) {
    readiness_known = false;
    long count = console_read(console, chunk, length < CHUNK ? length : CHUNK);
    return count > 0 ? pk_copy_to_caller(token, 0, chunk, (uint64_t)count) : count;
}

/* Writes from *done on; the whole length, -EAGAIN with *done moved on, or an error. */
static long try_write(uint64_t token, uint64_t length, uint64_t *done) {
    readiness_known = false;
    while (*done < length) {
        uint64_t count = length - *done < CHUNK ? length - *done : CHUNK;
        long got = pk_copy_from_caller(token, *done, chunk, count);
        if (got < 0) {
            return *done > 0 ? (long)*done : got;
        }
        long sent = console_write(console, chunk, (uint64_t)got);
        if (sent < 0) {
            return sent;
        }
        *done += (uint64_t)sent;
    }
    return (long)length;
}

/* The structure goes through a buffer here, because the console's caller is this server. */
static long try_ioctl(uint64_t token, uint32_t request, uint64_t argument, int pid) {
    static uint8_t input[IOCTL_MOST];
    static uint8_t output[IOCTL_MOST];
    size_t in_size = 0;
    size_t out_size = 0;

    readiness_known = false;
    switch (request) {
    case 0x5401: /* TCGETS */
        out_size = 36;
        break;
    case 0x5402: /* TCSETS, TCSETSW, TCSETSF */
    case 0x5403:
    case 0x5404:
        in_size = 36;
        break;
    case 0x5413: /* TIOCGWINSZ */
        out_size = 8;
        break;
    case 0x5414: /* TIOCSWINSZ */
        in_size = 8;
        break;
    case 0x5410: /* TIOCSPGRP */
        in_size = 4;
        break;
    case 0x540F: /* TIOCGPGRP, TIOCOUTQ, FIONREAD, TIOCGSID */
    case 0x5411:
    case 0x541B:
    case 0x5429:
        out_size = 4;
        break;
    default:
        break;
    }
    if (in_size && pk_copy_from_caller(token, 0, input, in_size) != (long)in_size) {
        return -EFAULT;
    }
    long result = console_ioctl(console, request, argument, pid, input, in_size, output, out_size);
    if (result >= 0 && out_size &&
        pk_copy_to_caller(token, 0, output, out_size) != (long)out_size) {
        return -EFAULT;
    }
    return result;
}

/* One more try for a caller that waits; -EAGAIN if it must wait on. */
static long retry(struct tty_wait *wait) {
    uint64_t token = waiter_token(&wait->waiter);
    switch (wait->kind) {
    case WAIT_READ:
        return try_read(token, wait->length);
    case WAIT_WRITE:
        return try_write(token, wait->length, &wait->done);
    default:
        return try_ioctl(token, wait->request, wait->argument, wait->pid);
    }
}

static void retry_queue(struct waiter_queue *queue) {
    for (struct waiter *waiter = waiter_first(queue); waiter; waiter = waiter_first(queue)) {
        struct tty_wait *wait = container_of(waiter, struct tty_wait, waiter);
        long result = retry(wait);
        if (result == -EAGAIN) {
            return;
        }
        waiter_finish(waiter, result);
        free(wait);
    }
}

void tty_retry(void) {
    readiness_known = false;
    retry_queue(&readers);
    retry_queue(&writers);
    poll_wake(&pollers);
}

static long tty_wait_ended(struct waiter *waiter, enum waiter_end why) {
    struct tty_wait *wait = container_of(waiter, struct tty_wait, waiter);
    long result = wait->done > 0 ? (long)wait->done : why == WAITER_EXPIRED ? 0 : -EINTR;
    free(wait);
    return result;
}

static const struct waiter_ops tty_wait_ops = {.ended = tty_wait_ended};

static long wait_on(struct request *req, struct waiter_queue *queue, struct tty_wait wait,
                    uint64_t limit_ns) {
    struct tty_wait *made = malloc(sizeof(*made));
    if (!made) {
        return -ENOMEM;
    }
    *made = wait;
    waiter_init(&made->waiter, req, request_client(req), &tty_wait_ops);
    if (limit_ns && waiter_set_deadline(&made->waiter, clock_ns() + limit_ns)) {
        waiter_remove(&made->waiter);
        free(made);
        return -ENOMEM;
    }
    waiter_enqueue(queue, &made->waiter);
    return SERVER_DEFER;
}

static long tty_read(struct request *req, struct file *file, int64_t offset) {
    uint64_t length = request_out_len(req);
    (void)offset;
    long result = waiter_queue_empty(&readers) ? try_read(req->token, length) : -EAGAIN;
    if (result != -EAGAIN || (file->flags & LX_O_NONBLOCK)) {
        return result;
    }
    uint32_t limit_ms = 0;
    console_poll(console, &limit_ms);
    return wait_on(req, &readers, (struct tty_wait){.kind = WAIT_READ, .length = length},
                   limit_ms * MILLISECOND);
}

static long tty_write(struct request *req, struct file *file, int64_t offset) {
    uint64_t length = request_in_len(req);
    uint64_t done = 0;
    (void)offset;
    long result = waiter_queue_empty(&writers) ? try_write(req->token, length, &done) : -EAGAIN;
    if (result != -EAGAIN) {
        return result;
    }
    if (file->flags & LX_O_NONBLOCK) {
        return done > 0 ? (long)done : -EAGAIN;
    }
    return wait_on(req, &writers,
                   (struct tty_wait){.kind = WAIT_WRITE, .length = length, .done = done}, 0);
}

static long tty_ioctl(struct request *req, struct file *file, uint32_t request, uint64_t argument) {
    int pid = client_pid(request_client(req));
    long result = try_ioctl(req->token, request, argument, pid);
    (void)file;
    if (result != -EAGAIN) {
        return result;
    }
    return wait_on(
        req, &writers,
        (struct tty_wait){.kind = WAIT_IOCTL, .request = request, .argument = argument, .pid = pid},
        0);
}

static struct poll_queue *tty_poll_queue(struct file *file) {
    (void)file;
    return &pollers;
}

/* Asked once, however many entries of poll(2) want to know. */
static uint32_t tty_poll(struct file *file) {
    uint32_t limit_ms;
    (void)file;
    if (!readiness_known) {
        readiness = console_poll(console, &limit_ms);
        readiness_known = true;
    }
    long bits = readiness;
    if (bits < 0) {
        return LX_POLLERR;
    }
    return (bits & CONSOLE_CAN_READ ? LX_POLLIN | LX_POLLRDNORM : 0u) |
           (bits & CONSOLE_CAN_WRITE ? LX_POLLOUT | LX_POLLWRNORM : 0u);
}

const struct file_ops tty_ops = {
    .read = tty_read,
    .write = tty_write,
    .ioctl = tty_ioctl,
    .poll = tty_poll,
    .poll_queue = tty_poll_queue,
};
