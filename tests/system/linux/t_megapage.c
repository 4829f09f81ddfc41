/* SPDX-License-Identifier: MIT */
/*
 * Shared memory in pieces of megapages (2 MiB on riscv64), which a system may map by one entry: whatever is done to a part
 * of one, the rest shows what it showed. Runs on Linux too.
 */
#include "tap.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#define PAGE 4096ul
#define MEGA (2ul << 20)
#define PIECES 4
#define SIZE (PIECES * MEGA)
#define PAGES (SIZE / PAGE)
#define FAILED ((void *)-1)

static int segment, pipes[2];
static struct shmid_ds status;

static unsigned long mark_of(unsigned long page) {
    return page * 0x9e3779b97f4a7c15ul + 1;
}

static unsigned long *word(char *at, unsigned long page) {
    return (unsigned long *)(at + page * PAGE + page % 500 * 8);
}

static void fill(char *at, unsigned long from, unsigned long to) {
    for (unsigned long page = from; page < to; page++)
        *word(at, page) = mark_of(page);
}

/* How many pages of [from, to) do not hold what fill() wrote. */
static long wrong(char *at, unsigned long from, unsigned long to) {
    long count = 0;

    for (unsigned long page = from; page < to; page++)
        count += *word(at, page) != mark_of(page);
    return count;
}

static char *attach(int flags) {
    char *at = shmat(segment, NULL, flags);

    if (at == FAILED)
        bail("shmat");
    return at;
}

static char *new_segment(size_t size) {
    segment = shmget(IPC_PRIVATE, size, 0600);
    if (segment < 0)
        bail("shmget");
    return attach(0);
}

static char *full_segment(void) {
    char *at = new_segment(SIZE);

    fill(at, 0, PAGES);
    return at;
}

static void remove_segment(void) {
    is_int(shmctl(segment, IPC_RMID, NULL), 0, "IPC_RMID");
}

static long attached(void) {
    return shmctl(segment, IPC_STAT, &status) < 0 ? -errno : (long)status.shm_nattch;
}

/* What the kernel finds there, without a fault of ours: 0, or EFAULT. */
static int readable(const char *at) {
    char byte;

    if (write(pipes[1], at, 1) < 0)
        return errno;
    return read(pipes[0], &byte, 1) == 1 ? 0 : -1;
}

static int writable(char *at) {
    char byte = *at;

    if (write(pipes[1], &byte, 1) != 1)
        bail("pipe");
    if (read(pipes[0], at, 1) == 1)
        return 0;
    int error = errno;
    if (read(pipes[0], &byte, 1) != 1)
        bail("pipe");
    return error;
}

static void test_fill(void) {
    static const char *const orders[] = {"upwards", "downwards", "by leaps"};

    for (int order = 0; order < 3; order++) {
        char *at = new_segment(SIZE);
        for (unsigned long i = 0; i < PAGES; i++) {
            unsigned long page = order == 0 ? i : order == 1 ? PAGES - 1 - i : i * 641 % PAGES;
            *word(at, page) += mark_of(page); /* zero before */
        }
        is_int(wrong(at, 0, PAGES), 0, "a segment filled %s", orders[order]);
        char *again = attach(0);
        is_int(wrong(again, 0, PAGES), 0, "attached again");
        *word(again, 700) = 5;
        is_int(*word(at, 700), 5, "what is written by one is seen by the other");
        shmdt(at);
        shmdt(again);
        remove_segment();
    }
}

#define MANY 16 /* megapages */

/* So many pages as this takes beside the segment's. */
static int touch_again(void) {
    long before = free_pages();
    char *at = attach(0);
    long bad = wrong(at, 0, MANY * 512);
    long taken = before - free_pages();

    return bad ? 255 : !on_parley() || taken < 0 ? 0 : taken < 200 ? (int)taken : 200;
}

static void test_tables(void) {
    char *at = new_segment(MANY * MEGA);

    fill(at, 0, MANY * 512);
    int taken = WEXITSTATUS(in_child(touch_again));
    ok(taken < MANY, "who attaches what is full needs no page table for each piece: %d pages",
       taken);
    shmdt(at);
    remove_segment();
}

