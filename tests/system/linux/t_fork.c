/* SPDX-License-Identifier: MIT */
/*
 * fork(2), wait(2), waitid(2): copies of memory, statuses, orphans. Runs on Linux and under
 * qemu-user; with qemu-user the orphan's parent is right only where init is process 1.
 */
#include "tap.h"
#include <sys/syscall.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define PAGES 1000
#define PAGE 4096

/* ---- Memory ------------------------------------------------------------------------------- */

static char *memory;

static bool all_pages_are(char value) {
    for (size_t i = 0; i < PAGES; i++) {
        if (memory[i * PAGE] != value || memory[i * PAGE + PAGE - 1] != value)
            return false;
    }
    return true;
}

static void fill_pages(char value) {
    memset(memory, value, (size_t)PAGES * PAGE);
}

static void test_memory(void) {
    int to_child[2], to_parent[2];
    char byte = 0;
    pid_t pid;

    memory = malloc((size_t)PAGES * PAGE);
    fill_pages('o');
    if (pipe(to_child) < 0 || pipe(to_parent) < 0)
        bail("pipe");
    pid = start();
    if (pid == 0) {
        if (!all_pages_are('o'))
            _exit(1);
        if (write(to_parent[1], "a", 1) != 1 || read(to_child[0], &byte, 1) != 1)
            _exit(2);
        if (!all_pages_are('o')) /* the parent has written meanwhile */
            _exit(3);
        fill_pages('c');
        if (write(to_parent[1], "b", 1) != 1 || read(to_child[0], &byte, 1) != 1)
            _exit(4);
        _exit(all_pages_are('c') ? 0 : 5);
    }
    ok(read(to_parent[0], &byte, 1) == 1, "the child sees the parent's %d pages", PAGES);
    fill_pages('p');
    ok(write(to_child[1], "x", 1) == 1 && read(to_parent[0], &byte, 1) == 1,
       "the child does not see what the parent writes");
    ok(all_pages_are('p'), "the parent does not see what the child writes");
    fill_pages('q');
    ok(write(to_child[1], "x", 1) == 1, "the parent writes again");
    is_int(reap(pid), 0, "the child's memory is its own to the end");
    ok(all_pages_are('q'), "and so is the parent's");
    for (int i = 0; i < 2; i++) {
        close(to_child[i]);
        close(to_parent[i]);
    }
    free(memory);
}

static int stack_depth(int depth) {
    volatile char frame[512];

    frame[0] = (char)depth;
    return depth == 0 ? 0 : stack_depth(depth - 1) + (frame[0] == (char)depth);
}

static int child_of_child(void) {
    pid_t pid = fork();

    if (pid < 0)
        return 1;
    if (pid == 0)
        _exit(stack_depth(200) == 200 ? 9 : 8);
    return reap_exit(pid) == 9 && stack_depth(100) == 100 ? 0 : 2;
}

/* ---- Statuses ----------------------------------------------------------------------------- */

static int exit_0(void) {
    return 0;
}

static int exit_42(void) {
    return 42;
}

static int exit_255(void) {
    return 255;
}

static int exit_300(void) {
    _exit(300);
}

static int die_term(void) {
    raise(SIGTERM);
    return 1;
}

static int die_kill(void) {
    raise(SIGKILL);
    return 1;
}

static int die_abort(void) {
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    abort();
}

static void test_statuses(void) {
    int status;

    is_int(in_child(exit_0), 0, "exit 0");
    is_int(in_child(exit_42), 42 << 8, "exit 42");
    is_int(in_child(exit_255), 255 << 8, "exit 255");
    is_int(in_child(exit_300), (300 & 255) << 8, "exit 300 is taken modulo 256");
    is_int(in_child(die_term), SIGTERM, "killed by SIGTERM");
    is_int(in_child(die_kill), SIGKILL, "killed by SIGKILL");
    status = in_child(die_abort);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "killed by abort()");
    is_int(in_child(child_of_child), 0, "a child of a child");
    is_errno(waitpid(-1, &status, 0), ECHILD, "no children: ECHILD");
    is_errno(waitpid(getppid(), &status, 0), ECHILD, "not a child: ECHILD");
    is_errno(waitpid(-1, &status, 0x7000), EINVAL, "unknown options: EINVAL");
}

static void test_stopped(void) {
    int status = 0, ends[2];
    pid_t pid;
    char byte;

    if (pipe(ends) < 0)
        bail("pipe");
    pid = start();
    if (pid == 0) { /* it exits when the parent has seen it go on: an exit hides that */
        close(ends[1]);
        raise(SIGSTOP);
        _exit(read(ends[0], &byte, 1) == 0 ? 6 : 7);
    }
    close(ends[0]);
    is_int(waitpid(pid, &status, WUNTRACED), pid, "WUNTRACED reports a stopped child");
    ok(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "stopped by SIGSTOP");
    is_int(waitpid(pid, &status, WUNTRACED | WNOHANG), 0, "a stop is reported once");
    kill(pid, SIGCONT);
    is_int(waitpid(pid, &status, WCONTINUED), pid, "WCONTINUED reports that it goes on");
    ok(WIFCONTINUED(status), "WIFCONTINUED");
    close(ends[1]);
    is_int(reap(pid), 6 << 8, "and then it exits");
}

