/* SPDX-License-Identifier: MIT */
/* Threads: registers, state, and the one call each may be blocked in. A blocked thread has no
 * kernel stack; this structure is its whole state. */
#ifndef TASK_THREAD_H
#define TASK_THREAD_H

#include <arch/thread.h>
#include <cap/kobject.h>
#include <ipc/ranked.h>
#include <lib/lib.h>
#include <sched/entity.h>
#include <time/timer.h>

struct task;
struct endpoint;
struct hart;

enum thread_state {
    THREAD_RUNNING,   /* a hart's current or handoff; 0: see thread.condition */
    THREAD_READY,     /* in a run queue, or suspended */
    THREAD_QUEUED,    /* its call waits at an endpoint for a receiver */
    THREAD_SERVED,    /* its call was received and waits for the reply */
    THREAD_RECEIVING, /* waits at an endpoint for a message */
    THREAD_WAITING,   /* waits on a notification */
    THREAD_ENDED,
};

/* A call in progress. Words and buffers stand in the caller's registers. */
struct call {
    struct endpoint *endpoint; /* held */
    uint64_t badge;
    uint64_t token;      /* names the call to its server: id and, above it, a sequence number */
    struct task *server; /* who received it; NULL while queued */
    struct list served;  /* in server->served, unless it is server->in_hand */
    struct list notice;  /* in endpoint->notices */
    bool cancelled;      /* a cancel notice was sent for this call */
    uint64_t exception;  /* label of the kernel's own message, 0: an ordinary call */
    uint64_t exception_words[4];
    struct thread *lent_to; /* held; who has the priority of this caller, by its server's will */
    struct list
        level; /* while it is queued or lends, if it is the first of its priority: in ranked.levels */
    uint8_t priority; /* by which it stands there */
    uint64_t arrival; /* how many had queued at the endpoint with it */
};

/* A foreign call in progress: what foreign_return puts back. */
struct foreign {
    bool inside;
    uint64_t pc, call_number, scratch, first_argument;
};

struct thread {
    struct arch_regs regs; /* first: the trap entry stores here */
    union {
        struct {
            uint8_t state; /* enum thread_state */
            bool suspended;
            bool attention; /* an exception before it next runs its program's code */
            bool
                pinned; /* not all harts may run it, or not at all times: no fast path takes it along */
        };
        uint32_t condition; /* all four: 0 if it runs and nothing keeps it from going on */
    };
    uint8_t base_priority;  /* its own, with what is lent to it */
    uint8_t given_priority; /* without */
    struct task *task;      /* held */
    struct hart *hart;      /* where it runs, is queued, or ran last */
    struct sched_entity sched;
    struct kobject kobject;
    struct list task_link;
    struct list
        link; /* in the endpoint or notification that it waits at, or among those that lend */
    struct ranked lenders; /* callers whose priority it is lent (ipc/donate.h) */
    struct call call;
    struct foreign foreign;
    uint64_t
        progress; /* how far a call has come that made way for an interrupt and is made again */
    struct timer sleep;  /* armed while it sleeps (sys_sleep) */
    uint64_t blocked_at; /* what it had run, in all, when it last was blocked */
    bool away; /* for who has a reservation: it has waited, since it last was made ready */
    struct reserve *reserve; /* sched/reserve.h, or NULL */
    uint64_t word;           /* its maker's: a foreign call finds it in t0 */
    uint32_t id;
    uint64_t first_token;       /* before its first call */
    uint64_t slept;             /* how often */
    struct endpoint *receiving; /* where it waits as a receiver, or received last; not held */
    struct hart *fp_hart;
    struct arch_fp fp;
};

static inline struct thread *thread_of(struct kobject *k) {
    return CONTAINER_OF(k, struct thread, kobject);
}

/* A suspended thread in task, registers zero; NULL if memory ends. */
struct thread *thread_create(struct task *task, unsigned priority);
/* It does not run from now on; false: it does still, on another hart, which was asked to let it go. */
bool thread_take_off(struct thread *t);
/* Takes it out of whatever it does, for good. Not for one that runs on another hart. */
void thread_end(struct thread *t);
void thread_destroy(struct kobject *k);
/* Called when a hart stops using it as its current thread. */
void thread_left_hart(struct thread *t);
/* It is blocked: not just served. */
static inline void thread_waits(struct thread *t) {
    t->away = true;
    t->blocked_at = t->sched.run_ns;
}
/* enum pk_thread_state. */
uint32_t thread_public_state(const struct thread *t);
/* By id, or NULL. */
struct thread *thread_by_id(uint64_t id);
/* From *id on the next that lives, of a bounded number of ids; *id is where to go on, 0: there are no more. */
struct thread *thread_next_id(uint64_t *id);
/* For kernel/check/: the pages that the table of ids consists of. */
void thread_visit_id_pages(void (*visit)(const void *page));

#endif
