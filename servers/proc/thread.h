/* SPDX-License-Identifier: MIT */
/*
 * Threads: what is a thread's own, as POSIX has it. A process has one that is part of its record, and perhaps
 * others; their numbers are from the same series as processes'.
 *
 * The badge of a request names the process, the token the thread.
 */
#ifndef PROC_THREAD_H
#define PROC_THREAD_H

#include "schedule.h"
#include <lib/hash.h>
#include <lib/list.h>
#include <lib/server.h>
#include <lib/waiter.h>
#include <parley/sigframe.h>
#include <stdbool.h>

struct process;
struct tracee;
struct tracer;

#define NAME_ROOM 16 /* bytes of a name, with its NUL (PR_SET_NAME) */

/* Signals that wait to be taken. Of each number with a low one at most one; real-time ones queue. */
struct pending {
    uint64_t set;       /* bit n-1: signal n */
    struct list queue;  /* struct pending_signal.link: the oldest one of each number */
    struct list timers; /* struct pending_signal.timer_link: those of POSIX timers */
};
struct pending_signal {
    struct list link; /* of the oldest of its number */
    struct list
        later; /* a ring: the others of that number, from the oldest one on in their order */
    struct list timer_link;   /* of a POSIX timer's, else empty */
    uint64_t count;           /* of the oldest: that are in the ring */
    struct signal_user *user; /* with whom it counts; NULL: its timer does */
    struct signal_info info;
};

/* What a thread, or a process, has used: time on harts, calls that it made, how often it made way for others. */
struct usage {
    uint64_t ns, calls, preempted;
};
static inline struct usage usage_of(const struct pk_thread_info *info) {
    return (struct usage){info->user_ns, info->calls, info->preempted};
}
static inline void usage_add(struct usage *sum, struct usage u) {
    sum->ns += u.ns;
    sum->calls += u.calls;
    sum->preempted += u.preempted;
}

enum wait_kind { WAIT_NONE, WAIT_CHILD, WAIT_SLEEP, WAIT_SUSPEND, WAIT_SIGNAL };

struct thread {
    struct hash_node
        tid_node; /* its key is the number; of a process's first thread not in the table */
    struct process *process;
    struct list link; /* in process->threads */
    struct hash_node
        id_node; /* its key is the kernel's id, 0: not heard of yet; in the table if it has been */
    uint64_t slot;      /* 0 once it has ended */
    bool held;          /* its process has stopped, or is on its way there or back (halt.c) */
    struct waiter wait; /* the call it is blocked in here, */
    enum wait_kind waiting;
    struct list wait_link; /* for children or a signal: in the process's list */
    union {
        struct {
            int id_type, id;
            uint32_t options;
        } wait_for;
        struct {
            uint64_t set;
            bool wants_info, wants_record; /* the siginfo_t; a record of signalfd's */
        } wait_signal;
    };
    struct pending pending;
    uint64_t blocked;       /* bit n-1: signal n */
    uint64_t restart_until; /* when the call is over that is made again by restart_syscall(2), */
    int restart_call;       /* and its number; 0: none */
    uint64_t saved_mask;    /* sigsuspend's: goes into the next signal frame */
    bool mask_saved;
    uint16_t seat;  /* PERSONALITY_SEATS at most; 0: none */
    uint64_t owner; /* what stands there when it is its own */
    bool untold;    /* what `blocked` says is not noted there yet (mask.c) */
    uint64_t alt_stack, alt_size;
    uint32_t alt_flags;
    uint64_t clear_tid; /* address of the word to be cleared at its end, and woken; 0: none */
    uint64_t
        robust; /* address of its list of robust futexes; 0: none was set, or it is at its seat */
    bool tidy;  /* it has told that it leaves none */
    struct tracee *tracee; /* ptrace.h: as somebody traces it; NULL: nobody does */
    struct tracer *tracer; /* and as it traces others; NULL: it does not */
    uint64_t
        return_pc; /* its system call will lead to PERSONALITY_TRACED_RETURN, and from there to here; 0: it will not */
    struct brood *brood; /* of its children; NULL: it has had none, or is the oldest thread */
    struct schedule schedule;
    char name[NAME_ROOM]; /* but of a process's first thread: that one's is the process's */
};

static inline int thread_tid(const struct thread *t) {
    return (int)t->tid_node.key;
}

/* Its word (thread_create): the personality has its process's number, its seat and its own number from there. */
uint64_t thread_word(const struct thread *t);

const char *thread_name(const struct thread *t); /* NAME_ROOM bytes */
/* Who sent the request; NULL: a thread that is no more, or no process's. */
struct thread *request_thread(const struct request *req);
/* The same by the token of a call of one of p's. */
struct thread *thread_of_token(struct process *p, uint64_t token);
/* By number, of those that have not ended. */
struct thread *thread_find(int tid);
bool thread_exists(int tid); /* besides first ones */

/* A process's first thread, in process_new(), with nothing but its number; what a fork's has from the forking one. */
void thread_first(struct process *p);
void thread_inherit(struct thread *t, const struct thread *from);
/* t begins to wait here, in this way, or has ceased to. */
void thread_waits(struct thread *t, enum wait_kind kind);
void thread_wait_over(struct thread *t);
/* A thread besides the first: its record and number; free it, or enter it with its kernel thread. NULL: no memory. */
struct thread *thread_new(const struct thread *from);
void thread_free(struct thread *t);
void thread_enter(struct thread *t, uint64_t slot);
/* `last` executes a program: all are forgotten, and the first one is what runs it, with what is left of `last`. */
void threads_replace(struct thread *last, uint64_t slot);
/* With their process; their records stay for this request. */
void threads_leave_memory(struct process *p);
void threads_end(struct process *p);
void threads_free(struct process *p);
/* All of a process's threads but that one (NULL: all) are held where they are; and go on, if they may. */
void threads_hold(const struct process *p, const struct thread *but);
void threads_let_go(const struct process *p, const struct thread *but);
struct usage thread_usage(const struct thread *t);
uint64_t thread_run_ns(const struct thread *t); /* on harts */
/* One, and with the last one its process, with that code. */
void thread_end(struct thread *t, int code);

#endif
