/* SPDX-License-Identifier: MIT */
/*
 * Events of a thread that is traced: children and threads that it makes, exec, its own end (PTRACE_O_TRACEFORK and so on). The stops of
 * fork and exit are within the call: the thread waits for its answer here, and its tracer sees the registers that the call was made with.
 */
#include "ptrace.h"

#define CSIGNAL 0xfful
#define CLONE_VFORK 0x4000ul

static enum ptrace_event event_of(uint64_t flags) {
    if (flags & CLONE_VFORK)
        return PTRACE_EVENT_VFORK;
    return (flags & CSIGNAL) == SIGCHLD ? PTRACE_EVENT_FORK : PTRACE_EVENT_CLONE;
}

long ptrace_fork_begin(struct thread *from, uint64_t flags, int *event, struct tracee **record) {
    struct tracee *tracee = from->tracee;
    enum ptrace_event wanted = event_of(flags);
    *event = 0;
    *record = NULL;
    if (__builtin_expect(!tracee, 1))
        return 0;
    if (!from->return_pc) {
        ptrace_summon(tracee, 0);
        return -EINTR;
    }
    if (!ptrace_wants(tracee, wanted))
        return 0;
    struct tracee *new = tracee_new(tracee->tracer);
    if (!new)
        return -ENOMEM;
    new->options = tracee->options;
    new->seized = tracee->seized;
    new->capable = tracee->capable;
    *event = (int)wanted;
    *record = new;
    return 0;
}

void ptrace_fork_failed(struct tracee *record) {
    if (record)
        tracee_free(record);
}

/* Within its call; result: what that returns, if it is ready. */
static void stop_in_call(struct tracee *tracee, uint64_t token, enum ptrace_event event,
                         uint64_t message, long result, bool ready) {
    tracee->token = token;
    tracee->in_call = true;
    tracee->ready = ready;
    tracee->result = result;
    tracee->exits = false;
    ptrace_stop_event(tracee, event, message);
}

/* Its first stop: PTRACE_EVENT_STOP, or as if it had been sent SIGSTOP. */
static void stop_child(struct thread *child) {
    static const struct signal_info stop = {.signal = SIGSTOP, .code = SI_USER};
    struct tracee *tracee = child->tracee;
    if (tracee->seized)
        tracee->due |= DUE_TRAP;
    else
        must(signal_send_thread(child, &stop));
    must(pk_thread_attention(child->slot));
}

void ptrace_fork_done(struct thread *from, struct thread *child, int event, struct tracee *record,
                      uint64_t token) {
    int tid = thread_tid(child);
    tracee_begin(record, child);
    stop_child(child);
    stop_in_call(from->tracee, token, (enum ptrace_event)event, (uint64_t)tid, tid,
                 event != PTRACE_EVENT_VFORK);
}

bool ptrace_vfork_done(const struct process *child) {
    struct thread *parent = thread_of_token(process_parent(child), child->vfork_token);
    struct tracee *tracee = parent ? parent->tracee : NULL;
    long pid = process_pid(child);
    if (!tracee)
        return false;
    if (tracee->token && tracee->in_call) { /* still in PTRACE_EVENT_VFORK */
        tracee->ready = true;
        return true;
    }
    if (!ptrace_wants(tracee, PTRACE_EVENT_VFORK_DONE))
        return false;
    stop_in_call(tracee, child->vfork_token, PTRACE_EVENT_VFORK_DONE, (uint64_t)pid, pid, true);
    return true;
}

/* A first thread's number is its process's, and nobody waits for it any more. */
static void end(struct thread *t, int code, bool of_all) {
    if (of_all)
        process_end(t->process, CLD_EXITED, code);
    else
        thread_end(t, code);
}

void ptrace_leave_call(struct tracee *tracee) {
    struct thread *t = tracee->thread;
    uint64_t token = tracee->token;
    bool was_vfork = tracee->code >> 8 == PTRACE_EVENT_VFORK;
    if (tracee->exits) {
        end(t, (int)tracee->result, tracee->of_all);
        return;
    }
    tracee->token = 0;
    tracee->in_call = false;
    if (!tracee->ready)
        return; /* its child lives on in its memory */
    if (was_vfork && t->tracee && ptrace_wants(tracee, PTRACE_EVENT_VFORK_DONE))
        stop_in_call(tracee, token, PTRACE_EVENT_VFORK_DONE, tracee->message, tracee->result, true);
    else
        server_reply(token, tracee->result);
}

/* As wait(2) will have it. */
bool ptrace_exits(struct thread *t, uint64_t token, int code, bool of_all) {
    struct tracee *tracee = t->tracee;
    if (!tracee || !ptrace_wants(tracee, PTRACE_EVENT_EXIT))
        return false;
    stop_in_call(tracee, token, PTRACE_EVENT_EXIT, (uint64_t)code << 8, code, true);
    tracee->exits = true;
    tracee->of_all = of_all;
    return true;
}

/* ---- exec ---- */

bool ptrace_binds(const struct thread *t) {
    return t && t->tracee && !t->tracee->capable;
}

/* All others end, with nothing told of the one whose number `last` takes. */
struct exec_tracing ptrace_before_exec(struct thread *last) {
    struct process *p = last->process;
    struct exec_tracing kept = {last->tracee, last->tracer};
    int former = thread_tid(last);
    last->tracer = NULL;
    if (!p->traced)
        return kept;
    if (kept.tracee) {
        tracee_end(kept.tracee);
        kept.tracee->message = (uint64_t)former;
    }
    if (p->main.tracee) {
        struct tracee *gone = p->main.tracee;
        tracee_end(gone);
        tracee_free(gone);
    }
    ptrace_process_ends(p, CLD_EXITED, 0);
    return kept;
}

void ptrace_after_exec(struct process *p, const struct exec_tracing *kept) {
    p->main.tracer = kept->tracer;
    if (kept->tracer)
        kept->tracer->thread = &p->main;
    if (kept->tracee)
        tracee_begin(kept->tracee, &p->main);
}

/* Without PTRACE_O_TRACEEXEC one that was not seized gets a SIGTRAP (ptrace(2)). */
void ptrace_execed(struct process *p) {
    struct tracee *tracee = p->main.tracee;
    if (!tracee)
        return;
    tracee->token = 0;
    tracee->due |= DUE_EXEC_EXIT;
    if (ptrace_wants(tracee, PTRACE_EVENT_EXEC))
        tracee->due |= DUE_EXEC;
    else if (!tracee->seized)
        signal_send_simple(p, SIGTRAP, SI_USER, p);
    must(pk_thread_attention(p->main.slot));
}
