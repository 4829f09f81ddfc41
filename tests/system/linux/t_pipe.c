/* SPDX-License-Identifier: MIT */
/*
 * Pipes and descriptors: pipe(7), dup(2), fcntl(2). Runs on Linux and under qemu-user.
 */
#include "tap.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

static int ends[2];

static void new_pipe(void) {
    if (pipe(ends) < 0)
        bail("pipe");
}

static void close_pipe(void) {
    close(ends[0]);
    close(ends[1]);
}

static void test_basics(void) {
    char data[16] = "";
    struct stat st;
    int waiting = 0;

    new_pipe();
    is_int(write(ends[1], "hello", 5), 5, "write");
    is_int(ioctl(ends[0], FIONREAD, &waiting), 0, "FIONREAD");
    is_int(waiting, 5, "what waits");
    is_int(read(ends[0], data, 2), 2, "read a part");
    is_int(read(ends[0], data + 2, 10), 3, "read the rest");
    ok(!memcmp(data, "hello", 5), "the bytes in order");
    is_errno(write(ends[0], "x", 1), EBADF, "the reading end cannot be written");
    is_errno(read(ends[1], data, 1), EBADF, "nor the writing end read");
    is_errno(lseek(ends[0], 0, SEEK_CUR), ESPIPE, "no seeking: ESPIPE");
    is_errno(pread(ends[0], data, 1, 0), ESPIPE, "no pread: ESPIPE");
    ok(fstat(ends[0], &st) == 0 && S_ISFIFO(st.st_mode), "fstat says it is a FIFO");
    is_int(read(ends[0], data, 0), 0, "an empty read does not wait");
    is_errno(write(ends[1], nowhere, 4), EFAULT, "write from nowhere: EFAULT");
    is_int(write(ends[1], "abc", 3), 3, "three bytes more");
    is_errno(read(ends[0], nowhere, 3), EFAULT, "read to nowhere: EFAULT");
    close_pipe();
    is_errno(read(ends[0], data, 1), EBADF, "a closed one: EBADF");
    is_errno(close(ends[0]), EBADF, "close twice: EBADF");
    is_errno(pipe(nowhere), EFAULT, "pipe(): EFAULT");
    is_errno(pipe2(ends, 1), EINVAL, "pipe2 with unknown flags: EINVAL");
}

static int write_without_reader(void) {
    close(ends[0]);
    return write(ends[1], "x", 1) < 0 ? 1 : 2;
}

static int write_ignoring(void) {
    signal(SIGPIPE, SIG_IGN);
    close(ends[0]);
    return write(ends[1], "x", 1) == -1 && errno == EPIPE ? 0 : 1;
}

static int write_blocked_then_broken(void) {
    static char much[300000];

    signal(SIGPIPE, SIG_IGN);
    close(ends[0]);
    if (write(ends[1], much, sizeof(much)) <= 0) /* a part was taken before the reader left */
        return 1;
    return write(ends[1], much, 1) == -1 && errno == EPIPE ? 0 : 2;
}

static volatile int broken;

static void on_broken(int signal) {
    (void)signal;
    broken++;
}

/* Some of it went in before the reader went away: that much was written, and SIGPIPE comes, too. */
static int write_partly_then_broken(void) {
    static char big[200000];
    close(ends[0]);
    signal(SIGPIPE, on_broken);
    ssize_t written = write(ends[1], big, sizeof(big));
    return !(written == 65536 && broken == 1);
}

static void test_broken_partly(void) {
    new_pipe();
    pid_t pid = start();
    if (pid == 0)
        _exit(write_partly_then_broken());
    close(ends[1]);
    let_block();
    close(ends[0]);
    is_int(reap_exit(pid), 0, "a write that had begun: its bytes, and SIGPIPE");
}

