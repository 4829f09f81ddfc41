/* SPDX-License-Identifier: MIT */
/*
 * The process server's inside: what a process is, and which file does what with it.
 *
 * A process is a kernel task with threads (thread.h), a place in the tree, signal state and identities.
 * Everything is found by pid or by link, nothing by scanning all processes but what POSIX defines
 * so (kill(-1)).
 */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include <lib/clock.h>
#include <lib/hash.h>
#include <lib/list.h>
#include <lib/server.h>
#include <lib/waiter.h>
#include <parley/sigframe.h>
#include <stdbool.h>

#include "halt.h"
#include "mask.h"
#include "thread.h"

#define INIT_PID 1
#define SIGNALS 64
#define SLOTS PK_SLOT_FIRST_FREE /* in a process, for servers: bits of `connected` */

/* Dumping: it has ended but for a core file that it writes (core.c). */
enum process_state { PROCESS_RUNNING, PROCESS_STOPPED, PROCESS_DUMPING, PROCESS_ZOMBIE };

/* Linux's wait codes (siginfo_t.si_code of SIGCHLD). */
enum { CLD_EXITED = 1, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED };

/* The kernel's struct sigaction on riscv64 Linux. */
struct signal_action {
    uint64_t handler, flags, mask;
};

struct core;
struct pool;
struct process;
struct tracer;

/* A process group (group.c). */
struct group {
    struct hash_node node; /* key: its id */
    int session;
    struct list members; /* struct process.member, zombies too, oldest first */
    unsigned stopped;    /* members that are stopped, */
    unsigned tethered;   /* and that a parent in another group of the session could continue */
    struct list hang_up; /* while it is to be sent SIGHUP and SIGCONT */
};

static inline int group_id(const struct group *g) {
    return (int)g->node.key;
}

/* setrlimit(2)'s, as many as Linux has. */
#define LIMITS 16
enum {
    RLIMIT_CPU = 0,
    RLIMIT_FSIZE = 1,
    RLIMIT_DATA = 2,
    RLIMIT_STACK = 3,
    RLIMIT_CORE = 4,
    RLIMIT_NPROC = 6,
    RLIMIT_NOFILE = 7,
    RLIMIT_MEMLOCK = 8,
    RLIMIT_AS = 9,
    RLIMIT_SIGPENDING = 11,
    RLIMIT_MSGQUEUE = 12,
    RLIMIT_NICE = 13,
    RLIMIT_RTPRIO = 14,
    RLIMIT_RTTIME = 15,
};
#define SIGPENDING_LEAST 1024        /* that limit, until somebody sets it, in a small machine; */
#define SIGPENDING_BYTES (1ul << 18) /* in others one for so much memory, as on Linux */
#define TIMERS_MOST 1024             /* POSIX timers of a process: they are searched */
struct limit {
    uint64_t soft, hard;
};

/* What is inherited and seldom changed: a fork shares it. */
struct settings {
    uint64_t refs;
    struct limit limits[LIMITS];
    uint32_t group_count;
    uint32_t groups[]; /* supplementary ones */
};

/* Where the strings of its program are in its memory, and the program break's lowest address, for /proc and core files. */
struct process_strings {
    uint64_t arguments, arguments_size, variables, variables_size;
    uint64_t heap;
    uint64_t auxv, auxv_size; /* the auxiliary vector */
    uint64_t stack;           /* bytes of its first thread's stack, with what guards it */
};

/* What waiting reports of a child. */
enum child_event { CHILD_ENDED, CHILD_STOPPED, CHILD_CONTINUED, CHILD_EVENTS };
/* Of whom: of children whose end is told by SIGCHLD, or of others (__WCLONE of wait4(2)). */
enum child_sort { CHILD_USUAL, CHILD_CLONED, CHILD_SORTS };

/* Children, and what waiting could report of them. */
struct offspring {
    uint64_t count[CHILD_SORTS];
    struct list events[CHILD_SORTS][CHILD_EVENTS];
};
static inline void offspring_init(struct offspring *o) {
    for (int sort = 0; sort < CHILD_SORTS; sort++) {
        o->count[sort] = 0;
        for (int kind = 0; kind < CHILD_EVENTS; kind++)
            list_init(&o->events[sort][kind]);
    }
}

