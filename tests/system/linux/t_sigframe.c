/* SPDX-License-Identifier: MIT */
/*
 * Signal frames: what a handler is given, that everything is put back after it, and that what it
 * changed there holds. Which signals come when is in t_signal.
 */
#include "../fpregs.h"
#include "tap.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile sig_atomic_t hits;
static volatile int order;
static siginfo_t last_info;
static char stack[65536];

/*
 * sigaction(2) with `masked` (a signal, 0 for none) as sa_mask. Past the library, since
 * qemu-riscv64 looks for the mask one word too late.
 */
static void handle_masked(int signum, void (*handler)(int, siginfo_t *, void *), int flags,
                          int masked) {
    unsigned long mask = masked ? 1ul << (masked - 1) : 0;
    struct {
        void (*handler)(int, siginfo_t *, void *);
        unsigned long flags, mask, mask_again;
    } action = {handler, SA_SIGINFO | (unsigned)flags, mask, mask};

    syscall(SYS_rt_sigaction, signum, &action, NULL, 8);
    hits = 0;
}

static void handle(int signum, void (*handler)(int, siginfo_t *, void *), int flags) {
    handle_masked(signum, handler, flags, 0);
}

static bool blocked(int signum) {
    sigset_t now;

    sigprocmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, signum);
}

static void set_blocked(int how, int first, int second) {
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, first);
    if (second)
        sigaddset(&set, second);
    sigprocmask(how, &set, NULL);
}

/* ---- Registers ---------------------------------------------------------------------------- */

#ifdef __riscv
/*
 * signal_registers(x, pid, signal): kill(pid, signal) with every register but sp, a0, a1 and a7 set
 * to 1000 + its number; x[n] is what it holds afterwards. f registers: load_fp, store_fp.
 * run_c_handler: gives the handler in pointers[2] the gp and tp that C needs.
 * trash_registers: a handler that leaves nothing of any register but ra and sp.
 */
void signal_registers(long *x, long pid, long signal);
void run_c_handler(int signum, siginfo_t *info, void *context);
void trash_registers(int signum, siginfo_t *info, void *context);
void load_fp(const unsigned long *f), store_fp(unsigned long *f);
void *pointers[3];
__asm__(".text\n"
        ".option push\n"
        ".option norelax\n"
        "signal_registers:\n"
        "    addi sp, sp, -512\n"
        "    .irp n, 1,3,4,8,9,18,19,20,21,22,23,24,25,26,27\n"
        "    sd x\\n, 8*\\n(sp)\n"
        "    .endr\n"
        "    sd a0, 0(sp)\n"
        "    lla t0, pointers\n"
        "    sd gp, 0(t0)\n"
        "    sd tp, 8(t0)\n"
        "    mv a0, a1\n"
        "    mv a1, a2\n"
        "    li a7, 129\n" /* kill */
        "    .irp n, 1,3,4,5,6,7,8,9,12,13,14,15,16,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "    li x\\n, 1000+\\n\n"
        "    .endr\n"
        "    ecall\n"
        "    .irp n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
        "    sd x\\n, 256+8*\\n(sp)\n"
        "    .endr\n"
        "    sd x30, 256+8*30(sp)\n"
        "    sd x31, 256+8*31(sp)\n"
        "    ld t0, 0(sp)\n"
        "    .irp n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
        "    ld t1, 256+8*\\n(sp)\n"
        "    sd t1, 8*\\n(t0)\n"
        "    .endr\n"
        "    ld t1, 256+8*30(sp)\n"
        "    sd t1, 8*30(t0)\n"
        "    ld t1, 256+8*31(sp)\n"
        "    sd t1, 8*31(t0)\n"
        "    .irp n, 1,3,4,8,9,18,19,20,21,22,23,24,25,26,27\n"
        "    ld x\\n, 8*\\n(sp)\n"
        "    .endr\n"
        "    addi sp, sp, 512\n"
        "    ret\n"
        "run_c_handler:\n"
        "    lla t0, pointers\n"
        "    ld gp, 0(t0)\n"
        "    ld tp, 8(t0)\n"
        "    ld t0, 16(t0)\n"
        "    jr t0\n"
        "trash_registers:\n"
        "    li t0, 0x5a\n"
        "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "    fmv.d.x f\\n, t0\n"
        "    .endr\n"
        "    .irp n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "    fmv.d.x f\\n, sp\n"
        "    .endr\n"
        "    fscsr t0\n"
        "    .irp n, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
        "    li x\\n, -\\n\n"
        "    .endr\n"
        "    li x30, -30\n"
        "    li x31, -31\n"
        "    ret\n"
        ".option pop\n");
