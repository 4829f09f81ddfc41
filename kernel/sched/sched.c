/* SPDX-License-Identifier: MIT */
/*
 * The scheduler (sched.h): placement of woken threads, the choice on leaving the kernel, idling
 * and the clock event device. The policy decides among a hart's ready threads.
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
static const struct sched_policy *policy = &policy_fixed;

void sched_init(void) {
    for (unsigned i = 0; i < ARCH_MAX_HARTS; i++) {
        policy->init(&harts[i].queue);
        harts[i].timer_at = UINT64_MAX; /* as the architecture left it */
    }
    timers_init();
}

static struct thread *entity_thread(struct sched_entity *e) {
    return e ? CONTAINER_OF(e, struct thread, sched) : NULL;
}

#define BALANCE_NS 500000 /* a ready thread waits this long before an idle hart is asked to help */

static struct hart *idle_hart(void) {
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (harts[i].idle)
            return &harts[i];
    return NULL;
}

static void enqueue(struct hart *hart, struct thread *t, bool front) {
    t->state = THREAD_READY;
    t->hart = hart;
    policy->enqueue(&hart->queue, &t->sched, front);
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
        policy->dequeue(&t->hart->queue, &t->sched);
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
        policy->dequeue(&t->hart->queue, &t->sched);
    t->sched.priority = (uint8_t)priority;
    if (queued)
        policy->enqueue(&t->hart->queue, &t->sched, false);
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
        struct thread *t = other == hart ? NULL : entity_thread(policy->first(&other->queue));
        if (t && other->current) {
            policy->dequeue(&other->queue, &t->sched);
            return t;
        }
    }
    return NULL;
}

/* A preempted thread keeps its place and what is left of its quantum, or its turn is over. */
static void put_back(struct hart *hart, struct thread *t, uint64_t now) {
    bool left = hart->slice_end > now;
    t->sched.slice_left = left ? hart->slice_end - now : 0;
    enqueue(hart, t, left);
}

static void start_slice(struct hart *hart, struct thread *t, uint64_t now) {
    uint64_t length = t->sched.slice_left ? t->sched.slice_left : policy->quantum_ns;
    hart->slice_end = now + length;
    t->sched.slice_left = 0;
}

/* Who runs next on this hart; NULL: nobody. Whoever ran and still could is queued again. */
static struct thread *choose(struct hart *hart, uint64_t now) {
    struct thread *stay = hart->current;
    if (stay && !can_run(stay)) {
        if (stay->state == THREAD_RUNNING)
            stay->state = THREAD_READY; /* suspended while it ran */
        stay = NULL;
    }
    struct thread *next = hart->handoff;
    hart->handoff = NULL;
    if (next && stay && next != stay)
        put_back(hart, stay, now);
    else if (!next)
        next = stay;
    bool slice_over = hart->slice_over;
    hart->slice_over = false;
    if (next) {
        if (!policy->preempts(&hart->queue, &next->sched, slice_over)) {
            if (slice_over)
                start_slice(hart, next, now);
            return next;
        }
        if (slice_over)
            enqueue(hart, next, false);
        else
            put_back(hart, next, now);
    }
    next = entity_thread(policy->first(&hart->queue));
    if (next)
        policy->dequeue(&hart->queue, &next->sched);
    else if (machine.hart_count > 1)
        next = steal(hart);
    if (next)
        start_slice(hart, next, now);
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
static void leave(struct hart *hart, struct thread *t, uint64_t now) {
    if (hart->fp_on)
        arch_fp_save(t);
    hart->payer->run_ns += now - hart->switched_at;
}

static void enter(struct hart *hart, struct thread *t, uint64_t now) {
    hart->current = t;
    hart->payer = t;
    hart->switched_at = now;
    t->hart = hart;
    t->state = THREAD_RUNNING;
    hart->fp_on = arch_fp_on(t);
    if (hart->fp_on && (hart->fp_owner != t || t->fp_hart != hart)) {
        arch_fp_forget(t);
        hart->fp_on = false;
    }
}

/*
 * While anybody is ready the end of the slice is watched, even if nobody ready is as urgent as who
 * runs now: by a call that is answered on the fast path somebody less urgent may go on.
 */
static void program_timer(struct hart *hart) {
    uint64_t at = hart->timers_next;
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

/*
 * The uncommon ways to find who runs: objects must be ended first, there is nobody, or t is to take an
 * exception instead. `looked`: t is what choose() said. *before becomes NULL once it has left.
 */
static COLD struct thread *choose_at_length(struct hart *hart, struct thread *t, bool looked,
                                            struct thread **before, uint64_t *now) {
    for (;; looked = true) {
        /* Inside a foreign call attention waits for its return. If the exception was sent, t waits
         * for the answer now; somebody else is to be chosen. */
        if (t && (!t->attention || t->foreign.inside || !exception_attention(t, 0)))
            return t;
        if (looked && !t && *before) {
            leave(hart, *before, *now);
            hart->current = NULL;
            thread_left_hart(*before);
            *before = NULL;
        } else if (looked && !t) {
            program_timer(hart);
            if (!kobject_reap()) /* it may have stopped for an interrupt that is gone now */
                idle(hart);
        }
        kobject_reap();
        *now = arch_time_ns();
        t = choose(hart, *now);
    }
}

void kernel_exit(void) {
    struct hart *hart = this_hart();
    struct thread *before = hart->current;
    uint64_t now = arch_time_ns();
    bool doomed = kobject_work;
    struct thread *t = doomed ? NULL : choose(hart, now);
    if (!t || t->attention)
        t = choose_at_length(hart, t, !doomed, &before, &now);
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
    hart->reconsider = kobject_work; /* an interrupt cut it short: to be gone on with */
}

void kernel_timer_interrupt(void) {
    struct hart *hart = this_hart();
    /* Quiet until kernel_exit() programs it, or kobject_reap() would make way for it for nothing. */
    hart->timer_at = UINT64_MAX;
    arch_timer_program(UINT64_MAX);
    timers_run();
    struct hart *helper = policy->first(&hart->queue) ? idle_hart() : NULL;
    if (helper && helper != hart) {
        hart->balanced_at = arch_time_ns();
        helper->idle = false; /* asked: it need not be asked again before it sleeps again */
        arch_send_ipi(helper->index);
    }
    if (hart->current && arch_time_ns() >= hart->slice_end)
        hart->slice_over = true;
}