struct brood;
struct family;
struct pidfd;
struct departure;

enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF, ITIMERS };
struct itimer;

#define OOM_ADJUST_MOST 1000

struct process {
    struct hash_node pid_node; /* key: pid */
    struct list all;           /* of all processes, oldest first */
    struct process *parent;    /* NULL: init. It may have ended: process_parent() */
    struct list children, sibling;
    struct offspring has;            /* all its children: struct process.event */
    struct family *family;           /* its, of its parent's children; NULL: it has none */
    struct family *kept_family;      /* of its children, though perhaps without any */
    struct brood *brood;             /* of a thread of its parent's; NULL: it is in none */
    uint64_t brooded[CHILD_SORTS];   /* of its children: those in broods */
    struct list mourners;            /* and struct process.mourner of those in none */
    struct list event, family_event; /* in the lists of its parent and family, */
    struct list brood_event;         /* and brood: not waited for */
    struct list mourner;             /* in the brood's, or its thread has ended: to be signalled */
    struct list leaving;             /* it has ended; its children are being adopted */
    bool freed;                      /* and nobody knows it any more */
    bool left; /* its end is told: who adopts it is told anew, or it is gone (orphans.c) */
    struct group *group; /* never 0 */
    struct list member;
    bool tethered; /* counted in the group's */
    enum process_state state;
    bool execed, spawned;
    bool shares_memory;  /* with who cloned it (CLONE_VM), until it executes a program */
    int code, status;    /* how it ended, or stopped: CLD_*, exit code or signal */
    uint64_t task;       /* slot; 0 once a zombie */
    struct thread main;  /* the first: its number is the process's; slot 0 once it has ended */
    struct thread *sole; /* the one that has not ended, if it is one only; else NULL */
    struct list threads; /* that have not ended: struct thread.link */
    uint64_t thread_count;
    struct list ended;   /* threads: struct thread.link, while the request lasts */
    struct seats *seats; /* which ones its threads have; NULL: there has only been the first */
    struct list child_waiters, signal_waiters; /* threads: struct thread.wait_link */
    uint32_t connected;                        /* bit n: to the server of slot n */
    struct pool *pool;                         /* pool.h: whose memory its own account takes */
    uint64_t account;                          /* slot; 0 once a zombie */
    struct halt halt;
    struct exec *exec;           /* on its way, in steps; else 0. Its thread waits */
    struct core *core;           /* while it dumps; else NULL */
    struct departure *departure; /* departure.c; NULL: nothing is left to do */
    struct tracer *tracers;      /* ptrace.h: its threads that trace others */
    uint64_t traced;             /* of its threads, that have not ended */

    uint64_t vfork_token; /* of the parent, which waits for this child's exec or end */

    struct pending pending;          /* signals to the process, for whichever thread takes them */
    uint64_t own_pending;            /* bit n-1: signal n may be pending for a thread */
    struct itimer *timers[ITIMERS];  /* NULL: never set */
    struct time_limits *time_limits; /* NULL: it has none */
    struct list posix_timers;        /* struct posix_timer.link */
    int last_timer;                  /* number of the last such one that was made */
    unsigned timer_count;            /* of them; TIMERS_MOST at most */
    struct list signalfds;           /* struct signalfd.link */
    struct pidfd *pidfd;             /* NULL: nobody has a descriptor of it */

    uint64_t start_ns, children_ns;
    struct usage own;            /* of threads that have ended, and until the last exec */
    uint64_t load_seen;          /* its time on harts when load.c looked last */
    uint8_t parent_death_signal; /* 0: none */
    uint8_t exit_signal;         /* that its parent gets at its end (clone(2)); 0: none */
    bool subreaper;
    bool guarded; /* vfs has been told so */
    bool known;   /* its memory has its identity: process_tell_known() */

