/* SPDX-License-Identifier: MIT */
/*
 * Signals to many processes: kill(2) of a group or of all, the terminal's signals, orphaned groups.
 * Each may be a process's end, which takes long; so they are sent few at a time.
 */
#include "proc.h"
#include <lib/continuation.h>
#include <stdlib.h>

#define LOOKED_AT_ONCE 500
#define COST_AT_ONCE 16
#define END_COST 16 /* of a signal that was a process's end; of others 1 */

static struct list under_way = LIST_INIT(under_way);
static struct waiter_queue held; /* forks, until a broadcast ends */

void broadcast_begin(struct broadcast *b) {
    if (list_empty(&under_way))
        waiter_queue_init(&held);
    b->found = b->sent = false;
    list_add_tail(&under_way, &b->link);
    sweep_begin(&b->sweep);
}

void broadcast_end(struct broadcast *b) {
    sweep_end(&b->sweep);
    list_remove(&b->link);
    request_wake(&held);
}

static bool fits(const struct broadcast *b, const struct process *p) {
    return (!b->group || process_group(p) == b->group) && process_pid(p) != b->except;
}

/*
 * A group that forks faster than its members are sent the signal would never have it. So whoever
 * is to be sent one forks afterwards, if he still lives: as if all had been sent at one moment.
 */
struct waiter_queue *broadcast_holds_fork(const struct process *p) {
    for (struct list *at = under_way.next; at != &under_way; at = at->next) {
        const struct broadcast *b = container_of(at, struct broadcast, link);
        const struct process *from = process_find(b->from);
        if (b->signal && fits(b, p) && (!from || signal_permitted(from, p, b->signal)))
            return &held;
    }
    return NULL;
}

bool broadcast_some(struct broadcast *b) {
    struct process *p;
    int cost = 0;
    for (int looked = 0; looked < LOOKED_AT_ONCE && cost < COST_AT_ONCE; looked++) {
        const struct process *from = process_find(b->from);
        if (!(p = sweep_next(&b->sweep)) || (b->from && !from)) {
            broadcast_end(b);
            return false;
        }
        if (!fits(b, p))
            continue;
        b->found = true;
        if (from && !signal_permitted(from, p, b->signal))
            continue;
        b->sent = true; /* to a zombie, too (kill(2)) */
        if (p->state == PROCESS_ZOMBIE)
            continue;
        if (b->signal)
            signal_send_simple(p, b->signal, from ? SI_USER : SI_KERNEL, from);
        cost += p->state == PROCESS_ZOMBIE ? END_COST : 1;
    }
    return true;
}

struct broadcast_job {
    struct job job;
    struct broadcast b;
};

static bool broadcast_step(struct job *job) {
    struct broadcast_job *bj = container_of(job, struct broadcast_job, job);
    if (broadcast_some(&bj->b))
        return true;
    free(bj);
    return false;
}

/* Without memory it is sent in one go: late for others is better than never. */
void signal_send_group(int group, int signal) {
    struct broadcast_job *bj = malloc(sizeof *bj);
    struct broadcast b = {.group = group, .signal = signal};
    if (!group_find(group)) {
        free(bj);
    } else if (bj) {
        job_init(&bj->job, broadcast_step);
        bj->b = b;
        broadcast_begin(&bj->b);
        if (broadcast_step(&bj->job))
            job_queue(&bj->job);
    } else {
        broadcast_begin(&b);
        while (broadcast_some(&b))
            ;
    }
}
