/* SPDX-License-Identifier: MIT */
/*
 * madvise(2): what is dropped, what a child of fork finds, what is removed of a file. Runs on Linux and under
 * qemu-user.
 */
#include "tap.h"
#include "files.h"

#include <sys/mman.h>
#include <sys/shm.h>

#define PAGE 4096UL
#define DIRECTORY "/tmp/t_madvise.dir"

static char *memory;

static char *map(size_t pages, int protection, int flags, int fd) {
    char *at = mmap(NULL, pages * PAGE, protection, flags, fd, 0);

    if (at == MAP_FAILED)
        bail("mmap");
    return at;
}

static char *map_private(size_t pages) {
    char *at = map(pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    memset(at, 'a', pages * PAGE);
    return at;
}

static bool is_mapped(const char *at) {
    return msync((void *)at, PAGE, MS_ASYNC) == 0;
}

static void test_arguments(void) {
    memory = map_private(4);
    is_errno(madvise(memory + 1, PAGE, MADV_NORMAL), EINVAL, "an odd address: EINVAL");
    is_errno(madvise(memory, PAGE, 1000), EINVAL, "no advice: EINVAL");
    is_errno(madvise(memory, PAGE, -1), EINVAL, "nor this: EINVAL");
    is_errno(madvise(memory, PAGE, 5), EINVAL, "nor this");
    is_errno(madvise(memory, ~0UL, MADV_NORMAL), EINVAL, "a bad length: EINVAL");
    is_int(madvise(memory, 0, MADV_DONTFORK), 0, "no bytes");
    munmap(memory + PAGE, PAGE);
    is_errno(madvise(memory, 4 * PAGE, MADV_DONTNEED), ENOMEM, "over a hole: ENOMEM");
    ok(memory[0] == 0 && memory[2 * PAGE] == 0 && memory[3 * PAGE] == 0,
       "but what is mapped is advised");
    munmap(memory, 4 * PAGE);
    is_errno(madvise(memory, PAGE, MADV_WIPEONFORK), ENOMEM, "nothing there: ENOMEM");
}

static void test_dropped(void) {
    int fd = create("file", "content");
    char *file;

    memory = map_private(4);
    is_int(madvise(memory + PAGE, 2 * PAGE, MADV_DONTNEED), 0, "MADV_DONTNEED");
    ok(memory[0] == 'a' && memory[PAGE] == 0 && memory[3 * PAGE - 1] == 0 &&
           memory[3 * PAGE] == 'a',
       "gives zeros, and only there");
    munmap(memory, 4 * PAGE);
    file = map(1, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    memcpy(file, "private", 7);
    is_int(madvise(file, PAGE, MADV_DONTNEED), 0, "of a file's private mapping");
    ok(memcmp(file, "content", 7) == 0, "it is the file's content again");
    is_errno(madvise(file, PAGE, MADV_FREE), EINVAL, "MADV_FREE is for anonymous memory: EINVAL");
    munmap(file, PAGE);
    file = map(1, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    memcpy(file, "written", 7);
    is_int(madvise(file, PAGE, MADV_DONTNEED), 0, "of a shared one");
    ok(memcmp(file, "written", 7) == 0 && content_is("file", "written"), "nothing is lost");
    munmap(file, PAGE);
    close(fd);
    unlink("file");
}

static int child_wiped(void) {
    return memory[0] == 'a' && memory[PAGE] == 0 && memory[2 * PAGE - 1] == 0 &&
                   memory[2 * PAGE] == 'a'
               ? 0
               : 1;
}

static int child_writes_and_forks(void) {
    if (child_wiped() != 0)
        return 1;
    memset(memory, 'a', 4 * PAGE);
    return reap_exit(in_child(child_wiped)) == 0 || in_child(child_wiped) == 0 ? 0 : 2;
}

static int child_all(void) {
    for (size_t i = 0; i < 4 * PAGE; i++)
        if (memory[i] != 'a')
            return 1;
    return 0;
}

static void test_wiped(void) {
    char *shared = map(1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
    pid_t pid;
    int status;

    memory = map_private(4);
    is_errno(madvise(shared, PAGE, MADV_WIPEONFORK), EINVAL, "shared memory: EINVAL");
    is_int(madvise(memory + PAGE, PAGE, MADV_WIPEONFORK), 0, "MADV_WIPEONFORK");
    is_int(in_child(child_writes_and_forks), 0, "a child finds zeros there, and so does its child");
    is_int(memory[PAGE], 'a', "the parent does not");
    pid = vfork();
    if (pid == 0)
        _exit(memory[PAGE] == 'a' ? 0 : 1);
    waitpid(pid, &status, 0);
    is_int(status, 0, "nor does who shares its memory");
    is_int(mprotect(memory + PAGE, PAGE, PROT_READ), 0, "read-only now");
    is_int(in_child(child_wiped), 0, "it is wiped still");
    is_int(madvise(memory + PAGE, PAGE, MADV_KEEPONFORK), 0, "MADV_KEEPONFORK");
    is_int(in_child(child_all), 0, "it is not any more");
    munmap(memory, 4 * PAGE);
    munmap(shared, PAGE);
}

static int child_without(void) {
    return is_mapped(memory) && !is_mapped(memory + PAGE) && is_mapped(memory + 2 * PAGE) ? 0 : 1;
}

static void test_not_inherited(void) {
    memory = map_private(4);
    is_int(madvise(memory + PAGE, PAGE, MADV_DONTFORK), 0, "MADV_DONTFORK");
    is_int(in_child(child_without), 0, "a child has not that page");
    is_int(child_all(), 0, "its parent has");
    is_int(madvise(memory, 4 * PAGE, MADV_DOFORK), 0, "MADV_DOFORK");
    is_int(in_child(child_all), 0, "a child has it again");
    munmap(memory, 4 * PAGE);
}

static int shmid;

static int attached(void) {
    struct shmid_ds status;

    return shmctl(shmid, IPC_STAT, &status) < 0 ? -1 : (int)status.shm_nattch;
}

static int child_attached(void) {
    return is_mapped(memory) ? 100 : attached();
}

static void test_segment(void) {
    shmid = shmget(IPC_PRIVATE, 2 * PAGE, IPC_CREAT | 0600);
    memory = shmat(shmid, NULL, 0);
    if (memory == (void *)-1)
        bail("shmat");
    is_int(madvise(memory, 2 * PAGE, MADV_DONTFORK), 0, "a segment that is not inherited");
    is_int(WEXITSTATUS(in_child(child_attached)), 1, "is attached once");
    is_int(shmdt(memory), 0, "shmdt knows it");
    is_int(attached(), 0, "and has counted it");
    shmctl(shmid, IPC_RMID, NULL);
}

static void test_removed(void) {
    int fd = create("file", "");
    char *file, *other;

    memory = map_private(2);
    is_errno(madvise(memory, PAGE, MADV_REMOVE), EINVAL, "MADV_REMOVE of private memory: EINVAL");
    munmap(memory, 2 * PAGE);
    if (ftruncate(fd, 4 * PAGE) < 0)
        bail("ftruncate");
    other = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    is_errno(madvise(other, PAGE, MADV_REMOVE), EACCES, "of a private mapping: EACCES");
    file = map(6, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    memset(file, 'f', 4 * PAGE);
    is_int(madvise(file + PAGE, 2 * PAGE, MADV_REMOVE), 0, "of a file's pages");
    ok(file[0] == 'f' && file[PAGE] == 0 && file[3 * PAGE - 1] == 0 && file[3 * PAGE] == 'f',
       "they are zeros");
    ok(other[PAGE] == 0 && other[3 * PAGE] == 'f', "for who else maps the file");
    is_int(madvise(file, 6 * PAGE, MADV_REMOVE), 0, "beyond its end");
    is_int(file[3 * PAGE], 0, "all is gone");
    is_int(lseek(fd, 0, SEEK_END), 4 * PAGE, "but the size");
    munmap(file, 6 * PAGE);
    munmap(other, 4 * PAGE);
    close(fd);
    unlink("file");
}

int main(void) {
    enter(DIRECTORY);
    test_arguments();
    test_dropped();
    test_wiped();
    test_not_inherited();
    test_segment();
    test_removed();
    leave(DIRECTORY);
    return done();
}
