/* SPDX-License-Identifier: MIT */
/* Threads: their tables, how they begin to wait, and their ends, one by one or with their process. */
#include "departure.h"
#include "pool.h"
#include "ptrace.h"
#include "seat.h"
#include "timer.h"
#include <protocol/proc_server.h>
#include <stdlib.h>
#include <string.h>

/*
 * By number: all that are not their processes' first ones. By the kernel's id: those of processes that have more
 * than one, for only then the token must tell which it is.
 */
static struct hash by_tid, by_id;

static struct thread *of_id_node(struct hash_node *node) {
    return node ? container_of(node, struct thread, id_node) : NULL;
}

bool thread_exists(int tid) {
    return hash_find(&by_tid, (uint64_t)tid);
}

struct thread *thread_find(int tid) {
    struct hash_node *node = tid > 0 ? hash_find(&by_tid, (uint64_t)tid) : NULL;
    if (node)
        return container_of(node, struct thread, tid_node);
    struct process *p = process_find(tid);
    return p && p->main.slot ? &p->main : NULL;
}

/*
 * A request may be looked at again when the thread that sent it is no more, so even the only thread of a process is
 * told by its id; it is learnt from the first request of a new process, which can be no other's.
 */
static inline struct thread *find_caller(struct process *p, uint64_t token) {
    uint64_t id = PK_TOKEN_THREAD(token);
    if (!p || p->state == PROCESS_ZOMBIE)
        return NULL;
    struct thread *t = p->sole;
    if (!t) {
        t = of_id_node(hash_find(&by_id, id));
        return t && t->process == p ? t : NULL;
    }
    if (!t->id_node.key)
        t->id_node.key = id;
    return t->id_node.key == id ? t : NULL;
}

struct thread *request_thread(const struct request *req) {
    return find_caller(request_process(req), req->token);
}

struct thread *thread_of_token(struct process *p, uint64_t token) {
    return find_caller(p, token);
}

/* Eight words at a time: memset takes twice as long, and each fork does it. */
static void clear(struct thread *t) {
    enum { WORDS = sizeof *t / sizeof(uint64_t), AT_ONCE = 8 };
    _Static_assert(sizeof *t % sizeof(uint64_t) == 0, "words");
    uint64_t *w = (uint64_t *)(void *)t, *end = w + WORDS / AT_ONCE * AT_ONCE;
    for (; w != end; w += AT_ONCE)
        w[0] = w[1] = w[2] = w[3] = w[4] = w[5] = w[6] = w[7] = 0;
    for (int i = 0; i < WORDS % AT_ONCE; i++)
        w[i] = 0;
}

static void begin(struct thread *t, struct process *p) {
    clear(t);
    t->process = p;
    t->alt_flags = SS_DISABLE;
    schedule_init(&t->schedule);
    pending_init(&t->pending);
    list_init(&t->wait_link);
    list_init(&t->link);
}

void thread_first(struct process *p) {
    begin(&p->main, p);
    p->main.tid_node.key = (uint64_t)process_pid(p);
    list_init(&p->threads);
    list_init(&p->child_waiters);
    list_init(&p->signal_waiters);
    list_init(&p->ended);
    list_add_tail(&p->threads, &p->main.link);
    p->sole = &p->main;
    p->thread_count = 1;
    p->main.seat = FIRST_SEAT;
    p->main.owner = thread_word(&p->main);
}

uint64_t thread_word(const struct thread *t) {
    return personality_word(process_pid(t->process), t->seat, thread_tid(t));
}

void thread_inherit(struct thread *t, const struct thread *from) {
    t->alt_stack = from->alt_stack;
    t->alt_size = from->alt_size;
    t->alt_flags = from->alt_flags;
    t->return_pc = from->return_pc; /* the call that it comes out of is the same */
}

const char *thread_name(const struct thread *t) {
    return t == &t->process->main ? t->process->name : t->name;
}

struct thread *thread_new(const struct thread *from) {
    struct thread *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    begin(t, from->process);
    memcpy(t->name, thread_name(from), sizeof t->name); /* no alternate stack (sigaltstack(2)) */
    t->return_pc = from->return_pc;
    t->seat = from->seat ? (uint16_t)seat_take(t->process) : 0;
    hash_insert(&by_tid, &t->tid_node, (uint64_t)process_new_pid());
    t->owner = thread_word(t);
    return t;
}

void thread_free(struct thread *t) {
    seat_give(t->process, t->seat);
    hash_remove(&by_tid, &t->tid_node);
    free(t);
}

static uint64_t id_of(uint64_t slot) {
    struct pk_thread_info info;
    must(pk_thread_info(slot, &info));
    return info.id;
}

void thread_enter(struct thread *t, uint64_t slot) {
    struct process *p = t->process;
    t->slot = slot;
    if (p->sole)
        hash_insert(&by_id, &p->sole->id_node, p->sole->id_node.key);
    p->sole = NULL;
    hash_insert(&by_id, &t->id_node, id_of(slot));
    list_add_tail(&p->threads, &t->link);
    p->thread_count++;
    pool_add_threads(p, 1);
}

void thread_waits(struct thread *t, enum wait_kind kind) {
    t->waiting = kind;
    list_remove(&t->wait_link);
    if (kind == WAIT_CHILD)
        list_add_tail(&t->process->child_waiters, &t->wait_link);
    else if (kind == WAIT_SIGNAL)
        list_add_tail(&t->process->signal_waiters, &t->wait_link);
}

