/* SPDX-License-Identifier: MIT */
/*
 * ptrace(2): who may trace whom, stops by signals, registers and memory, letting go. System calls are in t_ptracecalls.c, events in
 * t_ptraceevents.c.
 */
#include "tap.h"
#include "traced.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>

static volatile uint64_t *shared; /* by all */
static volatile uint64_t cell = 4711;

static int exits_with_seven(void) {
    return 7;
}

static int sleeps(void) {
    while (pause() < 0)
        ;
    return 1;
}

static void handler(int signal) {
    shared[0]++;
    shared[1] = (uint64_t)signal;
}

static int raises(void) {
    signal(SIGUSR1, handler);
    shared[0] = 0;
    raise(SIGUSR1);
    return (int)shared[0];
}

static void trace_me(void) {
    pid_t pid = traced_child(exits_with_seven);
    is_int(next_stop(pid), SIGSTOP, "a child that asked to be traced stops by its signal");
    is_int(status_number(pid, "TracerPid"), getpid(), "and its status names the tracer");
    unsigned long long ns;
    is_int(process_state(pid, &ns), 't', "and its state");
    is_int(waitpid(pid, NULL, WNOHANG | __WALL), 0, "a stop is reported once");
    is_errno(trace(PTRACE_ATTACH, pid, 0, 0), EPERM, "it has a tracer already");
    is_errno(trace(PTRACE_CONT, pid, 0, 65), EIO, "no such signal");
    is_errno(trace(PTRACE_SINGLESTEP + 1000, pid, 0, 0), EIO, "no such request");
    is_int(go_on(pid, PTRACE_CONT, 0), -1, "let go on it ends");
    is_errno(trace(PTRACE_CONT, pid, 0, 0), ESRCH, "then there is none");

    pid = traced_child(exits_with_seven);
    next_stop(pid);
    is_int(trace(PTRACE_CONT, pid, 0, 0), 0, "one more goes on");
    is_int(reap_exit(pid), 7, "and its code is reported");
}

/* What debuggers ask for before they start a program. */
static void persona(void) {
    int status;
    pid_t pid = start();
    if (pid == 0)
        _exit(personality(ADDR_NO_RANDOMIZE) == 0 && personality(0xffffffff) == ADDR_NO_RANDOMIZE &&
                      fork() >= 0 && personality(0xffffffff) == ADDR_NO_RANDOMIZE
                  ? 0
                  : 1);
    status = reap(pid);
    is_int(status, 0, "a process can ask for addresses that are not random, and pass that on");
}

static void errors(void) {
    is_errno(trace(PTRACE_ATTACH, getpid(), 0, 0), EPERM, "nobody traces himself,");
    is_errno(trace(PTRACE_ATTACH, 4000000, 0, 0), ESRCH, "nor a process that is not there");
    is_errno(trace(PTRACE_SEIZE, getpid(), 1, 0), EIO, "an address for PTRACE_SEIZE");
    pid_t pid = start();
    if (pid == 0)
        _exit(sleeps());
    is_errno(trace(PTRACE_CONT, pid, 0, 0), ESRCH, "a child that is not traced");
    is_errno(trace(PTRACE_PEEKDATA, pid, 0, 0), ESRCH, "nor looked at");
    is_errno(trace(PTRACE_INTERRUPT, pid, 0, 0), ESRCH, "nor interrupted");
    is_errno(trace(PTRACE_SEIZE, pid, 0, 1u << 30), EIO, "no such option");
    is_int(trace(PTRACE_SEIZE, pid, 0, 0), 0, "seized");
    is_errno(trace(PTRACE_CONT, pid, 0, 0), ESRCH, "it runs: there is nothing to be continued");
    is_int(trace(PTRACE_INTERRUPT, pid, 0, 0), 0, "interrupted");
    is_int(next_stop(pid), STOP_BY(PTRACE_EVENT_STOP, SIGTRAP), "it stops for that");
    is_errno(trace(PTRACE_SETOPTIONS, pid, 0, 1u << 30), EINVAL, "no such option to be set");
    is_errno(trace(PTRACE_PEEKDATA, pid, 8, (uintptr_t)&cell), EIO, "no memory there");
    is_errno(trace(PTRACE_POKEDATA, pid, 8, 0), EIO, "nor to be written");
    is_errno(trace(PTRACE_PEEKDATA, pid, (uintptr_t)&cell, 8), EFAULT, "nor in the tracer");
    struct iovec v = {NULL, 7};
    is_errno(trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)&v), EINVAL, "half a register");
    v.iov_len = 8;
    is_errno(trace(PTRACE_GETREGSET, pid, 0x7777, (uintptr_t)&v), EINVAL, "no such registers");
    is_errno(trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)&v), EFAULT, "a bad address");
    is_errno(trace(PTRACE_GETSIGMASK, pid, 4, (uintptr_t)&v), EINVAL, "half a mask");