    /* From here on a fork inherits all (and of its thread what process_new() says). */
    _Alignas(uint64_t) uint32_t ruid;
    uint32_t euid, suid, rgid, egid, sgid;
    uint64_t entry; /* the personality's, in its address space */
    char name[NAME_ROOM];
    struct process_strings strings;
    struct settings *settings;
    bool dumpable, keeps_rights, no_new_rights;
    bool no_terminal; /* it has given up its session's terminal (TIOCNOTTY) */
    bool
        no_random_addresses; /* ADDR_NO_RANDOMIZE of personality(2), which debuggers set and ask for */
    int16_t oom_adjust,
        oom_least; /* /proc/PID/oom_score_adj; what another user than root may set it to */

    /* Most have the default action for most signals, and a fork copies only what is in use: see signal_action(). */
    uint64_t acted; /* bit n-1: signal n has an action of its own */
    struct signal_action actions[SIGNALS];
};

static inline int process_pid(const struct process *p) {
    return (int)p->pid_node.key;
}

/* Of p's threads that have not ended, in the order in which they were made. NULL: the first; at the end NULL. */
static inline struct thread *thread_next(const struct process *p, const struct thread *t) {
    struct list *next = t ? t->link.next : p->threads.next;
    return next == &p->threads ? NULL : container_of(next, struct thread, link);
}

static inline bool thread_is_oldest(const struct thread *t) {
    return t == thread_next(t->process, NULL);
}

/* How many processes are subreapers. */
extern uint64_t process_subreapers;
/* NULL: init. */
static inline struct process *process_parent(const struct process *p) {
    return p->parent && p->parent->state != PROCESS_ZOMBIE ? p->parent : NULL;
}

static inline int process_group(const struct process *p) {
    return group_id(p->group);
}
static inline int process_session(const struct process *p) {
    return p->group->session;
}

/* process.c: the table and the tree. */
void process_setup(void);
struct process *process_find(int pid);
struct process *request_process(const struct request *req);
struct process *process_new(struct thread *parent);
int process_new_pid(void); /* for a process or a thread, until one of them has it */
void process_free(
    struct process *p); /* not in the tree any more; its memory lasts for this request */
struct process *process_next(const struct process *p); /* 0: the first; at the end 0 */

/* orphans.c */
void process_adopt_orphans(struct process *p);
void process_bury_later(struct process *p);
/* Their parent's thread has ended: they get their death signals. The list, of struct process.mourner, is empty then. */
void process_bereaved(struct list *children);
void process_bury(void); /* frees some of what process_free left, at the start of a request */
bool process_to_bury(void);

/* family.c */
#define WSTOPPED 2u
#define WEXITED 4u
#define WCONTINUED 8u
#define WNOWAIT 0x1000000u
#define W_NO_THREAD 0x20000000u         /* __WNOTHREAD: the thread's own */
#define W_ALL 0x40000000u               /* __WALL: children of both sorts */
#define W_CLONE 0x80000000u             /* __WCLONE: the other one */
enum { P_ALL, P_PID, P_PGID, P_PIDFD }; /* waitid(2)'s idtype_t */
/* Of the parent's children in a group; 0: no memory. It lasts until the next call of another, unless a child enters. */
struct family *family_get(struct process *parent, int group);
void family_let_go(struct family *f); /* if it has no children */
void family_enter(struct process *p, struct family *f, struct brood *b);
void family_leave(struct process *p);
void family_move(struct process *p, struct family *f);
/* The signal by which p's end is told to its parent. */
void child_set_exit_signal(struct process *p, int signal);
void family_forget(struct process *p); /* of a process without children: its families */
/* There is something new to report of a child; or not any more. */
void child_event(struct process *child);
static inline void child_event_seen(struct process *child) {
    list_remove(&child->event);
    list_remove(&child->family_event);
    list_remove(&child->brood_event);
}
/* A child of which there is something to report, or 0; *any tells if there ever could be. */
struct process *child_find(const struct process *p, uint32_t options, bool *any);
struct process *child_find_pid(const struct process *p, int pid, uint32_t options, bool *any);
struct process *child_find_group(const struct process *p, int group, uint32_t options, bool *any);
/* The same of a thread's own: the one of that number, or one of that group, or any (0). */
struct process *child_find_own(const struct thread *t, int pid, int group, uint32_t options,
                               bool *any);

