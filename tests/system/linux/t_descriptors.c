/* SPDX-License-Identifier: MIT */
/*
 * Processes that do anything with descriptors of all kinds at random: make, duplicate, watch, pass, shut down, close and read
 * and write them, while their parents kill some. Nothing may be lost by that: not the server that has the
 * descriptors, not memory, and not the descriptors of others. The argument is for how many seconds; without one, it is short.
 */
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/vfs.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#define FDS 48
#define WORKERS 6
#define STEPS 2500

static int fds[FDS];
static uint64_t seed;

static unsigned pick(unsigned below) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % below;
}

/* One of its own; descriptors are blocking only where a time limit ends the wait. */
static int any(void) {
    return fds[pick(FDS)];
}

/* Takes the place of another, which is closed. */
static void keep(int fd) {
    if (fd < 0)
        return;
    unsigned at = pick(FDS);
    close(fds[at]);
    fds[at] = fd;
}

static void keep_two(const int pair[2], int result) {
    if (result == 0) {
        keep(pair[0]);
        keep(pair[1]);
    }
}

static struct sockaddr_un name(socklen_t *length) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int written = snprintf(address.sun_path + 1, 32, "t_descriptors %u", pick(6));
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)written);
    return address;
}

static void make(void) {
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int pair[2] = {-1, -1}, type = types[pick(3)] | SOCK_NONBLOCK;
    socklen_t length;
    struct sockaddr_un address = name(&length);
    struct itimerspec time = {.it_value = {0, 1 + (long)pick(3000000)},
                              .it_interval = {0, (long)pick(2) * 100000}};
    char path[64];
    int fd;
    switch (pick(11)) {
    case 0:
        keep(eventfd(pick(3), EFD_NONBLOCK | (pick(2) ? EFD_SEMAPHORE : 0)));
        break;
    case 1:
        fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
        timerfd_settime(fd, 0, &time, NULL);
        keep(fd);
        break;
    case 2:
        keep(epoll_create1(0));
        break;
    case 3:
        keep_two(pair, pipe2(pair, O_NONBLOCK));
        break;
    case 4:
        keep(memfd_create("random", MFD_ALLOW_SEALING));
        break;
    case 5:
        keep((int)syscall(SYS_pidfd_open, pick(2) ? getpid() : getppid(), 0));
        break;
    case 6:
        fd = socket(AF_UNIX, type, 0);
        if (bind(fd, (struct sockaddr *)&address, length) == 0)
            listen(fd, (int)pick(4));
        keep(fd);
        break;
    case 7:
        fd = socket(AF_UNIX, type, 0);
        connect(fd, (struct sockaddr *)&address, length);
        keep(fd);
        break;
    case 8:
        keep(inotify_init1(IN_NONBLOCK));
        break;
    case 9:
        snprintf(path, sizeof(path), "/tmp/t_descriptors.%u", pick(4));
        keep(open(path, O_CREAT | O_RDWR, 0600));
        if (pick(3) == 0)
            unlink(path);
        break;
    default:
        keep_two(pair, socketpair(AF_UNIX, type, 0, pair));
    }
}

static void watch(void) {
    static const uint32_t how[] = {0, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT,
                                   EPOLLEXCLUSIVE};
    struct epoll_event event = {.events = EPOLLIN | (pick(2) ? EPOLLOUT : 0) | how[pick(5)]},
                       found[4];
    struct pollfd some[4];
    char path[64];
    switch (pick(5)) {
    case 4:
        snprintf(path, sizeof(path), "/tmp/t_descriptors.%u", pick(4));
        inotify_add_watch(any(), pick(2) ? "/tmp" : path,
                          pick(2) ? IN_ALL_EVENTS : IN_ALL_EVENTS | IN_ONESHOT);
        break;
    case 0:
        for (int i = 0; i < 4; i++)
            some[i] = (struct pollfd){.fd = any(), .events = POLLIN | POLLOUT | POLLRDHUP};
        poll(some, 4, (int)pick(2));
        break;
    case 1:
        epoll_wait(any(), found, 4, (int)pick(2));
        break;
    default:
        epoll_ctl(any(), 1 + (int)pick(3), any(), &event);
    }
}

