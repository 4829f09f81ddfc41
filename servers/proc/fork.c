/* SPDX-License-Identifier: MIT */
/* fork and vfork: a task that is a copy-on-write clone, and a thread that stands where the parent's
 * stands, in its call, which returns 0 there. */
#include "pool.h"
#include <lib/continuation.h>
#include <protocol/proc_server.h>
#include <string.h>

#define CSIGNAL 0xfful
#define CLONE_VM 0x100ul
#define CLONE_VFORK 0x4000ul
#define CLONE_SETTLS 0x80000ul
#define CLONE_PARENT_SETTID 0x100000ul
#define CLONE_CHILD_CLEARTID 0x200000ul
#define CLONE_CHILD_SETTID 0x1000000ul
#define SUPPORTED                                                                                  \
    (CSIGNAL | CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID |                       \
     CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID)

/* The child's task and thread; what was made before an error is for process_discard. */
static long make_copy(struct process *parent, struct process *child, bool share) {
    long error = pool_enter(child, parent->pool);
    if (error < 0)
        return error;
    long task = pk_task_create(child->account, share ? parent->task : 0);
    if (task < 0)
        return task;
    child->task = (uint64_t)task;
    error = share ? 0 : pk_task_clone(child->task, parent->task, 0);
    if (error < 0)
        return error;
    long thread = pk_thread_copy_in(child->account, parent->main.slot, child->task,
                                    (uint64_t)process_pid(child));
    if (thread < 0)
        return thread;
    child->main.slot = (uint64_t)thread;
    error = connect_exceptions(child, child->task);
    if (error == 0)
        error = connect_forked(parent, child);
    return error < 0 ? error : connect_task(child);
}

static void discard(struct process *child) {
    connect_exited(child);
    if (child->main.slot)
        must(pk_cap_drop(0, child->main.slot));
    if (child->task) {
        must(pk_task_kill(child->task));
        must(pk_cap_drop(0, child->task));
    }
    pool_leave(child);
    process_free(child);
}

long proc_handle_fork(struct request *req, uint64_t flags, uint64_t stack, uint64_t tls) {
    struct process *parent = request_process(req);
    (void)stack, (void)tls; /* the child sets them itself */
    if (!parent)
        return -ESRCH;
    /* Threads and namespaces are not there; memory is only shared until exec. */
    if (flags & ~SUPPORTED || (flags & CLONE_VM && !(flags & CLONE_VFORK)))
        return -EINVAL;
    struct waiter_queue *held = broadcast_holds_fork(parent);
    if (held)
        return request_wait(req, held, NULL);
    if (parent->ruid != 0 && pool_processes(parent) >= settings_limit(parent, RLIMIT_NPROC))
        return -EAGAIN;
    struct process *child = process_new(parent);
    if (!child)
        return -ENOMEM;
    long error = make_copy(parent, child, flags & CLONE_VM);
    if (error < 0) {
        discard(child);
        return error;
    }
    int pid = process_pid(child);
    if (flags & CLONE_VFORK) {
        child->vforked = true;
        child->vfork_token = req->token;
    }
    must(pk_thread_resume(child->main.slot));
    return flags & CLONE_VFORK ? SERVER_DEFER : pid;
}

void process_release_vfork(struct process *p) {
    if (p->vfork_token)
        server_reply(p->vfork_token, process_pid(p));
    p->vfork_token = 0;
}
