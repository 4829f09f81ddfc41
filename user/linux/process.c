/* SPDX-License-Identifier: MIT */
/* Processes: fork, exec, exit, wait, limits, the machine's name and numbers. */
#include "regions.h"
#include <parley/prctl.h>
#include <protocol/proc_client.h>

#define CLONE_VM 0x100ul
#define CLONE_VFORK 0x4000ul
#define CLONE_PARENT 0x8000ul
#define CLONE_THREAD 0x10000ul
#define CLONE_SETTLS 0x80000ul
#define CLONE_PARENT_SETTID 0x100000ul
#define CLONE_CHILD_SETTID 0x1000000ul
#define PR_SET_NAME 15
#define PR_GET_NAME 16
#define PR_GET_PDEATHSIG 2
#define PR_GET_CHILD_SUBREAPER 37
#define PR_SET_NO_NEW_PRIVS 38
#define PR_GET_NO_NEW_PRIVS 39

/* To an address that is bad nothing is written, and clone(2) succeeds, as on Linux. */
static void put_tid(int32_t *at, int32_t tid) {
    pk_may_fail(user_put(at, &tid, sizeof tid));
}

struct vfork_result {
    long pid;      /* 0 in the child */
    uint64_t word; /* its own, there */
};

struct vfork_result personality_vfork(uint64_t flags, uint64_t label, uint64_t program_sp,
                                      uint64_t pidfd, uint64_t mask);

