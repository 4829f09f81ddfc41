/* SPDX-License-Identifier: MIT */
/*
 * Signals: what is pending, and what happens at once when one is sent (signal(7)). Delivery to a
 * handler is deliver.c's.
 */
#include "proc.h"
#include <stdlib.h>

#define QUEUE_MAX 1024 /* real-time signals of one process: RLIMIT_SIGPENDING's part */

enum default_action { TERMINATE, IGNORE, STOP, CONTINUE };

#define DE_BRUIJN 0x03f79d71b4cb0a89ull

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

/* No core files are written, so the core flag is never set: CLD_KILLED for all. */
static void kill_by(struct process *p, int signal) {
    process_end(p, CLD_KILLED, signal);
}

/*
 * The lowest signal of a set that is not empty. rv64gc has no instruction to count zeros; the
 * product of each single bit with a de Bruijn sequence has another index in its top six bits.
 */
int signal_lowest(uint64_t set) {
    static const uint8_t signals[64] = {
        1,  2,  49, 3,  58, 50, 29, 4,  62, 59, 51, 43, 39, 30, 18, 5,  63, 56, 60, 37, 54, 52,
        44, 23, 46, 40, 34, 31, 25, 19, 13, 6,  64, 48, 57, 28, 61, 42, 38, 17, 55, 36, 53, 22,
        45, 33, 24, 12, 47, 27, 41, 16, 35, 21, 32, 11, 26, 15, 20, 10, 14, 9,  8,  7,
    };
    return signals[(set & -set) * DE_BRUIJN >> 58];
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

void signal_forget(struct process *p, uint64_t set) {
    p->pending &= ~set;
    for (struct list *l = p->queue.next, *next; l != &p->queue; l = next) {
        next = l->next;
        struct pending_signal *s = container_of(l, struct pending_signal, link);
        if (set & signal_bit(s->info.signal)) {
            list_remove(&s->link);
            free(s);
        }
    }
}

void signal_drop_all(struct process *p) {
    signal_forget(p, ~0ull);
}

/* Standard signals are pending once; their info is lost if memory is short, never the signal. */
static long enqueue(struct process *p, const struct signal_info *info) {
    uint64_t bit = signal_bit(info->signal);
    if (p->pending & bit && info->signal < SIGRTMIN)
        return 0;
    unsigned queued = 0;
    for (struct list *l = p->queue.next; info->signal >= SIGRTMIN && l != &p->queue; l = l->next)
        queued++;
    struct pending_signal *s = queued < QUEUE_MAX ? malloc(sizeof *s) : 0;
    if (!s && info->signal >= SIGRTMIN && info->code == SI_QUEUE)
        return -EAGAIN;
    p->pending |= bit;
    if (s) {
        s->info = *info;
        list_add_tail(&p->queue, &s->link);
    }
    return 0;
}

/* The oldest one queued of that number, after `before`; 0 if there is none (memory was short). */
static struct pending_signal *find_queued(const struct process *p, int signal,
                                          const struct pending_signal *before) {
    for (struct list *l = before ? before->link.next : p->queue.next; l != &p->queue; l = l->next) {
        struct pending_signal *s = container_of(l, struct pending_signal, link);
        if (s->info.signal == signal)
            return s;
    }
    return 0;
}

int signal_next(const struct process *p, uint64_t set, struct signal_info *out) {
    uint64_t ready = p->pending & set;
    if (!ready)
        return 0;
    /* A fault's signal comes first, then the lowest number (signal(7)). */
    uint64_t faults = ready & (signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) |
                               signal_bit(SIGTRAP) | signal_bit(SIGFPE) | signal_bit(SIGSYS));
    int signal = signal_lowest(faults ? faults : ready);
    const struct pending_signal *s = find_queued(p, signal, 0);
    *out = s ? s->info : (struct signal_info){.signal = signal};
    return signal;
}

void signal_remove(struct process *p, int signal) {
    struct pending_signal *s = find_queued(p, signal, 0);
    if (!s || !find_queued(p, signal, s))
        p->pending &= ~signal_bit(signal);
    if (s) {
        list_remove(&s->link);
        free(s);
    }
    if (signal_bit(signal) & TIMER_SIGNALS)
        timer_rearm(p, signal);
}

bool signal_take(struct process *p, uint64_t set, struct signal_info *out) {
    int signal = signal_next(p, set, out);
    if (signal)
        signal_remove(p, signal);
    return signal;
}

uint64_t signal_enter_handler(struct process *p, int signal) {
    struct signal_action a = *signal_action(p, signal);
    uint64_t handler = a.handler;
    p->main.blocked |= a.mask | (a.flags & SA_NODEFER ? 0 : signal_bit(signal));
    if (a.flags & SA_RESETHAND) {
        a.handler = SIG_DFL;
        signal_set_action(p, signal, &a);
    }
    return handler;
}

