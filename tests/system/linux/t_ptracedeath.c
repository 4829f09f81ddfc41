/* SPDX-License-Identifier: MIT */
/*
 * Ends under ptrace(2): SIGKILL in each kind of stop, core files, a tracer that executes another program, two that trace each other, and a
 * set-user-id program, which gains nothing by being traced.
 */
#include "tap.h"
#include "traced.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

static volatile uint64_t *shared;
static const char *own_path;

#define OPTIONS                                                                                    \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |      \
     PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT)

static void *nothing(void *unused) {
    return unused;
}

static int does_all(void) {
    pthread_t t;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    reap(pid);
    pid = vfork();
    if (pid == 0)
        _exit(0);
    reap(pid);
    if (pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL))
        return 1;
    execl(own_path, own_path, "exit", NULL);
    return 2;
}

/* Any of all: lets the others go on. */
static pid_t wait_others(int *status) {
    return waitpid(-1, status, __WALL);
}

/* Killed at its n-th stop, with whoever is its child; false: it has ended before. */
static bool kill_at(unsigned n) {
    int status;
    pid_t pid = traced_child(does_all), tid;
    next_stop(pid);
    trace(PTRACE_SETOPTIONS, pid, 0, OPTIONS | PTRACE_O_EXITKILL);
    trace(PTRACE_SYSCALL, pid, 0, 0);
    while ((tid = wait_others(&status)) > 0) {
        if (tid == pid && !WIFSTOPPED(status))
            break;
        if (!WIFSTOPPED(status))
            continue;
        if (tid == pid && n-- == 0)
            kill(pid, SIGKILL);
        else
            trace(PTRACE_SYSCALL, tid, 0, 0);
    }
    int others;
    while ((tid = wait_others(&others)) > 0) /* its child is traced still */
        if (WIFSTOPPED(others))
            trace(PTRACE_CONT, tid, 0, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void killed(void) {
    unsigned n = 0;
    while (n < 400 && kill_at(n))
        n += n < 40 ? 1 : 3;
    ok(n > 30 && n < 400, "killed at each of its stops (%u) it dies of that", n);
    is_errno(waitpid(-1, NULL, __WALL), ECHILD, "and nobody is left");
}

/* ---- Core files ---- */

static void *faults(void *unused) {
    (void)unused;
    while (!shared[0])
        usleep(1000);
    *(volatile int *)nowhere = 1;
    return NULL;
}

static int faults_in_thread(void) {
    pthread_t t;
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_CORE, &all) < 0 || pthread_create(&t, NULL, faults, NULL))
        return 1;
    pthread_join(t, NULL);
    return 2;
}

/* The first thread is in a stop of its own when the other's fault ends both. */
static void core(void) {
    int status;
    char where[] = "/tmp/coreXXXXXX";
    shared[0] = 0;
    if (!mkdtemp(where) || chdir(where) < 0)
        bail("mkdtemp");
    pid_t pid = traced_child(faults_in_thread), tid;
    next_stop(pid);
    trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
    if (go_on(pid, PTRACE_CONT, 0) != STOP_BY(PTRACE_EVENT_CLONE, SIGTRAP))
        bail("clone");
    tid = (pid_t)event_message(pid);
    next_stop(tid);
    shared[0] = 1;
    is_int(go_on(tid, PTRACE_CONT, 0), SIGSEGV, "a thread faults, while the other is stopped");
    siginfo_t info;
    trace(PTRACE_GETSIGINFO, tid, 0, (uintptr_t)&info);
    is_int((uintptr_t)info.si_addr, (uintptr_t)nowhere, "where it says");
    is_int(trace(PTRACE_CONT, tid, 0, SIGSEGV), 0, "it gets its signal");
    is_int(waitpid(tid, &status, __WALL), tid, "it ends");
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "of that");
    is_int(waitpid(pid, &status, __WALL), pid, "and the other with it");
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "of the same");
    if (WCOREDUMP(status)) {
        struct stat s;
        ok(stat("core", &s) < 0 || s.st_size > 4096, "with a core file");
    } else {
        skip("with a core file", "none is written here");
    }
    unlink("core");
    if (chdir("/") < 0 || rmdir(where) < 0)
        bail(where);
}

/* ---- Tracers ---- */

static int sleeps(void) {
    while (pause() < 0)
        ;
    return 1;
}

/* As another program it lets the tracee end. */
static int go_on_tracing(pid_t pid) {
    if (next_stop(pid) != STOP_BY(PTRACE_EVENT_STOP, SIGTRAP))
        return 1;
    if (status_number(pid, "TracerPid") != getpid() || PC(registers(pid)) == ~0ull)
        return 2;
    return kill(pid, SIGTERM) == 0 && trace(PTRACE_DETACH, pid, 0, 0) == 0 ? 34 : 3;
}

static void *executes(void *number) {
    execl(own_path, own_path, "trace", (char *)number, NULL);
    return NULL;
}

