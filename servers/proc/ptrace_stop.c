/* SPDX-License-Identifier: MIT */
/*
 * Stops of a thread that is traced, and what follows them (ptrace(2)). A thread in an exception is at one of these places: on its way
 * into a system call, out of one, or anywhere in its program. There it stops for what is due and for each signal, one after the
 * other; each time its tracer decides how it goes on.
 */
#include "core.h"
#include "ptrace.h"

void ptrace_stop_info(struct tracee *tracee, enum ptrace_stop stop, uint32_t code,
                      const struct signal_info *info) {
    tracee->stop = stop;
    tracee->code = code;
    tracee->listening = false;
    tracee->has_info = info != NULL;
    if (info)
        tracee->info = *info;
    ptrace_tell(tracee);
}

/* Of what the tracee caused itself, by what Linux says of it. */
void ptrace_stop(struct tracee *tracee, enum ptrace_stop stop, uint32_t code) {
    struct signal_info info = {.signal = (int)code & 127, .code = (int)code};
    info.pid = thread_tid(tracee->thread);
    info.uid = tracee->thread->process->ruid;
    ptrace_stop_info(tracee, stop, code, &info);
}

void ptrace_stop_event(struct tracee *tracee, enum ptrace_event event, uint64_t message) {
    tracee->message = message;
    ptrace_stop(tracee, STOP_EVENT, SIGTRAP | (uint32_t)event << 8);
}

void ptrace_summon(struct tracee *tracee, unsigned due) {
    tracee->due |= (uint8_t)due;
    if (!tracee->token || tracee->in_call)
        must(pk_thread_attention(tracee->thread->slot));
}

void ptrace_poke(const struct thread *t) {
    struct thread *thread = t->tracee->thread;
    for (uint64_t ready = signal_pending(t) & (~t->blocked | UNBLOCKABLE); ready;
         ready &= ready - 1)
        if (!mask_blocks(thread, signal_lowest(ready))) {
            must(pk_thread_attention(t->slot));
            return;
        }
}

/* Of one that was seized: the signal that its process is stopped by, or SIGTRAP. */
void ptrace_stop_trap(struct tracee *tracee) {
    const struct process *p = tracee->thread->process;
    bool stopped = p->state == PROCESS_STOPPED;
    uint32_t signal = stopped ? (uint32_t)p->status : SIGTRAP;
    tracee->message = 0;
    if (tracee->seized)
        ptrace_stop(tracee, STOP_TRAP, signal | (uint32_t)PTRACE_EVENT_STOP << 8);
    else
        ptrace_stop_info(tracee, STOP_GROUP, signal, NULL);
}

/* True: there is something, and it has stopped for it. */
static bool stop_for_due(struct tracee *tracee) {
    unsigned due = tracee->due;
    if (due & DUE_EXEC) {
        tracee->due &= (uint8_t)~DUE_EXEC;
        ptrace_stop(tracee, STOP_EVENT, SIGTRAP | (uint32_t)PTRACE_EVENT_EXEC << 8);
    } else if (due & DUE_EXEC_EXIT) {
        tracee->due &= (uint8_t)~DUE_EXEC_EXIT;
        if (!tracee->syscalls)
            return stop_for_due(tracee);
        ptrace_stop_exit(tracee);
    } else if (due) {
        tracee->due = 0;
        if (due == DUE_GROUP && tracee->thread->process->state != PROCESS_STOPPED)
            return false; /* it has been continued */
        ptrace_stop_trap(tracee);
    }
    return due;
}

void ptrace_go_on(struct tracee *tracee) {
    struct thread *t = tracee->thread;
    struct signal_info info;
    if (stop_for_due(tracee))
        return;
    mask_learn(t);
    signal_retarget_blocked(t);
    if (t->process->state == PROCESS_ZOMBIE)
        return;
    if (signal_take(t, ~t->blocked, &info)) {
        ptrace_stop_info(tracee, STOP_SIGNAL, (uint32_t)info.signal, &info);
        return;
    }
    delivery_end(t, &tracee->regs, &tracee->delivery);
    uint64_t token = tracee->token;
    tracee->token = 0;
    must(pk_thread_regs(t->slot, &tracee->regs, PK_REGS_SET));
    server_reply(token, 0);
}

void ptrace_rest(struct thread *t, uint64_t token) {
    core_rests(t, token);
}

void ptrace_die(struct thread *t, uint64_t token, const struct signal_info *info) {
    core_kill(t, info);
    ptrace_rest(t, token);
}

/* The signal's default action. True: the thread is at its end, or stopped. */
static bool act(struct tracee *tracee, const struct signal_info *info) {
    struct thread *t = tracee->thread;
    if (!signal_terminates(info->signal)) {
        signal_act(t, info); /* which may be a stop that is due then */
        return false;
    }
    uint64_t token = tracee->token;
    struct signal_info dies = *info; /* the record may go with the thread */
    if (!tracee->dies && ptrace_wants(tracee, PTRACE_EVENT_EXIT)) {
        ptrace_stop_event(tracee, PTRACE_EVENT_EXIT, (uint64_t)info->signal);
        tracee->dies = true;
        tracee->death = dies;
        return true;
    }
    must(pk_thread_regs(t->slot, &tracee->regs, PK_REGS_SET)); /* as its core shows it */
    tracee->token = 0;
    ptrace_die(t, token, &dies);
    return true;
}

/* It is the tracer's now, whoever sent it. */
static struct signal_info info_of(const struct tracee *tracee, int signal) {
    struct signal_info info = {.signal = signal, .code = SI_USER};
    if (tracee->has_info && tracee->info.signal == signal)
        return tracee->info;
    info.pid = process_pid(tracee->tracer->process);
    info.uid = tracee->tracer->process->ruid;
    return info;
}

