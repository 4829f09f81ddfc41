/* SPDX-License-Identifier: MIT */
/* Signals that are pending, of a thread or of a process: which is taken next, and with what. */
#include "timer.h"
#include <lib/job.h>
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

#define FREED_AT_ONCE 256
#define PEEKED_BEHIND_MOST 4096 /* to go past more would take too long */

/* Oldest ones of numbers that are not pending any more: with what is behind them they are freed in steps. */
static struct list dropped = LIST_INIT(dropped);

void pending_init(struct pending *pending) {
    pending->set = 0;
    list_init(&pending->queue);
    list_init(&pending->timers);
}

/* The other one has nothing. */
void pending_move(struct pending *to, struct pending *from) {
    to->set = from->set;
    list_move_all(&to->queue, &from->queue);
    list_move_all(&to->timers, &from->timers);
    from->set = 0;
}

static void release(struct pending_signal *s) {
    if (s->user)
        signal_user_give(s->user);
    free(s);
}

static struct pending_signal *of_link(struct list *link) {
    return container_of(link, struct pending_signal, link);
}

static struct pending_signal *of_timer_link(struct list *link) {
    return container_of(link, struct pending_signal, timer_link);
}

/* The oldest one of its number leaves the ring; the next one, if there is one, takes its place in the list. */
static void unlink_oldest(struct pending_signal *s) {
    if (!list_empty(&s->later)) {
        struct pending_signal *next = container_of(s->later.next, struct pending_signal, later);
        next->count = s->count - 1;
        list_insert_before(&s->link, &next->link);
        list_remove(&s->later);
    }
    list_remove(&s->link);
}

bool pending_free_some(void) {
    for (int n = 0; n < FREED_AT_ONCE && !list_empty(&dropped); n++) {
        struct pending_signal *s = of_link(dropped.next);
        unlink_oldest(s);
        release(s);
    }
    return !list_empty(&dropped);
}

static bool free_some(struct job *job) {
    (void)job;
    return pending_free_some();
}

/* All of that number. */
static void drop(struct pending_signal *oldest) {
    static struct job job = {.link = LIST_INIT(job.link), .step = free_some};
    list_remove(&oldest->link);
    if (list_empty(&oldest->later)) {
        release(oldest);
        return;
    }
    list_add_tail(&dropped, &oldest->link);
    job_queue(&job);
}

/* The first ones of a ring, behind `from` others. */
static int peek_ring(struct pending_signal *s, uint64_t from, struct signal_info *out, int most) {
    uint64_t count = s->count;
    int n = 0;
    for (uint64_t at = 0; at < count && n < most; at++) {
        if (at >= from)
            out[n++] = s->info;
        s = container_of(s->later.next, struct pending_signal, later);
    }
    return n;
}

/* By number, and those of one number in their order. */
int pending_peek(const struct pending *pending, uint64_t from, struct signal_info *out, int most) {
    int n = 0;
    if (from > PEEKED_BEHIND_MOST)
        return 0;
    for (struct list *l = pending->queue.next; l != &pending->queue && n < most; l = l->next) {
        struct pending_signal *s = of_link(l);
        if (from < s->count)
            n += peek_ring(s, from, out + n, most - n);
        from -= from < s->count ? from : s->count;
    }
    return n;
}

void pending_forget(struct pending *pending, uint64_t set) {
    if (!(pending->set & set))
        return;
    pending->set &= ~set;
    struct list *l, *next;
    for (l = pending->timers.next; l != &pending->timers; l = next) {
        next = l->next;
        if (set & signal_bit(of_timer_link(l)->info.signal))
            list_remove(l);
    }
    for (l = pending->queue.next; l != &pending->queue; l = next) {
        next = l->next;
        if (set & signal_bit(of_link(l)->info.signal))
            drop(of_link(l));
    }
}

void signal_forget(struct process *p, uint64_t set) {
    pending_forget(&p->pending, set);
    for (struct thread *t = thread_next(p, NULL); t && set & p->own_pending; t = thread_next(p, t))
        pending_forget(&t->pending, set);
    p->own_pending &= ~set;
    if (!list_empty(&p->signalfds))
        signalfds_look(p, false);
}