/* brood.c. The children of one thread, but the oldest one. */
struct brood {
    bool dissolved;       /* it is none any more: they are the oldest thread's */
    uint64_t refs;        /* its thread's, and children's */
    struct offspring has; /* struct process.brood_event */
    struct list mourners; /* struct process.mourner: children that asked for a death signal */
};
bool brood_ready(struct thread *t); /* it can have a child, in t->brood; false: no memory */
void brood_enter(struct process *child, struct brood *b);
void brood_leave(struct process *child); /* it is in one */
struct brood *brood_look(struct process *child);
/* The one that the child is in; NULL: none. */
static inline struct brood *brood_of(struct process *child) {
    return __builtin_expect(child->brood != NULL, 0) ? brood_look(child) : NULL;
}
void brood_mourn(struct process *child); /* its death signal is another, or it has been sent */
/* t has ended, and others go on, of which that one is the oldest now. */
void brood_thread_ended(struct thread *t, struct thread *oldest, bool was_oldest);
void brood_process_ended(struct thread *t); /* with all its threads */
void brood_executed(struct thread *last);   /* all other threads end (exec) */

/* process.c: walks. */
/*
 * A walk over all processes during which any of them may end: the one that was to come next is
 * replaced by the one behind it. It may last for many requests; processes made meanwhile come last.
 */
struct sweep {
    struct list link;
    struct process *next;
};
void sweep_begin(struct sweep *s);
struct process *sweep_next(struct sweep *s); /* 0 at the end */
void sweep_end(struct sweep *s);
uint64_t process_count(void);
uint64_t process_made(void);      /* since the boot */
struct usage process_ended(void); /* of those that have gone */
int process_last_pid(void);
#define PID_MAX 4194304   /* as Linux's on 64-bit machines */
#define GROUPS_MOST 65536 /* NGROUPS_MAX */

/* procfs.c, procfs_process.c */
bool process_guarded(const struct process *p);
bool process_may_look_into(const struct process *caller, const struct process *p);
char process_letter(const struct process *p); /* its state, as proc(5) has it */
struct usage process_usage(const struct process *p);
uint64_t process_run_ns(const struct process *p);

/* ids.c: a file of that mode and these owners; of programs that it may not read it sees no memory either (ptrace(2)). */
bool process_may_read(const struct process *p, uint32_t mode, uint32_t uid, uint32_t gid);
/* p's identity has changed, of which its memory may have a copy. -ENOMEM: that is old now. */
long process_tell_known(const struct process *p);

/* settings.c */
struct settings *settings_usual(void);
void settings_put(struct settings *s);
#define INFINITY (~0ul)
uint64_t settings_limit(const struct process *p, unsigned resource); /* the soft one */
/* A task with such a stack is p's, or will be: its memory is kept to p's limits. */
long settings_limit_memory(const struct process *p, uint64_t task, uint64_t stack);
bool settings_limits_memory(const struct process *p); /* there are such */
void settings_set_soft(struct process *p, unsigned resource, uint64_t soft);

/* group.c */
struct group *group_find(int id);
bool session_exists(int id);                  /* a group is in it */
struct group *group_new(int id, int session); /* for a member at once; 0: no memory */
void group_none(struct process *p);           /* of a new process: not in one yet */
void group_enter(struct process *p, struct group *g);
void group_leave(struct process *p);
long group_move(struct process *p,
                struct group *g); /* -ENOMEM: it does not, and an empty g is gone */
/* p or its parent has ended: p's group may be orphaned by that. */
void group_parent_ended(struct process *p);
/* Tells the groups that were orphaned and have stopped members; may end anybody. */
void group_hang_ups(void);
/* Nobody outside the group could continue its members. */
static inline bool group_orphaned(const struct group *g) {
    return g->tethered == 0;
}

