/* SPDX-License-Identifier: MIT */
/*
 * Open files: open(2), read(2), lseek(2), stat(2), access times, programs that run, and the memory devices.
 * Runs on Linux as root and under qemu-user.
 */
#include "tap.h"
#include "files.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define DIRECTORY "/tmp/t_file.dir"

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

static void test_devices(void) {
    char data[64];
    int fd = open("/dev/null", O_RDWR);

    ok(fd >= 0, "/dev/null");
    is_int(read(fd, data, 64), 0, "reads as empty");
    is_int(write(fd, data, 64), 64, "and takes everything");
    is_int(lseek(fd, -5, SEEK_END), 0, "has no positions");
    is_int(lseek(fd, LONG_MIN, SEEK_CUR), 0, "whatever is asked for");
    is_errno(lseek(fd, 0, 77), EINVAL, "but what is no way to ask: EINVAL");
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

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "sleep") == 0)
        for (;;)
            pause();
    enter(DIRECTORY);
    test_open();
    test_offsets();
    test_truncate();
    test_stat();
    test_unlinked();
    test_devices();
    test_bad_first();
    test_access_time();
    test_busy_program();
    leave(DIRECTORY);
    return done();
}
