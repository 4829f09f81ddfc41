/* SPDX-License-Identifier: MIT */
/* Kernel calls on threads. */
#include <arch/hart.h>
#include <calls.h>
#include <ipc/donate.h>
#include <ipc/message.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/copy.h>
#include <parley/errno.h>
#include <sched/hart.h>
#include <sched/reserve.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>

static void get_regs(struct thread *t, struct pk_regs *r) {
    memset(r, 0, sizeof *r);
    memcpy(r->x, t->regs.x, sizeof r->x);
    if (t->fp.used) {
        memcpy(r->f, t->fp.f, sizeof r->f);
        r->fcsr = t->fp.fcsr;
        r->fp = 1;
    }
    r->foreign = t->foreign.inside;
    r->first_a0 = t->foreign.first_argument;
    r->word = t->word;
}

static void set_regs(struct thread *t, const struct pk_regs *r) {
    memcpy(t->regs.x, r->x, sizeof r->x);
    t->progress = 0;
    if (r->fp) {
        memcpy(t->fp.f, r->f, sizeof r->f);
        t->fp.fcsr = r->fcsr;
        t->fp.used = 1;
        arch_fp_forget(t);
    }
}

/* Its registers may change at any time, or are in a hart: it must be suspended or blocked first. */
static bool may_run(const struct thread *t) {
    return t->state == THREAD_RUNNING || (t->state == THREAD_READY && !t->suspended);
}

/* Gives out a thread that is also kept alive by its task. */
static long give_thread(struct thread *self, struct thread *t) {
    long slot = cap_insert(&self->task->caps, 0, &t->kobject, PK_RIGHT_ALL, 0);
    if (slot < 0)
        thread_end(t);
    return slot;
}

/* The task that a thread is to be made in, with the account that pays for it and limits its priority. */
static struct task *find_place(struct thread *self, uint64_t account_slot, uint64_t task_slot,
                               uint64_t priority, long *error) {
    const struct account *account = call_account(self, account_slot, PK_RIGHT_MANAGE, error);
    struct task *task = account ? call_task(self, task_slot, PK_RIGHT_MANAGE, error) : NULL;
    if (!task)
        return NULL;
    if (account != task->account || priority >= PK_PRIORITY_RESERVED)
        *error = -EINVAL;
    else if (priority > account->highest)
        *error = -EPERM;
    else
        return task;
    return NULL;
}

long sys_thread_create(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = find_place(self, a[0], a[1], a[3], &error);
    if (!task)
        return error;
    struct pk_regs regs;
    error = copy_from_user(self->task->aspace, &regs, a[2], sizeof regs);
    if (error < 0)
        return error;
    struct thread *t = thread_create(task, (unsigned)a[3]);
    if (!t)
        return call_with_memory(self, -ENOMEM);
    set_regs(t, &regs);
    t->word = regs.word;
    return give_thread(self, t);
}

/* A reservation is not inherited. */
static unsigned priority_of_copy(const struct thread *src) {
    return src->reserve ? PK_PRIORITY_SHARED : src->given_priority;
}

/* The copy stands where the original does: inside its call, if it is in one, which returns 0 and
 * a[3] as the first word. That is the copy's own word, too. */
long sys_thread_copy(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct thread *src = call_thread(self, a[1], &error);
    struct task *task = src ? find_place(self, a[0], a[2], priority_of_copy(src), &error) : NULL;
    if (!task)
        return error;
    if (may_run(src))
        return -EBUSY;
    struct thread *t = thread_create(task, priority_of_copy(src));
    if (!t)
        return call_with_memory(self, -ENOMEM);
    t->regs = src->regs;
    t->foreign = src->foreign;
    t->fp = src->fp;
    t->sched.weight = src->sched.weight;
    t->sched.quantum = src->sched.quantum;
    if (src->pinned)
        sched_set_harts(t, src->sched.harts);
    t->word = a[3];
    arch_fp_forget(t);
    message_clear(t->regs.x);
    t->regs.x[REG_WORD0] = a[3];
    t->regs.x[REG_RESULT] = t->regs.x[REG_LABEL] = 0;
    return give_thread(self, t);
}