/* The signal is delivered now. False: the tracee does not go on. */
static bool inject(struct tracee *tracee, int signal) {
    struct thread *t = tracee->thread;
    struct signal_info info = info_of(tracee, signal);
    uint64_t handler = signal_action(t->process, signal)->handler;
    if (t->blocked & signal_bit(signal)) {
        pk_may_fail(signal_send_thread(t, &info)); /* it may be too many */
        return true;
    }
    if (handler == SIG_IGN)
        return true;
    if (handler == SIG_DFL)
        return !act(tracee, &info);
    uint64_t token = tracee->token;
    if (delivery_handle(t, &tracee->regs, &tracee->delivery, &info))
        return true;
    ptrace_rest(t, token);
    return false;
}

static void send(struct tracee *tracee, int signal) {
    const struct process *by = tracee->tracer->process;
    struct signal_info info = {.signal = signal, .code = SI_USER};
    info.pid = process_pid(by);
    info.uid = by->ruid;
    pk_may_fail(signal_send_thread(tracee->thread, &info)); /* too many: it is lost, as on Linux */
}

void ptrace_resume(struct tracee *tracee, int signal) {
    enum ptrace_stop stop = tracee->stop;
    tracee->stop = STOP_NONE;
    list_remove(&tracee->event);
    if (signal == SIGKILL) {
        process_end(tracee->thread->process, CLD_KILLED, SIGKILL);
        return;
    }
    if (signal && (stop == STOP_ENTRY || stop == STOP_EXIT))
        send(tracee, signal);
    if (stop == STOP_EXIT)
        ptrace_take_restart(tracee);
    if (tracee->in_call)
        ptrace_leave_call(tracee);
    else if (tracee->dies)
        act(tracee, &tracee->death);
    else if (stop == STOP_ENTRY)
        ptrace_enter(tracee);
    else if (stop != STOP_SIGNAL || !signal || inject(tracee, signal))
        ptrace_go_on(tracee);
}

/* ---- Exceptions ---- */

static void arrive(struct tracee *tracee, uint64_t token, const struct pk_regs *regs,
                   const struct delivery *d) {
    tracee->token = token;
    tracee->regs = *regs;
    tracee->changed = false;
    if (d)
        tracee->delivery = *d;
    else
        delivery_begin(&tracee->delivery, regs, 0, 0);
}

long ptrace_attention(struct thread *t, uint64_t token, const struct pk_regs *regs,
                      const struct delivery *d, bool from_call) {
    struct tracee *tracee = t->tracee;
    arrive(tracee, token, regs, d);
    if (from_call && tracee->syscalls) {
        ptrace_show_restart(tracee);
        ptrace_stop_exit(tracee);
    } else {
        ptrace_go_on(tracee);
    }
    return SERVER_DEFER;
}

/* As on Linux a signal that is blocked or ignored gets its default action then (force_sig()). */
long ptrace_fault(struct thread *t, uint64_t token, const struct pk_regs *regs,
                  const struct signal_info *info) {
    struct tracee *tracee = t->tracee;
    uint64_t bit = signal_bit(info->signal);
    mask_learn(t);
    if (t->blocked & bit || signal_action(t->process, info->signal)->handler == SIG_IGN) {
        signal_set_action(t->process, info->signal, &signal_default_action);
        signal_set_mask(t, t->blocked & ~bit);
        pk_may_fail(
            mask_tell(t)); /* its own state is not there: then it is its own mask that is wrong */
    }
    arrive(tracee, token, regs, NULL);
    ptrace_stop_info(tracee, STOP_SIGNAL, (uint32_t)info->signal, info);
    return SERVER_DEFER;
}

/* ---- The process stops and goes on ---- */

void ptrace_process_stopped(const struct process *p) {
    for (struct thread *t = p->traced ? thread_next(p, NULL) : NULL; t; t = thread_next(p, t))
        if (t->tracee) {
            ptrace_summon(t->tracee, DUE_GROUP);
            must(pk_thread_resume(t->slot)); /* to come here, and no farther */
        }
}

/* One that listens is told that it is over; one that was seized is told when it is let go on. */
static void group_stop_ends(struct tracee *tracee) {
    tracee->due &= (uint8_t)~DUE_GROUP;
    if (tracee->listening)
        ptrace_stop_trap(tracee);
    else if (tracee->seized && tracee->stop == STOP_TRAP)
        tracee->due |= DUE_TRAP;
}

void ptrace_process_continued(const struct process *p) {
    for (struct thread *t = p->traced ? thread_next(p, NULL) : NULL; t; t = thread_next(p, t))
        if (t->tracee)
            group_stop_ends(t->tracee);
}

static void rest_for_core(struct thread *t) {
    static struct tracee left;
    struct tracee *tracee = t->tracee;
    left = *tracee;
    if (tracee->stop == STOP_NONE)
        return; /* it comes, or is the one that dies */
    tracee->stop = STOP_NONE;
    tracee->token = 0;
    list_remove(&tracee->event);
    if (left.in_call && !left.exits) {
        tracee->in_call = false;
        ptrace_leave_call(&left); /* and it comes out of that */
        return;
    }
    if (!left.in_call)
        must(pk_thread_regs(t->slot, &left.regs, PK_REGS_SET));
    ptrace_rest(t, left.token);
}

void ptrace_process_dumps(const struct process *p) {
    for (struct thread *t = p->traced ? thread_next(p, NULL) : NULL; t; t = thread_next(p, t))
        if (t->tracee)
            rest_for_core(t);
}