static void test_ends(void) {
    char byte;
    pid_t pid;

    new_pipe();
    if (write(ends[1], "z", 1) != 1)
        bail("write");
    close(ends[1]);
    is_int(read(ends[0], &byte, 1), 1, "what was written before the end");
    is_int(read(ends[0], &byte, 1), 0, "then the end of file");
    is_int(read(ends[0], &byte, 1), 0, "again and again");
    close(ends[0]);
    new_pipe();
    close(ends[0]);
    is_int(in_child(write_without_reader), SIGPIPE, "writing without a reader: SIGPIPE");
    is_int(in_child(write_ignoring), 0, "EPIPE when it is ignored");
    close(ends[1]);
    new_pipe();
    pid = start();
    if (pid == 0)
        _exit(write_blocked_then_broken());
    close(ends[1]);
    let_block();
    ok(read(ends[0], &byte, 1) == 1, "a writer has filled the pipe");
    close(ends[0]);
    is_int(reap_exit(pid), 0, "the reader's leaving wakes it");
    new_pipe();
    pid = start();
    if (pid == 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    let_block();
    close_pipe();
    is_int(reap_exit(pid), 0, "the last writer's leaving wakes a reader");
}

static void test_nonblocking(void) {
    static char data[PIPE_BUF];
    long filled = 0;
    ssize_t put;

    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        bail("pipe2");
    ok(fcntl(ends[0], F_GETFL) & O_NONBLOCK, "O_NONBLOCK is set");
    is_int(fcntl(ends[1], F_GETFD), FD_CLOEXEC, "and FD_CLOEXEC");
    is_errno(read(ends[0], data, 1), EAGAIN, "nothing to read: EAGAIN");
    while ((put = write(ends[1], data, sizeof(data))) > 0)
        filled += put;
    ok(put < 0 && errno == EAGAIN, "no room: EAGAIN");
    ok(filled >= PIPE_BUF && filled % PIPE_BUF == 0, "whole writes of PIPE_BUF fitted in: %ld",
       filled);
    is_int(read(ends[0], data, 10), 10, "make a little room");
    is_errno(write(ends[1], data, PIPE_BUF), EAGAIN, "a write of PIPE_BUF is all or nothing");
    while (filled > 10)
        filled -= read(ends[0], data, sizeof(data));
    is_errno(read(ends[0], data, 1), EAGAIN, "empty again");
    is_int(fcntl(ends[0], F_SETFL, 0), 0, "F_SETFL");
    ok(!(fcntl(ends[0], F_GETFL) & O_NONBLOCK), "takes it off");
    close_pipe();
}

/* ---- Many bytes, many writers ------------------------------------------------------------- */

#define TOTAL (8 << 20)

static unsigned char pattern(long at) {
    return (unsigned char)(at * 31 + (at >> 11));
}

static void test_large(void) {
    static unsigned char data[70001];
    long at = 0, wrong = 0;
    ssize_t got;
    pid_t pid;

    new_pipe();
    pid = start();
    if (pid == 0) {
        close(ends[0]);
        while (at < TOTAL) {
            size_t len = (size_t)(at % 70000) + 1;

            if (len > (size_t)(TOTAL - at))
                len = (size_t)(TOTAL - at);
            for (size_t i = 0; i < len; i++)
                data[i] = pattern(at + (long)i);
            if (write(ends[1], data, len) != (ssize_t)len)
                _exit(1);
            at += (long)len;
        }
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], data, 12345)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            wrong += data[i] != pattern(at + i);
        at += got;
    }
    is_int(at, TOTAL, "%d bytes from another process", TOTAL);
    is_int(wrong, 0, "each of them right");
    is_int(reap(pid), 0, "blocking writes are never cut short");
    close(ends[0]);
}

