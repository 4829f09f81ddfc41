/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: shmget(2), shmop(2), shmctl(2). Runs on Linux as root; under qemu-user
 * the executing of itself needs binfmt.
 */
#include "quota.h"
#include "tap.h"

#include <setjmp.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>

#define KEY 0x50415203
#define SIZE (5 * 4096)
#define FAILED ((void *)-1)

static int segment;
static char *self;

static void new_segment(void) {
    segment = shmget(IPC_PRIVATE, SIZE, 0600);
    if (segment < 0)
        bail("shmget");
}

static void remove_segment(void) {
    is_int(shmctl(segment, IPC_RMID, NULL), 0, "IPC_RMID");
}

static long attached(void) {
    struct shmid_ds stat;

    return shmctl(segment, IPC_STAT, &stat) < 0 ? -1 : (long)stat.shm_nattch;
}

static void test_get(void) {
    int id;

    shmctl(shmget(KEY, 0, 0), IPC_RMID, NULL);
    is_errno(shmget(KEY, 4096, 0), ENOENT, "no such key: ENOENT");
    id = shmget(KEY, 5000, IPC_CREAT | IPC_EXCL | 0600);
    ok(id >= 0, "create by key");
    is_int(shmget(KEY, 5000, IPC_CREAT | 0600), id, "the same key gives the same segment");
    is_int(shmget(KEY, 0, 0), id, "size 0 will do to find it");
    is_errno(shmget(KEY, 5001, 0), EINVAL, "more than it has: EINVAL");
    is_errno(shmget(KEY, 4096, IPC_CREAT | IPC_EXCL), EEXIST, "IPC_EXCL: EEXIST");
    is_int(shmctl(id, IPC_RMID, NULL), 0, "remove it");
    is_errno(shmat(id, NULL, 0) == FAILED ? -1 : 0, EINVAL, "then the id is bad: EINVAL");
    is_errno(shmget(IPC_PRIVATE, 0, 0600), EINVAL, "an empty segment: EINVAL");
    errno = 0;
    id = shmget(IPC_PRIVATE, 1UL << 62, 0600);
    ok(id < 0 && (errno == EINVAL || errno == ENOMEM || errno == ENOSPC), "a huge one is refused");
}

static void test_stat(void) {
    struct shmid_ds stat;
    time_t now = time(NULL);
    char *memory;

    segment = shmget(IPC_PRIVATE, 5000, 0640);
    is_int(shmctl(segment, IPC_STAT, &stat), 0, "IPC_STAT");
    is_int(stat.shm_segsz, 5000, "the size is what was asked for");
    ok(stat.shm_nattch == 0 && stat.shm_cpid == getpid() && stat.shm_lpid == 0, "a new segment");
    ok(stat.shm_atime == 0 && stat.shm_dtime == 0 && labs(stat.shm_ctime - now) < 5, "its times");
    ok((stat.shm_perm.mode & 0777) == 0640 && stat.shm_perm.uid == geteuid(), "its permissions");
    memory = shmat(segment, NULL, 0);
    shmctl(segment, IPC_STAT, &stat);
    ok(stat.shm_nattch == 1 && stat.shm_lpid == getpid() && labs(stat.shm_atime - now) < 5,
       "after an attachment");
    shmdt(memory);
    shmctl(segment, IPC_STAT, &stat);
    ok(stat.shm_nattch == 0 && labs(stat.shm_dtime - now) < 5, "after a detachment");
    stat.shm_perm.mode = 0600;
    is_int(shmctl(segment, IPC_SET, &stat), 0, "IPC_SET");
    shmctl(segment, IPC_STAT, &stat);
    is_int(stat.shm_perm.mode & 0777, 0600, "it has set");
    is_errno(shmctl(segment, 12345, &stat), EINVAL, "an unknown command: EINVAL");
    is_errno(shmctl(segment, IPC_STAT, nowhere), EFAULT, "IPC_STAT: EFAULT");
    remove_segment();
}

static sigjmp_buf escape;

static void on_fault(int signum) {
    (void)signum;
    siglongjmp(escape, 1);
}

