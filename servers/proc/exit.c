/* SPDX-License-Identifier: MIT */
/* The end of a process, and waiting for it: exit, wait4, waitid, zombies, orphans. */
#include "core.h"
#include "departure.h"
#include "pool.h"
#include "ptrace.h"
#include <lib/heap.h>
#include <lib/job.h>
#include <protocol/proc_server.h>
#include <stdlib.h>
#include <string.h>

#define W_NOHANG 1u
#define PIDFD_NONBLOCK 04000u

/* The child to report; *any tells if one could ever be. */
static struct process *find_child(const struct thread *t, bool *any) {
    const struct process *p = t->process;
    uint32_t options = t->wait_for.options;
    int type = t->wait_for.id_type, id = t->wait_for.id;
    if (__builtin_expect(options & W_NO_THREAD, 0))
        return child_find_own(t, type == P_PID ? id : 0, type == P_PGID ? id : 0, options, any);
    switch (type) {
    case P_PID:
        return child_find_pid(p, id, options, any);
    case P_PGID:
        return child_find_group(p, id, options, any);
    default:
        return child_find(p, options, any);
    }
}

/* Fills in the answer about a child; a zombie is gone afterwards, unless WNOWAIT. */
static long report(const struct thread *t, struct process *child, struct pk_msg *msg) {
    long pid = process_pid(child);
    proc_results_wait(msg, child->code, child->status, child->ruid,
                      child->own.ns + child->children_ns);
    if (t->wait_for.options & WNOWAIT)
        return pid;
    if (child->state == PROCESS_ZOMBIE)
        process_reap(child);
    else
        child_event_seen(child);
    return pid;
}

/* Whom there is something to report of, which is in the answer then, cleared before if it is blank; 0: nobody now. */
static inline long look(const struct thread *t, bool *any, struct pk_msg *msg, bool blank) {
    struct tracee *tracee = NULL;
    struct process *child = NULL;
    bool traces = false;
    *any = false;
    if (__builtin_expect(t->process->tracers != NULL, 0))
        tracee = ptrace_find(t, &traces);
    if (!tracee)
        child = find_child(t, any);
    *any |= traces;
    if (!child && !tracee)
        return 0;
    if (blank)
        memset(msg, 0, sizeof *msg);
    return tracee ? ptrace_report(t, tracee, msg) : report(t, child, msg);
}

void process_reap(struct process *p) {
    struct process *parent = process_parent(p);
    if (parent)
        parent->children_ns += p->own.ns + p->children_ns;
    process_free(p);
}

static long wait_ended(struct waiter *w, enum waiter_end why) {
    (void)why;
    thread_waits(container_of(w, struct thread, wait), WAIT_NONE);
    return -EINTR;
}

/* The pid that a descriptor stands for: 0, or 1 if that does not block: then a wait that would is EAGAIN. */
static long pid_of_descriptor(const struct process *by, int *id, uint32_t options) {
    struct process *p;
    uint32_t flags;
    if (*id < 0)
        return -EINVAL;
    long error = pidfd_process(by, *id, &p, &flags);
    if (error < 0)
        return error;
    if (!p)
        return -ECHILD;
    *id = process_pid(p);
    return flags & PIDFD_NONBLOCK && !(options & W_NOHANG) ? 1 : 0;
}

long proc_handle_wait(struct request *req, int id_type, int id, uint32_t options) {
    static const struct waiter_ops ops = {.ended = wait_ended};
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    long never = id_type == P_PIDFD ? pid_of_descriptor(t->process, &id, options) : 0;
    if (never < 0)
        return never;
    id_type = id_type == P_PIDFD ? P_PID : id_type;
    if (options & ~(W_NOHANG | WSTOPPED | WEXITED | WCONTINUED | WNOWAIT | W_NO_THREAD | W_ALL |
                    W_CLONE) ||
        !(options & (WSTOPPED | WEXITED | WCONTINUED)) || id_type < P_ALL || id_type > P_PGID ||
        (id_type == P_PID && id <= 0) || (id_type == P_PGID && id < 0))
        return -EINVAL;
    if (id_type == P_PGID && id == 0)
        id = process_group(t->process);
    t->wait_for.id_type = id_type;
    t->wait_for.id = id;
    t->wait_for.options = options;
    bool any;
    long found = look(t, &any, &req->msg, false);
    if (found)
        return found;
    if (!any)
        return -ECHILD;
    if (options & W_NOHANG)
        return 0;
    if (never)
        return -EAGAIN;
    waiter_init(&t->wait, req, 0, &ops);
    thread_waits(t, WAIT_CHILD);
    return SERVER_DEFER;
}

static void wake_one(struct thread *t) {
    bool any;
    struct pk_msg msg;
    long found = look(t, &any, &msg, true);
    if (!found && any)
        return;
    thread_wait_over(t);
    server_reply_words(waiter_token(&t->wait), found ? found : -ECHILD, &msg);
}

/* There may be something for its threads that wait for children; one child is for one of them. */
void wait_wake(struct process *parent) {
    if (!parent)
        return;
    for (struct list *at = parent->child_waiters.next, *next; at != &parent->child_waiters;
         at = next) {
        next = at->next;
        wake_one(container_of(at, struct thread, wait_link));
    }
}

/*
 * An exit signal (clone(2)) may be the parent's end, and that one's the end of its parent, and so on. While a process
 * ends, it and its parent are still looked at, and a chain of ends would need a deep stack: so such signals wait here.
 */
struct exit_notice {
    struct list link;
    int parent;
    struct signal_info info;
};
static struct list notices = LIST_INIT(notices);

