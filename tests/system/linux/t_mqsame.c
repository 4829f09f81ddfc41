/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues, the same as on Linux: random calls of one process, none of which waits. Results, errors, texts,
 * priorities, attributes, signals and what poll and read tell go into one hash a seed; what Linux gives stands below. Where
 * that differs, `t_mqsame SEED` prints the hash after each call, on either system.
 */
#include "tap.h"

#include "same.h"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096
#define MEMORY (3 * PAGE)
#define CALLS 12500
#define NAMES 4
#define DESCRIPTORS 6
#define BASE 100 /* the first descriptor: a call that makes one has it moved there */

/* Linux 6.18. */
static const uint64_t linux_hash[] = {
    0xd9dbc8c8497dc246, 0x8976f59f2ff3ab3a, 0x83d09b6da7e40bbf, 0xc29a6d1e7c6d63b8,
    0x0250900377b94181, 0xde563aaaf86ad440, 0x20e00594236583fd, 0x0d574d1f22a35d96,
};

static char *memory, *memory_end; /* behind it is nothing */

static int any_fd(void) {
    return one_in(60) ? -1 : one_in(60) ? 0 : BASE + (int)any(DESCRIPTORS);
}

static const char *any_name(void) {
    static const char *const names[NAMES] = {"t_mqsame_a", "t_mqsame_b", "t_mqsame_c",
                                             "t_mqsame_d"};
    static const char *const bad[] = {"", ".", "..", "a/b", "/a"};
    return one_in(60) ? bad[any(ARRAY_LENGTH(bad))] : names[any(NAMES)];
}

/* Attributes that any user may ask for, mostly. */
static long any_attribute(long most) {
    return one_in(40) ? -1 : one_in(40) ? 0 : one_in(40) ? 17 << 20 : 1 + (long)any((uint64_t)most);
}

/* The calls are given as they are: the C library looks at some things itself. */
static long open_any(void) {
    struct mq_attr attr = {0};
    int flags =
        O_NONBLOCK | (int)any(3); /* one choice a statement: all compilers make them in one order */
    flags |= one_in(3) ? 0 : O_CREAT;
    flags |= one_in(4) ? O_EXCL : 0;
    attr.mq_maxmsg = any_attribute(6);
    attr.mq_msgsize = any_attribute(200);
    unsigned mode = one_in(3) ? (unsigned)any(01000) : 0600;
    const char *name = any_name();
    void *given = one_in(8) ? NULL : one_in(40) ? nowhere : &attr;
    int to = BASE + (int)any(DESCRIPTORS);
    long fd = syscall(SYS_mq_open, name, flags, mode, given);
    if (fd < 0)
        return fd;
    dup3((int)fd, to, O_CLOEXEC);
    close((int)fd);
    return to;
}

static long unlink_any(void) {
    return syscall(SYS_mq_unlink, any_name());
}

static size_t any_length(void) {
    return any(4) ? any(70) : any(10) ? any(210) : any(9000);
}

/* Room for a text: ends with the memory, or lies anywhere near its start, aligned or not. */
static char *any_place(size_t length) {
    char *at = memory + 8 * any(10);
    if (one_in(2))
        at += any(8);
    return one_in(2) ? memory_end - length : at;
}

static const struct timespec *any_time(void) {
    static struct timespec time;
    if (any(6))
        return NULL;
    time.tv_sec = (long)any(4) - 1;
    time.tv_nsec = one_in(4) ? 1000000000 : (long)any(1000000000);
    return &time;
}

static long send_any(void) {
    size_t length = any_length();
    char *at = any_place(length);
    unsigned priority = any(30)     ? (unsigned)any(5)
                        : one_in(2) ? 32767 + (unsigned)any(2)
                                    : (unsigned)any(32768);
    for (size_t i = 0; i < length && at + i < memory_end; i++)
        at[i] = (char)any(256);
    if (one_in(30)) /* from here on nothing is there */
        at = memory_end - any(length + 1);
    int fd = any_fd();
    return syscall(SYS_mq_timedsend, fd, at, length, priority, any_time());
}

