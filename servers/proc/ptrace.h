/* SPDX-License-Identifier: MIT */
/*
 * Tracing: one thread looks at another, stops it and changes it (ptrace(2), docs/decisions/ptrace.md).
 *
 * Who is traced comes here at whatever ptrace(2) reports: faults and attention do so anyway (deliver.c), and system calls
 * since the task of a traced process has no foreign entry. It rests in that exception, unanswered, with its program's
 * registers, until its tracer lets it go on. A stop within a system call (fork, exit) is that call, unanswered.
 *
 * ptrace.c has the requests, ptrace_attach.c who traces whom, ptrace_stop.c stops and what follows them, ptrace_call.c
 * system calls, ptrace_fork.c children, exec and ends, ptrace_wait.c what wait(2) reports, ptrace_look.c signals and registers
 * for the tracer, ptrace_memory.c memory. All this costs nobody anything who is not traced.
 */
#ifndef PROC_PTRACE_H
#define PROC_PTRACE_H

#include "deliver.h"
#include "proc.h"
#include <lib/job.h>

#define PTRACE_O_TRACESYSGOOD 1u
#define PTRACE_O_EXITKILL 0x100000u
#define PTRACE_O_MASK 0x1000ffu /* those that there are, but for PTRACE_O_SUSPEND_SECCOMP */
enum ptrace_event {
    PTRACE_EVENT_FORK = 1,
    PTRACE_EVENT_VFORK = 2,
    PTRACE_EVENT_CLONE = 3,
    PTRACE_EVENT_EXEC = 4,
    PTRACE_EVENT_VFORK_DONE = 5,
    PTRACE_EVENT_EXIT = 6,
    PTRACE_EVENT_STOP = 128
};

/* What it is stopped by (ptrace(2)). */
enum ptrace_stop {
    STOP_NONE,   /* nothing: it runs, or is on its way to a stop */
    STOP_SIGNAL, /* a signal, which the tracer may hold back */
    STOP_GROUP,  /* its process is stopped; */
    STOP_TRAP,   /* the same of one that was seized, or PTRACE_INTERRUPT, or it begins */
    STOP_EVENT,
    STOP_ENTRY, /* a system call, that it is about to make, */
    STOP_EXIT   /* or comes back from */
};

/* What it is to stop for as soon as it is here: bits of tracee.due. */
#define DUE_EXEC 1u      /* PTRACE_EVENT_EXEC */
#define DUE_EXEC_EXIT 2u /* the end of the system call that executed the program */
#define DUE_GROUP 4u     /* STOP_GROUP, or STOP_TRAP */
#define DUE_TRAP 8u

/* A thread that traces others. It is the last reference to them that goes, so it outlives the thread for a while. */
struct tracer {
    struct thread *thread;   /* NULL: it has ended, and its tracees are being let go; */
    struct process *process; /* likewise */
    struct tracer *next;     /* in process->tracers, */
    struct tracer **at;      /* and what leads here */
    struct pool *pool;       /* whose memory the records take */
    struct list tracees;     /* struct tracee.link */
    struct list events;      /* struct tracee.event: something to be reported */
    struct job job;
};

struct tracee {
    struct hash_node node; /* key: its number; see ptrace_wait.c */
    struct thread *
        thread; /* NULL: it is no more; a process's first thread stays until its end has been reported */
    struct tracer *tracer;
    struct list link, event;
    uint32_t options;
    bool seized;
    bool capable; /* the tracer was root when it began */

    enum ptrace_stop stop;
    bool listening;          /* of STOP_TRAP: PTRACE_LISTEN */
    uint32_t code;           /* of the stop, as wait(2) has it: signal, and above it the event */
    bool has_info;           /* of the stop: */
    struct signal_info info; /* PTRACE_GETSIGINFO */
    uint64_t message;        /* PTRACE_GETEVENTMSG */

