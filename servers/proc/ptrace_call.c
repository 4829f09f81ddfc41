/* SPDX-License-Identifier: MIT */
/*
 * System calls of a thread that is traced. Its task has no foreign entry, so each is an exception here: the stop before the
 * call is that exception, unanswered. It is made by having the thread go on inside a foreign call, at the personality's
 * entry, as all others do. If the tracer is to hear of its end, the call is made to return to a breakpoint in the
 * personality (PERSONALITY_TRACED_RETURN), which is an exception again; where the program is to go on is kept in
 * thread.return_pc, for a thread may have no tracer any more when it comes back, and a call of clone comes back twice.
 */
#include "ptrace.h"
#include <parley/personality.h>

#define NUMBER(regs) ((int64_t)(regs)->x[17])
#define SIGRETURN_CALL 139
#define CLONE_CALL 220
#define CLONE3_CALL 435

/* What Linux's tracers see of a call that may be made again (linux/errno.h). */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

#define SYSCALL_GOOD 0x80u /* of the stop's signal, with PTRACE_O_TRACESYSGOOD */

static uint64_t return_address(const struct process *p) {
    return p->entry - PERSONALITY_CORE_BEFORE + PERSONALITY_TRACED_RETURN;
}

bool ptrace_call_ends(struct thread *t, struct pk_regs *regs) {
    if (__builtin_expect(!t->return_pc, 1) || regs->foreign ||
        regs->x[0] != return_address(t->process))
        return false;
    regs->x[0] = t->return_pc;
    t->return_pc = 0;
    return true;
}

static void stop_at_call(struct tracee *tracee, enum ptrace_stop stop) {
    uint32_t good = tracee->options & PTRACE_O_TRACESYSGOOD ? SYSCALL_GOOD : 0;
    tracee->message = stop == STOP_ENTRY ? 1 : 2; /* PTRACE_EVENTMSG_SYSCALL_ENTRY, _EXIT */
    ptrace_stop(tracee, stop, SIGTRAP | good);
}

void ptrace_stop_exit(struct tracee *tracee) {
    stop_at_call(tracee, STOP_EXIT);
}

void ptrace_call_ended(struct tracee *tracee) {
    if (tracee->syscalls)
        ptrace_stop_exit(tracee);
    else
        ptrace_go_on(tracee);
}

/* The thread is inside the call from now on, and comes back by the breakpoint, or past it. */
static void enter(struct thread *t, uint64_t token, struct pk_regs *regs, bool comes_back) {
    const struct process *p = t->process;
    uint64_t pc = regs->x[0];
    if (comes_back) {
        t->return_pc = pc;
        regs->x[0] = return_address(p);
    }
    regs->foreign = p->entry;
    must(pk_thread_regs(t->slot, regs, PK_REGS_SET | PK_REGS_FOREIGN));
    regs->x[0] = pc;
    server_reply(token, 0);
}

/* Its frame would be taken apart by the personality, and the tracer not hear of the end of the call. */
static void return_from_handler(struct tracee *tracee) {
    static const struct signal_info bad = {.signal = SIGSEGV, .code = SI_KERNEL};
    struct thread *t = tracee->thread;
    if (frame_pop(t, tracee->regs.x[2], &tracee->regs) < 0) {
        ptrace_fault(t, tracee->token, &tracee->regs, &bad);
        return;
    }
    t->restart_call = 0;
    ptrace_call_ended(tracee);
}

/* Like Linux it makes none whose number the tracer has made negative. */
void ptrace_enter(struct tracee *tracee) {
    struct thread *t = tracee->thread;
    int64_t number = NUMBER(&tracee->regs);
    uint64_t token = tracee->token;
    if (number < 0) {
        ptrace_call_ended(tracee);
    } else if (number == SIGRETURN_CALL && t->tracee) {
        return_from_handler(tracee);
    } else {
        bool makes = number == CLONE_CALL || number == CLONE3_CALL;
        tracee->token = 0;
        tracee->changed = false;
        enter(t, token, &tracee->regs, t->tracee && (tracee->syscalls || makes));
    }
}

/* Also of a thread that nobody traces, of a process with one that somebody does. */
bool ptrace_call(struct thread *t, uint64_t token) {
    static struct pk_regs regs;
    struct tracee *tracee = t->tracee;
    if (pk_thread_regs(t->slot, &regs, PK_REGS_GET) < 0 || regs.foreign)
        return false;
    if (!tracee) {
        enter(t, token, &regs, false);
        return true;
    }
    tracee->token = token;
    tracee->regs = regs;
    delivery_begin(&tracee->delivery, &regs, 0, 0);
    if (tracee->syscalls)
        stop_at_call(tracee, STOP_ENTRY);
    else
        ptrace_enter(tracee);
    return true;
}

long ptrace_came_back(struct thread *t, uint64_t token, const struct pk_regs *regs) {
    static struct pk_regs own;
    struct tracee *tracee = t->tracee;
    own = *regs;
    if (!tracee) {
        must(pk_thread_regs(t->slot, &own, PK_REGS_SET));
        return 0;
    }
    if (tracee->changed) { /* by its tracer, at a stop within the call */
        uint64_t result = own.x[10];
        own = tracee->regs;
        own.x[10] = result;
    }
    tracee->token = token;
    tracee->regs = own;
    tracee->changed = false;
    delivery_begin(&tracee->delivery, &own, 0, 0);
    ptrace_call_ended(tracee);
    return SERVER_DEFER;
}

static long shown(const struct delivery *d) {
    switch (d->restarts) {
    case RESTARTS_ALWAYS:
        return -ERESTARTNOINTR;
    case RESTARTS_IF_ASKED:
        return -ERESTARTSYS;
    case RESTARTS_UNHANDLED:
        return d->word == PERSONALITY_CUT_SHORT ? -ERESTARTNOHAND : -ERESTART_RESTARTBLOCK;
    case RESTARTS_NEVER:
        break;
    }
    return -EINTR;
}

void ptrace_show_restart(struct tracee *tracee) {
    if (tracee->delivery.word)
        tracee->regs.x[10] = (uint64_t)shown(&tracee->delivery);
}

void ptrace_take_restart(struct tracee *tracee) {
    struct delivery *d = &tracee->delivery;
    if (!d->word)
        return;
    if (tracee->regs.x[10] == (uint64_t)shown(d))
        tracee->regs.x[10] = (uint64_t)-EINTR;
    else
        d->restarts = RESTARTS_NEVER; /* the tracer has another result for it */
    d->word = d->restarts == RESTARTS_NEVER ? 0 : d->word;
}