FP_FUNCTIONS("load_fp", "store_fp");

static int count_wrong(const long *x) {
    int wrong = 0;

    for (int n = 1; n < 32; n++) {
        if (n != 2 && n != 10 && n != 11 && n != 17 && x[n] != 1000 + n)
            wrong++;
    }
    return wrong;
}

static void test_integer_registers(const char *how) {
    long x[32] = {0};

    signal_registers(x, getpid(), SIGUSR1);
    is_int(count_wrong(x), 0, "%s: registers are as they were", how);
    is_int(x[10], 0, "%s: kill's result", how);
    is_int(x[11], SIGUSR1, "%s: its second argument", how);
    is_int(x[17], SYS_kill, "%s: its number", how);
}

static void test_fp_registers(const char *how) {
    unsigned long before[33], after[33];

    for (unsigned long i = 0; i < 32; i++)
        before[i] = (i + 1) * 0x123456789abcdef;
    before[32] = 0x43; /* rounding towards +infinity, and two flags */
    load_fp(before);
    syscall(SYS_kill, getpid(), SIGUSR1);
    store_fp(after);
    ok(memcmp(before, after, sizeof(before)) == 0, "%s: so are floating-point registers", how);
    before[32] = 0;
    load_fp(before);
}

/* First of all, when the program has hardly used floating point yet. */
static void test_fresh_fp(void) {
    unsigned long before[33], after[33];

    handle(SIGUSR1, trash_registers, 0);
    syscall(SYS_kill, getpid(), SIGUSR1);
    store_fp(before);
    syscall(SYS_kill, getpid(), SIGUSR1);
    store_fp(after);
    ok(memcmp(before, after, sizeof(before)) == 0, "floating-point registers at the start");
    is_int(before[32], 0, "and fcsr");
}

/* ---- What a handler finds and changes ----------------------------------------------------- */

static void on_look(int signum, siginfo_t *info, void *context) {
    const ucontext_t *c = context;
    const unsigned long *f = (const unsigned long *)&c->uc_mcontext.__fpregs;
    bool good = c->uc_mcontext.__gregs[10] == 0 && c->uc_mcontext.__gregs[11] == SIGUSR1 &&
                c->uc_mcontext.__gregs[17] == SYS_kill;

    for (int n = 3; n < 32; n++) {
        if (n != 10 && n != 11 && n != 17 && c->uc_mcontext.__gregs[n] != 1000ul + (unsigned)n)
            good = false;
    }
    for (unsigned long i = 0; i < 32; i++)
        good = good && f[i] == i * 3;
    if (good && c->uc_mcontext.__fpregs.__d.__fcsr == 0x20 && info->si_signo == signum)
        hits++;
}

static void test_frame_contents(void) {
    unsigned long f[33];
    long x[32];

    pointers[2] = (void *)on_look;
    handle(SIGUSR1, run_c_handler, 0);
    for (unsigned long i = 0; i < 32; i++)
        f[i] = i * 3;
    f[32] = 0x20;
    load_fp(f);
    signal_registers(x, getpid(), SIGUSR1);
    f[32] = 0;
    load_fp(f);
    is_int(hits, 1, "the frame holds the registers");
}

