/* SPDX-License-Identifier: MIT */
/* Shared by the tests of signal handlers. After tap.h. */
#ifndef HANDLE_H
#define HANDLE_H

#include <sys/syscall.h>

static volatile sig_atomic_t hits;

/*
 * sigaction(2) with `masked` (a signal, 0 for none) as sa_mask. Past the library, since
 * qemu-riscv64 looks for the mask one word too late.
 */
static inline void handle_masked(int signum, void (*handler)(int, siginfo_t *, void *), int flags,
                                 int masked) {
    unsigned long mask = masked ? 1ul << (masked - 1) : 0;
    struct {
        void (*handler)(int, siginfo_t *, void *);
        unsigned long flags, mask, mask_again;
    } action = {handler, SA_SIGINFO | (unsigned)flags, mask, mask};

    syscall(SYS_rt_sigaction, signum, &action, NULL, 8);
    hits = 0;
}

static inline void handle(int signum, void (*handler)(int, siginfo_t *, void *), int flags) {
    handle_masked(signum, handler, flags, 0);
}

static inline bool blocked(int signum) {
    sigset_t now;

    sigprocmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, signum);
}

static inline void set_blocked(int how, int first, int second) {
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, first);
    if (second)
        sigaddset(&set, second);
    sigprocmask(how, &set, NULL);
}

#endif
