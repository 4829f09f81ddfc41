/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues that are waited for, the same as on Linux (turns.h): processes send, receive, poll and are notified.
 * What Linux gives stands below. Where that differs, `t_mqturns SEED` prints the hash after each turn, on either system.
 */
#include "tap.h"

#include <stdint.h>

enum call { SEND, RECEIVE, POLL, NOTIFY };
enum until { NEVER, PAST, SOON };

struct order {
    enum call call;
    enum until until;
    int queue, events;
    unsigned priority;
    size_t length;
    uint64_t serial;
};

#include "turns.h"

#include <mqueue.h>
#include <poll.h>
#include <sys/syscall.h>

#define TURNS 1500
#define QUEUES 3
#define BASE 100 /* the first queue's descriptor */
#define SIZE 100 /* of the longest text */
#define NOTICE SIGRTMIN

/* Linux 6.18. */
static const uint64_t linux_hash[] = {
    0x05b70edbac7db0bf, 0x8faaf27f77a2c20e, 0xd986779e1d972d0a, 0x1338a06ca9de0b6a,
    0xa381650722969eec, 0x4b717ff2c259c35b, 0xc2ff22421197fb4c, 0xe065edf90a287366,
};

static uint64_t serial; /* of orders */

/* ---- Calls -------------------------------------------------------------------------------- */

static const struct timespec *deadline(enum until until) {
    static struct timespec at;
    if (until == NEVER)
        return NULL;
    at = (struct timespec){1, 0};
    if (until == SOON) {
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_nsec += 2000000;
        at.tv_sec += at.tv_nsec / 1000000000;
        at.tv_nsec %= 1000000000;
    }
    return &at;
}

static long send_one(const struct order *order, int fd) {
    char text[SIZE];
    for (size_t i = 0; i < order->length; i++)
        text[i] = (char)(order->serial + i);
    return syscall(SYS_mq_timedsend, fd, text, order->length, order->priority,
                   deadline(order->until));
}

static long receive_one(const struct order *order, int fd) {
    char text[SIZE];
    unsigned priority = 0;
    long got =
        syscall(SYS_mq_timedreceive, fd, text, sizeof text, &priority, deadline(order->until));
    say(priority);
    for (long i = 0; i < got; i++)
        say((unsigned char)text[i]);
    return got;
}

static long poll_one(const struct order *order, int fd) {
    struct pollfd entry = {.fd = fd, .events = (short)order->events};
    long got = poll(&entry, 1, order->until == NEVER ? -1 : order->until == SOON ? 2 : 0);
    say((uint64_t)entry.revents);
    return got;
}

static long notify_one(const struct order *order, int fd) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = NOTICE};
    event.sigev_value.sival_int = (int)order->serial;
    return syscall(SYS_mq_notify, fd, order->serial % 4 ? &event : NULL);
}

static long turn_call(const struct order *order) {
    static long (*const calls[])(const struct order *order, int fd) = {send_one, receive_one,
                                                                       poll_one, notify_one};
    return calls[order->call](order, BASE + order->queue);
}

/* Notices that have come since the last call: they are blocked. */
static void turn_before_call(void) {
    siginfo_t info;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, NOTICE);
    while (sigtimedwait(&set, &info, &(struct timespec){0, 0}) == NOTICE) {
        say((uint64_t)info.si_code);
        say((uint64_t)info.si_value.sival_int);
        for (int i = 0; i < WORKERS; i++)
            if (workers[i].pid == info.si_pid)
                say((uint64_t)i);
    }
}

/* ---- Turns -------------------------------------------------------------------------------- */

static void turn_order(struct order *order) {
    order->call = one_in(12) ? POLL : one_in(16) ? NOTIFY : one_in(2) ? SEND : RECEIVE;
    order->until = one_in(12) ? PAST : one_in(12) ? SOON : NEVER;
    order->queue = (int)any(QUEUES);
    order->events = one_in(2) ? POLLIN : POLLOUT;
    order->priority = (unsigned)any(3);
    order->length = one_in(3) ? 65 + (size_t)any(SIZE - 64) : (size_t)any(65);
    order->serial = ++serial;
}

static bool turn_ends(const struct order *order) {
    return order->until != NEVER;
}

static long waiting_messages(int queue) {
    struct mq_attr attr;
    if (mq_getattr(BASE + queue, &attr) < 0)
        bail("mq_getattr");
    return attr.mq_curmsgs;
}

static void turn_ask(void) {
    waiting_messages(0);
}

static void turn_fold(void) {
    for (int i = 0; i < QUEUES; i++)
        fold((uint64_t)waiting_messages(i));
}

static void open_queues(void) {
    for (int i = 0; i < QUEUES; i++) {
        struct mq_attr attr = {.mq_maxmsg = 1 + (long)any(3), .mq_msgsize = SIZE};
        mq_unlink("/t_mqturns");
        int fd = mq_open("/t_mqturns", O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
        if (fd < 0 || dup2(fd, BASE + i) < 0)
            bail("mq_open");
        close(fd);
    }
    mq_unlink("/t_mqturns");
}

static uint64_t run(uint64_t seed, bool verbose) {
    same_begin(seed);
    serial = 0;
    open_queues();
    return turns_run(TURNS, verbose);
}

int main(int argc, char **argv) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, NOTICE);
    sigprocmask(SIG_BLOCK, &set, NULL); /* the workers' too */
    turns_setup();
    return same_as(linux_hash, ARRAY_LENGTH(linux_hash), TURNS, run, argc, argv);
}
