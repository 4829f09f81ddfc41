/* SPDX-License-Identifier: MIT */
/*
 * The scheduler (sched.h): placement of woken threads, the choice on leaving the kernel, idling
 * and the clock event device.
 */
#include <sched/sched.h>
#include <arch/hart.h>
#include <arch/mmu.h>
#include <entry.h>
#include <ipc/ipc.h>
#include <sched/hart.h>
#include <task/task.h>
#include <task/thread.h>
#include <time/timer.h>

struct hart harts[ARCH_MAX_HARTS];

void sched_init(void) {
    for (unsigned i = 0; i < ARCH_MAX_HARTS; i++) {
        queue_init(&harts[i].queue);
        harts[i].timer_at = UINT64_MAX; /* as the architecture left it */
    }
    timers_init();
}

/*
 * A quantum that ends while somebody more urgent runs, mostly a server in its caller's time, ends again after
 * so long: the caller must not get another whole one by spending its time in servers.
 */
#define GRACE_NS 200000
#define BALANCE_NS 500000 /* a ready thread waits this long before an idle hart is asked to help */

static struct hart *idle_hart(void) {
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (harts[i].idle)
            return &harts[i];
    return NULL;
}

static inline struct thread *first_ready(const struct hart *hart) {
    if (!hart->queue.levels)
        return NULL;
    return CONTAINER_OF(queue_front(&hart->queue), struct thread, sched);
}

static ALWAYS_INLINE void make_ready(struct hart *hart, struct thread *t, bool front) {
    t->state = THREAD_READY;
    t->hart = hart;
    queue_put(&hart->queue, &t->sched, front);
}

static void enqueue(struct hart *hart, struct thread *t, bool front) {
    make_ready(hart, t, front);
    /* One who is not more urgent waits; the timer must see to it that it is not for ever. */
    if (!hart->current || hart->current->sched.priority < t->sched.priority ||
        hart->timer_at > hart->slice_end || machine.hart_count > 1)
        hart->reconsider = true;
}

static bool most_urgent(const struct hart *hart, const struct thread *t) {
    return hart->current && hart->current->sched.priority < t->sched.priority &&
           !(hart->queue.levels >> t->sched.priority);
}

void sched_ready(struct thread *t) {
    struct hart *hart = this_hart();
    t->state = THREAD_READY;
    if (t->suspended)
        return;
    if (!hart->handoff && most_urgent(hart, t)) {
        sched_handoff(t); /* the queue would only hold it until the kernel is left */
        return;
    }
    /*
     * Here, not where it ran last: who wakes a thread is mostly a server that is about to wait, so
     * the woken one goes on at once with warm caches and without an interrupt between harts. If it
     * has to wait, an idle hart is asked to take it soon (BALANCE_NS).
     */
    enqueue(hart, t, false);
}

void sched_handoff(struct thread *t) {
    struct hart *hart = this_hart();
    if (t->suspended || hart->handoff) {
        sched_ready(t);
        return;
    }
    t->state = THREAD_RUNNING;
    t->hart = hart;
    hart->handoff = t;
    hart->reconsider = true;
}

void sched_remove(struct thread *t) {
    if (t->sched.queued)
        queue_remove(&t->hart->queue, &t->sched);
    struct hart *hart = this_hart();
    if (hart->handoff == t)
        hart->handoff = NULL;
}

void sched_set_priority(struct thread *t, unsigned priority) {
    if (t->sched.priority == priority)
        return;
    this_hart()->reconsider = true;
    bool queued = t->sched.queued, raised = priority > t->sched.priority;
    if (queued)
        queue_remove(&t->hart->queue, &t->sched);
    t->sched.priority = (uint8_t)priority;
    if (queued)
        queue_put(&t->hart->queue, &t->sched, false);
    /* Its hart, if that is another one, chooses anew where this may matter. */
    if (t->hart && t->hart != this_hart() &&
        (queued ? raised : t->state == THREAD_RUNNING && !raised))
        arch_send_ipi(t->hart->index);
}

