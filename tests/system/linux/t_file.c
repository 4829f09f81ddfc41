/* SPDX-License-Identifier: MIT */
/*
 * Files and directories, in a directory of its own below /tmp: open(2), read(2), lseek(2), stat(2),
 * rename(2), unlink(2), getdents64(2), mmap(2) of files, and the memory devices. Runs on Linux as
 * root and under qemu-user.
 */
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define DIRECTORY "/tmp/t_file.dir"

static int create(const char *path, const char *text) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        bail(path);
    return fd;
}

static bool content_is(const char *path, const char *text) {
    char data[256];
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, data, sizeof(data));

    if (fd >= 0)
        close(fd);
    return got == (ssize_t)strlen(text) && !memcmp(data, text, (size_t)got);
}

static void test_open(void) {
    int fd;

    is_errno(open("no", O_RDONLY), ENOENT, "open: ENOENT");
    fd = open("file", O_WRONLY | O_CREAT | O_EXCL, 0640);
    ok(fd >= 0, "O_CREAT | O_EXCL");
    is_errno(open("file", O_WRONLY | O_CREAT | O_EXCL, 0640), EEXIST, "O_EXCL again: EEXIST");
    is_int(write(fd, "content", 7), 7, "write");
    is_errno(read(fd, &(char){0}, 1), EBADF, "a write-only file cannot be read");
    close(fd);
    fd = open("file", O_RDONLY);
    is_errno(write(fd, "x", 1), EBADF, "a read-only file cannot be written");
    close(fd);
    ok(content_is("file", "content"), "the content is there");
    close(open("file", O_WRONLY | O_TRUNC));
    ok(content_is("file", ""), "O_TRUNC empties it");
    is_errno(open(".", O_WRONLY), EISDIR, "a directory cannot be written: EISDIR");
    is_errno(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR, "O_DIRECTORY: ENOTDIR");
    is_errno(open("file/x", O_RDONLY), ENOTDIR, "a file as directory: ENOTDIR");
    is_errno(open("no/x", O_WRONLY | O_CREAT, 0600), ENOENT, "no directory: ENOENT");
    is_errno(open("", O_RDONLY), ENOENT, "an empty name: ENOENT");
    is_errno(open(nowhere, O_RDONLY), EFAULT, "a bad name: EFAULT");
    is_int(unlink("file"), 0, "unlink");
    is_errno(unlink("file"), ENOENT, "unlink twice: ENOENT");
}

static void test_offsets(void) {
    int fd = create("offsets", "0123456789");
    char data[16] = "";

    is_int(lseek(fd, 0, SEEK_CUR), 10, "writing moves the offset");
    is_int(lseek(fd, 3, SEEK_SET), 3, "SEEK_SET");
    is_int(read(fd, data, 2), 2, "read");
    ok(!memcmp(data, "34", 2), "from there");
    is_int(lseek(fd, -1, SEEK_CUR), 4, "SEEK_CUR");
    is_int(lseek(fd, -2, SEEK_END), 8, "SEEK_END");
    is_int(read(fd, data, 16), 2, "a short read at the end");
    is_int(read(fd, data, 16), 0, "the end");
    is_errno(lseek(fd, -1, SEEK_SET), EINVAL, "before the beginning: EINVAL");
    is_errno(lseek(fd, 0, 77), EINVAL, "an unknown origin: EINVAL");
    is_int(pread(fd, data, 3, 5), 3, "pread");
    ok(!memcmp(data, "567", 3), "reads there");
    is_int(pwrite(fd, "AB", 2, 1), 2, "pwrite");
    is_int(lseek(fd, 0, SEEK_CUR), 10, "neither moves the offset");
    is_int(lseek(fd, 15, SEEK_SET), 15, "beyond the end");
    is_int(write(fd, "Z", 1), 1, "writing there");
    is_int(pread(fd, data, 16, 0), 16, "makes the file longer");
    ok(!memcmp(data, "0AB3456789\0\0\0\0\0Z", 16), "with zeroes between");
    is_errno(pread(fd, data, 1, -1), EINVAL, "pread before the beginning: EINVAL");
    close(fd);
    fd = open("offsets", O_WRONLY | O_APPEND);
    lseek(fd, 0, SEEK_SET);
    is_int(write(fd, "end", 3), 3, "O_APPEND");
    is_int(lseek(fd, 0, SEEK_CUR), 19, "always writes at the end");
    close(fd);
    unlink("offsets");
}