#ifdef __riscv
    is_errno(trace(PTRACE_SINGLESTEP, pid, 0, 0), EIO, "riscv64 has no single steps");
    is_errno(trace(12, pid, 0, 0), EIO, "nor PTRACE_GETREGS");
#endif
    is_int(trace(PTRACE_DETACH, pid, 0, 0), 0, "detached");
    is_errno(trace(PTRACE_DETACH, pid, 0, 0), ESRCH, "once");
    is_int(status_number(pid, "TracerPid"), 0, "nobody traces it then");
    end(pid);
}

static void signals(void) {
    siginfo_t info;
    pid_t pid = traced_child(raises);
    next_stop(pid);
    is_int(go_on(pid, PTRACE_CONT, 0), SIGUSR1, "a signal comes to the tracer first");
    is_int(trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info), 0, "which sees");
    ok(info.si_signo == SIGUSR1 && info.si_code == SI_TKILL && info.si_pid == pid, "whose it is");
    is_int(go_on(pid, PTRACE_CONT, SIGUSR1), -1, "delivered");
    is_int(shared[0], 1, "it runs the handler");

    pid = traced_child(raises);
    next_stop(pid);
    go_on(pid, PTRACE_CONT, 0);
    go_on(pid, PTRACE_CONT, 0);
    is_int(shared[0], 0, "held back it does not");

    pid = traced_child(sleeps);
    next_stop(pid);
    is_int(trace(PTRACE_CONT, pid, 0, 0), 0, "one that sleeps");
    kill(pid, SIGWINCH);
    is_int(next_stop(pid), SIGWINCH, "stops for a signal that it ignores,");
    is_int(trace(PTRACE_CONT, pid, 0, SIGWINCH), 0, "goes on");
    kill(pid, SIGTERM);
    is_int(next_stop(pid), SIGTERM, "stops for one that would end it,");
    is_int(trace(PTRACE_CONT, pid, 0, SIGINT), 0, "gets another");
    int status = reap(pid);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT, "and dies of that");
}

static int waits_for_value(void) {
    signal(SIGUSR1, handler);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR2);
    raise(SIGTRAP);
    return (int)shared[1];
}

/* A signal of the tracer's own, with an info of its own; masks and what is pending. */
static void signal_state(void) {
    siginfo_t info, peeked[4];
    uint64_t mask = 0;
    struct ptrace_peeksiginfo_args args = {.off = 0, .flags = 0, .nr = 4};
    shared[1] = 0;
    pid_t pid = traced_child(waits_for_value);
    next_stop(pid);
    is_int(go_on(pid, PTRACE_CONT, 0), SIGTRAP, "a signal that is blocked does not stop it");
    is_int(trace(PTRACE_GETSIGMASK, pid, 8, (uintptr_t)&mask), 0, "its mask can be seen");
    is_int(mask, 1 << (SIGUSR2 - 1), "and is what it set");
    is_int(trace(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&args, (uintptr_t)peeked), 1,
           "as can what is pending");
    is_int(peeked[0].si_signo, SIGUSR2, "the signal that it blocks");
    args.off = 1;
    is_int(trace(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&args, (uintptr_t)peeked), 0, "no more");
    memset(&info, 0, sizeof info);
    info.si_signo = SIGUSR1;
    info.si_code = SI_QUEUE;
    is_int(trace(PTRACE_SETSIGINFO, pid, 0, (uintptr_t)&info), 0, "another siginfo");
    mask = 0;
    is_int(trace(PTRACE_SETSIGMASK, pid, 8, (uintptr_t)&mask), 0, "another mask");
    is_int(go_on(pid, PTRACE_CONT, SIGUSR1), SIGUSR2, "lets the other signal come");
    is_int(go_on(pid, PTRACE_CONT, 0), -1, "and be held back");
    is_int(shared[1], SIGUSR1, "the first one's handler has run");
}

static uint64_t __attribute__((noinline)) adds(uint64_t a, uint64_t b) {
    __asm__ volatile("" : "+r"(a));
    return a + b;
}

