/* SPDX-License-Identifier: MIT */
/*
 * Departures: what threads of one task leave in its memory (robust.c) can be much, each 2,048 entries. What does not fit
 * in the request that ends them is a job.
 *
 * While the process goes on, who joins one of its threads waits for the job, since the thread's word is cleared last.
 * When the process ends, or executes another program, the job gets the task, whose threads are killed, and with it what
 * its account pays for. An ended process is told of when the job is over: whoever has waited for it finds the locks
 * marked, as on Linux.
 *
 * The process's user pays. Without memory for it a list ends where the request does.
 */
#include "departure.h"
#include "pool.h"
#include <lib/job.h>
#include <stdlib.h>
#include <string.h>

struct departure {
    struct job job;
    struct list leavers;
    struct process *process; /* NULL: it runs another program now */
    uint64_t task, account;  /* slots; 0: they are the process's */
};

static void over(struct departure *d) {
    struct process *p = d->process;
    if (p)
        p->departure = NULL;
    if (d->task)
        process_end_task(d->task);
    if (d->account)
        must(pk_cap_drop(0, d->account));
    free(d);
    if (p && p->state == PROCESS_ZOMBIE)
        process_left(p);
}

static bool step(struct job *job) {
    struct departure *d = container_of(job, struct departure, job);
    int credit = DEPARTURE_CREDIT;
    while (credit > 0 && !list_empty(&d->leavers)) {
        struct leaver *l = container_of(d->leavers.next, struct leaver, link);
        if (!leaver_step(l, d->task ? d->task : d->process->task, &credit))
            return true;
        list_remove(&l->link);
        free(l);
    }
    if (!list_empty(&d->leavers))
        return true;
    over(d);
    return false;
}

/* The process's, which may have one already; NULL: no memory. */
static struct departure *departure_of(struct process *p) {
    if (p->departure)
        return p->departure;
    struct departure *d = heap_alloc(pool_heap(p->pool), sizeof *d);
    if (!d)
        return NULL;
    memset(d, 0, sizeof *d);
    list_init(&d->leavers);
    d->process = p;
    job_init(&d->job, step);
    job_queue(&d->job);
    p->departure = d;
    return d;
}

static bool keep(struct process *p, const struct leaver *l) {
    struct departure *d = departure_of(p);
    struct leaver *kept = d ? heap_alloc(pool_heap(p->pool), sizeof *kept) : NULL;
    if (!kept)
        return false;
    *kept = *l;
    list_init(&kept->link);
    list_add_tail(&d->leavers, &kept->link);
    return true;
}

void thread_leaves_memory(struct thread *t, int *credit) {
    struct process *p = t->process;
    struct leaver l;
    if (!leaver_begin(&l, t) || (*credit > 0 && leaver_step(&l, p->task, credit)) || keep(p, &l))
        return;
    leaver_finish(&l, p->task, credit);
}

bool departure_keeps_process(struct process *p) {
    struct departure *d = p->departure;
    if (!d)
        return false;
    d->task = p->task;
    d->account = p->account;
    p->account = 0;
    return true;
}

/* The numbers of these threads are in use again: so the futex server is told now that they are no more. */
static void tell_ends(struct departure *d) {
    static const struct pk_word_name none;
    for (struct list *at = d->leavers.next; at != &d->leavers; at = at->next) {
        struct leaver *l = container_of(at, struct leaver, link);
        if (l->connected)
            connect_thread_ended(l->tid, true, &none);
        l->connected = false;
    }
}

/* The account would end with the process, and the task with it. */
bool departure_keeps_task(struct process *p, uint64_t task) {
    struct departure *d = p->departure;
    if (!d)
        return false;
    tell_ends(d);
    long account = pk_cap_copy(p->account, 0, 0, PK_RIGHT_USE | PK_RIGHT_MANAGE, 0);
    d->account = account < 0 ? 0 : (uint64_t)account;
    d->task = task;
    d->process = NULL;
    p->departure = NULL;
    return true;
}
