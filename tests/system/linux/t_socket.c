/* SPDX-License-Identifier: MIT */
/* Sockets of the local domain: unix(7). Connections, datagrams, names, options, ends. */
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

#define FAMILY offsetof(struct sockaddr_un, sun_path)

static int events(int fd, int wanted) {
    struct pollfd one = {.fd = fd, .events = (short)wanted};
    return poll(&one, 1, 0) < 0 ? -1 : one.revents;
}

static void pair(int type, int ends[2]) {
    if (socketpair(AF_UNIX, type, 0, ends))
        bail("socketpair");
}

static void close_both(const int ends[2]) {
    close(ends[0]);
    close(ends[1]);
}

/* A path, or with '@' in front an abstract name; its length. */
static socklen_t address_of(const char *name, struct sockaddr_un *address) {
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    strcpy(address->sun_path, name);
    if (name[0] != '@')
        return (socklen_t)(FAMILY + strlen(name) + 1);
    address->sun_path[0] = '\0';
    return (socklen_t)(FAMILY + strlen(name));
}

static int bound(int type, const char *name) {
    struct sockaddr_un address;
    socklen_t length = address_of(name, &address);
    int fd = socket(AF_UNIX, type, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length))
        bail("bind");
    return fd;
}

static int listening(const char *name, int backlog) {
    int fd = bound(SOCK_STREAM, name);
    if (listen(fd, backlog))
        bail("listen");
    return fd;
}

static int connect_to(int fd, const char *name) {
    struct sockaddr_un address;
    socklen_t length = address_of(name, &address);
    return connect(fd, (struct sockaddr *)&address, length);
}

static void test_making(void) {
    int ends[2], fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat status;
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "closed on exec");
    is_int(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK, "does not block");
    fstat(fd, &status);
    ok(S_ISSOCK(status.st_mode), "it is a socket");
    is_errno(lseek(fd, 0, SEEK_CUR), ESPIPE, "without places");
    close(fd);
    is_errno(socket(AF_UNIX, 77, 0), EINVAL, "bad flags");
    is_errno(socket(AF_UNIX, 7, 0), ESOCKTNOSUPPORT, "no such type");
    is_errno(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT, "no such protocol");
    is_errno(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT, "no such domain");
    is_errno(socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere), EFAULT, "a bad buffer");
    pair(SOCK_STREAM | SOCK_CLOEXEC, ends);
    is_int(fcntl(ends[1], F_GETFD), FD_CLOEXEC, "closed on exec");
    close_both(ends);
    if (pipe(ends))
        bail("pipe");
    is_errno(listen(ends[0], 1), ENOTSOCK, "a pipe is none");
    is_errno(send(ends[1], "x", 1, 0), ENOTSOCK, "a pipe is none");
    is_errno(listen(900, 1), EBADF, "not open");
    close_both(ends);
}

