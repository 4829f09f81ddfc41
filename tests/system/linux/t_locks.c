/* SPDX-License-Identifier: MIT */
/*
 * Record locks (fcntl(2)), of processes and of open files, and flock(2): who gets them, how ranges split and
 * join, who waits, and when they go.
 */
#include "tap.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/file.h>

static char path[] = "/tmp/locks.XXXXXX";
static int fd;

static struct flock range(int type, off_t start, off_t length) {
    struct flock lock = {.l_type = (short)type, .l_start = start, .l_len = length};
    return lock;
}

static int set(int file, int command, int type, off_t start, off_t length) {
    struct flock lock = range(type, start, length);
    return fcntl(file, command, &lock);
}

static int reopen(void) {
    int file = open(path, O_RDWR);
    if (file < 0)
        bail("open");
    return file;
}

/* What another process is told of a range: "free", or who has what. */
static const char *seen_by_other(off_t start, off_t length) {
    static char text[80];
    int ends[2];
    if (pipe(ends) < 0)
        bail("pipe");
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        struct flock lock = range(F_WRLCK, start, length);
        if (fcntl(fd, F_GETLK, &lock) < 0)
            snprintf(text, sizeof(text), "%s", strerror(errno));
        else if (lock.l_type == F_UNLCK)
            strcpy(text, "free");
        else
            snprintf(text, sizeof(text), "%c %ld+%ld %s", lock.l_type == F_RDLCK ? 'r' : 'w',
                     (long)lock.l_start, (long)lock.l_len,
                     lock.l_pid == parent ? "parent"
                     : lock.l_pid == -1   ? "file"
                                          : "other");
        _exit(write(ends[1], text, sizeof(text)) < 0);
    }
    if (read(ends[0], text, sizeof(text)) < 0 || reap_exit(pid) != 0)
        bail("child");
    close(ends[0]);
    close(ends[1]);
    return text;
}

#define sees(start, length, wanted)                                                                \
    do {                                                                                           \
        const char *got_ = seen_by_other(start, length);                                           \
        if (!ok(strcmp(got_, wanted) == 0, "another process sees %s at %ld+%ld", wanted,           \
                (long)(start), (long)(length)))                                                    \
            printf("# it sees %s\n", got_);                                                        \
    } while (0)

static void test_ranges(void) {
    is_int(set(fd, F_SETLK, F_WRLCK, 10, 10), 0, "lock 10 to 19");
    sees(0, 10, "free");
    sees(0, 11, "w 10+10 parent");
    sees(19, 1, "w 10+10 parent");
    sees(20, 0, "free");
    is_int(set(fd, F_SETLK, F_WRLCK, 20, 5), 0, "what touches");
    sees(0, 0, "w 10+15 parent");
    is_int(set(fd, F_SETLK, F_RDLCK, 14, 2), 0, "its middle made shared");
    sees(13, 1, "w 10+4 parent");
    sees(14, 1, "r 14+2 parent");
    sees(16, 1, "w 16+9 parent");
    is_int(set(fd, F_SETLK, F_UNLCK, 12, 6), 0, "a hole over all three");
    sees(12, 6, "free");
    sees(0, 0, "w 10+2 parent");
    sees(12, 0, "w 18+7 parent");
    is_int(set(fd, F_SETLK, F_RDLCK, 5, 0), 0, "to the end, for ever");
    sees(1L << 40, 1, "r 5+0 parent");
    is_int(set(fd, F_SETLK, F_UNLCK, 0, 0), 0, "all gone");
    sees(0, 0, "free");
}

static void test_whence(void) {
    if (ftruncate(fd, 1000) < 0 || lseek(fd, 100, SEEK_SET) < 0)
        bail("lseek");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -10, .l_len = 5};
    is_int(fcntl(fd, F_SETLK, &lock), 0, "SEEK_CUR");
    sees(0, 0, "w 90+5 parent");
    lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 10, .l_len = -20};
    is_int(fcntl(fd, F_SETLK, &lock), 0, "SEEK_END, a negative length");
    sees(95, 0, "w 990+20 parent");
    set(fd, F_SETLK, F_UNLCK, 0, 0);
}

