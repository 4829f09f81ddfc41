/* SPDX-License-Identifier: MIT */
/*
 * Core dumps (core(5)), as far as they are this server's: whether there is one, that all threads rest meanwhile, and what
 * it tells of them. The process itself writes the file (user/linux/core.c, docs/decisions/core-dumps.md).
 *
 * A process that dumps takes no signal but SIGKILL, which ends it at once. Its threads are asked for attention, which
 * brings each out of the call that it is in, and rest in that exception, unanswered. When the last one has come, the
 * thread that the signal is for goes on in the personality, on a stack of its own.
 */
#include "core.h"
#include "pool.h"
#include "ptrace.h"
#include <lib/heap.h>
#include <parley/personality.h>
#include <protocol/proc_server.h>
#include <stdlib.h>
#include <string.h>

#define CORE_LEAST 4096 /* bytes that a file must be allowed to have, as on Linux */
#define STACK (32ul << 10)

struct core {
    struct thread *thread;   /* that the signal is for, */
    struct signal_info info; /* this one; */
    uint64_t token;          /* of its exception, 0: it does not rest yet */
    struct pk_regs regs;     /* what it had there */
    uint64_t missing;        /* threads that do not rest yet */
    bool begun;              /* the thread writes */
};

static bool dumps_core(int signal) {
    const uint64_t set = signal_bit(SIGQUIT) | signal_bit(SIGILL) | signal_bit(SIGTRAP) |
                         signal_bit(SIGABRT) | signal_bit(SIGBUS) | signal_bit(SIGFPE) |
                         signal_bit(SIGSEGV) | signal_bit(SIGXCPU) | signal_bit(SIGXFSZ) |
                         signal_bit(SIGSYS);
    return set & signal_bit(signal);
}

/* Not of a program that runs with others' rights, nor of one that another is just taking the place of. */
static bool wanted(const struct process *p, int signal) {
    return dumps_core(signal) && p->state == PROCESS_RUNNING && p->dumpable && !p->exec &&
           settings_limit(p, RLIMIT_CORE) >= CORE_LEAST;
}

static void begin(struct thread *t, struct core *core) {
    struct process *p = t->process;
    core->thread = t;
    core->missing = p->thread_count;
    p->core = core;
    p->state = PROCESS_DUMPING;
    for (t = thread_next(p, NULL); t; t = thread_next(p, t))
        must(pk_thread_attention(t->slot));
    ptrace_process_dumps(p);
}

void core_kill(struct thread *t, const struct signal_info *info) {
    struct process *p = t->process;
    if (p->state == PROCESS_DUMPING) { /* the dump itself failed */
        core_give_up(p);
        return;
    }
    struct core *core =
        wanted(p, info->signal) ? heap_alloc(pool_heap(p->pool), sizeof *core) : NULL;
    if (!core) {
        process_end(p, CLD_KILLED, info->signal);
        return;
    }
    memset(core, 0, sizeof *core);
    core->info = *info;
    begin(t, core);
}

void core_give_up(struct process *p) {
    process_end(p, CLD_KILLED, p->core->info.signal);
}

void core_free(struct process *p) {
    free(p->core);
    p->core = NULL;
}

/* All rest: the dump goes on where the personality has it. */
static void start(struct process *p) {
    static struct pk_regs regs;
    struct core *core = p->core;
    pk_may_fail(pk_task_set(p->task, PK_TASK_MAPPED_MOST, INFINITY)); /* it may be ending */
    pk_may_fail(pk_task_set(p->task, PK_TASK_DATA_MOST, INFINITY));
    long stack = pk_map(p->task, 0, STACK, PK_PROT_READ | PK_PROT_WRITE, 0, 0,
                        PERSONALITY_REGION_NOT_DUMPED);
    if (!core->token || stack < 0) {
        core_give_up(p);
        return;
    }
    must(pk_thread_regs(core->thread->slot, &core->regs, PK_REGS_GET));
    memset(&regs, 0, sizeof regs);
    regs.x[0] = p->entry - PERSONALITY_CORE_BEFORE;
    regs.x[2] = (uint64_t)stack + STACK;
    regs.x[10] = (uint64_t)stack;
    must(pk_thread_regs(core->thread->slot, &regs, PK_REGS_SET));
    core->begun = true;
    server_reply(core->token, 0);
}

bool core_rests(struct thread *t, uint64_t token) {
    struct process *p = t->process;
    struct core *core = p->core;
    if (p->state != PROCESS_DUMPING || (core->begun && t == core->thread))
        return false;
    if (t == core->thread)
        core->token = token;
    if (--core->missing == 0)
        start(p);
    return true;
}

/* The thread that writes its process's core, or NULL. */
static struct thread *writer(const struct request *req) {
    struct thread *t = request_thread(req);
    const struct core *core = t ? t->process->core : NULL;
    return core && core->begun && core->thread == t ? t : NULL;
}

long proc_handle_core_process(struct request *req) {
    const struct thread *t = writer(req);
    if (!t)
        return -EINVAL;
    const struct process *p = t->process, *parent = process_parent(p);
    struct proc_core told = {
        .limit = settings_limit(p, RLIMIT_CORE),
        .threads = p->thread_count,
        .arguments = p->strings.arguments,
        .arguments_size = p->strings.arguments_size,
        .auxv = p->strings.auxv,
        .auxv_size = p->strings.auxv_size,
        .children_ns = p->children_ns,
        .pid = process_pid(p),
        .parent = parent ? process_pid(parent) : INIT_PID,
        .group = process_group(p),
        .session = process_session(p),
        .uid = p->ruid,
        .euid = p->euid,
        .gid = p->rgid,
        .nice = p->main.schedule.nice,
    };
    memcpy(told.name, p->name, sizeof told.name);
    memcpy(told.info, &p->core->info, sizeof p->core->info);
    return request_write_all(req, &told, sizeof told);
}

/* In the order of core files: the thread that the signal is for, then the others. */
static const struct thread *next_of(const struct thread *first, int tid) {
    const struct process *p = first->process;
    if (tid == 0)
        return first;
    const struct thread *t = thread_find(tid);
    if (!t || t->process != p)
        return NULL;
    t = thread_next(p, t == first ? NULL : t);
    return t == first ? thread_next(p, t) : t;
}

long proc_handle_core_thread(struct request *req, int tid) {
    static struct pk_regs regs;
    static struct proc_core_thread told;
    const struct thread *first = writer(req), *t = first ? next_of(first, tid) : NULL;
    if (!first)
        return -EINVAL;
    if (!t)
        return 0;
    if (t == first)
        regs = first->process->core->regs;
    else if (pk_thread_regs(t->slot, &regs, PK_REGS_GET) < 0)
        memset(&regs, 0, sizeof regs);
    else if (t->return_pc)
        regs.x[0] = t->return_pc;
    told = (struct proc_core_thread){
        .pending = t->pending.set, .blocked = mask_of(t), .run_ns = thread_run_ns(t)};
    memcpy(told.x, regs.x, sizeof told.x);
    memcpy(told.f, regs.f, sizeof told.f);
    told.fcsr = regs.fcsr;
    long error = request_write_all(req, &told, sizeof told);
    return error < 0 ? error : thread_tid(t);
}

long proc_handle_core_end(struct request *req, int written) {
    const struct thread *t = writer(req);
    if (!t)
        return -EINVAL;
    struct process *p = t->process;
    process_end(p, written ? CLD_DUMPED : CLD_KILLED, p->core->info.signal);
    return SERVER_DEFER;
}