static void test_stream(void) {
    int ends[2];
    char text[32] = "";
    pair(SOCK_STREAM, ends);
    is_int(events(ends[0], POLLIN | POLLOUT), POLLOUT, "nothing there");
    is_int(write(ends[0], "hello", 5), 5, "write");
    is_int(send(ends[0], " world", 6, 0), 6, "send");
    is_int(events(ends[1], POLLIN), POLLIN, "something there");
    int count = 0;
    ioctl(ends[1], FIONREAD, &count);
    is_int(count, 11, "so many bytes");
    is_int(recv(ends[1], text, 3, MSG_PEEK), 3, "a peek");
    is_int(recv(ends[1], text, sizeof(text), MSG_PEEK), 11, "a longer one");
    is_int(read(ends[1], text, 7), 7, "a part");
    ok(!memcmp(text, "hello w", 7), "what was sent");
    is_int(read(ends[1], text, sizeof(text)), 4, "the rest");
    is_errno(recv(ends[1], text, 1, MSG_DONTWAIT), EAGAIN, "no more");
    is_int(send(ends[1], "back", 4, 0), 4, "the other way");
    is_int(recv(ends[0], text, sizeof(text), 0), 4, "as well");
    is_errno(send(ends[0], nowhere, 10, 0), EFAULT, "a bad buffer");
    struct iovec in[3] = {{"ab", 2}, {"", 0}, {"cde", 3}}, out[2] = {{text, 1}, {text + 10, 8}};
    is_int(writev(ends[0], in, 3), 5, "pieces");
    is_int(readv(ends[1], out, 2), 5, "other pieces");
    ok(text[0] == 'a' && !memcmp(text + 10, "bcde", 4), "in their order");
    close(ends[0]);
    is_int(events(ends[1], POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLHUP | POLLRDHUP,
           "the end");
    is_int(read(ends[1], text, 1), 0, "is read");
    signal(SIGPIPE, SIG_IGN);
    is_errno(send(ends[1], "x", 1, 0), EPIPE, "nobody there");
    signal(SIGPIPE, SIG_DFL);
    is_errno(send(ends[1], "x", 1, MSG_NOSIGNAL), EPIPE, "without a signal");
    pid_t pid = start();
    if (pid == 0)
        _exit(write(ends[1], "x", 1) == 1);
    is_int(reap(pid), SIGPIPE, "with one");
    close(ends[1]);
    pair(SOCK_STREAM, ends);
    is_int(write(ends[0], "x", 1), 1, "what is not read");
    close(ends[1]);
    is_errno(read(ends[0], text, 1), ECONNRESET, "is an error for who wrote it");
    is_int(read(ends[0], text, 1), 0, "once");
    close(ends[0]);
}

static unsigned char byte_at(long at) {
    return (unsigned char)((at * 7 + at / 251) & 255);
}

/* More than any buffer has room for, both ways at once. */
static int send_much(int fd, long total) {
    static unsigned char bytes[100000];
    for (long done = 0; done < total;) {
        long count = total - done < (long)sizeof(bytes) ? total - done : (long)sizeof(bytes);
        for (long i = 0; i < count; i++)
            bytes[i] = byte_at(done + i);
        if (send(fd, bytes, (size_t)count, 0) != count)
            return 1;
        done += count;
    }
    return 0;
}

static int receive_much(int fd, long total) {
    static unsigned char bytes[70000];
    for (long done = 0; done < total;) {
        long count = recv(fd, bytes, sizeof(bytes), 0);
        for (long i = 0; i < count; i++)
            if (bytes[i] != byte_at(done + i))
                return 2;
        if (count <= 0)
            return 3;
        done += count;
    }
    return 0;
}

static void test_much(void) {
    enum { TOTAL = 3000000 };
    int ends[2];
    pair(SOCK_STREAM, ends);
    pid_t reader = start();
    if (reader == 0)
        _exit(receive_much(ends[1], TOTAL));
    pid_t back = start();
    if (back == 0)
        _exit(send_much(ends[1], TOTAL));
    pid_t other = start();
    if (other == 0)
        _exit(receive_much(ends[0], TOTAL));
    is_int(send_much(ends[0], TOTAL), 0, "3 MB sent");
    is_int(reap_exit(reader), 0, "and received");
    is_int(reap_exit(back), 0, "as much back");
    is_int(reap_exit(other), 0, "and received");
    static char bytes[1000000];
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    long first = write(ends[0], bytes, sizeof(bytes));
    ok(first > 50000 && first < (long)sizeof(bytes), "what has room, without waiting: %ld", first);
    while (write(ends[0], bytes, 1000) > 0)
        continue;
    is_int(errno, EAGAIN, "no room");
    is_int(events(ends[0], POLLOUT), 0, "no room to poll for");
    pid_t waiter = start();
    if (waiter == 0) {
        struct pollfd one = {.fd = ends[0], .events = POLLOUT};
        _exit(poll(&one, 1, 20000) != 1);
    }
    let_block();
    while (recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
    is_int(reap_exit(waiter), 0, "room again");
    long got = 0;
    pid_t pid = start();
    if (pid == 0) {
        for (int i = 0; i < 10; i++) {
            sleep_ms(5);
            if (send(ends[1], bytes, 1000, 0) != 1000)
                _exit(1);
        }
        _exit(0);
    }
    fcntl(ends[0], F_SETFL, 0);
    got = recv(ends[0], bytes, 10000, MSG_WAITALL);
    is_int(got, 10000, "all that was asked for");
    is_int(reap_exit(pid), 0, "came in parts");
    close_both(ends);
}

static void test_datagrams(void) {
    int ends[2];
    char text[64];
    pair(SOCK_DGRAM, ends);
    send(ends[0], "one", 3, 0);
    send(ends[0], "", 0, 0);
    send(ends[0], "three and more", 14, 0);
    is_int(recv(ends[1], text, sizeof(text), MSG_PEEK), 3, "a peek");
    is_int(recv(ends[1], text, sizeof(text), 0), 3, "one");
    is_int(recv(ends[1], text, sizeof(text), 0), 0, "an empty one");
    is_int(recv(ends[1], text, 5, MSG_PEEK | MSG_TRUNC), 14, "its length");
    is_int(recv(ends[1], text, 5, 0), 5, "its beginning");
    is_errno(recv(ends[1], text, 5, MSG_DONTWAIT), EAGAIN, "the rest is lost");
    static char large[300000];
    is_errno(send(ends[0], large, sizeof(large), 0), EMSGSIZE, "too long");
    is_int(send(ends[0], large, 100000, 0), 100000, "a long one");
    is_int(recv(ends[1], large, sizeof(large), 0), 100000, "comes whole");
    close(ends[1]);
    is_errno(send(ends[0], "x", 1, 0), ECONNREFUSED, "nobody there");
    is_errno(send(ends[0], "x", 1, 0), ENOTCONN, "not connected any more");
    close(ends[0]);

    pair(SOCK_SEQPACKET, ends);
    struct msghdr message = {0};
    struct iovec piece = {text, 2};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    send(ends[0], "abcd", 4, 0);
    is_int(recvmsg(ends[1], &message, 0), 2, "a packet's beginning");
    ok(message.msg_flags & MSG_TRUNC, "which is told");
    send(ends[0], "ef", 2, 0);
    is_int(recvmsg(ends[1], &message, 0), 2, "a whole one");
    ok(!(message.msg_flags & MSG_TRUNC), "which is told");
    close(ends[0]);
    is_int(recv(ends[1], text, 1, 0), 0, "the end");
    is_errno(send(ends[1], "x", 1, MSG_NOSIGNAL), EPIPE, "nobody there");
    close(ends[1]);
}

/* Several by one call. */
static void test_several(void) {
    int ends[2];
    char text[4][8];
    struct mmsghdr entries[4] = {0};
    struct iovec pieces[4][2];
    struct timespec soon = {0, 1000000};
    pair(SOCK_DGRAM, ends);
    for (int i = 0; i < 4; i++) {
        pieces[i][0] = (struct iovec){"ab", 2};
        pieces[i][1] = (struct iovec){"cdef", (size_t)i};
        entries[i].msg_hdr.msg_iov = pieces[i];
        entries[i].msg_hdr.msg_iovlen = 2;
    }
    is_int(sendmmsg(ends[0], entries, 3, 0), 3, "three datagrams");
    is_int(entries[2].msg_len, 4, "their lengths");
    for (int i = 0; i < 4; i++) {
        pieces[i][0] = (struct iovec){text[i], 8};
        entries[i].msg_hdr.msg_iovlen = 1;
    }
    is_int(recvmmsg(ends[1], entries, 4, MSG_WAITFORONE, NULL), 3, "as many as there are");
    ok(entries[1].msg_len == 3 && !memcmp(text[1], "abc", 3), "each by itself");
    is_errno(recvmmsg(ends[1], entries, 4, MSG_DONTWAIT, NULL), EAGAIN, "no more");
    send(ends[0], "x", 1, 0);
    sleep_ms(5);
    is_int(recvmmsg(ends[1], entries, 1, 0, &soon), 1, "with a time");
    is_errno(sendmmsg(ends[0], nowhere, 1, 0), EFAULT, "bad messages");
    close_both(ends);
}

static void test_named_datagrams(void) {
    struct sockaddr_un to, from;
    socklen_t to_length = address_of("@t_socket datagrams", &to), length = sizeof(from);
    char text[16] = "";
    int server = bound(SOCK_DGRAM, "@t_socket datagrams"),
        client = bound(SOCK_DGRAM, "@t_socket client");
    int plain = socket(AF_UNIX, SOCK_DGRAM, 0);
    is_errno(send(plain, "x", 1, 0), ENOTCONN, "to nobody");
    is_int(sendto(client, "hello", 5, 0, (struct sockaddr *)&to, to_length), 5, "by name");
    is_int(recvfrom(server, text, sizeof(text), 0, (struct sockaddr *)&from, &length), 5,
           "received");
    is_int(length, FAMILY + strlen("@t_socket client"), "from an address");
    ok(!memcmp(from.sun_path + 1, "t_socket client", 15), "the sender's");
    is_int(sendto(server, "back", 4, 0, (struct sockaddr *)&from, length), 4, "an answer");
    is_int(recv(client, text, sizeof(text), 0), 4, "received");
    is_int(sendto(plain, "x", 1, 0, (struct sockaddr *)&to, to_length), 1, "by one without a name");
    length = sizeof(from);
    recvfrom(server, text, sizeof(text), 0, (struct sockaddr *)&from, &length);
    ok(length == 0 || length == FAMILY, "which has none");
    is_int(connect_to(client, "@t_socket datagrams"), 0, "connected");
    is_int(send(client, "y", 1, 0), 1, "sent there");
    is_int(connect_to(server, "@t_socket client"), 0, "the other way, too");
    is_errno(sendto(plain, "x", 1, 0, (struct sockaddr *)&to, to_length), EPERM,
             "nobody else may send there");
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    is_int(connect(server, &none, sizeof(none)), 0, "not connected any more");
    is_int(sendto(plain, "x", 1, 0, (struct sockaddr *)&to, to_length), 1, "all may");
    fcntl(plain, F_SETFL, O_NONBLOCK);
    int sent = 0;
    while (sent < 1000 && sendto(plain, "x", 1, 0, (struct sockaddr *)&to, to_length) == 1)
        sent++;
    ok(sent < 1000 && errno == EAGAIN, "not more than it wants: %d", sent);
    fcntl(plain, F_SETFL, 0);
    if (start() == 0)
        _exit(sendto(plain, "last", 4, 0, (struct sockaddr *)&to, to_length) != 4);
    let_block();
    while (recv(server, text, sizeof(text), MSG_DONTWAIT) != 4)
        continue;
    is_int(reap_exit(tap_last_child), 0, "who waits for room gets it");
    close(server);
    is_errno(sendto(plain, "x", 1, 0, (struct sockaddr *)&to, to_length), ECONNREFUSED,
             "nobody there");
    is_errno(connect_to(plain, "@t_socket no such"), ECONNREFUSED, "nobody of that name");
    close(client);
    close(plain);
}

static void test_connections(const char *name) {
    int server = listening(name, 5), client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address;
    socklen_t length = sizeof(address);
    char text[16];
    is_int(events(server, POLLIN), 0, "nobody comes");
    is_int(connect_to(client, name), 0, "connect");
    is_int(events(server, POLLIN), POLLIN, "somebody has");
    is_errno(connect_to(client, name), EISCONN, "it is connected");
    is_int(send(client, "early", 5, 0), 5, "it may send before it is accepted");
    int end = accept4(server, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
    ok(end >= 0, "accept");
    is_int(length, FAMILY, "from one without a name");
    is_int(fcntl(end, F_GETFD), FD_CLOEXEC, "closed on exec");
    is_int(recv(end, text, sizeof(text), 0), 5, "what it sent");
    length = sizeof(address);
    is_int(getpeername(client, (struct sockaddr *)&address, &length), 0, "getpeername");
    is_int(length, FAMILY + strlen(name) + (name[0] != '@'), "the server's");
    length = sizeof(address);
    is_int(getsockname(end, (struct sockaddr *)&address, &length), 0, "getsockname");
    ok(!memcmp(address.sun_path + 1, name + 1, strlen(name) - 1), "the same name");
    struct ucred who;
    length = sizeof(who);
    is_int(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &length), 0, "SO_PEERCRED");
    ok(who.pid == getpid() && who.uid == geteuid() && who.gid == getegid(), "who listens");
    close(end);
    close(client);
    /* Accept waits. */
    if (start() == 0) {
        int fd = accept(server, NULL, NULL);
        _exit(fd < 0 || read(fd, text, 3) != 3 || write(fd, "ok", 2) != 2);
    }
    let_block();
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    is_int(connect_to(client, name), 0, "a connection for who waits");
    is_int(write(client, "abc", 3), 3, "write");
    is_int(read(client, text, 3), 2, "an answer");
    is_int(reap_exit(tap_last_child), 0, "a child accepted it");
    close(client);
    /* Not accepted: reset. */
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    connect_to(client, name);
    close(server);
    is_errno(read(client, text, 1), ECONNRESET, "never accepted");
    close(client);
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    is_errno(connect_to(client, name), ECONNREFUSED, "nobody listens");
    close(client);
}

static void test_backlog(void) {
    int server = listening("@t_socket backlog", 1), clients[10], count = 0;
    for (int i = 0; i < 10; i++) {
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect_to(clients[i], "@t_socket backlog") == 0)
            count++;
        else if (errno != EAGAIN)
            bail("connect");
    }
    is_int(count, 2, "one more than the backlog");
    if (start() == 0) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        _exit(connect_to(fd, "@t_socket backlog") != 0);
    }
    let_block();
    int end = accept(server, NULL, NULL);
    is_int(reap_exit(tap_last_child), 0, "who waits to connect gets in");
    for (int i = 0; i < 10; i++)
        close(clients[i]);
    close(end);
    close(server);
}

