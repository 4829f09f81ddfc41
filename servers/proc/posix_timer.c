/* SPDX-License-Identifier: MIT */
/*
 * POSIX timers: timer_create(2) and its like.
 *
 * Each has one signal queued at most, standard or real-time. Expiries while it is pending are counted when it is
 * taken (timer_getoverrun(2)), from the clock: nothing happens at them. A signal that is pending when its timer is set
 * anew or deleted is not delivered any more, as on Linux since 6.13.
 */
#include "timer.h"
#include <protocol/proc_server.h>
#include <stdlib.h>

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };
#define TIMER_ABSTIME 1
#define OVERRUN_MOST INT32_MAX /* DELAYTIMER_MAX */

struct posix_timer {
    struct hash_node node; /* key: pid and id */
    struct timer timer;
    struct list link; /* in process->posix_timers */
    int id, notify, signal, tid;
    struct signal_user *user; /* with whom it counts */
    bool wall;                /* times that it is set to are CLOCK_REALTIME's */
    uint64_t value;
    struct pending *queued; /* where its signal is pending; NULL: nowhere */
    uint64_t skipped; /* expiries that passed before that was taken, or handed to who waited */
    int overrun;      /* of the last that was taken */
};

static struct hash timers;

static uint64_t key(const struct process *p, int id) {
    return (uint64_t)process_pid(p) << 32 | (uint32_t)id;
}

static struct posix_timer *find(const struct process *p, int id) {
    return (struct posix_timer *)(void *)hash_find(&timers, key(p, id));
}
_Static_assert(offsetof(struct posix_timer, node) == 0, "find casts");

static struct posix_timer *of_link(struct list *link) {
    return container_of(link, struct posix_timer, link);
}

static void rearm(struct posix_timer *t) {
    if (!t->timer.interval || t->queued || timer_is_armed(&t->timer) || t->notify == SIGEV_NONE ||
        signal_is_ignored(t->timer.p, t->signal))
        return;
    timer_skip(&t->timer, timer_skipped(&t->timer));
    pk_may_fail(timer_arm(&t->timer)); /* without memory it ends */
}

void posix_timers_rearm(struct process *p, int signal) {
    for (struct list *at = p->posix_timers.next; at != &p->posix_timers; at = at->next)
        if (of_link(at)->signal == signal)
            rearm(of_link(at));
}

/* Expiries that a signal does not stand for alone, as programs are told them. */
static int told(uint64_t skipped) {
    return skipped < OVERRUN_MOST ? (int)skipped : OVERRUN_MOST;
}

static void put_overrun(const struct posix_timer *t, struct signal_info *info) {
    info->words[0] = (uint32_t)t->id | (uint64_t)told(t->skipped) << 32;
}

static void taken(struct posix_timer *t) {
    t->queued = NULL;
    t->overrun = told(t->skipped);
    if (t->timer.interval && !timer_is_armed(&t->timer)) {
        timer_skip(&t->timer, t->skipped);
        pk_may_fail(timer_arm(&t->timer)); /* without memory it ends */
    }
}

/* The signal may be the process's end, and with it the timer's: nothing is looked at behind that. */
static void expired(struct timer *timer) {
    struct posix_timer *t = container_of(timer, struct posix_timer, timer);
    struct thread *to = t->notify == SIGEV_THREAD_ID ? thread_find(t->tid) : NULL;
    struct process *p = timer->p;
    struct signal_info info = {.signal = t->signal, .code = SI_TIMER};
    t->skipped = timer_skipped(timer);
    put_overrun(t, &info);
    info.words[1] = t->value;
    if (t->notify == SIGEV_THREAD_ID && (!to || to->process != p))
        return;
    int pid = process_pid(p), id = t->id;
    bool awaited = signal_is_awaited(p, to, t->signal);
    t->queued = to ? &to->pending : &p->pending;
    long error = to ? signal_send_thread(to, &info) : signal_send(p, &info);
    if (process_find(pid) != p || p->state == PROCESS_ZOMBIE || !(t = find(p, id)))
        return;
    if (awaited) {
        taken(t);
        return;
    }
    if (error < 0 || !pending_has_timer(t->queued, id))
        t->queued = NULL; /* it was dropped */
    rearm(t);
}

void posix_timer_fill(struct process *p, struct signal_info *info) {
    struct posix_timer *t = find(p, (int)info->words[0]);
    if (!t || !t->queued)
        return;
    t->skipped = timer_skipped(&t->timer);
    put_overrun(t, info);
}

void posix_timer_taken(struct process *p, const struct signal_info *info) {
    struct posix_timer *t = find(p, (int)info->words[0]);
    if (t && t->queued)
        taken(t);
}

static void stop(struct posix_timer *t) {
    if (t->queued)
        pending_drop_timer(t->queued, t->signal, t->id);
    t->queued = NULL;
    t->skipped = 0;
    t->overrun = 0;
    timer_disarm(&t->timer);
}

static void delete (struct posix_timer *t) {
    stop(t);
    timer_end(&t->timer);
    list_remove(&t->link);
    hash_remove(&timers, &t->node);
    t->timer.p->timer_count--;
    signal_user_give(t->user);
    free(t);
}

