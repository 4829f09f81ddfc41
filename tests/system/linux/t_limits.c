/* SPDX-License-Identifier: MIT */
/*
 * A fork bomb and memory hogs under a limit of page frames (/bin/quota): they fail, others do not,
 * and afterwards all memory is free again. Skipped where there is no such limit.
 */
#include "quota.h"
#include "tap.h"

#include <sys/mman.h>
#include <sys/prctl.h>

#define PAGE 4096

static char *self;

/* ---- What runs under the limit ------------------------------------------------------------ */

enum { GOT_ENOMEM = 3, GOT_ALL = 4 };

/* Touch more and more memory: ENOMEM from mmap, or a signal for the fault. */
static int hog(void) {
    for (int i = 0; i < 4096; i++) {
        char *memory =
            mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return errno == ENOMEM ? GOT_ENOMEM : 1;
        memset(memory, i, 16 * PAGE);
    }
    return GOT_ALL;
}

/* Memory that a fork shares at first and copies when it is written. */
static int fork_hog(void) {
    char *memory =
        mmap(NULL, 200 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return GOT_ENOMEM;
    memset(memory, 1, 200 * PAGE);
    for (int i = 0; i < 100; i++) {
        pid_t pid = fork();

        if (pid < 0)
            return errno == ENOMEM || errno == EAGAIN ? GOT_ENOMEM : 1;
        if (pid == 0) {
            memset(memory, 2, 200 * PAGE);
            for (;;)
                pause();
        }
    }
    /* Together they want twenty times what there is: one of them at least dies of it. */
    int status;

    return waitpid(-1, &status, 0) > 0 && WIFSIGNALED(status) ? GOT_ENOMEM : GOT_ALL;
}

/* Every process forks as long as it can. */
static void __attribute__((noreturn)) bomb(void) {
    for (;;) {
        if (fork() < 0)
            sleep_ms(20);
    }
}

static int misbehave(const char *how) {
    if (!strcmp(how, "hog"))
        return hog();
    if (!strcmp(how, "fork_hog"))
        return fork_hog();
    bomb();
}

/* ---- The watchers ------------------------------------------------------------------------- */

static pid_t start_limited(const char *pages, const char *how) {
    pid_t pid = start();

    if (pid == 0) {
        setpgid(0, 0);
        execl("/bin/quota", "quota", pages, self, how, NULL);
        _exit(126);
    }
    setpgid(pid, pid);
    return pid;
}

/* Kill a process group until nobody is left in it. */
static void kill_group(pid_t group) {
    for (int i = 0; i < 500 && kill(-group, SIGKILL) == 0; i++) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        sleep_ms(10);
    }
}

static int allocate_a_little(void) {
    char *memory =
        mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return 1;
    memset(memory, 1, 256 * PAGE);
    return 0;
}

static void test_enough(void) {
    pid_t pid = start();

    if (pid == 0) {
        execl("/bin/quota", "quota", "2000", "/bin/true", NULL);
        _exit(126);
    }
    is_int(reap(pid), 0, "a modest program does not notice its limit");
}

static void test_hog(const char *how) {
    long before = free_pages();
    pid_t pid = start_limited("1000", how);
    int status = reap(pid);

    ok(WIFSIGNALED(status) || WEXITSTATUS(status) == GOT_ENOMEM, "%s: stopped by its limit", how);
    printf("# wait status %#x\n", (unsigned int)status);
    kill_group(pid);
    is_int(in_child(allocate_a_little), 0, "%s: others have memory", how);
    /* The servers' capability and id tables keep the size that so many processes gave them. */
    check_free_pages(before, 48, "and afterwards all is free again");
}

static void test_bomb(void) {
    long before = free_pages();
    pid_t pid = start_limited("3000", "bomb");
    int failed = 0;

    for (int i = 0; i < 20; i++) {
        sleep_ms(50);
        failed += in_child(allocate_a_little) != 0;
    }
    is_int(failed, 0, "beside a fork bomb others still fork and get memory");
    is_int(kill(-pid, 0), 0, "the bomb is still ticking"); /* its first process may have fallen */
    kill_group(pid);
    is_errno(kill(-pid, 0), ESRCH, "and can be killed as a group");
    is_int(in_child(allocate_a_little), 0, "the system works");
    check_free_pages(before, 64, "and all memory is free again");
}

static int set_limit(void) {
    return prctl(PR_PARLEY_QUOTA, 4096, 0, 0, 0) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc == 2)
        return misbehave(argv[1]);
    self = argv[0];
    if (in_child(set_limit) != 0) {
        skip("limits of page frames", "this system has none");
        return done();
    }
    test_enough();
    test_hog("hog");
    test_hog("fork_hog");
    test_bomb();
    return done();
}
