/* SPDX-License-Identifier: MIT */
/* /proc/PID: numbers about a process (proc(5)). What has no meaning here is 0. */
#include "procfs.h"
#include "ptrace.h"
#include <parley/capabilities.h>

#define NS_PER_TICK 10000000ul /* USER_HZ is 100 */

/* The signals for which there is room in stat: real-time ones are left out, as on Linux. */
#define SHOWN(set) ((unsigned long)(set)&0x7fffffff)

static char state_letter(uint32_t state) {
    return state == PK_THREAD_RUNNING || state == PK_THREAD_READY ? 'R' : 'S';
}

static char thread_letter(const struct thread *t) {
    const struct process *p = t->process;
    struct pk_thread_info info;
    if (server_is_pid(process_pid(p)))
        return state_letter(server_shown()->info.state);
    if (p->state == PROCESS_ZOMBIE)
        return 'Z';
    if (ptrace_is_stopped(t))
        return 't';
    if (p->state == PROCESS_STOPPED)
        return 'T';
    if (!t->slot)
        return p->sole == t ? 'S' : 'Z'; /* init, which is no process here; or others live on */
    if (pk_thread_info(t->slot, &info) < 0)
        return 'S';
    return state_letter(info.state);
}

char process_letter(const struct process *p) {
    return thread_letter(&p->main);
}

/* Who reads of himself runs, though his thread waits for the answer. */
static char letter_of(const struct making *m) {
    return m->process == m->asker && !m->of_thread ? 'R' : thread_letter(m->thread);
}

static const char *state_name(char letter) {
    return letter == 'R'   ? "running"
           : letter == 'S' ? "sleeping"
           : letter == 'T' ? "stopped"
           : letter == 't' ? "tracing stop"
                           : "zombie";
}

static struct pk_task_info task_info(const struct process *p) {
    struct pk_task_info info = {0};
    if (p->task)
        must(pk_task_info(p->task, &info));
    else if (server_is_pid(process_pid(p)))
        info = (struct pk_task_info){server_shown()->resident, server_shown()->mapped, 1};
    return info;
}

static int parent_pid(const struct process *p) {
    const struct process *parent = process_parent(p);
    return parent ? process_pid(parent) : process_pid(p) == INIT_PID ? 0 : INIT_PID;
}

/* Signals that are ignored, or have handlers. */
static uint64_t actions(const struct process *p, bool ignored) {
    uint64_t set = 0;
    for (int signal = 1; signal <= SIGNALS; signal++)
        if (p->acted & signal_bit(signal)) {
            uint64_t handler = signal_action(p, signal)->handler;
            if (ignored ? handler == SIG_IGN : handler > SIG_IGN)
                set |= signal_bit(signal);
        }
    return set;
}

/* Of a thread its own time, of a process that of all. */
static struct usage usage(const struct making *m) {
    return m->of_thread ? thread_usage(m->thread) : process_usage(m->process);
}

/* As proc(5) has it: real-time ones are below zero. */
static int shown_priority(const struct schedule *s) {
    if (s->policy == SCHED_DEADLINE)
        return -101;
    return s->priority ? -1 - s->priority : 20 + s->nice;
}

static uint32_t last_hart(const struct thread *t) {
    struct pk_thread_info info;
    return t->slot && pk_thread_info(t->slot, &info) == 0 ? info.hart : 0;
}