/* connect.c: capabilities to servers, and what these are told. */
long connect_setup(void);
/* Ends the clients that servers have from before this one was started anew. */
void connect_forget_all(void);
long connect_server(struct process *p, unsigned slot);   /* 1: now, 0: it was before */
long connect_named(struct process *p, const char *name); /* its slot */
long connect_exceptions(const struct process *p, uint64_t task);
long connect_task(struct process *p); /* a new task's slots, for what p is connected to */
long connect_forked(struct process *parent, struct process *child);
void connect_execed(struct process *p);
/* 0, or -ENOMEM: a server cannot keep p's new identity, and others may have it already. */
long connect_credentials(const struct process *p);
/* The supplementary groups have changed; the same. */
long connect_groups(const struct process *p);
void connect_exited(struct process *p);
/* True if a server's error is because it was started anew and did not know p: now it does, ask again. */
bool connect_again(struct process *p, unsigned slot, long error);
void connect_job_changed(const struct process *p);
void connect_limits_changed(const struct process *p); /* RLIMIT_NOFILE, FSIZE, MSGQUEUE */
/* Who waits at the word that it was to clear (id 0: none) is woken, and if it is known the locks that it owned go to others. */
void connect_thread_ended(int tid, bool known, const struct pk_word_name *clear);
/* Somebody waits for a lock of t's: the futex server gets to know it. 0, or an error. */
long connect_owner(const struct thread *t);
/* t's priority has changed: it may wait for a lock. */
void connect_rescheduled(const struct thread *t);
void connect_guard_changed(struct process *p); /* if process_guarded() has */
uint64_t connect_endpoint(unsigned slot);      /* to call that server as proc */

/* clock.c. The programs' clock page stands in that object, which they have mapped, at that offset. */
long clock_setup(uint64_t object, uint64_t offset);
void connect_clock_set(void); /* tells all servers */

/* exec.c */
struct exec;
long exec_setup(void);
#define SPAWN_MOST 4096 /* KEPT_MOST of exec.h */
/* Gives a process without a task its first program: `count` arguments of SPAWN_MOST bytes at most, each
 * with its NUL. */
long exec_spawn(struct process *p, const char *bytes, size_t length, size_t count);
/* p ends while an exec of its is on its way. */
void exec_abandon(struct process *p);
const struct thread *exec_thread(const struct exec *e);
uint64_t exec_state(void);    /* address of struct personality_state in every process */
bool exec_logs_unknown(void); /* system calls that are not served, as the command line asks */
#define STACK_TOP ((1ul << 38) - 0x101000)
#define PERSONALITY_BASE ((1ul << 38) - 0x100000)
#define MAP_TOP ((1ul << 38) - (16ul << 20)) /* where the kernel places mappings below */

/* exit.c, wait.c */
void process_end(struct process *p, int code, int status);
void process_left(
    struct process
        *p); /* it has ended, and nothing is done in its memory any more: others get to know */
void process_tell_end(
    struct process *p); /* to its parent, which may have no zombies: p may be gone */
void process_report(struct process *p, int code, int status); /* stopped or continued */
void process_release_vfork(struct process *p);
/* The task in that slot ends, and the slot is free. */
void process_end_task(uint64_t task);
void wait_wake(struct process *parent);
void process_reap(struct process *p);
void spawned_ended(const struct process *p);

/* signalfd.c */
#define SIGNAL_RECORD_SIZE 128
#define SIGNAL_RECORDS_MOST 32 /* by one read */
/* What is pending for p has changed; added: there is a signal more. */
void signalfds_look(struct process *p, bool added);
void signalfds_process_ended(struct process *p);
void signalfd_closed(uint64_t number);
void signal_record(const struct signal_info *info, void *to);
/* sigcalls.c: waits for a signal of a set, to be told as such a record. */
long signal_wait_record(struct request *req, struct thread *t, uint64_t set);

/* pidfd.c: descriptors of processes. */
uint64_t served_number(void); /* for a thing that descriptors stand for: never given out again */
long pidfd_open(struct process *by, struct process *p, uint32_t flags); /* it, closed on exec */
/* 0 and which process it stands for, NULL: one that has gone; or -EBADF. *flags: O_NONBLOCK. */
long pidfd_process(const struct process *by, int fd, struct process **p, uint32_t *flags);
/* The number is a descriptor's of a process: which; -1: it has gone. */
bool pidfd_tells(uint64_t number, int *pid);
void pidfd_process_ended(const struct process *p);
void pidfd_process_gone(struct process *p);
void pidfd_closed(void);

