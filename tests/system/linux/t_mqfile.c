/* SPDX-License-Identifier: MIT */
/* Descriptors of POSIX message queues among others: poll, epoll, fork, dup, SCM_RIGHTS, stat, and the files of /dev/mqueue. */
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NAME "/t_mqfile"
#define PATH "/dev/mqueue/t_mqfile"

static char text[256];

static mqd_t fresh(void) {
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 64};
    mq_unlink(NAME);
    mqd_t queue = mq_open(NAME, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attr);
    if (queue == (mqd_t)-1)
        bail("mq_open");
    return queue;
}

static int polled(int fd) {
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM};
    return poll(&entry, 1, 0) < 0 ? -1 : entry.revents;
}
#define IN (POLLIN | POLLRDNORM)
#define OUT (POLLOUT | POLLWRNORM)

static void polls(void) {
    mqd_t queue = fresh();
    is_int(polled(queue), OUT, "an empty queue has room");
    mq_send(queue, "a", 1, 0);
    is_int(polled(queue), IN | OUT, "then something and room");
    mq_send(queue, "a", 1, 0);
    is_int(polled(queue), IN, "then only something");
    mqd_t writer = mq_open(NAME, O_WRONLY);
    is_int(polled(writer), IN, "whatever it is open for");
    mq_receive(queue, text, 64, NULL);
    is_int(polled(queue), IN | OUT, "room again");
    mq_receive(queue, text, 64, NULL);
    pid_t pid = start();
    if (pid == 0) {
        struct pollfd entry = {.fd = queue, .events = POLLIN};
        _exit(poll(&entry, 1, 10000) != 1 || entry.revents != POLLIN);
    }
    let_block();
    mq_send(writer, "a", 1, 0);
    is_int(reap_exit(pid), 0, "who polls is woken by a message");
    mq_send(writer, "a", 1, 0);
    pid = start();
    if (pid == 0) {
        struct pollfd entry = {.fd = queue, .events = POLLOUT};
        _exit(poll(&entry, 1, 10000) != 1 || entry.revents != POLLOUT);
    }
    let_block();
    mq_receive(queue, text, 64, NULL);
    is_int(reap_exit(pid), 0, "and by room");
    mq_close(writer);
    mq_close(queue);
}

static void epolls(void) {
    mqd_t queue = fresh();
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};
    is_int(epoll_ctl(set, EPOLL_CTL_ADD, queue, &event), 0, "a queue in a set");
    is_int(epoll_wait(set, &event, 1, 0), 0, "empty");
    mq_send(queue, "a", 1, 0);
    is_int(epoll_wait(set, &event, 1, 0), 1, "ready");
    ok(event.events == EPOLLIN && event.data.u64 == 77, "that one");
    event.events = EPOLLIN | EPOLLET;
    epoll_ctl(set, EPOLL_CTL_MOD, queue, &event);
    is_int(epoll_wait(set, &event, 1, 0), 1, "by edges: once");
    is_int(epoll_wait(set, &event, 1, 0), 0, "no more");
    mq_send(queue, "b", 1, 0);
    is_int(epoll_wait(set, &event, 1, 0), 1, "each message is an edge");
    is_int(epoll_wait(set, &event, 1, 0), 0, "and no more");
    mq_receive(queue, text, 64, NULL);
    mq_receive(queue, text, 64, NULL);
    is_int(epoll_wait(set, &event, 1, 0), 0, "empty again");
    close(set);
    mq_close(queue);
}

