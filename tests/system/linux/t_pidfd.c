/* SPDX-License-Identifier: MIT */
/* Descriptors of processes: pidfd_open(2), pidfd_send_signal(2), waitid(2) by one. */
#include "tap.h"
#include <fcntl.h>
#include <stdint.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define PIDFD_NONBLOCK_FLAG O_NONBLOCK

static int pidfd_of(pid_t pid, unsigned flags) {
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

static long send_to(int fd, int signal) {
    return syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
}

static int events(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, 0) < 0 ? -1 : one.revents & POLLIN;
}

static pid_t sleeper(void) {
    pid_t pid = start();
    if (pid == 0) {
        sleep_ms(20000);
        _exit(3);
    }
    return pid;
}

static void test_end(void) {
    pid_t pid = sleeper();
    int fd = pidfd_of(pid, 0), other = pidfd_of(pid, 0);
    siginfo_t info = {0};
    struct pollfd one = {.fd = fd, .events = POLLIN};
    struct epoll_event event = {.events = EPOLLIN};
    int set = epoll_create1(0);
    ok(fd >= 0 && other >= 0 && fd != other, "two descriptors of a child");
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "closed on exec");
    is_int(epoll_ctl(set, EPOLL_CTL_ADD, other, &event), 0, "in a set");
    is_int(events(fd), 0, "it runs");
    is_int(send_to(fd, 0), 0, "it can be signalled");
    is_int(send_to(fd, SIGTERM), 0, "and is");
    is_int(poll(&one, 1, 20000), 1, "poll hears of its end");
    is_int(epoll_wait(set, &event, 1, 20000), 1, "so does epoll, by the other");
    is_int(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOWAIT), 0, "waitid by the descriptor");
    is_int(info.si_pid, pid, "it is the child");
    is_int(info.si_status, SIGTERM, "that was ended");
    is_int(events(other), POLLIN, "still to be seen");
    is_int(waitid(P_PIDFD, (id_t)other, &info, WEXITED), 0, "waited for by the other");
    is_errno(send_to(fd, 0), ESRCH, "it has gone");
    is_int(events(fd), POLLIN, "which can be seen");
    is_errno(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), ECHILD, "no child any more");
    close(fd);
    close(other);
    close(set);
}

static void test_wait(void) {
    siginfo_t info = {0};
    pid_t pid = start();
    if (pid == 0) {
        sleep_ms(100);
        _exit(7);
    }
    int fd = pidfd_of(pid, PIDFD_NONBLOCK_FLAG);
    is_errno(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), EAGAIN, "one that does not block");
    is_int(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG), 0, "nothing yet");
    fcntl(fd, F_SETFL, 0);
    is_int(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), 0, "one that does");
    is_int(info.si_status, 7, "waited for the child's end");
    close(fd);
}

static void test_self(void) {
    int fd = pidfd_of(getpid(), 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    is_int(send_to(fd, SIGUSR1), 0, "to oneself");
    is_int(sigwaitinfo(&set, NULL), SIGUSR1, "it came");
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    info.si_value.sival_int = 42;
    is_int(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &info, 0), 0, "with a value");
    siginfo_t got = {0};
    is_int(sigwaitinfo(&set, &got), SIGUSR1, "it came");
    is_int(got.si_value.sival_int, 42, "with its value");
    is_errno(syscall(SYS_pidfd_send_signal, fd, SIGUSR2, &info, 0), EINVAL, "of another signal");
    pid_t pid = start();
    if (pid == 0)
        _exit(send_to(fd, 0) != 0 || events(fd) != 0);
    is_int(reap_exit(pid), 0, "a child inherits it");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    close(fd);
}

static void test_errors(void) {
    int ends[2];
    siginfo_t info;
    char byte;
    if (pipe(ends))
        bail("pipe");
    is_errno(pidfd_of(0, 0), EINVAL, "no process");
    is_errno(pidfd_of(-1, 0), EINVAL, "no process");
    is_errno(pidfd_of(getpid(), 1), EINVAL, "bad flags");
    is_errno(pidfd_of(4000000, 0), ESRCH, "no such process");
    is_errno(send_to(ends[0], 0), EBADF, "a pipe is none");
    is_errno(send_to(900, 0), EBADF, "not open");
    is_errno(waitid(P_PIDFD, (id_t)ends[0], &info, WEXITED), EBADF, "waiting by a pipe");
    int fd = pidfd_of(getpid(), 0);
    is_errno(send_to(fd, 999), EINVAL, "no such signal");
    is_errno(read(fd, &byte, 1), EINVAL, "not to be read");
    is_errno(write(fd, &byte, 1), EINVAL, "not to be written");
    close(fd);
    close(ends[0]);
    close(ends[1]);
}

static volatile int taken;
static void took(int signal) {
    taken = signal;
}

