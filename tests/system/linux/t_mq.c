/* SPDX-License-Identifier: MIT */
/* POSIX message queues: opening, rights, attributes, order, and every error of calls that do not wait: mq_overview(7). */
#include "tap.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <mqueue.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NAME "/t_mq"
#define ROOM 8192

static char text[ROOM];

static mqd_t make(const char *name, int flags, mode_t mode, long maxmsg, long msgsize) {
    struct mq_attr attr = {.mq_maxmsg = maxmsg, .mq_msgsize = msgsize};
    return mq_open(name, flags, mode, &attr);
}

static mqd_t fresh(long maxmsg, long msgsize) {
    mq_unlink(NAME);
    mqd_t queue = make(NAME, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, maxmsg, msgsize);
    if (queue == (mqd_t)-1)
        bail("mq_open");
    return queue;
}

static void opening(void) {
    static char long_name[300];
    struct mq_attr attr;
    mq_unlink(NAME);
    is_errno(mq_open(NAME, O_RDWR), ENOENT, "no such queue");
    mqd_t queue = mq_open(NAME, O_RDWR | O_CREAT, 0600, NULL);
    ok(queue >= 0, "it is made");
    is_int(mq_getattr(queue, &attr), 0, "mq_getattr");
    ok(attr.mq_maxmsg == 10 && attr.mq_msgsize == 8192 && attr.mq_curmsgs == 0 &&
           attr.mq_flags == 0,
       "with the usual attributes");
    is_int(fcntl(queue, F_GETFD), FD_CLOEXEC, "closed on exec");
    is_errno(mq_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, NULL), EEXIST, "O_EXCL, and it exists");
    is_errno(mq_open(NAME, O_RDWR | O_WRONLY), EINVAL, "no such access mode");
    mqd_t other = make(NAME, O_RDONLY | O_CREAT, 0600, -1, -1);
    ok(other >= 0, "attributes of a queue that exists are not looked at");
    close(other);
    is_int(mq_unlink(NAME), 0, "mq_unlink");
    is_errno(mq_unlink(NAME), ENOENT, "once");
    is_errno(mq_open(NAME, O_RDWR), ENOENT, "the name is gone");
    is_int(mq_send(queue, "x", 1, 0), 0, "the queue is not");
    is_int(mq_receive(queue, text, ROOM, NULL), 1, "nor what is in it");
    mqd_t second = mq_open(NAME, O_RDWR | O_CREAT, 0600, NULL);
    mq_send(queue, "x", 1, 0);
    mq_getattr(second, &attr);
    is_int(attr.mq_curmsgs, 0, "another of that name is another");
    is_int(mq_close(second), 0, "mq_close");
    is_errno(mq_close(second), EBADF, "once");
    mq_close(queue);
    mq_unlink(NAME);
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[0] = '/';
    is_errno(mq_open(long_name, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG, "a name too long");
    is_errno(mq_unlink(long_name), ENAMETOOLONG, "to unlink it likewise");
    long_name[256] = 0;
    queue = mq_open(long_name, O_RDWR | O_CREAT, 0600, NULL);
    ok(queue >= 0, "255 bytes are not");
    mq_close(queue);
    is_int(mq_unlink(long_name), 0, "nor to unlink it");
    is_errno(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL), EACCES, "no other slash");
    is_errno(mq_open("/..", O_RDWR | O_CREAT, 0600, NULL), EACCES, "nor dots");
    is_errno(mq_open("/", O_RDWR | O_CREAT, 0600, NULL), ENOENT, "nor nothing");
    is_errno(mq_unlink("/"), ENOENT, "which cannot be removed");
    is_errno(syscall(SYS_mq_open, nowhere, O_RDWR, 0, NULL), EFAULT, "a bad name");
    is_errno(syscall(SYS_mq_open, "t_mq", O_RDWR, 0, nowhere), EFAULT, "bad attributes");
    is_errno(syscall(SYS_mq_unlink, nowhere), EFAULT, "a bad name to unlink");
}

