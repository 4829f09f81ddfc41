/* SPDX-License-Identifier: MIT */
/* For tests of ptrace(2): tracees, their registers and their stops. Behind tap.h. */
#ifndef TRACED_H
#define TRACED_H

#include <elf.h>
#include <linux/ptrace.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#ifdef __riscv
#include <asm/ptrace.h>
#define PC(r) ((r).pc)
#define RESULT(r) ((r).a0)
#define NUMBER(r) ((r).a7)
#define ARGUMENT_2(r) ((r).a1)
#define ARGUMENT_3(r) ((r).a2)
#define BREAKPOINT 0x9002 /* c.ebreak */
#define BREAKPOINT_SIZE 0 /* by which the pc is behind it, when it has been met */
#else
#define PC(r) ((r).rip)
#define RESULT(r) ((r).rax)
#define NUMBER(r) ((r).orig_rax)
#define ARGUMENT_2(r) ((r).rsi)
#define ARGUMENT_3(r) ((r).rdx)
#define BREAKPOINT 0xcc
#define BREAKPOINT_SIZE 1
#endif

/* A page that tracers and tracees share. */
static inline void *shared_page(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        bail("mmap");
    return page;
}

/* By which a program executes itself. */
static inline const char *path_of(const char *argv0) {
    return argv0[0] == '/' ? argv0 : "/proc/self/exe";
}

/* The C library's ptrace() returns what it reads; the system's writes it. */
static inline long trace(long request, pid_t pid, uint64_t address, uint64_t data) {
    return syscall(SYS_ptrace, request, (long)pid, address, data);
}

static inline struct user_regs_struct registers(pid_t pid) {
    struct user_regs_struct r;
    struct iovec v = {&r, sizeof r};
    memset(&r, 0, sizeof r);
    if (trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)&v) < 0)
        memset(&r, 0xff, sizeof r);
    return r;
}

static inline long set_registers(pid_t pid, const struct user_regs_struct *r) {
    struct iovec v = {(void *)(uintptr_t)r, sizeof *r};
    return trace(PTRACE_SETREGSET, pid, NT_PRSTATUS, (uintptr_t)&v);
}

static inline uint64_t peek(pid_t pid, const volatile void *at) {
    uint64_t word = 0xdeadull << 32;
    return trace(PTRACE_PEEKDATA, pid, (uintptr_t)at, (uintptr_t)&word) < 0 ? 0xbadull << 48 : word;
}

static inline uint64_t event_message(pid_t pid) {
    unsigned long message = 0;
    return trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&message) < 0 ? ~0ull : message;
}

/* The next stop of a tracee as wait(2) has it: signal, and the event above it; -1: it has ended. */
static inline int next_stop(pid_t pid) {
    int status = -1;
    while (waitpid(pid, &status, __WALL) < 0)
        if (errno != EINTR)
            return -2;
    return WIFSTOPPED(status) ? status >> 8 : -1;
}

static inline int go_on(pid_t pid, long request, int signal) {
    return trace(request, pid, 0, (uint64_t)signal) < 0 ? -3 : next_stop(pid);
}

#define STOP_BY(event, signal) ((event) << 8 | (signal))

/* A child that asks to be traced and stops. */
static inline pid_t traced_child(int (*run)(void)) {
    pid_t pid = start();
    if (pid == 0) {
        if (trace(PTRACE_TRACEME, 0, 0, 0) < 0 || raise(SIGSTOP))
            _exit(99);
        _exit(run());
    }
    return pid;
}

static inline void end(pid_t pid) {
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, __WALL) >= 0)
        ;
}

/* What a line of /proc/PID/status says. */
static inline long status_number(pid_t pid, const char *name) {
    char path[64], line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
            value = strtol(line + strlen(name) + 1, NULL, 10);
    if (f)
        fclose(f);
    return value;
}

#endif
