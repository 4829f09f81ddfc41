/* SPDX-License-Identifier: MIT */
/*
 * Terminals as files (tty.h), and masters of pseudo-terminals. Bytes pass through one buffer here. A caller for whom the console
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
    struct terminal *terminal; /* held while it waits */
    uint64_t opened;           /* the file's */
    uint32_t flags;            /* CONSOLE_ANYWAY, CONSOLE_ENOUGH, CONSOLE_MASTER */
    uint64_t length;           /* read: room; write: bytes in all */
    uint64_t done;             /* written */
    uint32_t ready;            /* read: bytes that were there at the last try */
    bool waits;                /* it is not the first try */
    uint32_t request;
    uint64_t argument;
};

/* Bytes, and answers, of one turn. */
#define WRITTEN_AT_ONCE 512
#define ANSWERED_AT_ONCE 16

uint64_t tty_console;
static uint8_t chunk[CHUNK];

void tty_init(void) {
    tty_console = boot_cap("console");
    while (boot_info->restarts && console_forget(tty_console) > 0) {
        continue;
    }
}

/* The terminal's life and session as this server knows them last, for a console that is started anew. */
static uint64_t known_opened;
static int known_session;

long tty_attach(const struct context *context, const struct file *file) {
    known_session = context->session;
    return console_acquire(tty_console, file->tty->opened, context->group, context->session, 1);
}

/* If the session's leader has ended meanwhile, what was open is dead. */
void tty_attach_again(void) {
    if (known_session && !client_find((uint64_t)known_session)) {
        known_session = 0;
        known_opened++;
    }
    /* If it has died again, the next one asks by the same event. */
    pk_may_fail(console_resume(tty_console, known_opened, known_session));
}

/* The terminal that a node stands for; /dev/tty's is told by the session. */
static uint32_t number_of(const struct node *node) {
    return lx_major(node->device) == PTS_MAJOR ? lx_minor(node->device) + 1 : 0;
}

/* The serial line's by its own name, and pseudo-terminals; /dev/console is nobody's by being opened, as on Linux. */
static bool can_become_own(const struct node *node) {
    return node->device == lx_makedev(4, 64) || number_of(node) != 0;
}

static long open_as(struct tty_file *tty, const struct client *client, const struct file *file,
                    uint32_t flags) {
    const struct context *context = client->data;
    bool own = file->node->device == lx_makedev(5, 0);
    bool acquire = can_become_own(file->node) && !(flags & LX_O_NOCTTY) && file_reads(file) &&
                   context->session == client_pid(client);
    uint32_t how = (own ? CONSOLE_OPEN_OWN : 0u) | (acquire ? CONSOLE_OPEN_ACQUIRE : 0u);
    long error = console_open(tty_console, number_of(file->node), context->group, context->session,
                              how, &tty->opened);
    if (error < 0) {
        return error;
    }
    uint32_t number = (uint32_t)(tty->opened >> CONSOLE_LIFE_BITS);
    struct terminal *terminal = terminal_find(number);
    if (!terminal) {
        pk_may_fail(console_close(tty_console, tty->opened));
        return -EIO;
    }
    tty->terminal = terminal_hold(terminal);
    if (number == 0) {
        known_opened = tty->opened;
        known_session = acquire && !known_session ? context->session : known_session;
    }
    return 0;
}

long tty_open(struct client *client, struct file *file, uint32_t flags) {
    struct tty_file *tty = calloc(1, sizeof(*tty));
    long error = tty ? open_as(tty, client, file, flags) : -ENOMEM;
    if (error < 0) {
        free(tty);
        return error;
    }
    file->tty = tty;
    return 0;
}

/* The console may have died, and all that was open with it. */
static void tty_close(struct file *file) {
    if (file->tty) {
        pk_may_fail(console_close(tty_console, file->tty->opened));
        terminal_put(file->tty->terminal);
        free(file->tty);
    }
}

long tty_check(const struct file *file) {
    uint32_t limit_ms;
    uint32_t ready;
    if (file->ops != &tty_ops) {
        return -ENOTTY;
    }
    long bits = console_poll(tty_console, file->tty->opened, 0, &limit_ms, &ready);
    return bits < 0 ? bits : bits & CONSOLE_HUNG_UP ? -EIO : 0;
}

static const struct context *process_of(const struct tty_wait *wait) {
    return wait->waiter.client->data;
}

