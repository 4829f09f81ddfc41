/* SPDX-License-Identifier: MIT */
/*
 * Every Linux system call with wild arguments, each number in a child of its own; then, on Parley,
 * the kernel's own calls (negative numbers) too. A call must give an error or a sane value, and
 * the system must work afterwards. What would rightly stop or change the machine, or signal
 * others, is left out. Needs RISC-V's numbers; on other machines it is skipped. On Linux it gives
 * up root first. qemu-user itself dies of some calls, which then count as failed.
 */
#include "tap.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#define HIGHEST 450
#define NATIVE 64
#define ROUNDS 60

static char buffer[65536];

/* ---- Which calls, and how they may end ---------------------------------------------------- */

/*
 * Left out: ends the process or the machine, sets clocks and names, signals others, makes copies.
 */
static const short left_out[] = {
    93,  94,            /* exit, exit_group */
    104, 294,           /* kexec_load, kexec_file_load */
    112, 170, 171, 266, /* clock_settime, settimeofday, adjtimex, clock_adjtime */
    117,                /* ptrace: a traced child is not waited for as others are */
    129, 130, 131,      /* kill, tkill, tgkill */
    138, 240,           /* rt_sigqueueinfo, rt_tgsigqueueinfo */
    139, 142,           /* rt_sigreturn, reboot */
    161, 162,           /* sethostname, setdomainname */
    220, 435,           /* clone, clone3 */
};

/* May wait for ever, rightly. */
static const short blocking[] = {
    22,  72,  73,  98,  133, 137,
    441, 449,                     /* epoll, select, poll, futex, sigsuspend, sigtimedwait */
    63,  65,  67,  69,  101, 115, /* read and its like, nanosleep, clock_nanosleep */
    188, 189, 192, 193,           /* msgrcv, msgsnd, semtimedop, semop */
};

/* May take away the caller's own memory or life, rightly. */
static const short self_harming[] = {
    163, 164, 261, 277, 101, 103,      /* limits, seccomp, timers */
    194, 195, 196, 197, 214, 215, 216, /* shm, brk, munmap, mremap */
    222, 226, 233, 234, 288,           /* mmap, mprotect, madvise and their like */
    107, 110, 167, 132, 134, 135,      /* timers, prctl, signals */
    99,  100, 293, 440,                /* robust lists, rseq, process_madvise */
};

static bool is_in(const short *list, size_t size, int number) {
    for (size_t i = 0; i < size / sizeof(*list); i++) {
        if (list[i] == number)
            return true;
    }
    return false;
}

#define IS_IN(list, number) is_in(list, sizeof(list), number)

/* ---- The arguments ------------------------------------------------------------------------ */

static long raw(long number, const long *arguments) {
#ifdef __riscv
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = arguments[0];
    register long a1 __asm__("a1") = arguments[1];
    register long a2 __asm__("a2") = arguments[2];
    register long a3 __asm__("a3") = arguments[3];
    register long a4 __asm__("a4") = arguments[4];
    register long a5 __asm__("a5") = arguments[5];
    register long t0 __asm__("t0") = -1;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a7),
                       "+r"(t0)
                     :
                     : "t1", "t2", "t3", "t4", "t5", "t6", "a6", "memory");
    return a0;
#else
    (void)number;
    (void)arguments;
    return -ENOSYS;
#endif
}

static long wild(unsigned int choice) {
    static const long values[] = {
        0,
        -1,
        8,
        0x1001,
        0x7fffffff,
        -0x7fffffffL - 1,
        0x80000000L,
        0xffffffffL,
        0x3ffffff000,
        0x3fffffffffL,
        0x4000000000,
        0x7ffffffff000,
        (long)0xffffffc000000000,
        (long)0xffffffff80200000,
        (long)0x8000000000000000,
        0x7fffffffffffffff,
        4096,
        -4096,
        3,
        0x123456789abcdef,
    };
    const size_t count = sizeof(values) / sizeof(values[0]);

    choice %= (unsigned int)count + 3;
    if (choice < count)
        return values[choice];
    if (choice == count)
        return (long)buffer;
    return choice == count + 1 ? (long)buffer + 1 : (long)(buffer + sizeof(buffer) - 3);
}

/* Round 0 to 22: one value for all arguments; then six by a fixed sequence. */
static void choose(int number, unsigned int round, long arguments[6]) {
    unsigned int seed = (unsigned int)number * 7919 + round * 104729 + 1;

    for (int i = 0; i < 6; i++) {
        seed = seed * 1103515245 + 12345;
        arguments[i] = round < 23 ? wild(round) : wild(seed >> 16);
    }
}

/* ---- One call's child --------------------------------------------------------------------- */

enum { FINE = 0, INSANE = 3, NOT_SELF = 4 };