/* procfs_trace.c: at the start nobody traces; who did has ended. */
void trace_setup(void);
void trace_process_ended(const struct process *p);

void mqueue_signals(void); /* mqueue.c: there are some to be sent */

#define UNBLOCKABLE (signal_bit(SIGKILL) | signal_bit(SIGSTOP))
static inline uint64_t signal_bit(int signal) {
    return 1ull << (signal - 1);
}

/* action.c */
extern const struct signal_action signal_default_action;
static inline const struct signal_action *signal_action(const struct process *p, int signal) {
    return p->acted & signal_bit(signal) ? &p->actions[signal - 1] : &signal_default_action;
}
void signal_set_action(struct process *p, int signal, const struct signal_action *action);
void signal_copy_actions(struct process *child, const struct process *parent);
/* What exec does to them: what is ignored stays so, all others get the default. */
void signal_reset_actions(struct process *p);
uint64_t signal_ignored_set(const struct process *p); /* bit n-1: signal n, by an action */

/* signal.c, deliver.c, frame.c */
int signal_lowest(uint64_t set); /* which must not be empty */
bool signal_on_alt_stack(const struct thread *t, uint64_t sp);
bool signal_permitted(const struct process *from, const struct process *to, int signal);
/* Makes a signal pending and acts on it as far as that is possible now; 0 or -EAGAIN. It may be p's end. */
long signal_send(struct process *p, const struct signal_info *info);
long signal_send_thread(struct thread *t, const struct signal_info *info);
/* Nothing would come of it: it is ignored, not blocked, and nobody waits for it. */
bool signal_is_dropped(struct process *p, int signal);
/* Somebody waits for it and would be handed it: the thread, or any of the process (NULL). */
bool signal_is_awaited(const struct process *p, struct thread *t, int signal);
long signal_send_simple(struct process *p, int signal, int code, const struct process *from);
void signal_send_group(int group, int signal); /* from the terminal; nothing if there is none */
/* A handler's result, unless the caller itself was ended meanwhile: nobody is there to answer then. */
long answer(int own, long result);

/* broadcast.c: signals to all processes that fit, in steps. */
struct broadcast {
    struct list link; /* among those under way */
    struct sweep sweep;
    int group;        /* its id; 0: any */
    int except;       /* pid of one that gets none, or 0 */
    int from;         /* pid of the sender, who must be permitted to; 0: the system */
    int signal;       /* 0: none */
    bool found, sent; /* one that fits; one that it was sent to */
};
void broadcast_begin(struct broadcast *b);
/* Sends to a few; true if there are more. */
bool broadcast_some(struct broadcast *b);
/* Gives it up, or does nothing: it is at its end. */
void broadcast_end(struct broadcast *b);
/* The queue in which a fork of p has to wait for broadcasts to end, or 0. */
struct waiter_queue *broadcast_holds_fork(const struct process *p);

/* By default it ends its process. */
bool signal_terminates(int signal);
/* Such a signal does by default what it does, to t's process; it is not pending. */
void signal_act(struct thread *t, const struct signal_info *info);
/* A fault's signal, of a thread at rest: cannot be blocked or ignored. True if a handler will run. */
bool signal_force(struct thread *t, struct signal_info *info);
/* If t has something to deliver now, asks the kernel to bring it here. May be the end of its process. */
void signal_poke(struct thread *t);
static inline uint64_t signal_pending(const struct thread *t) {
    return t->pending.set | t->process->pending.set;
}
/* The pending signal of `set` that comes next for t, 0 if there is none; *out: what goes with it. */
int signal_next(const struct thread *t, uint64_t set, struct signal_info *out);
/* The next one of that number is not pending any more. */
void signal_remove(struct thread *t, int signal);
/* Both: takes the next pending signal of `set` off; false if there is none. */
bool signal_take(struct thread *t, uint64_t set, struct signal_info *out);
/* What t blocks from now on; what the process has pending of it may be for another thread. */
void signal_set_mask(struct thread *t, uint64_t mask);
/* t is not there any more for signals of that set that are pending for the process. */
void signal_retarget(struct process *p, uint64_t set);
/* t comes for signals: of what is pending for the process, what it blocks is for others. May end the process. */
void signal_retarget_blocked(struct thread *t);
/* A signal's handler is about to run: SA_RESETHAND takes effect, and *mask becomes the handler's. Its address. */
uint64_t signal_enter_handler(struct process *p, int signal, uint64_t *mask);
/* Signals of a set are not pending any more, for the process and all its threads. */
void signal_forget(struct process *p, uint64_t set);
void pending_init(struct pending *pending);
void pending_move(struct pending *to, struct pending *from);
/*
 * 0, or -EAGAIN: a queued one, and no memory, or p's user has as many as its limit lets. Of others the info is lost then,
 * never the signal.
 */
