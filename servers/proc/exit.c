/* SPDX-License-Identifier: MIT */
/* The end of a process, and waiting for it: exit, wait4, waitid, zombies, orphans. */
#include "pool.h"
#include <protocol/proc_server.h>
#include <string.h>

#define WNOHANG 1u
#define WNOWAIT 0x1000000u
#define W_LINUX_FLAGS 0xe0000000u /* __WNOTHREAD, __WALL, __WCLONE: no difference without threads */
enum { P_ALL, P_PID, P_PGID };

/* The child to report; *any tells if one could ever be. */
static struct process *find_child(const struct process *p, bool *any) {
    uint32_t options = p->main.wait_for.options;
    switch (p->main.wait_for.id_type) {
    case P_PID:
        return child_find_pid(p, p->main.wait_for.id, options, any);
    case P_PGID:
        return child_find_group(p, p->main.wait_for.id, options, any);
    default:
        *any = !list_empty(&p->children);
        return child_find(p, options);
    }
}

/* Fills in the answer about a child; a zombie is gone afterwards, unless WNOWAIT. */
static long report(struct process *p, struct process *child, struct pk_msg *msg) {
    long pid = process_pid(child);
    proc_results_wait(msg, child->code, child->status, child->ruid,
                      child->own_ns + child->children_ns);
    if (p->main.wait_for.options & WNOWAIT)
        return pid;
    if (child->state == PROCESS_ZOMBIE)
        process_reap(child);
    else
        child_event_seen(child);
    return pid;
}

void process_reap(struct process *p) {
    struct process *parent = process_parent(p);
    if (parent)
        parent->children_ns += p->own_ns + p->children_ns;
    process_free(p);
}

static long wait_ended(struct waiter *w, enum waiter_end why) {
    struct process *p = container_of(w, struct process, main.wait);
    (void)why;
    p->main.waiting = WAIT_NONE;
    return -EINTR;
}

long proc_handle_wait(struct request *req, int id_type, int id, uint32_t options) {
    static const struct waiter_ops ops = {.ended = wait_ended};
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    if (options & ~(WNOHANG | WSTOPPED | WEXITED | WCONTINUED | WNOWAIT | W_LINUX_FLAGS) ||
        !(options & (WSTOPPED | WEXITED | WCONTINUED)) || id_type < P_ALL || id_type > P_PGID ||
        (id_type == P_PID && id <= 0) || (id_type == P_PGID && id < 0))
        return -EINVAL;
    if (id_type == P_PGID && id == 0)
        id = process_group(p);
    p->main.wait_for.id_type = id_type;
    p->main.wait_for.id = id;
    p->main.wait_for.options = options;
    bool any;
    struct process *child = find_child(p, &any);
    if (child)
        return report(p, child, &req->msg);
    if (!any)
        return -ECHILD;
    if (options & WNOHANG)
        return 0;
    waiter_init(&p->main.wait, req, 0, &ops);
    p->main.waiting = WAIT_CHILD;
    return SERVER_DEFER;
}

void wait_wake(struct process *parent) {
    if (!parent || parent->main.waiting != WAIT_CHILD)
        return;
    bool any;
    struct process *child = find_child(parent, &any);
    if (!child && any)
        return;
    struct pk_msg msg;
    memset(&msg, 0, sizeof msg);
    long result = child ? report(parent, child, &msg) : -ECHILD;
    parent->main.waiting = WAIT_NONE;
    waiter_remove(&parent->main.wait);
    server_reply_words(waiter_token(&parent->main.wait), result, &msg);
}

static void signal_parent(struct process *p, int code, int status) {
    struct process *parent = process_parent(p);
    if (!parent || signal_is_dropped(parent, SIGCHLD))
        return;
    struct signal_info info = {.signal = SIGCHLD, .code = code};
    info.pid = process_pid(p);
    info.uid = p->ruid;
    info.status = status;
    signal_send(parent, &info);
}

/* A parent that ignores SIGCHLD, or asked for it, gets no zombies (sigaction(2)). */
static bool leaves_zombie(const struct process *p) {
    const struct process *parent = process_parent(p);
    if (!parent)
        return false;
    const struct signal_action *a = signal_action(parent, SIGCHLD);
    return a->handler != SIG_IGN && !(a->flags & SA_NOCLDWAIT);
}

static void stop_running(struct process *p) {
    p->own_ns = process_run_ns(p);
    if (p->main.waiting != WAIT_NONE)
        waiter_remove(&p->main.wait);
    p->main.waiting = WAIT_NONE;
    if (p->exec)
        exec_abandon(p);
    timers_end(p);
    process_subreapers -= p->subreaper;
    p->subreaper = false;
    must(pk_cap_drop(0, p->main.slot));
    must(pk_task_kill(p->task));
    must(pk_cap_drop(0, p->task));
    p->task = p->main.slot = 0;
    pool_leave(p);
}

void process_tell_end(struct process *p) {
    struct process *parent = process_parent(p);
    signal_parent(p, p->code, p->status);
    if (leaves_zombie(p))
        child_event(p);
    else
        process_reap(p);
    wait_wake(parent);
}

void process_end(struct process *p, int code, int status) {
    if (p->state == PROCESS_ZOMBIE)
        return;
    stop_running(p);
    if (p->state == PROCESS_STOPPED)
        p->group->stopped--;
    p->state = PROCESS_ZOMBIE;
    group_parent_ended(p);
    p->code = code;
    p->status = status;
    signal_drop_all(p);
    connect_exited(p);
    process_release_vfork(p);
    process_adopt_orphans(p);
    if (process_session(p) == process_pid(p))
        terminal_session_ended(p);
    group_hang_ups();
    if (p->spawned && !process_parent(p)) {
        child_event(p);
        spawned_ended(p);
    } else {
        process_tell_end(p);
    }
}

void process_report(struct process *p, int code, int status) {
    p->code = code;
    p->status = status;
    struct process *parent = process_parent(p);
    if (parent)
        child_event(p);
    if (parent && !(signal_action(parent, SIGCHLD)->flags & SA_NOCLDSTOP))
        signal_parent(p, code, status);
    wait_wake(parent);
}

long proc_handle_exit(struct request *req, int code) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    process_end(p, CLD_EXITED, code & 255);
    return SERVER_DEFER; /* the caller is gone */
}