static void test_nohang(void) {
    int status, ends[2];
    pid_t pid;
    char byte;

    if (pipe(ends) < 0)
        bail("pipe");
    pid = start();
    if (pid == 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 3 : 4);
    }
    is_int(waitpid(pid, &status, WNOHANG), 0, "WNOHANG with a running child");
    is_int(waitpid(-1, &status, WNOHANG), 0, "WNOHANG with any child");
    close(ends[0]);
    close(ends[1]);
    is_int(reap(pid), 3 << 8, "then it exits");
    is_errno(waitpid(pid, &status, WNOHANG), ECHILD, "a reaped child is gone");
}

static void test_waitid(void) {
    siginfo_t info = {0};
    pid_t pid = start();

    if (pid == 0)
        _exit(17);
    is_int(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0, "waitid with WNOWAIT");
    is_int(info.si_pid, pid, "si_pid");
    is_int(info.si_signo, SIGCHLD, "si_signo");
    is_int(info.si_code, CLD_EXITED, "si_code");
    is_int(info.si_status, 17, "si_status");
    is_int(kill(pid, 0), 0, "a zombie still has its id");
    memset(&info, 0, sizeof(info));
    is_int(waitid(P_ALL, 0, &info, WEXITED), 0, "waitid takes it");
    is_int(info.si_pid, pid, "si_pid again");
    is_errno(kill(pid, 0), ESRCH, "a reaped child has no id");
    is_errno(waitid(P_PID, (id_t)pid, &info, WEXITED), ECHILD, "waitid: ECHILD");
    is_errno(waitid(P_ALL, 0, &info, 0), EINVAL, "waitid without a kind of event: EINVAL");
    pid = start();
    if (pid == 0) {
        for (;;)
            pause();
    }
    memset(&info, 0xff, sizeof(info));
    is_int(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG), 0, "waitid with WNOHANG");
    is_int(info.si_pid, 0, "and nothing to report: si_pid is 0");
    kill(pid, SIGKILL);
    is_int(waitid(P_PID, (id_t)pid, &info, WEXITED), 0, "waitid for a killed child");
    ok(info.si_code == CLD_KILLED && info.si_status == SIGKILL, "CLD_KILLED by SIGKILL");
}

/* ---- What is shared and what is not ------------------------------------------------------- */

static void test_groups(void) {
    int status;
    pid_t own = start(), other;

    if (own == 0)
        _exit(1);
    other = start();
    if (other == 0) {
        setpgid(0, 0);
        _exit(2);
    }
    setpgid(other, other);
    is_int(waitpid(-other, &status, 0), other, "wait for a group");
    is_int(status, 2 << 8, "its status");
    is_int(waitpid(0, &status, 0), own, "wait for the own group");
    is_errno(waitpid(0, &status, 0), ECHILD, "no more in it");
}

static void test_descriptors(void) {
    char path[] = "/tmp/t_fork.XXXXXX";
    int fd = mkstemp(path);
    pid_t pid;

    if (fd < 0)
        bail(path);
    ok(write(fd, "0123456789", 10) == 10, "a file to share");
    lseek(fd, 0, SEEK_SET);
    pid = start();
    if (pid == 0) {
        lseek(fd, 7, SEEK_SET);
        close(fd);
        _exit(0);
    }
    reap(pid);
    is_int(lseek(fd, 0, SEEK_CUR), 7, "parent and child share the file's offset");
    close(fd);
    unlink(path);
}

static void test_many(void) {
    enum { MANY = 60 };
    pid_t pids[MANY];
    int sum = 0, status, reaped = 0;

    for (int i = 0; i < MANY; i++) {
        pids[i] = start();
        if (pids[i] == 0)
            _exit(i);
    }
    while (waitpid(-1, &status, 0) > 0) {
        reaped++;
        sum += WEXITSTATUS(status);
    }
    is_int(reaped, MANY, "%d children at once are all reaped", MANY);
    is_int(sum, MANY * (MANY - 1) / 2, "each with its own status");
}

static void test_orphan(void) {
    int ends[2], fd;
    pid_t parent = -1, pid;

    if (pipe(ends) < 0)
        bail("pipe");
    fd = ends[1];
    pid = start();
    if (pid == 0) {
        pid_t middle = getpid();

        if (fork() == 0) {
            for (int i = 0; i < 200 && getppid() == middle; i++)
                sleep_ms(10);
            parent = getppid();
            _exit(write(fd, &parent, sizeof(parent)) != sizeof(parent));
        }
        _exit(0);
    }
    reap(pid);
    close(ends[1]);
    is_int(read(ends[0], &parent, sizeof(parent)), sizeof(parent), "an orphan reports");
    is_int(parent, 1, "and its parent is process 1");
    close(ends[0]);
}