    /* Where it rests: the token of its exception, or, within a system call, of that; 0: it does not. */
    uint64_t token;
    bool in_call;
    bool ready;         /* in_call: it can be answered, */
    long result;        /* with this */
    bool exits, of_all; /* in_call: it ends then, with the process; result is the code */
    bool dies;          /* in the exception: of this signal, then */
    struct signal_info death;
    struct pk_regs regs; /* its program's, while it rests; in a call what it was made with */
    bool changed;        /* and the tracer has changed them */
    struct delivery delivery;

    bool syscalls; /* it is to stop at system calls (PTRACE_SYSCALL) */
    uint8_t due;

    bool ended; /* how: */
    int end_code, end_status;
    uint32_t uid;
    uint64_t ns;
};

/* ---- For the rest of this server ---- */

/* t comes back from a system call that the tracer is to hear of the end of: regs hold the program's pc from now on. */
bool ptrace_call_ends(struct thread *t, struct pk_regs *regs);
/* Exceptions of a thread: false, or SERVER_DEFER. The first: a system call, without a foreign entry. */
bool ptrace_call(struct thread *t, uint64_t token);
long ptrace_came_back(struct thread *t, uint64_t token, const struct pk_regs *regs);
long ptrace_attention(struct thread *t, uint64_t token, const struct pk_regs *regs,
                      const struct delivery *d, bool from_call);
long ptrace_fault(struct thread *t, uint64_t token, const struct pk_regs *regs,
                  const struct signal_info *info);

/* signal_poke() of a thread that is traced. */
void ptrace_poke(const struct thread *t);
/* p has been stopped by a signal, or again by another one; it goes on; its threads are to rest for a core file. */
void ptrace_process_stopped(const struct process *p);
void ptrace_process_continued(const struct process *p);
void ptrace_process_dumps(const struct process *p);

/* One thread ends, and its process goes on; or that ends with all of them. */
void ptrace_thread_ended(struct thread *t, int status);
void ptrace_process_ends(struct process *p, int code, int status);
/* That is known to its tracer from now on; its parent hears of it after that. */
void ptrace_tell_end(const struct process *p);
void ptrace_process_gone(struct process *p);
void ptrace_tracer_ended(struct thread *t);

/* t is to end by itself. True: not before its tracer has heard of that (PTRACE_EVENT_EXIT). */
bool ptrace_exits(struct thread *t, uint64_t token, int code, bool of_all);

/*
 * `from` makes a child. *event: 0, or what its tracer is to hear, and *record for the child. 0; -ENOMEM; or
 * -EINTR: the call is to be made again, since it was made before there was a tracer.
 */
long ptrace_fork_begin(struct thread *from, uint64_t flags, int *event, struct tracee **record);
void ptrace_fork_failed(struct tracee *record);
/* There is the child, which does not run yet; the caller is answered later. */
void ptrace_fork_done(struct thread *from, struct thread *child, int event, struct tracee *record,
                      uint64_t token);
/* p's task has been made, or is another: whether system calls come here. */
void ptrace_set_entry(const struct process *p);
/* The child of a vfork executes or has ended. True: its parent is answered when the tracer has heard of it. */
bool ptrace_vfork_done(const struct process *child);

/* `last` takes the place of all threads of its process: before they are gone, and after that. */
struct exec_tracing {
    struct tracee *tracee;
    struct tracer *tracer;
};
struct exec_tracing ptrace_before_exec(struct thread *last);
void ptrace_after_exec(struct process *p, const struct exec_tracing *kept);
/* The new program is about to begin. */
void ptrace_execed(struct process *p);
/* A program that t executes may not make it another user. */
bool ptrace_binds(const struct thread *t);

/* Something to report to t, which waits so (struct thread.wait_for); *any: there could be. */
struct tracee *ptrace_find(const struct thread *t, bool *any);
long ptrace_report(const struct thread *t, struct tracee *tracee, struct pk_msg *msg);
bool ptrace_is_traced_by(const struct process *p, const struct process *by);
/* For /proc: the tracer's number, 0: none; and is it stopped by it? */
int ptrace_tracer_of(const struct thread *t);
bool ptrace_is_stopped(const struct thread *t);