static void tracer_executes(void) {
    for (int beside = 0; beside < 2; beside++) {
        pid_t pid = start();
        if (pid == 0)
            _exit(sleeps());
        pid_t tracer = start();
        if (tracer == 0) {
            char number[16];
            pthread_t t;
            sprintf(number, "%d", (int)pid);
            if (trace(PTRACE_SEIZE, pid, 0, 0) < 0 || trace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
                _exit(9);
            if (beside && pthread_create(&t, NULL, executes, number) == 0)
                sleeps();
            executes(number);
            _exit(8);
        }
        /* What another thread traces ends with that when it executes. */
        is_int(reap_exit(tracer), beside ? 1 : 34, "a tracer that executes a program%s",
               beside ? " in another thread is none any more" : " goes on as one");
        if (beside)
            kill(pid, SIGTERM);
        int status = reap(pid);
        ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "and its tracee ends as it is told");
    }
}

/* Each is stopped by the other. */
static void each_other(void) {
    pid_t pids[2];
    shared[1] = shared[2] = 0;
    for (int i = 0; i < 2; i++) {
        pids[i] = start();
        if (pids[i] == 0) {
            shared[1 + i] = (uint64_t)getpid();
            while (!shared[2 - i])
                usleep(1000);
            trace(PTRACE_SEIZE, (pid_t)shared[2 - i], 0, 0);
            for (int n = 0; n < 1000; n++)
                trace(PTRACE_INTERRUPT, (pid_t)shared[2 - i], 0, 0);
            sleeps();
        }
    }
    usleep(50000);
    for (int i = 0; i < 2; i++)
        kill(pids[i], SIGKILL); /* of the one the other would have to hear first */
    for (int i = 0; i < 2; i++) {
        int status = reap(pids[i]);
        ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "one of two that trace each other");
    }
}

static void zombie(void) {
    pid_t pid = start();
    if (pid == 0)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    is_errno(trace(PTRACE_ATTACH, pid, 0, 0), EPERM, "one that has ended is not traced any more");
    reap(pid);
}

/* ---- A set-user-id program ---- */

static char program[] = "/tmp/setidXXXXXX";

static int runs_program(void) {
    execl(program, program, "ids", NULL);
    return 99;
}

/* Its effective user, as another user runs it, traced or not. */
static int user_seen(bool traced) {
    pid_t tracer = start();
    if (tracer != 0)
        return reap_exit(tracer);
    if (setgid(1000) < 0 || setuid(1000) < 0)
        _exit(98);
    pid_t pid = traced ? traced_child(runs_program) : start();
    if (pid == 0)
        _exit(runs_program());
    if (traced && (next_stop(pid) != SIGSTOP || go_on(pid, PTRACE_CONT, 0) != SIGTRAP ||
                   trace(PTRACE_CONT, pid, 0, 0) < 0))
        _exit(97);
    _exit(reap_exit(pid));
}

/* A program that may be run, but not read: nor in memory, however it is come at. 0 is right. */
static int unreadable(void) {
    pid_t user = start();
    if (user != 0)
        return reap_exit(user);
    uint64_t word;
    struct iovec own = {&word, 8}, other = {(void *)(uintptr_t)&program, 8};
    if (setgid(1000) < 0 || setuid(1000) < 0)
        _exit(98);
    pid_t pid = traced_child(runs_program);
    if (next_stop(pid) != SIGSTOP || go_on(pid, PTRACE_CONT, 0) != SIGTRAP)
        _exit(97);
    bool peeked = trace(PTRACE_PEEKDATA, pid, (uintptr_t)&program, (uintptr_t)&word) == 0;
    bool read_by = process_vm_readv(pid, &own, 1, &other, 1, 0) > 0;
    trace(PTRACE_DETACH, pid, 0, 0);
    bool again = trace(PTRACE_SEIZE, pid, 0, 0) == 0;
    reap(pid);
    _exit(peeked | read_by << 1 | again << 2);
}

static void set_user_id(void) {
    char block[65536];
    int from = open(own_path, O_RDONLY), to = mkstemp(program);
    long n;
    if (from < 0 || to < 0)
        bail(program);
    while ((n = read(from, block, sizeof block)) > 0)
        if (write(to, block, (size_t)n) != n)
            bail("write");
    fchmod(to, 04755);
    close(from);
    close(to);
    is_int(user_seen(false), 10, "a set-user-id program is its owner's");
    is_int(user_seen(true), 20, "but not if it is traced by who is not");
    chmod(program, 0111);
    is_int(unreadable(), 0, "a program that may not be read is not read by tracing it");
    chmod(program, 0555);
    is_int(unreadable(), 7, "one that may be is");
    unlink(program);
}

int main(int argc, char **argv) {
    if (argc > 2 && !strcmp(argv[1], "trace"))
        return go_on_tracing(atoi(argv[2]));
    if (argc > 1 && !strcmp(argv[1], "ids"))
        return geteuid() == 0 ? 10 : 20;
    if (argc > 1)
        return 33;
    own_path = path_of(argv[0]);
    shared = shared_page();
    killed();
    core();
    tracer_executes();
    each_other();
    zombie();
    if (geteuid() == 0)
        set_user_id();
    return done();
}