static void attributes(void) {
    struct mq_attr attr, old;
    is_errno(make(NAME, O_RDWR | O_CREAT, 0600, 0, 10), EINVAL, "no room for a message");
    is_errno(make(NAME, O_RDWR | O_CREAT, 0600, 10, 0), EINVAL, "no room in a message");
    is_errno(make(NAME, O_RDWR | O_CREAT, 0600, -1, 10), EINVAL, "less than none");
    is_errno(make(NAME, O_RDWR | O_CREAT, 0600, 65537, 10), EINVAL, "more than anybody may");
    is_errno(make(NAME, O_RDWR | O_CREAT, 0600, 10, (16 << 20) + 1), EINVAL, "longer likewise");
    is_errno(mq_open(NAME, O_RDWR), ENOENT, "none of them is there");
    mqd_t queue = fresh(3, 100);
    mq_getattr(queue, &attr);
    ok(attr.mq_maxmsg == 3 && attr.mq_msgsize == 100 && attr.mq_flags == O_NONBLOCK,
       "a queue is as it was asked for");
    attr = (struct mq_attr){.mq_maxmsg = 7, .mq_msgsize = 7, .mq_curmsgs = 7};
    is_int(mq_setattr(queue, &attr, &old), 0, "mq_setattr");
    ok(old.mq_flags == O_NONBLOCK && old.mq_maxmsg == 3, "says what was");
    is_int(fcntl(queue, F_GETFL) & O_NONBLOCK, 0, "O_NONBLOCK is cleared");
    mq_getattr(queue, &attr);
    ok(attr.mq_flags == 0 && attr.mq_maxmsg == 3 && attr.mq_msgsize == 100, "and nothing else");
    attr.mq_flags = O_NONBLOCK | 1;
    is_errno(mq_setattr(queue, &attr, NULL), EINVAL, "other flags");
    attr.mq_flags = -1;
    is_errno(mq_setattr(queue, &attr, NULL), EINVAL, "all flags");
    fcntl(queue, F_SETFL, O_NONBLOCK);
    mq_getattr(queue, &attr);
    is_int(attr.mq_flags, O_NONBLOCK, "fcntl sets it, too");
    is_errno(mq_receive(queue, text, ROOM, NULL), EAGAIN, "and it holds");
    is_errno(syscall(SYS_mq_getsetattr, queue, nowhere, NULL), EFAULT, "bad new ones");
    is_errno(syscall(SYS_mq_getsetattr, queue, NULL, nowhere), EFAULT, "bad old ones");
    is_int(syscall(SYS_mq_getsetattr, queue, NULL, NULL), 0, "none");
    mq_close(queue);
    mq_unlink(NAME);
}

static void order(void) {
    static const unsigned prios[] = {5, 0, 32767, 5, 0, 32767, 1, 31};
    char got[9] = {0};
    unsigned prio, last = 32768, falls = 1;
    mqd_t queue = fresh(8, 1);
    for (int i = 0; i < 8; i++) {
        char letter = (char)('0' + i);
        mq_send(queue, &letter, 1, prios[i]);
    }
    is_errno(mq_send(queue, "x", 1, 0), EAGAIN, "a full queue");
    for (int i = 0; i < 8; i++) {
        mq_receive(queue, &got[i], 1, &prio);
        falls &= prio <= last;
        last = prio;
    }
    ok(falls, "the highest priority first");
    ok(!strcmp(got, "25703614"), "in one the oldest");
    is_errno(mq_receive(queue, text, ROOM, NULL), EAGAIN, "an empty queue");
    mq_close(queue);
}

