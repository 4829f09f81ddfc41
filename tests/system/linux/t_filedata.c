/* SPDX-License-Identifier: MIT */
/*
 * Regular files' data: mappings, holes. Runs on Linux (on ext4 or xfs) and under qemu-user.
 */
#include "tap.h"
#include "files.h"

#include <sys/mman.h>

#define DIRECTORY "/tmp/t_filedata.dir"

static void test_mappings(void) {
    int fd = create("mapped", "file content");
    char *shared, *private;

    is_int(ftruncate(fd, 8192), 0, "a file of two pages");
    shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    ok(shared != MAP_FAILED && private != MAP_FAILED, "map a file shared and private");
    ok(!strcmp(shared, "file content") && !strcmp(private, "file content"), "both show it");
    shared[4096] = 's';
    private[4097] = 'p';
    ok(private[4097] == 'p' && shared[4097] == 0, "a private write stays private");
    close(fd);
    fd = open("mapped", O_RDWR);
    is_int(pwrite(fd, "FILE", 4, 0), 4, "write to the file");
    ok(!memcmp(shared, "FILE", 4), "the shared mapping shows it");
    shared[1] = 'i';
    ok(pread(fd, private + 4098, 4, 0) == 4 && !memcmp(private + 4098, "FiLE", 4),
       "and the file shows what is written to the mapping");
    is_int(msync(shared, 8192, MS_SYNC), 0, "msync");
    munmap(shared, 8192);
    munmap(private, 8192);
    shared = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 4096);
    is_int(shared[0], 's', "map from an offset");
    munmap(shared, 4096);
    is_errno((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 100), EINVAL, "odd offset: EINVAL");
    is_errno((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0), EBADF, "no file: EBADF");
    close(fd);
    fd = open("mapped", O_RDONLY);
    is_errno((long)mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0), EACCES,
             "a read-only file cannot be mapped shared and writable: EACCES");
    close(fd);
    unlink("mapped");
}

/* ---- Long mappings: a fault may bring more pages than its own ------------------------------- */

#define PAGE 4096UL
#define PAGES 1300
#define SKIPPED 3 /* pages of the file in front of the mapping */

static char *window; /* PAGES - SKIPPED pages */

/* What a page of the file begins with; every seventh was never written. */
static unsigned int mark(size_t page) {
    return page % 7 ? (unsigned int)page * 2654435761u : 0;
}

static unsigned int *word(size_t page) {
    return (unsigned int *)(window + (page - SKIPPED) * PAGE);
}

static int create_long(void) {
    int fd = create("long", "");

    for (size_t page = 0; page < PAGES; page++) {
        unsigned int value = mark(page);

        if (value && pwrite(fd, &value, sizeof(value), (off_t)(page * PAGE)) != sizeof(value))
            bail("long");
    }
    if (ftruncate(fd, PAGES * PAGE) < 0)
        bail("ftruncate");
    return fd;
}

static void map_long(int fd, int flags) {
    window =
        mmap(NULL, (PAGES - SKIPPED) * PAGE, PROT_READ | PROT_WRITE, flags, fd, SKIPPED * PAGE);
    if (window == MAP_FAILED)
        bail("mmap");
}

/* Reads and writes here and there; how often a page was not what it should be. */
static unsigned int visit(unsigned int seed) {
    static unsigned int written[PAGES];
    unsigned int wrong = 0;

    memset(written, 0, sizeof(written));
    for (unsigned int i = 1; i < 3000; i++) {
        size_t page;

        seed = seed * 1103515245 + 12345;
        page = SKIPPED + (seed >> 8) % (PAGES - SKIPPED);
        wrong += *word(page) != (written[page] ? written[page] : mark(page));
        if (seed >> 30 == 0)
            *word(page) = written[page] = i;
    }
    for (size_t page = SKIPPED; page < PAGES; page++)
        wrong += *word(page) != (written[page] ? written[page] : mark(page));
    return wrong;
}

static unsigned int file_wrong(int fd) {
    unsigned int wrong = 0, value;

    for (size_t page = 0; page < PAGES; page++)
        wrong += pread(fd, &value, sizeof(value), (off_t)(page * PAGE)) != sizeof(value) ||
                 value != mark(page);
    return wrong;
}

static size_t touched;

static int touch(void) {
    return *word(touched) != 0;
}