static void isolate(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    int null = open("/dev/null", O_RDWR);

    for (int fd = 0; fd < 10; fd++)
        dup2(null, fd);
    setpgid(0, 0);
    if (!on_parley() && setuid(65534) < 0)
        _exit(FINE);
    sigaction(SIGALRM, &action, NULL);
}

static void torment(int number, unsigned int rounds) {
    pid_t self = getpid();
    long arguments[6];

    isolate();
    for (unsigned int round = 0; round < rounds; round++) {
        long result;

        choose(number, round, arguments);
        memset(buffer, 0, sizeof(buffer));
        alarm(1);
        result = raw(number, arguments);
        if (number >= 0 && result < -4095)
            _exit(INSANE);
        if (getpid() != self)
            _exit(NOT_SELF);
    }
    _exit(FINE);
}

static bool ended_well(int number, int status) {
    int signum = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (WIFEXITED(status))
        return WEXITSTATUS(status) == FINE || number < 0;
    if (signum == SIGALRM)
        return IS_IN(blocking, number) || IS_IN(self_harming, number) || number < 0;
    return IS_IN(self_harming, number) || number < 0;
}

static bool survives(int number) {
    pid_t pid = start();
    int status;

    if (pid == 0)
        torment(number, ROUNDS);
    status = reap(pid);
    if (ended_well(number, status))
        return true;
    printf("# call %d: wait status %#x\n", number, (unsigned int)status);
    return false;
}

/* ---- Whether all still works -------------------------------------------------------------- */

static int exit_5(void) {
    return 5;
}

static bool system_works(void) {
    struct {
        long type;
        char text[16];
    } message = {1, "works"};
    int ends[2], queue = msgget(IPC_PRIVATE, 0600);
    char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool good = memory != MAP_FAILED && pipe(ends) == 0;

    if (!good)
        return false;
    memset(memory, 1, 1 << 20);
    good &= munmap(memory, 1 << 20) == 0;
    good &= write(ends[1], "x", 1) == 1 && read(ends[0], &message.text[8], 1) == 1;
    good &= msgsnd(queue, &message, 6, 0) == 0 && msgrcv(queue, &message, 16, 0, 0) == 6;
    good &= msgctl(queue, IPC_RMID, NULL) == 0;
    good &= in_child(exit_5) == 5 << 8;
    close(ends[0]);
    close(ends[1]);
    return good;
}

static void test_linux_calls(void) {
    int bad = 0;

    for (int number = 0; number <= HIGHEST; number++) {
        if (!IS_IN(left_out, number))
            bad += !survives(number);
        if (number % 50 == 49) {
            is_int(bad, 0, "calls %d to %d with wild arguments", number - 49, number);
            ok(system_works(), "the system works afterwards");
            bad = 0;
        }
    }
}

/*
 * The native calls that a process has no business with. They may end it; nothing else may suffer.
 */
static void test_native_calls(void) {
    int bad = 0;

    if (!on_parley()) {
        skip("the kernel's own calls", "there are none");
        return;
    }
    for (int number = -1; number >= -NATIVE; number--)
        bad += !survives(number);
    is_int(bad, 0, "the kernel's own calls with wild arguments");
    ok(system_works(), "the system works afterwards");
}

/* What begins in the last bytes of the address space goes on at its start, where nothing is. */
static void test_last_bytes(void) {
    int wrong = 0, set = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf op = {0, -1, 0};

    for (long at = -1; at >= -80; at--) {
        wrong += raw(135, (long[6]){SIG_BLOCK, at, 0, 8}) != -EFAULT;   /* rt_sigprocmask */
        wrong += raw(101, (long[6]){at, 0}) != -EFAULT;                 /* nanosleep */
        wrong += raw(192, (long[6]){set, (long)&op, 1, at}) != -EFAULT; /* semtimedop */
    }
    is_int(wrong, 0, "what lies across the end of the address space: EFAULT");
    semctl(set, 0, IPC_RMID);
}

/* Bad copies: the combinations that clone(2) forbids. */
static void test_clone(void) {
    static const long flags[] = {0x10000, 0x800, 0x10800, 0x200 | 0x20000};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        long arguments[6] = {flags[i]}, result = raw(220, arguments);

        if (result == 0)
            _exit(0);
        is_int(result, -EINVAL, "clone with flags %#lx: EINVAL", flags[i]);
    }
}

int main(void) {
#ifdef __riscv
    long before = free_pages();

    test_linux_calls();
    test_clone();
    test_last_bytes();
    test_native_calls();
    if (on_parley())
        is_int(system("/bin/ipcrm -a"), 0, "remove the System V objects that were made");
    check_free_pages(before, 64, "as many free frames as before");
#else
    (void)test_linux_calls;
    (void)test_native_calls;
    (void)test_clone;
    (void)test_last_bytes;
    skip("wild arguments", "not a RISC-V machine");
#endif
    return done();
}