void sched_yield(void) {
    this_hart()->slice_over = true;
    this_hart()->reconsider = true;
}

bool sched_running_elsewhere(struct thread *t) {
    if (t->state != THREAD_RUNNING || t->hart == this_hart())
        return false;
    arch_send_ipi(t->hart->index);
    return true;
}

static bool can_run(const struct thread *t) {
    return t && t->state == THREAD_RUNNING && !t->suspended;
}

/* Ready threads of another hart that has more than it can run. */
static COLD struct thread *steal(struct hart *hart) {
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        struct hart *other = &harts[i];
        struct thread *t = other == hart ? NULL : first_ready(other);
        if (t && other->current) {
            queue_remove(&other->queue, &t->sched);
            return t;
        }
    }
    return NULL;
}

/* A preempted thread keeps its place and what is left of its quantum, or its turn is over. */
static ALWAYS_INLINE void put_back(struct hart *hart, struct thread *t, uint64_t now) {
    bool left = hart->slice_end > now;
    t->sched.slice_left = left ? hart->slice_end - now : 0;
    make_ready(hart, t, left);
}

/* Where the quantum of a thread ends that begins to run now. */
static inline uint64_t slice_of(const struct thread *t, uint64_t now) {
    return now + (t->sched.slice_left ? t->sched.slice_left : PK_QUANTUM_NS);
}

static ALWAYS_INLINE void start_slice(struct hart *hart, struct thread *t, uint64_t now) {
    hart->slice_end = slice_of(t, now);
    t->sched.slice_left = 0;
}

/* A thread that was suspended while it ran is not going on, and stands in no queue. */
static struct thread *still_running(struct thread *t) {
    if (!t || can_run(t))
        return t;
    if (t->state == THREAD_RUNNING)
        t->state = THREAD_READY;
    return NULL;
}

/* Somebody more urgent is ready, or somebody as urgent and the quantum is over. */
static bool must_make_way(const struct hart *hart, const struct thread *running, bool slice_over) {
    uint64_t as_urgent = hart->queue.levels >> running->sched.priority;
    return slice_over ? as_urgent : as_urgent >> 1;
}

/* Who runs next on this hart; NULL: nobody. Whoever ran and still could is queued again. */
static inline struct thread *choose(struct hart *hart, uint64_t now) {
    struct thread *stay = still_running(hart->current);
    struct thread *handoff = hart->handoff, *best = handoff ? handoff : stay;
    bool slice_over = hart->slice_over;
    hart->handoff = NULL;
    hart->slice_over = false;
    if (handoff && stay && stay != handoff)
        put_back(hart, stay, now);
    if (best && !must_make_way(hart, best, slice_over)) {
        if (slice_over)
            hart->slice_end = now + (hart->queue.levels ? GRACE_NS : PK_QUANTUM_NS);
        return best;
    }
    struct thread *next = first_ready(hart);
    if (next)
        queue_remove(&hart->queue, &next->sched);
    else if (machine.hart_count > 1)
        next = steal(hart);
    if (next) {
        if (best)
            put_back(hart, best, slice_over ? hart->slice_end : now);
        start_slice(hart, next, now);
    }
    return next;
}

/* Waits for an interrupt with the lock released; whatever woke the hart is handled. */
static void idle(struct hart *hart) {
    hart->idle = true;
    if (hart->aspace)
        arch_mmu_activate(NULL);
    kernel_unlock();
    arch_idle_wait();
    kernel_lock();
    hart->idle = false;
    arch_poll_interrupts();
}

/* Whoever the time is donated to by calls, the caller is charged: it is served in its own time. */
static inline void leave(struct hart *hart, struct thread *t, uint64_t now) {
    if (hart->fp_on)
        arch_fp_save(t);
    hart->fp_on = false;
    hart->payer->run_ns += now - hart->switched_at;
}

