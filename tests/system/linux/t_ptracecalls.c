/* SPDX-License-Identifier: MIT */
/* System calls under ptrace(2): their stops before and after, what these tell, and what can be changed there. */
#include "tap.h"
#include "traced.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>

#define GOOD (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */
#define OP_NONE 0
#define OP_ENTRY 1
#define OP_EXIT 2
#define RESTART_SYSTEM 512 /* ERESTARTSYS, which tracers see */
#define RESTART_NO_HANDLER 514
#define RESTART_BLOCK 516

struct call_info { /* struct ptrace_syscall_info of newer headers */
    uint8_t op, pad[3];
    uint32_t arch;
    uint64_t pc, sp;
    union {
        struct {
            uint64_t number, arguments[6];
        } entry;
        struct {
            int64_t value;
            uint8_t is_error;
        } exit;
    };
};

static volatile uint64_t *shared;

static struct call_info call_info(pid_t pid, long *size) {
    struct call_info info;
    memset(&info, 0x77, sizeof info);
    *size = trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (uintptr_t)&info);
    return info;
}

/* On to the next stop before a call of that number. */
static struct call_info to_call(pid_t pid, long number) {
    struct call_info info = {0};
    long size;
    do {
        if (go_on(pid, PTRACE_SYSCALL, 0) < 0) {
            info.op = 99;
            return info;
        }
        info = call_info(pid, &size);
    } while (info.op != OP_ENTRY || info.entry.number != (uint64_t)number);
    return info;
}

static int calls(void) {
    shared[0] = (uint64_t)syscall(SYS_getpgid, 0);
    shared[1] = (uint64_t)syscall(SYS_close, 999);
    shared[2] = (uint64_t)syscall(SYS_lseek, 998, 5, 7);
    return 3;
}

static pid_t begin(int (*run)(void)) {
    pid_t pid = traced_child(run);
    if (next_stop(pid) != SIGSTOP ||
        trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
        bail("traced_child");
    return pid;
}

static void stops(void) {
    long size;
    pid_t pid = begin(calls);
    struct call_info info = call_info(pid, &size);
    is_int(info.op, OP_NONE, "before its first call it is in none");
    is_int(size, 24, "of which there is little to tell");
    info = to_call(pid, SYS_close);
    is_int(info.op, OP_ENTRY, "it stops before a call");
    is_int(call_info(pid, &size).entry.arguments[0], 999, "with the argument,");
    is_int(size, 80, "all six");
    ok(info.pc && info.sp && info.arch, "and where it is");
    siginfo_t stop;
    trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&stop);
    is_int(stop.si_code, GOOD, "its siginfo says why");
    is_int(event_message(pid), 1, "and its message");
    is_int(go_on(pid, PTRACE_SYSCALL, 0), GOOD, "and behind it");
    info = call_info(pid, &size);
    is_int(info.op, OP_EXIT, "of which it tells so");
    is_int(size, 33, "and the result");
    is_int(info.exit.value, -EBADF, "that there is no such descriptor");
    is_int(info.exit.is_error, 1, "which is an error");
    is_int(RESULT(registers(pid)), -EBADF, "as the register says");
    is_int(trace(PTRACE_GET_SYSCALL_INFO, pid, 1, (uintptr_t)&info), 33, "a part can be had");
    is_int(go_on(pid, PTRACE_SYSCALL, 0), GOOD, "the next call");
    info = call_info(pid, &size);
    is_int(info.entry.number, SYS_lseek, "is the next");
    ok(info.entry.arguments[1] == 5 && info.entry.arguments[2] == 7, "with its arguments");
    is_int(go_on(pid, PTRACE_CONT, 0), -1, "let go on it ends");
}

static void changes(void) {
    pid_t pid = begin(calls);
    to_call(pid, SYS_getpgid);
    struct user_regs_struct r = registers(pid);
    NUMBER(r) = SYS_getpid;
    is_int(set_registers(pid, &r), 0, "another number");
    go_on(pid, PTRACE_SYSCALL, 0);
    is_int(RESULT(registers(pid)), pid, "is another call");
    to_call(pid, SYS_close);
    r = registers(pid);
    NUMBER(r) = -1ull;
    set_registers(pid, &r);
    is_int(go_on(pid, PTRACE_SYSCALL, 0), GOOD, "no number is no call, which ends, too");
    r = registers(pid);
    RESULT(r) = 77;
    set_registers(pid, &r);
    to_call(pid, SYS_lseek);
    is_int(shared[1], 77, "with the result that it was given");
    r = registers(pid);
    ARGUMENT_3(r) = 0;
    set_registers(pid, &r);
    go_on(pid, PTRACE_SYSCALL, 0);
    is_int(RESULT(registers(pid)), -EBADF, "another argument");
    r = registers(pid);
    RESULT(r) = 5;
    set_registers(pid, &r);
    is_int(go_on(pid, PTRACE_CONT, 0), -1, "and at the end");
    is_int(shared[2], 5, "another result");
    is_int(shared[0], pid, "have been seen by the program");
}

static void handler(int signal) {
    shared[3] = (uint64_t)signal;
}