static void lengths(void) {
    static const size_t sizes[] = {0,  1,  7,   8,    9,    56,   63,   64,
                                   65, 72, 100, 4095, 4096, 4097, 8191, 8192};
    static char sent[ROOM + 16], got[ROOM + 16];
    mqd_t queue = fresh(10, ROOM);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 37 + i / 256);
    int wrong = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t shift = 0; shift < 9; shift += 3) {
            unsigned prio = 99;
            memset(got, 0x5a, sizeof got);
            wrong += mq_send(queue, sent + shift, sizes[i], 7) != 0;
            wrong += mq_receive(queue, got + shift, ROOM, &prio) != (ssize_t)sizes[i];
            wrong += prio != 7 || memcmp(got + shift, sent + shift, sizes[i]) != 0;
            wrong += got[shift + sizes[i]] != 0x5a;
        }
    is_int(wrong, 0, "texts of all lengths, aligned or not, and nothing behind them");
    is_errno(mq_send(queue, sent, ROOM + 1, 0), EMSGSIZE, "too long");
    is_errno(mq_send(queue, sent, SIZE_MAX, 0), EMSGSIZE, "much too long");
    mq_send(queue, "x", 1, 0);
    is_errno(mq_receive(queue, got, ROOM - 1, NULL), EMSGSIZE, "room for less than the longest");
    is_errno(mq_receive(queue, got, 0, NULL), EMSGSIZE, "room for none");
    is_int(mq_receive(queue, got, ROOM, NULL), 1, "it is still there");
    is_errno(mq_send(queue, sent, 1, 32768), EINVAL, "a priority too high");
    mq_close(queue);
}

static void bad_memory(void) {
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    mqd_t queue = fresh(10, 2000);
    is_errno(mq_send(queue, page + 4096, 8, 0), EFAULT, "a short text that is not there");
    is_errno(mq_send(queue, page + 4090, 8, 0), EFAULT, "or half");
    is_errno(mq_send(queue, page + 4000, 200, 0), EFAULT, "a long one");
    is_int(mq_send(queue, page + 4096, 0, 0), 0, "an empty one is nowhere");
    is_int(mq_receive(queue, text, ROOM, NULL), 0, "and is received");
    is_errno(mq_receive(queue, text, ROOM, NULL), EAGAIN, "no other was sent");
    is_int(mq_send(queue, page + 4088, 8, 0), 0, "the last 8 bytes");
    is_int(mq_send(queue, page, 8, 0), 0, "the first 8 bytes");
    is_int(mq_receive(queue, text, ROOM, NULL), 8, "are a text");
    is_errno(mq_receive(queue, nowhere, ROOM, NULL), EFAULT, "a bad buffer");
    struct timespec bad = {0, 1000000000};
    is_errno(mq_timedsend(queue, "x", 1, 0, &bad), EINVAL, "a bad time, though none is waited");
    is_errno(mq_timedreceive(queue, text, ROOM, NULL, &bad), EINVAL, "to receive likewise");
    is_errno(mq_timedsend(queue, "x", 1, 0, nowhere), EFAULT, "a time that is not there");
    bad = (struct timespec){-1, 0};
    is_errno(mq_timedsend(-1, "x", 1, 0, &bad), EINVAL, "is told before a bad descriptor");
    is_errno(mq_send(-1, "x", 1, 40000), EINVAL, "so is a bad priority");
    is_errno(mq_send(queue, page + 4096, 5000, 0), EMSGSIZE, "too long before not there");
    is_errno(mq_send(-1, page + 4096, 8, 0), EBADF, "a bad descriptor before not there");
    mq_close(queue);
    munmap(page, 4096);
}

static void descriptors(void) {
    int ends[2];
    mqd_t queue = fresh(4, 64);
    if (pipe(ends) < 0)
        bail("pipe");
    is_errno(mq_send(ends[1], "x", 1, 0), EBADF, "a pipe is no queue");
    is_errno(mq_receive(ends[0], text, ROOM, NULL), EBADF, "nor to receive from");
    is_errno(mq_getattr(ends[0], (struct mq_attr *)text), EBADF, "nor has it attributes");
    is_errno(mq_notify(ends[0], NULL), EBADF, "nor does it notify");
    is_errno(mq_send(999, "x", 1, 0), EBADF, "nothing is no queue");
    mqd_t reader = mq_open(NAME, O_RDONLY | O_NONBLOCK),
          writer = mq_open(NAME, O_WRONLY | O_NONBLOCK);
    is_errno(mq_send(reader, "x", 1, 0), EBADF, "a reader does not send");
    is_errno(mq_receive(writer, text, ROOM, NULL), EBADF, "a sender does not receive");
    is_int(mq_send(writer, "x", 1, 0), 0, "a sender sends");
    is_int(mq_receive(reader, text, ROOM, NULL), 1, "a reader receives");
    close(writer);
    is_errno(mq_send(writer, "x", 1, 0), EBADF, "closed is closed");
    is_int(dup2(queue, writer), writer, "another takes its place");
    is_int(mq_send(writer, "x", 1, 0), 0, "and sends");
    dup2(reader, writer);
    is_errno(mq_send(writer, "x", 1, 0), EBADF, "yet another does not");
    is_int(mq_receive(writer, text, ROOM, NULL), 1, "but receives");
    dup2(ends[1], writer);
    is_errno(mq_receive(writer, text, ROOM, NULL), EBADF, "a pipe there is none");
    close_range((unsigned)writer, (unsigned)writer, 0);
    is_errno(mq_receive(writer, text, ROOM, NULL), EBADF, "nor is what close_range left");
    close(ends[0]);
    close(ends[1]);
    close(reader);
    close(queue);
}