/* What is charged only when a hart leaves its thread counts from the start: alone there, a thread may run for hours. */
uint64_t sched_run_ns(const struct thread *t) {
    uint64_t ns = t->run_ns, now = arch_time_ns();
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (harts[i].payer == t && harts[i].current && now > harts[i].switched_at)
            ns += now - harts[i].switched_at;
    return ns;
}

static ALWAYS_INLINE void enter(struct hart *hart, struct thread *t, uint64_t now) {
    hart->current = t;
    hart->payer = t;
    hart->switched_at = now;
    t->hart = hart;
    t->state = THREAD_RUNNING;
    if (!arch_fp_on(t))
        return;
    if (hart->fp_owner == t && t->fp_hart == hart)
        hart->fp_on = true;
    else
        arch_fp_forget(t);
}

/*
 * While anybody is ready the end of the slice is watched, even if nobody ready is as urgent as who
 * runs now: by a call that is answered on the fast path somebody less urgent may go on.
 */
static void program_timer(struct hart *hart) {
    uint64_t at = min_u64(hart->timers.next, deferrable_timers.next);
    if (kobject_work && hart->reap_at)
        at = min_u64(at, hart->reap_at);
    if (hart->queue.levels) {
        at = min_u64(at, hart->slice_end);
        if (machine.hart_count > 1 && idle_hart())
            at = min_u64(at, max_u64(hart->switched_at, hart->balanced_at) + BALANCE_NS);
    }
    /* Armed for an earlier time it stays: most slices end before their time, and then it is cheaper
     * to be woken once in vain than to program the device at every switch. */
    if (at < hart->timer_at) {
        hart->timer_at = at;
        arch_timer_program(at);
    }
}

static bool nobody_runs(const struct hart *self) {
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (&harts[i] != self && !harts[i].idle)
            return false;
    return true;
}

/*
 * This hart is about to idle. While another one runs somebody it attends to the deferrable timers: that one
 * may not have heard of the latest. The last to idle leaves them to whoever is the next to run.
 */
static void program_idle_timer(struct hart *hart) {
    if (!nobody_runs(hart)) {
        program_timer(hart);
    } else if (hart->timers.next < hart->timer_at || hart->timer_at == deferrable_timers.next) {
        hart->timer_at = hart->timers.next;
        arch_timer_program(hart->timer_at);
    }
}

/* t goes on, or goes on in the place of whoever did. */
static inline void run(struct hart *hart, struct thread *t, uint64_t now) {
    struct thread *before = hart->current;
    if (t != before) {
        if (before) {
            leave(hart, before, now);
            thread_left_hart(before);
        }
        enter(hart, t, now);
    }
    t->state = THREAD_RUNNING; /* it may have been queued meanwhile, and be the first again */
    if (hart->aspace != t->task->aspace || !hart->aspace)
        arch_mmu_activate(t->task->aspace);
    program_timer(hart);
    hart->reconsider = kobject_work && now >= hart->reap_at; /* an interrupt cut it short */
}

/*
 * What ends in the kernel does not end in the time of whoever happens to leave it next: each time it gets a small
 * share, which is enough for most; if it needs more, then only after a while. So a task with gigabytes ends
 * in some hundredths of a second, beside others.
 */
#define REAP_SHARE 256
#define REAP_PAUSE_NS 50000

static COLD void reap_share(struct hart *hart) {
    int share = REAP_SHARE;
    if (arch_time_ns() < hart->reap_at && !kobject_log_waits)
        return;
    kobject_reap(&share);
    bool cut_short = kobject_log_waits || arch_interrupt_pending();
    hart->reap_at = kobject_work && !cut_short ? arch_time_ns() + REAP_PAUSE_NS : 0;
}

void sched_reap_now(void) {
    this_hart()->reap_at = 0;
    this_hart()->reconsider = true;
}

/* As long as there is nothing else to do. */
static bool reap_idly(void) {
    int share = INT32_MAX;
    return kobject_reap(&share);
}