/* Writes of PIPE_BUF bytes by several processes never mix. */
static void test_atomic(void) {
    enum { WRITERS = 4, ROUNDS = 100 };
    static char data[PIPE_BUF];
    int mixed = 0, blocks = 0;
    size_t len = 0;
    ssize_t got;

    new_pipe();
    for (int i = 0; i < WRITERS; i++) {
        if (start() == 0) {
            memset(data, 'a' + i, sizeof(data));
            for (int round = 0; round < ROUNDS; round++) {
                if (write(ends[1], data, sizeof(data)) != sizeof(data))
                    _exit(1);
            }
            _exit(0);
        }
    }
    close(ends[1]);
    while ((got = read(ends[0], data + len, sizeof(data) - len)) > 0) {
        len += (size_t)got;
        if (len < sizeof(data))
            continue;
        for (size_t i = 1; i < sizeof(data); i++)
            mixed += data[i] != data[0];
        blocks++;
        len = 0;
    }
    is_int(blocks, WRITERS * ROUNDS, "all blocks arrive");
    is_int(mixed, 0, "none mixed with another");
    for (int i = 0; i < WRITERS; i++)
        is_int(wait(NULL) > 0, 1, "a writer is done");
    close(ends[0]);
}

/* ---- Descriptors -------------------------------------------------------------------------- */

static void test_descriptors(void) {
    char data[4];
    int copy, other;

    new_pipe();
    copy = dup(ends[1]);
    ok(copy > ends[1], "dup gives the lowest free descriptor");
    close(ends[1]);
    is_int(write(copy, "d", 1), 1, "a copy keeps the pipe open");
    is_int(read(ends[0], data, 4), 1, "and its byte arrives");
    is_int(dup2(copy, 50), 50, "dup2");
    is_int(dup2(50, 50), 50, "dup2 onto itself");
    is_errno(dup2(49, 48), EBADF, "dup2 of a closed one: EBADF");
    is_errno(dup3(50, 50, 0), EINVAL, "dup3 onto itself: EINVAL");
    is_int(dup3(50, 51, O_CLOEXEC), 51, "dup3");
    is_int(fcntl(51, F_GETFD), FD_CLOEXEC, "with O_CLOEXEC");
    is_int(fcntl(50, F_GETFD), 0, "which belongs to one descriptor only");
    other = fcntl(50, F_DUPFD, 60);
    is_int(other, 60, "F_DUPFD");
    is_int(fcntl(50, F_DUPFD_CLOEXEC, 60), 61, "F_DUPFD_CLOEXEC");
    is_int(fcntl(61, F_GETFD), FD_CLOEXEC, "sets it");
    is_int(fcntl(50, F_SETFD, FD_CLOEXEC), 0, "F_SETFD");
    is_int(fcntl(50, F_GETFL) & O_ACCMODE, O_WRONLY, "F_GETFL tells the access mode");
    is_errno(fcntl(50, F_DUPFD, -1), EINVAL, "F_DUPFD below 0: EINVAL");
    is_errno(fcntl(50, 9999), EINVAL, "an unknown command: EINVAL");
    is_errno(dup2(50, -1), EBADF, "dup2 to -1: EBADF");
    is_errno(dup2(50, 1 << 30), EBADF, "dup2 above the limit: EBADF");
    for (int fd = 50; fd <= 61; fd++)
        close(fd);
    close(copy);
    is_int(read(ends[0], data, 1), 0, "with the last copy closed: end of file");
    close(ends[0]);
}

static void test_vectors(void) {
    char first[4] = "", second[8] = "";
    struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdefg", 5}};
    volatile int minus_one = -1;
    struct iovec in[2] = {{first, 3}, {second, 8}};

    new_pipe();
    is_int(writev(ends[1], out, 3), 7, "writev");
    is_int(readv(ends[0], in, 2), 7, "readv");
    ok(!memcmp(first, "abc", 3) && !memcmp(second, "defg", 4), "the bytes in order");
    is_errno(writev(ends[1], out, minus_one), EINVAL, "a negative count: EINVAL");
    close_pipe();
}