static void test_names(void) {
    struct sockaddr_un address;
    socklen_t length;
    struct stat status;
    char path[64];
    snprintf(path, sizeof(path), "/tmp/t_socket.%d", (int)getpid());
    int fd = bound(SOCK_STREAM, path), other = socket(AF_UNIX, SOCK_STREAM, 0);
    ok(stat(path, &status) == 0 && S_ISSOCK(status.st_mode), "a name in a directory");
    is_errno(open(path, O_RDWR), ENXIO, "not to be opened");
    length = address_of("@t_socket again", &address);
    is_errno(bind(fd, (struct sockaddr *)&address, length), EINVAL, "it has a name");
    length = address_of(path, &address);
    is_errno(bind(other, (struct sockaddr *)&address, length), EADDRINUSE, "taken");
    is_errno(connect_to(other, path), ECONNREFUSED, "it does not listen");
    listen(fd, 1);
    is_int(connect_to(other, path), 0, "now it does");
    close(other);
    other = socket(AF_UNIX, SOCK_DGRAM, 0);
    is_errno(connect_to(other, path), EPROTOTYPE, "of another type");
    is_errno(connect_to(other, "/tmp/no such socket"), ENOENT, "no such file");
    is_errno(connect_to(other, "/tmp"), ECONNREFUSED, "a directory");
    unlink(path);
    is_errno(connect_to(other, path), ENOENT, "removed");
    close(fd);
    close(other);
    other = socket(AF_UNIX, SOCK_STREAM, 0);
    is_errno(listen(other, 1), EINVAL, "without a name");
    address.sun_family = AF_UNIX;
    is_int(bind(other, (struct sockaddr *)&address, FAMILY), 0, "a name that is made up");
    length = sizeof(address);
    getsockname(other, (struct sockaddr *)&address, &length);
    is_int(length, FAMILY + 6, "of five digits");
    is_errno(bind(other, (struct sockaddr *)&address, 1), EINVAL, "a short address");
    is_errno(bind(other, (struct sockaddr *)&address, 200), EINVAL, "a long one");
    address.sun_family = AF_INET;
    is_errno(bind(other, (struct sockaddr *)&address, 20), EINVAL, "of another domain");
    length = sizeof(address);
    is_errno(getpeername(other, (struct sockaddr *)&address, &length), ENOTCONN, "no peer");
    is_errno(accept(other, NULL, NULL), EINVAL, "it does not listen");
    is_errno(recv(other, &address, 1, 0), EINVAL, "nor is it connected");
    is_errno(send(other, &address, 1, MSG_NOSIGNAL), ENOTCONN, "so it does not send");
    close(other);
    fd = bound(SOCK_STREAM, "@t_socket name");
    other = socket(AF_UNIX, SOCK_STREAM, 0);
    length = address_of("@t_socket name", &address);
    is_errno(bind(other, (struct sockaddr *)&address, length), EADDRINUSE,
             "an abstract name, taken");
    close(fd);
    is_int(bind(other, (struct sockaddr *)&address, length), 0, "free again");
    close(other);
}