static uint64_t (*volatile add)(uint64_t, uint64_t) = adds;

static int calls_add(void) {
    raise(SIGTRAP);
    shared[2] = cell;
    shared[3] = add(20, 22);
    return (int)shared[3];
}

/* A debugger's work: a breakpoint in code that may not be written to, met, removed, and gone on from. */
static void memory(void) {
    pid_t pid = traced_child(calls_add);
    next_stop(pid);
    go_on(pid, PTRACE_CONT, 0);
    is_int(peek(pid, &cell), 4711, "memory is read");
    is_int(trace(PTRACE_POKEDATA, pid, (uintptr_t)&cell, 815), 0, "and written");
    is_int(cell, 4711, "its own");
    uint64_t code = peek(pid, (void *)(uintptr_t)adds);
#ifdef __riscv
    uint64_t broken = (code & ~0xffffull) | BREAKPOINT;
#else
    uint64_t broken = (code & ~0xffull) | BREAKPOINT;
#endif
    is_int(trace(PTRACE_POKETEXT, pid, (uintptr_t)adds, broken), 0, "code too");
    is_int(go_on(pid, PTRACE_CONT, 0), SIGTRAP, "a breakpoint is met");
    struct user_regs_struct r = registers(pid);
    is_int(PC(r), (uintptr_t)adds + BREAKPOINT_SIZE, "where it is");
    siginfo_t info;
    trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info);
#ifdef __riscv
    is_int(info.si_code, TRAP_BRKPT, "by its code");
    is_int((uintptr_t)info.si_addr, (uintptr_t)adds, "and address");
    r.a0 = 50;
#else
    r.rdi = 50;
#endif
    is_int(trace(PTRACE_POKETEXT, pid, (uintptr_t)adds, code), 0, "it is removed");
    PC(r) = (uintptr_t)adds;
    is_int(set_registers(pid, &r), 0, "an argument is changed");
    is_int(go_on(pid, PTRACE_CONT, 0), -1, "and it goes on");
    is_int(shared[2], 815, "it saw what was written");
    is_int(shared[3], 72, "and what was changed");
    is_int(add(20, 22), 42, "the tracer's code is as it was");
}

static int uses_floats(void) {
    volatile double a = 1.5;
    double b = a * 2;
    __asm__ volatile("" : : "r"(&b) : "memory");
    raise(SIGTRAP);
    return b == 3.0 ? 0 : 1;
}

static void floats(void) {
    struct {
        uint64_t words[66];
    } f;
    struct iovec v = {&f, sizeof f};
    pid_t pid = traced_child(uses_floats);
    next_stop(pid);
    go_on(pid, PTRACE_CONT, 0);
    memset(&f, 0x55, sizeof f);
    is_int(trace(PTRACE_GETREGSET, pid, NT_FPREGSET, (uintptr_t)&v), 0, "floating point is read");
#ifdef __riscv
    is_int(v.iov_len, 33 * 8, "f0 to f31 and fcsr");
    f.words[27] = 0x4008000000000000; /* fs11 */
#endif
    is_int(trace(PTRACE_SETREGSET, pid, NT_FPREGSET, (uintptr_t)&v), 0, "and written");
    uint64_t wanted = f.words[27];
    memset(&f, 0, sizeof f);
    trace(PTRACE_GETREGSET, pid, NT_FPREGSET, (uintptr_t)&v);
    ok(f.words[27] == wanted, "and is so");
    is_int(trace(PTRACE_CONT, pid, 0, 0), 0, "it goes on,");
    is_int(reap_exit(pid), 0, "as before");
}

