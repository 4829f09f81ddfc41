/* SPDX-License-Identifier: MIT */
/*
 * Signal handlers: in which order they run, what is blocked meanwhile, what they are told, calls that they cut short, and
 * that many signals at once are all delivered.
 */
#include "tap.h"
#include "handle.h"

#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile int order;
static siginfo_t last_info;

/* ---- Order and masks ---------------------------------------------------------------------- */

static void on_order(int signum, siginfo_t *info, void *context) {
    order = order * 100 + signum;
    last_info = *info;
    (void)context;
}

static void test_order(void) {
    handle(SIGUSR1, on_order, 0);
    handle(SIGUSR2, on_order, 0);
    order = 0;
    set_blocked(SIG_BLOCK, SIGUSR1, SIGUSR2);
    raise(SIGUSR2);
    raise(SIGUSR1);
    is_int(order, 0, "two signals wait");
    set_blocked(SIG_UNBLOCK, SIGUSR1, SIGUSR2);
    is_int(order, SIGUSR2 * 100 + SIGUSR1, "the frame of the lower is made first, so it runs last");
}

static volatile sig_atomic_t values;

static void on_value(int signum, siginfo_t *info, void *context) {
    values = values * 10 + info->si_value.sival_int;
    hits++;
    (void)signum, (void)context;
}

static void test_queue(void) {
    handle(SIGRTMIN, on_value, 0);
    set_blocked(SIG_BLOCK, SIGRTMIN, 0);
    for (int i = 1; i <= 5; i++)
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
    set_blocked(SIG_UNBLOCK, SIGRTMIN, 0);
    is_int(hits, 5, "a real-time signal comes as often as it was sent");
    is_int(values, 12345, "in order");
}

static volatile sig_atomic_t depth, deepest;

static void on_again(int signum, siginfo_t *info, void *context) {
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (++hits < 4)
        raise(signum);
    depth--;
    (void)info, (void)context;
}

static void test_nodefer(void) {
    handle(SIGUSR1, on_again, 0);
    deepest = 0;
    raise(SIGUSR1);
    ok(hits == 4 && deepest == 1, "a signal waits for the end of its handler");
    handle(SIGUSR1, on_again, SA_NODEFER);
    deepest = 0;
    raise(SIGUSR1);
    ok(hits == 4 && deepest == 4, "SA_NODEFER: it nests");
}

static volatile bool saw_mask;

static void on_mask(int signum, siginfo_t *info, void *context) {
    const ucontext_t *c = context;

    saw_mask = blocked(signum) && blocked(SIGUSR2) && blocked(SIGALRM) && !blocked(SIGHUP) &&
               sigismember(&c->uc_sigmask, SIGALRM) && !sigismember(&c->uc_sigmask, SIGUSR2) &&
               !sigismember(&c->uc_sigmask, signum);
    (void)info;
}

static void test_mask(void) {
    handle_masked(SIGUSR1, on_mask, 0, SIGUSR2);
    set_blocked(SIG_BLOCK, SIGALRM, 0);
    kill(getpid(), SIGUSR1);
    ok(saw_mask, "a handler's mask: what it was, sa_mask and the signal");
    ok(!blocked(SIGUSR1) && !blocked(SIGUSR2) && blocked(SIGALRM), "afterwards what it was");
    set_blocked(SIG_UNBLOCK, SIGALRM, 0);
}

static int reset_twice(void) {
    handle(SIGUSR1, on_order, (int)SA_RESETHAND);
    kill(getpid(), SIGUSR1);
    if (order % 100 != SIGUSR1)
        return 1;
    kill(getpid(), SIGUSR1);
    return 2;
}

/* ---- siginfo ------------------------------------------------------------------------------ */

static void test_info(void) {
    static const char zeros[104];
    union sigval value = {.sival_ptr = (void *)0x123456789a};

    handle(SIGUSR1, on_order, 0);
    kill(getpid(), SIGUSR1);
    ok(last_info.si_signo == SIGUSR1 && last_info.si_code == SI_USER && last_info.si_errno == 0,
       "siginfo of kill");
    ok(last_info.si_pid == getpid() && last_info.si_uid == getuid(), "it names the sender");
    if (on_parley())
        ok(memcmp((char *)&last_info + 24, zeros, 104) == 0, "there is nothing behind");
    else
        skip("there is nothing behind", "qemu-riscv64 leaves what was on the stack");
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
    ok(last_info.si_code == SI_TKILL && last_info.si_pid == getpid(), "of tgkill");
    sigqueue(getpid(), SIGUSR1, value);
    ok(last_info.si_code == SI_QUEUE && last_info.si_pid == getpid() &&
           last_info.si_value.sival_ptr == value.sival_ptr,
       "of sigqueue");
}