/* As another user: what the modes say. */
static int stranger(void) {
    gid_t groups[] = {500, 501};
    if (setgroups(2, groups) < 0 || setresgid(1001, 1001, 1001) < 0 ||
        setresuid(1001, 1001, 1001) < 0)
        return 100;
    if (mq_open("/t_mq_600", O_RDONLY) >= 0 || errno != EACCES)
        return 1;
    if (mq_open("/t_mq_604", O_RDONLY) < 0)
        return 2;
    if (mq_open("/t_mq_604", O_RDWR) >= 0 || errno != EACCES)
        return 3;
    if (mq_open("/t_mq_602", O_WRONLY) < 0)
        return 4;
    if (mq_open("/t_mq_640", O_RDONLY) < 0) /* by a supplementary group */
        return 5;
    if (mq_open("/t_mq_640", O_WRONLY) >= 0 || errno != EACCES)
        return 6;
    if (mq_unlink("/t_mq_604") >= 0 || (errno != EACCES && errno != EPERM))
        return 7;
    if (make("/t_mq_own", O_RDWR | O_CREAT, 0600, 11, 10) >= 0 || errno != EINVAL)
        return 8;
    if (make("/t_mq_own", O_RDWR | O_CREAT, 0600, 10, 8193) >= 0 || errno != EINVAL)
        return 9;
    if (make("/t_mq_own", O_RDWR | O_CREAT, 0000, 10, 10) < 0)
        return 10;
    if (mq_open("/t_mq_own", O_RDONLY) >= 0 || errno != EACCES)
        return 11;
    return mq_unlink("/t_mq_own") < 0 ? 12 : 0;
}

static void rights(void) {
    static const struct {
        const char *name;
        mode_t mode;
    } queues[] = {
        {"/t_mq_600", 0600}, {"/t_mq_604", 0604}, {"/t_mq_602", 0602}, {"/t_mq_640", 0640}};
    if (geteuid() != 0) {
        skip("what modes say", "not root");
        return;
    }
    mode_t old = umask(0);
    for (size_t i = 0; i < 4; i++) {
        mqd_t queue = mq_open(queues[i].name, O_RDWR | O_CREAT, queues[i].mode, NULL);
        if (i == 3 && fchown(queue, (uid_t)-1, 501) < 0)
            bail("fchown");
        mq_close(queue);
    }
    umask(027);
    struct stat status;
    mqd_t queue = mq_open("/t_mq_mask", O_RDWR | O_CREAT, 0666, NULL);
    fstat(queue, &status);
    is_int(status.st_mode, S_IFREG | 0640, "umask holds");
    fchmod(queue, 0604);
    fstat(queue, &status);
    is_int(status.st_mode, S_IFREG | 0604, "fchmod changes it");
    mq_close(queue);
    mq_unlink("/t_mq_mask");
    umask(old);
    int result = in_child(stranger);
    is_int(WEXITSTATUS(result), 0, "another user has what the modes say");
    for (size_t i = 0; i < 4; i++)
        is_int(mq_unlink(queues[i].name), 0, "root removes %s", queues[i].name);
}

