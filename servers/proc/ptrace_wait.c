/* SPDX-License-Identifier: MIT */
/*
 * What a tracer hears by wait(2): stops of its tracees, and their ends. A tracee's end is its tracer's to know first; if it
 * was the first thread of a process, that is a zombie meanwhile, and its parent hears of it after that.
 */
#include "ptrace.h"
#include <protocol/proc_server.h>
#include <stdlib.h>

/* By number, those that have ended, too: a number may come twice, of one that has and one that has not. */
static struct hash tracees;

static struct tracee *of_node(struct hash_node *node) {
    return node ? container_of(node, struct tracee, node) : NULL;
}

void tracee_enter(struct tracee *tracee, int tid) {
    hash_insert(&tracees, &tracee->node, (uint64_t)tid);
}

void tracee_leave(struct tracee *tracee) {
    hash_remove(&tracees, &tracee->node);
}

struct tracee *tracee_find(const struct thread *by, int tid) {
    struct tracee *tracee = of_node(hash_find(&tracees, (uint64_t)tid));
    while (tracee && (tracee->tracer->thread != by || tracee->ended))
        tracee = of_node(hash_next(&tracee->node));
    return tracee;
}

/* Stops are reported whatever is waited for, as on Linux. */
static bool wanted(const struct tracee *tracee, uint32_t options) {
    return !tracee->ended || options & WEXITED;
}

static bool may_wait(const struct thread *t, const struct tracer *tracer) {
    return tracer->process == t->process &&
           (!(t->wait_for.options & W_NO_THREAD) || tracer->thread == t);
}

static struct tracee *find_one(const struct thread *t, int tid, bool *any) {
    struct tracee *tracee = of_node(hash_find(&tracees, (uint64_t)tid));
    for (; tracee; tracee = of_node(hash_next(&tracee->node))) {
        if (!may_wait(t, tracee->tracer))
            continue;
        *any = true;
        if (!list_empty(&tracee->event) && wanted(tracee, t->wait_for.options))
            return tracee;
    }
    return NULL;
}

static bool in_group(const struct tracee *tracee, int group) {
    return tracee->thread && process_group(tracee->thread->process) == group;
}

/* No list has the tracees of one group: few ask for them, and they look at all that they have. */
static struct tracee *find_in_group(const struct thread *t, const struct tracer *tracer, int group,
                                    bool *any) {
    for (struct list *l = tracer->tracees.next; l != &tracer->tracees; l = l->next) {
        struct tracee *tracee = container_of(l, struct tracee, link);
        if (!in_group(tracee, group))
            continue;
        *any = true;
        if (!list_empty(&tracee->event) && wanted(tracee, t->wait_for.options))
            return tracee;
    }
    return NULL;
}

static struct tracee *find_any(const struct thread *t, const struct tracer *tracer, bool *any) {
    *any |= !list_empty(&tracer->tracees);
    for (struct list *l = tracer->events.next; l != &tracer->events; l = l->next) {
        struct tracee *tracee = container_of(l, struct tracee, event);
        if (wanted(tracee, t->wait_for.options))
            return tracee;
    }
    return NULL;
}

struct tracee *ptrace_find(const struct thread *t, bool *any) {
    struct tracee *found = NULL;
    int type = t->wait_for.id_type, id = t->wait_for.id;
    if (type == P_PID)
        return find_one(t, id, any);
    for (const struct tracer *r = t->process->tracers; r && !found; r = r->next)
        if (may_wait(t, r))
            found = type == P_PGID ? find_in_group(t, r, id, any) : find_any(t, r, any);
    return found;
}

/* The zombie is its parent's; or that was its tracer, and it is gone. If it has not left yet its parent is told after that. */
static void pass_on(struct process *zombie, const struct process *tracer) {
    if (zombie && zombie->departure)
        return;
    if (zombie && process_parent(zombie) == tracer)
        process_reap(zombie);
    else if (zombie)
        process_tell_end(zombie);
}

/* Its end is known; the record goes. */
static void reap(struct tracee *tracee) {
    struct process *zombie = tracee->thread ? tracee->thread->process : NULL;
    const struct process *tracer = tracee->tracer->process;
    tracee_end(tracee);
    tracee_free(tracee);
    pass_on(zombie, tracer);
}