static struct side *side_of(const struct tty_wait *wait) {
    return wait->flags & CONSOLE_MASTER ? &wait->terminal->master : &wait->terminal->slave;
}

static long try_read(const struct tty_wait *wait, uint64_t token) {
    const struct context *context = process_of(wait);
    side_of(wait)->readiness_known = false;
    long count = console_read(tty_console, wait->opened, context->group, context->session,
                              wait->flags, chunk, wait->length < CHUNK ? wait->length : CHUNK);
    if (count == -ENODEV) { /* who waits while the master is closed hears that, as on Linux */
        return wait->terminal->ended && wait->waits ? -EIO : 0;
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
    side_of(wait)->readiness_known = false;
    if (left == 0) {
        return (long)wait->length;
    }
    long got = pk_copy_from_caller(token, wait->done, chunk,
                                   left < WRITTEN_AT_ONCE ? left : WRITTEN_AT_ONCE);
    long sent = got < 0 ? got
                        : console_write_as(tty_console, wait->opened, context->group,
                                           context->session, wait->flags, chunk, (uint64_t)got);
    if (sent < 0) {
        return sent != -EAGAIN && wait->done > 0 ? (long)wait->done : sent;
    }
    wait->done += (uint64_t)sent;
    if (wait->done == wait->length) {
        return (long)wait->length;
    }
    job_queue(&wait->terminal->job);
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

    side_of(wait)->readiness_known = false;
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
        return wait->flags & CONSOLE_MASTER ? -ENOTTY : -EREMOTE;
    case 0x540F: /* TIOCGPGRP, TIOCOUTQ, FIONREAD, TIOCGSID */
    case 0x5411:
    case 0x541B:
    case 0x5429:
    case 0x80045430: /* TIOCGPTN, TIOCGPKT, TIOCGPTLCK */
    case 0x80045438:
    case 0x80045439:
        out_size = 4;
        break;
    case 0x40045431: /* TIOCSPTLCK, TIOCPKT */
    case 0x5420:
        in_size = 4;
        break;
    default:
        break;
    }
    if (in_size && pk_copy_from_caller(token, 0, input, in_size) != (long)in_size) {
        return -EFAULT;
    }
    long result = console_ioctl(tty_console, request, wait->argument, wait->opened, context->group,
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
    long bits = console_poll(tty_console, wait->opened, wait->flags, &limit_ms, &ready);
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

static void wait_free(struct tty_wait *wait) {
    terminal_put(wait->terminal);
    free(wait);
}

static long retry(struct tty_wait *wait) {
    long result = try(wait, waiter_token(&wait->waiter));
    if (result == -EAGAIN && wait->kind == WAIT_READ) {
        long error = set_limit(wait);
        return error < 0 ? error : -EAGAIN;
    }
    return result;
}

/* True: there are more whose turn it is. */
static bool retry_queue(struct waiter_queue *queue) {
    for (int i = 0; i < ANSWERED_AT_ONCE && !waiter_queue_empty(queue); i++) {
        struct waiter *waiter = waiter_first(queue);
        struct tty_wait *wait = container_of(waiter, struct tty_wait, waiter);
        long result = retry(wait);
        if (result == -EAGAIN) {
            return false;
        }
        waiter_finish(waiter, result);
        wait_free(wait);
    }
    return !waiter_queue_empty(queue);
}

bool tty_retry(struct side *side) {
    bool readers = retry_queue(&side->readers);
    return retry_queue(&side->writers) || readers;
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
    wait_free(wait);
    return result;
}

static const struct waiter_ops tty_wait_ops = {.ended = tty_wait_ended};

static long wait_on(struct request *req, struct waiter_queue *queue, const struct tty_wait *wait) {
    struct tty_wait *made = malloc(sizeof(*made));
    if (!made) {
        return -ENOMEM;
    }
    *made = *wait;
    made->waits = true;
    terminal_hold(made->terminal);
    waiter_init(&made->waiter, req, request_client(req), &tty_wait_ops);
    long error = made->kind == WAIT_READ ? set_limit(made) : 0;
    if (error < 0) {
        waiter_remove(&made->waiter);
        wait_free(made);
        return error;
    }
    waiter_enqueue(queue, &made->waiter);
    return SERVER_DEFER;
}

static struct tty_wait wait_for(const struct request *req, const struct file *file,
                                enum tty_wait_kind kind) {
    return (struct tty_wait){.waiter = {.client = request_client(req)},
                             .kind = kind,
                             .terminal = file->tty->terminal,
                             .opened = file->tty->opened,
                             .flags = file->tty->master ? CONSOLE_MASTER : 0};
}

/* Those who wait come first, but one who may not read at all hears it at once. */
static long first_read(struct tty_wait *wait, uint64_t token) {
    if (waiter_queue_empty(&side_of(wait)->readers)) {
        return try_read(wait, token);
    }
    const struct context *context = process_of(wait);
    long error = console_read(tty_console, wait->opened, context->group, context->session,
                              wait->flags & CONSOLE_MASTER, chunk, 0);
    return error == -ENODEV ? 0 : error < 0 ? error : -EAGAIN;
}

long tty_read(struct request *req, struct file *file, int64_t offset) {
    struct tty_wait wait = wait_for(req, file, WAIT_READ);
    (void)offset;
    wait.length = request_out_len(req);
    bool nonblock = file->flags & LX_O_NONBLOCK;
    wait.flags |= nonblock ? CONSOLE_ENOUGH : 0;
    long result = first_read(&wait, req->token);
    return result != -EAGAIN || nonblock ? result : wait_on(req, &side_of(&wait)->readers, &wait);
}

static long write_with(struct request *req, struct file *file, uint32_t flags) {
    struct tty_wait wait = wait_for(req, file, WAIT_WRITE);
    wait.length = request_in_len(req);
    wait.flags |= flags;
    struct waiter_queue *writers = &side_of(&wait)->writers;
    long result = waiter_queue_empty(writers) ? try_write(&wait, req->token) : -EAGAIN;
    if (result != -EAGAIN) {
        return result;
    }
    if (file->flags & LX_O_NONBLOCK) {
        return wait.done > 0 ? (long)wait.done : -EAGAIN;
    }
    return wait_on(req, writers, &wait);
}

long tty_write(struct request *req, struct file *file, int64_t offset) {
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
    wait.flags |= flags;
    long result = try_ioctl(&wait, req->token);
    return result != -EAGAIN ? result : wait_on(req, &side_of(&wait)->writers, &wait);
}

long tty_ioctl(struct request *req, struct file *file, uint32_t request, uint64_t argument) {
    return ioctl_with(req, file, request, argument, 0);
}

long tty_ioctl_anyway(struct request *req, struct file *file, uint32_t request, uint64_t argument) {
    return ioctl_with(req, file, request, argument, CONSOLE_ANYWAY);
}

static struct side *side_of_file(const struct file *file) {
    return file->tty->master ? &file->tty->terminal->master : &file->tty->terminal->slave;
}

struct poll_queue *tty_poll_queue(struct file *file) {
    return &side_of_file(file)->pollers;
}

/* Asked once, however many entries of poll(2) want to know. */
static long readiness(const struct file *file) {
    uint32_t limit_ms;
    uint32_t ready;
    struct side *side = side_of_file(file);
    if (!side->readiness_known || side->readiness_of != file->tty->opened) {
        uint32_t flags = file->tty->master ? CONSOLE_MASTER : 0;
        side->readiness = console_poll(tty_console, file->tty->opened, flags, &limit_ms, &ready);
        side->readiness_of = file->tty->opened;
        side->readiness_known = true;
    }
    return side->readiness;
}

/* What is hung up never blocks; a master whose slaves are closed may still have something to read. */
uint32_t tty_poll(struct file *file) {
    long bits = readiness(file);
    if (bits < 0) {
        return LX_POLLERR;
    }
    if ((bits & CONSOLE_HUNG_UP) && !file->tty->master) {
        return LX_POLLIN | LX_POLLRDNORM | LX_POLLOUT | LX_POLLWRNORM | LX_POLLERR | LX_POLLHUP;
    }
    return (bits & CONSOLE_CAN_READ ? LX_POLLIN | LX_POLLRDNORM : 0u) |
           (bits & CONSOLE_CAN_WRITE ? LX_POLLOUT | LX_POLLWRNORM : 0u) |
           (bits & CONSOLE_STATUS ? LX_POLLPRI : 0u) | (bits & CONSOLE_HUNG_UP ? LX_POLLHUP : 0u);
}

const struct file_ops tty_ops = {
    .read = tty_read,
    .write = tty_write,
    .ioctl = tty_ioctl,
    .poll = tty_poll,
    .poll_queue = tty_poll_queue,
    .open = tty_open,
    .close = tty_close,
};
