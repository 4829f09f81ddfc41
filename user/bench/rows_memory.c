/* SPDX-License-Identifier: MIT */
/*
 * Rows of page faults. Each iteration takes the next page of a region that was set up for as many
 * faults as there will be, so what is measured is the fault and no more. Huge pages are turned off
 * where they exist.
 */
#include "measure.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

static volatile char *region;
static size_t pages, next_page;
static pid_t sharer;

static void map_region(size_t total) {
    void *memory =
        mmap(NULL, total * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        die("mmap");
    madvise(memory, total * PAGE, MADV_NOHUGEPAGE); /* advice: a refusal changes nothing */
    region = memory;
    pages = total;
    next_page = 0;
}

static void map_touched_region(size_t total) {
    map_region(total);
    for (size_t i = 0; i < total; i++)
        region[i * PAGE] = 1;
}

static void unmap_region(void) {
    munmap((void *)region, pages * PAGE);
}

static void reap_sharer(void) {
    int status;

    if (waitpid(sharer, &status, 0) != sharer)
        die("waitpid");
}

/* A child holds every page while the parent writes: each write copies. */
static void setup_cow_fault(size_t total) {
    map_touched_region(total);
    sharer = fork();
    if (sharer < 0)
        die("fork");
    if (sharer == 0) {
        for (;;)
            pause();
    }
}

static void teardown_cow_fault(void) {
    kill(sharer, SIGKILL);
    reap_sharer();
    unmap_region();
}

/* The child that shared the pages is gone: each write only makes its page writable again. */
static void setup_cow_reuse(size_t total) {
    map_touched_region(total);
    sharer = fork();
    if (sharer < 0)
        die("fork");
    if (sharer == 0)
        _exit(0);
    reap_sharer();
}

static void run_write(void) {
    region[next_page++ * PAGE] = 2;
}

static void run_read(void) {
    (void)region[next_page++ * PAGE];
}

#define MUNMAP_PAGES 256

/* A mapping of touched pages, made outside of what is measured. */
static void prepare_munmap(void) {
    map_touched_region(MUNMAP_PAGES);
}

static void run_munmap(void) {
    if (munmap((void *)region, MUNMAP_PAGES * PAGE) < 0)
        die("munmap");
}

/*
 * Private mappings of one file, side by side, until there are pages enough. The file is mapped and
 * read before, so that what is measured is a fault on a page that the system has in memory.
 */
static void map_file_region(size_t total) {
    const char *name = setting("LXBENCH_FILE", "/bin/bench/lxbench");
    int file = open(name, O_RDONLY);
    struct stat status;
    size_t length;

    if (file < 0 || fstat(file, &status) < 0 || status.st_size < PAGE)
        die(name);
    length = (size_t)status.st_size / PAGE;
    map_region(total);
    for (size_t at = 0; at < total; at += length) {
        size_t count = total - at < length ? total - at : length;

        if (mmap((void *)(region + at * PAGE), count * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED,
                 file, 0) == MAP_FAILED)
            die("mmap");
    }
    close(file);
}

#define SEGMENT_PAGES 2048 /* 8 MiB */

static void attach(int id) {
    region = shmat(id, NULL, 0);
    if (region == (void *)-1)
        die("shmat");
}

static void detach(void) {
    if (shmdt((void *)region) < 0)
        die("shmdt");
}

static int new_segment(void) {
    int id = shmget(IPC_PRIVATE, (size_t)SEGMENT_PAGES * PAGE, IPC_CREAT | 0600);

    if (id < 0)
        die("shmget");
    return id;
}

static void write_segment(void) {
    for (size_t i = 0; i < SEGMENT_PAGES; i++)
        region[i * PAGE] = 1;
}

/* A new segment for each sample; the memory of the one before comes back while nobody runs. */
static void prepare_shm_fill(void) {
    const struct timespec while_idle = {.tv_nsec = 100000000};
    int id = new_segment();

    if (region)
        detach();
    nanosleep(&while_idle, NULL);
    attach(id);
    if (shmctl(id, IPC_RMID, NULL) < 0)
        die("shmctl");
}

static void teardown_shm_fill(void) {
    detach();
    region = NULL;
}

static int full_segment;

static void setup_shm_again(size_t total) {
    (void)total;
    full_segment = new_segment();
    attach(full_segment);
    write_segment();
    detach();
}

static void run_shm_again(void) {
    attach(full_segment);
    write_segment();
    detach();
}

static void teardown_shm_again(void) {
    if (shmctl(full_segment, IPC_RMID, NULL) < 0)
        die("shmctl");
    region = NULL;
}

const struct row memory_rows[] = {
    {"cow_fault", 500, setup_cow_fault, NULL, run_write, teardown_cow_fault, 1},
    {"cow_reuse", 500, setup_cow_reuse, NULL, run_write, unmap_region, 1},
    {"zero_fault", 500, map_region, NULL, run_write, unmap_region, 1},
    {"zero_read", 500, map_region, NULL, run_read, unmap_region, 1},
    {"page_in", 500, map_file_region, NULL, run_read, unmap_region, 1},
    {"munmap_page", 500, NULL, prepare_munmap, run_munmap, NULL, MUNMAP_PAGES},
    {"shm_fill", 8, NULL, prepare_shm_fill, write_segment, teardown_shm_fill, SEGMENT_PAGES},
    {"shm_again", 8, setup_shm_again, NULL, run_shm_again, teardown_shm_again, SEGMENT_PAGES},
};
const size_t memory_row_count = sizeof(memory_rows) / sizeof(memory_rows[0]);