static void on_change(int signum, siginfo_t *info, void *context) {
    ucontext_t *c = context;
    unsigned long *f = (unsigned long *)&c->uc_mcontext.__fpregs;

    for (int n = 3; n < 32; n++)
        c->uc_mcontext.__gregs[n]--;
    for (int n = 0; n < 32; n++)
        f[n] = 77 + (unsigned)n;
    c->uc_mcontext.__fpregs.__d.__fcsr = 0x61;
    sigaddset(&c->uc_sigmask, SIGUSR2);
    (void)signum, (void)info;
}

static void test_changes(void) {
    unsigned long f[33], fp_wrong = 0;
    long x[32];
    int wrong = 0;

    pointers[2] = (void *)on_change;
    handle(SIGUSR1, run_c_handler, 0);
    signal_registers(x, getpid(), SIGUSR1);
    store_fp(f);
    for (int n = 3; n < 32; n++) {
        if (n != 10 && n != 11 && n != 17 && x[n] != 1000 + n - 1)
            wrong++;
    }
    for (unsigned long i = 0; i < 32; i++)
        fp_wrong += f[i] != 77 + i;
    is_int(wrong, 0, "registers that the handler changed");
    ok(x[10] == -1 && x[11] == SIGUSR1 - 1 && x[17] == SYS_kill - 1, "also those of the call");
    is_int(fp_wrong, 0, "floating-point registers that it changed");
    is_int(f[32], 0x61, "fcsr");
    memset(f, 0, sizeof(f));
    load_fp(f);
    ok(blocked(SIGUSR2) && !blocked(SIGUSR1), "the mask that it changed");
    set_blocked(SIG_UNBLOCK, SIGUSR2, 0);
}

static void on_skip(int signum, siginfo_t *info, void *context) {
    ucontext_t *c = context;

    c->uc_mcontext.__gregs[REG_PC] += 4;
    (void)signum, (void)info;
}

static void test_pc(void) {
    handle(SIGUSR1, on_skip, 0);
    register long a0 __asm__("a0") = getpid();
    register long a1 __asm__("a1") = SIGUSR1;
    register long a7 __asm__("a7") = SYS_kill;
    __asm__ volatile(".option push\n"
                     ".option norvc\n"
                     "ecall\n"
                     "li a0, 5\n" /* skipped */
                     "addi a0, a0, 7\n"
                     ".option pop\n"
                     : "+r"(a0)
                     : "r"(a1), "r"(a7)
                     : "memory");
    is_int(a0, 7, "the pc that the handler changed");
}

/* The interrupted place comes back with a0 as the handler says, which is not a call cut short. */
static void on_eintr(int signum, siginfo_t *info, void *context) {
    ucontext_t *c = context;

    if (signum == SIGUSR1) {
        c->uc_mcontext.__gregs[REG_A0] = (unsigned long)-EINTR;
        raise(SIGUSR2); /* blocked by sa_mask: comes at the return */
    }
    hits++;
    (void)info;
}

static void test_eintr_result(void) {
    handle(SIGUSR2, on_eintr, SA_RESTART);
    handle_masked(SIGUSR1, on_eintr, SA_RESTART, SIGUSR2);
    is_errno(kill(getpid(), SIGUSR1), EINTR, "a result of -EINTR made by a handler stays");
    is_int(hits, 2, "and the call is not made again");
}

/* ---- Bad frames --------------------------------------------------------------------------- */

static void sigreturn_at(unsigned long sp) {
    __asm__ volatile("mv sp, %0\n"
                     "li a7, 139\n"
                     "ecall\n"
                     :
                     : "r"(sp)
                     : "memory");
    _exit(1);
}

static int bad_frame_low(void) {
    sigreturn_at(64);
    return 0;
}

static int bad_frame_kernel(void) {
    sigreturn_at(0xffffffc080000000);
    return 0;
}

/* There is room below sp, but the frame above it is not all there. */
static int bad_frame_end(void) {
    char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(pages + 2 * 4096, 4096);
    sigreturn_at((unsigned long)pages + 2 * 4096 - 256);
    return 0;
}

/* A frame of zeros: goes on at address 0. */
static int bad_frame_zeros(void) {
    char *pages = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    sigreturn_at((unsigned long)pages + 2 * 4096);
    return 0;
}