static void test_munmap(void) {
    char *at = full_segment();
    char *again = attach(0);

    is_int(munmap(at + MEGA + 5 * PAGE, 3 * PAGE), 0, "munmap of a few pages");
    is_int(attached(), 3, "leaves two mappings beside another one");
    is_int(readable(at + MEGA + 5 * PAGE), EFAULT, "they are gone");
    is_int(readable(at + MEGA + 7 * PAGE), EFAULT, "to the last one");
    is_int(readable(at + MEGA + 8 * PAGE), 0, "and no more");
    is_int(wrong(at, 0, MEGA / PAGE + 5) + wrong(at, MEGA / PAGE + 8, PAGES), 0,
           "the rest is right");
    is_int(wrong(again, 0, PAGES), 0, "so is the other mapping");
    is_int(munmap(at, MEGA / 2), 0, "munmap of the beginning");
    is_int(munmap(at + SIZE - MEGA / 2, MEGA / 2), 0, "munmap of the end");
    is_int(wrong(at, 256, 517) + wrong(at, 520, PAGES - 256), 0, "what is left is right");
    *word(at, 300) = 1;
    is_int(*word(again, 300), 1, "and shared");
    is_int(shmdt(at), 0, "shmdt takes all of it");
    is_int(attached(), 1, "leaves the other one");
    shmdt(again);
    remove_segment();
}

static void test_mprotect(void) {
    char *at = full_segment();

    is_int(mprotect(at + MEGA + PAGE, PAGE, PROT_READ), 0, "a page may be read only");
    is_int(writable(at + MEGA + PAGE), EFAULT, "it is not written to");
    is_int(writable(at + MEGA), 0, "the one before is");
    is_int(writable(at + MEGA + 2 * PAGE), 0, "the one behind is");
    is_int(wrong(at, 0, PAGES), 0, "all is as it was");
    is_int(mprotect(at, SIZE, PROT_NONE), 0, "nothing may be done with any");
    is_int(readable(at + MEGA), EFAULT, "nor is");
    is_int(mprotect(at, SIZE, PROT_READ), 0, "all may be read");
    is_int(wrong(at, 0, PAGES), 0, "and is right");
    is_int(writable(at + 3 * MEGA), EFAULT, "not written to");
    is_int(mprotect(at, SIZE, PROT_READ | PROT_WRITE), 0, "all may be written to");
    fill(at, 0, PAGES);
    is_int(wrong(at, 0, PAGES), 0, "and is");
    shmdt(at);
    at = attach(SHM_RDONLY);
    is_int(wrong(at, 0, PAGES), 0, "attached to be read");
    is_int(writable(at + MEGA), EFAULT, "it is not written to");
    shmdt(at);
    remove_segment();
}

static void test_mremap(void) {
    char *at = full_segment();
    char *to = at + 2 * MEGA + PAGE;
    char *moved = mremap(at + MEGA, MEGA, MEGA, MREMAP_MAYMOVE | MREMAP_FIXED, to);

    ok(moved == to, "a megapage goes to where none fits");
    is_int(wrong(moved - MEGA, 512, 1024), 0, "and shows the same");
    is_int(readable(at + MEGA), EFAULT, "where it was is nothing");
    is_int(wrong(at, 0, 512) + wrong(at, 1024, 1025) + wrong(at, 1537, PAGES), 0,
           "beside it nothing has changed");
    munmap(at, SIZE);
    at = attach(0);
    moved = mremap(at, SIZE, SIZE / 2 + PAGE, 0);
    ok(moved == at, "it shrinks into a megapage");
    is_int(wrong(at, 0, PAGES / 2 + 1), 0, "which is right as far as it goes");
    is_int(readable(at + SIZE / 2 + PAGE), EFAULT, "and no further");
    munmap(at, SIZE);
    is_int(attached(), 0, "nobody has it");
    remove_segment();
}

static char *inherited;

static int write_and_check(void) {
    long bad = wrong(inherited, 0, PAGES);

    munmap(inherited + PAGE, PAGE);
    inherited[3 * MEGA] = 77;
    return bad ? 1 : 0;
}

static void test_fork(void) {
    inherited = full_segment();
    is_int(in_child(write_and_check), 0, "a child has it");
    is_int(inherited[3 * MEGA], 77, "its parent sees what it wrote");
    is_int(readable(inherited + PAGE), 0, "and keeps what it unmapped");
    is_int(attached(), 1, "and is left alone with it");
    shmdt(inherited);
    remove_segment();
}

