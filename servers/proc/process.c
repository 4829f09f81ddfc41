/* SPDX-License-Identifier: MIT */
/* The table of processes and their tree. Pid 1 is init, which is no process: its children have no
 * parent here. */
#include "pool.h"
#include "ptrace.h"
#include <stdlib.h>
#include <string.h>

#define PID_RANGES 64 /* where a process server that was started anew begins: in the next one */

static struct hash by_pid;
static struct list all = {&all, &all};
static uint64_t count, made;
static struct usage ended; /* what those that have gone have used */
static int last_pid = INIT_PID;

/* Numbers of processes that ran under a process server which has died are not used again soon. */
void process_setup(void) {
    last_pid += (int)(boot_info->restarts % PID_RANGES * (PID_MAX / PID_RANGES));
}

struct process *process_find(int pid) {
    return pid > 0 ? (struct process *)(void *)hash_find(&by_pid, (uint64_t)pid) : 0;
}
_Static_assert(offsetof(struct process, pid_node) == 0, "process_find casts");

struct process *request_process(const struct request *req) {
    if (process_to_bury())
        process_bury();
    struct process *p = process_find((int)req->msg.badge);
    heap_current = p && p->pool ? pool_heap(p->pool) : &heap_own;
    return p;
}

/* True if the number is a process's, a thread's, a group's or a session's. */
static bool in_use(int pid) {
    return process_find(pid) || thread_exists(pid) || group_find(pid) || session_exists(pid);
}

static bool wrapped;

/*
 * Numbers rise until they wrap; only then can one be taken. Steps double while it is, so that many in a row are
 * soon passed.
 */
int process_new_pid(void) {
    for (int step = 1;; step = step < PID_MAX / 4 ? 2 * step : 1) {
        last_pid += step;
        if (last_pid > PID_MAX) {
            last_pid = INIT_PID + 1 + last_pid % PID_RANGES;
            wrapped = true;
        }
        if (!wrapped || !in_use(last_pid))
            return last_pid;
    }
}

/* Word by word: a call of memcpy would take longer. */
static void inherit(struct process *p, const struct process *parent) {
    enum { FIRST = offsetof(struct process, ruid), END = offsetof(struct process, acted) };
    _Static_assert(FIRST % sizeof(uint64_t) == 0, "words");
    uint64_t *to = (uint64_t *)(void *)((char *)p + FIRST);
    const uint64_t *from = (const uint64_t *)(const void *)((const char *)parent + FIRST);
    for (unsigned i = 0; i < (END - FIRST) / sizeof *to; i++)
        to[i] = from[i];
}

struct process *process_new(struct thread *from) {
    struct process *parent = from ? from->process : NULL;
    struct family *family = parent ? family_get(parent, process_group(parent)) : NULL;
    if (count >= PID_MAX / 2 || (parent && !family) ||
        (parent && !parent->sole && !brood_ready(from)))
        return 0;
    struct process *p = malloc(sizeof *p);
    if (!p)
        return 0;
    if (parent) {
        inherit(p, parent);
        signal_copy_actions(p, parent);
        p->settings->refs++;
    } else {
        memset(p, 0, sizeof *p);
        p->settings = settings_usual();
        p->dumpable = true;
    }
    p->parent = parent;
    p->state = PROCESS_RUNNING;
    p->execed = p->shares_memory = p->spawned = p->freed = false;
    p->code = p->status = 0;
    p->task = p->account = 0;
    p->pool = 0;
    p->pidfd = NULL;
    list_init(&p->signalfds);
    p->connected = 0;
    p->vfork_token = 0;
    p->known = false;
    p->exec = 0;
    p->core = NULL;
    p->departure = NULL;
    p->left = false;
    p->tracers = NULL;
    p->traced = 0;
    p->seats = NULL;
    halt_init(p);
    p->own_pending = 0;
    pending_init(&p->pending);
    for (int which = 0; which < ITIMERS; which++)
        p->timers[which] = NULL;
    p->time_limits = NULL;
    list_init(&p->posix_timers);
    p->last_timer = 0;
    p->timer_count = 0;
    p->own = (struct usage){0};
    p->children_ns = p->load_seen = 0;
    p->parent_death_signal = 0;
    p->exit_signal = SIGCHLD;
    p->subreaper = false;
    p->start_ns = clock_ns();
    list_init(&p->children);
    offspring_init(&p->has);
    list_init(&p->event);
    list_init(&p->family_event);
    list_init(&p->brood_event);
    list_init(&p->mourner);
    list_init(&p->mourners);
    p->brood = NULL;
    p->brooded[CHILD_USUAL] = p->brooded[CHILD_CLONED] = 0;
    list_init(&p->leaving);
    p->family = p->kept_family = NULL;
    group_none(p);
    hash_insert(&by_pid, &p->pid_node, (uint64_t)process_new_pid());
    thread_first(p);
    if (from)
        thread_inherit(&p->main, from);
    list_add_tail(&all, &p->all);
    if (parent) {
        list_add_tail(&parent->children, &p->sibling);
        group_enter(p, parent->group);
        family_enter(p, family, from->brood);
    } else {
        list_init(&p->sibling);
    }
    count++;
    made++;
    return p;
}

static struct list sweeps = LIST_INIT(sweeps);

void sweep_begin(struct sweep *s) {
    s->next = process_next(0);
    list_add_tail(&sweeps, &s->link);
}

struct process *sweep_next(struct sweep *s) {
    struct process *p = s->next;
    if (p)
        s->next = process_next(p);
    return p;
}

void sweep_end(struct sweep *s) {
    list_remove(&s->link);
}

void process_free(struct process *p) {
    for (struct list *at = sweeps.next; at != &sweeps; at = at->next) {
        struct sweep *s = container_of(at, struct sweep, link);
        if (s->next == p)
            s->next = process_next(p);
    }
    pidfd_process_gone(p);
    ptrace_process_gone(p);
    pending_forget(&p->pending, ~0ull);
    group_leave(p);
    family_leave(p);
    list_remove(&p->sibling);
    list_remove(&p->all);
    hash_remove(&by_pid, &p->pid_node);
    process_bury_later(p);
    p->state = PROCESS_ZOMBIE;
    usage_add(&ended, p->own);
    count--;
}

struct process *process_next(const struct process *p) {
    struct list *next = p ? p->all.next : all.next;
    return next == &all ? 0 : container_of(next, struct process, all);
}

uint64_t process_count(void) {
    return count;
}

uint64_t process_made(void) {
    return made;
}

struct usage process_ended(void) {
    return ended;
}

int process_last_pid(void) {
    return last_pid;
}

struct usage process_usage(const struct process *p) {
    struct usage sum = p->own;
    for (const struct thread *t = thread_next(p, NULL); t; t = thread_next(p, t))
        usage_add(&sum, thread_usage(t));
    return sum;
}

uint64_t process_run_ns(const struct process *p) {
    return process_usage(p).ns;
}
