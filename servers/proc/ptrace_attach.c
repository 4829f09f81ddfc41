/* SPDX-License-Identifier: MIT */
/* Who traces whom: attaching, detaching, and the end of a tracer. */
#include "pool.h"
#include "ptrace.h"
#include <lib/heap.h>
#include <stdlib.h>
#include <string.h>

#define LET_GO_AT_ONCE 12 /* tracees of a tracer that has ended; one if that is their end, too */

/* PTRACE_MODE_ATTACH_REALCREDS of ptrace(2). */
bool ptrace_may_trace(const struct process *by, const struct process *p) {
    return by == p || by->euid == 0 ||
           (by->ruid == p->euid && by->rgid == p->egid && !process_guarded(p));
}

static bool let_go(struct job *job);

static struct tracer *tracer_of(struct thread *t) {
    if (t->tracer)
        return t->tracer;
    struct process *p = t->process;
    struct tracer *tracer = heap_alloc(pool_heap(p->pool), sizeof *tracer);
    if (!tracer)
        return NULL;
    tracer->thread = t;
    tracer->process = p;
    tracer->pool = pool_hold(p->pool);
    tracer->next = p->tracers;
    tracer->at = &p->tracers;
    if (tracer->next)
        tracer->next->at = &tracer->next;
    p->tracers = t->tracer = tracer;
    list_init(&tracer->tracees);
    list_init(&tracer->events);
    job_init(&tracer->job, let_go);
    return tracer;
}

struct tracee *tracee_new(struct tracer *tracer) {
    struct tracee *tracee = heap_alloc(pool_heap(tracer->pool), sizeof *tracee);
    if (!tracee)
        return NULL;
    memset(tracee, 0, sizeof *tracee);
    tracee->tracer = tracer;
    list_init(&tracee->event);
    list_add_tail(&tracer->tracees, &tracee->link);
    return tracee;
}

static void tracer_free(struct tracer *tracer) {
    struct pool *pool = tracer->pool;
    job_cancel(&tracer->job);
    free(tracer);
    pool_put(pool);
}

void tracee_free(struct tracee *tracee) {
    list_remove(&tracee->link);
    list_remove(&tracee->event);
    free(tracee);
}

void ptrace_set_entry(const struct process *p) {
    if (p->task)
        must(pk_task_set(p->task, PK_TASK_FOREIGN, p->traced ? 0 : p->entry));
}

void tracee_begin(struct tracee *tracee, struct thread *t) {
    struct process *p = t->process;
    tracee->thread = t;
    t->tracee = tracee;
    tracee_enter(tracee, thread_tid(t));
    if (p->traced++ == 0)
        ptrace_set_entry(p);
}

void tracee_end(struct tracee *tracee) {
    struct thread *t = tracee->thread;
    tracee_leave(tracee);
    if (!t)
        return;
    t->tracee = NULL;
    tracee->thread = NULL;
    if (!tracee->ended && --t->process->traced == 0)
        ptrace_set_entry(t->process);
}

static struct tracee *begin(struct thread *by, struct thread *t) {
    struct tracer *tracer = tracer_of(by);
    struct tracee *tracee = tracer ? tracee_new(tracer) : NULL;
    if (!tracee)
        return NULL;
    tracee->capable = by->process->euid == 0;
    tracee_begin(tracee, t);
    return tracee;
}

/* A process's thread that made p, or has it from one that did (brood.c). */
static struct thread *parent_thread(struct process *p) {
    struct process *parent = process_parent(p);
    const struct brood *b = parent ? brood_of(p) : NULL;
    struct thread *t = parent ? thread_next(parent, NULL) : NULL;
    while (b && t && t->brood != b)
        t = thread_next(parent, t);
    return t;
}

long ptrace_trace_me(struct thread *t) {
    struct thread *by = t->tracee ? NULL : parent_thread(t->process);
    if (!by || !by->process->pool)
        return -EPERM;
    return begin(by, t) ? 0 : -ENOMEM;
}

/* All in the order of Linux. */
static long check(const struct thread *by, const struct thread *t) {
    const struct process *p = t->process;
    if (p == by->process || !ptrace_may_trace(by->process, p))
        return -EPERM;
    return t->tracee || p->state == PROCESS_DUMPING ? -EPERM : 0;
}