/* Whether a write to this address faults. */
static bool faults(volatile char *address) {
    bool fault = true;

    signal(SIGSEGV, on_fault);
    if (sigsetjmp(escape, 1) == 0) {
        *address = 1;
        fault = false;
    }
    signal(SIGSEGV, SIG_DFL);
    return fault;
}

static bool is_zero(const char *memory) {
    for (size_t i = 0; i < SIZE; i++) {
        if (memory[i])
            return false;
    }
    return true;
}

static void test_attach(void) {
    char *memory, *again, *place, *wanted;

    new_segment();
    memory = shmat(segment, NULL, 0);
    ok(memory != FAILED, "attach");
    is_int((unsigned long)memory % 4096, 0, "at a page's start");
    ok(is_zero(memory), "it begins as zeroes");
    again = shmat(segment, NULL, 0);
    ok(again != FAILED && again != memory, "attach a second time");
    memory[4097] = 'm';
    is_int(again[4097], 'm', "both show the same memory");
    is_int(attached(), 2, "nattch");
    is_int(shmdt(again), 0, "detach");
    ok(faults(again), "then it is gone");
    is_errno(shmdt(again), EINVAL, "detach twice: EINVAL");
    is_errno(shmdt(memory + 1), EINVAL, "detach in the middle: EINVAL");
    again = shmat(segment, NULL, SHM_RDONLY);
    ok(again != FAILED && again[4097] == 'm', "SHM_RDONLY can be read");
    ok(faults(again), "and not written");
    place = mmap(NULL, 2 * SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    is_errno(shmat(segment, place, 0) == FAILED ? -1 : 0, EINVAL, "on a mapping: EINVAL");
    ok(shmat(segment, place, SHM_REMAP) == place && place[4097] == 'm', "SHM_REMAP replaces it");
    shmdt(place);
    wanted = place;
    is_errno(shmat(segment, wanted + 1, 0) == FAILED ? -1 : 0, EINVAL, "not on a page: EINVAL");
    ok(shmat(segment, wanted + 1, SHM_RND) == wanted, "SHM_RND rounds down");
    is_int(shmdt(wanted), 0, "detach it");
    is_errno(shmat(-1, NULL, 0) == FAILED ? -1 : 0, EINVAL, "a bad id: EINVAL");
    is_int(shmdt(again), 0, "detach the read-only one");
    is_int(shmdt(memory), 0, "detach the first");
    is_int(attached(), 0, "nobody is attached");
    remove_segment();
}

static void test_remove(void) {
    struct shmid_ds stat;
    char *memory;

    segment = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
    memory = shmat(segment, NULL, 0);
    strcpy(memory, "still here");
    is_int(shmctl(segment, IPC_RMID, NULL), 0, "remove it while it is attached");
    ok(!strcmp(memory, "still here"), "it can still be used");
    is_int(shmctl(segment, IPC_STAT, &stat), 0, "and looked at");
    ok(stat.shm_perm.mode & SHM_DEST, "SHM_DEST");
    is_errno(shmget(KEY, 0, 0), ENOENT, "but not found by its key");
    is_int(shmdt(memory), 0, "the last detachment");
    is_errno(shmctl(segment, IPC_STAT, &stat), EINVAL, "then it is gone");
}

/* ---- Processes ---------------------------------------------------------------------------- */

static char *inherited;

static int use_inherited(void) {
    if (attached() != 2 || strcmp(inherited, "parent"))
        return 1;
    strcpy(inherited, "child");
    return 0;
}

static int detach_inherited(void) {
    return shmdt(inherited) == 0 && attached() == 1 ? 0 : 1;
}

/* The executed program sees one attachment less: 1, the parent's. */
static int exec_and_count(void) {
    char id[24];

    snprintf(id, sizeof(id), "%d", segment);
    execl(self, self, "count", id, NULL);
    return 100;
}

static int attach_and_die(void) {
    if (shmat(segment, NULL, 0) == FAILED || attached() != 3)
        return 1;
    raise(SIGKILL);
    return 2;
}

static void test_processes(void) {
    new_segment();
    inherited = shmat(segment, NULL, 0);
    strcpy(inherited, "parent");
    is_int(in_child(use_inherited), 0, "a child inherits the attachment");
    ok(!strcmp(inherited, "child"), "and shares the memory");
    is_int(attached(), 1, "its exit detaches");
    is_int(in_child(detach_inherited), 0, "a child may detach");
    is_int(attached(), 1, "which leaves the parent's");
    is_int(in_child(exec_and_count), 1 << 8, "exec detaches");
    is_int(attached(), 1, "and only the own one");
    is_int(in_child(attach_and_die), SIGKILL, "a killed process");
    is_int(attached(), 1, "is detached too");
    shmdt(inherited);
    remove_segment();
}

static int check_stranger(void) {
    if (setgid(12345) < 0 || setuid(12345) < 0)
        return 77;
    if (shmat(segment, NULL, 0) != FAILED || errno != EACCES)
        return 1;
    return shmctl(segment, IPC_RMID, NULL) != -1 || errno != EPERM ? 2 : 0;
}

static void test_rest(void) {
    struct shminfo limits;
    struct shm_info used;
    struct shmid_ds stat;
    int highest, found = 0, status;

    new_segment();
    status = WEXITSTATUS(in_child(check_stranger));
    if (status == 77)
        skip("another user is kept out", "cannot change the user");
    else
        is_int(status, 0, "another user is kept out");
    ok(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0, "IPC_INFO");
    ok(limits.shmmin == 1 && limits.shmmax >= SIZE && limits.shmmni > 0, "the limits");
    highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&used);
    ok(highest >= 0 && used.used_ids >= 1 && used.shm_tot >= 5, "SHM_INFO");
    for (int i = 0; i <= highest; i++)
        found += shmctl(i, SHM_STAT, &stat) == segment && stat.shm_segsz == SIZE;
    is_int(found, 1, "SHM_STAT finds the segment once");
    remove_segment();
}