/* A wait that signals cut short: again, with a handler, and for the rest of its time. */
static int waits(void) {
    struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART};
    int fds[2];
    char byte;
    sigaction(SIGUSR1, &a, NULL);
    a.sa_flags = 0;
    sigaction(SIGUSR2, &a, NULL);
    if (pipe(fds) < 0)
        return 1;
    shared[5] = (uint64_t)fds[1];
    long got = read(fds[0], &byte, 1);
    struct timespec t = {0, 200000000}, left = {9, 9};
    int slept = nanosleep(&t, &left);
    return got == -1 && errno == EINTR && slept == 0 ? 4 : 5;
}

static void restarts(void) {
    pid_t pid = begin(waits);
    to_call(pid, SYS_read);
    trace(PTRACE_SYSCALL, pid, 0, 0);
    kill(pid, SIGUSR1);
    is_int(next_stop(pid), GOOD, "a read that a signal cuts short ends");
    is_int(RESULT(registers(pid)), -RESTART_SYSTEM, "to be made again");
    is_int(go_on(pid, PTRACE_SYSCALL, 0), SIGUSR1, "then the signal comes");
    struct call_info info;
    is_int(trace(PTRACE_SYSCALL, pid, 0, SIGUSR1), 0, "it is handled");
    is_int(next_stop(pid), GOOD, "the handler returns by a call");
    long size;
    info = call_info(pid, &size);
    is_int(info.entry.number, SYS_rt_sigreturn, "of its own");
    is_int(go_on(pid, PTRACE_SYSCALL, 0), GOOD, "which ends, too");
    info = call_info(pid, &size);
    is_int(info.op, OP_EXIT, "in the interrupted program");
    is_int(go_on(pid, PTRACE_SYSCALL, 0), GOOD, "and the call is made again");
    info = call_info(pid, &size);
    is_int(info.op, OP_ENTRY, "from its beginning");
    is_int(info.entry.number, SYS_read, "the same");
    is_int(shared[3], SIGUSR1, "behind the handler");
    trace(PTRACE_SYSCALL, pid, 0, 0);
    kill(pid, SIGUSR2);
    next_stop(pid);
    go_on(pid, PTRACE_SYSCALL, 0);
    trace(PTRACE_SYSCALL, pid, 0, SIGUSR2);
    next_stop(pid);
    info = call_info(pid, &size);
    is_int(info.entry.number, SYS_rt_sigreturn, "without SA_RESTART it is not");
    do
        go_on(pid, PTRACE_SYSCALL, 0);
    while ((info = call_info(pid, &size)).op != OP_ENTRY);
    trace(PTRACE_SYSCALL, pid, 0, 0);
    kill(pid, SIGWINCH);
    is_int(next_stop(pid), GOOD, "a sleep that an ignored signal cuts short");
    is_int(RESULT(registers(pid)), -RESTART_BLOCK, "ends");
    is_int(go_on(pid, PTRACE_SYSCALL, 0), SIGWINCH, "the signal comes");
    is_int(go_on(pid, PTRACE_SYSCALL, SIGWINCH), GOOD, "and the rest of the sleep");
    info = call_info(pid, &size);
    is_int(info.entry.number, SYS_restart_syscall, "by another call");
    trace(PTRACE_CONT, pid, 0, 0);
    is_int(reap_exit(pid), 4, "the program saw nothing else");
}

/* Many calls of threads, some traced, with floating point and all registers kept. */
static volatile int rounds_wrong;

static void *makes_calls(void *unused) {
    double sum = 0;
    (void)unused;
    for (int i = 0; i < 50; i++) {
        sum += 1.25;
        if (syscall(SYS_getppid) <= 0 || syscall(SYS_close, 900 + i) != -1)
            rounds_wrong = 1;
    }
    if (sum != 62.5)
        rounds_wrong = 1;
    return NULL;
}

static int has_threads(void) {
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        if (pthread_create(&t[i], NULL, makes_calls, NULL))
            return 1;
    makes_calls(NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    return rounds_wrong;
}

static void of_threads(void) {
    unsigned long stops = 0, threads = 0, ended = 0;
    int status, code = -1;
    pid_t pid = traced_child(has_threads), tid;
    next_stop(pid);
    trace(PTRACE_SETOPTIONS, pid, 0,
          PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
    trace(PTRACE_SYSCALL, pid, 0, 0);
    while ((tid = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFEXITED(status)) {
            ended++;
            code = tid == pid ? WEXITSTATUS(status) : code;
            continue;
        }
        stops += status >> 8 == GOOD;
        threads += status >> 8 == STOP_BY(PTRACE_EVENT_CLONE, SIGTRAP);
        trace(PTRACE_SYSCALL, tid, 0, 0);
    }
    is_int(code, 0, "threads whose calls are traced");
    is_int(threads, 3, "each of them");
    is_int(ended, 4, "which all ended");
    ok(stops >= 4 * 50 * 4, "stopped at all their calls (%lu)", stops);
}

int main(void) {
    shared = shared_page();
    stops();
    changes();
    restarts();
    of_threads();
    return done();
}