static void test_truncate(void) {
    int fd = create("cut", "0123456789");
    char data[8192];
    struct stat st;

    is_int(ftruncate(fd, 4), 0, "ftruncate");
    ok(content_is("cut", "0123"), "shortens");
    is_int(ftruncate(fd, 6000), 0, "and lengthens");
    is_int(pread(fd, data, sizeof(data), 0), 6000, "to the size wanted");
    ok(!memcmp(data, "0123\0\0\0\0\0\0", 10) && data[5999] == 0, "with zeroes");
    is_errno(ftruncate(fd, -1), EINVAL, "ftruncate to -1: EINVAL");
    is_int(truncate("cut", 2), 0, "truncate");
    fstat(fd, &st);
    is_int(st.st_size, 2, "st_size");
    is_errno(truncate("no", 2), ENOENT, "truncate: ENOENT");
    is_errno(truncate(".", 2), EISDIR, "truncate of a directory: EISDIR");
    close(fd);
    unlink("cut");
}

static void test_stat(void) {
    int fd = create("stat", "12345");
    struct stat st, other;
    time_t now = time(NULL);

    is_int(fstat(fd, &st), 0, "fstat");
    ok(S_ISREG(st.st_mode) && st.st_size == 5 && st.st_nlink == 1, "type, size, links");
    ok(st.st_uid == geteuid() && labs(st.st_mtime - now) < 5, "owner, time");
    is_int(stat("stat", &other), 0, "stat");
    ok(st.st_ino == other.st_ino && st.st_dev == other.st_dev, "the same file");
    is_int(chmod("stat", 0600), 0, "chmod");
    stat("stat", &st);
    is_int(st.st_mode & 07777, 0600, "st_mode");
    is_int(stat(".", &st), 0, "stat of a directory");
    ok(S_ISDIR(st.st_mode), "S_ISDIR");
    is_errno(stat("no", &st), ENOENT, "stat: ENOENT");
    is_errno(stat("stat", nowhere), EFAULT, "stat: EFAULT");
    is_int(access("stat", R_OK | W_OK), 0, "access");
    is_errno(access("no", F_OK), ENOENT, "access: ENOENT");
    is_int(umask(077), 022, "umask");
    close(open("masked", O_CREAT | O_WRONLY, 0666));
    stat("masked", &st);
    is_int(st.st_mode & 0777, 0600, "holds for new files");
    umask(022);
    unlink("masked");
    close(fd);
    unlink("stat");
}

static void test_unlinked(void) {
    int fd = create("gone", "still here");
    char data[16];
    struct stat st;

    is_int(unlink("gone"), 0, "unlink an open file");
    is_errno(stat("gone", &st), ENOENT, "its name is gone");
    is_int(pread(fd, data, 16, 0), 10, "it can be read");
    is_int(write(fd, "!", 1), 1, "and written");
    fstat(fd, &st);
    is_int(st.st_nlink, 0, "without a link");
    close(fd);
}

static void test_directories(void) {
    char path[PATH_MAX];

    is_int(mkdir("dir", 0755), 0, "mkdir");
    is_errno(mkdir("dir", 0755), EEXIST, "mkdir twice: EEXIST");
    is_errno(mkdir("no/dir", 0755), ENOENT, "mkdir: ENOENT");
    close(create("dir/inside", "x"));
    is_errno(rmdir("dir"), ENOTEMPTY, "rmdir: ENOTEMPTY");
    is_errno(rmdir("dir/inside"), ENOTDIR, "rmdir of a file: ENOTDIR");
    is_errno(unlink("dir"), EISDIR, "unlink of a directory: EISDIR");
    is_int(chdir("dir"), 0, "chdir");
    ok(getcwd(path, sizeof(path)) && !strcmp(path, DIRECTORY "/dir"), "getcwd");
    is_int(access("inside", F_OK), 0, "relative names start there");
    is_int(chdir(".."), 0, "up again");
    is_errno(chdir("no"), ENOENT, "chdir: ENOENT");
    is_errno(chdir("dir/inside"), ENOTDIR, "chdir to a file: ENOTDIR");
    errno = 0;
    ok(!getcwd(path, 3) && errno == ERANGE, "getcwd: ERANGE");
    is_int(access("dir/../dir/./inside", F_OK), 0, "dots and double dots");
    is_int(access("dir//inside", F_OK), 0, "double slashes");
    unlink("dir/inside");
    is_int(rmdir("dir"), 0, "rmdir");
    is_errno(rmdir("dir"), ENOENT, "rmdir twice: ENOENT");
}

