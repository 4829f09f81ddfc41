/* SPDX-License-Identifier: MIT */
/*
 * getpriority(2), setpriority(2): the nice values of a thread, or of all that a group or a user has.
 *
 * These may have very many, so they are looked at in steps. Values that are set meanwhile by others may be told or not.
 */
#include "proc.h"
#include <lib/continuation.h>
#include <protocol/proc_server.h>
#include <stdlib.h>

#define LOOKED_AT_ONCE 200 /* threads; of a process, all */

enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };

struct asking {
    struct continuation c;
    struct sweep sweep;
    int caller; /* pid */
    int which, nice;
    uint32_t who;
    int what; /* PROC_NICE_* */
    long result;
};

static bool is_meant(const struct process *p, int which, uint32_t who) {
    return which == PRIO_PGRP ? (uint32_t)process_group(p) == who : p->ruid == who;
}

/* Of all that are meant, the least is told; 20 - nice, so that it is not negative. */
static void look_at_thread(struct asking *a, const struct process *caller, struct thread *t) {
    if (a->what == PROC_NICE_SET) {
        long error = schedule_set_nice(caller, t, a->nice);
        a->result = error < 0 || a->result == -ESRCH ? error : a->result;
    } else if (a->result < 20 - t->schedule.nice) {
        a->result = 20 - t->schedule.nice;
    }
}

/* Of one that has ended there is still its first thread to tell of. */
static void look_at(struct asking *a, const struct process *caller, struct process *p) {
    struct thread *t = NULL;
    if (!is_meant(p, a->which, a->who))
        return;
    if (p->state == PROCESS_ZOMBIE && a->what == PROC_NICE_TELL)
        look_at_thread(a, caller, &p->main);
    else if (p->state != PROCESS_ZOMBIE)
        while ((t = thread_next(p, t)))
            look_at_thread(a, caller, t);
}

static long step(struct continuation *c) {
    struct asking *a = container_of(c, struct asking, c);
    const struct process *caller = process_find(a->caller);
    if (!caller)
        return -ESRCH; /* nobody is there to hear it */
    for (int looked = 0; looked < LOOKED_AT_ONCE;) {
        struct process *p = sweep_next(&a->sweep);
        if (!p)
            return a->result;
        look_at(a, caller, p);
        looked += (int)p->thread_count;
    }
    return SERVER_DEFER;
}

static void release(struct continuation *c) {
    struct asking *a = container_of(c, struct asking, c);
    sweep_end(&a->sweep);
    free(a);
}

/* Most systems have few processes, so the first step is made at once. */
static long look_at_all(struct request *req, const struct asking *asked) {
    static const struct continuation_ops ops = {.step = step, .release = release};
    struct asking *a = malloc(sizeof *a);
    if (!a)
        return -ENOMEM;
    *a = *asked;
    sweep_begin(&a->sweep);
    long result = step(&a->c);
    if (result != SERVER_DEFER) {
        release(&a->c);
        return result;
    }
    continuation_init(&a->c, req, &ops);
    continuation_go(&a->c);
    return SERVER_DEFER;
}

long proc_handle_priority(struct request *req, int which, int who, int what, int nice) {
    struct process *caller = request_process(req);
    if (!caller)
        return -ESRCH;
    if (which < PRIO_PROCESS || which > PRIO_USER || what < PROC_NICE_TELL || what > PROC_NICE_SET)
        return -EINVAL;
    struct asking a = {
        .caller = process_pid(caller), .which = which, .what = what, .result = -ESRCH};
    a.who = who                  ? (uint32_t)who
            : which == PRIO_PGRP ? (uint32_t)process_group(caller)
                                 : caller->ruid;
    a.nice = schedule_nice(nice);
    if (which != PRIO_PROCESS)
        return look_at_all(req, &a);
    struct thread *t = who ? thread_find(who) : request_thread(req);
    struct process *p = t ? NULL : process_find(who); /* which has ended, but for its parent */
    if (!t && p && what == PROC_NICE_TELL)
        t = &p->main;
    if (t)
        look_at_thread(&a, caller, t);
    return a.result;
}
