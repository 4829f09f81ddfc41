/* SPDX-License-Identifier: MIT */
/*
 * Signals: what happens at once when one is sent (signal(7)), and which thread of a process takes one. What is
 * pending is in pending.c; delivery to a handler is deliver.c's.
 */
#include "core.h"
#include "ptrace.h"
#include <stdlib.h>

enum default_action { TERMINATE, IGNORE, STOP, CONTINUE };

#define STOP_SIGNALS                                                                               \
    (signal_bit(SIGSTOP) | signal_bit(SIGTSTP) | signal_bit(SIGTTIN) | signal_bit(SIGTTOU))

static enum default_action default_action(int signal) {
    switch (signal) {
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
        return IGNORE;
    case SIGCONT:
        return CONTINUE;
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return STOP;
    default:
        return TERMINATE;
    }
}

bool signal_is_ignored(const struct process *p, int signal) {
    uint64_t handler = signal_action(p, signal)->handler;
    return handler == SIG_IGN || (handler == SIG_DFL && (default_action(signal) == IGNORE ||
                                                         default_action(signal) == CONTINUE));
}

bool signal_permitted(const struct process *from, const struct process *to, int signal) {
    if (from->euid == 0 || (signal == SIGCONT && process_session(from) == process_session(to)))
        return true;
    return from->euid == to->ruid || from->euid == to->suid || from->ruid == to->ruid ||
           from->ruid == to->suid;
}

/* The thread of p that takes a signal which is for any: the first one, if it does not block it (as on Linux). */
static struct thread *find_taker(struct process *p, int signal) {
    if (p->main.slot && !mask_blocks(&p->main, signal))
        return &p->main;
    for (struct thread *t = thread_next(p, NULL); t; t = thread_next(p, t))
        if (!mask_blocks(t, signal))
            return t;
    return NULL;
}

void signal_retarget(struct process *p, uint64_t set) {
    for (set &= p->pending.set; set && p->state == PROCESS_RUNNING; set &= set - 1) {
        struct thread *t = find_taker(p, signal_lowest(set));
        if (t)
            signal_poke(t);
    }
}

void signal_retarget_blocked(struct thread *t) {
    if (t->process->pending.set & t->blocked && !t->process->sole)
        signal_retarget(t->process, t->blocked);
}

void signal_set_mask(struct thread *t, uint64_t mask) {
    uint64_t left = mask & ~t->blocked & t->process->pending.set;
    mask_said(t, mask);
    if (left && !t->process->sole)
        signal_retarget(t->process, left);
}

uint64_t signal_enter_handler(struct process *p, int signal, uint64_t *mask) {
    struct signal_action a = *signal_action(p, signal);
    uint64_t handler = a.handler;
    if (a.flags & SA_RESETHAND) {
        a.handler = SIG_DFL;
        signal_set_action(p, signal, &a);
    }
    *mask |= a.mask | (a.flags & SA_NODEFER ? 0 : signal_bit(signal));
    return handler;
}

bool signal_terminates(int signal) {
    return default_action(signal) == TERMINATE;
}

void signal_act(struct thread *t, const struct signal_info *info) {
    struct process *p = t->process;
    switch (default_action(info->signal)) {
    case TERMINATE:
        core_kill(t, info);
        break;
    case STOP:
        if (info->signal == SIGSTOP || !group_orphaned(p->group))
            process_stop(p, info->signal); /* else nobody could continue it (sigaction in POSIX) */
        break;
    case IGNORE:
    case CONTINUE:
        break;
    }
}

/* A signal that is pending for t, not blocked and not caught acts now: there is nothing to wait for. */
static void act(struct thread *t, int signal) {
    struct signal_info info;
    if (signal != SIGKILL && t->process->state == PROCESS_STOPPED && signal != SIGCONT)
        return;
    if (signal_terminates(signal))
        signal_next(t, signal_bit(signal), &info);
    else
        signal_take(t, signal_bit(signal), &info);
    signal_act(t, &info);
}

