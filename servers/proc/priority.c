/* SPDX-License-Identifier: MIT */
/*
 * getpriority(2), setpriority(2): nice values are kept and told; the scheduler does not look at them. They are a
 * process's, not a thread's.
 *
 * A group or a user may have very many processes, so all are looked at in steps. Values that are set meanwhile by
 * others may be told or not.
 */
#include "proc.h"
#include <lib/continuation.h>
#include <protocol/proc_server.h>
#include <stdlib.h>

#define LOOKED_AT_ONCE 500 /* processes, some 20 instructions each */
#define NICE_LEAST (-20)
#define NICE_MOST 19

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
    switch (which) {
    case PRIO_PROCESS:
        return (uint32_t)process_pid(p) == who;
    case PRIO_PGRP:
        return (uint32_t)process_group(p) == who;
    default:
        return p->ruid == who;
    }
}

static long change(const struct asking *a, const struct process *caller, struct process *p) {
    if (caller->euid != 0 && caller->euid != p->ruid && caller->euid != p->euid)
        return -EPERM;
    if (a->what == PROC_NICE_CHECK)
        return 0;
    /* 20 - RLIMIT_NICE is how far down others than root may go. */
    uint64_t limit = settings_limit(p, RLIMIT_NICE);
    int least = NICE_MOST + 1 - (limit > 40 ? 40 : (int)limit);
    if (a->nice < p->nice && a->nice < least && caller->euid != 0)
        return -EACCES;
    p->nice = (int8_t)a->nice;
    return 0;
}

/* Of all that are meant, the least is told; 20 - nice, so that it is not negative. */
static void look_at(struct asking *a, const struct process *caller, struct process *p) {
    if (!is_meant(p, a->which, a->who) || (p->state == PROCESS_ZOMBIE && a->what != PROC_NICE_TELL))
        return;
    if (a->what != PROC_NICE_TELL) {
        long error = change(a, caller, p);
        a->result = error < 0 || a->result == -ESRCH ? error : a->result;
    } else if (a->result < 20 - p->nice) {
        a->result = 20 - p->nice;
    }
}

static long step(struct continuation *c) {
    struct asking *a = container_of(c, struct asking, c);
    const struct process *caller = process_find(a->caller);
    if (!caller)
        return -ESRCH; /* nobody is there to hear it */
    for (int looked = 0; looked < LOOKED_AT_ONCE; looked++) {
        struct process *p = sweep_next(&a->sweep);
        if (!p)
            return a->result;
        look_at(a, caller, p);
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
    if (which < PRIO_PROCESS || which > PRIO_USER || what < PROC_NICE_TELL ||
        what > PROC_NICE_CHECK)
        return -EINVAL;
    struct asking a = {
        .caller = process_pid(caller), .which = which, .what = what, .result = -ESRCH};
    a.who = who                     ? (uint32_t)who
            : which == PRIO_PROCESS ? (uint32_t)process_pid(caller)
            : which == PRIO_PGRP    ? (uint32_t)process_group(caller)
                                    : caller->ruid;
    a.nice = nice < NICE_LEAST ? NICE_LEAST : nice > NICE_MOST ? NICE_MOST : nice;
    if (which != PRIO_PROCESS)
        return look_at_all(req, &a);
    const struct thread *t = thread_find((int)a.who);
    struct process *p = t ? t->process : process_find((int)a.who);
    if (t)
        a.who = (uint32_t)process_pid(p);
    if (p)
        look_at(&a, caller, p);
    return a.result;
}
