/* SPDX-License-Identifier: MIT */
/*
 * What reaches this server from the kernel about a process's thread: faults, and the attention it
 * asked for. The thread waits here, its registers at rest, so signal frames can be built.
 */
#include "core.h"
#include "deliver.h"
#include "pool.h"
#include "ptrace.h"
#include "seat.h"
#include <protocol/proc_server.h>

enum { CAUSE_ILLEGAL = 2, CAUSE_BREAKPOINT = 3, CAUSE_FETCH_PAGE = 12, CAUSE_STORE_PAGE = 15 };
enum {
    SEGV_MAPERR = 1,
    SEGV_ACCERR = 2,
    BUS_ADRALN = 1,
    BUS_ADRERR = 2,
    ILL_ILLOPC = 1,
    TRAP_BRKPT = 1
};

#define ECALL_SIZE 4

#define FUTEX_CALL 98
#define RESTART_CALL 128 /* restart_syscall(2) */
#define CLONE_CALL 220   /* cut short only if it was begun before somebody traced the thread */
#define CLONE3_CALL 435
enum { FUTEX_LOCK_PI = 6, FUTEX_WAIT_REQUEUE_PI = 11, FUTEX_LOCK_PI2 = 13 };

static enum restarts futex_restarts(const struct pk_regs *regs) {
    unsigned command = regs->x[11] & 127;
    if (command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2 || command == FUTEX_WAIT_REQUEUE_PI)
        return RESTARTS_ALWAYS;
    return regs->x[13] ? RESTARTS_UNHANDLED : RESTARTS_IF_ASKED; /* with a time-out */
}

static enum restarts restarts_of(const struct pk_regs *regs, uint64_t word) {
    if (word == PERSONALITY_CUT_FINALLY)
        return RESTARTS_NEVER;
    switch (regs->x[17]) {
    case FUTEX_CALL:
        return futex_restarts(regs);
    case CLONE_CALL:
    case CLONE3_CALL:
        return RESTARTS_ALWAYS;
    case 72:  /* pselect6 */
    case 73:  /* ppoll */
    case 101: /* nanosleep */
    case 115: /* clock_nanosleep */
    case RESTART_CALL:
    case 133: /* rt_sigsuspend */
    case 188: /* msgrcv */
    case 189: /* msgsnd */
        return RESTARTS_UNHANDLED;
    case 22:  /* epoll_pwait */
    case 137: /* rt_sigtimedwait */
    case 192: /* semtimedop */
    case 193: /* semop */
    case 441: /* epoll_pwait2 */
        return RESTARTS_NEVER;
    default:
        return RESTARTS_IF_ASKED;
    }
}

/*
 * Goes back to the system call's instruction with the arguments that it had. One that waits for a certain while
 * goes on as restart_syscall(2), until the time that the word is.
 */
static void restart(struct thread *t, struct pk_regs *regs, uint64_t first_argument,
                    uint64_t word) {
    regs->x[0] -= ECALL_SIZE;
    regs->x[10] = first_argument;
    if (word == PERSONALITY_CUT_SHORT)
        return;
    if (regs->x[17] != RESTART_CALL)
        t->restart_call = (int)regs->x[17];
    t->restart_until = word;
    regs->x[17] = RESTART_CALL;
}

long proc_handle_restart(struct request *req) {
    const struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    proc_results_restart(&req->msg, t->restart_until);
    return t->restart_call;
}

/* A signal that there is no room for a frame of. */
static void overflow(struct thread *t) {
    const struct signal_info info = {.signal = SIGSEGV, .code = SI_KERNEL};
    core_kill(t, &info);
}

void delivery_begin(struct delivery *d, const struct pk_regs *regs, uint64_t word, uint64_t first) {
    *d = (struct delivery){
        .word = word, .first = first, .restarts = word ? restarts_of(regs, word) : RESTARTS_NEVER};
}