/* A thread blocked in a call that another task serves keeps its registers: they are the message. */
static long may_set(const struct thread *t, const struct thread *self, uint64_t flags) {
    bool calling = t->state == THREAD_QUEUED || t->state == THREAD_SERVED;
    if (!calling)
        return flags & (PK_REGS_RESTART | PK_REGS_FOREIGN) ? -EINVAL : 0;
    if (t->call.exception && t->call.server == self->task)
        return flags & PK_REGS_FOREIGN && t->foreign.inside ? -EINVAL : 0;
    return flags & PK_REGS_RESTART && t->call.server == self->task ? 0 : -EBUSY;
}

static bool is_setting(uint64_t flags) {
    return flags == PK_REGS_SET || flags == (PK_REGS_SET | PK_REGS_RESTART) ||
           flags == (PK_REGS_SET | PK_REGS_FOREIGN);
}

long sys_thread_regs(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct thread *t = call_thread(self, a[0], &error);
    if (!t)
        return error;
    if (t == self)
        return -EINVAL;
    if (may_run(t))
        return -EBUSY;
    struct pk_regs regs;
    if (a[2] == PK_REGS_GET) {
        get_regs(t, &regs);
        return copy_to_user(self->task->aspace, a[1], &regs, sizeof regs);
    }
    if (!is_setting(a[2]))
        return -EINVAL;
    error = may_set(t, self, a[2]);
    if (error == 0)
        error = copy_from_user(self->task->aspace, &regs, a[1], sizeof regs);
    if (error < 0)
        return error;
    set_regs(t, &regs);
    if (a[2] & PK_REGS_FOREIGN)
        foreign_enter(t, regs.foreign);
    if (a[2] & PK_REGS_RESTART) {
        t->foreign.inside = false;
        if (!t->call.exception) {
            call_finish(t);
            sched_ready(t);
        }
    }
    return 0;
}

long sys_thread_suspend(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct thread *t = call_thread(self, a[0], &error);
    if (!t)
        return error;
    if (!thread_take_off(t))
        return call_restart(self);
    sched_remove(t);
    return 0;
}

/* Who ends it needs no notice that its call is over. */
long sys_thread_kill(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct thread *t = call_thread(self, a[0], &error);
    if (!t)
        return error;
    if (t == self)
        return -EINVAL;
    if (!thread_take_off(t))
        return call_restart(self);
    task_killer = self->task;
    thread_end(t);
    task_killer = NULL;
    return 0;
}

long sys_thread_resume(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct thread *t = call_thread(self, a[0], &error);
    if (!t)
        return error;
    if (!t->suspended)
        return 0;
    t->suspended = false;
    if (t->state == THREAD_READY)
        sched_ready(t);
    return 0;
}

static void wake(struct thread *t, long result) {
    t->regs.x[REG_RESULT] = (uint64_t)result;
    sched_ready(t);
}

static void slept(struct timer *timer) {
    wake(CONTAINER_OF(timer, struct thread, sleep), 0);
}

/*
 * Needs no server: a thread that is more urgent than servers is woken at once, whoever else runs. Attention that comes
 * from now on ends it, for it is seen below with the lock held; what came before is seen here.
 */
long sys_sleep(struct thread *self, const uint64_t *a) {
    if (self->attention && self->foreign.inside)
        return -EINTR;
    if (a[0] <= arch_time_ns())
        return 0;
    self->sleep.expired = slept;
    self->state = THREAD_WAITING;
    thread_waits(self);
    self->slept++;
    timer_arm(&self->sleep, a[0], false);
    return CALL_DONE;
}

long sys_thread_attention(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct thread *t = call_thread(self, a[0], &error);
    if (!t)
        return error;
    t->attention = true;
    call_cancel(t);
    if (t->sleep.queue && t->foreign.inside) {
        timer_disarm(&t->sleep);
        wake(t, -EINTR);
    }
    /* A foreign call is begun and left without the lock: either it is seen here, or it sees this. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!t->foreign.inside)
        sched_running_elsewhere(t); /* an IPI, so that it passes the kernel's exit soon */
    return 0;
}

uint32_t thread_public_state(const struct thread *t) {
    if (t->suspended)
        return PK_THREAD_STOPPED;
    switch ((enum thread_state)t->state) {
    case THREAD_RUNNING:
        return PK_THREAD_RUNNING;
    case THREAD_READY:
        return PK_THREAD_READY;
    case THREAD_QUEUED:
    case THREAD_SERVED:
        return PK_THREAD_CALLING;
    case THREAD_RECEIVING:
        return PK_THREAD_RECEIVING;
    case THREAD_WAITING:
        return PK_THREAD_WAITING;
    case THREAD_ENDED:
        break;
    }
    return PK_THREAD_DEAD;
}