/* ---- Among themselves ---- */

/* ptrace_attach.c */
bool ptrace_may_trace(const struct process *by, const struct process *p);
struct tracee *tracee_new(struct tracer *tracer); /* NULL: no memory */
void tracee_free(struct tracee *tracee);
/* From now on t is traced so. */
void tracee_begin(struct tracee *tracee, struct thread *t);
/* It is traced no longer, but its record is still there. */
void tracee_end(struct tracee *tracee);
long ptrace_attach(struct thread *by, int tid, bool seize, uint64_t options);
long ptrace_trace_me(struct thread *t);
/* It goes on by itself, with that signal or none (0). The record is gone, and the process may be. */
void ptrace_detach(struct tracee *tracee, int signal);

/* ptrace_wait.c */
void tracee_enter(struct tracee *tracee, int tid);
void tracee_leave(struct tracee *tracee);
struct tracee *tracee_find(const struct thread *by, int tid);
/* Its tracer gets to know: wait(2) finds it, and there is a SIGCHLD. */
void ptrace_tell(struct tracee *tracee);

/* ptrace_stop.c */
void ptrace_stop(struct tracee *tracee, enum ptrace_stop stop, uint32_t code);
void ptrace_stop_info(struct tracee *tracee, enum ptrace_stop stop, uint32_t code,
                      const struct signal_info *info);
void ptrace_stop_event(struct tracee *tracee, enum ptrace_event event, uint64_t message);
void ptrace_stop_trap(
    struct tracee *tracee); /* STOP_TRAP, or of one that was not seized STOP_GROUP */
static inline bool ptrace_wants(const struct tracee *tracee, enum ptrace_event event) {
    return tracee->options >> event & 1;
}
/* It stops for what is due and for signals, or runs on. */
void ptrace_go_on(struct tracee *tracee);
/* The tracer lets it go on, with that signal or none. It may be gone. */
void ptrace_resume(struct tracee *tracee, int signal);
/* It is to come here, wherever it is. */
void ptrace_summon(struct tracee *tracee, unsigned due);
/* A thread in an exception dies of a signal, */
void ptrace_die(struct thread *t, uint64_t token, const struct signal_info *info);
/* or may have done so: if its process dumps, it rests for that. */
void ptrace_rest(struct thread *t, uint64_t token);

/* ptrace_call.c: the system call that it stopped before is made, or has ended. */
void ptrace_enter(struct tracee *tracee);
void ptrace_call_ended(struct tracee *tracee);
void ptrace_stop_exit(struct tracee *tracee);
/* What the tracer is shown of a call that was cut short, and whether it left it so. */
void ptrace_show_restart(struct tracee *tracee);
void ptrace_take_restart(struct tracee *tracee);

/* ptrace_fork.c: the stop within a call is over. */
void ptrace_leave_call(struct tracee *tracee);

/* ptrace_look.c, ptrace_memory.c: requests of a tracer about a stopped tracee. */
long ptrace_peek(const struct tracee *tracee, const struct process *by, uint64_t address,
                 uint64_t data);
long ptrace_poke_memory(const struct tracee *tracee, uint64_t address, uint64_t data);
long ptrace_registers(struct tracee *tracee, const struct process *by, uint64_t type,
                      uint64_t vector, bool set);
long ptrace_siginfo(struct tracee *tracee, const struct process *by, uint64_t data, bool set);
long ptrace_peek_signals(const struct tracee *tracee, const struct process *by, uint64_t arguments,
                         uint64_t data);
long ptrace_mask(const struct tracee *tracee, const struct process *by, uint64_t size,
                 uint64_t data, bool set);
long ptrace_call_info(const struct tracee *tracee, const struct process *by, uint64_t size,
                      uint64_t data);

#endif