static long receive_any(void) {
    unsigned priority = 0;
    size_t length = any(8) ? 200 : any(300);
    char *at = any_place(length);
    bool tells = any(3);
    int fd = any_fd();
    memset(memory, 0x5a, MEMORY);
    long got = syscall(SYS_mq_timedreceive, fd, at, length, tells ? &priority : NULL, any_time());
    fold(priority);
    fold_bytes(memory, 300);
    fold_bytes(memory_end - 300, 300);
    return got;
}

static long attributes_any(void) {
    struct mq_attr new = {.mq_flags = one_in(20) ? (long)any(1 << 13) : O_NONBLOCK, .mq_maxmsg = 3};
    struct mq_attr old = {0};
    int fd = any_fd();
    void *from = one_in(2) ? &new : NULL, *to = one_in(5) ? NULL : &old;
    long result = syscall(SYS_mq_getsetattr, fd, from, to);
    if (fd >= BASE && new.mq_flags != O_NONBLOCK) /* it must never wait */
        fcntl(fd, F_SETFL, O_NONBLOCK);
    fold((uint64_t)old.mq_flags);
    fold((uint64_t)old.mq_maxmsg);
    fold((uint64_t)old.mq_msgsize);
    fold((uint64_t)old.mq_curmsgs);
    return result;
}

static long notify_any(void) {
    struct sigevent event = {0};
    int fd = any_fd();
    event.sigev_notify = one_in(9) ? 3 : (int)any(2);
    event.sigev_signo = one_in(9) ? (int)any(70) - 2 : SIGUSR1;
    event.sigev_value.sival_int = (int)any(1000);
    if (event.sigev_signo > 0 && event.sigev_signo < 65)
        event.sigev_signo = SIGUSR1;
    return syscall(SYS_mq_notify, fd, one_in(3) ? NULL : &event);
}

static long look_at_any(void) {
    struct pollfd entry = {.fd = any_fd(), .events = POLLIN | POLLOUT};
    char text[100] = {0};
    poll(&entry, 1, 0);
    fold(entry.fd == 0 ? 0 : (uint64_t)entry.revents);
    if (entry.fd < BASE)
        return 0;
    long got = pread(entry.fd, text, sizeof text, (long)any(3) * 6);
    char *pid = strstr(text, "NOTIFY_PID");
    if (pid) /* not the same each time */
        pid[11] = pid[11] == '0' ? '0' : 'p';
    fold_bytes(text, pid ? (size_t)(pid - text) + 12 : strlen(text));
    return got < 0 ? got : 0;
}

static long change_any(void) {
    int fd = BASE + (int)any(DESCRIPTORS), to = BASE + (int)any(DESCRIPTORS);
    return one_in(2) ? close(fd) : dup2(fd, to);
}

static volatile sig_atomic_t told;
static void tell(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    told = info->si_value.sival_int + 1000 * info->si_code;
}

static void call_any(void) {
    static long (*const calls[])(void) = {send_any,       send_any,    send_any,    send_any,
                                          receive_any,    receive_any, receive_any, open_any,
                                          attributes_any, notify_any,  look_at_any, unlink_any};
    errno = 0;
    told = 0;
    long result = one_in(12) ? change_any() : calls[any(ARRAY_LENGTH(calls))]();
    fold((uint64_t)result);
    fold(result < 0 ? (uint64_t)errno : 0);
    fold((uint64_t)told);
}

static void clean(void) {
    for (int i = 0; i < DESCRIPTORS; i++)
        close(BASE + i);
    for (char letter = 'a'; letter <= 'd'; letter++) {
        char name[] = "t_mqsame_?";
        name[sizeof name - 2] = letter;
        syscall(SYS_mq_unlink, name);
    }
}

static uint64_t run(uint64_t seed, bool verbose) {
    same_begin(seed);
    clean();
    for (unsigned int i = 0; i < CALLS; i++) {
        call_any();
        if (verbose)
            printf("# %u %016llx\n", i, (unsigned long long)hash);
    }
    clean();
    return hash;
}

int main(int argc, char **argv) {
    struct sigaction action = {.sa_sigaction = tell, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    memory = mmap(NULL, MEMORY + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory_end = memory + MEMORY;
    munmap(memory_end, PAGE);
    if (geteuid() == 0 && setresuid(1000, 1000, 1000) < 0) /* modes count */
        bail("setresuid");
    return same_as(linux_hash, ARRAY_LENGTH(linux_hash), CALLS, run, argc, argv);
}