void thread_wait_over(struct thread *t) {
    waiter_remove(&t->wait);
    thread_waits(t, WAIT_NONE);
}

/* It is in no table and no list any more, and its kernel thread is forgotten. */
static void leave(struct thread *t) {
    struct process *p = t->process;
    if (t->waiting != WAIT_NONE)
        thread_wait_over(t);
    if (t->tracer)
        ptrace_tracer_ended(t);
    pending_forget(&t->pending, ~0ull);
    if (!p->sole)
        hash_remove(&by_id, &t->id_node);
    t->id_node.key = 0;
    if (t->slot) {
        schedule_ended(&t->schedule);
        must(pk_cap_drop(0, t->slot));
    }
    t->slot = 0;
    halt_thread_ends(t);
    list_remove(&t->link);
    p->thread_count--;
    if (t == &p->main)
        return;
    seat_give(p, t->seat);
    hash_remove(&by_tid, &t->tid_node);
    pool_add_threads(p, -1);
}

/* One is left: it needs no table. */
static void find_sole(struct process *p) {
    if (p->sole || p->thread_count != 1)
        return;
    p->sole = thread_next(p, NULL);
    hash_remove(&by_id, &p->sole->id_node);
}

/*
 * Its stack is free for others as soon as the word is cleared, so nothing of it may run then. Signals that it would
 * have taken are for the others.
 */
void thread_end(struct thread *t, int code) {
    struct process *p = t->process;
    if (p->thread_count == 1) {
        process_end(p, CLD_EXITED, code);
        return;
    }
    int credit = DEPARTURE_CREDIT;
    usage_add(&p->own, thread_usage(t));
    posix_timers_forget_thread(t);
    if (t->tracee)
        ptrace_thread_ended(t, code);
    must(pk_thread_kill(t->slot));
    thread_leaves_memory(t, &credit);
    bool oldest = thread_is_oldest(t), had_children = oldest || t->brood;
    leave(t);
    brood_thread_ended(t, thread_next(p, NULL), oldest);
    find_sole(p);
    if (t != &p->main)
        free(t);
    signal_retarget(p, ~0ull);
    if (had_children)
        wait_wake(p);
}

void threads_hold(const struct process *p, const struct thread *but) {
    for (struct thread *t = thread_next(p, NULL); t; t = thread_next(p, t))
        if (t != but && !t->held)
            must(pk_thread_suspend(t->slot));
}

void threads_let_go(const struct process *p, const struct thread *but) {
    for (struct thread *t = thread_next(p, NULL); t; t = thread_next(p, t))
        if (t != but && !t->held)
            must(pk_thread_resume(t->slot));
}

/*
 * Those of a process that ends, or is about to run in another task: without what others could still do, if there are
 * others. If the task is kept, none of them runs any more.
 */
void threads_leave_memory(struct process *p) {
    int credit = DEPARTURE_CREDIT;
    if (!p->sole)
        threads_hold(p, NULL);
    for (struct thread *t = thread_next(p, NULL); t; t = thread_next(p, t))
        thread_leaves_memory(t, &credit);
    for (struct thread *t = p->departure ? thread_next(p, NULL) : NULL; t; t = thread_next(p, t))
        if (t->slot)
            must(pk_thread_kill(t->slot));
}

void threads_end(struct process *p) {
    for (struct thread *t; (t = thread_next(p, NULL)) != NULL;) {
        leave(t);
        if (t->brood)
            brood_process_ended(t);
        if (t != &p->main)
            list_add_tail(&p->ended, &t->link);
    }
    seats_free(p);
    p->sole = &p->main;
}

void threads_free(struct process *p) {
    while (!list_empty(&p->ended)) {
        struct thread *t = container_of(p->ended.next, struct thread, link);
        list_remove(&t->link);
        free(t);
    }
}

void threads_replace(struct thread *last, uint64_t slot) {
    struct process *p = last->process;
    uint64_t blocked = last->blocked;
    struct schedule schedule = last->schedule;
    bool several = !p->sole || last != &p->main;
    struct pending pending;
    pending_init(&pending);
    pending_move(&pending, &last->pending);
    brood_executed(last);
    threads_end(p);
    threads_free(p);
    thread_first(p);
    p->main.blocked = blocked;
    p->main.schedule = schedule;
    p->main.slot = slot;
    schedule_goes_on(&p->main.schedule);
    pending_move(&p->main.pending, &pending);
    if (several)
        p->main.id_node.key = id_of(slot);
}

struct usage thread_usage(const struct thread *t) {
    struct pk_thread_info info;
    if (!t->slot || pk_thread_info(t->slot, &info) < 0)
        return (struct usage){0};
    return usage_of(&info);
}

uint64_t thread_run_ns(const struct thread *t) {
    return thread_usage(t).ns;
}

long proc_handle_set_thread(struct request *req, int what, uint64_t address) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    if (what == PROC_THREAD_CLEAR_TID)
        t->clear_tid = address;
    else if (what == PROC_THREAD_ROBUST)
        t->robust = address;
    else
        return -EINVAL;
    return 0;
}

long proc_handle_robust_list(struct request *req, int tid) {
    const struct process *by = request_process(req);
    const struct thread *t = thread_find(tid);
    if (!by || !t)
        return -ESRCH;
    const struct process *p = t->process;
    if (!process_may_look_into(by, p))
        return -EPERM;
    struct personality_seat seat;
    bool there = !t->robust && seat_read(t, &seat);
    proc_results_robust_list(&req->msg, there ? seat.robust : t->robust);
    return 0;
}
