/* SPDX-License-Identifier: MIT */
/* Signals that are pending, of a thread or of a process: which is taken next, and with what. */
#include "timer.h"
#include <stdlib.h>

#define DE_BRUIJN 0x03f79d71b4cb0a89ull

#define FAULTS                                                                                     \
    (signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) | signal_bit(SIGTRAP) |         \
     signal_bit(SIGFPE) | signal_bit(SIGSYS))

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

void pending_init(struct pending *pending) {
    pending->set = 0;
    list_init(&pending->queue);
}

void pending_move(struct pending *to, struct pending *from) {
    to->set |= from->set;
    list_move_all(&to->queue, &from->queue);
    from->set = 0;
}

void pending_forget(struct pending *pending, uint64_t set) {
    if (!(pending->set & set))
        return;
    pending->set &= ~set;
    for (struct list *l = pending->queue.next, *next; l != &pending->queue; l = next) {
        next = l->next;
        struct pending_signal *s = container_of(l, struct pending_signal, link);
        if (set & signal_bit(s->info.signal)) {
            list_remove(&s->link);
            free(s);
        }
    }
}

void signal_forget(struct process *p, uint64_t set) {
    pending_forget(&p->pending, set);
    for (struct thread *t = thread_next(p, NULL); t; t = thread_next(p, t))
        pending_forget(&t->pending, set);
    if (!list_empty(&p->signalfds))
        signalfds_look(p, false);
}

long pending_add(struct pending *pending, const struct signal_info *info, uint64_t most) {
    uint64_t bit = signal_bit(info->signal);
    bool timer = info->code == SI_TIMER;
    if (pending->set & bit && info->signal < SIGRTMIN && !timer)
        return 0;
    uint64_t queued = 0;
    for (struct list *l = pending->queue.next;
         info->signal >= SIGRTMIN && !timer && l != &pending->queue; l = l->next)
        queued++;
    struct pending_signal *s = queued < most || timer ? malloc(sizeof *s) : 0;
    if (!s && (timer || (info->signal >= SIGRTMIN && info->code == SI_QUEUE)))
        return -EAGAIN;
    pending->set |= bit;
    if (s) {
        s->info = *info;
        list_add_tail(&pending->queue, &s->link);
    }
    return 0;
}

/* The oldest one queued of that number, after `before`; 0 if there is none (memory was short). */
static struct pending_signal *find_queued(const struct pending *pending, int signal,
                                          const struct pending_signal *before) {
    for (struct list *l = before ? before->link.next : pending->queue.next; l != &pending->queue;
         l = l->next) {
        struct pending_signal *s = container_of(l, struct pending_signal, link);
        if (s->info.signal == signal)
            return s;
    }
    return 0;
}

static struct pending_signal *find_timer(const struct pending *pending, int timer) {
    for (struct list *l = pending->queue.next; l != &pending->queue; l = l->next) {
        struct pending_signal *s = container_of(l, struct pending_signal, link);
        if (s->info.code == SI_TIMER && (int)s->info.words[0] == timer)
            return s;
    }
    return 0;
}

bool pending_has_timer(const struct pending *pending, int timer) {
    return find_timer(pending, timer);
}

void pending_drop_timer(struct pending *pending, int signal, int timer) {
    struct pending_signal *s = find_timer(pending, timer);
    if (!s)
        return;
    list_remove(&s->link);
    free(s);
    if (!find_queued(pending, signal, 0))
        pending->set &= ~signal_bit(signal);
}

/* What is for the thread alone comes first, as on Linux. */
static const struct pending *next_of(const struct thread *t, uint64_t set) {
    return t->pending.set & set ? &t->pending : &t->process->pending;
}

int signal_next(const struct thread *t, uint64_t set, struct signal_info *out) {
    const struct pending *pending = next_of(t, set);
    uint64_t ready = pending->set & set, faults = ready & FAULTS;
    if (!ready)
        return 0;
    /* A fault's signal comes first, then the lowest number (signal(7)). */
    int signal = signal_lowest(faults ? faults : ready);
    const struct pending_signal *s = find_queued(pending, signal, 0);
    *out = s ? s->info : (struct signal_info){.signal = signal};
    if (out->code == SI_TIMER)
        posix_timer_fill(t->process, out);
    return signal;
}

void signal_remove(struct thread *t, int signal) {
    uint64_t bit = signal_bit(signal);
    struct pending *pending = t->pending.set & bit ? &t->pending : &t->process->pending;
    struct pending_signal *s = find_queued(pending, signal, 0);
    if (!s || !find_queued(pending, signal, s))
        pending->set &= ~bit;
    if (s && s->info.code == SI_TIMER)
        posix_timer_taken(t->process, &s->info);
    if (s) {
        list_remove(&s->link);
        free(s);
    }
    if (bit & TIMER_SIGNALS)
        timers_rearm(t->process, signal);
    if (!list_empty(&t->process->signalfds))
        signalfds_look(t->process, false);
}

bool signal_take(struct thread *t, uint64_t set, struct signal_info *out) {
    int signal = signal_next(t, set, out);
    if (signal)
        signal_remove(t, signal);
    return signal;
}