static void test_vfork(void) {
    volatile int shared = 1;
    pid_t pid = vfork();

    if (pid == 0) {
        shared = 2;
        _exit(11);
    }
    is_int(reap(pid), 11 << 8, "vfork: the parent goes on when the child has left");
    is_int(shared, 2, "vfork: memory is shared");
}

/* Uses more of the stack than a parent has there, whatever stood in it. */
static int __attribute__((noinline)) deep(int depth) {
    volatile char used[512];

    memset((char *)used, depth, sizeof used);
    return depth ? deep(depth - 1) + used[7] - depth : getppid() != getpid();
}

/* What the child does in the parent's memory while that waits: calls, signals, forks, and another vfork. */
static void test_vfork_busy(void) {
    volatile int done = 0, inner = 0, error = 0;
    pid_t self = getpid();

    for (volatile int round = 0; round < 3; round++) {
        pid_t pid = vfork();
        if (pid == 0) {
            sigset_t all;
            sigfillset(&all);
            sigprocmask(SIG_SETMASK, &all, NULL);
            done += deep(20);
            pid_t grandchild = fork();
            if (grandchild == 0)
                _exit(deep(20) + 8);
            inner = reap_exit(grandchild);
            grandchild = vfork();
            if (grandchild == 0)
                _exit(12);
            inner += reap_exit(grandchild);
            execl("/no/such/program", "x", (char *)NULL);
            error = errno;
            _exit(13);
        }
        is_int(reap_exit(pid), 13, "vfork: the child does as it likes");
        is_int(inner, 21, "vfork: forks in it, of both kinds");
        is_int(error, ENOENT, "vfork: the child's errno is the parent's");
    }
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    ok(!sigismember(&mask, SIGUSR1), "vfork: the mask is not shared");
    is_int(done, 3, "vfork: all children ran");
    is_int(getpid(), self, "vfork: the parent knows who it is");
    pid_t pid = vfork();
    if (pid == 0)
        raise(SIGKILL);
    is_int(reap(pid), SIGKILL, "vfork: the child is killed");
    pid = fork();
    if (pid == 0) { /* a child can do it, too */
        pid = vfork();
        if (pid == 0) {
            done = 77;
            _exit(0);
        }
        _exit(reap_exit(pid) == 0 && done == 77 ? 0 : 1);
    }
    is_int(reap_exit(pid), 0, "vfork: in a child");
}

/* ---- Children whose end another signal than SIGCHLD tells, or none (clone(2)) ---- */

#define CLONES ((int)__WCLONE)

static pid_t cloned(int signal, int status) {
    pid_t pid = (pid_t)syscall(SYS_clone, signal, 0, NULL, 0, 0);

    if (pid == 0)
        _exit(status);
    return pid;
}

static void wait_flags(void) {
    int status;
    siginfo_t info;
    pid_t usual, other = cloned(0, 5);

    is_errno(waitpid(-1, NULL, 0), ECHILD, "a clone is no usual child");
    is_errno(waitpid(other, NULL, 0), ECHILD, "not by its number either");
    is_errno(waitpid(0, NULL, WNOHANG), ECHILD, "nor by its group");
    usual = start();
    if (usual == 0)
        _exit(6);
    ok(waitpid(-1, &status, CLONES) == other && WEXITSTATUS(status) == 5, "__WCLONE");
    is_errno(waitpid(-1, NULL, CLONES), ECHILD, "there is only one");
    is_errno(waitpid(usual, NULL, CLONES), ECHILD, "the other is none");
    ok(waitpid(-1, &status, 0) == usual && WEXITSTATUS(status) == 6, "that is waited for as usual");
    other = cloned(0, 7);
    ok(waitpid(-1, &status, __WALL) == other && WEXITSTATUS(status) == 7, "__WALL: any");
    usual = start();
    if (usual == 0)
        _exit(8);
    ok(waitpid(0, &status, __WALL) == usual && WEXITSTATUS(status) == 8, "of both sorts");
    other = cloned(0, 9);
    ok(waitid(P_PID, (id_t)other, &info, WEXITED | CLONES) == 0 && info.si_status == 9, "waitid");
    other = cloned(0, 10);
    usual = start();
    if (usual == 0)
        _exit(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD ? 0 : 1);
    is_int(reap_exit(usual), 0, "nobody else's");
    ok(waitpid(-1, &status, __WALL) == other, "it is still there");
    is_errno(waitpid(-1, NULL, __WALL), ECHILD, "and no other");
}

int main(void) {
    wait_flags();
    test_memory();
    test_statuses();
    test_stopped();
    test_nohang();
    test_waitid();
    test_groups();
    test_descriptors();
    test_many();
    test_orphan();
    test_vfork();
    test_vfork_busy();
    return done();
}