/* Made with the process: CLONE_PIDFD of clone(2) and clone3(2). */
static void test_clone(void) {
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } arguments = {.flags = 0x1000, .exit_signal = SIGCHLD};
    int fd = -1, other = -1;
    fflush(stdout);
    pid_t child = (pid_t)syscall(SYS_clone, 0x1000 | SIGCHLD, 0, &fd, 0, 0);
    if (child == 0)
        _exit(fd == -1 ? 3 : 4); /* it does not see the number */
    ok(child > 0 && fd >= 0, "clone gives a descriptor of the child");
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "closed on exec");
    siginfo_t info;
    is_int(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), 0, "by which it is waited for");
    is_int(info.si_status, 3, "when it has ended");
    arguments.pidfd = (uintptr_t)&other;
    child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0)
        _exit(5);
    ok(child > 0 && other >= 0, "so does clone3");
    is_int(reap_exit(child), 5, "it ends");
    is_int(events(other), POLLIN, "and that is seen");
    close(fd);
    close(other);
    is_errno(syscall(SYS_clone, 0x1000 | SIGCHLD, 0, nowhere, 0, 0), EFAULT,
             "no place for the number");
    is_errno(syscall(SYS_clone, 0x1000 | 0x100000 | SIGCHLD, 0, &fd, 0, 0), EINVAL,
             "no place for two numbers");
    is_errno(waitpid(-1, NULL, 0), ECHILD, "and no child");
    signal(SIGUSR1, took);
    child = (pid_t)syscall(SYS_clone, SIGUSR1, 0, NULL, 0, 0);
    if (child == 0)
        _exit(6);
    is_int(waitpid(child, NULL, 0x40000000), child,
           "a child with another exit signal"); /* __WALL */
    is_int(taken, SIGUSR1, "whose parent gets that");
    signal(SIGUSR1, SIG_DFL);
}

/* Many, closed or not, of processes that end. */
static void test_many(void) {
    enum { COUNT = 30, ROUNDS = 10 };
    int good = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int fds[COUNT];
        pid_t pids[COUNT];
        for (int i = 0; i < COUNT; i++) {
            pids[i] = start();
            if (pids[i] == 0)
                _exit(i);
            fds[i] = pidfd_of(pids[i], 0);
        }
        for (int i = 0; i < COUNT; i++) {
            struct pollfd one = {.fd = fds[i], .events = POLLIN};
            good += poll(&one, 1, 20000) == 1 && reap_exit(pids[i]) == i;
            close(fds[i]);
        }
    }
    is_int(good, COUNT * ROUNDS, "%d processes seen ending", COUNT * ROUNDS);
}

static int get_as_other(int fd) {
    if (setuid(1234) < 0)
        return 1;
    return syscall(438, fd, 1, 0) < 0 && errno == EPERM ? 0 : 2;
}

/* pidfd_getfd(2) */
static void test_getfd(void) {
    int ends[2], back[2], fd, got;
    char text[8] = "";
    pid_t child;

    if (pipe(back) < 0)
        bail("pipe");
    child = start();
    if (child == 0) {
        if (pipe(ends) < 0 || write(ends[1], "within", 6) != 6 ||
            write(back[1], &ends[0], sizeof(int)) != sizeof(int))
            _exit(1);
        pause();
    }
    if (read(back[0], &got, sizeof(got)) != sizeof(got))
        bail("read");
    fd = pidfd_of(child, 0);
    got = (int)syscall(438, fd, got, 0);
    ok(got >= 0 && fcntl(got, F_GETFD) == FD_CLOEXEC, "a child's descriptor, closed on exec");
    ok(read(got, text, sizeof(text)) == 6 && !strcmp(text, "within"), "it is the same open file");
    is_errno(syscall(438, fd, 1000, 0), EBADF, "that it has not");
    is_errno(syscall(438, fd, 0, 1), EINVAL, "flags");
    is_errno(syscall(438, got, 0, 0), EBADF, "not of a process");
    if (geteuid() == 0) {
        pid_t other = start();
        if (other == 0)
            _exit(get_as_other(fd));
        is_int(reap_exit(other), 0, "another user may not");
    }
    kill(child, SIGKILL);
    reap(child);
    is_errno(syscall(438, fd, 0, 0), ESRCH, "it has ended");
    close(fd);
    close(got);
    close(back[0]);
    close(back[1]);
}

/* A process's directory in /proc will do to send it a signal, and for nothing else. */
static void test_directory(void) {
    char path[32];
    pid_t child = start();

    if (child == 0)
        for (;;)
            pause();
    snprintf(path, sizeof(path), "/proc/%d", (int)child);
    int fd = open(path, O_RDONLY | O_DIRECTORY), other = open("/proc/self/task", O_RDONLY);
    is_int(syscall(424, fd, 0, NULL, 0), 0, "a process by its directory");
    is_errno(syscall(438, fd, 0, 0), EBADF, "which is no pidfd");
    is_errno(syscall(424, other, 0, NULL, 0), EBADF, "another directory");
    is_int(syscall(424, fd, SIGTERM, NULL, 0), 0, "a signal to it");
    is_int(reap(child), SIGTERM, "is its end");
    is_errno(syscall(424, fd, 0, NULL, 0), ESRCH, "then it has gone");
    close(fd);
    close(other);
}

int main(void) {
    test_directory();
    test_getfd();
    test_many();
    long before = free_pages();
    test_end();
    test_wait();
    test_self();
    test_errors();
    test_clone();
    test_many();
    check_free_pages(before, 64, "no memory is lost");
    return done();
}
