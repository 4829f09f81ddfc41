/* SPDX-License-Identifier: MIT */
/*
 * What counts as an attachment of a System V segment, and when: each mapping of it, however it came or goes (shmop(2)).
 * SHM_LOCK, huge pages and large segments. Runs on Linux as root.
 */
#include "tap.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>

#define PAGE 4096
#define SIZE (5 * PAGE)
#define FAILED ((void *)-1)

static int segment;
static struct shmid_ds status;
static char *self;

static long attached(void) {
    return shmctl(segment, IPC_STAT, &status) < 0 ? -errno : (long)status.shm_nattch;
}

static char *attach_new(size_t size) {
    segment = shmget(IPC_PRIVATE, size, 0600);
    char *at = shmat(segment, NULL, 0);
    if (segment < 0 || at == FAILED)
        bail("shmget, shmat");
    return at;
}

static void remove_segment(void) {
    is_int(shmctl(segment, IPC_RMID, NULL), 0, "IPC_RMID");
}

static void test_munmap(void) {
    char *at = attach_new(SIZE);
    is_int(munmap(at + 2 * PAGE, PAGE), 0, "a hole in the middle");
    is_int(attached(), 2, "leaves two mappings");
    is_int(munmap(at, PAGE), 0, "the first page");
    is_int(attached(), 2, "is still one of the two");
    at[PAGE] = 'x';
    is_int(shmdt(at), 0, "shmdt where it was attached takes all that is left");
    is_int(attached(), 0, "which is nothing then");
    is_errno(shmdt(at), EINVAL, "and once only");
    at = shmat(segment, NULL, 0);
    is_int(at[PAGE], 'x', "what was written is there");
    is_int(munmap(at, SIZE), 0, "munmap of it all");
    is_int(attached(), 0, "is a detachment");
    ok(status.shm_lpid == getpid() && labs(status.shm_dtime - time(NULL)) < 5, "by us, now");
    remove_segment();
}

/* Memory that is attached can be made executable, by whoever may read it. */
static void test_protection(void) {
    char *at = attach_new(SIZE);
    is_int(mprotect(at, PAGE, PROT_READ | PROT_EXEC), 0, "mprotect makes it executable");
    is_int(shmdt(at), 0, "it is detached");
    at = shmat(segment, NULL, SHM_RDONLY);
    is_int(mprotect(at, PAGE, PROT_READ | PROT_EXEC), 0, "also if it may only be read");
    is_errno(mprotect(at, PAGE, PROT_READ | PROT_WRITE), EACCES, "but not writable then");
    shmdt(at);
    remove_segment();
}

/* proc_pid_maps(5): key and id. */
static void test_maps(void) {
    char line[256], name[64] = "";
    unsigned long start, inode = 0;
    segment = shmget(0x7e57a11, SIZE, IPC_CREAT | 0600);
    char *at = shmat(segment, NULL, 0);
    FILE *maps = fopen("/proc/self/maps", "r");
    if (segment < 0 || at == FAILED || !maps)
        bail("shmget, shmat, /proc/self/maps");
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx", &start) == 1 && start == (unsigned long)at)
            sscanf(line, "%*s %*s %*s %*s %lu %63[^\n]", &inode, name);
    fclose(maps);
    ok(!strcmp(name, "/SYSV07e57a11 (deleted)"), "maps tells the key: %s", name);
    is_int(inode, segment, "and the id");
    shmdt(at);
    remove_segment();
}