bool delivery_handle(struct thread *t, struct pk_regs *regs, struct delivery *d,
                     const struct signal_info *info) {
    const struct signal_action *a = signal_action(t->process, info->signal);
    if (!d->handled && (d->restarts == RESTARTS_ALWAYS ||
                        (d->restarts == RESTARTS_IF_ASKED && a->flags & SA_RESTART)))
        restart(t, regs, d->first, d->word);
    d->handled = true;
    if (frame_push(t, regs, info) == 0)
        return true;
    overflow(t);
    return false;
}

void delivery_end(struct thread *t, struct pk_regs *regs, const struct delivery *d) {
    if (!d->handled && d->restarts != RESTARTS_NEVER)
        restart(t, regs, d->first, d->word);
    if (t->mask_saved && !d->handled) {
        t->mask_saved = false;
        signal_set_mask(t, t->saved_mask);
    }
}

bool deliver(struct thread *t, struct pk_regs *regs, struct delivery *d) {
    struct process *p = t->process;
    mask_learn(t);
    struct signal_info info;
    signal_retarget_blocked(t);
    while (p->state == PROCESS_RUNNING && signal_take(t, ~t->blocked, &info)) {
        const struct signal_action *a = signal_action(p, info.signal);
        if (a->handler == SIG_IGN)
            continue;
        if (a->handler == SIG_DFL) {
            t->pending.set |= signal_bit(info.signal);
            p->own_pending |= signal_bit(info.signal);
            signal_poke(t); /* ends, stops or forgets */
            continue;
        }
        if (!delivery_handle(t, regs, d, &info))
            return false;
    }
    delivery_end(t, regs, d);
    return p->state != PROCESS_ZOMBIE;
}

static long on_attention(struct request *req, struct thread *t) {
    static struct pk_regs regs;
    struct delivery d;
    if (pk_thread_regs(t->slot, &regs, PK_REGS_GET) < 0)
        return 0;
    bool from_call = ptrace_call_ends(t, &regs);
    delivery_begin(&d, &regs, req->msg.w[2], req->msg.w[1]);
    if (t->tracee)
        return ptrace_attention(t, req->token, &regs, &d, from_call);
    if (!deliver(t, &regs, &d))
        return SERVER_DEFER;
    must(pk_thread_regs(t->slot, &regs, PK_REGS_SET));
    return 0;
}

/* The signal that a fault is. error: why the kernel could not resolve it, 0: not a page fault. */
static void fault_signal(uint64_t cause, uint64_t address, uint64_t error,
                         struct signal_info *info) {
    *info = (struct signal_info){.signal = SIGSEGV, .code = SEGV_MAPERR};
    info->address = address;
    if (cause == CAUSE_ILLEGAL) {
        info->signal = SIGILL;
        info->code = ILL_ILLOPC;
    } else if (cause == CAUSE_BREAKPOINT) {
        info->signal = SIGTRAP;
        info->code = TRAP_BRKPT;
    } else if (cause < CAUSE_FETCH_PAGE) {
        info->signal = SIGBUS;
        info->code = cause % 2 ? BUS_ADRERR : BUS_ADRALN;
    } else if (error == ENXIO) {
        info->signal = SIGBUS;
        info->code = BUS_ADRERR;
    } else if (error == EACCES) {
        info->code = SEGV_ACCERR;
    }
}

/* The personality touched memory that the program named: its copy routine returns -EFAULT. */
static bool in_copy(const struct process *p, uint64_t pc) {
    return pc >= p->entry - PERSONALITY_COPY_SIZE && pc < p->entry;
}

#define EXIT_CALL 93

/* It ends without a stack, which it has unmapped: nothing could be saved there. */
static bool exits_without_stack(const struct process *p, const struct pk_regs *regs, uint64_t pc) {
    return regs->foreign && regs->x[17] == EXIT_CALL && pc - p->entry < PERSONALITY_SAVE_SIZE;
}

/* log=faults on the kernel command line: a line for each fault that becomes a signal. */
static bool log_faults;

void deliver_setup(void) {
    char option[16];
    log_faults = command_line_get("log", option, sizeof option) > 0 && option[0] == 'f';
}