/* What queues count is what getrlimit(2) says. */
static int limited(void) {
    struct rlimit limit = {10 * 100 + 10 * 96, 819200};
    if (setrlimit(RLIMIT_MSGQUEUE, &limit) < 0)
        return 1;
    mqd_t queue = make("/t_mq_limit", O_RDWR | O_CREAT, 0600, 10, 100);
    if (queue < 0)
        return 2;
    if (make("/t_mq_more", O_RDWR | O_CREAT, 0600, 1, 1) >= 0 || errno != EMFILE)
        return 3;
    mq_unlink("/t_mq_limit");
    if (make("/t_mq_more", O_RDWR | O_CREAT, 0600, 1, 1) >= 0 || errno != EMFILE)
        return 4; /* it is still open */
    mq_close(queue);
    if (make("/t_mq_more", O_RDWR | O_CREAT, 0600, 10, 101) >= 0 || errno != EMFILE)
        return 5;
    for (int i = 0; i < 100; i++) {
        queue = make("/t_mq_limit", O_RDWR | O_CREAT, 0600, 10, 100);
        if (queue < 0)
            return 6;
        mq_close(queue);
        mq_unlink("/t_mq_limit");
    }
    return 0;
}

static long setting(const char *name, const char *value) {
    char path[64];
    snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
    int fd = open(path, O_WRONLY);
    long done = fd < 0 ? -1 : write(fd, value, strlen(value));
    int error = errno;
    close(fd);
    errno = error;
    return done;
}

static int within_settings(void) {
    if (setresuid(1001, 1001, 1001) < 0)
        return 100;
    mqd_t queue = make("/t_mq_set", O_RDWR | O_CREAT, 0600, 12, 100);
    if (queue < 0)
        return 1;
    mq_close(queue);
    mq_unlink("/t_mq_set");
    if (make("/t_mq_set", O_RDWR | O_CREAT, 0600, 13, 100) >= 0 || errno != EINVAL)
        return 2;
    struct mq_attr attr;
    if ((queue = mq_open("/t_mq_set", O_RDWR | O_CREAT, 0600, NULL)) < 0)
        return 3;
    mq_getattr(queue, &attr);
    mq_close(queue);
    mq_unlink("/t_mq_set");
    if (attr.mq_maxmsg != 7)
        return 4;
    return setting("msg_max", "13") >= 0 ? 5 : 0;
}

static int none_left(void) {
    if (setresuid(1001, 1001, 1001) < 0)
        return 100;
    return mq_open("/t_mq_set", O_RDWR | O_CREAT, 0600, NULL) >= 0 || errno != ENOSPC;
}

static void settings(void) {
    if (geteuid() != 0 || setting("msg_max", "12") != 2) {
        skip("/proc/sys/fs/mqueue", "not root, or it cannot be written");
        return;
    }
    setting("msg_default", "7");
    is_int(WEXITSTATUS(in_child(within_settings)), 0, "settings hold");
    is_int(setting("queues_max", "0"), 1, "no more queues");
    is_int(WEXITSTATUS(in_child(none_left)), 0, "not even one");
    mqd_t queue = mq_open("/t_mq_set", O_RDWR | O_CREAT, 0600, NULL);
    ok(queue >= 0 || !on_parley(), "but for root, if it has CAP_SYS_RESOURCE");
    mq_close(queue);
    mq_unlink("/t_mq_set");
    is_errno(setting("msg_max", "0"), EINVAL, "none can be too small");
    is_errno(setting("msg_max", "65537"), EINVAL, "or too large");
    is_errno(setting("msgsize_max", "127"), EINVAL, "nor the size");
    is_errno(setting("msgsize_max", "x"), EINVAL, "nor anything");
    setting("queues_max", "256");
    setting("msg_default", "10");
    is_int(setting("msg_max", "10"), 2, "they are as they were");
}

int main(void) {
    opening();
    attributes();
    order();
    lengths();
    bad_memory();
    descriptors();
    rights();
    settings();
    mq_unlink(NAME); /* it counts for the user */
    int result = in_child(limited);
    is_int(WEXITSTATUS(result), 0, "RLIMIT_MSGQUEUE");
    return done();
}
