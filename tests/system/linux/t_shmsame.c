/* SPDX-License-Identifier: MIT */
/*
 * Shared memory segments, the same as on Linux: random calls that attach, detach, unmap and replace pieces of them in a
 * window of memory, while they are removed and made anew, and children inherit and leave them. Results, errors, attachments and
 * who did the last of them go into one hash a seed; what Linux gives stands below. Where that differs, `t_shmsame SEED` prints
 * the hash after each call, on either system.
 */
#include "tap.h"

#include "same.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#define PAGE 4096ul
#define WINDOW ((char *)0x3000000000)
#define PAGES 40
#define CALLS 10000
#define SEGMENTS 3

/* Linux 6.18, as root. */
static const uint64_t linux_hash[] = {0xe114303dc3af7ed0, 0x5b5aeead319e957e, 0x4de5287d7c28317c,
                                      0xce9170d361a53e37, 0xb06863e0f9367b78, 0xaac37a2170b45b1d,
                                      0xfd65b6d9bf601762, 0xecacb232ec1747fd};

static int segments[SEGMENTS];
static bool verbose;

/* A page of the window, and so many from there on. */
static char *any_pages(size_t *length) {
    size_t first = any(PAGES), count = 1 + any(6);
    *length = (first + count > PAGES ? PAGES - first : count) * PAGE;
    return WINDOW + first * PAGE;
}

static long offset_of(const void *at) {
    return at == (void *)-1 ? -1 : (const char *)at - WINDOW;
}

static long attach_any(void) {
    size_t length;
    char *at = any_pages(&length) + (one_in(8) ? any(PAGE) : 0);
    int flags = (one_in(4) ? SHM_RDONLY : 0) | (one_in(3) ? SHM_REMAP : 0) |
                (one_in(6) ? SHM_RND : 0) | (one_in(10) ? SHM_EXEC : 0);
    if (at + 6 * PAGE > WINDOW + PAGES * PAGE)
        at = WINDOW;
    return offset_of(shmat(one_in(50) ? segments[0] + 77777 : segments[any(SEGMENTS)], at, flags));
}

static long detach_any(void) {
    size_t length;
    return shmdt(any_pages(&length) + (one_in(30) ? 1 : 0));
}

static long unmap_any(void) {
    size_t length;
    char *at = any_pages(&length);
    return munmap(at, length);
}

static long replace_any(void) {
    size_t length;
    char *at = any_pages(&length);
    return offset_of(mmap(at, length, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static long control_any(void) {
    static const int commands[] = {SHM_LOCK, SHM_UNLOCK, IPC_RMID, 99};
    struct shmid_ds status;
    int *segment = &segments[any(SEGMENTS)];
    long result = shmctl(*segment, commands[any(ARRAY_LENGTH(commands))], &status);
    if (one_in(3) && shmctl(*segment, IPC_STAT, &status) < 0)
        *segment = shmget(IPC_PRIVATE, (1 + any(6)) * PAGE - any(100), 0600);
    return result;
}

/* A child leaves some of what it has inherited, and ends. */
static long fork_any(void) {
    size_t length;
    char *at = any_pages(&length);
    bool unmaps = one_in(2);
    pid_t child = fork();
    if (child == 0) {
        if (unmaps)
            munmap(at, length);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    return status;
}

static void look_at_all(void) {
    for (int i = 0; i < SEGMENTS; i++) {
        struct shmid_ds status;
        long result = shmctl(segments[i], IPC_STAT, &status);
        fold((uint64_t)result);
        if (result < 0)
            continue;
        fold(status.shm_nattch);
        fold(status.shm_perm.mode);
        fold(status.shm_segsz);
        fold(status.shm_cpid == getpid());
        fold(status.shm_lpid == getpid());
        fold(status.shm_lpid == 0);
    }
}

static void call_any(unsigned number) {
    static long (*const calls[])(void) = {attach_any, attach_any,  attach_any,  detach_any,
                                          unmap_any,  replace_any, control_any, detach_any};
    unsigned which = (unsigned)any(ARRAY_LENGTH(calls));
    errno = 0;
    long result = one_in(40) ? fork_any() : calls[which]();
    fold((uint64_t)result);
    /* Which of the two it is depends on who has the id's place by now. */
    errno = errno == EIDRM ? EINVAL : errno;
    fold(result < 0 ? (uint64_t)errno : 0);
    look_at_all();
    if (verbose)
        printf("# %u %u %ld %d %016llx\n", number, which, result, errno, (unsigned long long)hash);
}

static uint64_t run(uint64_t seed, bool tells) {
    verbose = tells;
    same_begin(seed);
    for (int i = 0; i < SEGMENTS; i++)
        segments[i] = shmget(IPC_PRIVATE, (1 + any(6)) * PAGE, 0600);
    for (unsigned i = 0; i < CALLS; i++)
        call_any(i);
    munmap(WINDOW, PAGES * PAGE);
    look_at_all();
    for (int i = 0; i < SEGMENTS; i++)
        shmctl(segments[i], IPC_RMID, NULL);
    return hash;
}

int main(int argc, char **argv) {
    if (geteuid() != 0) {
        skip("all", "not root");
        return done();
    }
    return same_as(linux_hash, ARRAY_LENGTH(linux_hash), CALLS, run, argc, argv);
}
