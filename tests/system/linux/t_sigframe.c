/* SPDX-License-Identifier: MIT */
/*
 * Signal frames: what a handler is given, that everything is put back after it, and that what it
 * changed there holds. Which signals come when is in t_signal and t_sigorder.
 */
#include "../fpregs.h"
#include "tap.h"
#include "handle.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

static char stack[65536];

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

/* ---- Other stacks -------------------------------------------------------------------------- */

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

int main(void) {
    test_machine();
    test_stack();
    return done();
}