bool make_process_stat(struct making *m) {
    const struct process *p = m->process;
    struct pk_task_info info = task_info(p);
    const struct schedule *s = &m->thread->schedule;
    struct text *t = &m->text;
    int device = 0;
    int foreground = !p->task ? 0 : terminal_foreground(p, &device);
    text_print(t, "%d (%s) %c %d %d %d %d %d 0 0 0 0 0 ", thread_tid(m->thread),
               thread_name(m->thread), letter_of(m), parent_pid(p), process_group(p),
               process_session(p), device, foreground ? foreground : -1);
    text_print(t, "%lu 0 %lu 0 %d %d %lu 0 %lu %lu %lu ",
               (unsigned long)(usage(m).ns / NS_PER_TICK),
               (unsigned long)(p->children_ns / NS_PER_TICK), shown_priority(s), s->nice,
               (unsigned long)p->thread_count, (unsigned long)(p->start_ns / NS_PER_TICK),
               (unsigned long)info.mapped * 4096, (unsigned long)info.resident);
    text_print(t, "18446744073709551615 0 0 0 0 0 %lu %lu %lu %lu 0 0 0 17 %d %d %d 0 0 0 0 0 ",
               SHOWN(signal_pending(m->thread)), SHOWN(mask_of(m->thread)), SHOWN(actions(p, true)),
               SHOWN(actions(p, false)), (int)last_hart(m->thread), s->priority, s->policy);
    text_print(t, "%lu %lu %lu %lu %lu 0\n", (unsigned long)p->strings.heap,
               (unsigned long)p->strings.arguments,
               (unsigned long)(p->strings.arguments + p->strings.arguments_size),
               (unsigned long)p->strings.variables,
               (unsigned long)(p->strings.variables + p->strings.variables_size));
    return false;
}

/* In pages; what is shared is not told apart, nor code and data. */
bool make_process_statm(struct making *m) {
    struct pk_task_info info = task_info(m->process);
    text_print(&m->text, "%lu %lu 0 0 0 %lu 0\n", (unsigned long)info.mapped,
               (unsigned long)info.resident, (unsigned long)info.mapped);
    return false;
}

static void print_ids(struct text *t, const struct process *p) {
    text_print(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nGroups:\t", (unsigned)p->ruid,
               (unsigned)p->euid, (unsigned)p->suid, (unsigned)p->euid, (unsigned)p->rgid,
               (unsigned)p->egid, (unsigned)p->sgid, (unsigned)p->egid);
}

/* Groups may be very many. */
static bool print_groups(struct making *m) {
    const struct settings *s = m->process->settings;
    for (int n = 0; n < MADE_AT_ONCE && m->at < s->group_count; n++)
        text_print(&m->text, "%u ", (unsigned)s->groups[m->at++]);
    return m->at < s->group_count;
}

bool make_process_status(struct making *m) {
    const struct process *p = m->process;
    struct pk_task_info info = task_info(p);
    struct text *t = &m->text;
    char letter = letter_of(m);
    if (m->at == 0) {
        text_print(t,
                   "Name:\t%s\nState:\t%c "
                   "(%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
                   thread_name(m->thread), letter, state_name(letter), process_pid(p),
                   thread_tid(m->thread), parent_pid(p), ptrace_tracer_of(m->thread));
        print_ids(t, p);
    }
    if (print_groups(m))
        return true;
    text_print(t, "\n");
    if (p->task)
        text_print(t, "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\n", (unsigned long)info.mapped * 4,
                   (unsigned long)info.resident * 4);
    text_print(t, "Threads:\t%lu\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n",
               (unsigned long)p->thread_count, (unsigned long)m->thread->pending.set,
               (unsigned long)p->pending.set, (unsigned long)mask_of(m->thread));
    text_print(t, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", (unsigned long)actions(p, true),
               (unsigned long)actions(p, false));
    text_print(t, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", 0ul,
               (unsigned long)capabilities_permitted(p->ruid, p->euid, p->suid),
               (unsigned long)capabilities_effective(p->euid));
    text_print(t, "CapBnd:\t%016lx\nCapAmb:\t%016lx\nNoNewPrivs:\t%d\n", CAPABILITIES_ALL, 0ul,
               p->no_new_rights);
    struct usage u = usage(m);
    text_print(t, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
               (unsigned long)u.calls, (unsigned long)u.preempted);
    return false;
}

/* Without a server (pk_sleep). */
static bool sleeps(const struct thread *t) {
    struct pk_thread_info info;
    return t->slot && pk_thread_info(t->slot, &info) == 0 && info.state == PK_THREAD_WAITING;
}

