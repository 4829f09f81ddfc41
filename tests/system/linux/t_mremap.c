/* SPDX-License-Identifier: MIT */
/* mremap(2): private and shared memory, files, System V segments; growing in place, moving, shrinking. Runs on Linux too. */
#include "tap.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#define PAGE 4096
#define FILE_NAME "/tmp/t_mremap"

static sigjmp_buf faulted;

static void on_fault(int signal) {
    siglongjmp(faulted, signal);
}

/* The signal that reading there gives, or 0. */
static int fault_at(const char *address) {
    int signal = sigsetjmp(faulted, 1);

    if (signal == 0)
        (void)*(const volatile char *)address;
    return signal;
}

static char *map(size_t pages, int flags, int fd) {
    char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (memory == MAP_FAILED)
        bail("mmap");
    return memory;
}

/* So many pages with nothing behind them that could be in the way, and all but the first two unmapped. */
static char *map_with_room(int flags, int fd) {
    char *room = map(16, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    munmap(room, 16 * PAGE);
    char *memory = mmap(room, 2 * PAGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
    if (memory != room)
        bail("mmap");
    return memory;
}

static int file_of(size_t pages) {
    int fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || ftruncate(fd, (off_t)(pages * PAGE)) < 0)
        bail(FILE_NAME);
    for (size_t i = 0; i < pages; i++)
        if (pwrite(fd, &(char){(char)('a' + i)}, 1, (off_t)(i * PAGE)) != 1)
            bail(FILE_NAME);
    return fd;
}

/* ---- Private memory ----------------------------------------------------------------------- */

static void test_private(void) {
    char *memory = map(2, MAP_PRIVATE | MAP_ANONYMOUS, -1), *moved;

    memory[0] = 'a';
    memory[PAGE] = 'b';
    moved = mremap(memory, 2 * PAGE, 20 * PAGE, MREMAP_MAYMOVE);
    ok(moved != MAP_FAILED && moved[0] == 'a' && moved[PAGE] == 'b', "what was there is kept");
    ok(moved[10 * PAGE] == 0 && (moved[19 * PAGE] = 1) == 1, "and zeros are added");
    ok(mremap(moved, 20 * PAGE, PAGE, 0) == moved, "it shrinks in place");
    ok(moved[0] == 'a' && fault_at(moved + PAGE) == SIGSEGV, "and gives the rest up");
    mprotect(moved, PAGE, PROT_NONE);
    memory = mremap(moved, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    ok(memory != MAP_FAILED && fault_at(memory) == SIGSEGV, "what cannot be read moves, too");
    mprotect(memory, 3 * PAGE, PROT_READ);
    is_int(memory[0], 'a', "with what is in it");
    munmap(memory, 3 * PAGE);
}

static void test_fixed(void) {
    char *memory = map(3, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    char *to = map(4, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    memset(memory, 'm', 3 * PAGE);
    memset(to, 't', 4 * PAGE);
    is_errno((intptr_t)mremap(memory, PAGE, PAGE, MREMAP_FIXED, to), EINVAL,
             "MREMAP_FIXED without MAYMOVE: EINVAL");
    is_errno(
        (intptr_t)mremap(memory, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, memory + PAGE),
        EINVAL, "onto itself: EINVAL");
    is_errno((intptr_t)mremap(memory, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + 1), EINVAL,
             "not to a page: EINVAL");
    ok(mremap(memory, 3 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to,
       "it moves there");
    ok(to[0] == 'm' && to[2 * PAGE - 1] == 'm' && to[2 * PAGE] == 't',
       "in place of what was there");
    ok(fault_at(memory) == SIGSEGV && fault_at(memory + 2 * PAGE) == SIGSEGV,
       "and is no more where it was");
    memory = map(3, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memory[PAGE] = 7;
    munmap(memory + 2 * PAGE, PAGE);
    ok(mremap(memory, 3 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to && to[PAGE] == 7,
       "what is too long need not be mapped");
    munmap(to, 4 * PAGE);
}

static void test_errors(void) {
    char *memory = map(4, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    is_errno((intptr_t)mremap(memory + 1, PAGE, PAGE, 0), EINVAL, "not a page: EINVAL");
    is_errno((intptr_t)mremap(memory, PAGE, 0, 0), EINVAL, "nothing: EINVAL");
    is_errno((intptr_t)mremap(memory, PAGE, 2 * PAGE, 0x100), EINVAL, "unknown flags: EINVAL");
    is_errno((intptr_t)mremap(memory, PAGE, 2 * PAGE, 0), ENOMEM,
             "no room, and it may not move: ENOMEM");
    is_errno((intptr_t)mremap(memory, 0, PAGE, MREMAP_MAYMOVE), EINVAL,
             "private memory a second time: EINVAL");
    munmap(memory + 3 * PAGE, PAGE);
    is_errno((intptr_t)mremap(memory, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE), EFAULT,
             "a hole: EFAULT");
    mprotect(memory + PAGE, PAGE, PROT_READ);
    is_errno((intptr_t)mremap(memory, 3 * PAGE, 8 * PAGE, MREMAP_MAYMOVE), EFAULT,
             "more than one mapping: EFAULT");
    munmap(memory, 3 * PAGE);
}

/* ---- Shared memory ------------------------------------------------------------------------ */

static char *both;

static int write_both(void) {
    both[PAGE] = 'c';
    return 0;
}

static void test_shared(void) {
    char *memory = map(4, MAP_SHARED | MAP_ANONYMOUS, -1), *twice;

    strcpy(memory + PAGE, "x");
    both = mremap(memory, 4 * PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    ok(both == memory, "shared memory shrinks");
    both = mremap(memory, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    ok(both != MAP_FAILED && both[PAGE] == 'x', "and grows");
    is_int(in_child(write_both), 0, "a child writes to it");
    is_int(both[PAGE], 'c', "which is seen");
    twice = mremap(both, 0, 2 * PAGE, MREMAP_MAYMOVE);
    ok(twice != MAP_FAILED && twice != both && twice[PAGE] == 'c',
       "an old length of 0: a second time");
    twice[0] = 'd';
    is_int(both[0], 'd', "what is written to one is in the other");
    munmap(twice, 2 * PAGE);
    munmap(both, 3 * PAGE);
}

static void test_shared_file(void) {
    int fd = file_of(6);
    char byte = 0, *memory = map_with_room(MAP_SHARED, fd), *grown, *moved;

    grown = mremap(memory, 2 * PAGE, 3 * PAGE, 0);
    ok(grown == memory && grown[2 * PAGE] == 'c', "a file's mapping grows in place");
    grown = mremap(memory, 3 * PAGE, 5 * PAGE, 0);
    ok(grown == memory && grown[4 * PAGE] == 'e', "and once more");
    moved =
        mremap(memory + PAGE, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, memory - 7 * PAGE);
    ok(moved != MAP_FAILED && moved[0] == 'b' && moved[4 * PAGE] == 'f', "moves as a whole");
    is_int(fault_at(moved + 5 * PAGE), SIGBUS, "SIGBUS behind the file's end");
    moved[0] = 'B';
    ok(pread(fd, &byte, 1, PAGE) == 1 && byte == 'B', "and is the file");
    munmap(moved, 6 * PAGE);
    munmap(memory, PAGE);
    memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open(FILE_NAME, O_RDONLY), 0);
    moved = mremap(memory, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    is_errno(mprotect(moved, PAGE, PROT_READ | PROT_WRITE), EACCES,
             "what could not be written to cannot be afterwards: EACCES");
    munmap(moved, 2 * PAGE);
    close(fd);
    unlink(FILE_NAME);
}

static void test_private_file(void) {
    int fd = file_of(3);
    char *memory = map_with_room(MAP_PRIVATE, fd), *moved;

    memory[PAGE] = 'P';
    ok(mremap(memory, 2 * PAGE, 3 * PAGE, 0) == memory && memory[2 * PAGE] == 'c',
       "a private mapping of a file grows in place");
    moved = mremap(memory, 3 * PAGE, 5 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, memory - 6 * PAGE);
    ok(moved != MAP_FAILED && moved[0] == 'a' && moved[PAGE] == 'P' && moved[2 * PAGE] == 'c',
       "and moves with what was written");
    is_int(fault_at(moved + 3 * PAGE), SIGBUS, "SIGBUS behind the file's end");
    memory = mremap(moved, 5 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, moved + 6 * PAGE);
    ok(memory != MAP_FAILED && memory[PAGE] == 'P', "and again, with pages behind the end");
    munmap(memory, 6 * PAGE);
    close(fd);
    unlink(FILE_NAME);
}

static void test_segment(void) {
    int id = shmget(IPC_PRIVATE, 2 * PAGE, IPC_CREAT | 0600);
    char *memory = shmat(id, NULL, 0), *again = shmat(id, NULL, 0), *moved;

    shmctl(id, IPC_RMID, NULL);
    char *to = map(4, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    strcpy(memory, "segment");
    moved = mremap(memory, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    ok(moved == to && strcmp(moved, "segment") == 0, "a System V segment moves");
    moved[0] = 'S';
    is_int(again[0], 'S', "and is still the segment");
    is_int(shmdt(moved), 0, "shmdt finds it");
    is_int(fault_at(moved), SIGSEGV, "and takes it away");
    shmdt(again);
    munmap(to, 4 * PAGE);
}

int main(void) {
    struct sigaction action = {.sa_handler = on_fault};

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    test_private();
    test_fixed();
    test_errors();
    test_shared();
    test_shared_file();
    test_private_file();
    test_segment();
    return done();
}
