/* SPDX-License-Identifier: MIT */
/* Rows of event descriptors and sockets: a counter, sets of few and of many descriptors, a pair of sockets. */
#include "measure.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 10000

static int counter, set;
static int idle[MANY];

static void setup_counter(size_t total) {
    (void)total;
    counter = eventfd(0, 0);
    if (counter < 0)
        die("eventfd");
}

static void run_counter(void) {
    uint64_t value = 1;

    if (write(counter, &value, sizeof(value)) != sizeof(value) ||
        read(counter, &value, sizeof(value)) != sizeof(value))
        die("eventfd_pair");
}

static void teardown_counter(void) {
    close(counter);
}

static void add(int fd) {
    struct epoll_event event = {.events = EPOLLIN};

    if (fd < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

/* One descriptor that is ready, in front of idle ones. */
static void setup_set(size_t idle_ones) {
    set = epoll_create1(0);
    counter = eventfd(1, 0);
    add(counter);
    for (size_t i = 0; i < idle_ones; i++) {
        idle[i] = eventfd(0, 0);
        add(idle[i]);
    }
}

static void setup_few(size_t total) {
    (void)total;
    setup_set(1);
}

static void setup_many(size_t total) {
    struct rlimit limit = {MANY + 64, MANY + 64};

    (void)total;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("setrlimit");
    setup_set(MANY);
}

static void run_set(void) {
    struct epoll_event found;

    if (epoll_wait(set, &found, 1, 0) != 1)
        die("epoll_wait");
}

static void teardown_set(size_t idle_ones) {
    for (size_t i = 0; i < idle_ones; i++)
        close(idle[i]);
    close(counter);
    close(set);
}

static void teardown_few(void) {
    teardown_set(1);
}

static void teardown_many(void) {
    teardown_set(MANY);
}

static int ends[2];
static pid_t partner;

static void setup_sockets(size_t total) {
    char byte;

    (void)total;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        die("socketpair");
    partner = fork();
    if (partner < 0)
        die("fork");
    if (partner == 0) {
        close(ends[0]);
        while (read(ends[1], &byte, 1) == 1)
            if (write(ends[1], &byte, 1) != 1)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
}

static void run_sockets(void) {
    char byte = 's';

    if (write(ends[0], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
        die("socketpair_rt");
}

static void teardown_sockets(void) {
    int status;

    close(ends[0]);
    if (waitpid(partner, &status, 0) != partner || status != 0)
        die("the partner failed");
}

const struct row event_rows[] = {
    {"eventfd_pair", 1000, setup_counter, NULL, run_counter, teardown_counter, 1},
    {"epoll_ready", 1000, setup_few, NULL, run_set, teardown_few, 1},
    {"epoll_ready_10000", 1000, setup_many, NULL, run_set, teardown_many, 1},
    {"socketpair_rt", 1000, setup_sockets, NULL, run_sockets, teardown_sockets, 1},
};
const size_t event_row_count = sizeof(event_rows) / sizeof(event_rows[0]);