static void test_rename(void) {
    struct stat before, after;

    close(create("old", "old"));
    close(create("other", "other"));
    stat("old", &before);
    is_int(rename("old", "new"), 0, "rename");
    stat("new", &after);
    ok(before.st_ino == after.st_ino && access("old", F_OK) < 0, "the same file by another name");
    is_int(rename("new", "other"), 0, "onto another file");
    ok(content_is("other", "old"), "replaces it");
    is_errno(rename("no", "x"), ENOENT, "rename: ENOENT");
    mkdir("a", 0755);
    mkdir("a/b", 0755);
    is_errno(rename("a", "a/b/c"), EINVAL, "a directory into itself: EINVAL");
    is_errno(rename("other", "a"), EISDIR, "a file onto a directory: EISDIR");
    is_errno(rename("a", "other"), ENOTDIR, "a directory onto a file: ENOTDIR");
    is_int(rename("other", "a/b/moved"), 0, "into a directory");
    is_int(rename("a/b", "c"), 0, "a directory with what is in it");
    ok(content_is("c/moved", "old"), "moves whole");
    mkdir("d", 0755);
    is_errno(rename("a", "c"), ENOTEMPTY, "onto a directory in use: ENOTEMPTY");
    is_int(rename("a", "d"), 0, "onto an empty one");
    unlink("c/moved");
    rmdir("c");
    rmdir("d");
}

static void test_listing(void) {
    enum { MANY = 300 };
    bool seen[MANY] = {false};
    int extra = 0, missing = 0, number;
    struct dirent *entry;
    char name[32];
    DIR *directory;

    mkdir("many", 0755);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "many/entry-number-%d", i);
        close(create(name, ""));
    }
    directory = opendir("many");
    while ((entry = readdir(directory))) {
        if (sscanf(entry->d_name, "entry-number-%d", &number) == 1 && !seen[number])
            seen[number] = true;
        else if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            extra++;
    }
    closedir(directory);
    for (int i = 0; i < MANY; i++) {
        missing += !seen[i];
        snprintf(name, sizeof(name), "many/entry-number-%d", i);
        unlink(name);
    }
    ok(missing == 0 && extra == 0, "a directory lists its %d entries, each once", MANY);
    is_int(rmdir("many"), 0, "and can be emptied");
}

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

static void test_devices(void) {
    char data[64];
    int fd = open("/dev/null", O_RDWR);

    ok(fd >= 0, "/dev/null");
    is_int(read(fd, data, 64), 0, "reads as empty");
    is_int(write(fd, data, 64), 64, "and takes everything");
    close(fd);
    fd = open("/dev/zero", O_RDWR);
    memset(data, 'x', 64);
    is_int(read(fd, data, 64), 64, "/dev/zero");
    ok(data[0] == 0 && data[63] == 0, "gives zeroes");
    is_int(write(fd, data, 64), 64, "and takes everything");
    char *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *all = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!ok(own != MAP_FAILED && all != MAP_FAILED, "mapped privately and shared"))
        bail("mmap");
    own[5000] = all[5000] = 1;
    pid_t pid = start();
    if (pid == 0) {
        own[5000]++;
        all[5000]++;
        _exit(0);
    }
    reap(pid);
    ok(own[5000] == 1 && all[5000] == 2 && own[0] == 0 && all[0] == 0, "as anonymous memory");
    munmap(own, 8192);
    munmap(all, 8192);
    close(fd);
}