void posix_timers_end(struct process *p) {
    while (!list_empty(&p->posix_timers))
        delete (of_link(p->posix_timers.next));
}

void posix_timers_forget_thread(const struct thread *thread) {
    struct list *at = thread->process->posix_timers.next;
    for (; at != &thread->process->posix_timers; at = at->next) {
        struct posix_timer *t = of_link(at);
        if (t->timer.thread == thread) {
            timer_disarm(&t->timer);
            t->timer.thread = NULL;
        }
        if (t->queued == &thread->pending)
            t->queued = NULL;
        if (t->tid == thread_tid(thread))
            t->tid = 0; /* the number may be another's one day */
    }
}

static int new_id(struct process *p) {
    do
        p->last_timer = p->last_timer == INT32_MAX ? 0 : p->last_timer + 1;
    while (find(p, p->last_timer));
    return p->last_timer;
}

/* Whose time the clock counts: 0, the process or thread of that number; others' clocks cannot have timers here. */
static long choose_clock(const struct thread *by, int clock, int of, struct thread **thread) {
    if (clock == TIMER_REAL)
        return 0;
    if (clock == TIMER_PROCESS)
        return of && of != process_pid(by->process) ? -EINVAL : 0;
    if (clock != TIMER_THREAD)
        return -EINVAL;
    *thread = thread_find(of ? of : thread_tid(by));
    return *thread && (*thread)->process == by->process ? 0 : -EINVAL;
}

static bool may_notify(const struct process *p, int notify, int signal, int tid) {
    if (notify == SIGEV_NONE)
        return true;
    if (signal < 1 || signal > SIGNALS)
        return false;
    const struct thread *t = notify == SIGEV_THREAD_ID ? thread_find(tid) : NULL;
    return notify == SIGEV_SIGNAL || notify == SIGEV_THREAD || (t && t->process == p);
}

/* value: what the signal carries; the timer's number if `numbered`. */
long proc_handle_timer_create(struct request *req, uint64_t clock, int notify, int signal, int tid,
                              uint64_t value, int numbered) {
    struct thread *by = request_thread(req), *thread = NULL;
    if (!by)
        return -ESRCH;
    struct process *p = by->process;
    bool wall = (uint32_t)clock == TIMER_WALL;
    int kind = wall ? TIMER_REAL : (int)(uint32_t)clock;
    long error = choose_clock(by, kind, (int)(clock >> 32), &thread);
    if (error < 0 || !may_notify(p, notify, signal, tid))
        return -EINVAL;
    /* Each may queue a signal. */
    struct signal_user *user = p->timer_count < TIMERS_MOST ? signal_user_take(p, false) : NULL;
    struct posix_timer *t = user ? calloc(1, sizeof *t) : NULL;
    if (!t && user)
        signal_user_give(user);
    if (!t)
        return -EAGAIN;
    t->user = user;
    p->timer_count++;
    timer_init(&t->timer, p, (enum timer_clock)kind, expired);
    t->timer.thread = thread;
    t->wall = wall;
    t->id = new_id(p);
    t->notify = notify;
    t->signal = signal;
    t->tid = tid;
    t->value = numbered ? (uint64_t)t->id : value;
    list_add_tail(&p->posix_timers, &t->link);
    hash_insert(&timers, &t->node, key(p, t->id));
    return t->id;
}

static struct posix_timer *request_timer(const struct request *req, int id) {
    const struct process *p = request_process(req);
    return p ? find(p, id) : NULL;
}

long proc_handle_timer_settime(struct request *req, int id, int flags, uint64_t value_ns,
                               uint64_t interval_ns) {
    struct posix_timer *t = request_timer(req, id);
    if (!t)
        return -EINVAL;
    proc_results_timer_settime(&req->msg, timer_left(&t->timer), t->timer.interval);
    stop(t);
    if (!value_ns)
        return 0;
    if (t->wall) /* what is to come after a while does so, whoever sets the clock meanwhile */
        t->timer.clock = flags & TIMER_ABSTIME ? TIMER_WALL : TIMER_REAL;
    uint64_t now = flags & TIMER_ABSTIME ? 0 : timer_now(&t->timer);
    t->timer.at = value_ns > INT64_MAX - now ? INT64_MAX : now + value_ns;
    t->timer.interval = interval_ns;
    return t->notify == SIGEV_NONE ? 0 : timer_arm(&t->timer);
}

long proc_handle_timer_gettime(struct request *req, int id) {
    const struct posix_timer *t = request_timer(req, id);
    if (!t)
        return -EINVAL;
    uint64_t now = timer_now(&t->timer);
    uint64_t left =
        t->notify == SIGEV_NONE && t->timer.at > now ? t->timer.at - now : timer_left(&t->timer);
    proc_results_timer_gettime(&req->msg, left, t->timer.interval);
    return 0;
}

long proc_handle_timer_getoverrun(struct request *req, int id) {
    const struct posix_timer *t = request_timer(req, id);
    return t ? t->overrun : -EINVAL;
}

long proc_handle_timer_delete(struct request *req, int id) {
    struct posix_timer *t = request_timer(req, id);
    if (!t)
        return -EINVAL;
    delete (t);
    return 0;
}