/* What a thread waits for in this server, or sleeping; 0: nothing. */
bool make_process_wchan(struct making *m) {
    static const char *const names[] = {
        [WAIT_NONE] = "0",
        [WAIT_CHILD] = "wait",
        [WAIT_SLEEP] = "nanosleep",
        [WAIT_SUSPEND] = "sigsuspend",
        [WAIT_SIGNAL] = "sigtimedwait",
    };
    const struct process *p = m->process;
    bool execs = p->exec && exec_thread(p->exec) == m->thread;
    enum wait_kind waits = sleeps(m->thread) ? WAIT_SLEEP : m->thread->waiting;
    text_print(&m->text, "%s", execs ? "execve" : names[waits]);
    return false;
}

bool make_process_comm(struct making *m) {
    text_print(&m->text, "%s\n", thread_name(m->thread));
    return false;
}

/* Time on a hart in ns; time in queues, which is not kept; how often it went on a hart (proc(5), schedstat). */
bool make_process_schedstat(struct making *m) {
    struct usage u = usage(m);
    text_print(&m->text, "%lu 0 %lu\n", (unsigned long)u.ns,
               (unsigned long)(u.calls + u.preempted));
    return false;
}

static uint32_t effective_priority(const struct making *m) {
    struct pk_thread_info info;
    if (server_is_pid(process_pid(m->process)))
        return server_shown()->info.priority;
    return m->thread->slot && pk_thread_info(m->thread->slot, &info) == 0 ? info.priority : 0;
}

static void print_ms(struct text *t, const char *name, uint64_t ns) {
    text_print(t, "%-45s:%14lu.%06lu\n", name, (unsigned long)(ns / 1000000),
               (unsigned long)(ns % 1000000));
}

static void print_count(struct text *t, const char *name, uint64_t value) {
    text_print(t, "%-45s:%21lu\n", name, (unsigned long)value);
}

/* As Linux's, with what there is; and the kernel's own priority. Times are in ms. */
bool make_process_sched(struct making *m) {
    struct usage u = usage(m);
    struct text *t = &m->text;
    text_print(t, "%s (%d, #threads: %lu)\n", thread_name(m->thread), thread_tid(m->thread),
               (unsigned long)m->process->thread_count);
    text_print(t, "-------------------------------------------------------------------\n");
    print_ms(t, "se.exec_start", clock_ns());
    print_ms(t, "se.sum_exec_runtime", u.ns);
    print_count(t, "nr_switches", u.calls + u.preempted);
    print_count(t, "nr_voluntary_switches", u.calls);
    print_count(t, "nr_involuntary_switches", u.preempted);
    print_count(t, "policy", (uint64_t)m->thread->schedule.policy);
    print_count(t, "prio", (uint64_t)(100 + shown_priority(&m->thread->schedule)));
    print_count(t, "kernel_priority", effective_priority(m));
    return false;
}

static void print_limit(struct text *t, uint64_t value) {
    if (value == ~0ull)
        text_print(t, "%-20s ", "unlimited");
    else
        text_print(t, "%-20lu ", (unsigned long)value);
}

bool make_process_limits(struct making *m) {
    static const char *const names[LIMITS][2] = {
        {"Max cpu time", "seconds"},     {"Max file size", "bytes"},
        {"Max data size", "bytes"},      {"Max stack size", "bytes"},
        {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
        {"Max processes", "processes"},  {"Max open files", "files"},
        {"Max locked memory", "bytes"},  {"Max address space", "bytes"},
        {"Max file locks", "locks"},     {"Max pending signals", "signals"},
        {"Max msgqueue size", "bytes"},  {"Max nice priority", ""},
        {"Max realtime priority", ""},   {"Max realtime timeout", "us"},
    };
    text_print(&m->text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (int i = 0; i < LIMITS; i++) {
        text_print(&m->text, "%-25s ", names[i][0]);
        print_limit(&m->text, m->process->settings->limits[i].soft);
        print_limit(&m->text, m->process->settings->limits[i].hard);
        text_print(&m->text, "%-10s\n", names[i][1]);
    }
    return false;
}
