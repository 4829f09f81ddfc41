/* SPDX-License-Identifier: MIT */
/*
 * The client pays: whatever a user's processes have the system keep until there is no more, in memory, files,
 * messages, signals, names or pipes, another user's processes go on as before; and when they end all of it
 * comes back. What runs out is the user's own to hear: an errno, or the end of the process that has most.
 */
#include "quota.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PAGE 4096
#define MIB (1 << 20)
#define NOBODY 65534
#define FULL 7 /* exit status: there was no more, with a good errno */

static int *stage; /* shared: 1: the user has got all that there was */

static void become_nobody(void) {
    if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(1);
}

/* Tells that there is no more, and keeps what it has until it is killed. */
static int __attribute__((noreturn)) full(void) {
    bool good = errno == ENOMEM || errno == ENOSPC || errno == EAGAIN || errno == EMFILE;

    *(volatile int *)stage = good ? 1 : 2;
    for (;;)
        pause();
}

/* ---- What a user may have kept ------------------------------------------------------------ */

/* Written by read(), which can fail: a fault could only kill. */
static int keep_memory(void) {
    int zero = open("/dev/zero", O_RDONLY);

    for (;;) {
        char *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return full();
        for (size_t at = 0; at < MIB; at += PAGE)
            if (read(zero, memory + at, PAGE) != PAGE)
                return full();
    }
}

static int keep_file(void) {
    static char bytes[65536];
    int fd = open("/tmp/nobodys", O_CREAT | O_RDWR, 0600);

    unlink("/tmp/nobodys"); /* there is nothing that root could remove */
    memset(bytes, 1, sizeof(bytes));
    while (write(fd, bytes, sizeof(bytes)) == sizeof(bytes))
        continue;
    return full();
}

static int keep_messages(void) {
    static struct {
        long type;
        char text[8192];
    } message = {.type = 1};

    for (int id; (id = msgget(IPC_PRIVATE, 0600)) >= 0;)
        for (int i = 0; i < 2; i++)
            if (msgsnd(id, &message, sizeof(message.text), IPC_NOWAIT) < 0)
                return full();
    return full();
}

static int keep_names(void) {
    char name[64];

    mkdir("/tmp/names", 0700);
    for (int i = 0;; i++) {
        snprintf(name, sizeof(name), "/tmp/names/a-name-of-some-length-%d", i);
        if (symlink("a target that is kept as well, and is some sixty bytes long", name) < 0)
            return full();
    }
}

static int keep_signals(void) {
    sigset_t all;
    union sigval value = {.sival_int = 1};

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    while (sigqueue(getpid(), SIGRTMIN + 1, value) == 0)
        continue;
    return full();
}

static int keep_pipes(void) {
    static char bytes[65536];
    int ends[2];

    while (pipe(ends) == 0) {
        fcntl(ends[1], F_SETFL, O_NONBLOCK);
        while (write(ends[1], bytes, sizeof(bytes)) > 0)
            continue;
    }
    return full();
}

static void clean_up(void) {
    struct msqid_ds ds;
    struct msginfo info;
    int highest = msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&info);

    for (int place = 0; place <= highest; place++) {
        int id = msgctl(place, MSG_STAT, &ds);
        if (id >= 0 && ds.msg_perm.uid == NOBODY)
            msgctl(id, IPC_RMID, NULL);
    }
    if (system("rm -rf /tmp/names") != 0)
        puts("# /tmp/names stays");
}

/* ---- The other user ----------------------------------------------------------------------- */