/* All that rt_sigqueueinfo can say of a signal to oneself. */
static void test_whole_info(void) {
    siginfo_t info;

    if (!on_parley()) {
        skip("siginfo of rt_sigqueueinfo", "qemu-riscv64 does not carry all of it");
        return;
    }
    memset(&info, 0, sizeof(info));
    info.si_code = SI_QUEUE;
    info.si_signo = SIGUSR1;
    info.si_errno = 42;
    memset((char *)&info + 16, 0x5b, 32);
    syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info);
    ok(memcmp(&info, &last_info, sizeof(info)) == 0, "siginfo of rt_sigqueueinfo");
}

/* ---- Calls cut short ---------------------------------------------------------------------- */

static int pipe_ends[2];

static void on_cut(int signum, siginfo_t *info, void *context) {
    hits++;
    if (signum == SIGALRM)
        raise(SIGUSR2); /* in sa_mask */
    else if (write(pipe_ends[1], "x", 1) != 1)
        _exit(3);
    (void)info, (void)context;
}

/* The first handler has no SA_RESTART; the second, at the return from the first, does not count. */
static void test_cut_short(void) {
    struct itimerval soon = {.it_value = {0, 50000}};
    char byte;

    if (pipe(pipe_ends) < 0)
        bail("pipe");
    handle(SIGUSR2, on_cut, SA_RESTART);
    handle_masked(SIGALRM, on_cut, 0, SIGUSR2);
    setitimer(ITIMER_REAL, &soon, NULL);
    is_errno(read(pipe_ends[0], &byte, 1), EINTR, "a call cut short stays so");
    is_int(hits, 2, "whatever comes afterwards");
    is_int(read(pipe_ends[0], &byte, 1), 1, "its byte is still there");
    handle_masked(SIGALRM, on_cut, SA_RESTART, SIGUSR2);
    setitimer(ITIMER_REAL, &soon, NULL);
    is_int(read(pipe_ends[0], &byte, 1), 1, "SA_RESTART: the call is made again");
    is_int(hits, 2, "after both handlers");
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

/* ---- Stop and end do not depend on what the program does ---------------------------------- */

static void on_nothing(int signum, siginfo_t *info, void *context) {
    (void)signum, (void)info, (void)context;
}

static void test_busy(void) {
    int status = 0;
    pid_t pid = start();

    if (pid == 0) {
        handle(SIGUSR1, on_nothing, 0);
        for (;;)
            raise(SIGUSR1);
    }
    for (int i = 0; i < 5; i++) {
        sleep_ms(5);
        kill(pid, SIGSTOP);
        waitpid(pid, &status, WUNTRACED);
        if (!WIFSTOPPED(status))
            break;
        kill(pid, SIGCONT);
    }
    ok(WIFSTOPPED(status), "a process in the middle of its handlers can be stopped");
    kill(pid, SIGKILL);
    is_int(reap(pid), SIGKILL, "and killed");
}

#define STORM 2000

static volatile sig_atomic_t came, wrong_order, over;

static void on_storm(int signum, siginfo_t *info, void *context) {
    if (signum != SIGRTMIN)
        over = 1;
    else if (info->si_value.sival_int != came++)
        wrong_order++;
    (void)context;
}

static void send_for_sure(pid_t pid, int signum, int value) {
    while (sigqueue(pid, signum, (union sigval){.sival_int = value}) < 0)
        sleep_ms(1);
}

/* Signals that come from elsewhere at any time, to one that makes short calls all the time. */
static void test_storm(void) {
    pid_t pid, parent = getpid();

    handle(SIGRTMIN, on_storm, 0);
    handle_masked(SIGRTMIN + 1, on_storm, 0, SIGRTMIN);
    pid = start();
    if (pid == 0) {
        while (!over)
            if (getppid() != parent || syscall(SYS_getpid) == parent)
                _exit(1);
        _exit(came == STORM && !wrong_order ? 0 : 2);
    }
    for (int i = 0; i < STORM; i++)
        send_for_sure(pid, SIGRTMIN, i);
    send_for_sure(pid, SIGRTMIN + 1, 0);
    is_int(reap_exit(pid), 0, "every signal of another process comes, in order");
}

int main(void) {
    test_order();
    test_queue();
    test_nodefer();
    test_mask();
    is_int(in_child(reset_twice) & 0x7f, SIGUSR1, "SA_RESETHAND: the second one kills");
    test_info();
    test_whole_info();
    test_cut_short();
    test_busy();
    test_storm();
    return done();
}
