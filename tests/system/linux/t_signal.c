/* SPDX-License-Identifier: MIT */
/*
 * Signals: handlers, masks, pending ones, what they carry, defaults, faults, timers. Blocking
 * calls that signals interrupt are in t_eintr. qemu-user forgets a handler's sa_mask when another
 * one nests, so the order in test_nested() is wrong there.
 */
#include "tap.h"
#include "signal_set.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/time.h>

static volatile sig_atomic_t hits, last_signal, nested_order;
static volatile siginfo_t last_info;

static void on_signal(int signum) {
    hits++;
    last_signal = signum;
}

static void on_info(int signum, siginfo_t *info, void *context) {
    hits++;
    last_signal = signum;
    *(siginfo_t *)&last_info = *info;
    (void)context;
}

static void catch_signal(int signum, int flags) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

    if (flags & SA_SIGINFO)
        action.sa_sigaction = on_info;
    sigaction(signum, &action, NULL);
    hits = 0;
}

/* ---- Handlers and masks ------------------------------------------------------------------- */

static void test_handlers(void) {
    struct sigaction action;

    catch_signal(SIGUSR1, 0);
    is_int(raise(SIGUSR1), 0, "raise");
    ok(hits == 1 && last_signal == SIGUSR1, "the handler has run");
    is_int(kill(getpid(), SIGUSR1), 0, "kill oneself");
    is_int(hits, 2, "the handler has run before kill returns");
    sigaction(SIGUSR1, NULL, &action);
    ok(action.sa_handler == on_signal, "sigaction tells the handler");
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    is_int(hits, 2, "an ignored signal does nothing");
    catch_signal(SIGUSR1, (int)SA_RESETHAND);
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &action);
    ok(hits == 1 && action.sa_handler == SIG_DFL, "SA_RESETHAND");
    is_errno(sigaction(SIGKILL, &(struct sigaction){.sa_handler = on_signal}, NULL), EINVAL,
             "SIGKILL cannot be caught");
    is_errno(sigaction(SIGSTOP, &(struct sigaction){.sa_handler = SIG_IGN}, NULL), EINVAL,
             "SIGSTOP cannot be ignored");
    is_errno(sigaction(65, NULL, &action), EINVAL, "no such signal: EINVAL");
    is_errno(kill(getpid(), 65), EINVAL, "kill with a bad signal: EINVAL");
    is_errno(kill(0x3ffffff, SIGTERM), ESRCH, "kill without a process: ESRCH");
    is_int(kill(getpid(), 0), 0, "signal 0 only asks");
}

static void test_masks(void) {
    sigset_t set = set_of(SIGUSR1), old, pending;

    catch_signal(SIGUSR1, SA_SIGINFO);
    is_int(sigprocmask(SIG_BLOCK, &set, &old), 0, "block");
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1);
    is_int(hits, 0, "a blocked signal waits");
    sigpending(&pending);
    ok(sigismember(&pending, SIGUSR1) == 1 && !sigismember(&pending, SIGUSR2), "sigpending");
    is_int(sigprocmask(SIG_SETMASK, &old, NULL), 0, "unblock");
    is_int(hits, 1, "it comes once, however often it was sent");
    is_int(last_info.si_pid, getpid(), "si_pid");
    is_int(last_info.si_code, SI_USER, "si_code");
    is_errno(sigprocmask(99, &set, NULL), EINVAL, "sigprocmask: EINVAL");
    set = set_of(SIGKILL);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigprocmask(SIG_BLOCK, NULL, &pending);
    ok(!sigismember(&pending, SIGKILL), "SIGKILL cannot be blocked");
}

static void on_nested(int signum) {
    if (signum == SIGUSR1) {
        nested_order = nested_order * 10 + 1;
        raise(SIGUSR1); /* blocked while its handler runs */
        raise(SIGUSR2); /* nests */
        raise(SIGALRM); /* in sa_mask: comes afterwards */
        nested_order = nested_order * 10 + 3;
        signal(SIGUSR1, SIG_IGN);
    } else {
        nested_order = nested_order * 10 + (signum == SIGUSR2 ? 2 : 4);
    }
}

static void test_nested(void) {
    struct sigaction action = {.sa_handler = on_nested};

    sigaddset(&action.sa_mask, SIGALRM);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    raise(SIGUSR1);
    is_int(nested_order, 1234, "handlers nest, and what is masked waits");
    signal(SIGALRM, SIG_DFL);
    catch_signal(SIGUSR1, SA_NODEFER);
}

