/* SPDX-License-Identifier: MIT */
/*
 * The threads of a process, all of them, stop and go on together. There may be thousands, so that is done in steps, and a
 * stop is told when the last one is held, as on Linux. If the process is to go on before that, or to stop before all go on,
 * the steps begin anew. In each state of the process it is only this that brings all its threads there: one that is made
 * meanwhile begins as the state says.
 */
#include "ptrace.h"
#include <stdlib.h>

#define AT_ONCE 40 /* threads: some 50,000 instructions to hold them */

void halt_hold(struct thread *t) {
    t->held = true;
    must(pk_thread_suspend(t->slot));
}

/*
 * Who waits in a call waits no more, so that he gets nothing that somebody else may want; when he goes on he makes it
 * again (deliver.c). Messages that a program sends itself end by handlers alone: nobody would make them again.
 */
static void hold(struct thread *t) {
    struct pk_thread_info info;
    if (t->held)
        return;
    halt_hold(t);
    if (pk_thread_info(t->slot, &info) == 0 && info.foreign)
        must(pk_thread_attention(t->slot));
}

static void let_go(struct thread *t) {
    if (t->held)
        must(pk_thread_resume(t->slot));
    t->held = false;
}

/*
 * What is pending for one of them may be the end of all. So before one goes on that is looked at of all: on another hart it
 * would run on for a while.
 */
static void look_at(const struct process *p, struct thread *t) {
    if (p->state == PROCESS_STOPPED)
        hold(t);
    else if (!p->halt.poked)
        signal_poke(t);
    else
        let_go(t);
}

/* All have been looked at. False: that was all. */
static bool next_round(struct process *p) {
    struct halt *h = &p->halt;
    if (p->state == PROCESS_STOPPED) {
        process_report(p, CLD_STOPPED, h->signal);
        ptrace_process_stopped(p);
        return false;
    }
    if (h->poked) {
        ptrace_process_continued(p);
        return false;
    }
    h->poked = true;
    h->next = thread_next(p, NULL);
    return true;
}

/* True: there are more. The process may have ended. */
static bool look_at_some(struct process *p) {
    struct halt *h = &p->halt;
    for (int n = 0; n < AT_ONCE && p->state != PROCESS_ZOMBIE; n++) {
        struct thread *t = h->next;
        if (t) {
            h->next = thread_next(p, t);
            look_at(p, t);
        } else if (!next_round(p)) {
            return false;
        }
    }
    return p->state != PROCESS_ZOMBIE;
}

static bool step(struct job *job) {
    return look_at_some(container_of(job, struct process, halt.job));
}

static void begin(struct process *p) {
    struct halt *h = &p->halt;
    h->next = thread_next(p, NULL);
    h->poked = false;
    if (look_at_some(p))
        job_queue(&h->job);
    else
        job_cancel(&h->job);
}

void process_stop(struct process *p, int signal) {
    if (p->state == PROCESS_STOPPED) {
        ptrace_process_stopped(p);
        return;
    }
    p->state = PROCESS_STOPPED;
    p->group->stopped++;
    p->halt.signal = signal;
    begin(p);
}

void process_continue(struct process *p) {
    if (p->state != PROCESS_STOPPED)
        return;
    p->state = PROCESS_RUNNING;
    p->group->stopped--;
    process_report(p, CLD_CONTINUED, SIGCONT);
    begin(p);
}

void halt_init(struct process *p) {
    job_init(&p->halt.job, step);
    p->halt.next = NULL;
}

void halt_thread_ends(const struct thread *t) {
    struct process *p = t->process;
    if (p->halt.next == t)
        p->halt.next = thread_next(p, t);
}

void halt_end(struct process *p) {
    job_cancel(&p->halt.job);
    p->halt.next = NULL;
}