/* Each call takes the next token. */
static uint64_t calls_made(const struct thread *t) {
    return ((t->call.token - t->first_token) & ((1ull << TOKEN_BITS) - 1)) >> TOKEN_ID_BITS;
}

static void describe(const struct thread *t, struct pk_thread_info *info) {
    *info = (struct pk_thread_info){.state = thread_public_state(t),
                                    .priority = t->sched.priority,
                                    .hart = t->hart ? t->hart->index : 0,
                                    .foreign = t->foreign.inside,
                                    .user_ns = sched_run_ns(t),
                                    .blocked_at_ns = t->blocked_at,
                                    .id = t->id,
                                    .calls = calls_made(t) + t->slept,
                                    .preempted = t->sched.preempted};
}

long sys_thread_info(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct thread *t = call_thread(self, a[0], &error);
    if (!t)
        return error;
    struct pk_thread_info info;
    describe(t, &info);
    return copy_to_user(self->task->aspace, a[1], &info, sizeof info);
}

/* Somebody who looks at all threads of the machine: their ids are looked at in steps. */
long sys_machine_thread(struct thread *self, const uint64_t *a) {
    long error = 0;
    if (!cap_find(&self->task->caps, a[0], PK_TYPE_MACHINE, PK_RIGHT_MANAGE, &error))
        return error;
    uint64_t id = max_u64(a[1], call_progress(self));
    struct thread *t;
    while (!(t = thread_next_id(&id)) && id)
        if (call_must_wait())
            return call_restart_at(self, id);
    if (!t)
        return -ENOENT;
    struct pk_machine_thread listed = {.word = t->word};
    if (t->task->aspace) {
        listed.mapped = t->task->aspace->mapped;
        listed.resident = t->task->aspace->resident;
    }
    describe(t, &listed.info);
    memcpy(listed.name, t->task->name, sizeof listed.name);
    return copy_to_user(self->task->aspace, a[2], &listed, sizeof listed);
}

/* 0 leaves a weight, a quantum and a set of harts as they are. */
long sys_thread_priority(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct thread *t = call_thread(self, a[0], &error);
    if (!t)
        return error;
    if (a[1] >= PK_PRIORITY_RESERVED || a[2] > PK_WEIGHT_MOST || a[3] > PK_QUANTUM_NONE ||
        (a[4] && !(a[4] & sched_all_harts())))
        return -EINVAL;
    if (a[1] > t->task->account->highest)
        return -EPERM;
    if (a[2])
        sched_set_weight(t, (uint32_t)a[2]);
    if (a[3] && a[3] != t->sched.quantum) {
        t->sched.quantum = a[3];
        sched_end_slice(t);
    }
    if (a[4])
        sched_set_harts(t, a[4]);
    bool waits = t->reserve && reserve_end(t);
    donate_set_priority(t, (unsigned)a[1]);
    if (waits)
        sched_ready(t);
    return 0;
}

long sys_thread_reserve(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct thread *t = call_thread(self, a[0], &error);
    if (!t)
        return error;
    if (!a[1] || a[1] > a[2] || a[2] > a[3] || a[3] > PK_PERIOD_MOST_NS)
        return -EINVAL;
    if (PK_PRIORITY_RESERVED > t->task->account->highest)
        return -EPERM;
    if (t->state == THREAD_ENDED)
        return 0;
    error = reserve_set(t, a[1], a[2], a[3]);
    if (error < 0)
        return call_with_memory(self, error);
    donate_set_priority(t, PK_PRIORITY_RESERVED);
    sched_running_elsewhere(t); /* how long, its hart is to see now */
    return 0;
}

/* Directed yield: the named thread, if ready, runs next on this hart. */
long sys_yield(struct thread *self, const uint64_t *a) {
    if (a[0]) {
        long error = 0;
        struct thread *t = call_thread(self, a[0], &error);
        if (!t)
            return error;
        if (t->sched.queued) {
            sched_remove(t);
            sched_handoff(t); /* and no sched_yield(): the caller is next among its equals */
            return 0;
        }
    }
    sched_yield();
    return 0;
}