static int send_fd(int to, int fd) {
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec piece = {"x", 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(to, &message, 0) == 1 ? 0 : -1;
}

static int receive_fd(int from) {
    char control[CMSG_SPACE(sizeof(int))], byte;
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    int fd = -1;
    if (recvmsg(from, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static void inheritance(void) {
    int ends[2];
    struct mq_attr attr;
    mqd_t queue = fresh(), copy = dup(queue);
    attr.mq_flags = 0;
    mq_setattr(copy, &attr, NULL);
    mq_getattr(queue, &attr);
    is_int(attr.mq_flags, 0, "descriptors of one open share O_NONBLOCK");
    mqd_t other = mq_open(NAME, O_RDWR);
    attr.mq_flags = O_NONBLOCK;
    mq_setattr(queue, &attr, NULL);
    mq_getattr(other, &attr);
    is_int(attr.mq_flags, 0, "those of another do not");
    mq_close(other);
    mq_unlink(NAME);
    pid_t pid = start();
    if (pid == 0) {
        mq_getattr(queue, &attr);
        attr.mq_flags = 0;
        _exit(mq_send(queue, "c", 1, 3) || mq_setattr(queue, &attr, NULL));
    }
    is_int(reap_exit(pid), 0, "a child has it, too");
    unsigned priority = 0;
    is_int(mq_receive(queue, text, 64, &priority), 1, "its message is here");
    mq_getattr(queue, &attr);
    is_int(attr.mq_flags, 0, "and its O_NONBLOCK");
    fcntl(copy, F_SETFD, 0);
    pid = start();
    if (pid == 0) {
        char digits[16], more[16];
        snprintf(digits, sizeof digits, "%d", queue);
        snprintf(more, sizeof more, "%d", copy);
        execl("/proc/self/exe", "t_mqfile", digits, more, (char *)NULL);
        _exit(9);
    }
    is_int(reap_exit(pid), 0, "a program has what was not closed on exec");
    is_int(mq_receive(queue, text, 64, NULL), 1, "by that it sent");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        bail("socketpair");
    pid = start();
    if (pid == 0) {
        mq_close(queue);
        mq_close(copy);
        int got = receive_fd(ends[1]);
        _exit(got < 0 || mq_send(got, "s", 1, 0));
    }
    is_int(send_fd(ends[0], queue), 0, "it is passed on");
    is_int(reap_exit(pid), 0, "to who uses it");
    is_int(mq_receive(queue, text, 64, NULL), 1, "whose message comes");
    mq_send(queue, "k", 1, 0);
    send_fd(ends[0], queue);
    mq_close(queue);
    mq_close(copy);
    queue = receive_fd(ends[1]);
    is_int(mq_receive(queue, text, 64, NULL), 1, "on its way it keeps the queue");
    mq_close(queue);
    close(ends[0]);
    close(ends[1]);
}

static void files(void) {
    struct stat status;
    mqd_t queue = fresh();
    fstat(queue, &status);
    ok(S_ISREG(status.st_mode) && (status.st_mode & 0777) == 0600 && status.st_size == 80 &&
           status.st_uid == geteuid() && status.st_nlink == 1,
       "fstat");
    mq_send(queue, "abc", 3, 0);
    memset(text, 0, sizeof text);
    is_int(read(queue, text, sizeof text), 60, "read");
    ok(!strcmp(text, "QSIZE:3          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n"),
       "what is queued");
    is_int(read(queue, text, sizeof text), 0, "once");
    is_int(pread(queue, text, 7, 0), 7, "pread");
    is_int(lseek(queue, 6, SEEK_SET), 6, "lseek");
    is_int(read(queue, text, 1), 1, "a byte");
    ok(text[0] == '3', "that one");
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    mq_notify(queue, &event);
    char want[128];
    snprintf(want, sizeof want, "QSIZE:3          NOTIFY:0     SIGNO:%-5d NOTIFY_PID:%-6d\n",
             SIGUSR2, getpid());
    memset(text, 0, sizeof text);
    pread(queue, text, sizeof text, 0);
    ok(!strcmp(text, want), "and who is to be told");
    mq_notify(queue, NULL);
    is_errno(write(queue, "x", 1), EINVAL, "nothing is written to it");
    is_errno(pread(queue, text, 7, -1), EINVAL, "no such place");
    is_errno(read(queue, nowhere, 7), EFAULT, "a bad buffer");
    ok(mmap(NULL, 4096, PROT_READ, MAP_SHARED, queue, 0) == MAP_FAILED, "it is not mapped");
    mq_close(queue);
}

static bool listed(const char *name) {
    DIR *dir = opendir("/dev/mqueue");
    bool found = false;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        found |= !strcmp(entry->d_name, name) && entry->d_type == DT_REG;
    closedir(dir);
    return found;
}

static void directory(void) {
    struct stat status;
    if (stat("/dev/mqueue", &status) < 0) {
        skip("/dev/mqueue", "not mounted");
        return;
    }
    mqd_t queue = fresh();
    is_int(status.st_mode, S_IFDIR | S_ISVTX | 0777, "/dev/mqueue");
    ok(listed("t_mqfile"), "lists queues");
    is_int(stat(PATH, &status), 0, "which are files");
    mq_send(queue, "abc", 3, 0);
    int fd = open(PATH, O_RDONLY | O_NONBLOCK);
    ok(fd >= 0, "to be opened");
    is_int(read(fd, text, 7), 7, "and read");
    is_int(mq_receive(fd, text, 64, NULL), 3, "and received from");
    is_errno(mq_send(fd, "x", 1, 0), EBADF, "though not sent to");
    close(fd);
    is_int(chmod(PATH, 0644), 0, "they have modes");
    is_errno(rename(PATH, "/dev/mqueue/other"), EPERM, "are not renamed");
    is_errno(rename(PATH, "/tmp/other"), EXDEV, "nor moved");
    is_errno(link(PATH, "/tmp/other"), EXDEV, "nor linked");
    is_errno(mkdir("/dev/mqueue/dir", 0755), EPERM, "no directories are made");
    is_errno(symlink("x", "/dev/mqueue/link"), EPERM, "nor links");
    is_int(unlink(PATH), 0, "they are removed");
    ok(!listed("t_mqfile"), "and listed no more");
    is_errno(mq_open(NAME, O_RDWR), ENOENT, "mq_open finds none");
    is_int(mq_send(queue, "x", 1, 0), 0, "who has it open has it");
    mq_close(queue);
}

static void many(void) {
    mqd_t queues[100];
    char name[32];
    int wrong = 0;
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "/t_mqfile_%d", i);
        queues[i] = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
        wrong += mq_send(queues[i], name, 8, 0) != 0;
    }
    for (int i = 0; i < 100; i++)
        wrong += mq_receive(queues[99 - i], text, 8, NULL) != 8;
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "/t_mqfile_%d", i);
        wrong += mq_unlink(name) || mq_close(queues[i]);
    }
    is_int(wrong, 0, "100 queues at once");
}

/* Executed: the first descriptor is closed, the second sends. */
static int executed(char **argv) {
    if (mq_send(atoi(argv[1]), "x", 1, 0) >= 0 || errno != EBADF)
        return 1;
    return mq_send(atoi(argv[2]), "x", 1, 0) < 0 ? 2 : 0;
}

int main(int argc, char **argv) {
    if (argc > 2)
        return executed(argv);
    polls();
    epolls();
    inheritance();
    files();
    directory();
    long before = free_pages();
    for (int i = 0; i < 20; i++)
        many();
    check_free_pages(before, 64, "all memory is back");
    mq_unlink(NAME);
    return done();
}