static void test_errors(void) {
    struct flock lock = range(F_WRLCK, 0, 1);
    int reads = open(path, O_RDONLY), writes = open(path, O_WRONLY), names = open(path, O_PATH);
    is_errno(set(fd, F_SETLK, F_WRLCK, -1, 0), EINVAL, "starts before the file");
    is_errno(set(fd, F_SETLK, F_WRLCK, 5, -6), EINVAL, "reaches before the file");
    is_int(set(fd, F_SETLK, F_WRLCK, 5, -5), 0, "reaches to its start");
    is_errno(set(fd, F_SETLK, F_WRLCK, INT64_MAX, 2), EOVERFLOW, "ends behind all files");
    is_int(set(fd, F_SETLK, F_WRLCK, INT64_MAX, 1), 0, "the last byte");
    is_errno(set(fd, F_SETLK, 7, 0, 1), EINVAL, "bad type");
    is_errno(set(fd, F_GETLK, F_UNLCK, 0, 1), EINVAL, "F_GETLK of F_UNLCK");
    lock.l_whence = 9;
    is_errno(fcntl(fd, F_SETLK, &lock), EINVAL, "bad whence");
    is_errno(set(reads, F_SETLK, F_WRLCK, 0, 1), EBADF, "F_WRLCK, open for reading only");
    is_errno(set(writes, F_SETLK, F_RDLCK, 0, 1), EBADF, "F_RDLCK, open for writing only");
    is_errno(set(names, F_SETLK, F_UNLCK, 0, 1), EBADF, "O_PATH");
    is_errno(set(99, F_SETLK, F_WRLCK, 0, 1), EBADF, "not open");
    is_errno(fcntl(fd, F_SETLK, nowhere), EFAULT, "bad address");
    lock = range(F_WRLCK, 0, 1);
    lock.l_pid = 5;
    is_errno(fcntl(fd, F_OFD_SETLK, &lock), EINVAL, "F_OFD_SETLK with a pid");
    is_errno(flock(fd, LOCK_SH | LOCK_EX), EINVAL, "flock: two kinds");
    is_errno(flock(99, LOCK_SH), EBADF, "flock: not open");
    is_errno(flock(names, LOCK_SH), EBADF, "flock: O_PATH");
    close(reads);
    sees(5, 100, "free");
    close(writes);
    close(names);
    set(fd, F_SETLK, F_UNLCK, 0, 0);
}

static int child_conflicts(void) {
    bool good = set(fd, F_SETLK, F_WRLCK, 0, 1) < 0 && errno == EAGAIN;
    good = good && set(fd, F_SETLK, F_RDLCK, 0, 1) < 0 && errno == EAGAIN;
    good = good && set(fd, F_SETLK, F_RDLCK, 5, 1) == 0;
    return !(good && set(fd, F_SETLK, F_WRLCK, 5, 1) < 0 && errno == EAGAIN);
}

static int child_closes(void) {
    return close(fd);
}

static void test_release(void) {
    set(fd, F_SETLK, F_WRLCK, 0, 2);
    set(fd, F_SETLK, F_RDLCK, 5, 2);
    is_int(in_child(child_conflicts), 0, "a child has none of its parent's, and conflicts");
    is_int(set(fd, F_SETLK, F_WRLCK, 5, 2), 0, "its own went with it");
    is_int(in_child(child_closes), 0, "a child closes the file");
    sees(0, 0, "w 0+2 parent");
    close(dup(fd));
    sees(0, 0, "free");
    set(fd, F_SETLK, F_WRLCK, 0, 2);
    close(reopen());
    sees(0, 0, "free");
    set(fd, F_SETLK, F_WRLCK, 0, 2);
    int other = reopen();
    dup2(fd, other);
    sees(0, 0, "free");
    close(other);
}