static void test_long_mappings(void) {
    int fd = create_long();
    unsigned int wrong = 0;

    for (unsigned int seed = 1; seed <= 3; seed++) {
        map_long(fd, MAP_PRIVATE);
        wrong += visit(seed);
        munmap(window, (PAGES - SKIPPED) * PAGE);
    }
    is_int(wrong, 0, "a long private mapping, read and written here and there");
    is_int(file_wrong(fd), 0, "leaves the file as it was");
    map_long(fd, MAP_SHARED);
    wrong = *word(700) != mark(700) || *word(703) != mark(703);
    is_int(ftruncate(fd, 702 * PAGE), 0, "cut it");
    is_int(wrong + (*word(701) != mark(701)), 0, "what is left stays");
    for (touched = 702; touched < 720; touched++)
        wrong += WTERMSIG(in_child(touch)) != SIGBUS;
    is_int(wrong, 0, "what is cut off is SIGBUS");
    is_int(ftruncate(fd, PAGES * PAGE), 0, "make it longer again");
    for (touched = 702; touched < 720; touched++)
        wrong += in_child(touch) != 0;
    is_int(wrong, 0, "with zeroes");
    munmap(window, (PAGES - SKIPPED) * PAGE);
    close(fd);
    unlink("long");
}

static long blocks(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 ? (long)status.st_blocks : -1;
}

/* st_blocks counts what is there. */
static void test_sparse(void) {
    int fd = create("sparse", "");
    is_int(blocks(fd), 0, "an empty file has no blocks");
    is_int(ftruncate(fd, 1L << 30), 0, "1 GiB of nothing");
    is_int(blocks(fd), 0, "neither");
    is_int(pwrite(fd, "x", 1, 1L << 29), 1, "a byte in its middle");
    ok(blocks(fd) >= 8 && blocks(fd) < 100, "few blocks");
    is_int(ftruncate(fd, 1L << 28), 0, "cut in front of it");
    is_int(blocks(fd), 0, "none again");
    is_int(pwrite(fd, "x", 1, 1L << 29), 1, "a byte behind its end");
    ok(blocks(fd) >= 8 && blocks(fd) < 100, "few blocks");
    close(fd);
    unlink("sparse");
}

#define FAR (1L << 32)

static bool is_zero(int fd, off_t from, size_t length) {
    static char data[65536];
    for (size_t done = 0; done < length; done += sizeof(data)) {
        size_t count = length - done < sizeof(data) ? length - done : sizeof(data);
        if (pread(fd, data, count, from + (off_t)done) != (ssize_t)count)
            return false;
        for (size_t i = 0; i < count; i++)
            if (data[i])
                return false;
    }
    return true;
}

