/* SPDX-License-Identifier: MIT */
/* What travels beside bytes: descriptors and identities, SCM_RIGHTS and SCM_CREDENTIALS of unix(7). */
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MOST 253

static void pair(int type, int ends[2]) {
    if (socketpair(AF_UNIX, type, 0, ends))
        bail("socketpair");
}

static long send_fds(int to, const int *fds, int count, const char *text, size_t length) {
    static char control[CMSG_SPACE(sizeof(int) * (MOST + 1))];
    struct iovec piece = {(void *)(uintptr_t)text, length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    memset(control, 0, sizeof(control));
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)count);
    return sendmsg(to, &message, MSG_NOSIGNAL);
}

struct got {
    long bytes;
    int flags;
    int count;
    int fds[MOST];
    int identities;
    struct ucred who;
};

/* Receives with room for so many descriptors. */
static struct got receive(int from, char *text, size_t length, int room, int flags) {
    static char control[CMSG_SPACE(sizeof(int) * MOST) + CMSG_SPACE(sizeof(struct ucred))];
    struct iovec piece = {text, length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    struct got got = {0};
    message.msg_control = room ? control : NULL;
    message.msg_controllen =
        room == MOST ? sizeof(control) : CMSG_LEN(sizeof(int) * (size_t)room) * (room > 0);
    got.bytes = recvmsg(from, &message, flags);
    got.flags = message.msg_flags;
    if (got.bytes < 0)
        return got;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level != SOL_SOCKET)
            continue;
        if (at->cmsg_type == SCM_RIGHTS) {
            got.count = (int)((at->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(got.fds, CMSG_DATA(at), sizeof(int) * (size_t)got.count);
        } else if (at->cmsg_type == SCM_CREDENTIALS) {
            got.identities++;
            memcpy(&got.who, CMSG_DATA(at), sizeof(got.who));
        }
    }
    return got;
}

static int open_count(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void test_passing(int type) {
    int ends[2], pipe_ends[2];
    char text[16] = "";
    pair(type, ends);
    if (pipe(pipe_ends))
        bail("pipe");
    is_int(send_fds(ends[0], pipe_ends, 2, "ab", 2), 2, "two descriptors with two bytes");
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    struct got got = receive(ends[1], text, sizeof(text), MOST, MSG_CMSG_CLOEXEC);
    is_int(got.bytes, 2, "the bytes");
    is_int(got.count, 2, "the descriptors");
    is_int(got.flags & MSG_CTRUNC, 0, "all of them");
    is_int(fcntl(got.fds[0], F_GETFD), FD_CLOEXEC, "closed on exec");
    is_int(write(got.fds[1], "x", 1), 1, "they work");
    is_int(read(got.fds[0], text, 1), 1, "both");
    close(got.fds[0]);
    close(got.fds[1]);
    /* Another process. */
    pid_t pid = start();
    if (pid == 0) {
        int file = memfd_create("passed", 0);
        if (write(file, "passed", 6) != 6)
            _exit(1);
        _exit(send_fds(ends[0], &file, 1, "f", 1) != 1);
    }
    got = receive(ends[1], text, sizeof(text), 1, 0);
    is_int(got.count, 1, "from another process");
    is_int(reap_exit(pid), 0, "which has ended");
    is_int(pread(got.fds[0], text, 16, 0), 6, "what it wrote");
    close(got.fds[0]);
    close(ends[0]);
    close(ends[1]);
}

static void test_truncated(void) {
    int ends[2], fds[3] = {0, 1, 2}, before = open_count();
    char text[16];
    pair(SOCK_STREAM, ends);
    send_fds(ends[0], fds, 3, "abc", 3);
    struct got got = receive(ends[1], text, 16, 2, 0);
    is_int(got.count, 2, "as many as there is room for");
    ok(got.flags & MSG_CTRUNC, "which is told");
    close(got.fds[0]);
    close(got.fds[1]);
    send_fds(ends[0], fds, 3, "abc", 3);
    is_int(read(ends[1], text, 16), 3, "a read drops them");
    send_fds(ends[0], fds, 1, "abc", 3);
    got = receive(ends[1], text, 16, 0, 0);
    ok(got.flags & MSG_CTRUNC, "so does no room at all");
    send_fds(ends[0], fds, 1, "abc", 3);
    got = receive(ends[1], text, 16, MOST, MSG_PEEK);
    is_int(got.count, 1, "a peek gets a copy");
    close(got.fds[0]);
    got = receive(ends[1], text, 16, MOST, 0);
    is_int(got.count, 1, "and they are still there");
    close(got.fds[0]);
    /* What comes with descriptors is not joined with what comes after it. */
    send_fds(ends[0], fds, 1, "ab", 2);
    is_int(send(ends[0], "cd", 2, 0), 2, "bytes behind them");
    got = receive(ends[1], text, 16, MOST, 0);
    is_int(got.bytes, 2, "not joined");
    close(got.fds[0]);
    is_int(read(ends[1], text, 16), 2, "but there");
    close(ends[0]);
    close(ends[1]);
    is_int(open_count(), before, "none is open that should not be");
}

static void test_errors(void) {
    int ends[2], bad[2] = {0, 900}, many[MOST + 1] = {0};
    char text[16];
    pair(SOCK_STREAM, ends);
    is_errno(send_fds(ends[0], bad, 2, "x", 1), EBADF, "not open");
    is_errno(recv(ends[1], text, 1, MSG_DONTWAIT), EAGAIN, "nothing was sent");
    is_errno(send_fds(ends[0], many, MOST + 1, "x", 1), EINVAL, "too many");
    is_int(send_fds(ends[0], many, MOST, "x", 1), 1, "as many as may be");
    struct got got = receive(ends[1], text, 1, MOST, 0);
    is_int(got.count, MOST, "arrive");
    for (int i = 0; i < got.count; i++)
        close(got.fds[i]);
    struct msghdr message = {.msg_control = nowhere, .msg_controllen = 64};
    is_errno(sendmsg(ends[0], &message, 0), EFAULT, "bad control messages");
    is_errno(sendmsg(ends[0], nowhere, 0), EFAULT, "a bad message");
    is_errno(recvmsg(ends[0], nowhere, MSG_DONTWAIT), EFAULT, "a bad message");
    char control[CMSG_SPACE(4)] = {0};
    struct cmsghdr *header = (struct cmsghdr *)(void *)control;
    header->cmsg_len = 1000;
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    is_errno(sendmsg(ends[0], &message, 0), EINVAL, "a bad length");
    close(ends[0]);
    close(ends[1]);
}

static long send_identity(int to, struct ucred who) {
    char control[CMSG_SPACE(sizeof(who))] = {0};
    struct iovec piece = {(void *)(uintptr_t) "i", 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_CREDENTIALS;
    header->cmsg_len = CMSG_LEN(sizeof(who));
    memcpy(CMSG_DATA(header), &who, sizeof(who));
    return sendmsg(to, &message, 0);
}

static void test_identity(void) {
    int ends[2], one = 1;
    char text[8];
    pair(SOCK_STREAM, ends);
    setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
    is_int(send(ends[0], "x", 1, 0), 1, "send");
    struct got got = receive(ends[1], text, 8, MOST, 0);
    is_int(got.identities, 1, "whose it is");
    ok(got.who.pid == getpid() && got.who.uid == getuid() && got.who.gid == getgid(), "ours");
    pid_t pid = start();
    if (pid == 0)
        _exit(send(ends[0], "y", 1, 0) != 1);
    got = receive(ends[1], text, 8, MOST, 0);
    is_int(got.who.pid, pid, "a child's");
    reap(pid);
    struct ucred own = {getpid(), getuid(), getgid()};
    is_int(send_identity(ends[0], own), 1, "said by the sender");
    got = receive(ends[1], text, 8, MOST, 0);
    is_int(got.who.pid, getpid(), "as it said");
    pid = start();
    if (pid == 0) {
        struct ucred other = {getppid(), 12345, 12345};
        if (getuid() == 0 && (setgid(4711) || setuid(4711)))
            _exit(9);
        _exit(send_identity(ends[0], other) < 0 && errno == EPERM ? 0 : 1);
    }
    is_int(reap_exit(pid), 0, "another's identity is refused");
    int fd = 0;
    send_fds(ends[0], &fd, 1, "z", 1);
    got = receive(ends[1], text, 8, MOST, 0);
    ok(got.identities == 1 && got.count == 1, "both");
    close(got.fds[0]);
    close(ends[0]);
    close(ends[1]);
}

/* Sockets that are on their way to one another, with nobody to receive them. */
static void test_cycles(int rounds) {
    int good = 0;
    for (int i = 0; i < rounds; i++) {
        int a[2], b[2], memory = memfd_create("cycle", 0);
        pair(SOCK_STREAM, a);
        pair(SOCK_STREAM, b);
        if (ftruncate(memory, 40960) || pwrite(memory, "x", 1, 40000) != 1)
            bail("memory");
        good += send_fds(a[0], &memory, 1, "m", 1) == 1;
        good += send_fds(a[0], &a[1], 1, "x", 1) == 1; /* into its own queue */
        good += send_fds(b[0], &a[0], 1, "x", 1) == 1;
        good += send_fds(a[0], &b[1], 1, "x", 1) == 1;
        good += send_fds(a[0], &b[0], 1, "x", 1) == 1;
        close(memory);
        close(a[0]);
        close(a[1]);
        close(b[0]);
        close(b[1]);
        int last[2];
        pair(SOCK_STREAM, last);
        close(last[0]);
        close(last[1]);
    }
    is_int(good, rounds * 5, "%d rounds of sockets on their way to themselves", rounds);
}

/* One on its way that can still be received lives on. */
static void test_not_collected(void) {
    int outer[2], inner[2], deep[2];
    char text[8];
    pair(SOCK_STREAM, outer);
    pair(SOCK_STREAM, inner);
    pair(SOCK_STREAM, deep);
    is_int(send(deep[0], "deep", 4, 0), 4, "something to be found");
    send_fds(inner[0], &deep[1], 1, "d", 1);
    send_fds(outer[0], &inner[1], 1, "i", 1);
    close(deep[1]);
    close(inner[1]);
    int other[2];
    pair(SOCK_STREAM, other);
    close(other[0]);
    close(other[1]);
    sleep_ms(50);
    struct got got = receive(outer[1], text, 8, MOST, 0);
    is_int(got.count, 1, "a socket");
    struct got more = receive(got.fds[0], text, 8, MOST, 0);
    is_int(more.count, 1, "in which is a socket");
    is_int(read(more.fds[0], text, 8), 4, "in which is what was sent");
    close(got.fds[0]);
    close(more.fds[0]);
    close(outer[0]);
    close(outer[1]);
    close(inner[0]);
    close(deep[0]);
}

/* They are given back if nobody receives them. */
static void test_given_back(void) {
    int ends[2], pipe_ends[2];
    pair(SOCK_STREAM, ends);
    if (pipe(pipe_ends))
        bail("pipe");
    send_fds(ends[0], &pipe_ends[1], 1, "x", 1);
    close(pipe_ends[1]);
    struct pollfd one = {.fd = pipe_ends[0]};
    is_int(poll(&one, 1, 50), 0, "on its way it is open");
    close(ends[0]);
    close(ends[1]);
    is_int(poll(&one, 1, 20000), 1, "it goes with the socket");
    ok(one.revents & POLLHUP, "as the pipe sees");
    close(pipe_ends[0]);
    pid_t pid = start();
    if (pid == 0) {
        int zero = 0;
        if (getuid() == 0 && (setgid(4711) || setuid(4711)))
            _exit(9);
        pair(SOCK_DGRAM, ends);
        int many[MOST] = {0}, sent = 0;
        (void)zero;
        for (int i = 0; i < 200; i++) {
            int other[2];
            if (sent % 8 == 0)
                pair(SOCK_STREAM, other);
            if (send_fds(other[0], many, MOST, "x", 1) < 0)
                _exit(errno == ETOOMANYREFS && sent >= 4 ? 0 : 2);
            sent++;
        }
        _exit(1);
    }
    is_int(reap_exit(pid), 0, "a user has not more than so many on their way");
}

int main(void) {
    test_cycles(20);
    test_passing(SOCK_STREAM);
    long before = free_pages();
    test_passing(SOCK_STREAM);
    test_passing(SOCK_DGRAM);
    test_passing(SOCK_SEQPACKET);
    test_truncated();
    test_errors();
    test_identity();
    test_not_collected();
    test_given_back();
    test_cycles(100);
    check_free_pages(before, 64, "no memory is lost");
    return done();
}