static void test_poll(void) {
    struct pollfd wanted[2];
    char byte;

    new_pipe();
    wanted[0] = (struct pollfd){.fd = ends[0], .events = POLLIN};
    wanted[1] = (struct pollfd){.fd = ends[1], .events = POLLOUT};
    is_int(poll(wanted, 2, 0), 1, "poll of an empty pipe");
    ok(wanted[0].revents == 0 && wanted[1].revents == POLLOUT, "it can be written");
    is_int(write(ends[1], "p", 1), 1, "write");
    is_int(poll(wanted, 1, 1000), 1, "poll of a filled one");
    is_int(wanted[0].revents, POLLIN, "it can be read");
    is_int(read(ends[0], &byte, 1), 1, "read");
    is_int(poll(wanted, 1, 20), 0, "poll with a time limit");
    close(ends[1]);
    is_int(poll(wanted, 1, 1000), 1, "poll without writers");
    ok(wanted[0].revents & POLLHUP, "POLLHUP");
    close(ends[0]);
}

static int wrote, packet_read;

static bool put(size_t length, int byte) {
    static char data[70000];
    memset(data, byte, length);
    wrote = (int)write(ends[1], data, length);
    return wrote == (int)length;
}

/* What a read with so much room gives: its length, if all bytes are the same one. */
static int get(size_t room, int byte) {
    static char data[70000];
    packet_read = (int)read(ends[0], data, room);
    for (int i = 0; i < packet_read; i++)
        if (data[i] != byte)
            return -2;
    return packet_read;
}

static int child_reads_packets(void) {
    return !(get(10, 'a') == 10 && get(10, 'b') == 5 && get(8000, 'c') == 4096 &&
             get(8000, 'c') == 904);
}

/* pipe2(2): O_DIRECT. */
static void test_packets(void) {
    int bytes = -1;
    if (pipe2(ends, O_DIRECT) < 0)
        bail("pipe2");
    ok(fcntl(ends[1], F_GETFL) & O_DIRECT, "F_GETFL tells of packets");
    ok(put(100, 'a') && put(50, 'b') && put(5000, 'c'), "four packets");
    is_int(ioctl(ends[0], FIONREAD, &bytes), 0, "FIONREAD");
    is_int(bytes, 5150, "all of their bytes");
    is_int(get(200, 'a'), 100, "a read gives one packet");
    is_int(get(20, 'b'), 20, "what has no room of a packet");
    is_int(get(8000, 'c'), 4096, "is lost; the longest packet");
    is_int(get(8000, 'c'), 904, "and its rest as another");
    is_int(fcntl(ends[1], F_SETFL, 0), 0, "no packets any more");
    ok(put(10, 'd') && put(10, 'd'), "two writes");
    is_int(fcntl(ends[1], F_SETFL, O_DIRECT), 0, "packets again");
    ok(put(10, 'e') && put(10, 'e'), "two packets");
    int got = get(15, 'd');
    while (got > 0 && got < 20)
        got += get(5, 'd');
    is_int(got, 20, "bytes without borders");
    got = get(100, 'e'); /* Linux puts packets to bytes that are there already */
    ok(got == 20 || (got == 10 && get(100, 'e') == 10), "packets behind them");
    fcntl(ends[1], F_SETFL, O_DIRECT | O_NONBLOCK);
    int count = 0;
    while (put(4096, 'f'))
        count++;
    ok(count >= 15 && wrote == -1 && errno == EAGAIN, "until it is full");
    while (count > 0 && get(5000, 'f') == 4096)
        count--;
    is_int(count, 0, "each of them whole");
    fcntl(ends[1], F_SETFL, O_DIRECT);
    pid_t pid = start();
    if (pid == 0)
        _exit(child_reads_packets());
    let_block();
    ok(put(20, 'a') && put(5, 'b') && put(5000, 'c'), "to a reader that waits");
    is_int(reap_exit(pid), 0, "each read is one packet");
    pid = start();
    if (pid == 0)
        _exit(!put(69000, 'g'));
    let_block();
    int all = 0, reads = 0;
    for (; all < 69000 && get(69000, 'g') > 0; reads++)
        all += packet_read;
    ok(all == 69000 && reads == 17, "a writer that waits: 17 packets");
    is_int(reap_exit(pid), 0, "has written all");
    close_pipe();
}