/* The oldest one queued of that number; NULL if there is none (memory was short). */
static struct pending_signal *find_queued(const struct pending *pending, int signal) {
    for (struct list *l = pending->queue.next; l != &pending->queue; l = l->next)
        if (of_link(l)->info.signal == signal)
            return of_link(l);
    return NULL;
}

/* `oldest`: of its number, NULL: there is none. */
static void queue(struct pending *pending, struct pending_signal *s,
                  struct pending_signal *oldest) {
    list_init(&s->link);
    list_init(&s->later);
    list_init(&s->timer_link);
    if (s->info.code == SI_TIMER)
        list_add_tail(&pending->timers, &s->timer_link);
    if (oldest) {
        list_insert_before(&oldest->later, &s->later);
    } else {
        list_add_tail(&pending->queue, &s->link);
        oldest = s;
        s->count = 0;
    }
    oldest->count++;
}

/* Counted with p's user, or NULL: there is no room. A timer has been counted when it was made. */
static struct pending_signal *signal_new(const struct process *p, const struct signal_info *info) {
    bool timer = info->code == SI_TIMER, limited = info->signal >= SIGRTMIN || info->code < 0;
    struct signal_user *user = timer ? NULL : signal_user_take(p, !limited);
    struct pending_signal *s = user || timer ? malloc(sizeof *s) : NULL;
    if (!s && user)
        signal_user_give(user);
    if (!s)
        return NULL;
    s->info = *info;
    s->user = user;
    return s;
}

long pending_add(struct pending *pending, const struct signal_info *info, struct process *p) {
    uint64_t bit = signal_bit(info->signal);
    bool timer = info->code == SI_TIMER;
    if (pending->set & bit && info->signal < SIGRTMIN && !timer)
        return 0;
    struct pending_signal *s = signal_new(p, info);
    if (!s && (timer || (info->signal >= SIGRTMIN && info->code != SI_USER)))
        return -EAGAIN;
    if (s)
        queue(pending, s, pending->set & bit ? find_queued(pending, info->signal) : NULL);
    pending->set |= bit;
    if (pending != &p->pending)
        p->own_pending |= bit;
    return 0;
}

/* True: another one of its number is queued. */
static bool take_off(struct pending_signal *s, struct pending_signal *oldest) {
    bool more = !list_empty(&s->later);
    list_remove(&s->timer_link);
    if (oldest == s) {
        unlink_oldest(s);
    } else {
        oldest->count--;
        list_remove(&s->later);
    }
    return more;
}

static struct pending_signal *find_timer(const struct pending *pending, int timer) {
    for (struct list *l = pending->timers.next; l != &pending->timers; l = l->next)
        if ((int)of_timer_link(l)->info.words[0] == timer)
            return of_timer_link(l);
    return NULL;
}

bool pending_has_timer(const struct pending *pending, int timer) {
    return find_timer(pending, timer);
}

void pending_drop_timer(struct pending *pending, int signal, int timer) {
    struct pending_signal *s = find_timer(pending, timer);
    if (!s)
        return;
    if (!take_off(s, find_queued(pending, signal)))
        pending->set &= ~signal_bit(signal);
    release(s);
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
    const struct pending_signal *s = find_queued(pending, signal);
    *out = s ? s->info : (struct signal_info){.signal = signal};
    if (out->code == SI_TIMER)
        posix_timer_fill(t->process, out);
    return signal;
}

void signal_remove(struct thread *t, int signal) {
    uint64_t bit = signal_bit(signal);
    struct pending *pending = t->pending.set & bit ? &t->pending : &t->process->pending;
    struct pending_signal *s = find_queued(pending, signal);
    if (!s || !take_off(s, s))
        pending->set &= ~bit;
    if (s && s->info.code == SI_TIMER)
        posix_timer_taken(t->process, &s->info);
    if (s)
        release(s);
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