/* Sends SIGUSR1 on a stack of which 768 bytes are left. */
static void kill_on_small_stack(void) {
    char *page = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    mprotect(page + 4096, 4096, PROT_READ | PROT_WRITE);
    register long a0 __asm__("a0") = getpid();
    register long a1 __asm__("a1") = SIGUSR1;
    register long a7 __asm__("a7") = SYS_kill;
    __asm__ volatile("mv s1, sp\n"
                     "mv sp, %3\n"
                     "ecall\n"
                     "mv sp, s1\n"
                     : "+r"(a0)
                     : "r"(a1), "r"(a7), "r"(page + 4096 + 768)
                     : "s1", "memory");
}

static int no_room(void) {
    handle(SIGUSR1, on_change, 0);
    kill_on_small_stack();
    return 0;
}

static int room_elsewhere(void) {
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};

    sigaltstack(&alternate, NULL);
    handle(SIGUSR1, trash_registers, (int)SA_ONSTACK);
    kill_on_small_stack();
    return 7;
}

static void test_bad_frames(void) {
    is_int(in_child(bad_frame_low) & 0x7f, SIGSEGV, "rt_sigreturn without a stack");
    is_int(in_child(bad_frame_kernel) & 0x7f, SIGSEGV, "with a stack that is not the program's");
    is_int(in_child(bad_frame_end) & 0x7f, SIGSEGV, "with half a frame");
    is_int(in_child(bad_frame_zeros) & 0x7f, SIGSEGV, "with a frame of zeros");
    is_int(in_child(no_room) & 0x7f, SIGSEGV, "a signal without room for its frame");
    is_int(in_child(room_elsewhere), 7 << 8, "with room on another stack");
}

static void test_machine(void) {
    test_fresh_fp();
    test_integer_registers("a handler that destroys all");
    test_fp_registers("a handler that destroys all");
    test_frame_contents();
    test_changes();
    test_pc();
    test_eintr_result();
    test_bad_frames();
}
#else
static void test_machine(void) {
}
#endif

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

/* ---- Other stacks, calls cut short -------------------------------------------------------- */

static volatile bool on_it;
static stack_t in_frame;

static void on_stack(int signum, siginfo_t *info, void *context) {
    char here;

    on_it = (char *)&here >= stack && (char *)&here < stack + sizeof(stack);
    in_frame = ((ucontext_t *)context)->uc_stack;
    (void)signum, (void)info;
}

static void test_stack(void) {
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;
    stack_t none = {.ss_flags = SS_DISABLE};

    handle(SIGUSR1, on_stack, (int)SA_ONSTACK);
    kill(getpid(), SIGUSR1);
    ok(!on_it && in_frame.ss_flags == SS_DISABLE, "SA_ONSTACK without another stack");
    sigaltstack(&alternate, NULL);
    kill(getpid(), SIGUSR1);
    ok(on_it, "and with one");
    ok(in_frame.ss_sp == stack && in_frame.ss_size == sizeof(stack) && in_frame.ss_flags == 0,
       "the frame tells of it");
#ifdef __riscv
    handle(SIGUSR1, trash_registers, (int)SA_ONSTACK);
    test_integer_registers("on another stack");
    test_fp_registers("on another stack");
#endif
    handle(SIGUSR1, on_stack, 0);
    kill(getpid(), SIGUSR1);
    ok(!on_it, "without SA_ONSTACK the handler stays where it is");
    sigaltstack(NULL, &old);
    ok(old.ss_sp == stack && old.ss_flags == 0, "the other stack is still there");
    sigaltstack(&none, NULL);
}

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
    test_machine();
    test_order();
    test_queue();
    test_nodefer();
    test_mask();
    is_int(in_child(reset_twice) & 0x7f, SIGUSR1, "SA_RESETHAND: the second one kills");
    test_info();
    test_whole_info();
    test_stack();
    test_cut_short();
    test_busy();
    test_storm();
    return done();
}
