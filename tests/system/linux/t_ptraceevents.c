/* SPDX-License-Identifier: MIT */
/* Events under ptrace(2): fork, vfork, clone, exec and exit, and that children are traced from their beginning. */
#include "tap.h"
#include "traced.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#define EVENT(name) STOP_BY(PTRACE_EVENT_##name, SIGTRAP)

static volatile uint64_t *shared;
static const char *own_path;

static pid_t begin(int (*run)(void), long options) {
    pid_t pid = traced_child(run);
    if (next_stop(pid) != SIGSTOP ||
        trace(PTRACE_SETOPTIONS, pid, 0, (uint64_t)(options | PTRACE_O_EXITKILL)) < 0)
        bail("traced_child");
    return pid;
}

static int forks(void) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(11);
    return reap_exit(pid);
}

static void fork_event(void) {
    pid_t pid = begin(forks, PTRACE_O_TRACEFORK);
    is_int(go_on(pid, PTRACE_CONT, 0), EVENT(FORK), "a fork is an event");
    siginfo_t info;
    is_int(trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info), 0, "with a siginfo");
    is_int(info.si_code, EVENT(FORK), "that says so");
    pid_t child = (pid_t)event_message(pid);
    ok(child > 0 && child != pid, "it names the child");
    is_int(next_stop(child), SIGSTOP, "which is traced, and stops");
    is_int(status_number(child, "TracerPid"), getpid(), "by the same tracer,");
    is_int(status_number(child, "PPid"), pid, "though it has another parent");
    is_int(RESULT(registers(child)), 0, "its fork returns 0");
    is_int(trace(PTRACE_CONT, child, 0, 0), 0, "it goes on");
    is_int(next_stop(child), -1, "and ends");
    is_int(go_on(pid, PTRACE_CONT, 0), SIGCHLD, "of which its parent hears");
    is_int(trace(PTRACE_CONT, pid, 0, SIGCHLD), 0, "and goes on");
    is_int(reap_exit(pid), 11, "the parent has its code");
}

static int spawns(void) {
    pid_t pid = vfork();
    if (pid == 0)
        _exit(12);
    return reap_exit(pid);
}