static long on_fault(struct request *req, struct thread *t, uint64_t error) {
    static struct pk_regs regs;
    struct process *p = t->process;
    struct signal_info info;
    uint64_t cause = req->msg.w[0], address = req->msg.w[1], pc = req->msg.w[2];
    if (pk_thread_regs(t->slot, &regs, PK_REGS_GET) < 0)
        return 0;
    bool dumps = p->state == PROCESS_DUMPING;
    if (cause == CAUSE_BREAKPOINT && ptrace_call_ends(t, &regs))
        return ptrace_came_back(t, req->token, &regs);
    if (in_copy(p, pc) && (regs.foreign || dumps)) {
        regs.x[0] = regs.x[1];
        regs.x[10] = (uint64_t)-EFAULT;
        must(pk_thread_regs(t->slot, &regs, PK_REGS_SET));
        return 0;
    }
    if (exits_without_stack(p, &regs, pc)) {
        seat_clear(t);
        if (!core_rests(t, 0))
            thread_end(t, (int)regs.x[10] & 255);
        return SERVER_DEFER;
    }
    if (log_faults)
        server_log("%s[%d]: cause %lu at pc %lx, address %lx, error %lu%s", p->name, process_pid(p),
                   cause, pc, address, error, regs.foreign ? ", in the personality" : "");
    fault_signal(cause, address, error, &info);
    if (cause == CAUSE_ILLEGAL || cause == CAUSE_BREAKPOINT)
        info.address = pc;
    /* Inside the personality the stack is unusable: no handler could run on it. */
    if (regs.foreign || dumps) {
        core_kill(t, &info);
        return SERVER_DEFER;
    }
    if (t->tracee)
        return ptrace_fault(t, req->token, &regs, &info);
    if (!signal_force(t, &info))
        return SERVER_DEFER;
    if (frame_push(t, &regs, &info) < 0) {
        overflow(t);
        return SERVER_DEFER;
    }
    if (p->state == PROCESS_ZOMBIE)
        return SERVER_DEFER;
    must(pk_thread_regs(t->slot, &regs, PK_REGS_SET));
    return 0;
}

/*
 * A page that nobody can pay for: whoever uses most of the account that is full ends, and p goes on, if it was
 * not p itself. If it is a file's page, or the like, no process's end would help: then it is as if the file
 * had no such page (SIGBUS), as it is in a tmpfs that is full.
 */
static long on_memory(struct request *req, struct thread *t) {
    struct process *p = t->process;
    if (pool_is_kept(req->msg.w[3]))
        return on_fault(req, t, ENXIO);
    if (!pool_is_full(req->msg.w[3]))
        return 0; /* since then somebody has given memory back, or was ended for another's fault */
    struct process *largest = pool_largest(req->msg.w[3]);
    if (!largest)
        largest = p;
    if (log_faults)
        server_log("%s[%d]: no memory for address %lx; %s[%d] ends", p->name, process_pid(p),
                   req->msg.w[1], largest->name, process_pid(largest));
    process_end(largest, CLD_KILLED, SIGKILL);
    return largest == p ? SERVER_DEFER : 0;
}

static long handle(struct request *req, struct thread *t) {
    switch (req->msg.label) {
    case PK_EXCEPTION_ATTENTION:
        return on_attention(req, t);
    case PK_EXCEPTION_FAULT:
        return on_fault(req, t, req->msg.w[3]);
    case PK_EXCEPTION_MEMORY:
        return on_memory(req, t);
    case PK_EXCEPTION_FOREIGN:
        if (ptrace_call(t, req->token))
            return SERVER_DEFER;
        __attribute__((fallthrough));
    default: /* a system call inside the personality: it never makes one */
        process_end(t->process, CLD_KILLED, SIGSYS);
        return SERVER_DEFER;
    }
}

long deliver_exception(struct request *req) {
    struct thread *t = request_thread(req);
    if (!t || core_rests(t, req->token))
        return SERVER_DEFER;
    bool dumped = t->process->state == PROCESS_DUMPING;
    long result = handle(req, t);
    /* Its signal may have been the process's end, but for a core: with that it rests. Or it has ended itself. */
    t = request_thread(req);
    return !dumped && t && core_rests(t, req->token) ? SERVER_DEFER : result;
}
