/* SPDX-License-Identifier: MIT */
/*
 * The terminal as a file (tty.h). Bytes pass through one buffer here. A caller for whom the console
 * has nothing, or no room, waits in a queue; the console's notification makes all of a queue try
 * again, in order, until it says no once more.
 *
 * Who may use the terminal is the console's to say, by the session and group that a caller has at the
 * moment of the try: one that was moved to the background while it waited gets nothing.
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
    uint32_t opened; /* the file's */
    uint32_t flags;  /* CONSOLE_ANYWAY, CONSOLE_ENOUGH */
    uint64_t length; /* read: room; write: bytes in all */
    uint64_t done;   /* written */
    uint32_t ready;  /* read: bytes that were there at the last try */
    uint32_t request;
    uint64_t argument;
};

/* Bytes, and answers, of one turn. */
#define WRITTEN_AT_ONCE 512
#define ANSWERED_AT_ONCE 16

static bool retry_step(struct job *job);

/* There is more to try than one turn may take. */
static struct job retry_job = {.link = LIST_INIT(retry_job.link), .step = retry_step};

static uint64_t console;
static uint8_t chunk[CHUNK];
static struct waiter_queue readers = {LIST_INIT(readers.list)};
static struct waiter_queue writers = {LIST_INIT(writers.list)};
static struct poll_queue pollers = {LIST_INIT(pollers.entries)};
/* What the console said could be done by files of that opening. It holds until its next event or the next call
 * that moves bytes. */
static long readiness;
static uint32_t readiness_of;
static bool readiness_known;

void tty_init(void) {
    console = boot_cap("console");
}

/* The terminal's life and session as this server knows them last, for a console that is started anew. */
static uint32_t known_opened;
static int known_session;

long tty_attach(const struct context *context) {
    known_session = context->session;
    return console_acquire(console, context->group, context->session, 1);
}

/* If the session's leader has ended meanwhile, what was open is dead. */
void tty_attach_again(void) {
    if (known_session && !client_find((uint64_t)known_session)) {
        known_session = 0;
        known_opened++;
    }
    /* If it has died again, the next one asks by the same event. */
    pk_may_fail(console_resume(console, known_opened, known_session));
}

long tty_open(struct client *client, struct file *file, uint32_t flags) {
    const struct context *context = client->data;
    bool own = file->node->device == lx_makedev(5, 0);
    /* /dev/console is nobody's by being opened, as on Linux. */
    bool acquire = file->node->device == lx_makedev(4, 64) && !(flags & LX_O_NOCTTY) &&
                   file_reads(file) && context->session == client_pid(client);
    uint32_t how = (own ? CONSOLE_OPEN_OWN : 0u) | (acquire ? CONSOLE_OPEN_ACQUIRE : 0u);
    long error = console_open(console, context->group, context->session, how, &file->opened);
    if (error < 0) {
        return error;
    }
    known_opened = file->opened;
    known_session = acquire && !known_session ? context->session : known_session;
    return 0;
}

long tty_check(const struct file *file) {
    uint32_t limit_ms;
    uint32_t ready;
    if (file->ops != &tty_ops) {
        return -ENOTTY;
    }
    long bits = console_poll(console, file->opened, &limit_ms, &ready);
    return bits < 0 ? bits : bits & CONSOLE_HUNG_UP ? -EIO : 0;
}

static const struct context *process_of(const struct tty_wait *wait) {
    return wait->waiter.client->data;
}

static long try_read(const struct tty_wait *wait, uint64_t token) {
    const struct context *context = process_of(wait);
    readiness_known = false;
    long count = console_read(console, wait->opened, context->group, context->session, wait->flags,
                              chunk, wait->length < CHUNK ? wait->length : CHUNK);
    if (count == -ENODEV) {
        return 0;
    }
    return count > 0 ? pk_copy_to_caller(token, 0, chunk, (uint64_t)count) : count;
}

/*
 * Writes from wait->done on, as much as one turn may take; the whole length, -EAGAIN with wait->done moved on,
 * or an error. A fast line takes all that it is given, so room alone is no limit.
 */