/* A descriptor that is bad is found before what else is wrong, and ranges behind all files are refused. */
static void test_bad_first(void) {
    struct iovec pieces[1] = {{NULL, 0}};
    volatile int many = 5000; /* volatile, or the compiler would see what is done with it */
    int fd = create("order", "x"), names = open("order", O_PATH);
    is_errno(readv(99, pieces, many), EBADF, "readv: bad descriptor, bad count");
    is_errno(writev(names, pieces, -many), EBADF, "writev: O_PATH, bad count");
    is_errno(readv(fd, pieces, many), EINVAL, "readv: bad count");
    is_errno(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, 99, 0), EBADF,
             "mmap: bad descriptor, no length");
    is_errno(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0), EINVAL, "mmap: no length");
    is_errno(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 100), EINVAL, "mmap: a crooked offset");
    is_errno(mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0x7ffffffffffff000), EOVERFLOW,
             "mmap: behind what a file can have");
    is_errno(fallocate(99, 0, -1, 0), EBADF, "fallocate: bad descriptor, bad range");
    is_errno(fallocate(fd, 0, 0, 0), EINVAL, "fallocate: no length");
    close(fd);
    close(names);
    unlink("order");
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

/* In Linux's order of checks. */
static void test_paths(void) {
    mkdir("a", 0755);
    mkdir("a/sub", 0755);
    close(create("f", "f"));
    symlink("a", "link");
    symlink("nothing", "broken");
    is_int(rename("a", "a"), 0, "rename of a full directory onto itself");
    is_int(rename("a", "a/../a/"), 0, "by another path, with a slash");
    is_int(link("f", "f2"), 0, "another name");
    is_int(rename("f", "f2"), 0, "rename onto another name of the same file");
    ok(access("f", F_OK) == 0 && access("f2", F_OK) == 0, "does nothing");
    is_errno(rename("missing", "a/."), EBUSY, "onto ., of what is not there");
    is_errno(rename("missing", "f"), ENOENT, "of what is not there");
    is_errno(rename("a/..", "x"), EBUSY, "of ..");
    is_errno(rename("a", "/"), EBUSY, "onto the root");
    is_errno(rename("f/", "x"), ENOTDIR, "a file with a slash");
    is_errno(rename("f", "x/"), ENOTDIR, "onto a new name with a slash");
    is_errno(rename("link/", "x"), ENOTDIR, "a link with a slash");
    is_errno(rename("a/sub", "a"), ENOTEMPTY, "onto what it is in");
    is_errno(rename("a", "a/sub/x"), EINVAL, "into itself");
    is_errno(rmdir("a/."), EINVAL, "rmdir of .");
    is_errno(rmdir("a/.."), ENOTEMPTY, "rmdir of ..");
    is_errno(rmdir("a/sub/../"), ENOTEMPTY, "rmdir of ../");
    is_errno(rmdir("/"), EBUSY, "rmdir of the root");
    is_errno(rmdir("link/"), ENOTDIR, "rmdir of a link with a slash");
    is_errno(rmdir("f/"), ENOTDIR, "rmdir of a file with a slash");
    is_errno(unlink("a/."), EISDIR, "unlink of .");
    is_errno(unlink("/"), EISDIR, "unlink of the root");
    is_errno(unlink("f/"), ENOTDIR, "unlink of a file with a slash");
    is_errno(mkdir("f/", 0755), EEXIST, "mkdir of a file with a slash");
    is_errno(mkdir("broken/", 0755), EEXIST, "mkdir of a dangling link with a slash");
    is_errno(mkdir("a/..", 0755), EEXIST, "mkdir of ..");
    is_int(mkdir("new//", 0755), 0, "mkdir with slashes");
    is_int(rename("new/", "newer/"), 0, "rename with slashes");
    is_int(rmdir("newer/"), 0, "rmdir with a slash");
    is_int(rmdir("a/sub") || rmdir("a") || unlink("f") || unlink("f2") || unlink("link") ||
               unlink("broken"),
           0, "all gone");
}

static struct timespec accessed(const char *path) {
    struct stat status;
    if (lstat(path, &status) < 0)
        bail("lstat");
    return status.st_atim;
}

static bool is_recent(const char *path) {
    return accessed(path).tv_sec > 1000000000;
}