static void other_memory(void) {
    char path[64], text[16] = "";
    uint64_t words[2] = {1, 2};
    volatile uint64_t *constants =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    constants[0] = 21;
    constants[1] = 22;
    mprotect((void *)(uintptr_t)constants, 4096, PROT_READ);
    pid_t pid = start();
    if (pid == 0)
        _exit(sleeps());
    struct iovec own = {words, sizeof words}, other = {(void *)(uintptr_t)constants, 16};
    is_int(process_vm_readv(pid, &own, 1, &other, 1, 0), 16, "process_vm_readv");
    ok(words[0] == 21 && words[1] == 22, "reads");
    is_errno(process_vm_writev(pid, &own, 1, &other, 1, 0), EFAULT, "what is constant stays so");
    struct iovec parts[2] = {{words, 3}, {(char *)words + 3, 5}};
    other = (struct iovec){(void *)(uintptr_t)&cell, 8};
    words[0] = 99;
    is_int(process_vm_writev(pid, parts, 2, &other, 1, 0), 8, "process_vm_writev");
    words[0] = 0;
    is_int(process_vm_readv(pid, &own, 1, &other, 1, 0), 8, "as much as both have");
    is_int(words[0], 99, "writes");
    is_int(cell, 4711, "there alone");
    other.iov_base = nowhere;
    is_errno(process_vm_readv(pid, &own, 1, &other, 1, 0), EFAULT, "nothing is there");
    is_errno(process_vm_readv(pid, &own, 1, &other, 1, 1), EINVAL, "there are no flags");
    is_errno(process_vm_readv(4000000, &own, 1, &other, 1, 0), ESRCH, "nor such a process");

    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDWR);
    ok(fd >= 0, "/proc/PID/mem");
    is_int(pread(fd, words, 8, (off_t)(uintptr_t)&cell), 8, "is read");
    is_int(words[0], 99, "at an address,");
    is_int(lseek(fd, (off_t)(uintptr_t)constants, SEEK_SET), (long)(uintptr_t)constants,
           "or there");
    words[0] = 31;
    is_int(write(fd, words, 8), 8, "and written though it is constant");
    is_int(read(fd, text, 8), 8, "and goes on behind that");
    is_int(text[0], 22, "with what is there");
    is_int(pread(fd, words, 8, (off_t)(uintptr_t)constants), 8, "what was written");
    is_int(words[0], 31, "stays");
    is_int(constants[0], 21, "there alone");
    is_errno(pread(fd, words, 8, 8), EIO, "nothing is there");
    end(pid);
    is_int(pread(fd, words, 8, (off_t)(uintptr_t)&cell) <= 0, 1,
           "a process that has gone has none");
    close(fd);
    fd = open("/proc/self/mem", O_RDONLY);
    is_int(pread(fd, words, 8, (off_t)(uintptr_t)&cell), 8, "one's own");
    is_int(words[0], 4711, "is read");
    is_errno(write(fd, words, 8), EBADF, "and is not written if it is open for reading");
    close(fd);
}

/* Others' processes, and those that are guarded. */
static void rights(void) {
    pid_t pid = start();
    if (pid == 0)
        _exit(sleeps());
    pid_t user = start();
    if (user == 0) {
        uint64_t word;
        struct iovec own = {&word, 8}, other = {(void *)(uintptr_t)&cell, 8};
        if (setuid(1000) < 0)
            _exit(9);
        bool refused = trace(PTRACE_ATTACH, pid, 0, 0) < 0 && errno == EPERM &&
                       trace(PTRACE_SEIZE, pid, 0, 0) < 0 && errno == EPERM &&
                       process_vm_readv(pid, &own, 1, &other, 1, 0) < 0 && errno == EPERM;
        _exit(refused ? 0 : 1);
    }
    is_int(reap_exit(user), 0, "another user's process is not traced");
    end(pid);

    user = start();
    if (user == 0) {
        if (setuid(1000) < 0)
            _exit(9);
        prctl(PR_SET_DUMPABLE, 1); /* setuid() has taken that away, as on Linux */
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_DUMPABLE, shared[4]);
            shared[5] = 1;
            sleeps();
        }
        while (!shared[5])
            usleep(1000);
        bool same = trace(PTRACE_SEIZE, child, 0, 0) == 0;
        int error = errno;
        kill(child, SIGKILL);
        _exit(same ? 0 : error);
    }
    shared[4] = 1;
    shared[5] = 0;
    is_int(reap_exit(user), 0, "one's own is");
    shared[5] = 0;
    shared[4] = 0;
    user = start();
    if (user == 0) {
        if (setuid(1000) < 0)
            _exit(9);
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_DUMPABLE, 0);
            shared[5] = 1;
            sleeps();
        }
        while (!shared[5])
            usleep(1000);
        bool refused = trace(PTRACE_SEIZE, child, 0, 0) < 0 && errno == EPERM;
        kill(child, SIGKILL);
        _exit(refused ? 0 : 1);
    }
    is_int(reap_exit(user), 0, "but for one that guards itself");
}