long ptrace_attach(struct thread *by, int tid, bool seize, uint64_t options) {
    struct thread *t = thread_find(tid);
    if (seize && options & ~(uint64_t)PTRACE_O_MASK)
        return -EIO; /* as Linux has it here, unlike PTRACE_SETOPTIONS */
    if (!t)
        return tid == INIT_PID || process_find(tid) ? -EPERM : -ESRCH;
    long error = check(by, t);
    struct tracee *tracee = error == 0 ? begin(by, t) : NULL;
    if (!tracee)
        return error < 0 ? error : -ENOMEM;
    bool stopped = t->process->state == PROCESS_STOPPED;
    tracee->seized = seize;
    tracee->options = (uint32_t)options;
    if (stopped) {
        ptrace_summon(tracee, DUE_GROUP);
        must(pk_thread_resume(t->slot)); /* to come here, and no farther */
    }
    if (!seize) {
        const struct signal_info info = {.signal = SIGSTOP, .code = SI_KERNEL};
        must(signal_send_thread(t, &info)); /* which needs no memory */
    }
    return 0;
}

/* It goes on as if it had come here by itself. */
static void leave_exception(struct tracee *left) {
    struct thread *t = left->thread;
    const struct process *p = t->process;
    if (p->state == PROCESS_STOPPED)
        halt_hold(t);
    deliver(t, &left->regs, &left->delivery);
    if (p->state == PROCESS_DUMPING) {
        ptrace_rest(t, left->token);
    } else if (p->state != PROCESS_ZOMBIE) {
        must(pk_thread_regs(t->slot, &left->regs, PK_REGS_SET));
        server_reply(left->token, 0);
    }
}

/* As one that was sent to the thread: it had been, but its tracer has another say. */
static void give_signal(struct tracee *tracee, int signal) {
    struct thread *t = tracee->thread;
    struct signal_info info = tracee->info;
    if (tracee->stop != STOP_SIGNAL || info.signal != signal)
        info = (struct signal_info){.signal = signal, .code = SI_USER};
    pk_may_fail(signal_send_thread(t, &info)); /* a queued one may be too many */
}

static void detach_ended(struct tracee *tracee) {
    struct process *zombie = tracee->thread ? tracee->thread->process : NULL;
    tracee_end(tracee);
    tracee_free(tracee);
    if (zombie && !zombie->departure)
        process_tell_end(zombie);
}

/* Its tracer had let it run on while its process was stopped. */
static void stop_with_others(struct thread *t) {
    halt_hold(t);
    must(pk_thread_attention(t->slot)); /* out of a call that would take something from others */
}

void ptrace_detach(struct tracee *tracee, int signal) {
    static struct tracee left; /* too large for the stack */
    if (tracee->ended) {
        detach_ended(tracee);
        return;
    }
    struct thread *t = tracee->thread;
    if (signal && (tracee->stop == STOP_SIGNAL || tracee->stop >= STOP_ENTRY))
        give_signal(tracee, signal);
    if (tracee->stop == STOP_EXIT)
        ptrace_take_restart(tracee);
    left = *tracee;
    tracee_end(tracee);
    tracee_free(tracee);
    left.thread = t;
    left.syscalls = false;
    if (!left.token) {
        if (t->process->state == PROCESS_STOPPED)
            stop_with_others(t);
        return;
    }
    if (left.in_call)
        ptrace_leave_call(&left);
    else if (left.dies)
        ptrace_die(t, left.token, &left.death);
    else if (left.stop == STOP_ENTRY && (int64_t)left.regs.x[17] >= 0)
        ptrace_enter(&left);
    else
        leave_exception(&left);
}

/* Death of a tracer (ptrace(2)): tracees with PTRACE_O_EXITKILL die, others go on. One at least; the cost in LET_GO_AT_ONCE. */
static int let_one_go(struct tracee *tracee) {
    struct thread *t = tracee->thread;
    if (t && !tracee->ended && tracee->options & PTRACE_O_EXITKILL) {
        process_end(t->process, CLD_KILLED, SIGKILL); /* its record has ended, and is next */
        return LET_GO_AT_ONCE;
    }
    int signal = tracee->stop == STOP_SIGNAL ? tracee->info.signal : 0;
    ptrace_detach(tracee, signal);
    return signal ? LET_GO_AT_ONCE : 1;
}

static bool let_go(struct job *job) {
    struct tracer *tracer = container_of(job, struct tracer, job);
    for (int n = 0; n < LET_GO_AT_ONCE && !list_empty(&tracer->tracees);)
        n += let_one_go(container_of(tracer->tracees.next, struct tracee, link));
    if (!list_empty(&tracer->tracees))
        return true;
    tracer_free(tracer);
    return false;
}

void ptrace_tracer_ended(struct thread *t) {
    struct tracer *tracer = t->tracer;
    *tracer->at = tracer->next;
    if (tracer->next)
        tracer->next->at = tracer->at;
    t->tracer = NULL;
    tracer->thread = NULL;
    tracer->process = NULL;
    job_queue(&tracer->job);
}
