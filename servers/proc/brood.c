/* SPDX-License-Identifier: MIT */
/*
 * Broods: the children of one thread, which it forked, or has from threads that ended before it. With __WNOTHREAD
 * a thread waits for those alone (wait(2)), and their death signals (prctl(2)) come at its end.
 *
 * When a thread ends while its process goes on, the oldest of the others has its children, as on Linux. So those of the
 * oldest are no brood: all that are in none are its, and most processes have no other thread that forks. A thread
 * that ends, or is the oldest now, dissolves its brood: each child finds that when it is looked at next.
 */
#include "proc.h"
#include <stdlib.h>

bool brood_ready(struct thread *t) {
    if (t->brood || thread_is_oldest(t))
        return true;
    struct brood *b = malloc(sizeof *b);
    if (!b)
        return false;
    b->dissolved = false;
    b->refs = 1;
    offspring_init(&b->has);
    list_init(&b->mourners);
    t->brood = b;
    return true;
}

static void put(struct brood *b) {
    if (--b->refs == 0)
        free(b);
}

struct brood *brood_look(struct process *child) {
    struct brood *b = child->brood;
    if (!b->dissolved)
        return b;
    brood_leave(child);
    return NULL;
}

void brood_enter(struct process *child, struct brood *b) {
    b->refs++;
    child->brood = b;
}

void brood_leave(struct process *child) {
    list_remove(&child->brood_event);
    put(child->brood);
    child->brood = NULL;
}

void brood_mourn(struct process *child) {
    struct brood *b = brood_of(child);
    list_remove(&child->mourner);
    if (child->parent && child->parent_death_signal)
        list_add_tail(b ? &b->mourners : &child->parent->mourners, &child->mourner);
}

/* Its thread has it no more, and its children are the oldest thread's. */
static void dissolve(struct thread *t) {
    struct brood *b = t->brood;
    for (int sort = 0; sort < CHILD_SORTS; sort++)
        t->process->brooded[sort] -= b->has.count[sort];
    b->dissolved = true;
    t->brood = NULL;
    put(b);
}

/* Its children were another's, or in its brood; now it is the oldest. */
static void become_oldest(struct thread *t) {
    process_bereaved(&t->process->mourners);
    if (!t->brood)
        return;
    list_move_all(&t->process->mourners, &t->brood->mourners);
    dissolve(t);
}

void brood_thread_ended(struct thread *t, struct thread *oldest, bool was_oldest) {
    if (was_oldest) {
        become_oldest(oldest);
    } else if (t->brood) {
        process_bereaved(&t->brood->mourners);
        dissolve(t);
    }
}

void brood_process_ended(struct thread *t) {
    put(t->brood);
    t->brood = NULL;
}

void brood_executed(struct thread *last) {
    struct process *p = last->process;
    struct thread *oldest = thread_next(p, NULL);
    for (struct thread *t = thread_next(p, oldest); t; t = thread_next(p, t))
        if (t != last)
            brood_thread_ended(t, NULL, false);
    if (last != oldest)
        become_oldest(last);
}
