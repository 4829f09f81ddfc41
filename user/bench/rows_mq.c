/* SPDX-License-Identifier: MIT */
/* A POSIX message queue among 32,000: as mq_self_64 otherwise. Root's: it raises limits. */
#include "measure.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define LENGTH 64
#define OTHERS 31999

static mqd_t queue;
static char text[LENGTH] __attribute__((aligned(8)));

static void raise_limits(void) {
    static const char count[] = "40000";
    const struct rlimit bytes = {RLIM_INFINITY, RLIM_INFINITY};
    int fd = open("/proc/sys/fs/mqueue/queues_max", O_WRONLY);

    if (fd < 0 || write(fd, count, sizeof count - 1) < 0)
        die("/proc/sys/fs/mqueue/queues_max");
    close(fd);
    if (setrlimit(RLIMIT_MSGQUEUE, &bytes) < 0)
        die("setrlimit");
}

static const char *other(int number) {
    static char name[32];

    snprintf(name, sizeof name, "/bench_other_%d", number);
    return name;
}

static mqd_t make(const char *name) {
    struct mq_attr attr = {.mq_maxmsg = 8, .mq_msgsize = LENGTH};
    mqd_t made = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);

    if (made < 0)
        die(name);
    return made;
}

/* They keep their names and are not open. */
static void setup_queues(size_t total) {
    (void)total;
    raise_limits();
    for (int i = 0; i < OTHERS; i++)
        mq_close(make(other(i)));
    queue = make("/bench_one");
}

static void run_queue(void) {
    if (mq_send(queue, text, LENGTH, 0) < 0 || mq_receive(queue, text, LENGTH, NULL) != LENGTH)
        die("mq_send, mq_receive");
}

static void remove_queues(void) {
    mq_close(queue);
    mq_unlink("/bench_one");
    for (int i = 0; i < OTHERS; i++)
        mq_unlink(other(i));
}

const struct row mq_rows[] = {
    {"mq_32000_queues", 1000, setup_queues, NULL, run_queue, remove_queues, 1},
};
const size_t mq_row_count = sizeof(mq_rows) / sizeof(mq_rows[0]);
