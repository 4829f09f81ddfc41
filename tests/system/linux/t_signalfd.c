/* SPDX-License-Identifier: MIT */
/* signalfd(2): signals as records to read, to wait for and to poll. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "tap.h"

static sigset_t set_of(int a, int b) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, a);
    sigaddset(&set, b);
    return set;
}

static short readable(int fd) {
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    return poll(&entry, 1, 0) == 1 ? entry.revents : 0;
}

static void reading(void) {
    sigset_t set = set_of(SIGUSR1, SIGRTMIN);
    struct signalfd_siginfo records[4];
    union sigval value = {.sival_int = 1234};
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    sigprocmask(SIG_BLOCK, &set, NULL);
    ok(fd >= 0, "a descriptor for two signals");
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "closed on exec");
    is_errno(read(fd, records, sizeof records), EAGAIN, "nothing is pending");
    is_int(readable(fd), 0, "nor is it readable");
    kill(getpid(), SIGUSR1);
    is_int(readable(fd), POLLIN, "a signal makes it readable");
    is_errno(read(fd, records, 100), EINVAL, "a record must have room");
    is_int(read(fd, records, sizeof records), sizeof *records, "one record");
    ok(records[0].ssi_signo == SIGUSR1 && (pid_t)records[0].ssi_pid == getpid() &&
           records[0].ssi_uid == getuid() && records[0].ssi_code == SI_USER,
       "says which signal, and whose");
    is_int(readable(fd), 0, "it is taken");
    sigqueue(getpid(), SIGRTMIN, value);
    value.sival_int = 5678;
    sigqueue(getpid(), SIGRTMIN, value);
    kill(getpid(), SIGUSR1);
    is_int(read(fd, records, sizeof records), 3 * (long)sizeof *records, "three records at once");
    ok(records[0].ssi_signo == SIGUSR1 && records[1].ssi_int == 1234 && records[2].ssi_int == 5678,
       "in their order, with their values");
    is_errno(write(fd, records, sizeof records), EINVAL, "nothing is written to it");
    close(fd);
}

static void changing(void) {
    sigset_t one = set_of(SIGUSR1, SIGUSR1), other = set_of(SIGUSR2, SIGUSR2);
    struct signalfd_siginfo record;
    int fds[2], fd = signalfd(-1, &one, SFD_NONBLOCK);
    sigprocmask(SIG_BLOCK, &other, NULL);
    kill(getpid(), SIGUSR2);
    is_int(readable(fd), 0, "a signal of another set does not show");
    is_int(signalfd(fd, &other, 0), fd, "the set is changed");
    is_int(readable(fd), POLLIN, "now it does");
    is_int(read(fd, &record, sizeof record), sizeof record, "and is read");
    if (pipe(fds) < 0)
        bail("pipe");
    is_errno(signalfd(fds[0], &one, 0), EINVAL, "a pipe is no such descriptor");
    is_errno(signalfd(999, &one, 0), EBADF, "nor is none");
    is_errno(signalfd(-1, &one, 1), EINVAL, "unknown flags");
    close(fds[0]);
    close(fds[1]);
    close(fd);
}

static void *send_late(void *unused) {
    (void)unused;
    usleep(10000);
    kill(getpid(), SIGUSR1);
    return NULL;
}

static void waiting(void) {
    sigset_t set = set_of(SIGUSR1, SIGCHLD);
    struct signalfd_siginfo record;
    pthread_t thread;
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, 0), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77}, got;
    pthread_create(&thread, NULL, send_late, NULL);
    is_int(read(fd, &record, sizeof record), sizeof record, "a read waits");
    is_int(record.ssi_signo, SIGUSR1, "for the signal");
    pthread_join(thread, NULL);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    is_int(epoll_wait(epoll, &got, 1, 0), 0, "epoll sees nothing");
    pid_t child = start();
    if (child == 0)
        _exit(9);
    is_int(epoll_wait(epoll, &got, 1, 5000), 1, "until a child ends");
    is_int(read(fd, &record, sizeof record), sizeof record, "which is read");
    ok(record.ssi_signo == SIGCHLD && record.ssi_status == 9 && (pid_t)record.ssi_pid == child &&
           record.ssi_code == CLD_EXITED,
       "with how it ended");
    reap(child);
    is_int(epoll_wait(epoll, &got, 1, 0), 0, "then nothing again");
    close(epoll);
    close(fd);
}

/* A fork has the descriptor, and reads signals of its own. */
static int inherited;
static int read_own(void) {
    struct signalfd_siginfo record;
    kill(getpid(), SIGUSR1);
    return read(inherited, &record, sizeof record) != sizeof record ||
           (pid_t)record.ssi_pid != getpid();
}

static void inheriting(void) {
    sigset_t set = set_of(SIGUSR1, SIGUSR1);
    inherited = signalfd(-1, &set, SFD_NONBLOCK);
    is_int(in_child(read_own), 0, "a fork reads its own signals from it");
    close(inherited);
}

int main(void) {
    reading();
    changing();
    waiting();
    inheriting();
    return done();
}