static int use_everything(void) {
    struct {
        long type;
        char text[100];
    } message = {.type = 1};
    char *memory, byte = 'x';
    int ends[2], id, fd;

    memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    memset(memory, 1, MIB);
    fd = open("/tmp/roots", O_CREAT | O_RDWR, 0600);
    if (fd < 0 || write(fd, memory, MIB / 2) != MIB / 2 || unlink("/tmp/roots") < 0)
        return 2;
    id = msgget(IPC_PRIVATE, 0600);
    if (id < 0 || msgsnd(id, &message, sizeof(message.text), IPC_NOWAIT) < 0 ||
        msgctl(id, IPC_RMID, NULL) < 0)
        return 3;
    if (pipe(ends) < 0 || write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
        return 4;
    return system("/bin/true") == 0 ? 0 : 5;
}

/* limit: pages that it may use, so that it is done soon; 0: all there are. */
static void test_keeping(const char *what, int (*keep)(void), long limit, long slack) {
    long before = free_pages();
    pid_t pid;

    *stage = 0;
    pid = start();
    if (pid == 0) {
        become_nobody();
        if (limit && prctl(PR_PARLEY_QUOTA, limit, 0, 0, 0) < 0)
            _exit(1);
        _exit(keep());
    }
    for (int i = 0; i < 9000 && !*(volatile int *)stage && waitpid(pid, NULL, WNOHANG) == 0; i++)
        sleep_ms(20);
    is_int(*stage, 1, "%s: no more, with a good errno", what);
    is_int(in_child(use_everything), 0, "%s: root does not notice", what);
    kill(pid, SIGKILL);
    reap(pid);
    clean_up();
    check_free_pages(before, slack, "and all is back");
}

/* ---- Faults that cannot be paid ----------------------------------------------------------- */

static int hog(void) {
    become_nobody();
    for (;;) {
        char *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return FULL;
        memset(memory, 1, MIB);
    }
}

/* Touches a little again and again while the hog eats. */
static int innocent(void) {
    become_nobody();
    for (int i = 0; i < 100; i++) {
        char *memory =
            mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return 1;
        memset(memory, 1, 8 * PAGE);
        sleep_ms(10);
    }
    return 0;
}

static void test_faults(void) {
    long before = free_pages();
    pid_t good = start(), bad;

    if (good == 0)
        _exit(innocent());
    bad = start();
    if (bad == 0)
        _exit(hog());
    int status = reap(bad);
    ok((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
           (WIFEXITED(status) && WEXITSTATUS(status) == FULL),
       "a hog ends, or hears of it");
    is_int(reap(good), 0, "a small process of the same user does not");
    check_free_pages(before, 64, "and all is back");
}

/* ---- Holes, limits, and what is said to be free ------------------------------------------- */

static void test_holes(void) {
    static char bytes[65536];
    long before = free_pages(), zeros = 0;
    int fd = open("/tmp/holes", O_CREAT | O_RDWR, 0600);
    struct statfs fs;

    is_int(ftruncate(fd, 1l << 36), 0, "a file of 64 GiB");
    for (int i = 0; i < 1000; i++)
        zeros += pread(fd, bytes, sizeof(bytes), i * 70000l) == sizeof(bytes) && !bytes[i];
    is_int(pwrite(fd, "end", 3, (1l << 36) - 3), 3, "written at its end");
    for (int i = 0; i < 1000; i++)
        zeros += pread(fd, bytes, sizeof(bytes), i * 7000000l) == sizeof(bytes) && !bytes[i];
    is_int(zeros, 2000, "its holes are zeros");
    check_free_pages(before, 16, "which take no memory");
    unlink("/tmp/holes");
    close(fd);
    is_int(statfs("/tmp", &fs), 0, "statfs");
    long said = (long)fs.f_bavail, have = free_pages();
    ok(said > have - have / 8 && said < have, "files can have nearly all that is free");
}

/* Nothing of what fills the memory would come back by the end of a process: no process may end for it. */
static int fill_by_file(void) {
    static char bytes[65536];
    int fd = open("/tmp/full", O_CREAT | O_RDWR, 0600), status;
    pid_t pid;

    become_nobody();
    while (write(fd, bytes, sizeof bytes) > 0)
        continue;
    if (errno != ENOSPC)
        return 1;
    for (int i = 0; i < 50; i++) {
        pid = fork();
        if (pid == 0) {
            char *memory =
                mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            memset(memory, 1, 64 * PAGE);
            _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
            return 2;
    }
    pid = fork();
    if (pid == 0) {
        char *memory = mmap(NULL, 1l << 30, PROT_WRITE, MAP_SHARED, fd, 0);
        if (ftruncate(fd, 1l << 30) == 0)
            for (long at = 0; at < 1l << 30; at += PAGE)
                memory[at] = 1;
        _exit(3);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGBUS)
        return 4;
    return ftruncate(fd, 0) == 0 && write(fd, bytes, sizeof bytes) == sizeof bytes ? 0 : 5;
}

static void test_full_file(void) {
    long before = free_pages();

    is_int(in_child(fill_by_file), 0, "a file that takes all leaves room for forks and faults");
    unlink("/tmp/full");
    check_free_pages(before, 64, "and all is back");
}

static int limit_and_wait(void) {
    become_nobody();
    if (prctl(PR_PARLEY_QUOTA, 1l << 24, 0, 0, 0) < 0) /* 64 GiB */
        return 1;
    *(volatile int *)stage = 1;
    for (;;)
        pause();
}

static int more_than_limit(void) {
    char *memory;

    become_nobody();
    if (prctl(PR_PARLEY_QUOTA, 500, 0, 0, 0) < 0)
        return 1;
    memory = mmap(NULL, 600 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return read(open("/dev/zero", O_RDONLY), memory, 600 * PAGE) == 600 * PAGE ? 0 : FULL;
}

static void test_limits(void) {
    pid_t pid;

    is_int(in_child(more_than_limit), FULL << 8, "a limit holds");
    *stage = 0;
    pid = start();
    if (pid == 0)
        _exit(limit_and_wait());
    while (!*(volatile int *)stage && waitpid(pid, NULL, WNOHANG) == 0)
        sleep_ms(10);
    is_int(*stage, 1, "a large limit can be set");
    is_int(in_child(use_everything), 0, "and takes nothing away from others");
    kill(pid, SIGKILL);
    reap(pid);
}

int main(void) {
    if (!on_parley()) {
        skip("who pays for what", "the machine is not ours alone");
        return done();
    }
    stage = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    in_child(use_everything); /* so that what is kept from now on is there already */
    test_keeping("memory", keep_memory, 0, 64);
    test_keeping("a file without a name", keep_file, 4000, 64);
    test_keeping("messages", keep_messages, 2000, 128);
    test_keeping("names", keep_names, 2000, 512);
    test_keeping("signals", keep_signals, 2000, 64);
    test_keeping("pipes", keep_pipes, 2000, 64);
    test_faults();
    test_holes();
    test_full_file();
    test_limits();
    return done();
}