static void transfer(void) {
    static char bytes[100000];
    size_t length = pick(3) ? pick(64) : pick(sizeof(bytes));
    int fd = any();
    switch (pick(6)) {
    case 0:
    case 1:
        if (write(fd, bytes, length) < 0)
            return;
        break;
    case 2:
    case 3:
        if (read(fd, bytes, length) < 0)
            return;
        break;
    case 4:
        send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    default:
        recv(fd, bytes, length, MSG_DONTWAIT | (pick(4) ? 0 : MSG_PEEK));
    }
}

static void pass(void) {
    char control[CMSG_SPACE(sizeof(int) * 3)] = {0}, text[8] = "passed";
    struct iovec piece = {text, 1 + pick(8)};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    if (pick(2)) {
        if (recvmsg(any(), &message, MSG_DONTWAIT) < 0)
            return;
        for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
            int got[3], count = (int)((at->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(got, CMSG_DATA(at), (size_t)count * sizeof(int));
            for (int i = 0; i < count && at->cmsg_type == SCM_RIGHTS; i++)
                keep(got[i]);
        }
        return;
    }
    int given[3] = {any(), any(), any()}, count = 1 + (int)pick(3);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(header), given, sizeof(int) * (size_t)count);
    sendmsg(any(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void change(void) {
    int one = (int)pick(2);
    switch (pick(6)) {
    case 0:
        shutdown(any(), (int)pick(3));
        break;
    case 1:
        keep(dup(any()));
        break;
    case 2:
        setsockopt(any(), SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
        break;
    case 3:
        fcntl(any(), F_ADD_SEALS, 1 << pick(5));
        break;
    case 4:
        keep(accept4(any(), NULL, NULL, SOCK_NONBLOCK));
        break;
    default:
        keep(open("/dev/null", O_RDWR));
    }
}

static void work(int steps, unsigned depth);

/* A child with the same descriptors, which may be ended in the midst of anything. */
static void branch(unsigned depth) {
    if (depth == 0)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        seed += (uint64_t)getpid() * 77;
        work(60, depth - 1);
        _exit(0);
    }
    if (pid > 0) {
        if (pick(2))
            kill(pid, SIGKILL);
        reap(pid);
    }
}

static void work(int steps, unsigned depth) {
    for (int i = 0; i < steps; i++) {
        unsigned what = pick(200);
        if (what < 60)
            make();
        else if (what < 95)
            watch();
        else if (what < 150)
            transfer();
        else if (what < 180)
            pass();
        else if (what < 199)
            change();
        else
            branch(depth);
    }
}

static void round_of_work(uint64_t number) {
    pid_t pids[WORKERS];
    int good = 0, witness = eventfd(5, EFD_NONBLOCK);
    for (int i = 0; i < WORKERS; i++)
        if ((pids[i] = start()) == 0) {
            signal(SIGPIPE, SIG_IGN);
            close(witness);
            seed = number * 1000 + (uint64_t)i;
            for (int fd = 0; fd < FDS; fd++)
                fds[fd] = -1;
            work(STEPS, 2);
            _exit(0);
        }
    for (int i = 0; i < WORKERS; i++)
        good += reap(pids[i]) == 0;
    uint64_t value = 0;
    ok(good == WORKERS, "round %llu: all come to their end", (unsigned long long)number);
    ok(read(witness, &value, sizeof(value)) == sizeof(value) && value == 5,
       "what they had nothing to do with is as it was");
    close(witness);
}

/* A file without a name (O_TMPFILE) can be given one, unless it was opened with O_EXCL. */
static void test_gets_a_name(void) {
    char path[64], data[8] = "";

    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    ok(fd >= 0 && write(fd, "named", 5) == 5, "a file without a name");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    is_int(linkat(AT_FDCWD, path, AT_FDCWD, "/tmp/named", AT_SYMLINK_FOLLOW), 0, "gets one");
    int other = open("/tmp/named", O_RDONLY);
    ok(read(other, data, sizeof(data)) == 5 && !strcmp(data, "named"), "it is that file");
    is_errno(linkat(AT_FDCWD, path, AT_FDCWD, "/tmp/named", AT_SYMLINK_FOLLOW), EEXIST, "once");
    unlink("/tmp/named");
    is_errno(linkat(AT_FDCWD, path, AT_FDCWD, "/tmp/named", AT_SYMLINK_FOLLOW), ENOENT,
             "none when that has gone");
    close(other);
    close(fd);
    fd = open("/tmp", O_TMPFILE | O_RDWR | O_EXCL, 0600);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    is_errno(linkat(AT_FDCWD, path, AT_FDCWD, "/tmp/named", AT_SYMLINK_FOLLOW), ENOENT, "O_EXCL");
    close(fd);
}

static long type_of(const char *path) {
    struct statfs status;

    return statfs(path, &status) < 0 ? -errno : (long)status.f_type;
}

static long type_at(int fd) {
    struct statfs status;
    long type = fstatfs(fd, &status) < 0 ? -errno : (long)status.f_type;

    close(fd);
    return type;
}

/* Programs tell /proc, terminals and pipes by the file system's type. */
static void test_file_systems(void) {
    int ends[2];

    is_int(type_of("/proc"), 0x9fa0, "the type of /proc");
    is_int(type_of("/proc/self/status"), 0x9fa0, "of what is in it");
    is_int(type_of("/proc/nothing"), -ENOENT, "of nothing");
    is_int(type_at(open("/proc/self/stat", O_RDONLY)), 0x9fa0, "of a file of it that is open");
    is_int(type_of("/dev/shm"), 0x01021994, "of memory");
    is_int(type_of("/dev/pts"), 0x1cd1, "of terminals");
    if (pipe(ends) < 0)
        bail("pipe");
    is_int(type_at(ends[0]), 0x50495045, "of a pipe");
    close(ends[1]);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        bail("socketpair");
    is_int(type_at(ends[0]), 0x534f434b, "of a socket");
    close(ends[1]);
    is_int(type_at(epoll_create1(0)), 0x09041934, "of an epoll");
}

/* F_GETFL tells what open(2) was given, but for what is over with it. */
static void test_flags_told(void) {
    int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    is_int(fcntl(fd, F_GETFL) & ~0100000, O_DIRECTORY | O_NOFOLLOW, "a directory's flags");
    close(fd);
    fd = open("/tmp", O_PATH | O_DIRECTORY);
    is_int(fcntl(fd, F_GETFL), O_PATH | O_DIRECTORY, "a path's");
    close(fd);
    fd = open("/tmp/flags", O_CREAT | O_TRUNC | O_RDWR | O_SYNC | O_NOCTTY, 0600);
    is_int(fcntl(fd, F_GETFL) & ~0100000, O_RDWR | O_SYNC, "a file's");
    fcntl(fd, F_SETFL, O_APPEND);
    is_int(fcntl(fd, F_GETFL) & ~0100000, O_RDWR | O_SYNC | O_APPEND, "not all can be changed");
    close(fd);
    unlink("/tmp/flags");
}

int main(int argc, char **argv) {
    long seconds = argc > 1 ? atol(argv[1]) : 0;
    time_t end = time(NULL) + seconds;
    uint64_t number = seconds ? (uint64_t)time(NULL) : 1;
    round_of_work(number);
    round_of_work(number + 1);
    long before = free_pages();
    do
        round_of_work(number += 2);
    while (time(NULL) < end);
    check_free_pages(before, 200, "no memory is lost");
    test_flags_told();
    test_gets_a_name();
    test_file_systems();
    return done();
}