/* Attached to in a call; it goes on with that, traced or not. */
static void attach(void) {
    int fds[2];
    pid_t pid;
    if (pipe(fds) < 0)
        bail("pipe");
    pid = start();
    if (pid == 0) {
        char byte = 0;
        long got = read(fds[0], &byte, 1);
        _exit(got == 1 && byte == 'x' ? 5 : 6);
    }
    let_block();
    is_int(trace(PTRACE_ATTACH, pid, 0, 0), 0, "attached to a reader");
    is_int(next_stop(pid), SIGSTOP, "which stops");
    siginfo_t info;
    is_int(trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info), 0, "by a signal");
    is_int(info.si_signo, SIGSTOP, "that is SIGSTOP");
    is_int(trace(PTRACE_DETACH, pid, 0, 0), 0, "and let go");
    is_int(trace(PTRACE_ATTACH, pid, 0, 0), 0, "once more");
    is_int(next_stop(pid), SIGSTOP, "it stops");
    is_int(trace(PTRACE_CONT, pid, 0, 0), 0, "and goes on");
    if (write(fds[1], "x", 1) != 1)
        bail("write");
    is_int(reap_exit(pid), 5, "it has read what came then");

    pid = start();
    if (pid == 0)
        _exit(sleeps());
    let_block();
    trace(PTRACE_ATTACH, pid, 0, 0);
    next_stop(pid);
    is_int(trace(PTRACE_DETACH, pid, 0, SIGTERM), 0, "let go with a signal");
    int status = reap(pid);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "it dies of that");
    close(fds[0]);
    close(fds[1]);
}

/* The stop of a whole process, for its tracer and for its parent. */
static void group_stop(void) {
    siginfo_t info;
    pid_t pid = traced_child(sleeps);
    next_stop(pid);
    is_int(go_on(pid, PTRACE_CONT, SIGSTOP), SIGSTOP, "delivered SIGSTOP stops it again");
    is_errno(trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info), EINVAL, "not by a signal");
    is_errno(trace(PTRACE_LISTEN, pid, 0, 0), EIO, "one that was not seized does not listen");
    kill(pid, SIGCONT);
    is_int(trace(PTRACE_CONT, pid, 0, 0), 0, "it stays until its tracer lets it go on");
    is_int(next_stop(pid), SIGCONT, "then it is told of what continued it");
    end(pid);

    pid = start();
    if (pid == 0)
        _exit(sleeps());
    setpgid(pid, pid); /* a group that is not orphaned */
    trace(PTRACE_SEIZE, pid, 0, 0);
    kill(pid, SIGTSTP);
    is_int(next_stop(pid), SIGTSTP, "one that was seized gets the signal");
    is_int(go_on(pid, PTRACE_CONT, SIGTSTP), STOP_BY(PTRACE_EVENT_STOP, SIGTSTP),
           "and stops with its process");
    is_int(trace(PTRACE_LISTEN, pid, 0, 0), 0, "it listens");
    is_errno(trace(PTRACE_CONT, pid, 0, 0), ESRCH, "and is not there for its tracer");
    kill(pid, SIGCONT);
    is_int(next_stop(pid), STOP_BY(PTRACE_EVENT_STOP, SIGTRAP), "until it is continued");
    is_int(go_on(pid, PTRACE_CONT, 0), SIGCONT, "and the signal comes");
    is_int(trace(PTRACE_CONT, pid, 0, SIGCONT), 0, "it runs");
    is_int(trace(PTRACE_INTERRUPT, pid, 0, 0), 0, "and is interrupted");
    is_int(next_stop(pid), STOP_BY(PTRACE_EVENT_STOP, SIGTRAP), "with nothing left of the stop");
    end(pid);

    pid = start();
    if (pid == 0)
        _exit(sleeps());
    kill(pid, SIGSTOP);
    int status;
    waitpid(pid, &status, WUNTRACED);
    trace(PTRACE_SEIZE, pid, 0, 0);
    is_int(next_stop(pid), STOP_BY(PTRACE_EVENT_STOP, SIGSTOP), "a stopped one that is seized");
    is_int(trace(PTRACE_DETACH, pid, 0, 0), 0, "and let go");
    unsigned long long ns;
    for (int i = 0; i < 1000 && process_state(pid, &ns) != 'T'; i++)
        usleep(1000);
    is_int(process_state(pid, &ns), 'T', "is stopped again");
    kill(pid, SIGCONT);
    kill(pid, SIGTERM);
    ok(WIFSIGNALED(reap(pid)), "and goes on when it is continued");
}

