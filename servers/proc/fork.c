/* SPDX-License-Identifier: MIT */
/*
 * fork, vfork, clone: a task that is a copy-on-write clone, or shares memory, and in it a thread that stands where
 * the caller's stands, in its call, which returns 0 there; or only such a thread, in the caller's own task.
 */
#include "pool.h"
#include "ptrace.h"
#include "seat.h"
#include <lib/continuation.h>
#include <protocol/proc_server.h>
#include <string.h>

#define CSIGNAL 0xfful
#define CLONE_VM 0x100ul
#define CLONE_FS 0x200ul
#define CLONE_FILES 0x400ul
#define CLONE_SIGHAND 0x800ul
#define CLONE_PIDFD 0x1000ul
#define CLONE_VFORK 0x4000ul
#define CLONE_THREAD 0x10000ul
#define CLONE_SYSVSEM 0x40000ul
#define CLONE_SETTLS 0x80000ul
#define CLONE_PARENT_SETTID 0x100000ul
#define CLONE_CHILD_CLEARTID 0x200000ul
#define CLONE_DETACHED 0x400000ul /* has had no meaning for long */
#define CLONE_CHILD_SETTID 0x1000000ul
#define FOR_ALL                                                                                    \
    (CSIGNAL | CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID |                       \
     CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID)
/* What a thread shares with its process, all of it; semaphores' undo values are a process's here in any case. */
#define OF_THREADS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

/* The child's task, with a copy of the parent's memory, or sharing it. */
static long make_task(const struct process *parent, struct process *child, bool share) {
    long task = pk_task_create(child->account, share ? parent->task : 0);
    if (task < 0)
        return task;
    child->task = (uint64_t)task;
    return share ? 0 : pk_task_clone(child->task, parent->task, 0);
}

/*
 * The copy is of one moment: were other threads to run on, it could have what one wrote last without what that wrote
 * before, or a mapping without its neighbour.
 */
static long make_task_of_still(const struct thread *from, struct process *child) {
    threads_hold(from->process, from);
    long error = make_task(from->process, child, false);
    threads_let_go(from->process, from);
    return error;
}

/* The child's task and thread; what was made before an error is for discard(). */
static long make_copy(const struct thread *from, struct process *child, bool share) {
    struct process *parent = from->process;
    long error = pool_enter(child, parent->pool);
    if (error == 0)
        error = parent->sole || share ? make_task(parent, child, share)
                                      : make_task_of_still(from, child);
    if (error < 0)
        return error;
    if (share || !from->seat)
        child->main.seat = 0;
    else if (from->seat == FIRST_SEAT)
        child->main.owner = from->owner;
    long thread =
        pk_thread_copy_in(child->account, from->slot, child->task, thread_word(&child->main));
    if (thread < 0)
        return thread;
    child->main.slot = (uint64_t)thread;
    error = schedule_child(child->main.slot, &child->main.schedule, &from->schedule);
    if (error == 0)
        error = connect_exceptions(child, child->task);
    if (error == 0)
        error = connect_forked(parent, child);
    return error < 0 ? error : connect_task(child);
}

static void discard(struct process *child) {
    connect_exited(child);
    time_limits_end(child);
    threads_end(child);
    if (child->task)
        process_end_task(child->task);
    pool_leave(child);
    process_free(child);
}

/* Tells the number before the copy can run: it may end at once, and clear the same word. */
static void announce(const struct process *p, int32_t tid, uint64_t flags, uint64_t parent_tid) {
    if (flags & CLONE_VM && flags & CLONE_PARENT_SETTID)
        pk_may_fail(pk_task_copy_out(p->task, parent_tid, &tid, sizeof tid)); /* as Linux does */
}

/*
 * After the copy was made, so that it does not see the number. That there is a place for it is tried first: a
 * descriptor is not taken back.
 */
static long give_pidfd(struct process *parent, struct process *child, uint64_t at) {
    int32_t number;
    if (pk_task_copy_in(parent->task, &number, at, sizeof number) < 0 ||
        pk_task_copy_out(parent->task, at, &number, sizeof number) < 0)
        return -EFAULT;
    long fd = pidfd_open(parent, child, 0);
    number = (int32_t)fd;
    if (fd >= 0) /* another thread may have unmapped it meanwhile: its own fault */
        pk_may_fail(pk_task_copy_out(parent->task, at, &number, sizeof number));
    return fd < 0 ? fd : 0;
}