static void test_open_files(void) {
    int other = reopen(), same = dup(fd);
    is_int(set(fd, F_OFD_SETLK, F_WRLCK, 0, 10), 0, "an open file's lock");
    is_errno(set(other, F_OFD_SETLK, F_RDLCK, 9, 1), EAGAIN, "another open file conflicts");
    is_errno(set(fd, F_SETLK, F_RDLCK, 9, 1), EAGAIN, "and so does the process");
    is_int(set(same, F_OFD_SETLK, F_RDLCK, 9, 1), 0, "a duplicate has the same");
    sees(0, 0, "w 0+9 file");
    close(same);
    sees(0, 0, "w 0+9 file");
    struct flock lock = range(F_WRLCK, 0, 0);
    is_int(fcntl(other, F_OFD_GETLK, &lock), 0, "F_OFD_GETLK");
    ok(lock.l_type == F_WRLCK && lock.l_len == 9 && lock.l_pid == -1, "tells of it");
    close(fd);
    fd = other;
    sees(0, 0, "free");
}

static void test_flock(void) {
    int other = reopen();
    is_int(flock(fd, LOCK_SH), 0, "shared");
    is_int(flock(other, LOCK_SH | LOCK_NB), 0, "by two");
    is_errno(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK, "not exclusive beside another");
    is_int(flock(fd, LOCK_EX | LOCK_NB), 0, "what could not be converted is gone");
    is_int(set(other, F_SETLK, F_WRLCK, 0, 0), 0, "record locks are another thing");
    is_errno(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK, "exclusive");
    is_int(flock(fd, LOCK_UN), 0, "unlock");
    is_int(flock(other, LOCK_EX | LOCK_NB), 0, "free");
    int same = dup(other);
    close(other);
    is_errno(flock(fd, LOCK_SH | LOCK_NB), EWOULDBLOCK, "kept by a duplicate");
    close(same);
    is_int(flock(fd, LOCK_SH | LOCK_NB), 0, "gone with the last descriptor");
    flock(fd, LOCK_UN);
}

static void caught(int signal) {
    (void)signal;
}

static void catch_alarm(int flags) {
    struct sigaction action = {.sa_handler = caught, .sa_flags = flags};
    sigaction(SIGUSR1, &action, NULL);
}

static int child_interrupted(void) {
    catch_alarm(0);
    return !(set(fd, F_SETLKW, F_WRLCK, 0, 1) < 0 && errno == EINTR);
}
static int child_restarted(void) {
    catch_alarm(SA_RESTART);
    return set(fd, F_SETLKW, F_WRLCK, 0, 1) != 0;
}
static int child_flock_interrupted(void) {
    int own = reopen();
    catch_alarm(0);
    return !(flock(own, LOCK_EX) < 0 && errno == EINTR);
}
static int child_waits(void) {
    return set(fd, F_SETLKW, F_WRLCK, 0, 1) != 0;
}

/* A child that blocks in the function while this process has the lock. */
static pid_t blocked(int (*function)(void)) {
    pid_t pid = start();
    if (pid == 0)
        _exit(function());
    let_block();
    return pid;
}

static void test_waiting(void) {
    set(fd, F_SETLK, F_WRLCK, 0, 10);
    pid_t pid = blocked(child_interrupted);
    kill(pid, SIGUSR1);
    is_int(reap_exit(pid), 0, "F_SETLKW: EINTR");
    pid = blocked(child_restarted);
    kill(pid, SIGUSR1);
    let_block();
    set(fd, F_SETLK, F_UNLCK, 5, 1);
    let_block();
    is_int(waitpid(pid, NULL, WNOHANG), 0, "another byte does not help it");
    set(fd, F_SETLK, F_UNLCK, 0, 1);
    is_int(reap_exit(pid), 0, "restarted, and it gets the lock");
    set(fd, F_SETLK, F_WRLCK, 0, 1);
    pid = blocked(child_waits);
    close(dup(fd));
    is_int(reap_exit(pid), 0, "a close gives it, too");
    set(fd, F_SETLK, F_WRLCK, 0, 1);
    pid = blocked(child_waits);
    kill(pid, SIGKILL);
    ok(WIFSIGNALED(reap(pid)), "killed while it waits");
    set(fd, F_SETLK, F_UNLCK, 0, 0);
    flock(fd, LOCK_EX);
    pid = blocked(child_flock_interrupted);
    kill(pid, SIGUSR1);
    is_int(reap_exit(pid), 0, "flock: EINTR");
    flock(fd, LOCK_UN);
}