static void test_memory(void) {
    long before = free_pages();

    for (int i = 0; i < 50; i++) {
        int id = shmget(IPC_PRIVATE, 100 * 4096, 0600);
        char *memory = shmat(id, NULL, 0);

        memset(memory, i, 100 * 4096);
        shmdt(memory);
        shmctl(id, IPC_RMID, NULL);
    }
    check_free_pages(before, 16, "50 segments later all memory is free again");
}

#define BASE 0x3000000000UL /* a page table's span begins here, */
#define SPAN 0x200000UL     /* and the next one's so much higher */

/* The start of an attached segment, whose end lies in one page table with a page beside it. */
static char *attach_across(void) {
    char *at = (char *)BASE, *beside = at + SPAN + 16 * 4096;

    segment = shmget(IPC_PRIVATE, SPAN + 16 * 4096, 0600);
    if (shmat(segment, at, 0) != at ||
        mmap(beside, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) != beside)
        _exit(99);
    shmctl(segment, IPC_RMID, NULL); /* with the last that is attached */
    strcpy(at, "first");
    strcpy(at + SPAN, "last");
    *beside = 1;
    return at;
}

/*
 * After a fork, page tables are shared with the child; to unmap what is in one beside something else takes
 * memory. The bits of the status tell what was wrong.
 */
static int detach_without_memory(void) {
    char *at = attach_across();
    pid_t child;
    int wrong = 0;

    if (prctl(PR_PARLEY_QUOTA, 1000, 0, 0, 0) < 0)
        return 77;
    child = fork();
    if (child == 0)
        for (;;)
            pause();
    use_up();
    wrong |= shmdt(at) != -1 || errno != ENOMEM ? 1 : 0;
    wrong |= attached() != 2 || strcmp(at, "first") || strcmp(at + SPAN, "last") ? 2 : 0;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    wrong |= shmdt(at) != 0 ? 4 : 0;
    wrong |= attached() != -1 ? 8 : 0;
    return wrong;
}

static void test_no_memory(void) {
    int status = in_child(detach_without_memory);

    if (status == 77 << 8)
        skip("shmdt without memory changes nothing", "there are no quotas");
    else
        is_int(status, 0,
               "shmdt without memory is ENOMEM, changes nothing, and can be tried again");
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "count")) {
        segment = atoi(argv[2]);
        return (int)attached();
    }
    self = argv[0];
    test_get();
    test_stat();
    test_attach();
    test_remove();
    test_processes();
    test_rest();
    test_memory();
    test_no_memory();
    return done();
}