static long make_process(struct request *req, struct thread *from, uint64_t flags,
                         uint64_t parent_tid, uint64_t child_tid, uint64_t pidfd, uint64_t mask) {
    int event;
    struct tracee *record;
    long error = ptrace_fork_begin(from, flags, &event, &record);
    struct process *child = error == 0 ? process_new(from) : NULL;
    if (!child) {
        ptrace_fork_failed(record);
        return error < 0 ? error : -ENOMEM;
    }
    mask_said(&child->main, mask);
    error = make_copy(from, child, flags & CLONE_VM);
    if (error == 0 && flags & CLONE_PIDFD)
        error = give_pidfd(from->process, child, pidfd);
    if (error == 0)
        error = time_limits_begin(child);
    if (error < 0) {
        ptrace_fork_failed(record);
        discard(child);
        return error;
    }
    int pid = process_pid(child);
    if ((flags & CSIGNAL) != SIGCHLD)
        child_set_exit_signal(child, (flags & CSIGNAL) <= SIGNALS ? (int)(flags & CSIGNAL) : 0);
    announce(child, pid, flags, parent_tid);
    child->shares_memory = flags & CLONE_VM;
    if (flags & CLONE_VM && flags & CLONE_CHILD_CLEARTID)
        child->main.clear_tid = child_tid;
    if (flags & CLONE_VFORK)
        child->vfork_token = req->token;
    if (__builtin_expect(from->process->traced != 0, 0))
        ptrace_set_entry(child); /* the copy of its task has the parent's */
    if (record)
        ptrace_fork_done(from, &child->main, event, record, req->token);
    must(pk_thread_resume(child->main.slot));
    return flags & CLONE_VFORK || record ? SERVER_DEFER : pid;
}

static long make_thread(const struct request *req, struct thread *from, uint64_t flags,
                        uint64_t parent_tid, uint64_t child_tid, uint64_t mask) {
    int event;
    struct tracee *record;
    struct process *p = from->process;
    long error = ptrace_fork_begin(from, flags, &event, &record);
    struct thread *t = error == 0 ? thread_new(from) : NULL;
    if (!t) {
        ptrace_fork_failed(record);
        return error < 0 ? error : -ENOMEM;
    }
    int tid = thread_tid(t);
    long slot = pk_thread_copy_in(p->account, from->slot, p->task, thread_word(t));
    error = slot < 0 ? slot : schedule_child((uint64_t)slot, &t->schedule, &from->schedule);
    if (error < 0) {
        ptrace_fork_failed(record);
        if (slot >= 0)
            must(pk_cap_drop(0, (uint64_t)slot));
        thread_free(t);
        return error;
    }
    if (flags & CLONE_CHILD_CLEARTID)
        t->clear_tid = child_tid;
    thread_enter(t, (uint64_t)slot);
    mask_begin(t, mask);
    announce(p, tid, flags, parent_tid);
    if (record)
        ptrace_fork_done(from, t, event, record, req->token);
    t->held = p->state != PROCESS_RUNNING;
    if (!t->held || record) /* traced: to come to its tracer, and no farther */
        must(pk_thread_resume(t->slot));
    return record ? SERVER_DEFER : tid;
}

static bool flags_fit(uint64_t flags) {
    if (flags & CLONE_THREAD)
        return (flags & OF_THREADS) == OF_THREADS &&
               !(flags & ~(FOR_ALL | OF_THREADS | CLONE_SYSVSEM | CLONE_DETACHED)) &&
               !(flags & CLONE_VFORK);
    return !(flags & ~(FOR_ALL | CLONE_PIDFD));
}

long proc_handle_fork(struct request *req, uint64_t flags, uint64_t parent_tid, uint64_t child_tid,
                      uint64_t pidfd, uint64_t mask) {
    struct thread *from = request_thread(req);
    if (!from)
        return -ESRCH;
    struct process *p = from->process;
    if (!from->seat)
        mask = from->blocked;
    else if (!(flags & CLONE_VM))
        mask_said(from, mask);
    if (p->state == PROCESS_DUMPING)
        return -EAGAIN;
    if (!flags_fit(flags) ||
        (flags & CLONE_PIDFD && flags & CLONE_PARENT_SETTID && pidfd == parent_tid))
        return -EINVAL;
    struct waiter_queue *held = flags & CLONE_THREAD ? NULL : broadcast_holds_fork(p);
    if (held)
        return request_wait(req, held, NULL);
    if (p->ruid != 0 && pool_processes(p) >= settings_limit(p, RLIMIT_NPROC))
        return -EAGAIN;
    if (flags & CLONE_THREAD)
        return make_thread(req, from, flags, parent_tid, child_tid, mask);
    return make_process(req, from, flags, parent_tid, child_tid, pidfd, mask);
}

void process_release_vfork(struct process *p) {
    if (p->vfork_token && !ptrace_vfork_done(p))
        server_reply(p->vfork_token, process_pid(p));
    p->vfork_token = 0;
}