/* Three processes in a ring, each with a byte, each waiting for the next one's: the last to ask hears of it. */
static int child_of_ring(int own, int next) {
    if (set(fd, F_SETLK, F_WRLCK, own, 1))
        return 2;
    return set(fd, F_SETLKW, F_WRLCK, next, 1) == 0 ? 0 : errno == EDEADLK ? 3 : 1;
}

static void test_deadlock(void) {
    pid_t pid[2];
    set(fd, F_SETLK, F_WRLCK, 0, 1);
    for (int i = 0; i < 2; i++) {
        pid[i] = start();
        if (pid[i] == 0)
            _exit(child_of_ring(2 - i, i == 0 ? 0 : 2));
        let_block();
    }
    is_errno(set(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK, "a ring of three");
    sees(0, 1, "w 0+1 parent");
    set(fd, F_SETLK, F_UNLCK, 0, 1);
    is_int(reap_exit(pid[0]), 0, "without it the first one goes on");
    is_int(reap_exit(pid[1]), 0, "and then the second one");
}

/* Two that want to convert do not wait for each other. */
static int child_converts(void) {
    int own = reopen();
    return flock(own, LOCK_SH) || flock(own, LOCK_EX);
}

static void test_conversion(void) {
    flock(fd, LOCK_SH);
    pid_t pid = blocked(child_converts);
    is_int(flock(fd, LOCK_EX), 0, "both had it shared: one is exclusive");
    flock(fd, LOCK_UN);
    is_int(reap_exit(pid), 0, "and the other one after it");
}

#define COUNTED 200

/* Counts in the file under the lock. */
static int child_counts(void) {
    for (int i = 0; i < COUNTED; i++) {
        long value = 0;
        if (set(fd, F_SETLKW, F_WRLCK, 8, 8) || pread(fd, &value, sizeof(value), 8) < 0)
            return 1;
        value++;
        if (pwrite(fd, &value, sizeof(value), 8) < 0 || set(fd, F_SETLK, F_UNLCK, 8, 8))
            return 1;
    }
    return 0;
}

static void test_exclusion(void) {
    pid_t pid[4];
    long value = 0;
    if (pwrite(fd, &value, sizeof(value), 8) < 0)
        bail("pwrite");
    for (int i = 0; i < 4; i++) {
        pid[i] = start();
        if (pid[i] == 0)
            _exit(child_counts());
    }
    int failed = 0;
    for (int i = 0; i < 4; i++)
        failed += reap_exit(pid[i]) != 0;
    if (pread(fd, &value, sizeof(value), 8) < 0)
        bail("pread");
    is_int(failed, 0, "four count");
    is_int(value, 4 * COUNTED, "and nothing is lost");
}

#define MANY 3000

/* Many ranges go in steps: who asks meanwhile sees all of them or none. */
static void test_many(void) {
    for (int i = 0; i < MANY; i++)
        if (set(fd, F_SETLK, i % 2 ? F_RDLCK : F_WRLCK, 3L * i, 2))
            bail("many locks");
    sees(3 * (MANY - 1), 0, "r 8997+2 parent");
    is_int(set(fd, F_SETLK, F_WRLCK, 1, 3 * MANY - 3), 0, "one over all of them");
    sees(5, 1, "w 0+8998 parent");
    sees(8998, 1, "r 8998+1 parent");
    for (int i = 0; i < MANY; i++)
        set(fd, F_SETLK, F_UNLCK, 3L * i, 1);
    sees(3, 6, "w 4+2 parent");
    close(dup(fd));
    sees(0, 0, "free");
}

int main(void) {
    long before = free_pages();
    fd = mkstemp(path);
    if (fd < 0)
        bail("mkstemp");
    test_ranges();
    test_whence();
    test_errors();
    test_release();
    test_open_files();
    test_flock();
    test_waiting();
    test_deadlock();
    test_conversion();
    test_exclusion();
    test_many();
    close(fd);
    unlink(path);
    check_free_pages(before, 64, "the memory is back");
    return done();
}