/* Where data and holes are, as lseek(2) tells, and holes that fallocate(2) makes. */
static void test_holes(void) {
    static char data[64 * 4096];
    int fd = create("holes", "");
    memset(data, 'x', sizeof(data));
    is_errno(lseek(fd, 0, SEEK_DATA), ENXIO, "nothing in an empty file");
    is_int(ftruncate(fd, 2 * FAR), 0, "a large hole");
    is_errno(lseek(fd, 0, SEEK_DATA), ENXIO, "no data");
    is_int(lseek(fd, 5, SEEK_HOLE), 5, "a hole everywhere");
    is_int(pwrite(fd, data, sizeof(data), FAR), sizeof(data), "64 pages far behind");
    is_int(lseek(fd, 5, SEEK_DATA), FAR, "there is data");
    is_int(lseek(fd, FAR + 5, SEEK_DATA), FAR + 5, "also in its middle");
    is_int(lseek(fd, FAR + 5, SEEK_HOLE), FAR + (off_t)sizeof(data), "then a hole");
    is_errno(lseek(fd, FAR + (off_t)sizeof(data), SEEK_DATA), ENXIO, "to the end");
    is_errno(lseek(fd, 2 * FAR, SEEK_HOLE), ENXIO, "behind the end");
    is_errno(lseek(fd, -1, SEEK_HOLE), ENXIO, "in front of the beginning");
    int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    long before = blocks(fd);
    is_errno(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP, "a hole without KEEP_SIZE");
    is_int(fallocate(fd, punch, FAR + 100, 8 * 4096), 0, "a hole, at no page's border");
    is_int(before - blocks(fd), 7 * 8, "seven pages are gone");
    ok(is_zero(fd, FAR + 100, 8 * 4096), "zeros");
    is_int(pread(fd, data, 100, FAR), 100, "in front of it");
    is_int(data[99], 'x', "nothing has changed");
    is_int(pread(fd, data, 1, FAR + 100 + 8 * 4096), 1, "behind it");
    is_int(data[0], 'x', "neither");
    is_int(lseek(fd, FAR, SEEK_HOLE), FAR + 4096, "the hole is found");
    is_int(lseek(fd, FAR + 4096, SEEK_DATA), FAR + 8 * 4096, "and its end");
    is_int(fallocate(fd, punch, FAR + 20 * 4096 + 10, 20), 0, "a hole in a page");
    ok(is_zero(fd, FAR + 20 * 4096 + 10, 20), "zeros");
    is_int(pread(fd, data, 40, FAR + 20 * 4096), 40, "around it");
    ok(data[9] == 'x' && data[30] == 'x', "nothing has changed");
    char *map = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, FAR + 30 * 4096);
    ok(map != MAP_FAILED && map[4096] == 'x', "some of it mapped");
    is_int(fallocate(fd, punch, FAR + 31 * 4096, 2 * 4096), 0, "a hole there");
    ok(map[4095] == 'x' && map[4096] == 0 && map[3 * 4096 - 1] == 0 && map[3 * 4096] == 'x',
       "is seen");
    munmap(map, 4 * 4096);
    is_int(fallocate(fd, punch, 0, 2 * FAR), 0, "all of it");
    is_int(blocks(fd), 0, "no block is left");
    is_int(lseek(fd, 0, SEEK_END), 2 * FAR, "the size stays");
    for (int i = 0; i < 40; i++)
        if (pwrite(fd, data, sizeof(data), i * (off_t)sizeof(data)) < 0)
            bail("pwrite");
    is_int(lseek(fd, 0, SEEK_HOLE), 40 * sizeof(data), "behind many pages");
    is_int(fallocate(fd, punch, 4096, 39 * sizeof(data)), 0, "a long hole");
    is_int(lseek(fd, 4096, SEEK_DATA), 39 * sizeof(data) + 4096, "is found");
    is_int(ftruncate(fd, 4096), 0, "cut it");
    is_int(lseek(fd, 0, SEEK_HOLE), 4096, "a hole at the end");
    close(fd);
    unlink("holes");
}

/* FALLOC_FL_ZERO_RANGE; a file system may not have it. */
static void test_zeros(void) {
    static char data[4 * 4096];
    int fd = create("zeros", "");

    memset(data, 'x', sizeof(data));
    if (write(fd, data, sizeof(data)) != sizeof(data))
        bail("write");
    if (fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 1) < 0 && errno == EOPNOTSUPP) {
        skip("FALLOC_FL_ZERO_RANGE", "not in this file system");
    } else {
        is_int(fallocate(fd, FALLOC_FL_ZERO_RANGE, 100, 2 * 4096), 0, "FALLOC_FL_ZERO_RANGE");
        ok(is_zero(fd, 100, 2 * 4096), "zeros");
        is_int(pread(fd, data, 100, 100 + 2 * 4096), 100, "behind them");
        is_int(data[0], 'x', "nothing has changed");
        is_int(lseek(fd, 0, SEEK_END), 4 * 4096, "the size stays");
        int keep = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
        is_int(fallocate(fd, keep, 3 * 4096, 4 * 4096), 0, "over the end, with KEEP_SIZE");
        is_int(lseek(fd, 0, SEEK_END), 4 * 4096, "the size stays");
        is_int(fallocate(fd, FALLOC_FL_ZERO_RANGE, 3 * 4096, 4 * 4096), 0, "and without");
        is_int(lseek(fd, 0, SEEK_END), 7 * 4096, "the file grows");
        ok(is_zero(fd, 3 * 4096, 4 * 4096), "by zeros");
    }
    is_errno(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 0), EINVAL, "no length: EINVAL");
    is_errno(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1),
             EOPNOTSUPP, "both at once: EOPNOTSUPP");
    close(fd);
    unlink("zeros");
}

int main(void) {
    enter(DIRECTORY);
    test_mappings();
    test_long_mappings();
    test_sparse();
    test_holes();
    test_zeros();
    leave(DIRECTORY);
    return done();
}