/* By pages, which Linux counts. */
static long fill(int fd) {
    static char bytes[4096];
    long sum = 0;
    ssize_t n;

    while ((n = write(fd, bytes, sizeof(bytes))) > 0)
        sum += n;
    return sum;
}

/* fcntl(2), F_SETPIPE_SZ: rounded up to a power of two of pages; never less than what is in it. */
static void test_capacity(void) {
    char bytes[4096] = "";

    new_pipe();
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    is_int(fcntl(ends[1], F_GETPIPE_SZ), 65536, "a pipe's capacity");
    is_int(fcntl(ends[0], F_SETPIPE_SZ, 1), 4096, "it becomes a page");
    is_int(fcntl(ends[1], F_GETPIPE_SZ), 4096, "of both ends");
    is_int(fill(ends[1]), 4096, "so much goes in");
    is_int(fcntl(ends[1], F_SETPIPE_SZ, 16385), 32768, "with bytes in it, it becomes larger");
    is_int(fill(ends[1]), 32768 - 4096, "and takes more");
    is_errno(fcntl(ends[1], F_SETPIPE_SZ, 16384), EBUSY, "it does not become less than is in it");
    is_errno(fcntl(ends[1], F_SETPIPE_SZ, -1), EINVAL, "nor more than there can be");
    is_int(fcntl(ends[1], F_SETPIPE_SZ, 100000), 131072, "but larger than it was at first");
    is_int(fill(ends[1]), 131072 - 32768, "which it takes");
    is_errno(fcntl(0, F_SETPIPE_SZ, 4096), EBADF, "what is no pipe");
    close_pipe();
    if (pipe2(ends, O_DIRECT | O_NONBLOCK) < 0)
        bail("pipe2");
    is_int(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096, "one of packets with a page");
    is_int(write(ends[1], bytes, 4096), 4096, "takes the longest");
    is_errno(write(ends[1], bytes, 1), EAGAIN, "and then no other");
    is_int(read(ends[0], bytes, 4096), 4096, "which comes whole");
    close_pipe();
}

/* A pipe without a name is opened anew by /proc/self/fd, and not as a FIFO: nobody waits for the other end. */
static void test_anew(void) {
    char path[32], data[8] = "";

    new_pipe();
    if (write(ends[1], "abc", 3) != 3)
        bail("write");
    close(ends[1]);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    alarm(20);
    int fd = open(path, O_RDONLY);
    ok(fd >= 0, "opened anew when its writer has gone");
    is_int(read(fd, data, sizeof(data)), 3, "what was written is there");
    is_int(read(fd, data, sizeof(data)), 0, "and then the end");
    close(fd);
    close(ends[0]);
    new_pipe();
    close(ends[0]);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
    fd = open(path, O_WRONLY);
    ok(fd >= 0, "opened anew when its reader has gone");
    close(fd);
    fd = open(path, O_WRONLY | O_NONBLOCK);
    ok(fd >= 0, "O_NONBLOCK, too");
    alarm(0);
    signal(SIGPIPE, SIG_IGN);
    is_errno(write(fd, "x", 1), EPIPE, "nobody reads what is written");
    signal(SIGPIPE, SIG_DFL);
    close(fd);
    close(ends[1]);
}

/* A writer that waits goes on when there is more room. */
static void test_grows(void) {
    char bytes[3000] = "";

    new_pipe();
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    ok(write(ends[1], bytes, 3000) == 3000, "a small pipe is nearly full");
    pid_t child = start();
    if (child == 0)
        _exit(write(ends[1], bytes, 3000) != 3000);
    let_block();
    is_int(fcntl(ends[1], F_SETPIPE_SZ, 8192), 8192, "it grows while a writer waits");
    is_int(reap_exit(child), 0, "who has room then");
    close_pipe();
}

int main(void) {
    test_basics();
    test_ends();
    test_broken_partly();
    test_nonblocking();
    test_large();
    test_atomic();
    test_descriptors();
    test_vectors();
    test_poll();
    test_packets();
    test_capacity();
    test_grows();
    test_anew();
    return done();
}