/*
 * What choose() said is not the end of it: there is nobody, or t is to take an exception. True if t
 * goes on nevertheless; else somebody is to be chosen anew.
 */
static COLD bool goes_on(struct hart *hart, struct thread *t, uint64_t now) {
    /* Inside a foreign call attention waits for its return. If the exception was sent, t waits for
     * the answer now. */
    if (t)
        return t->foreign.inside || !exception_attention(t, 0);
    if (hart->current) {
        leave(hart, hart->current, now);
        struct thread *before = hart->current;
        hart->current = NULL;
        thread_left_hart(before);
    }
    program_idle_timer(hart);
    if (!reap_idly()) /* it may have stopped for an interrupt that is gone now */
        idle(hart);
    else if (kernel_lock_wanted())
        kernel_lock_pass();
    reap_idly();
    return false;
}

void kernel_exit(void) {
    struct hart *hart = this_hart();
    if (kobject_work)
        reap_share(hart);
    for (;;) {
        uint64_t now = arch_time_ns();
        struct thread *t = choose(hart, now);
        if ((t && !t->attention) || goes_on(hart, t, now)) {
            run(hart, t, now);
            return;
        }
    }
}

/*
 * The switch that most are: from a thread that blocked or makes way to one that it woke or to the
 * first that is ready. False if it is not that simple: nothing is changed then. What is right is said
 * by kernel_exit(), which would do the same; here nothing is called, so that nothing is saved.
 */
static ALWAYS_INLINE bool switch_simply(struct hart *hart) {
    struct thread *before = hart->current, *woken = hart->handoff;
    if (!before || (!woken && !hart->queue.levels))
        return false;
    struct thread *next = woken ? woken : first_ready(hart);
    bool slice_over = hart->slice_over;
    if (next == before || kobject_work || hart->fp_on || before->condition >= THREAD_ENDED ||
        next->attention || (woken && slice_over))
        return false; /* or before is suspended or has attention */
    unsigned own = before->sched.priority, urgency = next->sched.priority;
    bool makes_way = before->condition == THREAD_RUNNING;
    if (makes_way && (woken || slice_over ? own > urgency : own >= urgency))
        return false;
    struct aspace *space = next->task->aspace;
    if ((woken && hart->queue.levels >> urgency >> 1) ||
        (space != hart->aspace && !arch_mmu_at_home(space)))
        return false;
    uint64_t now = arch_time_ns();
    if (makes_way) /* first: it may keep their common level in use */
        put_back(hart, before, slice_over ? hart->slice_end : now);
    if (woken) {
        hart->handoff = NULL;
    } else {
        queue_remove(&hart->queue, &next->sched);
        start_slice(hart, next, now);
    }
    hart->slice_over = false;
    hart->reconsider = false;
    hart->payer->run_ns += now - hart->switched_at;
    enter(hart, next, now);
    if (space != hart->aspace) {
        hart->aspace = space;
        arch_mmu_go_home(space);
    }
    if (hart->queue.levels && (machine.hart_count > 1 || hart->timer_at > hart->slice_end))
        program_timer(hart);
    return true;
}

void kernel_exit_simply(void) {
    if (!switch_simply(this_hart()))
        kernel_exit();
}

void kernel_timer_interrupt(void) {
    struct hart *hart = this_hart();
    /* Quiet until kernel_exit() programs it, or kobject_reap() would make way for it for nothing. */
    hart->timer_at = UINT64_MAX;
    arch_timer_program(UINT64_MAX);
    timers_run();
    struct hart *helper = hart->queue.levels ? idle_hart() : NULL;
    if (helper && helper != hart) {
        hart->balanced_at = arch_time_ns();
        helper->idle = false; /* asked: it need not be asked again before it sleeps again */
        arch_send_ipi(helper->index);
    }
    if (hart->current && arch_time_ns() >= hart->slice_end)
        hart->slice_over = true;
}