static long try_write(struct tty_wait *wait, uint64_t token) {
    const struct context *context = process_of(wait);
    uint64_t left = wait->length - wait->done;
    readiness_known = false;
    if (left == 0) {
        return (long)wait->length;
    }
    long got = pk_copy_from_caller(token, wait->done, chunk,
                                   left < WRITTEN_AT_ONCE ? left : WRITTEN_AT_ONCE);
    long sent = got < 0 ? got
                        : console_write_as(console, wait->opened, context->group, context->session,
                                           wait->flags, chunk, (uint64_t)got);
    if (sent < 0) {
        return sent != -EAGAIN && wait->done > 0 ? (long)wait->done : sent;
    }
    wait->done += (uint64_t)sent;
    if (wait->done == wait->length) {
        return (long)wait->length;
    }
    job_queue(&retry_job);
    return -EAGAIN;
}

/* The structure goes through a buffer here, because the console's caller is this server. */
static long try_ioctl(const struct tty_wait *wait, uint64_t token) {
    const struct context *context = process_of(wait);
    uint32_t request = wait->request;
    uint32_t flags = wait->flags | (wait->waiter.client->uid == 0 ? CONSOLE_ROOT : 0u);
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
    case 0x540E: /* TIOCSCTTY, TIOCSPGRP, TIOCNOTTY */
    case 0x5410:
    case 0x5422:
        return -EREMOTE;
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
    long result = console_ioctl(console, request, wait->argument, wait->opened, context->group,
                                context->session, flags, input, in_size, output, out_size);
    if (result >= 0 && out_size &&
        pk_copy_to_caller(token, 0, output, out_size) != (long)out_size) {
        return -EFAULT;
    }
    return result;
}

/*
 * A reader's time limit: VTIME from now on if bytes have come since the last try (or none are needed for
 * it to count), else as it is.
 */
static long set_limit(struct tty_wait *wait) {
    uint32_t limit_ms;
    uint32_t ready;
    long bits = console_poll(console, wait->opened, &limit_ms, &ready);
    if (bits < 0 || limit_ms == 0 ||
        (deadline_is_set(&wait->waiter.deadline) && ready == wait->ready)) {
        return bits < 0 ? bits : 0;
    }
    wait->ready = ready;
    return waiter_set_deadline(&wait->waiter, clock_ns() + limit_ms * MILLISECOND);
}

/* A try for a caller; -EAGAIN if it must wait on. */
static long try(struct tty_wait *wait, uint64_t token) {
    switch (wait->kind) {
    case WAIT_READ:
        return try_read(wait, token);
    case WAIT_WRITE:
        return try_write(wait, token);
    default:
        return try_ioctl(wait, token);
    }
}

static long retry(struct tty_wait *wait) {
    long result = try(wait, waiter_token(&wait->waiter));
    if (result == -EAGAIN && wait->kind == WAIT_READ) {
        long error = set_limit(wait);
        return error < 0 ? error : -EAGAIN;
    }
    return result;
}

static void retry_queue(struct waiter_queue *queue) {
    for (int i = 0; i < ANSWERED_AT_ONCE && !waiter_queue_empty(queue); i++) {
        struct waiter *waiter = waiter_first(queue);
        struct tty_wait *wait = container_of(waiter, struct tty_wait, waiter);
        long result = retry(wait);
        if (result == -EAGAIN) {
            return;
        }
        waiter_finish(waiter, result);
        free(wait);
    }
    if (!waiter_queue_empty(queue)) {
        job_queue(&retry_job);
    }
}

static bool retry_step(struct job *job) {
    (void)job;
    retry_queue(&readers);
    retry_queue(&writers);
    return false; /* unless it has been queued again */
}

void tty_retry(void) {
    readiness_known = false;
    retry_queue(&readers);
    retry_queue(&writers);
    poll_wake(&pollers, POLL_ANY);
}

/* What a reader gets whose time is over: what is there, or nothing. */
static long read_expired(struct tty_wait *wait) {
    wait->flags |= CONSOLE_ENOUGH;
    long result = try_read(wait, waiter_token(&wait->waiter));
    return result == -EAGAIN ? 0 : result;
}

static long tty_wait_ended(struct waiter *waiter, enum waiter_end why) {
    struct tty_wait *wait = container_of(waiter, struct tty_wait, waiter);
    long result = wait->done > 0          ? (long)wait->done
                  : why == WAITER_EXPIRED ? read_expired(wait)
                                          : -EINTR;
    free(wait);
    return result;
}