/* One at a time: an end is much work. */
static bool notify_next(struct job *job) {
    (void)job;
    if (list_empty(&notices))
        return false;
    struct exit_notice *n = container_of(notices.next, struct exit_notice, link);
    struct process *parent = process_find(n->parent);
    list_remove(&n->link);
    if (parent)
        signal_send(parent, &n->info);
    free(n);
    return !list_empty(&notices);
}

static void notify_later(const struct process *parent, const struct signal_info *info) {
    static struct job job = {.link = LIST_INIT(job.link), .step = notify_next};
    struct exit_notice *n = own_calloc(1, sizeof *n);
    if (!n)
        return; /* without memory it is lost */
    n->parent = process_pid(parent);
    n->info = *info;
    list_add_tail(&notices, &n->link);
    job_queue(&job);
}

static void signal_parent(struct process *p, int signal, int code, int status) {
    struct process *parent = process_parent(p);
    if (!parent || !signal || signal_is_dropped(parent, signal))
        return;
    struct signal_info info = {.signal = signal, .code = code};
    info.pid = process_pid(p);
    info.uid = p->ruid;
    info.status = status;
    if (signal != SIGCHLD && signal_action(parent, signal)->handler == SIG_DFL)
        notify_later(parent, &info);
    else
        signal_send(parent, &info);
}

/* A parent that ignores SIGCHLD, or asked for it, gets no zombies (sigaction(2)). */
static bool leaves_zombie(const struct process *p) {
    const struct process *parent = process_parent(p);
    if (!parent)
        return false;
    if (p->exit_signal != SIGCHLD)
        return true;
    const struct signal_action *a = signal_action(parent, SIGCHLD);
    return a->handler != SIG_IGN && !(a->flags & SA_NOCLDWAIT);
}

void process_end_task(uint64_t task) {
    must(pk_task_kill(task));
    must(pk_cap_drop(0, task));
}

static void stop_running(struct process *p) {
    p->own = process_usage(p);
    if (p->exec)
        exec_abandon(p);
    timers_end(p);
    process_subreapers -= p->subreaper;
    p->subreaper = false;
    threads_leave_memory(p);
    threads_end(p);
    if (!departure_keeps_process(p))
        process_end_task(p->task);
    p->task = 0;
    pool_leave(p);
}

/* A parent may end by the signal, and another one adopts p then, to be told in its stead. */
static struct process *signal_parents(struct process *p) {
    struct process *parent;
    do {
        parent = process_parent(p);
        signal_parent(p, p->exit_signal, p->code, p->status);
    } while (process_parent(p) != parent);
    return parent;
}

void process_tell_end(struct process *p) {
    p->left = false; /* whoever ends meanwhile leaves it alone */
    if (p->main.tracee) {
        ptrace_tell_end(p); /* and its parent when its tracer has heard of it (ptrace(2)) */
        return;
    }
    if (p->spawned && !process_parent(p)) {
        child_event(p);
        spawned_ended(p);
        return;
    }
    struct process *parent = signal_parents(p);
    p->left = true;
    if (leaves_zombie(p))
        child_event(p);
    else
        process_reap(p);
    wait_wake(parent);
}

void process_end(struct process *p, int code, int status) {
    if (p->state == PROCESS_ZOMBIE)
        return;
    halt_end(p);
    ptrace_process_ends(p, code, status);
    stop_running(p);
    if (p->state == PROCESS_STOPPED)
        p->group->stopped--;
    core_free(p);
    p->state = PROCESS_ZOMBIE;
    /* That it stopped or went on is told no more: its end is, when it has left (process_tell_end). */
    if (!list_empty(&p->event))
        child_event_seen(p);
    group_parent_ended(p);
    p->code = code;
    p->status = status;
    signalfds_process_ended(p);
    trace_process_ended(p);
    pending_forget(&p->pending, ~0ull);
    if (!p->departure)
        process_left(p);
}

void process_left(struct process *p) {
    pidfd_process_ended(p);
    connect_exited(p);
    process_release_vfork(p);
    process_adopt_orphans(p);
    if (process_session(p) == process_pid(p))
        terminal_session_ended(p);
    group_hang_ups();
    process_tell_end(p);
}

void process_report(struct process *p, int code, int status) {
    p->code = code;
    p->status = status;
    struct process *parent = process_parent(p);
    if (code == CLD_STOPPED && ptrace_is_traced_by(p, parent))
        return; /* who hears of each thread */
    if (parent)
        child_event(p);
    if (parent && !(signal_action(parent, SIGCHLD)->flags & SA_NOCLDSTOP))
        signal_parent(p, SIGCHLD, code, status);
    wait_wake(parent);
}

/* Another's signal came before its end: the process ends by that, when its core is written, and t is in it. */
static bool stays(struct thread *t) {
    return core_rests(t, 0);
}

long proc_handle_exit(struct request *req, int code, int tidy) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    if (stays(t))
        return SERVER_DEFER;
    t->tidy = tidy;
    if (!ptrace_exits(t, req->token, code & 255, true))
        process_end(t->process, CLD_EXITED, code & 255);
    return SERVER_DEFER; /* the caller is gone */
}

/* With the last thread its process ends, with that one's code (as on Linux since 6.0). */
long proc_handle_exit_thread(struct request *req, int code, uint64_t clear_tid, int tidy) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    if (stays(t))
        return SERVER_DEFER;
    if (t == &t->process->main)
        t->clear_tid = clear_tid;
    t->tidy = tidy;
    if (!ptrace_exits(t, req->token, code & 255, false))
        thread_end(t, code & 255);
    return SERVER_DEFER;
}
