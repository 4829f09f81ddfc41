/* SPDX-License-Identifier: MIT */
/* What a tracer sees and changes of a stopped tracee, besides its memory: registers, the stop's siginfo, signals, the system call. */
#include "ptrace.h"
#include <string.h>

#define NT_PRSTATUS 1
#define NT_FPREGSET 2

#define PEEK_SHARED 1u /* PTRACE_PEEKSIGINFO_SHARED */
#define PEEKED_MOST 32
#define SIGNAL_SIZE 128

#define SYSCALL_NONE 0
#define SYSCALL_ENTRY 1
#define SYSCALL_EXIT 2
#define AUDIT_ARCH_RISCV64 0xc00000f3u

struct vector { /* struct iovec */
    uint64_t base, length;
};

/* The tracer's memory. */
static long get(const struct process *by, void *to, uint64_t from, size_t n) {
    return pk_task_copy_in(by->task, to, from, n) < 0 ? -EFAULT : 0;
}
static long put(const struct process *by, uint64_t to, const void *from, size_t n) {
    return pk_task_copy_out(by->task, to, from, n) < 0 ? -EFAULT : 0;
}

/* ---- Registers ---- */

/* elf_gregset_t: pc and x1 to x31; the first F_SIZE bytes of elf_fpregset_t, as Linux has it: f0 to f31 and fcsr. */
#define X_SIZE (32 * sizeof(uint64_t))
#define F_SIZE (33 * sizeof(uint64_t))

static void *register_set(struct pk_regs *regs, uint64_t type, size_t *size) {
    _Static_assert(offsetof(struct pk_regs, fcsr) == offsetof(struct pk_regs, f) + X_SIZE,
                   "f and fcsr stand in a row");
    *size = type == NT_PRSTATUS ? X_SIZE : F_SIZE;
    return type == NT_PRSTATUS ? regs->x : type == NT_FPREGSET ? regs->f : NULL;
}

/* Whole registers, as many as fit; the vector tells how much that is. */
long ptrace_registers(struct tracee *tracee, const struct process *by, uint64_t type,
                      uint64_t vector, bool set) {
    struct vector v;
    size_t size;
    char *registers = register_set(&tracee->regs, type, &size);
    long error = get(by, &v, vector, sizeof v);
    if (error < 0)
        return error;
    if (!registers || v.length % sizeof(uint64_t))
        return -EINVAL;
    v.length = v.length < size ? v.length : size;
    if (set) {
        static char given[F_SIZE];
        error = get(by, given, v.base, v.length);
        if (error == 0) {
            memcpy(registers, given, v.length);
            tracee->regs.fcsr &= 0xff;
            tracee->regs.fp |= type == NT_FPREGSET;
            tracee->changed = true;
        }
    } else {
        error = put(by, v.base, registers, v.length);
    }
    return error < 0 ? error : put(by, vector, &v, sizeof v);
}

/* ---- Signals ---- */

long ptrace_siginfo(struct tracee *tracee, const struct process *by, uint64_t data, bool set) {
    struct linux_siginfo whole = {.info = tracee->info};
    if (!tracee->has_info)
        return -EINVAL;
    if (!set)
        return put(by, data, &whole, sizeof whole);
    long error = get(by, &whole, data, sizeof whole);
    if (error == 0)
        tracee->info = whole.info;
    return error;
}

struct peek_arguments { /* struct ptrace_peeksiginfo_args */
    uint64_t from;
    uint32_t flags;
    int32_t count;
};

long ptrace_peek_signals(const struct tracee *tracee, const struct process *by, uint64_t arguments,
                         uint64_t data) {
    const struct thread *t = tracee->thread;
    struct peek_arguments a;
    long error = get(by, &a, arguments, sizeof a);
    if (error < 0)
        return error;
    if (a.flags & ~PEEK_SHARED || a.count < 0)
        return -EINVAL;
    const struct pending *pending = a.flags & PEEK_SHARED ? &t->process->pending : &t->pending;
    static struct signal_info infos[PEEKED_MOST];
    int32_t count =
                pending_peek(pending, a.from, infos, a.count < PEEKED_MOST ? a.count : PEEKED_MOST),
            n = 0;
    for (; n < count; n++) {
        struct linux_siginfo whole = {.info = infos[n]};
        if (put(by, data + (uint64_t)n * SIGNAL_SIZE, &whole, sizeof whole) < 0)
            return n ? n : -EFAULT;
    }
    return n;
}

long ptrace_mask(const struct tracee *tracee, const struct process *by, uint64_t size,
                 uint64_t data, bool set) {
    struct thread *t = tracee->thread;
    uint64_t mask = t->mask_saved ? t->saved_mask : mask_of(t);
    if (size != sizeof mask)
        return -EINVAL;
    if (!set)
        return put(by, data, &mask, sizeof mask);
    long error = get(by, &mask, data, sizeof mask);
    if (error < 0)
        return error;
    signal_set_mask(t, mask & ~UNBLOCKABLE);
    t->mask_saved = false;
    error = mask_tell(t);
    if (error == 0)
        signal_poke(t);
    return error;
}

/* ---- The system call ---- */

struct call_info { /* struct ptrace_syscall_info */
    uint8_t kind, pad[3];
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
#define NONE_SIZE offsetof(struct call_info, entry)
#define ENTRY_SIZE (NONE_SIZE + 7 * sizeof(uint64_t))
#define EXIT_SIZE (offsetof(struct call_info, exit.is_error) + 1)
#define ERRNO_MOST 4095

long ptrace_call_info(const struct tracee *tracee, const struct process *by, uint64_t size,
                      uint64_t data) {
    const uint64_t *x = tracee->regs.x;
    struct call_info info = {.arch = AUDIT_ARCH_RISCV64, .pc = x[0], .sp = x[2]};
    uint64_t actual = NONE_SIZE;
    if (tracee->stop == STOP_ENTRY) {
        info.kind = SYSCALL_ENTRY;
        info.entry.number = x[17];
        memcpy(info.entry.arguments, &x[10], sizeof info.entry.arguments);
        actual = ENTRY_SIZE;
    } else if (tracee->stop == STOP_EXIT) {
        info.kind = SYSCALL_EXIT;
        info.exit.value = (int64_t)x[10];
        info.exit.is_error = x[10] >= (uint64_t)-ERRNO_MOST;
        actual = EXIT_SIZE;
    }
    long error = put(by, data, &info, size < actual ? size : actual);
    return error < 0 ? error : (long)actual;
}
