/* SPDX-License-Identifier: MIT */
/* The signal calls: kill, actions, masks, waiting for signals, alternate stacks, sigreturn. */
#include "core.h"
#include <lib/continuation.h>
#include <protocol/proc_server.h>
#include <stdlib.h>
#include <string.h>

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK, SIG_GET = -1 };
#define MINSIGSTKSZ 2048

static bool bad_signal(int signal) {
    return signal < 0 || signal > SIGNALS;
}

/* kill(2) of many. The sender itself comes last, since that may be its end. */
struct killing {
    struct continuation c;
    struct broadcast b;
    bool itself;
};

/* As kill(2): success if it worked for one. */
static long kill_result(struct killing *k) {
    struct process *from = process_find(k->b.from);
    if (!from)
        return -ESRCH; /* nobody is there to hear it */
    if (k->itself && k->b.signal)
        signal_send_simple(from, k->b.signal, SI_USER, from);
    return k->b.sent || k->itself ? 0 : k->b.found ? -EPERM : -ESRCH;
}

static long kill_step(struct continuation *c) {
    struct killing *k = container_of(c, struct killing, c);
    return broadcast_some(&k->b) ? SERVER_DEFER : kill_result(k);
}

static void kill_release(struct continuation *c) {
    struct killing *k = container_of(c, struct killing, c);
    broadcast_end(&k->b);
    free(k);
}

/* group 0: everybody but the caller (kill(-1)). */
static long kill_many(struct request *req, const struct process *from, int signal, int group) {
    static const struct continuation_ops ops = {.step = kill_step, .release = kill_release};
    struct killing *k = malloc(sizeof *k);
    if (!k)
        return -ENOMEM;
    int own = process_pid(from);
    k->itself = group && process_group(from) == group;
    k->b = (struct broadcast){.group = group, .except = own, .from = own, .signal = signal};
    broadcast_begin(&k->b);
    if (!broadcast_some(&k->b)) {
        long result = kill_result(k);
        free(k);
        return result;
    }
    continuation_init(&k->c, req, &ops);
    continuation_go(&k->c);
    return SERVER_DEFER;
}

/* The caller may be the one that was killed: nobody is there to answer then. */
long answer(int own, long result) {
    struct process *p = process_find(own);
    return p && p->state != PROCESS_ZOMBIE ? result : SERVER_DEFER;
}

static __attribute__((noinline)) long poke_and_answer(struct thread *t, long result) {
    int own = process_pid(t->process);
    signal_poke(t);
    return answer(own, result);
}

/* The same after t's mask changed: what is deliverable now may be its process's end. */
static inline long answer_after(struct thread *t, long result) {
    if (t->process->state != PROCESS_ZOMBIE && !(signal_pending(t) & ~t->blocked))
        return result;
    return poke_and_answer(t, result);
}

static long kill_one(struct process *from, int pid, const struct signal_info *info) {
    struct process *to = process_find(pid);
    struct thread *t = to ? NULL : thread_find(pid);
    if (t)
        to = t->process; /* any thread's number will do */
    if (!to)
        return pid == INIT_PID ? -EPERM : -ESRCH;
    if (!signal_permitted(from, to, info->signal))
        return -EPERM;
    return info->signal ? signal_send(to, info) : 0;
}

/* group -1: whichever it is in. A process's first thread that has ended before the others takes what it is sent. */
static long kill_thread(struct process *from, int group, int tid, const struct signal_info *info) {
    struct thread *t = thread_find(tid);
    struct process *to = t ? t->process : process_find(tid);
    if (!to || (group != -1 && process_pid(to) != group))
        return tid == INIT_PID ? -EPERM : -ESRCH;
    if (!signal_permitted(from, to, info->signal))
        return -EPERM;
    return info->signal && t ? signal_send_thread(t, info) : 0;
}

static struct signal_info from_user(const struct process *p, int signal, int code) {
    struct signal_info info = {.signal = signal, .code = code};
    info.pid = process_pid(p);
    info.uid = p->ruid;
    return info;
}

long proc_handle_kill(struct request *req, int pid, int signal) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    if (bad_signal(signal))
        return -EINVAL;
    int own = process_pid(p);
    struct signal_info info = from_user(p, signal, SI_USER);
    if (pid > 0)
        return answer(own, kill_one(p, pid, &info));
    if (pid == -1)
        return answer(own, kill_many(req, p, signal, 0));
    if (pid == INT_MIN)
        return -ESRCH;
    if (pid && !group_find(-pid))
        return -ESRCH;
    return answer(own, kill_many(req, p, signal, pid ? -pid : process_group(p)));
}

long proc_handle_tgkill(struct request *req, int group, int thread, int signal) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    if (bad_signal(signal) || thread < 0 || (group <= 0 && group != -1))
        return -EINVAL;
    int own = process_pid(t->process);
    struct signal_info info = from_user(t->process, signal, SI_TKILL);
    return answer(own, kill_thread(t->process, group, thread ? thread : thread_tid(t), &info));
}