static void test_file(void) {
    int file = memfd_create("mega", 0);

    if (file < 0 || ftruncate(file, SIZE) < 0)
        bail("memfd_create");
    char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char *own = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    if (at == FAILED || own == FAILED)
        bail("mmap");
    fill(at, 0, PAGES);
    is_int(wrong(own, 0, PAGES), 0, "a private mapping shows the same");
    *word(own, 1000) = 3;
    is_int(wrong(at, 0, PAGES), 0, "what is written there nobody else sees");
    char *again = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    is_int(wrong(again, 0, PAGES), 0, "another shared one is right");
    unsigned long text = 0;
    is_int(pread(file, &text, 8, (off_t)((char *)word(at, 900) - at)), 8, "read it as a file");
    ok(text == mark_of(900), "the same");
    is_int(ftruncate(file, MEGA + PAGE), 0, "the file shrinks");
    is_int(readable(at + MEGA + PAGE), EFAULT, "what was behind its end is gone");
    is_int(readable(again + 3 * MEGA), EFAULT, "from all mappings");
    is_int(wrong(at, 0, 513) + wrong(again, 0, 513), 0, "what was before is right");
    is_int(ftruncate(file, SIZE), 0, "the file grows");
    is_int(at[MEGA + PAGE] + again[3 * MEGA] + *word(at, 1800), 0, "by zeros");
    fill(at, 513, PAGES);
    is_int(wrong(again, 0, PAGES), 0, "it is filled again");
    munmap(again, SIZE);
    munmap(own, SIZE);
    munmap(at, SIZE);
    is_int(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, MEGA + PAGE, 2 * PAGE), 0,
           "a hole");
    at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    is_int(*word(at, 513) + *word(at, 514), 0, "has zeros");
    is_int(wrong(at, 0, 513) + wrong(at, 515, PAGES), 0, "and no more");
    fill(at, 513, 515);
    is_int(wrong(at, 0, PAGES), 0, "and is filled");
    munmap(at, SIZE);
    close(file);
}

/* Two count in all pages of a segment, while each takes parts of its own mapping away and back. */
#define ROUNDS 30

static int count_and_part(void) {
    char *at = attach(0);

    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned long page = 0; page < PAGES; page++)
            __atomic_fetch_add(word(at, page), 1, __ATOMIC_RELAXED);
        char *part = at + (round * 7919ul + (unsigned)getpid()) % PAGES * PAGE;
        if (mprotect(part, PAGE, PROT_READ) < 0 || mprotect(part, PAGE, PROT_READ | PROT_WRITE) < 0)
            return 1;
        if (round % 5 == 4) {
            if (munmap(part, PAGE) < 0 || munmap(at, SIZE) < 0)
                return 2;
            at = attach(0);
        }
    }
    return 0;
}

static void test_counting(void) {
    char *at = new_segment(SIZE);
    pid_t child[2];
    long bad = 0;

    for (int i = 0; i < 2; i++)
        if ((child[i] = start()) == 0)
            _exit(count_and_part());
    is_int(reap_exit(child[0]), 0, "one counts");
    is_int(reap_exit(child[1]), 0, "another counts, too");
    for (unsigned long page = 0; page < PAGES; page++)
        bad += *word(at, page) != 2 * ROUNDS;
    is_int(bad, 0, "together they have counted all");
    shmdt(at);
    remove_segment();
}

/* A page in each megapage of a large segment, then nearly all memory there is, page by page. */
static int need_all(void) {
    size_t pieces = (size_t)free_pages() * PAGE / MEGA;
    char *sparse = new_segment(pieces * MEGA);
    int result;

    shmctl(segment, IPC_RMID, NULL);
    for (size_t i = 0; i < pieces; i++)
        *word(sparse, i * 512 + i) = mark_of(i);
    size_t length = (size_t)free_pages() * 3 / 4 * PAGE;
    char *all = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == FAILED)
        return 1;
    fill(all, 0, length / PAGE);
    for (size_t i = 0; i < pieces; i++)
        *word(sparse, i * 512 + i + 1) = mark_of(i + 1);
    result = wrong(all, 0, length / PAGE) ? 2 : 0;
    for (size_t i = 0; i < pieces; i++)
        if (*word(sparse, i * 512 + i) != mark_of(i) ||
            *word(sparse, i * 512 + i + 1) != mark_of(i + 1))
            result = 3;
    return result;
}

static void test_scarce(void) {
    if (!on_parley()) {
        skip("memory that is kept for megapages", "it would take all memory of this machine");
        return;
    }
    long before = free_pages();
    for (int i = 0; i < 2; i++)
        is_int(in_child(need_all), 0, "what is kept for megapages others get when they need it");
    check_free_pages(before, 64, "and all comes back");
}

int main(void) {
    long before;

    if (pipe(pipes) < 0)
        bail("pipe");
    test_fill(); /* what the servers need for the first time they have then */
    before = free_pages();
    test_fill();
    test_tables();
    test_munmap();
    test_mprotect();
    test_mremap();
    test_fork();
    test_file();
    test_counting();
    check_free_pages(before, 64, "memory is given back");
    test_scarce();
    return done();
}