static const struct waiter_ops tty_wait_ops = {.ended = tty_wait_ended};

static long wait_on(struct request *req, struct waiter_queue *queue, const struct tty_wait *wait) {
    struct tty_wait *made = malloc(sizeof(*made));
    if (!made) {
        return -ENOMEM;
    }
    *made = *wait;
    waiter_init(&made->waiter, req, request_client(req), &tty_wait_ops);
    long error = made->kind == WAIT_READ ? set_limit(made) : 0;
    if (error < 0) {
        waiter_remove(&made->waiter);
        free(made);
        return error;
    }
    waiter_enqueue(queue, &made->waiter);
    return SERVER_DEFER;
}

static struct tty_wait wait_for(const struct request *req, const struct file *file,
                                enum tty_wait_kind kind) {
    return (struct tty_wait){
        .waiter = {.client = request_client(req)}, .kind = kind, .opened = file->opened};
}

/* Those who wait come first, but one who may not read at all hears it at once. */
static long first_read(struct tty_wait *wait, uint64_t token) {
    if (waiter_queue_empty(&readers)) {
        return try_read(wait, token);
    }
    const struct context *context = process_of(wait);
    long error = console_read(console, wait->opened, context->group, context->session, 0, chunk, 0);
    return error == -ENODEV ? 0 : error < 0 ? error : -EAGAIN;
}

static long tty_read(struct request *req, struct file *file, int64_t offset) {
    struct tty_wait wait = wait_for(req, file, WAIT_READ);
    (void)offset;
    wait.length = request_out_len(req);
    wait.flags = file->flags & LX_O_NONBLOCK ? CONSOLE_ENOUGH : 0;
    long result = first_read(&wait, req->token);
    return result != -EAGAIN || wait.flags ? result : wait_on(req, &readers, &wait);
}

static long write_with(struct request *req, struct file *file, uint32_t flags) {
    struct tty_wait wait = wait_for(req, file, WAIT_WRITE);
    wait.length = request_in_len(req);
    wait.flags = flags;
    long result = waiter_queue_empty(&writers) ? try_write(&wait, req->token) : -EAGAIN;
    if (result != -EAGAIN) {
        return result;
    }
    if (file->flags & LX_O_NONBLOCK) {
        return wait.done > 0 ? (long)wait.done : -EAGAIN;
    }
    return wait_on(req, &writers, &wait);
}

static long tty_write(struct request *req, struct file *file, int64_t offset) {
    (void)offset;
    return write_with(req, file, 0);
}

long tty_write_anyway(struct request *req, struct file *file) {
    return write_with(req, file, CONSOLE_ANYWAY);
}

static long ioctl_with(struct request *req, struct file *file, uint32_t request, uint64_t argument,
                       uint32_t flags) {
    struct tty_wait wait = wait_for(req, file, WAIT_IOCTL);
    wait.request = request;
    wait.argument = argument;
    wait.flags = flags;
    long result = try_ioctl(&wait, req->token);
    return result != -EAGAIN ? result : wait_on(req, &writers, &wait);
}

static long tty_ioctl(struct request *req, struct file *file, uint32_t request, uint64_t argument) {
    return ioctl_with(req, file, request, argument, 0);
}

long tty_ioctl_anyway(struct request *req, struct file *file, uint32_t request, uint64_t argument) {
    return ioctl_with(req, file, request, argument, CONSOLE_ANYWAY);
}

static struct poll_queue *tty_poll_queue(struct file *file) {
    (void)file;
    return &pollers;
}

/* Asked once, however many entries of poll(2) want to know. */
static uint32_t tty_poll(struct file *file) {
    uint32_t limit_ms;
    uint32_t ready;
    if (!readiness_known || readiness_of != file->opened) {
        readiness = console_poll(console, file->opened, &limit_ms, &ready);
        readiness_of = file->opened;
        readiness_known = true;
    }
    long bits = readiness;
    if (bits < 0) {
        return LX_POLLERR;
    }
    if (bits & CONSOLE_HUNG_UP) {
        return LX_POLLIN | LX_POLLRDNORM | LX_POLLOUT | LX_POLLWRNORM | LX_POLLERR | LX_POLLHUP;
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
