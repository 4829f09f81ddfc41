/* SPDX-License-Identifier: MIT */
/*
 * Long requests: a read, write or cut of many mebibytes is done in steps, and comes out as if it had been
 * done at once. Others go on meanwhile; who dies in the middle leaves nothing behind.
 */
#include "tap.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>

#define MIB (1l << 20)
#define BIG (6 * MIB)

static char name[64];
static unsigned char *big;

static int open_big(int flags) {
    int fd = open(name, flags, 0600);
    if (fd < 0)
        bail("open");
    return fd;
}

static unsigned char byte_at(long at, int seed) {
    return (unsigned char)(at * 31 + (at >> 12) * 7 + seed);
}

static void fill(unsigned char *bytes, long length, int seed) {
    for (long i = 0; i < length; i++)
        bytes[i] = byte_at(i, seed);
}

static bool is_filled(const unsigned char *bytes, long length, int seed) {
    for (long i = 0; i < length; i++)
        if (bytes[i] != byte_at(i, seed))
            return false;
    return true;
}

static void test_round_trip(void) {
    int fd = open_big(O_RDWR | O_CREAT | O_TRUNC);
    fill(big, BIG, 1);
    is_int(write(fd, big, BIG), BIG, "a long write writes all");
    is_int(lseek(fd, 0, SEEK_CUR), BIG, "and moves the offset by that");
    memset(big, 0, BIG);
    is_int(pread(fd, big, BIG, 0), BIG, "a long pread reads all");
    ok(is_filled(big, BIG, 1), "what was written");
    is_int(lseek(fd, 0, SEEK_CUR), BIG, "and leaves the offset");
    lseek(fd, MIB + 5, SEEK_SET);
    is_int(read(fd, big, BIG), BIG - MIB - 5, "a long read ends at the file's end");
    is_int(lseek(fd, 0, SEEK_CUR), BIG, "and moves the offset there");
    is_int(big[0], byte_at(MIB + 5, 1), "it began where it should");
    is_int(big[BIG - MIB - 6], byte_at(BIG - 1, 1), "and ended where it should");
    close(fd);
}

static void test_bad_memory(void) {
    unsigned char *half =
        mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open_big(O_RDWR);
    munmap(half + MIB, MIB);
    long done = read(fd, half, 2 * MIB);
    ok(done > 0 && done <= MIB, "a long read into memory that ends is short");
    is_int(lseek(fd, 0, SEEK_CUR), done, "its offset is where it came to");
    ok(is_filled(half, done, 1), "what it read is right");
    is_errno(pread(fd, half + MIB, 2 * MIB, 0), EFAULT, "one without any memory fails");
    is_errno(read(fd, half + MIB, 2 * MIB), EFAULT, "by the file's offset, too");
    is_int(lseek(fd, 0, SEEK_CUR), done, "and does not move it");
    close(fd);
    munmap(half, MIB);
}

/* Two processes append long records to one file: none is torn apart. */
static int append_records(int fd, int seed) {
    for (int i = 0; i < 3; i++) {
        memset(big, seed, MIB);
        if (write(fd, big, MIB) != MIB)
            return 1;
    }
    return 0;
}

static void test_appends(void) {
    int fd = open_big(O_RDWR | O_TRUNC | O_APPEND);
    pid_t one = start(), other;
    if (one == 0)
        _exit(append_records(fd, 'a'));
    other = start();
    if (other == 0)
        _exit(append_records(fd, 'b'));
    is_int(reap_exit(one), 0, "a process appends three records of a mebibyte");
    is_int(reap_exit(other), 0, "so does another");
    is_int(pread(fd, big, BIG, 0), BIG, "six are there");
    bool whole = true;
    for (long record = 0; record < 6; record++)
        for (long i = 1; i < MIB; i++)
            whole &= big[record * MIB + i] == big[record * MIB];
    ok(whole, "none is torn apart");
    close(fd);
}

