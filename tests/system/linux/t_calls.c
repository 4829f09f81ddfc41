/* SPDX-License-Identifier: MIT */
/* Small calls that many programs begin or end with: CPU clocks and their timers, ranges of descriptors, advice. */
#include "tap.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <time.h>

#define PAGE 4096

static volatile sig_atomic_t caught;

static void on_signal(int signal) {
    caught = signal;
}

/* ---- Clocks ------------------------------------------------------------------------------- */

static long cpu_ms(clockid_t clock) {
    struct timespec t = {-1, 0};

    if (clock_gettime(clock, &t) < 0)
        return -1;
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void burn(long ms) {
    for (long end = cpu_ms(CLOCK_PROCESS_CPUTIME_ID) + ms; cpu_ms(CLOCK_PROCESS_CPUTIME_ID) < end;)
        continue;
}

static void test_clocks(void) {
    struct timespec resolution;
    clockid_t clock_of;
    clock_t before = clock();

    ok(before != (clock_t)-1, "clock()");
    burn(30);
    ok(clock() - before >= 20000, "counts time on a hart");
    before = clock();
    sleep_ms(100);
    ok(clock() - before < 50000, "and no time asleep");
    pid_t pid = start();
    if (pid == 0) {
        burn(50);
        for (;;)
            pause();
    }
    is_int(clock_getcpuclockid(pid, &clock_of), 0, "another's CPU clock");
    ok(clock_of < 0, "has a negative number");
    for (int i = 0; i < 1000 && cpu_ms(clock_of) < 40; i++)
        sleep_ms(10);
    ok(cpu_ms(clock_of) >= 40, "and tells that one's time");
    kill(pid, SIGKILL);
    reap(pid);
    is_int(clock_gettime(clock_of, &resolution), -1, "not when it is gone");
    is_int(errno, EINVAL, "EINVAL");
    is_int(clock_getres(CLOCK_PROCESS_CPUTIME_ID, &resolution), 0, "resolution");
    ok(resolution.tv_sec == 0 && resolution.tv_nsec == 1, "is told as one nanosecond");
}

static void test_timer(int which, int signal, const char *name) {
    struct itimerval timer = {{0, 20000}, {0, 20000}}, now;
    struct sigaction action = {.sa_flags = 0};

    caught = 0;
    action.sa_handler = on_signal;
    sigaction(signal, &action, NULL);
    is_int(setitimer(which, &timer, NULL), 0, "%s", name);
    sleep_ms(100);
    is_int(caught, 0, "does not go on asleep");
    for (long end = cpu_ms(CLOCK_PROCESS_CPUTIME_ID) + 2000;
         !caught && cpu_ms(CLOCK_PROCESS_CPUTIME_ID) < end;)
        continue;
    is_int(caught, signal, "expires by CPU time");
    caught = 0;
    for (long end = cpu_ms(CLOCK_PROCESS_CPUTIME_ID) + 2000;
         !caught && cpu_ms(CLOCK_PROCESS_CPUTIME_ID) < end;)
        continue;
    is_int(caught, signal, "again and again");
    is_int(getitimer(which, &now), 0, "is told");
    is_int(now.it_interval.tv_usec, 20000, "with its interval");
    timer = (struct itimerval){{0, 0}, {0, 0}};
    is_int(setitimer(which, &timer, NULL), 0, "and stopped");
}

/* ---- Descriptors -------------------------------------------------------------------------- */

static int closed(int fd) {
    return fcntl(fd, F_GETFD) < 0 && errno == EBADF;
}

static void test_close_range(void) {
    int fds[6];

    for (int i = 0; i < 6; i++)
        fds[i] = dup(0);
    is_int(syscall(SYS_close_range, fds[1], fds[2], 0), 0, "close_range");
    ok(!closed(fds[0]) && closed(fds[1]) && closed(fds[2]) && !closed(fds[3]),
       "closes what is in it");
    is_int(syscall(SYS_close_range, fds[3], fds[4], 4), 0, "CLOSE_RANGE_CLOEXEC");
    is_int(fcntl(fds[3], F_GETFD), FD_CLOEXEC, "marks them");
    is_int(fcntl(fds[5], F_GETFD), 0, "and no others");
    is_int(syscall(SYS_close_range, 10, 9, 0), -1, "backwards");
    is_int(errno, EINVAL, "EINVAL");
    is_int(syscall(SYS_close_range, 3, ~0u, 0), 0, "all the rest");
    ok(closed(fds[0]) && closed(fds[5]) && !closed(2), "is closed");
}

static void test_fchmodat2(void) {
    struct stat status;

    close(open("/tmp/mode", O_CREAT | O_RDWR, 0600));
    is_int(syscall(452, AT_FDCWD, "/tmp/mode", 0640, 0), 0, "fchmodat2");
    stat("/tmp/mode", &status);
    is_int(status.st_mode & 07777, 0640, "changes the mode");
    is_int(syscall(452, AT_FDCWD, "/tmp/mode", 0640, 1), -1, "a bad flag");
    is_int(errno, EINVAL, "EINVAL");
    unlink("/tmp/mode");
}

/* ---- Advice ------------------------------------------------------------------------------- */

static void test_advice(void) {
    int fd = open("/tmp/advice", O_CREAT | O_RDWR, 0600), pipes[2];
    unsigned char resident[4] = {0};
    char value[8];
    char *memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    sync();
    is_int(syncfs(fd), 0, "syncfs");
    is_int(syncfs(99), -1, "of nothing");
    is_int(errno, EBADF, "EBADF");
    is_int(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0, "posix_fadvise");
    is_int(posix_fadvise(fd, 0, 0, 77), EINVAL, "unknown advice");
    is_int(posix_fadvise(99, 0, 0, 77), EBADF, "a bad descriptor comes first");
    is_int(pipe(pipes), 0, "a pipe");
    is_int(posix_fadvise(pipes[0], 0, 0, 0), ESPIPE, "takes none");
    memset(memory, 1, 4 * PAGE);
    is_int(mincore(memory, 4 * PAGE, resident), 0, "mincore");
    ok(resident[0] & 1 && resident[3] & 1, "all is there");
    is_int(mincore(memory + 1, PAGE, resident), -1, "not at a page");
    is_int(errno, EINVAL, "EINVAL");
    munmap(memory + PAGE, PAGE);
    is_int(mincore(memory, 4 * PAGE, resident), -1, "a hole");
    is_int(errno, ENOMEM, "ENOMEM");
    is_int(mlockall(MCL_CURRENT | MCL_FUTURE), 0, "mlockall");
    is_int(munlockall(), 0, "munlockall");
    is_int(mlockall(99), -1, "bad flags");
    is_int(errno, EINVAL, "EINVAL");
    is_int(madvise(memory, PAGE, 77), -1, "unknown advice on memory");
    is_int(errno, EINVAL, "EINVAL");
    is_int(madvise(memory, PAGE, MADV_DONTNEED), 0, "MADV_DONTNEED");
    is_int(memory[0], 0, "makes zeros");
    if (on_parley()) { /* Linux's file systems may have them */
        is_int(setxattr("/tmp/advice", "user.x", "1", 1, 0), -1, "an attribute");
        is_int(errno, EOPNOTSUPP, "EOPNOTSUPP");
        is_int(getxattr("/tmp/advice", "user.x", value, sizeof value), -1, "to read");
        is_int(errno, EOPNOTSUPP, "EOPNOTSUPP");
    }
    unlink("/tmp/advice");
}

/* ---- Capabilities ------------------------------------------------------------------------- */

static long capabilities(long number, unsigned version, int pid,
                         struct __user_cap_data_struct *data) {
    struct __user_cap_header_struct header = {version, pid};
    return syscall(number, &header, data);
}

static int nobody_has_none(void) {
    struct __user_cap_data_struct data[2] = {{1, 1, 1}, {1, 1, 1}};

    if (setuid(65534) < 0)
        return 2;
    if (capabilities(SYS_capget, _LINUX_CAPABILITY_VERSION_3, 0, data) < 0 || data[0].effective ||
        data[0].permitted || data[1].effective || data[1].permitted)
        return 3;
    if (capabilities(SYS_capset, _LINUX_CAPABILITY_VERSION_3, 0, data) < 0)
        return 4;
    data[0].effective = data[0].permitted = 1;
    return capabilities(SYS_capset, _LINUX_CAPABILITY_VERSION_3, 0, data) == 0 || errno != EPERM;
}

static void test_capabilities(void) {
    struct __user_cap_header_struct header = {0, 0};
    struct __user_cap_data_struct data[2];

    is_int(syscall(SYS_capget, &header, NULL), 0, "capget tells its version");
    is_int(header.version, _LINUX_CAPABILITY_VERSION_3, "the third");
    header.version = 1;
    is_errno(syscall(SYS_capget, &header, data), EINVAL, "an unknown one: EINVAL");
    is_errno(capabilities(SYS_capget, _LINUX_CAPABILITY_VERSION_3, -1, data), EINVAL,
             "a negative number: EINVAL");
    is_errno(syscall(SYS_capget, nowhere, data), EFAULT, "a bad address: EFAULT");
    is_int(capabilities(SYS_capget, _LINUX_CAPABILITY_VERSION_3, getpid(), data), 0, "its own");
    if (geteuid() == 0)
        ok(data[0].effective & 1u << CAP_CHOWN && data[0].permitted & 1u << CAP_SETUID,
           "root has them");
    is_int(capabilities(SYS_capset, _LINUX_CAPABILITY_VERSION_3, 0, data), 0,
           "can be set to what they are");
    if (geteuid() == 0)
        is_int(in_child(nobody_has_none), 0, "others have none, and get none");
}

int main(void) {
    test_clocks();
    test_timer(ITIMER_VIRTUAL, SIGVTALRM, "ITIMER_VIRTUAL");
    test_timer(ITIMER_PROF, SIGPROF, "ITIMER_PROF");
    test_advice();
    test_fchmodat2();
    test_close_range();
    test_capabilities();
    return done();
}
