/* SPDX-License-Identifier: MIT */
/*
 * Mapped files: their names in /proc/PID/maps (proc(5)), and their times, which change when they are written to by way
 * of memory (mmap(2), msync(2)). Runs on Linux.
 */
#include "tap.h"
#include "files.h"

#include <limits.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>

#define PAGE 4096UL
#define DIRECTORY "/tmp/t_maps.dir"

static char line[PATH_MAX + 100];

/* The line of maps that an address lies in, in `line`; what stands behind its blanks, or NULL. */
static const char *line_of(const void *at) {
    FILE *file = fopen("/proc/self/maps", "r");
    unsigned long start, end;

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && (unsigned long)at >= start &&
            (unsigned long)at < end) {
            fclose(file);
            line[strcspn(line, "\n")] = '\0';
            return strlen(line) > 73 ? line + 73 : "";
        }
    if (file)
        fclose(file);
    return NULL;
}

static bool named(const void *at, const char *name) {
    const char *found = line_of(at);
    bool good = found && strcmp(found, name) == 0;

    if (!good)
        printf("# %s, not %s\n", found ? line : "no line", name);
    return good;
}

static void test_names(void) {
    int fd = create("file", "content"), local;
    char *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, PAGE), path[PATH_MAX];
    char *none = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *heap = sbrk(PAGE);
    struct stat status;
    unsigned long inode = 0;
    char rights[5] = "", offset[9] = "";
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[n > 0 ? n : 0] = '\0';
    ok(named((const void *)(uintptr_t)test_names, path), "the program");
    ok(named(&local, "[stack]"), "the stack");
    ok(named(heap, "[heap]"), "the heap");
    ok(named(none, ""), "memory without a file");
    ok(named(at, DIRECTORY "/file"), "a file");
    fstat(fd, &status);
    sscanf(line, "%*s %4s %8s %*s %lu", rights, offset, &inode);
    ok(inode == status.st_ino && !strcmp(rights, "rw-p") && strtoul(offset, NULL, 16) == PAGE,
       "its inode, rights and place");
    rename("file", "other\nname");
    ok(named(at, DIRECTORY "/other\\012name"), "a new name, in one line");
    unlink("other\nname");
    ok(named(at, DIRECTORY "/other\\012name (deleted)") ||
           named(at, DIRECTORY "/other\nname (deleted)"),
       "its name has gone");
    munmap(at, 2 * PAGE);
    ok(line_of(at) == NULL || !strstr(line, "other"), "it is not mapped any more");
    at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ok(named(at, "/dev/zero (deleted)"), "shared memory without a file");
    munmap(at, PAGE);
    munmap(none, PAGE);
    close(fd);
}

static long long modified(int fd, bool change) {
    struct stat status;

    if (fstat(fd, &status) < 0)
        bail("fstat");
    const struct timespec *time = change ? &status.st_ctim : &status.st_mtim;
    return time->tv_sec * 1000000000LL + time->tv_nsec;
}

static void test_times(void) {
    const struct timespec past[2] = {{1000, 0}, {1000, 0}};
    int fd = create("file", "content");
    char *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    long long changed;

    if (ftruncate(fd, 2 * PAGE) < 0 || futimens(fd, past) < 0)
        bail("futimens");
    changed = modified(fd, true);
    is_int(at[0], 'c', "reading a mapping");
    is_int(modified(fd, false), 1000000000000LL, "changes no time");
    sleep_ms(20);
    at[0] = 'C';
    is_int(msync(at, PAGE, MS_SYNC), 0, "writing to it, and msync");
    ok(modified(fd, false) > changed, "changes the time of modification");
    ok(modified(fd, true) > changed, "and of change");
    futimens(fd, past);
    is_int(modified(fd, false), 1000000000000LL, "which can be set");
    is_int(pread(fd, line, 1, 0), 1, "reading the file");
    is_int(modified(fd, false), 1000000000000LL, "changes no time");
    at[PAGE] = 'x';
    is_int(munmap(at, 2 * PAGE), 0, "writing to another page, and munmap");
    ok(modified(fd, false) > changed, "changes it again");
    close(fd);
    unlink("file");
}

/* File systems that never write anything to a disk do not look again on Linux. */
static void test_again(void) {
    const struct timespec past[2] = {{1000, 0}, {1000, 0}};
    int fd = create("file", "content");
    char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    at[0] = 'a';
    msync(at, PAGE, MS_SYNC);
    futimens(fd, past);
    at[1] = 'b';
    msync(at, PAGE, MS_SYNC);
    ok(modified(fd, false) > 1000000000000LL, "a page that was written to before counts again");
    is_int(pread(fd, line, 2, 0), 2, "nothing is lost");
    ok(!memcmp(line, "ab", 2), "by msync");
    munmap(at, PAGE);
    close(fd);
    unlink("file");
    is_errno(msync(nowhere, PAGE, MS_SYNC), EINVAL, "msync at an odd address: EINVAL");
    is_errno(msync(at, PAGE, MS_SYNC | MS_ASYNC), EINVAL, "both at once: EINVAL");
    is_errno(msync(at, PAGE, MS_SYNC), ENOMEM, "nothing there: ENOMEM");
}

/* ---- smaps ---- */

/* A number, in KiB, of what smaps says of the region that an address lies in; -1: none. */
static long smaps_of(const void *at, const char *name) {
    FILE *file = fopen("/proc/self/smaps", "r");
    unsigned long start, end;
    bool here = false;
    long kib = -1;

    while (file && kib < 0 && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && strchr(line, '-') < strchr(line, ' '))
            here = (unsigned long)at >= start && (unsigned long)at < end;
        else if (here && !strncmp(line, name, strlen(name)))
            kib = atol(line + strlen(name));
    }
    fclose(file);
    return kib;
}

static void test_sizes(void) {
    const size_t size = 300 * PAGE;
    int fd = create("file", "");
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    /* Neighbours that it does not become one with. */
    mprotect(at, PAGE, PROT_NONE);
    mprotect(at + size - PAGE, PAGE, PROT_NONE);
    for (int i = 10; i < 250; i += 2)
        at[(size_t)i * PAGE] = 1;
    is_int(smaps_of(at + PAGE, "Size:"), 298 * 4, "smaps: a region's size");
    is_int(smaps_of(at + PAGE, "Rss:"), 120 * 4, "what of it is there");
    is_int(smaps_of(at + PAGE, "Private_Dirty:"), 120 * 4, "its own");
    is_int(smaps_of(at + PAGE, "Anonymous:"), 120 * 4, "without a file");
    madvise(at + 10 * PAGE, 20 * PAGE, MADV_DONTNEED);
    is_int(smaps_of(at + PAGE, "Rss:"), 110 * 4, "and not any more");
    munmap(at, size);
    if (ftruncate(fd, 4 * PAGE) < 0 || pwrite(fd, "x", 1, 0) != 1 || pwrite(fd, "x", 1, PAGE) != 1)
        bail("ftruncate");
    at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    at[PAGE] = 'y';
    ok(at[0] == 'x', "a file's page is read, and another written to");
    is_int(smaps_of(at, "Private_Dirty:"), 4, "that one is the process's");
    is_int(smaps_of(at, "Anonymous:"), 4, "not the file's");
    munmap(at, 4 * PAGE);
    close(fd);
    unlink("file");
}

int main(void) {
    enter(DIRECTORY);
    test_sizes();
    test_names();
    test_times();
    test_again();
    leave(DIRECTORY);
    return done();
}