static void test_suspend(void) {
    sigset_t set = set_of(SIGUSR1), none = set_of(0), now;

    catch_signal(SIGUSR1, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    is_errno(sigsuspend(&none), EINTR, "sigsuspend with a pending signal");
    is_int(hits, 1, "its handler has run");
    sigprocmask(SIG_BLOCK, NULL, &now);
    ok(sigismember(&now, SIGUSR1), "and the old mask is back");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void test_wait_for(void) {
    sigset_t set = set_of(SIGUSR1);
    struct timespec short_time = {0, 20000000};
    siginfo_t info;

    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    is_errno(sigtimedwait(&set, &info, &short_time), EAGAIN, "sigtimedwait: EAGAIN in the end");
    raise(SIGUSR1);
    is_int(sigwaitinfo(&set, &info), SIGUSR1, "sigwaitinfo takes a pending signal");
    for (int i = 1; i <= 3; i++)
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
    for (int i = 1; i <= 3; i++) {
        is_int(sigwaitinfo(&set, &info), SIGRTMIN, "real-time signals queue");
        is_int(info.si_value.sival_int, i, "each with its value, in order");
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- Faults ------------------------------------------------------------------------------- */

static sigjmp_buf escape;

static void on_fault(int signum, siginfo_t *info, void *context) {
    on_info(signum, info, context);
    siglongjmp(escape, 1);
}

static void catch_fault(int signum, int flags) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | flags};

    sigaction(signum, &action, NULL);
    hits = 0;
}

static void test_faults(void) {
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *volatile bad = (char *)0x10;
    sigset_t now;

    catch_fault(SIGSEGV, 0);
    if (sigsetjmp(escape, 1) == 0)
        *(volatile char *)bad = 1;
    is_int(hits, 1, "SIGSEGV for an unmapped address");
    is_int((long)last_info.si_addr, 0x10, "si_addr");
    is_int(last_info.si_code, SEGV_MAPERR, "SEGV_MAPERR");
    sigprocmask(SIG_BLOCK, NULL, &now);
    ok(!sigismember(&now, SIGSEGV), "siglongjmp puts the mask back");
    if (sigsetjmp(escape, 1) == 0)
        *(volatile char *)(page + 5) = 1;
    is_int(hits, 2, "SIGSEGV for a read-only page");
    is_int((long)last_info.si_addr, (long)(page + 5), "si_addr");
    is_int(last_info.si_code, SEGV_ACCERR, "SEGV_ACCERR");
    signal(SIGSEGV, SIG_DFL);
    munmap(page, 4096);
#ifdef __riscv
    catch_fault(SIGILL, 0);
    if (sigsetjmp(escape, 1) == 0)
        __asm__ volatile(".word 0");
    is_int(hits, 1, "SIGILL");
    signal(SIGILL, SIG_DFL);
#endif
}

static int overflow(int depth) {
    volatile char frame[4096];

    frame[depth % 4096] = (char)depth;
    return depth == 1 << 30 ? 0 : overflow(depth + 1) + frame[depth % 4096];
}

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

static int flags_inside = -1;

static void tell_flags(int signal) {
    stack_t now;

    (void)signal;
    sigaltstack(NULL, &now);
    flags_inside = now.ss_flags;
}

static void test_alternate_stack(void) {
    struct sigaction disarmed = {.sa_handler = tell_flags, .sa_flags = SA_ONSTACK};
    static char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;
    volatile int depth = 0;

    is_int(sigaltstack(&alternate, NULL), 0, "sigaltstack");
    catch_fault(SIGSEGV, SA_ONSTACK);
    if (sigsetjmp(escape, 1) == 0)
        depth = overflow(depth);
    is_int(hits, 1, "a stack overflow is caught on another stack");
    signal(SIGSEGV, SIG_DFL);
    is_int(sigaltstack(NULL, &old), 0, "sigaltstack tells");
    ok(old.ss_sp == stack && old.ss_size == sizeof(stack), "the alternate stack");
    alternate.ss_flags = SS_DISABLE | SS_ONSTACK;
    is_int(sigaltstack(&alternate, NULL), -1, "both flags");
    is_int(errno, EINVAL, "EINVAL");
    alternate.ss_flags = (int)SS_AUTODISARM;
    is_int(sigaltstack(&alternate, NULL), 0, "SS_AUTODISARM");
    sigaction(SIGUSR2, &disarmed, NULL);
    raise(SIGUSR2);
    is_int(flags_inside, SS_DISABLE, "there is none while its handler runs");
    is_int(sigaltstack(NULL, &old), 0, "sigaltstack tells");
    ok(old.ss_sp == stack && old.ss_flags == (int)SS_AUTODISARM, "it is back behind the handler");
    signal(SIGUSR2, SIG_DFL);
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
}

static int die_segv(void) {
    *(volatile char *)0 = 1;
    return 0;
}

/* ---- Defaults and children ---------------------------------------------------------------- */

static int die_default(int signum) {
    pid_t pid = start();

    if (pid == 0) {
        signal(signum, SIG_DFL);
        raise(signum);
        _exit(0);
    }
    return reap(pid) & 0x7f;
}

static void test_defaults(void) {
    static const int deadly[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGPIPE, SIGALRM, SIGKILL};
    static const int harmless[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT};

    for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
        is_int(die_default(deadly[i]), deadly[i], "signal %d ends a process", deadly[i]);
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
        is_int(die_default(harmless[i]), 0, "signal %d does not", harmless[i]);
    is_int(in_child(die_segv) & 0x7f, SIGSEGV, "a wild write ends a process");
}

static void test_child_signals(void) {
    sigset_t set = set_of(SIGCHLD);
    siginfo_t info;
    pid_t pid;

    catch_signal(SIGCHLD, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid = start();
    if (pid == 0)
        _exit(23);
    is_int(sigwaitinfo(&set, &info), SIGCHLD, "SIGCHLD when a child exits");
    ok(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 23,
       "it names the child, CLD_EXITED and the status");
    is_int(reap(pid), 23 << 8, "the child is still to be waited for");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    signal(SIGCHLD, SIG_IGN);
    pid = start();
    if (pid == 0)
        _exit(1);
    is_errno(waitpid(pid, NULL, 0), ECHILD, "with SIGCHLD ignored children vanish");
    signal(SIGCHLD, SIG_DFL);
}

static int check_inherited(void) {
    sigset_t now, pending;

    sigprocmask(SIG_BLOCK, NULL, &now);
    sigpending(&pending);
    if (!sigismember(&now, SIGUSR2) || sigismember(&pending, SIGUSR2))
        return 1;
    raise(SIGUSR1);
    return hits == 1 ? 0 : 2;
}

static void test_inheritance(void) {
    sigset_t set = set_of(SIGUSR2);

    catch_signal(SIGUSR1, 0);
    catch_signal(SIGUSR2, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR2);
    is_int(in_child(check_inherited), 0, "a child has the handlers and the mask, not what waits");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    is_int(hits, 1, "the parent still gets it");
}

static void test_group(void) {
    pid_t first = start(), second;

    if (first == 0) {
        setpgid(0, 0);
        for (;;)
            pause();
    }
    setpgid(first, first);
    second = start();
    if (second == 0) {
        setpgid(0, first);
        for (;;)
            pause();
    }
    setpgid(second, first);
    is_int(kill(-first, SIGTERM), 0, "kill a group");
    is_int(reap(first), SIGTERM, "the first of it");
    is_int(reap(second), SIGTERM, "the second");
    is_errno(kill(-first, SIGTERM), ESRCH, "an empty group: ESRCH");
}

/* ---- Timers and registers ----------------------------------------------------------------- */

static void test_timers(void) {
    struct itimerval timer = {.it_value = {0, 30000}}, old;
    sigset_t set = set_of(SIGALRM), none = set_of(0);

    catch_signal(SIGALRM, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    is_int(setitimer(ITIMER_REAL, &timer, NULL), 0, "setitimer");
    is_errno(sigsuspend(&none), EINTR, "SIGALRM comes");
    is_int(hits, 1, "once");
    is_int(alarm(100), 0, "alarm");
    is_int(getitimer(ITIMER_REAL, &old), 0, "getitimer");
    ok(old.it_value.tv_sec >= 98 && old.it_value.tv_sec <= 100, "the alarm is seen there");
    ok(alarm(0) >= 98, "alarm(0) tells what was left");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static __attribute__((noinline)) double work(void) {
    double sum = 0, step = 1;
    unsigned long mix = 1;

    for (int i = 0; i < 3000000; i++) {
        sum += step * 0.5;
        step = step * 1.0000001;
        mix = mix * 6364136223846793005UL + 1;
        __asm__ volatile("" : : : "memory"); /* not to be computed once and for all */
    }
    return sum + (double)(mix >> 40);
}

/* Whenever a signal comes, no register may change, integer or floating point. */
static void test_registers(void) {
    double quiet = work(), disturbed;
    pid_t parent = getpid(), pid;
    bool same = true;

    catch_signal(SIGUSR1, 0);
    pid = start();
    if (pid == 0) {
        while (kill(parent, SIGUSR1) == 0)
            sleep_ms(1);
        _exit(0);
    }
    for (int i = 0; i < 5 || (hits < 20 && i < 100); i++) {
        disturbed = work();
        same &= memcmp(&quiet, &disturbed, sizeof(quiet)) == 0;
    }
    kill(pid, SIGKILL);
    reap(pid);
    ok(same, "computing under signals gives the same result");
    ok(hits >= 20, "there were signals");
}

int main(void) {
    test_handlers();
    test_masks();
    test_nested();
    test_suspend();
    test_wait_for();
    test_faults();
    test_alternate_stack();
    test_defaults();
    test_child_signals();
    test_inheritance();
    test_group();
    test_timers();
    test_registers();
    return done();
}
