/* SPDX-License-Identifier: MIT */
/* Rows of what programs do most with files: read and write, look, make and remove, map. */
#include "measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define MIB (1 << 20)
#define NAMES 100
#define POLLED 10

static char path[] = "/tmp/f", other_path[] = "/tmp/g", folder[] = "/tmp/dd";
static char space[2 * PAGE + 65536] __attribute__((aligned(PAGE)));
static char *const buffer = space + PAGE + 16; /* as malloc gives it: at no page's beginning */
static int file;

#define LENGTH 65536

/* A file of 1 MiB whose every page is there. */
static void setup_file(size_t total) {
    (void)total;
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0)
        die("open");
    for (size_t done = 0; done < MIB; done += LENGTH) {
        if (write(file, buffer, LENGTH) != LENGTH)
            die("write");
    }
}

static void teardown_file(void) {
    close(file);
    unlink(path);
}

static void moved(ssize_t count, ssize_t wanted) {
    if (count != wanted)
        die("read or write");
}

static void run_pread_1(void) {
    moved(pread(file, buffer, 1, 0), 1);
}
static void run_pread_4k(void) {
    moved(pread(file, buffer, PAGE, PAGE), PAGE);
}
static void run_pread_64k(void) {
    moved(pread(file, buffer, LENGTH, LENGTH), LENGTH);
}
static void run_pwrite_1(void) {
    moved(pwrite(file, buffer, 1, 0), 1);
}
static void run_pwrite_4k(void) {
    moved(pwrite(file, buffer, PAGE, PAGE), PAGE);
}
static void run_pwrite_64k(void) {
    moved(pwrite(file, buffer, LENGTH, LENGTH), LENGTH);
}

static void run_lseek(void) {
    if (lseek(file, 0, SEEK_SET) != 0)
        die("lseek");
}

static void setup_zero(size_t total) {
    (void)total;
    file = open("/dev/zero", O_RDONLY);
    if (file < 0)
        die("/dev/zero");
}
static void run_read_zero(void) {
    moved(read(file, buffer, 1), 1);
}
static void teardown_zero(void) {
    close(file);
}

static void run_fstat(void) {
    struct stat status;
    if (fstat(file, &status) < 0)
        die("fstat");
}
static void run_stat(void) {
    struct stat status;
    if (stat(path, &status) < 0)
        die("stat");
}

static void run_open_close(void) {
    int fd = open(path, O_RDONLY);
    if (fd < 0 || close(fd) < 0)
        die("open, close");
}
static void run_create_unlink(void) {
    int fd = open(other_path, O_CREAT | O_WRONLY, 0600);
    if (fd < 0 || close(fd) < 0 || unlink(other_path) < 0)
        die("create, unlink");
}
static void run_rename(void) {
    if (rename(path, other_path) < 0 || rename(other_path, path) < 0)
        die("rename");
}

static void name_of(int i, char *text, size_t size) {
    snprintf(text, size, "%s/file%d", folder, i);
}

static void setup_folder(size_t total) {
    char name[64];
    (void)total;
    if (mkdir(folder, 0700) < 0)
        die(folder);
    for (int i = 0; i < NAMES; i++) {
        name_of(i, name, sizeof(name));
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        if (fd < 0 || close(fd) < 0)
            die(name);
    }
}
static void run_readdir(void) {
    DIR *dir = opendir(folder);
    int count = 0;
    if (!dir)
        die("opendir");
    while (readdir(dir))
        count++;
    closedir(dir);
    if (count != NAMES + 2)
        die("readdir");
}
static void teardown_folder(void) {
    char name[64];
    for (int i = 0; i < NAMES; i++) {
        name_of(i, name, sizeof(name));
        unlink(name);
    }
    rmdir(folder);
}

static int ends[2];
static struct pollfd polled[POLLED];

static void setup_poll(size_t total) {
    (void)total;
    if (pipe(ends) < 0)
        die("pipe");
    for (int i = 0; i < POLLED; i++)
        polled[i] = (struct pollfd){.fd = ends[0], .events = POLLIN};
}
static void run_poll(void) {
    if (poll(polled, POLLED, 0) != 0)
        die("poll");
}
static void teardown_poll(void) {
    close(ends[0]);
    close(ends[1]);
}

static void run_mmap_munmap(void) {
    void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || munmap(at, PAGE) < 0)
        die("mmap, munmap");
}
static void run_mprotect(void) {
    if (mprotect(space, PAGE, PROT_READ) < 0 || mprotect(space, PAGE, PROT_READ | PROT_WRITE) < 0)
        die("mprotect");
}
/* Each page of the file is looked at once. */
static void run_map_file(void) {
    const volatile char *at = mmap(NULL, MIB, PROT_READ, MAP_SHARED, file, 0);
    if (at == MAP_FAILED)
        die("mmap");
    for (size_t i = 0; i < MIB; i += PAGE)
        (void)at[i];
    if (munmap((void *)at, MIB) < 0)
        die("munmap");
}

const struct row file_rows[] = {
    {"read_zero_1", 1000, setup_zero, NULL, run_read_zero, teardown_zero, 1},
    {"pread_1", 1000, setup_file, NULL, run_pread_1, teardown_file, 1},
    {"pread_4k", 1000, setup_file, NULL, run_pread_4k, teardown_file, 1},
    {"pread_64k", 200, setup_file, NULL, run_pread_64k, teardown_file, 1},
    {"pwrite_1", 1000, setup_file, NULL, run_pwrite_1, teardown_file, 1},
    {"pwrite_4k", 1000, setup_file, NULL, run_pwrite_4k, teardown_file, 1},
    {"pwrite_64k", 200, setup_file, NULL, run_pwrite_64k, teardown_file, 1},
    {"lseek", 1000, setup_file, NULL, run_lseek, teardown_file, 1},
    {"fstat", 1000, setup_file, NULL, run_fstat, teardown_file, 1},
    {"stat", 1000, setup_file, NULL, run_stat, teardown_file, 1},
    {"open_close", 1000, setup_file, NULL, run_open_close, teardown_file, 1},
    {"create_unlink", 500, NULL, NULL, run_create_unlink, NULL, 1},
    {"rename", 500, setup_file, NULL, run_rename, teardown_file, 2},
    {"readdir_100", 50, setup_folder, NULL, run_readdir, teardown_folder, 1},
    {"poll_10", 500, setup_poll, NULL, run_poll, teardown_poll, 1},
    {"mmap_munmap", 500, NULL, NULL, run_mmap_munmap, NULL, 1},
    {"mprotect", 500, NULL, NULL, run_mprotect, NULL, 2},
    {"map_file_1m", 50, setup_file, NULL, run_map_file, teardown_file, 1},
};
const size_t file_row_count = sizeof(file_rows) / sizeof(file_rows[0]);