long ptrace_report(const struct thread *t, struct tracee *tracee, struct pk_msg *msg) {
    long tid = (long)tracee->node.key;
    bool ended = tracee->ended;
    const struct process *p = tracee->thread ? tracee->thread->process : NULL;
    proc_results_wait(msg, ended ? tracee->end_code : CLD_TRAPPED,
                      ended ? tracee->end_status : (int)tracee->code, p ? p->ruid : tracee->uid,
                      tracee->ns);
    if (t->wait_for.options & WNOWAIT)
        return tid;
    list_remove(&tracee->event);
    if (ended)
        reap(tracee);
    return tid;
}

void ptrace_tell(struct tracee *tracee) {
    struct tracer *tracer = tracee->tracer;
    if (!tracer->thread)
        return; /* it is to be let go */
    list_remove(&tracee->event);
    list_add_tail(&tracer->events, &tracee->event);
    struct process *p = tracer->process;
    struct signal_info info = {.signal = SIGCHLD,
                               .code = tracee->ended ? tracee->end_code : CLD_TRAPPED};
    info.pid = (int)tracee->node.key;
    info.uid = tracee->thread ? tracee->thread->process->ruid : tracee->uid;
    info.status = tracee->ended ? tracee->end_status : (int)tracee->code & 127;
    if (!(signal_action(p, SIGCHLD)->flags & SA_NOCLDSTOP && !tracee->ended) &&
        !signal_is_dropped(p, SIGCHLD))
        signal_send(p, &info);
    wait_wake(p);
}

void ptrace_tell_end(const struct process *p) {
    struct tracee *tracee = p->main.tracee;
    tracee->ns = p->own.ns + p->children_ns;
    if (tracee->ended && list_empty(&tracee->event))
        ptrace_tell(tracee);
}

static void note_end(struct tracee *tracee, int code, int status) {
    tracee->ended = true;
    tracee->end_code = code;
    tracee->end_status = status;
    tracee->uid = tracee->thread->process->ruid;
    tracee->stop = STOP_NONE;
    tracee->token = 0;
    list_remove(&tracee->event);
}

/* Of a process's first thread nothing is told before the others have ended, too. */
void ptrace_thread_ended(struct thread *t, int status) {
    struct tracee *tracee = t->tracee;
    tracee->token = 0;
    tracee->stop = STOP_NONE;
    list_remove(&tracee->event);
    if (t == &t->process->main)
        return;
    tracee->ns = thread_usage(t).ns;
    note_end(tracee, CLD_EXITED, status);
    t->process->traced--;
    ptrace_set_entry(t->process);
    tracee->thread = NULL;
    t->tracee = NULL;
    ptrace_tell(tracee);
}

void ptrace_process_ends(struct process *p, int code, int status) {
    if (!p->traced)
        return;
    for (struct thread *t = thread_next(p, NULL); t; t = thread_next(p, t)) {
        struct tracee *tracee = t->tracee;
        if (!tracee || t == &p->main)
            continue;
        tracee->ns = thread_usage(t).ns;
        note_end(tracee, code, status);
        tracee->thread = NULL;
        t->tracee = NULL;
        ptrace_tell(tracee);
    }
    if (p->main.tracee)
        note_end(p->main.tracee, code, status); /* told by ptrace_tell_end() */
    p->traced = 0;
}

/* Its tracer may still be told what is known of it. */
void ptrace_process_gone(struct process *p) {
    struct tracee *tracee = p->main.tracee;
    if (!tracee)
        return;
    p->main.tracee = NULL;
    tracee->thread = NULL;
    tracee->uid = p->ruid;
}

bool ptrace_is_traced_by(const struct process *p, const struct process *by) {
    const struct tracee *tracee = p->main.tracee;
    return tracee && by && tracee->tracer->process == by;
}

int ptrace_tracer_of(const struct thread *t) {
    const struct tracer *tracer = t->tracee ? t->tracee->tracer : NULL;
    return tracer && tracer->thread ? thread_tid(tracer->thread) : 0;
}

bool ptrace_is_stopped(const struct thread *t) {
    return t->tracee && t->tracee->stop != STOP_NONE && t->slot;
}