static void test_replaced(void) {
    char *at = attach_new(SIZE);
    mmap(at + PAGE, PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    is_int(attached(), 2, "MAP_FIXED over a part leaves two");
    mmap(at, SIZE, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    is_int(attached(), 0, "and over all nothing");
    is_errno(shmdt(at), EINVAL, "that is no attachment");
    ok(shmat(segment, at, SHM_REMAP) == at, "SHM_REMAP");
    ok(shmat(segment, at, SHM_REMAP) == at, "again");
    is_int(attached(), 1, "replaces its own");
    mprotect(at + PAGE, PAGE, PROT_READ);
    is_int(attached(), 3, "mprotect of the middle makes three");
    is_int(shmdt(at), 0, "which are detached");
    is_int(attached(), 0, "as one");
    munmap(at, SIZE);
    remove_segment();
}

static void test_mremap(void) {
    char *at = attach_new(SIZE);
    strcpy(at, "moved");
    char *to = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ok(mremap(at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "mremap elsewhere");
    ok(attached() == 1 && !strcmp(to, "moved"), "is the same attachment");
    char *again = mremap(to, 0, SIZE, MREMAP_MAYMOVE);
    ok(again != FAILED && attached() == 2, "of no length it is one more");
    is_int(munmap(again, SIZE), 0, "unmapped");
    ok(mremap(to, SIZE, 2 * PAGE, 0) == to && attached() == 1, "a smaller one is one");
    is_int(shmdt(to), 0, "shmdt where it has come to");
    is_int(attached(), 0, "none");
    remove_segment();
}

/* The last mapping of a removed segment goes, and with it the segment, however that is. */
static void test_last(void) {
    char *at = attach_new(SIZE);
    remove_segment();
    munmap(at, PAGE);
    ok(attached() == 1 && status.shm_perm.mode & SHM_DEST, "removed, and a part is mapped");
    ok(shmat(segment, at, SHM_REMAP) == at, "it can be attached by who knows it");
    is_int(shmdt(at), 0, "the last attachment");
    ok(attached() == -EINVAL || attached() == -EIDRM, "was that");
    at = attach_new(SIZE);
    remove_segment();
    munmap(at, SIZE);
    ok(attached() == -EINVAL || attached() == -EIDRM, "munmap is the end of one, too");
    for (int i = 0; i < 300; i++) {
        at = attach_new(PAGE);
        shmctl(segment, IPC_RMID, NULL);
        if (i % 3)
            munmap(at, PAGE);
    }
    ok(attached() == -EINVAL || attached() == -EIDRM, "of many at once");
    if (fork() == 0)
        _exit(0);
    wait(NULL);
    is_int(attached(), -EINVAL, "a child's end changes nothing");
}

static char *inherited;
static int signal_to_end;

static _Noreturn void stay(void) {
    for (;;)
        pause();
}

static int end_of_child(void) {
    pid_t child = fork();
    if (child == 0) {
        if (signal_to_end)
            stay();
        shmdt(inherited);
        _exit(0);
    }
    while (signal_to_end && attached() != 3)
        usleep(1000);
    if (signal_to_end)
        kill(child, signal_to_end);
    waitpid(child, NULL, 0);
    return attached() != 2 ? 1 : status.shm_lpid != child ? 2 : 0;
}

static int exec_self(void) {
    char id[24];
    snprintf(id, sizeof id, "%d", segment);
    execl(self, self, "count", id, NULL);
    return 100;
}

static int fork_tells_parent(void) {
    pid_t child = fork();
    if (child == 0)
        stay();
    long count = attached();
    int by = status.shm_lpid;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return count != 3 ? 1 : by != getpid() ? 2 : 0;
}

static void test_processes(void) {
    inherited = attach_new(SIZE);
    is_int(in_child(end_of_child), 0, "a child detaches, and was the last to do so");
    signal_to_end = SIGKILL;
    is_int(in_child(end_of_child), 0, "a killed one, before it is waited for");
    is_int(in_child(fork_tells_parent), 0, "fork attaches in its caller's name");
    is_int(in_child(exec_self), 1 << 8, "exec detaches");
    is_int(shmdt(inherited), 0, "detached");
    remove_segment();
}

/* ---- SHM_LOCK, huge pages ------------------------------------------------------------------ */

static int lock_as_user(void) {
    struct rlimit limit = {2 * PAGE, 2 * PAGE};
    if (setgid(12345) < 0 || setuid(12345) < 0)
        return 77;
    if (shmctl(segment, SHM_LOCK, NULL) != -1 || errno != EPERM)
        return 1;
    int own = shmget(IPC_PRIVATE, 2 * PAGE, 0600), other = shmget(IPC_PRIVATE, PAGE, 0600);
    setrlimit(RLIMIT_MEMLOCK, &limit);
    int wrong = 0;
    wrong |= shmctl(own, SHM_LOCK, NULL) != 0 ? 2 : 0;
    wrong |= shmctl(other, SHM_LOCK, NULL) != -1 || errno != ENOMEM ? 4 : 0;
    wrong |= shmctl(own, SHM_UNLOCK, NULL) != 0 ? 8 : 0;
    wrong |= shmctl(other, SHM_LOCK, NULL) != 0 ? 16 : 0;
    limit.rlim_cur = limit.rlim_max = 0;
    setrlimit(RLIMIT_MEMLOCK, &limit);
    wrong |= shmctl(own, SHM_LOCK, NULL) != -1 || errno != EPERM ? 32 : 0;
    wrong |= shmget(IPC_PRIVATE, 1 << 21, 0600 | SHM_HUGETLB) != -1 || errno != EPERM ? 64 : 0;
    shmctl(own, IPC_RMID, NULL);
    shmctl(other, IPC_RMID, NULL);
    return wrong;
}

static void test_lock(void) {
    char *at = attach_new(SIZE);
    is_int(shmctl(segment, SHM_LOCK, NULL), 0, "SHM_LOCK");
    ok(attached() == 1 && status.shm_perm.mode & SHM_LOCKED, "SHM_LOCKED");
    is_int(shmctl(segment, SHM_UNLOCK, NULL), 0, "SHM_UNLOCK");
    is_int(shmctl(segment, SHM_UNLOCK, NULL), 0, "of what is not locked, too");
    ok(attached() == 1 && !(status.shm_perm.mode & SHM_LOCKED), "not locked");
    int wrong = in_child(lock_as_user);
    if (wrong == 77 << 8)
        skip("limits of locking", "cannot change the user");
    else
        is_int(wrong >> 8, 0, "who is not root locks his own, as much as RLIMIT_MEMLOCK says");
    is_errno(shmget(IPC_PRIVATE, 1 << 21, 0600 | SHM_HUGETLB), ENOMEM, "no huge pages: ENOMEM");
    is_errno(shmget(IPC_PRIVATE, 1 << 21, 0600 | SHM_HUGETLB | 13 << 26), EINVAL,
             "pages of 8 KiB are not huge: EINVAL");
    shmdt(at);
    remove_segment();
}

/* A segment of a gigabyte costs what is written to. */
static void test_large(void) {
    size_t size = 1ul << 30;
    segment = shmget(IPC_PRIVATE, size, 0600 | SHM_NORESERVE);
    char *at = shmat(segment, NULL, 0), *twice = shmat(segment, NULL, SHM_RDONLY);
    if (!ok(at != FAILED && twice != FAILED, "a gigabyte, twice"))
        return;
    at[0] = 'a', at[size / 2] = 'b', at[size - 1] = 'c';
    ok(twice[0] == 'a' && twice[size / 2] == 'b' && twice[size - 1] == 'c', "is one");
    is_int(twice[size / 4], 0, "zeros elsewhere");
    struct shm_info used;
    shmctl(0, SHM_INFO, (struct shmid_ds *)&used);
    ok(used.shm_tot >= size / PAGE && used.shm_rss < 1000, "of which little is there");
    shmdt(at);
    shmdt(twice);
    remove_segment();
}

int main(int argc, char **argv) {
    if (argc == 3) {
        segment = atoi(argv[2]);
        return (int)attached();
    }
    self = argv[0];
    test_munmap();
    test_protection();
    test_maps();
    test_replaced();
    test_mremap();
    test_last();
    test_processes();
    test_lock();
    test_large();
    return done();
}
