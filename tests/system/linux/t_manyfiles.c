/* SPDX-License-Identifier: MIT */
/* Ten thousand descriptors and more: RLIMIT_NOFILE above what is usual, forks, execs and closes with them (getrlimit(2), close_range(2)). */

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tap.h"

#define MANY 10000
#define FAR 1000000
#define NR_OPEN 1048576

static int ends[2];

static int limit(rlim_t soft, rlim_t hard) {
    const struct rlimit now = {soft, hard};
    return setrlimit(RLIMIT_NOFILE, &now) < 0 ? errno : 0;
}

static int listed(void) {
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;
    if (!dir)
        bail("/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 3; /* . and .. and dir's own */
}

static int open_at(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

static void fill(int flags) {
    int fd;
    while ((fd = fcntl(ends[0], flags, 0)) >= 0 && fd < MANY - 1)
        ;
    if (fd != MANY - 1)
        bail("F_DUPFD");
}

static int sees_all(void) {
    if (listed() != MANY)
        return 1;
    close(MANY - 1); /* its own copy alone */
    close(70);
    return listed() == MANY - 2 && !open_at(70) && dup(ends[0]) == 70 ? 0 : 2;
}

static int closes_some(void) {
    syscall(SYS_close_range, 100, 8999, 0);
    if (open_at(100) || open_at(8999) || !open_at(99) || !open_at(9000))
        return 1;
    return listed() == MANY - 8900 && dup(ends[0]) == 100 ? 0 : 2;
}

static int marks_some(void) {
    syscall(SYS_close_range, 50, 200, 4 /* CLOSE_RANGE_CLOEXEC */);
    return (fcntl(49, F_GETFD) == 0 && fcntl(50, F_GETFD) == FD_CLOEXEC &&
            fcntl(200, F_GETFD) == FD_CLOEXEC && fcntl(201, F_GETFD) == 0)
               ? 0
               : 1;
}

/* Of every third an exec leaves nothing; the program tells how many it has. */
static int executes(void) {
    for (int fd = 3; fd < MANY; fd += 3)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    execl("/proc/self/exe", "t_manyfiles", "count", (char *)NULL);
    return 1;
}

static int executes_all(void) {
    syscall(SYS_close_range, 3, ~0u, 4);
    execl("/proc/self/exe", "t_manyfiles", "three", (char *)NULL);
    return 1;
}

static int count_after_exec(const char *how) {
    int left = 0;
    for (int fd = 0; fd < MANY; fd++)
        left += open_at(fd);
    if (how[0] == 't')
        return left == 3 ? 0 : 2;
    return left == MANY - (MANY - 3 + 2) / 3 && open_at(4) && !open_at(6) ? 0 : 3;
}

static int leaves(void) {
    return 0;
}

/* In many steps, beside others: the pipe's writer has gone when the last of all has been closed. */
static void last_writer_goes(void) {
    char byte;
    int other[2], status;
    if (pipe(other) < 0)
        bail("pipe");
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 3000; i++)
            dup2(other[1], 20 + i);
        raise(SIGSTOP);
        _exit(0);
    }
    close(other[1]);
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGKILL);
    is_int(read(other[0], &byte, 1), 0,
           "the end of a file of which one that dies has 3,000 descriptors");
    waitpid(child, &status, 0);
    close(other[0]);
}

static void poll_all(void) {
    static struct pollfd all[MANY];
    for (int i = 0; i < MANY; i++)
        all[i] = (struct pollfd){.fd = i < 3 ? -1 : i, .events = POLLIN};
    is_int(poll(all, MANY, 0), 0, "none of all is ready");
    all[5000].events = 0;
    if (write(ends[1], "x", 1) != 1)
        bail("write");
    is_int(poll(all, MANY, -1), MANY - 5,
           "all that are asked are"); /* but 0 to 2, the pipe's other end, and 5,000 */
}

static void watch_all(void) {
    struct epoll_event found[64], event = {.events = EPOLLIN};
    int set = epoll_create1(0), failed = 0;
    for (int fd = 5; fd < MANY; fd++) {
        event.data.fd = fd;
        failed += epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0;
    }
    is_int(failed, 0, "all in one set");
    is_int(epoll_wait(set, found, 64, -1), 64, "as many are found as there is room for");
    close(set);
}

static void far_away(void) {
    is_int(dup2(ends[0], FAR), FAR, "a descriptor of 1,000,000");
    ok(open_at(FAR) && !open_at(FAR - 1) && !open_at(FAR + 1), "it alone");
    is_int(fcntl(ends[0], F_DUPFD, FAR), FAR + 1, "and one behind");
    close(FAR + 1);
    is_int(in_child(leaves), 0, "a fork has it too");
    is_int(close(FAR), 0, "closed");
    is_int(dup2(ends[0], NR_OPEN) < 0 ? errno : 0, EBADF, "none is NR_OPEN or more");
}

int main(int argc, char **argv) {
    if (argc > 1)
        return count_after_exec(argv[1]);
    is_int(limit(NR_OPEN + 1, NR_OPEN + 1), EPERM, "no more than NR_OPEN, not even for root");
    is_int(limit(NR_OPEN, NR_OPEN), 0, "but so many");
    if (pipe(ends) < 0)
        bail("pipe");
    far_away();
    is_int(limit(MANY, NR_OPEN), 0, "ten thousand");
    fill(F_DUPFD);
    is_int(dup(ends[0]) < 0 ? errno : 0, EMFILE, "no more than that");
    limit(MANY + 64, NR_OPEN);
    is_int(in_child(sees_all), 0, "a fork has all, and changes none of its parent's");
    is_int(listed(), MANY, "which has them all still");
    is_int(in_child(closes_some), 0, "a range is closed");
    is_int(in_child(marks_some), 0, "a range is marked");
    is_int(in_child(executes), 0, "an exec closes those that are marked");
    is_int(in_child(executes_all), 0, "or all");
    poll_all();
    watch_all();
    syscall(SYS_close_range, 5, ~0u, 0);
    is_int(listed(), 5, "all are closed");
    last_writer_goes();
    return done();
}
