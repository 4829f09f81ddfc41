/* SPDX-License-Identifier: MIT */
/* Files without a name and their seals: memfd_create(2), fcntl(2). */
#include "tap.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGE 4096

static int sealable(void) {
    int fd = memfd_create("seals", MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, PAGE))
        bail("memfd_create");
    return fd;
}

static void test_file(void) {
    int fd = memfd_create("a name", MFD_CLOEXEC);
    ok(fd >= 0, "memfd_create");
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "closed on exec");
    is_int(write(fd, "hello", 5), 5, "write");
    char text[8] = "";
    is_int(pread(fd, text, 5, 0), 5, "read");
    ok(!strcmp(text, "hello"), "what was written");
    struct stat status;
    fstat(fd, &status);
    is_int(status.st_size, 5, "its size");
    is_int(status.st_mode, S_IFREG | 0777, "its mode");
    is_int(status.st_nlink, 0, "no name");
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    page[0] = 'j';
    pread(fd, text, 5, 0);
    ok(!strcmp(text, "jello"), "shared memory");
    munmap(page, PAGE);
    char link[64] = "", path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ok(readlink(path, link, 63) > 0 && !strcmp(link, "/memfd:a name (deleted)"),
       "as /proc shows it");
    int again = open(path, O_RDONLY);
    is_int(read(again, text, 5), 5, "opened again by that");
    is_int(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL, "not to be sealed");
    is_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM, "so it cannot be");
    close(again);
    close(fd);
}

static void test_errors(void) {
    static char name[260];
    memset(name, 'x', 249);
    int fd = memfd_create(name, 0);
    ok(fd >= 0, "the longest name");
    name[249] = 'x';
    is_errno(memfd_create(name, 0), EINVAL, "one too long");
    is_errno(memfd_create("x", 0x40), EINVAL, "bad flags");
    is_errno(memfd_create(nowhere, 0), EFAULT, "a bad name");
    close(fd);
    int ends[2];
    if (pipe(ends))
        bail("pipe");
    is_errno(fcntl(ends[0], F_GET_SEALS), EINVAL, "a pipe has no seals");
    close(ends[0]);
    close(ends[1]);
}

static void test_size(void) {
    int fd = sealable();
    is_int(fcntl(fd, F_GET_SEALS), 0, "no seals");
    is_int(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0, "F_SEAL_SHRINK");
    is_errno(ftruncate(fd, 0), EPERM, "no shorter");
    is_int(ftruncate(fd, 2 * PAGE), 0, "longer");
    is_int(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0, "F_SEAL_GROW");
    is_errno(ftruncate(fd, 3 * PAGE), EPERM, "no longer");
    is_int(ftruncate(fd, 2 * PAGE), 0, "as long");
    is_errno(fallocate(fd, 0, 0, 3 * PAGE), EPERM, "nor by fallocate");
    is_int(pwrite(fd, "x", 1, 2 * PAGE - 1), 1, "written up to the end");
    is_errno(pwrite(fd, "x", 1, 2 * PAGE), EPERM, "not behind it");
    static char three[3 * PAGE];
    is_int(pwrite(fd, three, sizeof(three), 0), 2 * PAGE, "a write across the end");
    is_int(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW, "both seals");
    is_int(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0, "F_SEAL_SEAL");
    is_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM, "no more seals");
    is_errno(fcntl(fd, F_ADD_SEALS, 0x1000), EINVAL, "no such seal");
    close(fd);
}

static void test_write(void) {
    int fd = sealable();
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    is_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY, "mapped to be written");
    munmap(page, PAGE);
    is_int(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0, "F_SEAL_WRITE");
    is_errno(pwrite(fd, "x", 1, 0), EPERM, "not written");
    is_errno(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM, "no holes");
    ok(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM,
       "not mapped to be written");
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    ok(page != MAP_FAILED, "mapped for oneself");
    page[0] = 'x';
    char byte = 1;
    pread(fd, &byte, 1, 0);
    is_int(byte, 0, "which changes nothing");
    munmap(page, PAGE);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int reader = open(path, O_RDONLY);
    is_errno(fcntl(reader, F_ADD_SEALS, F_SEAL_GROW), EPERM, "only who may write seals");
    page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
    ok(page != MAP_FAILED, "mapped to be read");
    is_errno(mprotect(page, PAGE, PROT_READ | PROT_WRITE), EACCES, "and nothing else");
    close(reader);
    close(fd);
}

static void test_future(void) {
    int fd = sealable();
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    is_int(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0,
           "F_SEAL_FUTURE_WRITE while it is mapped");
    page[0] = 'x';
    char byte = 0;
    pread(fd, &byte, 1, 0);
    is_int(byte, 'x', "who had it writes on");
    is_errno(pwrite(fd, "y", 1, 0), EPERM, "nobody else");
    ok(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM,
       "no new one");
    close(fd);
}

int main(void) {
    test_file();
    test_errors();
    test_size();
    test_write();
    test_future();
    return done();
}