static void test_shutdown(void) {
    int ends[2];
    char text[8];
    pair(SOCK_STREAM, ends);
    write(ends[0], "abc", 3);
    is_int(shutdown(ends[0], SHUT_WR), 0, "no more is sent");
    is_errno(send(ends[0], "x", 1, MSG_NOSIGNAL), EPIPE, "indeed");
    is_int(read(ends[1], text, 8), 3, "what was sent before");
    is_int(read(ends[1], text, 8), 0, "then the end");
    ok(events(ends[1], POLLRDHUP) & POLLRDHUP, "to be seen");
    is_int(write(ends[1], "back", 4), 4, "the other way");
    is_int(read(ends[0], text, 8), 4, "goes on");
    is_int(shutdown(ends[1], SHUT_RDWR), 0, "nothing any more");
    is_int(read(ends[0], text, 8), 0, "the end");
    is_errno(shutdown(ends[0], 5), EINVAL, "a bad way");
    close_both(ends);
    pair(SOCK_STREAM, ends);
    if (start() == 0)
        _exit((int)read(ends[0], text, 8));
    let_block();
    shutdown(ends[1], SHUT_WR);
    is_int(reap_exit(tap_last_child), 0, "who waits sees the end");
    close_both(ends);
}

static void on_alarm(int number) {
    (void)number;
}