long pending_add(struct pending *pending, const struct signal_info *info, struct process *p);
/* Some of what has been forgotten is freed; true if there is more. */
bool pending_free_some(void);
/* signal_user.c: one more for p's user, even if that is too many; NULL: no memory, or too many. One less. */
struct signal_user *signal_user_take(const struct process *p, bool anyway);
void signal_user_give(struct signal_user *u);
void pending_forget(struct pending *pending, uint64_t set);
/* Some of them, behind `from` others, of which 4,096 are looked past at most: how many. */
int pending_peek(const struct pending *pending, uint64_t from, struct signal_info *out, int most);
/* The signal of the POSIX timer with that number is among them; and it is not any more. */
bool pending_has_timer(const struct pending *pending, int timer);
void pending_drop_timer(struct pending *pending, int signal, int timer);
void deliver_setup(void);
long deliver_exception(struct request *req);
long frame_push(struct thread *t, struct pk_regs *regs, const struct signal_info *info);
long frame_pop(struct thread *t, uint64_t address, struct pk_regs *regs);

#define SIG_DFL 0
#define SIG_IGN 1
#define SA_NOCLDSTOP 1ull
#define SA_NOCLDWAIT 2ull
#define SA_SIGINFO 4ull
#define SA_ONSTACK 0x08000000ull
#define SA_RESTART 0x10000000ull
#define SA_NODEFER 0x40000000ull
#define SA_RESETHAND 0x80000000ull

enum {
    SIGHUP = 1,
    SIGINT,
    SIGQUIT,
    SIGILL,
    SIGTRAP,
    SIGABRT,
    SIGBUS,
    SIGFPE,
    SIGKILL,
    SIGUSR1,
    SIGSEGV,
    SIGUSR2,
    SIGPIPE,
    SIGALRM,
    SIGTERM,
    SIGSTKFLT,
    SIGCHLD,
    SIGCONT,
    SIGSTOP,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
    SIGURG,
    SIGXCPU,
    SIGXFSZ,
    SIGVTALRM,
    SIGPROF,
    SIGWINCH,
    SIGIO,
    SIGPWR,
    SIGSYS,
};
#define SIGRTMIN 32

/* si_code */
#define SI_USER 0
#define SI_KERNEL 128
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_MESGQ (-3)
#define SI_TKILL (-6)

bool signal_is_ignored(const struct process *p, int signal);
/* stop.c */
void system_drained(void); /* the terminal has sent all its output */

/* terminal.c: sessions and the terminal. */
/* The terminal is hung up if it was the session's. */
void terminal_session_ended(const struct process *leader);
/* The group in the foreground of its controlling terminal, and that one's device number; 0: it has none. */
int terminal_foreground(const struct process *p, int *device);
void terminal_signals(void); /* delivers those that terminals have raised */

/* time_limits.c. Limits of p's time are new, or p is, or one of its threads is a real-time one. */
long time_limits_begin(struct process *p);
void time_limits_end(struct process *p);

/* itimer.c */
void timers_end(struct process *p);
/* A timer's signal has been taken, or is not ignored any more: a periodic timer goes on. */
void timers_rearm(struct process *p, int signal);
#define TIMER_SIGNALS (signal_bit(SIGALRM) | signal_bit(SIGVTALRM) | signal_bit(SIGPROF))

#endif