/* Not children: of another parent, who hears of their ends after the tracer. */
static void others_child(void) {
    int fds[2];
    pid_t grandchild = 0;
    if (pipe(fds) < 0)
        bail("pipe");
    pid_t child = start();
    if (child == 0) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(sleeps());
        if (write(fds[1], &pid, sizeof pid) != sizeof pid)
            _exit(9);
        shared[6] = 1;
        int code = reap_exit(pid);
        shared[6] = 2;
        _exit(code == 43 ? 0 : 1);
    }
    if (read(fds[0], &grandchild, sizeof grandchild) != sizeof grandchild)
        bail("read");
    is_int(trace(PTRACE_SEIZE, grandchild, 0, 0), 0, "another's child is traced");
    is_int(waitpid(grandchild, NULL, WNOHANG), 0, "and can be waited for");
    trace(PTRACE_INTERRUPT, grandchild, 0, 0);
    is_int(next_stop(grandchild), STOP_BY(PTRACE_EVENT_STOP, SIGTRAP), "it stops");
    struct user_regs_struct r = registers(grandchild);
    ok(PC(r) != ~0ull, "its registers are seen");
    kill(grandchild, SIGKILL);
    usleep(20000);
    is_int(shared[6], 1, "its parent hears nothing of its end");
    int status = reap(grandchild);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "before the tracer");
    is_int(reap_exit(child), 1, "but then");
    is_errno(waitpid(grandchild, NULL, 0), ECHILD, "it is nobody's any more");
    close(fds[0]);
    close(fds[1]);
}

/* The death of a tracer. */
static void tracer_dies(void) {
    pid_t pid = start();
    if (pid == 0)
        _exit(sleeps());
    for (unsigned kills = 0; kills < 2; kills++) {
        pid_t tracer = start();
        if (tracer == 0) {
            if (trace(PTRACE_SEIZE, pid, 0, kills ? PTRACE_O_EXITKILL : 0) < 0)
                _exit(1);
            trace(PTRACE_INTERRUPT, pid, 0, 0);
            _exit(next_stop(pid) == STOP_BY(PTRACE_EVENT_STOP, SIGTRAP) ? 0 : 2);
        }
        is_int(reap_exit(tracer), 0, "a tracer that ends");
        if (kills)
            continue;
        for (int i = 0; i < 1000 && status_number(pid, "TracerPid"); i++)
            usleep(1000);
        is_int(status_number(pid, "TracerPid"), 0, "is none any more");
        is_int(kill(pid, 0), 0, "and its tracee goes on");
    }
    int status = reap(pid);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "or ends with it (PTRACE_O_EXITKILL)");
}

static void *thread(void *unused) {
    (void)unused;
    shared[7] = (uint64_t)syscall(SYS_gettid);
    while (!shared[8])
        usleep(1000);
    return NULL;
}

static int two_threads(void) {
    pthread_t t;
    if (pthread_create(&t, NULL, thread, NULL))
        return 1;
    pthread_join(t, NULL);
    return 0;
}

/* One thread is traced, the other not; a thread's tracer is a thread. */
static void *tries_request(void *pid) {
    long result = trace(PTRACE_CONT, *(pid_t *)pid, 0, 0);
    return result < 0 && errno == ESRCH ? pid : NULL;
}

static void threads(void) {
    shared[7] = shared[8] = 0;
    pid_t pid = start();
    if (pid == 0)
        _exit(two_threads());
    while (!shared[7])
        usleep(1000);
    pid_t tid = (pid_t)shared[7];
    is_int(trace(PTRACE_SEIZE, tid, 0, 0), 0, "a second thread is seized");
    trace(PTRACE_INTERRUPT, tid, 0, 0);
    is_int(next_stop(tid), STOP_BY(PTRACE_EVENT_STOP, SIGTRAP), "and stops");
    is_errno(trace(PTRACE_INTERRUPT, pid, 0, 0), ESRCH, "the first is nobody's");
    shared[8] = 1;
    void *refused = NULL;
    pthread_t other;
    if (pthread_create(&other, NULL, tries_request, &tid))
        bail("pthread_create");
    pthread_join(other, &refused);
    ok(refused, "another thread of the tracer's is not the tracer");
    is_int(trace(PTRACE_CONT, tid, 0, 0), 0, "the tracer is");
    is_int(next_stop(tid), -1, "it hears of that thread's end");
    is_int(reap_exit(pid), 0, "the process ends as ever");
}

int main(void) {
    shared = shared_page();
    trace_me();
    persona();
    errors();
    signals();
    signal_state();
    memory();
    floats();
    other_memory();
    attach();
    group_stop();
    others_child();
    tracer_dies();
    threads();
    if (geteuid() == 0)
        rights();
    return done();
}