static void test_options(void) {
    int ends[2], value;
    socklen_t length = sizeof(value);
    char text[8];
    pair(SOCK_STREAM, ends);
    getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, &length);
    is_int(value, SOCK_STREAM, "SO_TYPE");
    getsockopt(ends[0], SOL_SOCKET, SO_DOMAIN, &value, &length);
    is_int(value, AF_UNIX, "SO_DOMAIN");
    is_int(getsockopt(ends[0], SOL_SOCKET, SO_ERROR, &value, &length), 0, "SO_ERROR");
    is_int(value, 0, "none");
    getsockopt(ends[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &length);
    is_int(value, 0, "SO_ACCEPTCONN");
    value = 10000;
    is_int(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)), 0, "SO_SNDBUF");
    getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, &length);
    is_int(value, 20000, "twice as much");
    is_errno(getsockopt(ends[0], SOL_SOCKET, 9999, &value, &length), ENOPROTOOPT, "no such option");
    is_errno(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, 1), EINVAL, "too short");
    is_errno(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, nowhere, 4), EFAULT, "a bad value");
    struct timeval time = {0, 50000};
    is_int(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)), 0, "SO_RCVTIMEO");
    is_errno(recv(ends[0], text, 1, 0), EAGAIN, "its time is over");
    time.tv_usec = 0;
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    is_errno(recv(ends[0], text, 1, 0), EINTR, "a signal ends a wait");
    write(ends[1], "x", 1);
    is_int(read(ends[0], text, 1), 1, "nothing was lost");
    close_both(ends);
}