static void vfork_event(void) {
    pid_t pid = begin(spawns, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
    is_int(go_on(pid, PTRACE_CONT, 0), EVENT(VFORK), "a vfork is an event");
    pid_t child = (pid_t)event_message(pid);
    is_int(next_stop(child), SIGSTOP, "its child stops");
    trace(PTRACE_CONT, pid, 0, 0);
    is_int(waitpid(pid, NULL, WNOHANG | __WALL), 0, "the parent waits for the child");
    trace(PTRACE_CONT, child, 0, 0);
    is_int(next_stop(child), -1, "which ends");
    is_int(next_stop(pid), EVENT(VFORK_DONE), "then the parent is told of");
    is_int(event_message(pid), child, "with the child's number");
    trace(PTRACE_CONT, pid, 0, 0);
    is_int(next_stop(pid), SIGCHLD, "it hears of its child");
    trace(PTRACE_CONT, pid, 0, 0);
    is_int(reap_exit(pid), 12, "and has its code");

    pid = begin(spawns, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
    go_on(pid, PTRACE_CONT, 0);
    child = (pid_t)event_message(pid);
    next_stop(child);
    is_int(trace(PTRACE_DETACH, child, 0, 0), 0, "a child that is let go");
    for (int i = 0; i < 200 && status_number(child, "TracerPid") == getpid(); i++)
        usleep(1000);
    usleep(20000); /* it ends, while its parent is still stopped */
    is_int(go_on(pid, PTRACE_CONT, 0), EVENT(VFORK_DONE), "and ends before the parent goes on");
    trace(PTRACE_DETACH, pid, 0, 0);
    is_int(reap_exit(pid), 12, "is waited for all the same");
}

static void *thread(void *unused) {
    (void)unused;
    shared[0] = (uint64_t)syscall(SYS_gettid);
    return NULL;
}

static int makes_thread(void) {
    pthread_t t;
    shared[0] = 0;
    return pthread_create(&t, NULL, thread, NULL) || pthread_join(t, NULL);
}

static void clone_event(void) {
    pid_t pid = begin(makes_thread, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT);
    is_int(go_on(pid, PTRACE_CONT, 0), EVENT(CLONE), "a thread is an event");
    pid_t tid = (pid_t)event_message(pid);
    is_int(next_stop(tid), SIGSTOP, "and traced");
    is_int(status_number(tid, "Tgid"), pid, "in its process");
    trace(PTRACE_CONT, pid, 0, 0);
    usleep(10000);
    is_int(shared[0], 0, "it waits while others run");
    is_int(go_on(tid, PTRACE_CONT, 0), EVENT(EXIT), "it stops before its end");
    is_int(shared[0], tid, "when it has run");
    is_int(event_message(tid), 0, "and tells its status");
    is_int(go_on(tid, PTRACE_CONT, 0), -1, "then it ends");
    is_int(next_stop(pid), EVENT(EXIT), "and the process");
    is_int(trace(PTRACE_CONT, pid, 0, 0), 0, "ends");
    is_int(reap_exit(pid), 0, "as well");
}

/* By another thread, with a third one beside it. */
static int executes(void) {
    execl(own_path, own_path, "exit", NULL);
    return 1;
}

static void *executes_beside(void *unused) {
    (void)unused;
    _exit(executes());
}

static int executes_in_thread(void) {
    pthread_t t[2];
    if (pthread_create(&t[0], NULL, thread, NULL) ||
        pthread_create(&t[1], NULL, executes_beside, NULL))
        return 1;
    for (;;)
        pause();
}

static void exec_event(void) {
    pid_t pid = begin(executes, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
    is_int(go_on(pid, PTRACE_CONT, 0), EVENT(EXEC), "a program is an event");
    is_int(event_message(pid), pid, "of the same thread");
    is_int(go_on(pid, PTRACE_SYSCALL, 0), SIGTRAP | 0x80, "the call ends");
    is_int(RESULT(registers(pid)), 0, "well");
    trace(PTRACE_CONT, pid, 0, 0);
    is_int(reap_exit(pid), 33, "and the program runs");

    pid = begin(executes, 0);
    is_int(go_on(pid, PTRACE_CONT, 0), SIGTRAP, "without the option it is a SIGTRAP");
    trace(PTRACE_CONT, pid, 0, 0);
    is_int(reap_exit(pid), 33, "and the program runs");

    pid = begin(executes_in_thread, PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE);
    int status, stop = 0;
    pid_t tid = pid, former = 0;
    trace(PTRACE_CONT, pid, 0, 0);
    while (stop != EVENT(EXEC) && (tid = waitpid(-1, &status, __WALL)) > 0) {
        stop = WIFSTOPPED(status) ? status >> 8 : -1;
        if (stop == EVENT(EXEC))
            former = (pid_t)event_message(tid);
        else if (stop > 0)
            trace(PTRACE_CONT, tid, 0, 0);
    }
    is_int(tid, pid, "a thread that executes gets its process's number");
    ok(former > 0 && former != pid, "and tells what it had before");
    trace(PTRACE_CONT, pid, 0, 0);
    while ((tid = waitpid(-1, &status, __WALL)) > 0 && tid != pid)
        ;
    is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 33, "the program runs");
}

static int dies(void) {
    raise(SIGTERM);
    return 1;
}

static void exit_event(void) {
    pid_t pid = begin(dies, PTRACE_O_TRACEEXIT);
    is_int(go_on(pid, PTRACE_CONT, 0), SIGTERM, "a signal that is fatal");
    is_int(go_on(pid, PTRACE_CONT, SIGTERM), EVENT(EXIT), "is an end");
    is_int(event_message(pid), SIGTERM, "by that");
    trace(PTRACE_CONT, pid, 0, 0);
    int status = reap(pid);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "as is reported then");
}

/* A seized tracer's children begin with PTRACE_EVENT_STOP; a tracer that is not the parent; all are let go by its end. */
static int forks_on(void) {
    for (int i = 0; i < 5; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(i);
        if (reap_exit(pid) != i)
            return 1;
    }
    return 0;
}

static void seized(void) {
    int fds[2];
    char byte = 0;
    if (pipe(fds) < 0)
        bail("pipe");
    pid_t pid = start();
    if (pid == 0)
        _exit(read(fds[0], &byte, 1) == 1 ? forks_on() : 9);
    is_int(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEFORK), 0, "one that will fork is seized");
    if (write(fds[1], "x", 1) != 1)
        bail("write");
    is_int(next_stop(pid), EVENT(FORK), "it does");
    pid_t child = (pid_t)event_message(pid);
    is_int(next_stop(child), EVENT(STOP), "its child is seized, too");
    trace(PTRACE_CONT, child, 0, 0);
    trace(PTRACE_CONT, pid, 0, 0);
    int status, code = -1;
    unsigned events = 1;
    while ((child = waitpid(-1, &status, __WALL)) > 0) {
        if (!WIFSTOPPED(status)) {
            code = child == pid && WIFEXITED(status) ? WEXITSTATUS(status) : code;
            continue;
        }
        events += status >> 8 == EVENT(FORK);
        trace(PTRACE_CONT, child, 0, status >> 16 ? 0 : WSTOPSIG(status));
    }
    is_int(code, 0, "all its children's codes came to it");
    is_int(events, 5, "and all were told of");
    close(fds[0]);
    close(fds[1]);
}

int main(int argc, char **argv) {
    if (argc > 1)
        return 33;
    own_path = path_of(argv[0]);
    shared = shared_page();
    fork_event();
    vfork_event();
    clone_event();
    exec_event();
    exit_event();
    seized();
    return done();
}