/* vfork's child can have the parent's stack if no other has it, and little is to be put away for it. */
static bool borrow_stack(uint64_t program_sp) {
    uint64_t sp, free = 0;
    __asm__ volatile("mv %0, sp" : "=r"(sp));
    return program_sp - sp <= PERSONALITY_VFORK_MOST &&
           __atomic_compare_exchange_n(&state.vforking, &free, 1, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/*
 * In a copy of the memory nobody has lent a stack. The first seat is the child's. If it was the parent's, too, all that
 * stands in it holds for both, and it is not written to: that would be a page to copy.
 */
static void begin_in_copy(uint64_t word, uint64_t parents_word, uint64_t mask) {
    struct personality_seat *seat = seat_of(word);
    if (state.vforking)
        state.vforking = 0;
    if (seat && seat != seat_of(parents_word))
        *seat = (struct personality_seat){word, mask, mask, 0};
}

static struct vfork_result make_child(uint64_t flags, const struct foreign_frame *f) {
    struct vfork_result result;
    const struct clone_call *c = &f->clone;
    uint64_t mask = mask_for_child(f);
    if (flags & CLONE_VM) {
        result = personality_vfork(flags, PROC_LABEL_FORK, f->sp, c->pidfd, mask);
        if (result.pid != 0)
            state.vforking = 0;
    } else {
        result.pid = proc_fork(PK_SLOT_PROC, flags, c->parent_tid, 0, c->pidfd, mask, &result.word);
        if (result.pid == 0)
            begin_in_copy(result.word, f->word, mask);
    }
    return result;
}

/*
 * clone(2) on the caller's stack: fork and vfork. The child comes out of the call to proc with 0; the rest of the way
 * back is the same for both.
 */
long clone_here(struct foreign_frame *f) {
    const struct clone_call c = f->clone;
    uint64_t flags = c.flags, sp = f->sp;
    if (flags & CLONE_VM && !(flags & CLONE_VFORK))
        return -EINVAL; /* both would run on one stack */
    if (flags & CLONE_VM && !borrow_stack(sp))
        flags &= ~CLONE_VM; /* on a copy of the memory */
    struct vfork_result result = make_child(flags, f);
    f->sp = sp;
    if (result.pid == 0) {
        if (!(c.flags & CLONE_VM))
            regions_in_child();
        if (flags & CLONE_CHILD_SETTID)
            put_tid((int32_t *)c.child_tid, personality_tid(result.word));
        if (flags & CLONE_SETTLS)
            __asm__ volatile("mv tp, %0" ::"r"(c.tls));
    } else if (result.pid > 0 && flags & CLONE_PARENT_SETTID && !(flags & CLONE_VM)) {
        put_tid((int32_t *)c.parent_tid, (int32_t)result.pid);
    }
    return result.pid;
}

/* For clone.S. */
extern const uint32_t clone_label __attribute__((visibility("hidden")));
const uint32_t clone_label = PROC_LABEL_FORK;

/* clone3(2)'s structure, as its first version has it; later members must be 0. */
struct clone3 {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};
#define CLONE3_MOST 4096
#define SIGNALS_MASK 0xfful
#define SIGNALS_MOST 64

static long read_zeros(const char *user, uint64_t size) {
    for (char byte; size; size--, user++)
        if (user_get(&byte, user, 1) < 0)
            return -EFAULT;
        else if (byte)
            return -E2BIG;
    return 0;
}

long clone3_read(const struct clone3 *user, uint64_t size, struct foreign_frame *f) {
    struct clone3 c;
    if (size > CLONE3_MOST)
        return -E2BIG;
    if (size < sizeof c)
        return -EINVAL;
    if (user_get(&c, user, sizeof c) < 0)
        return -EFAULT;
    long error = read_zeros((const char *)(user + 1), size - sizeof c);
    if (error < 0)
        return error;
    if (c.flags & SIGNALS_MASK || c.exit_signal > SIGNALS_MOST || !c.stack != !c.stack_size ||
        (c.flags & (CLONE_THREAD | CLONE_PARENT) && c.exit_signal))
        return -EINVAL;
    f->clone = (struct clone_call){
        c.flags | c.exit_signal, c.stack + c.stack_size, c.parent_tid, c.tls, c.child_tid, c.pidfd};
    return 0;
}

/* Struct robust_list_head: the list is empty, and nothing is on its way in or out. */
static int holds_none(const struct foreign_frame *f) {
    const struct personality_seat *seat = seat_of(f->word);
    uint64_t head = seat ? seat->robust : 0;
    int64_t next, pending;
    if (!head)
        return 1;
    return user_get_word(&next, (void *)head) == 0 && (uint64_t)next == head &&
           user_get_word(&pending, (void *)(head + 16)) == 0 && !pending;
}

long linux_execve(uint64_t path, uint64_t argv, uint64_t envp, long a3, long a4, long a5,
                  const struct foreign_frame *f) {
    (void)a3, (void)a4, (void)a5;
    mask_tell(f);
    return proc_exec(PK_SLOT_PROC, -100, path, argv, envp, 0, holds_none(f));
}

long linux_execveat(int dirfd, uint64_t path, uint64_t argv, uint64_t envp, uint32_t flags, long a5,
                    const struct foreign_frame *f) {
    (void)a5;
    mask_tell(f);
    return proc_exec(PK_SLOT_PROC, dirfd, path, argv, envp, flags, holds_none(f));
}

/* Only from a dead process server it comes back: the end is near then, too. */
long linux_exit(int code, long a1, long a2, long a3, long a4, long a5,
                const struct foreign_frame *f) {
    (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    for (;;) {
        pk_may_fail(proc_exit(PK_SLOT_PROC, code, holds_none(f)));
        pk_yield();
    }
}

long linux_exit_thread(int code, long a1, long a2, long a3, long a4, long a5,
                       const struct foreign_frame *f) {
    (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    struct personality_seat *seat = seat_of(f->word);
    int tidy = holds_none(f);
    if (seat && tidy) {
        seat->owner = 0;
        seat->told = PERSONALITY_UNTOLD;
    }
    for (;;) {
        pk_may_fail(proc_exit_thread(PK_SLOT_PROC, code, state.clear_tid, tidy));
        pk_yield();
    }
}

#define WNOHANG 1u
#define WUNTRACED 2u
#define WEXITED 4u
#define WCONTINUED 8u
#define P_ALL 0
#define P_PID 1
#define P_PGID 2
enum { CLD_EXITED = 1, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED };

static int wait_status(int code, int status) {
    switch (code) {
    case CLD_EXITED:
        return (status & 255) << 8;
    case CLD_KILLED:
        return status;
    case CLD_DUMPED:
        return status | 0x80;
    case CLD_TRAPPED:
    case CLD_STOPPED:
        return status << 8 | 0x7f;
    default:
        return 0xffff;
    }
}

/* struct rusage with the time on a hart as user time; 0 or -EFAULT. */
static long put_usage(uint64_t *rusage, uint64_t ns) {
    uint64_t usage[18] = {ns / NS_PER_SECOND, ns % NS_PER_SECOND / 1000};
    return user_put(rusage, usage, sizeof usage);
}

/* wait4(2). */
long linux_wait4(int pid, int32_t *status, uint32_t options, uint64_t *rusage, long a4, long a5,
                 const struct foreign_frame *f) {
    (void)a4, (void)a5;
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | 0xe0000000u))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    int type = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
    int id = pid < -1 ? -pid : pid == -1 ? 0 : pid;
    int code, value;
    uint32_t uid;
    uint64_t ns;
    mask_tell(f);
    long result = proc_wait(PK_SLOT_PROC, type, id, options | WEXITED, &code, &value, &uid, &ns);
    if (result <= 0)
        return result;
    int32_t word = wait_status(code, value);
    if ((status && user_put(status, &word, sizeof word) < 0) || (rusage && put_usage(rusage, ns)))
        return -EFAULT;
    return result;
}

/* siginfo_t as waitid(2) fills it. */
struct wait_info {
    int32_t signal, error, code, pad;
    int32_t pid;
    uint32_t uid;
    int32_t status, rest[25];
};
_Static_assert(sizeof(struct wait_info) == 128, "siginfo_t");

long linux_waitid(int type, int id, struct wait_info *info, uint32_t options, uint64_t *rusage,
                  long a5, const struct foreign_frame *f) {
    (void)a5;
    int code, value;
    uint32_t uid;
    uint64_t ns;
    mask_tell(f);
    long result = proc_wait(PK_SLOT_PROC, type, id, options, &code, &value, &uid, &ns);
    if (result < 0)
        return result;
    /* Nothing to report is told by pid and signal 0. */
    struct wait_info filled = {0};
    if (result > 0)
        filled = (struct wait_info){
            .signal = 17, .code = code, .pid = (int32_t)result, .uid = uid, .status = value};
    if ((info && user_put(info, &filled, sizeof filled) < 0) ||
        (result > 0 && rusage && put_usage(rusage, ns) < 0))
        return -EFAULT;
    return 0;
}

struct linux_utsname {
    char system[65], node[65], release[65], version[65], machine[65], domain[65];
};

static void put(char *to, const char *text) {
    size_t n = string_length(text);
    memset(to, 0, 65);
    memcpy(to, text, n);
}

/* uname(2): the ABI that programs see is Linux's. */
long linux_uname(struct linux_utsname *user) {
    struct linux_utsname name, *out = &name;
    put(out->system, PERSONALITY_SYSTEM);
    put(out->node, PERSONALITY_HOST);
    put(out->release, PERSONALITY_RELEASE);
    put(out->version, "#1 Parley 0.1");
    put(out->machine, "riscv64");
    put(out->domain, "(none)");
    return user_put(user, &name, sizeof name);
}

#define LOAD_SCALE (65536 / PROC_LOAD_ONE) /* SI_LOAD_SHIFT */

struct linux_sysinfo {
    int64_t uptime;
    uint64_t loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
    uint16_t processes, pad;
    uint64_t total_high, free_high;
    uint32_t unit;
};

long linux_sysinfo(struct linux_sysinfo *out) {
    struct pk_machine_info info;
    struct pk_account_info account;
    uint64_t processes = 0, loads[3] = {0};
    long error = pk_machine_info(&info);
    if (error == 0)
        /* What this process can get is free. */
        error = personality_connected(PK_SLOT_ACCOUNT, pk_account_info(PK_SLOT_ACCOUNT, &account));
    if (error == 0)
        error = proc_system(PK_SLOT_PROC, &processes, &loads[0], &loads[1], &loads[2]);
    if (error < 0)
        return error;
    struct linux_sysinfo numbers = {
        .uptime = (int64_t)(info.uptime_ns / NS_PER_SECOND),
        .loads = {loads[0] * LOAD_SCALE, loads[1] * LOAD_SCALE, loads[2] * LOAD_SCALE},
        .total_ram = info.frames_total * 4096,
        .free_ram = account.available,
        .processes = (uint16_t)processes,
        .unit = 1,
    };
    return user_put(out, &numbers, sizeof numbers);
}

/* prlimit(2) */
long linux_prlimit64(int pid, uint32_t resource, const uint64_t *new, uint64_t *old) {
    uint64_t limit[2] = {0, 0};
    if (new &&user_get(limit, new, sizeof limit) < 0)
        return -EFAULT;
    long error =
        proc_limit(PK_SLOT_PROC, pid, resource, new != 0, limit[0], limit[1], &limit[0], &limit[1]);
    return error == 0 && old ? user_put(old, limit, sizeof limit) : error;
}

long linux_getrlimit(uint32_t resource, uint64_t *old) {
    return linux_prlimit64(0, resource, 0, old);
}

long linux_setrlimit(uint32_t resource, const uint64_t *new) {
    return new ? linux_prlimit64(0, resource, new, 0) : -EFAULT;
}

long linux_getpriority(int which, int who) {
    return proc_priority(PK_SLOT_PROC, which, who, PROC_NICE_TELL, 0);
}

long linux_setpriority(int which, int who, int nice) {
    return proc_priority(PK_SLOT_PROC, which, who, PROC_NICE_SET, nice);
}

#define NAME_ROOM 16 /* of a name, with its NUL */

static long set_name(const char *user) {
    char name[NAME_ROOM] = {0};
    for (size_t i = 0; i < sizeof name - 1; i++) {
        if (user_get(&name[i], user + i, 1) < 0)
            return -EFAULT;
        if (!name[i])
            break;
    }
    uint64_t words[sizeof name / sizeof(uint64_t)];
    memcpy(words, name, sizeof name);
    return proc_set_name(PK_SLOT_PROC, words[0], words[1]);
}

static long get_name(char *user) {
    uint64_t words[NAME_ROOM / sizeof(uint64_t)];
    long error = proc_get_name(PK_SLOT_PROC, &words[0], &words[1]);
    return error < 0 ? error : user_put(user, words, sizeof words);
}

long linux_prctl(int option, uint64_t argument, uint64_t third, uint64_t fourth, uint64_t fifth) {
    switch (option) {
    case PR_GET_PDEATHSIG: {
        long signal = proc_attribute(PK_SLOT_PROC, option, 0);
        int32_t value = (int32_t)signal;
        return signal < 0 ? signal : user_put((int32_t *)argument, &value, sizeof value);
    }
    case PR_SET_NO_NEW_PRIVS:
    case PR_GET_NO_NEW_PRIVS:
        if (third || fourth || fifth || (option == PR_GET_NO_NEW_PRIVS && argument))
            return -EINVAL;
        return proc_attribute(PK_SLOT_PROC, option, argument);
    case PR_GET_CHILD_SUBREAPER: {
        int32_t value = (int32_t)proc_attribute(PK_SLOT_PROC, option, 0);
        return user_put((int32_t *)argument, &value, sizeof value);
    }
    case PR_SET_NAME:
        return set_name((const char *)argument);
    case PR_GET_NAME:
        return get_name((char *)argument);
    case PR_PARLEY_QUOTA:
        return proc_quota(PK_SLOT_PROC, argument);
    default:
        return proc_attribute(PK_SLOT_PROC, option, argument);
    }
}

#define REBOOT_MAGIC1 0xfee1dead
#define REBOOT_RESTART 0x01234567u
#define REBOOT_HALT 0xcdef0123u
#define REBOOT_POWER_OFF 0x4321fedcu

/* reboot(2); the fourth argument of POWER_OFF is the emulator's exit status. */
long linux_reboot(uint32_t magic1, uint32_t magic2, uint32_t command, uint64_t status) {
    if (magic1 != REBOOT_MAGIC1 || (magic2 != 672274793u && magic2 != 85072278u &&
                                    magic2 != 369367448u && magic2 != 537993216u))
        return -EINVAL;
    switch (command) {
    case REBOOT_RESTART:
        return proc_reboot(PK_SLOT_PROC, PK_STOP_REBOOT, 0);
    case REBOOT_HALT:
    case REBOOT_POWER_OFF:
        return status ? proc_reboot(PK_SLOT_PROC, PK_STOP_EXIT, status & 255)
                      : proc_reboot(PK_SLOT_PROC, PK_STOP_POWEROFF, 0);
    default:
        return -EINVAL;
    }
}

/* Not for keys: mixes the seed that the process got at exec with the time (splitmix64). */
static uint64_t next_random(void) {
    uint64_t z = state.random += 0x9e3779b97f4a7c15ul + clock_monotonic_ns();
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
    z = (z ^ z >> 27) * 0x94d049bb133111ebul;
    return z ^ z >> 31;
}

long linux_getrandom(uint8_t *out, uint64_t size, uint32_t flags) {
    if (flags & ~7u)
        return -EINVAL;
    uint64_t done = 0;
    while (done < size) {
        uint64_t value = next_random(), n = size - done < 8 ? size - done : 8;
        if (user_put(out + done, &value, n) < 0)
            return done ? (long)done : -EFAULT;
        done += n;
    }
    return (long)done;
}