static void stop(struct process *p, int signal) {
    if (p->state == PROCESS_STOPPED)
        return;
    p->state = PROCESS_STOPPED;
    p->group->stopped++;
    must(pk_thread_suspend(p->main.slot));
    process_report(p, CLD_STOPPED, signal);
}

static void resume(struct process *p) {
    if (p->state != PROCESS_STOPPED)
        return;
    p->state = PROCESS_RUNNING;
    p->group->stopped--;
    process_report(p, CLD_CONTINUED, SIGCONT);
    if (p->state == PROCESS_RUNNING)
        signal_poke(p);
    /* Not before: on another hart it would run on for a while, though a pending signal ends it. */
    if (p->state == PROCESS_RUNNING)
        must(pk_thread_resume(p->main.slot));
}

/* A signal that is pending, not blocked and not caught acts now: there is nothing to wait for. */
static void act(struct process *p, int signal) {
    struct signal_info info;
    if (signal != SIGKILL && p->state == PROCESS_STOPPED && signal != SIGCONT)
        return;
    switch (default_action(signal)) {
    case TERMINATE:
        kill_by(p, signal);
        break;
    case STOP:
        signal_take(p, signal_bit(signal), &info);
        if (signal == SIGSTOP || !group_orphaned(p->group))
            stop(p, signal); /* else nobody could continue it (sigaction in POSIX) */
        break;
    case IGNORE:
    case CONTINUE:
        signal_take(p, signal_bit(signal), &info);
        break;
    }
}

static void wake_waiter(struct process *p, const struct signal_info *info) {
    p->main.waiting = WAIT_NONE;
    waiter_remove(&p->main.wait);
    uint64_t token = waiter_token(&p->main.wait);
    struct linux_siginfo whole = {.info = *info};
    if (p->main.wait_signal.wants_info && pk_copy_to_caller(token, 0, &whole, sizeof whole) < 0) {
        server_reply(token, -EFAULT);
        return;
    }
    server_reply(token, info->signal);
}

void signal_poke(struct process *p) {
    bool caught = false;
    for (uint64_t ready = p->pending & (~p->main.blocked | UNBLOCKABLE);
         ready && p->state == PROCESS_RUNNING; ready &= ready - 1) {
        int signal = signal_lowest(ready);
        if (signal_action(p, signal)->handler == SIG_DFL)
            act(p, signal);
        else
            caught = true;
    }
    if (caught && p->state == PROCESS_RUNNING)
        must(pk_thread_attention(p->main.slot));
}

static void continue_or_stop(struct process *p, int signal) {
    if (signal == SIGCONT) {
        signal_forget(p, STOP_SIGNALS);
        resume(p);
    } else if (signal_bit(signal) & STOP_SIGNALS) {
        signal_forget(p, signal_bit(SIGCONT));
    }
}

static bool is_awaited(const struct process *p, int signal) {
    return p->main.waiting == WAIT_SIGNAL && p->main.wait_signal.set & signal_bit(signal);
}

static bool is_blocked(const struct process *p, int signal) {
    return p->main.blocked & ~UNBLOCKABLE & signal_bit(signal);
}

bool signal_is_dropped(const struct process *p, int signal) {
    return !is_blocked(p, signal) && signal_is_ignored(p, signal) && !is_awaited(p, signal);
}

long signal_send(struct process *p, const struct signal_info *info) {
    int signal = info->signal;
    if (p->state == PROCESS_ZOMBIE)
        return 0;
    continue_or_stop(p, signal);
    if (p->state == PROCESS_ZOMBIE)
        return 0;
    if (signal == SIGKILL) {
        kill_by(p, signal);
        return 0;
    }
    if (is_awaited(p, signal)) {
        wake_waiter(p, info);
        return 0;
    }
    if (signal_is_dropped(p, signal))
        return 0;
    long error = enqueue(p, info);
    if (error == 0 && !is_blocked(p, signal))
        signal_poke(p);
    return error;
}

long signal_send_simple(struct process *p, int signal, int code, const struct process *from) {
    struct signal_info info = {.signal = signal, .code = code};
    info.pid = from ? process_pid(from) : 0;
    info.uid = from ? from->ruid : 0;
    return signal_send(p, &info);
}

bool signal_force(struct process *p, struct signal_info *info) {
    const struct signal_action *a = signal_action(p, info->signal);
    if (a->handler == SIG_DFL || a->handler == SIG_IGN ||
        p->main.blocked & signal_bit(info->signal)) {
        kill_by(p, info->signal);
        return false;
    }
    return true;
}