/* As relatime (mount(8)): a first reading after a change counts, and one after a day. */
static void test_access_time(void) {
    struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
    char byte;
    close(create("read", "x"));
    utimensat(AT_FDCWD, "read", long_ago, 0);
    int fd = open("read", O_RDONLY), quiet = open("read", O_RDONLY | O_NOATIME);
    is_int(read(quiet, &byte, 1), 1, "read with O_NOATIME");
    is_int(accessed("read").tv_sec, 1000, "the access time stays");
    is_int(read(fd, &byte, 0), 0, "read nothing");
    is_int(accessed("read").tv_sec, 1000, "the access time stays");
    is_int(read(fd, &byte, 1), 1, "read");
    ok(is_recent("read"), "it is now");
    struct timespec before = accessed("read");
    sleep_ms(30);
    is_int(pread(fd, &byte, 1, 0), 1, "read again, soon");
    struct timespec after = accessed("read");
    ok(before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec, "it stays");
    is_int(symlink("read", "link"), 0, "a link");
    utimensat(AT_FDCWD, "link", long_ago, AT_SYMLINK_NOFOLLOW);
    is_int(readlink("link", &byte, 1), 1, "readlink");
    ok(is_recent("link"), "it is now");
    close(fd);
    close(quiet);
    unlink("read");
    unlink("link");
}

/* A file that runs may not be written, nor one that is being written be run. */
static void test_busy_program(void) {
    char *arguments[] = {"copy", "sleep", NULL};
    char program[4096];
    int from = open("/proc/self/exe", O_RDONLY);
    if (from < 0) {
        ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
        program[length > 0 ? length : 0] = 0;
        from = open(program, O_RDONLY);
    }
    int to = open("copy", O_RDWR | O_CREAT, 0755);
    ssize_t count;
    while ((count = read(from, program, sizeof(program))) > 0)
        if (write(to, program, (size_t)count) != count)
            bail("write");
    close(from);
    is_errno(execv("copy", arguments), ETXTBSY, "exec of a file that is open for writing");
    close(to);
    pid_t pid = start();
    if (pid == 0) {
        execv("copy", arguments);
        _exit(1);
    }
    let_block();
    is_errno(open("copy", O_WRONLY), ETXTBSY, "a running program: not for writing");
    is_errno(open("copy", O_RDONLY | O_TRUNC), ETXTBSY, "not to be cut");
    is_errno(truncate("copy", 0), ETXTBSY, "by its name neither");
    int fd = open("copy", O_RDONLY);
    ok(fd >= 0, "for reading");
    close(fd);
    is_int(unlink("copy"), 0, "to be removed");
    close(create("copy", "another"));
    is_int(unlink("copy"), 0, "and replaced");
    kill(pid, SIGKILL);
    is_int(reap(pid), SIGKILL, "it ran until now");
}

static int child_in_another_root(void) {
    char path[64];
    struct stat status;
    mkdir("jail", 0755);
    mkdir("jail/tmp", 0755);
    close(create("jail/inside", ""));
    if (chroot("jail/inside") == 0 || errno != ENOTDIR)
        return 1;
    if (chroot("jail") < 0)
        return 2;
    if (!getcwd(path, sizeof(path)) && errno != ENOENT)
        return 3;
    if (stat("/inside", &status) < 0 || stat("/../inside", &status) < 0)
        return 4;
    if (chdir("/tmp") < 0 || !getcwd(path, sizeof(path)) || strcmp(path, "/tmp") != 0)
        return 5;
    if (stat("../../../../inside", &status) < 0 || stat("/jail", &status) == 0)
        return 6;
    if (setuid(1000) < 0 || chroot("/tmp") == 0 || errno != EPERM)
        return 7;
    return 0;
}

static void test_root(void) {
    if (geteuid() != 0) {
        skip("chroot", "only root may");
        return;
    }
    is_int(WEXITSTATUS(in_child(child_in_another_root)), 0, "chroot");
    is_int(unlink("jail/inside") || rmdir("jail/tmp") || rmdir("jail"), 0, "its parent is outside");
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "sleep") == 0)
        for (;;)
            pause();
    if (mkdir(DIRECTORY, 0755) < 0 || chdir(DIRECTORY) < 0)
        bail(DIRECTORY);
    umask(022);
    test_open();
    test_offsets();
    test_truncate();
    test_stat();
    test_unlinked();
    test_directories();
    test_rename();
    test_listing();
    test_mappings();
    test_long_mappings();
    test_devices();
    test_bad_first();
    test_sparse();
    test_holes();
    test_paths();
    test_access_time();
    test_busy_program();
    test_root();
    is_int(chdir("/tmp"), 0, "leave");
    is_int(rmdir(DIRECTORY), 0, "nothing is left behind");
    return done();
}