/* Two processes read by one offset: each part of the file goes to one of them. */
static void test_shared_offset(void) {
    int pipes[2], fd = open_big(O_RDWR | O_TRUNC);
    fill(big, BIG, 3);
    is_int(write(fd, big, BIG), BIG, "a file to read together");
    lseek(fd, 0, SEEK_SET);
    if (pipe(pipes) < 0)
        bail("pipe");
    pid_t reader[2];
    for (int i = 0; i < 2; i++) {
        reader[i] = start();
        if (reader[i] == 0) {
            long sum = 0, got;
            while ((got = read(fd, big, MIB)) > 0)
                for (long at = 0; at < got; at++)
                    sum += big[at];
            _exit(write(pipes[1], &sum, sizeof(sum)) != sizeof(sum));
        }
    }
    long want = 0, sums[2] = {0, 0};
    for (long i = 0; i < BIG; i++)
        want += byte_at(i, 3);
    is_int(reap_exit(reader[0]), 0, "one reads");
    is_int(reap_exit(reader[1]), 0, "another reads");
    is_int(read(pipes[0], sums, sizeof(sums)), sizeof(sums), "both tell their sums");
    is_int(sums[0] + sums[1], want, "they read each byte once");
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
}

static void test_cut(void) {
    struct stat st;
    int fd = open_big(O_RDWR);
    unsigned char *map = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ok(map != MAP_FAILED && map[5 * MIB] == byte_at(5 * MIB, 3), "the file is mapped");
    is_int(ftruncate(fd, MIB + 100), 0, "it is cut");
    is_int(fstat(fd, &st), 0, "it is still there");
    is_int(st.st_size, MIB + 100, "and as long as it should be");
    is_int(ftruncate(fd, BIG), 0, "it grows again");
    is_int(map[MIB + 99], byte_at(MIB + 99, 3), "the map shows what was left");
    is_int(map[MIB + 100], 0, "and zeros behind it, in the same page");
    is_int(map[5 * MIB], 0, "and in others");
    int again = open_big(O_RDWR | O_TRUNC);
    is_int(fstat(fd, &st), 0, "O_TRUNC");
    is_int(st.st_size, 0, "cuts all");
    close(again);
    munmap(map, BIG);
    close(fd);
}

/* A writer is killed, or cut, in the middle: who waits behind it goes on. */
static void test_killed_writer(void) {
    int fd = open_big(O_RDWR);
    pid_t writer = start();
    if (writer == 0)
        for (;;)
            if (pwrite(fd, big, BIG, 0) != BIG)
                _exit(1);
    for (int i = 0; i < 20; i++) {
        if (pwrite(fd, "x", 1, i) != 1 || ftruncate(fd, 100 * i) < 0)
            bail("write beside a long write");
        if (i == 10)
            kill(writer, SIGKILL);
    }
    is_int(reap(writer), SIGKILL, "a writer of long pieces is killed");
    is_int(ftruncate(fd, 3), 0, "others write and cut meanwhile");
    struct stat st;
    fstat(fd, &st);
    is_int(st.st_size, 3, "the last cut holds");
    close(fd);
}

static void on_alarm(int number) {
    (void)number;
}

static void test_endless(void) {
    struct itimerval soon = {{0, 0}, {0, 100000}};
    struct sigaction action = {.sa_handler = on_alarm};
    unsigned char *area = mmap(NULL, 512 * MIB, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int zero = open("/dev/zero", O_RDONLY), random = open("/dev/urandom", O_RDONLY);
    memset(big, 1, MIB);
    is_int(read(zero, big, MIB), MIB, "a long read of zeros");
    ok(big[0] == 0 && big[MIB - 1] == 0 && big[MIB / 2 + 7] == 0, "are zeros");
    is_int(read(random, big, MIB), MIB, "a long read of random bytes");
    ok(memcmp(big, big + MIB / 2, 64) != 0, "that do not repeat");
    sigaction(SIGALRM, &action, NULL);
    if (area == MAP_FAILED)
        bail("mmap");
    pid_t reader = start();
    if (reader == 0) {
        setitimer(ITIMER_REAL, &soon, NULL);
        long done = read(random, area, 512 * MIB);
        _exit(!(done > 0 && done < 512 * MIB));
    }
    is_int(reap_exit(reader), 0, "a signal cuts a very long read of a device short");
    munmap(area, 512 * MIB);
    close(zero);
    close(random);
}

int main(void) {
    snprintf(name, sizeof(name), "/tmp/long-%d", (int)getpid());
    big = malloc(BIG);
    if (!big)
        bail("malloc");
    fill(big, BIG, 0);
    test_round_trip();
    test_bad_memory();
    test_appends();
    test_shared_offset();
    test_cut();
    test_killed_writer();
    test_endless();
    unlink(name);
    return done();
}