static void wake_waiter(struct thread *t, const struct signal_info *info) {
    thread_wait_over(t);
    uint64_t token = waiter_token(&t->wait);
    struct linux_siginfo whole = {.info = *info};
    if (t->wait_signal.wants_record) {
        signal_record(info, &whole);
        long done = pk_copy_to_caller(token, 0, &whole, SIGNAL_RECORD_SIZE);
        server_reply(token, done < 0 ? -EFAULT : SIGNAL_RECORD_SIZE);
        return;
    }
    if (t->wait_signal.wants_info && pk_copy_to_caller(token, 0, &whole, sizeof whole) < 0) {
        server_reply(token, -EFAULT);
        return;
    }
    server_reply(token, info->signal);
}

void signal_poke(struct thread *t) {
    struct process *p = t->process;
    bool caught = false;
    if (__builtin_expect(t->tracee != NULL, 0)) {
        ptrace_poke(t);
        return;
    }
    for (uint64_t ready = signal_pending(t) & (~t->blocked | UNBLOCKABLE);
         ready && p->state == PROCESS_RUNNING; ready &= ready - 1) {
        int signal = signal_lowest(ready);
        if (signal_action(p, signal)->handler != SIG_DFL)
            caught = true;
        else if (!mask_blocks(t, signal))
            act(t, signal);
    }
    if (caught && p->state == PROCESS_RUNNING)
        must(pk_thread_attention(t->slot));
}

static void continue_or_stop(struct process *p, int signal) {
    if (signal == SIGCONT) {
        signal_forget(p, STOP_SIGNALS);
        process_continue(p);
    } else if (signal_bit(signal) & STOP_SIGNALS) {
        signal_forget(p, signal_bit(SIGCONT));
    }
}

/* Who waits for it: the thread itself, or, if it is for any, one of those that wait for signals. */
static struct thread *find_awaiting(const struct process *p, struct thread *t, int signal) {
    for (struct list *at = p->signal_waiters.next; at != &p->signal_waiters; at = at->next) {
        struct thread *waiting = container_of(at, struct thread, wait_link);
        if ((!t || t == waiting) && waiting->wait_signal.set & signal_bit(signal))
            return waiting;
    }
    return NULL;
}

bool signal_is_awaited(const struct process *p, struct thread *t, int signal) {
    return find_awaiting(p, t, signal);
}

static bool is_dropped(const struct process *p, struct thread *t, int signal) {
    return signal_is_ignored(p, signal) && !t->tracee && !mask_blocks(t, signal);
}

bool signal_is_dropped(struct process *p, int signal) {
    return is_dropped(p, &p->main, signal) && !find_awaiting(p, NULL, signal);
}

/* To a thread, or to any (NULL). */
static long send(struct process *p, struct thread *t, const struct signal_info *info) {
    int signal = info->signal;
    if (p->state == PROCESS_ZOMBIE)
        return 0;
    if (p->state == PROCESS_DUMPING) {
        if (signal == SIGKILL)
            core_give_up(p);
        return 0;
    }
    continue_or_stop(p, signal);
    if (p->state == PROCESS_ZOMBIE || p->state == PROCESS_DUMPING)
        return 0;
    if (signal == SIGKILL) {
        process_end(p, CLD_KILLED, SIGKILL);
        return 0;
    }
    struct thread *awaiting = find_awaiting(p, t, signal);
    if (awaiting) {
        wake_waiter(awaiting, info);
        return 0;
    }
    if (is_dropped(p, t ? t : &p->main, signal))
        return 0;
    long error = pending_add(t ? &t->pending : &p->pending, info, p);
    struct thread *taker = !t ? find_taker(p, signal) : mask_blocks(t, signal) ? NULL : t;
    if (!list_empty(&p->signalfds))
        signalfds_look(p, true);
    if (error == 0 && taker)
        signal_poke(taker);
    return error;
}

long signal_send(struct process *p, const struct signal_info *info) {
    return send(p, NULL, info);
}

long signal_send_thread(struct thread *t, const struct signal_info *info) {
    return send(t->process, t, info);
}

long signal_send_simple(struct process *p, int signal, int code, const struct process *from) {
    struct signal_info info = {.signal = signal, .code = code};
    info.pid = from ? process_pid(from) : 0;
    info.uid = from ? from->ruid : 0;
    return signal_send(p, &info);
}

bool signal_force(struct thread *t, struct signal_info *info) {
    const struct signal_action *a = signal_action(t->process, info->signal);
    mask_learn(t);
    if (a->handler == SIG_DFL || a->handler == SIG_IGN || t->blocked & signal_bit(info->signal)) {
        core_kill(t, info);
        return false;
    }
    return true;
}