long proc_handle_queue_signal(struct request *req, int pid, int thread, int signal) {
    struct process *p = request_process(req);
    struct linux_siginfo given;
    if (!p)
        return -ESRCH;
    long error = request_read_all(req, &given, sizeof given);
    if (error < 0)
        return error;
    struct signal_info info = given.info;
    if (bad_signal(signal))
        return -EINVAL;
    int own = process_pid(p);
    if ((info.code >= 0 || info.code == SI_TKILL) && pid != own)
        return -EPERM;
    info.signal = signal;
    return answer(own, thread ? kill_thread(p, pid, thread, &info) : kill_one(p, pid, &info));
}

long proc_handle_sigaction(struct request *req, int signal) {
    struct process *p = request_process(req);
    struct signal_action new;
    if (!p)
        return -ESRCH;
    if (signal < 1 || bad_signal(signal))
        return -EINVAL;
    bool set = request_in_len(req) > 0;
    if (set && (signal == SIGKILL || signal == SIGSTOP))
        return -EINVAL;
    if (set) {
        long error = request_read_all(req, &new, sizeof new);
        if (error < 0)
            return error;
    }
    if (request_out_len(req)) {
        long error = request_write_all(req, signal_action(p, signal), sizeof(struct signal_action));
        if (error < 0)
            return error;
    }
    if (!set)
        return 0;
    new.mask &= ~UNBLOCKABLE;
    signal_set_action(p, signal, &new);
    /* Pending signals that are now ignored are dropped (sigaction in POSIX). */
    if (signal_is_ignored(p, signal))
        signal_forget(p, signal_bit(signal));
    else if (signal_bit(signal) & TIMER_SIGNALS || !list_empty(&p->posix_timers))
        timers_rearm(p, signal);
    return 0;
}

long proc_handle_sigprocmask(struct request *req, int how, uint64_t set) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    uint64_t old = t->blocked;
    set &= ~UNBLOCKABLE;
    switch (how) {
    case SIG_BLOCK:
        signal_set_mask(t, old | set);
        break;
    case SIG_UNBLOCK:
        t->blocked = old & ~set;
        break;
    case SIG_SETMASK:
        signal_set_mask(t, set);
        break;
    case SIG_GET:
        break;
    default:
        return -EINVAL;
    }
    proc_results_sigprocmask(&req->msg, old);
    return answer_after(t, 0);
}

long proc_handle_sigpending(struct request *req) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    proc_results_sigpending(&req->msg, signal_pending(t) & t->blocked);
    return 0;
}

static long wait_ended(struct waiter *w, enum waiter_end why) {
    struct thread *t = container_of(w, struct thread, wait);
    thread_waits(t, WAIT_NONE);
    return why == WAITER_EXPIRED ? -EAGAIN : -EINTR;
}

static const struct waiter_ops wait_ops = {.ended = wait_ended};

/* Another mask, until a handler has run or nothing was to be delivered (deliver.c). */
static void borrow_mask(struct thread *t, uint64_t set) {
    if (!t->mask_saved)
        t->saved_mask = t->blocked;
    t->mask_saved = true;
    signal_set_mask(t, set);
}

/* A thread that has attention does not begin to wait: the call that follows ends with EINTR at once. */
long proc_handle_borrow_mask(struct request *req, uint64_t set) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    borrow_mask(t, set);
    return answer_after(t, 0);
}

long proc_handle_return_mask(struct request *req) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    if (t->mask_saved)
        signal_set_mask(t, t->saved_mask);
    t->mask_saved = false;
    return answer_after(t, 0);
}

long proc_handle_sigsuspend(struct request *req, uint64_t set, int own_mask) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    if (!own_mask)
        borrow_mask(t, set);
    waiter_init(&t->wait, req, 0, &wait_ops);
    thread_waits(t, WAIT_SUSPEND);
    signal_poke(t);
    return SERVER_DEFER;
}

long proc_handle_sigtimedwait(struct request *req, uint64_t set, int64_t timeout_ns) {
    struct thread *t = request_thread(req);
    struct signal_info info;
    if (!t)
        return -ESRCH;
    set &= ~UNBLOCKABLE;
    bool wants_info = request_out_len(req) > 0;
    if (signal_take(t, set, &info)) {
        struct linux_siginfo whole = {.info = info};
        if (wants_info && request_write_all(req, &whole, sizeof whole) < 0)
            return -EFAULT;
        return info.signal;
    }
    if (timeout_ns == 0)
        return -EAGAIN;
    waiter_init(&t->wait, req, 0, &wait_ops);
    if (timeout_ns > 0 && waiter_set_deadline(&t->wait, clock_after((uint64_t)timeout_ns)) < 0) {
        waiter_remove(&t->wait);
        return -ENOMEM;
    }
    t->wait_signal.set = set;
    t->wait_signal.wants_info = wants_info;
    t->wait_signal.wants_record = false;
    thread_waits(t, WAIT_SIGNAL);
    return SERVER_DEFER;
}