static void test_epoll(void) {
    int ends[2], set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};
    char text[8];
    pair(SOCK_STREAM, ends);
    epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event);
    is_int(epoll_wait(set, &event, 1, 0), 0, "nothing");
    write(ends[1], "x", 1);
    is_int(epoll_wait(set, &event, 1, 0), 1, "input");
    is_int(epoll_wait(set, &event, 1, 0), 0, "told once");
    write(ends[1], "x", 1);
    is_int(epoll_wait(set, &event, 1, 0), 1, "each time");
    read(ends[0], text, 8);
    is_int(epoll_wait(set, &event, 1, 0), 0, "read");
    close(ends[1]);
    is_int(epoll_wait(set, &event, 1, 0), 1, "the end");
    ok(event.events & EPOLLRDHUP, "told");
    close(ends[0]);
    close(set);
}

/* Processes that pass bytes to and fro: a server and many clients. */
static void test_crowd(void) {
    enum { CLIENTS = 12, ROUNDS = 50 };
    pid_t pids[CLIENTS];
    int server = listening("@t_socket crowd", 3), good = 0;
    for (int i = 0; i < CLIENTS; i++)
        if ((pids[i] = start()) == 0) {
            int fd = socket(AF_UNIX, SOCK_STREAM, 0);
            if (connect_to(fd, "@t_socket crowd"))
                _exit(1);
            for (int round = 0; round < ROUNDS; round++) {
                unsigned char byte = (unsigned char)(round + i), answer;
                if (write(fd, &byte, 1) != 1 || read(fd, &answer, 1) != 1 ||
                    answer != (unsigned char)(byte + 1))
                    _exit(2);
            }
            _exit(0);
        }
    int set = epoll_create1(0), open_now = 0, served = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = server};
    epoll_ctl(set, EPOLL_CTL_ADD, server, &event);
    while (served < CLIENTS || open_now > 0) {
        if (epoll_wait(set, &event, 1, 20000) != 1)
            break;
        if (event.data.fd == server) {
            event.data.fd = accept(server, NULL, NULL);
            epoll_ctl(set, EPOLL_CTL_ADD, event.data.fd, &event);
            served++;
            open_now++;
            continue;
        }
        unsigned char byte;
        if (read(event.data.fd, &byte, 1) == 1) {
            byte++;
            write(event.data.fd, &byte, 1);
        } else {
            close(event.data.fd);
            open_now--;
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        good += reap_exit(pids[i]) == 0;
    is_int(good, CLIENTS, "%d clients of one server", CLIENTS);
    close(set);
    close(server);
}

static void test_all(void) {
    char path[64];
    test_making();
    test_stream();
    test_much();
    test_datagrams();
    test_several();
    test_named_datagrams();
    test_connections("@t_socket stream");
    snprintf(path, sizeof(path), "/tmp/t_socket.%d", (int)getpid());
    test_connections(path);
    unlink(path);
    test_backlog();
    test_names();
    test_shutdown();
    test_options();
    test_epoll();
    test_crowd();
}

int main(void) {
    test_all(); /* the server keeps some memory for what comes next */
    long before = free_pages();
    test_all();
    check_free_pages(before, 64, "no memory is lost");
    return done();
}
