/* SPDX-License-Identifier: MIT */
/* ptrace(2): its requests, and who may make them of whom. */
#include "ptrace.h"
#include <protocol/proc_server.h>

enum request_number {
    PTRACE_TRACEME = 0,
    PTRACE_PEEKTEXT = 1,
    PTRACE_PEEKDATA = 2,
    PTRACE_POKETEXT = 4,
    PTRACE_POKEDATA = 5,
    PTRACE_CONT = 7,
    PTRACE_KILL = 8,
    PTRACE_ATTACH = 16,
    PTRACE_DETACH = 17,
    PTRACE_SYSCALL = 24,
    PTRACE_SETOPTIONS = 0x4200,
    PTRACE_GETEVENTMSG = 0x4201,
    PTRACE_GETSIGINFO = 0x4202,
    PTRACE_SETSIGINFO = 0x4203,
    PTRACE_GETREGSET = 0x4204,
    PTRACE_SETREGSET = 0x4205,
    PTRACE_SEIZE = 0x4206,
    PTRACE_INTERRUPT = 0x4207,
    PTRACE_LISTEN = 0x4208,
    PTRACE_PEEKSIGINFO = 0x4209,
    PTRACE_GETSIGMASK = 0x420a,
    PTRACE_SETSIGMASK = 0x420b,
    PTRACE_GET_SYSCALL_INFO = 0x420e,
};

static long set_options(struct tracee *tracee, uint64_t options) {
    if (options & ~(uint64_t)PTRACE_O_MASK)
        return -EINVAL;
    tracee->options = (uint32_t)options;
    return 0;
}

static long resume(struct tracee *tracee, bool syscalls, uint64_t signal) {
    if (signal > SIGNALS)
        return -EIO;
    tracee->syscalls = syscalls;
    ptrace_resume(tracee, (int)signal);
    return 0;
}

static long detach(struct tracee *tracee, uint64_t signal) {
    if (signal > SIGNALS)
        return -EIO;
    struct process *p = tracee->thread->process;
    ptrace_detach(tracee, signal == SIGKILL ? 0 : (int)signal);
    if (signal == SIGKILL)
        process_end(p, CLD_KILLED, SIGKILL);
    return 0;
}

/* Of one that was seized and is in the stop of its process. */
static long listen(struct tracee *tracee) {
    if (tracee->stop != STOP_TRAP)
        return -EIO;
    tracee->listening = true;
    list_remove(&tracee->event);
    if (tracee->due & DUE_TRAP) { /* its process has gone on meanwhile */
        tracee->due &= (uint8_t)~DUE_TRAP;
        ptrace_stop_trap(tracee);
    }
    return 0;
}

static long interrupt(struct tracee *tracee) {
    if (!tracee->seized)
        return -EIO;
    if (tracee->listening && tracee->stop == STOP_TRAP)
        ptrace_stop_trap(tracee);
    else
        ptrace_summon(tracee, DUE_TRAP);
    return 0;
}

static long kill(struct tracee *tracee) {
    process_end(tracee->thread->process, CLD_KILLED, SIGKILL);
    return 0;
}

/* Requests of a tracee that is stopped. */
static long act(struct tracee *tracee, const struct process *by, long request, uint64_t address,
                uint64_t data) {
    switch (request) {
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
        return ptrace_peek(tracee, by, address, data);
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA:
        return ptrace_poke_memory(tracee, address, data);
    case PTRACE_CONT:
    case PTRACE_SYSCALL:
        return resume(tracee, request == PTRACE_SYSCALL, data);
    case PTRACE_DETACH:
        return detach(tracee, data);
    case PTRACE_LISTEN:
        return listen(tracee);
    case PTRACE_SETOPTIONS:
        return set_options(tracee, data);
    case PTRACE_GETEVENTMSG:
        return pk_task_copy_out(by->task, data, &tracee->message, sizeof tracee->message) < 0
                   ? -EFAULT
                   : 0;
    case PTRACE_GETSIGINFO:
    case PTRACE_SETSIGINFO:
        return ptrace_siginfo(tracee, by, data, request == PTRACE_SETSIGINFO);
    case PTRACE_GETREGSET:
    case PTRACE_SETREGSET:
        return ptrace_registers(tracee, by, address, data, request == PTRACE_SETREGSET);
    case PTRACE_PEEKSIGINFO:
        return ptrace_peek_signals(tracee, by, address, data);
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK:
        return ptrace_mask(tracee, by, address, data, request == PTRACE_SETSIGMASK);
    case PTRACE_GET_SYSCALL_INFO:
        return ptrace_call_info(tracee, by, address, data);
    default: /* and PTRACE_SINGLESTEP, which riscv64 has not, nor registers by offsets */
        return -EIO;
    }
}

long proc_handle_trace(struct request *req, int64_t request, int tid, uint64_t address,
                       uint64_t data) {
    struct thread *by = request_thread(req);
    if (!by)
        return -ESRCH;
    if (request == PTRACE_TRACEME)
        return ptrace_trace_me(by);
    if (request == PTRACE_ATTACH)
        return ptrace_attach(by, tid, false, 0);
    if (request == PTRACE_SEIZE)
        return address ? -EIO : ptrace_attach(by, tid, true, data);
    struct tracee *tracee = tracee_find(by, tid);
    if (!tracee)
        return -ESRCH;
    if (request == PTRACE_KILL)
        return kill(tracee);
    if (request == PTRACE_INTERRUPT)
        return interrupt(tracee);
    if (tracee->stop == STOP_NONE || tracee->listening)
        return -ESRCH;
    return act(tracee, by->process, request, address, data);
}