long signal_wait_record(struct request *req, struct thread *t, uint64_t set) {
    waiter_init(&t->wait, req, 0, &wait_ops);
    t->wait_signal.set = set;
    t->wait_signal.wants_record = true;
    thread_waits(t, WAIT_SIGNAL);
    return SERVER_DEFER;
}

/* Not for the personality: no handler, a stack that it knows not, more than the reply carries. */
static bool needs_exception(const struct thread *t, const struct signal_info *info) {
    uint64_t handler = signal_action(t->process, info->signal)->handler;
    return handler == SIG_DFL || handler == SIG_IGN || t->alt_size || t->mask_saved ||
           info->error || info->words[2] || info->words[3];
}

/* What is pending and t blocks is offered to others. True: it was the process's end. */
static __attribute__((noinline)) bool ends_for_others(struct thread *t) {
    signal_retarget_blocked(t);
    return t->process->state == PROCESS_ZOMBIE;
}

/*
 * Who keeps its mask need not come back for it after the handler. But if another signal is pending, which may be one
 * that the handler's mask blocks and its own does not, that is to be known here now.
 */
long proc_handle_take_signal(struct request *req, int own, uint64_t mask) {
    struct thread *t = request_thread(req);
    struct signal_info info;
    if (!t)
        return -ESRCH;
    if (own)
        mask_said(t, mask);
    if (!t->process->sole && ends_for_others(t))
        return SERVER_DEFER;
    if (t->process->state == PROCESS_DUMPING || t->tracee || t->return_pc)
        return -EAGAIN; /* to come to rest */
    if (!signal_next(t, ~t->blocked, &info))
        return 0;
    if (needs_exception(t, &info))
        return -EAGAIN;
    uint64_t before = t->blocked, after = before;
    t->restart_call = 0; /* a handler runs: who has kept its mask may not come back for its end */
    signal_remove(t, info.signal);
    uint64_t handler = signal_enter_handler(t->process, info.signal, &after);
    bool told = !own || signal_pending(t) & ~before;
    if (told)
        signal_set_mask(t, after);
    proc_results_take_signal(&req->msg, handler, before, after, info.words[0], info.words[1]);
    long code = (long)(uint32_t)info.code << PROC_TAKEN_CODE;
    return answer_after(t, info.signal | (told ? PROC_TAKEN_TOLD : 0) | code);
}

long proc_handle_end_handler(struct request *req, uint64_t mask) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    signal_set_mask(t, mask);
    t->alt_stack = t->alt_size = 0;
    t->alt_flags = SS_DISABLE;
    return answer_after(t, 0);
}

long proc_handle_sigreturn(struct request *req, uint64_t frame) {
    static struct pk_regs regs;
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    if (frame_pop(t, frame, &regs) < 0 ||
        pk_thread_regs(t->slot, &regs, PK_REGS_SET | PK_REGS_RESTART) < 0) {
        const struct signal_info info = {.signal = SIGSEGV, .code = SI_KERNEL};
        int own = process_pid(t->process);
        core_kill(t, &info);
        return answer(own, -EFAULT);
    }
    t->restart_call = 0;
    signal_poke(t);
    return SERVER_DEFER; /* the call is over without an answer */
}

long proc_handle_sigaltstack(struct request *req, uint64_t sp) {
    struct thread *t = request_thread(req);
    struct linux_stack new;
    if (!t)
        return -ESRCH;
    bool inside = signal_on_alt_stack(t, sp);
    uint32_t flags = !t->alt_size ? SS_DISABLE : inside ? SS_ONSTACK : 0;
    struct linux_stack old = {t->alt_stack, (int32_t)(flags | (t->alt_flags & SS_AUTODISARM)), 0,
                              t->alt_size};
    if (request_in_len(req)) {
        long error = request_read_all(req, &new, sizeof new);
        if (error < 0)
            return error;
        if (inside)
            return -EPERM;
        uint32_t mode = (uint32_t) new.flags & ~SS_AUTODISARM;
        if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK)
            return -EINVAL;
        if (mode != SS_DISABLE && new.size < MINSIGSTKSZ)
            return -ENOMEM;
    }
    if (request_out_len(req)) {
        long error = request_write_all(req, &old, sizeof old);
        if (error < 0)
            return error;
    }
    if (request_in_len(req)) {
        bool off = new.flags &SS_DISABLE;
        t->alt_stack = off ? 0 : new.sp;
        t->alt_size = off ? 0 : new.size;
        t->alt_flags = (off ? SS_DISABLE : 0) | ((uint32_t) new.flags &SS_AUTODISARM);
    }
    return 0;
}
