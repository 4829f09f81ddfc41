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
#include <sched/place.h>
#include <sched/reserve.h>
#include <sched/urgent.h>
#include <task/task.h>
#include <task/thread.h>
#include <time/timer.h>
#include <trace/trace.h>

struct hart harts[ARCH_MAX_HARTS];

void sched_init(void) {
    static struct list lists[ARCH_MAX_HARTS][PRIORITIES];
    static struct share_queue pinned[ARCH_MAX_HARTS];
    for (unsigned i = 0; i < ARCH_MAX_HARTS; i++) {
        queue_init(&harts[i].queue, lists[i]);
        harts[i].pinned = &pinned[i];
        share_init(&pinned[i]);
        harts[i].timer_at = UINT64_MAX; /* as the architecture left it */
    }
    share_init(&share_all);
    timers_init();
}

/*
 * A quantum that ends while somebody more urgent runs, mostly a server in its caller's time, ends again after
 * so long: the caller must not get another whole one by spending its time in servers.
 */
#define GRACE_NS 200000
#define BALANCE_NS 500000 /* a ready thread waits this long before an idle hart is asked to help */

/* One that idles or, if somebody waits who shares, runs without an eye on the time: it was alone so far. */
static struct hart *helper_of(const struct hart *hart) {
    struct hart *unaware = NULL;
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        if (&harts[i] == hart)
            continue;
        if (harts[i].idle)
            return &harts[i];
        if (share_all.count && harts[i].timer_at > harts[i].slice_end && harts[i].current &&
            shares(harts[i].current))
            unaware = &harts[i];
    }
    return unaware;
}

/* Who shares waits with all others, and any hart may take him; so the timer is to see to it that one does. */
static void enqueue(struct hart *hart, struct thread *t) {
    place_ready(hart, t, SHARE_WOKEN);
    /* One who is not more urgent waits; the timer must see to it that it is not for ever. */
    if (!hart->current || hart->current->sched.priority < t->sched.priority ||
        hart->timer_at > hart->slice_end || machine.hart_count > 1)
        hart->reconsider = true;
}

static bool most_urgent(const struct hart *hart, const struct thread *t) {
    return hart->current && hart->current->sched.priority < t->sched.priority &&
           hart->queue.top < t->sched.priority;
}

/* On a machine with several harts, where one that is urgent, or kept off by somebody urgent, runs at once. */
static COLD bool urgent_elsewhere(struct hart *hart, struct thread *t) {
    return !shares(t) && (is_urgent(t) || is_urgent(hart->current)) && place_urgently(t);
}

/* One that may not run here, or not now. False: it is like others. */
static COLD bool ready_with_care(struct hart *hart, struct thread *t) {
    if (!t->reserve && may_run_on(t, hart))
        return false;
    if (!t->reserve)
        place_elsewhere(t, SHARE_WOKEN);
    else if (!reserve_wakes(t, arch_time_ns()))
        place_by_deadline(t);
    return true;
}

/* The last thing done, so that nothing need be kept for it. */
static ALWAYS_INLINE void tell_wake(const struct thread *t) {
    if (traced(PK_TRACE_WAKE))
        trace_wake(t);
}

void sched_ready(struct thread *t) {
    struct hart *hart = this_hart();
    t->state = THREAD_READY;
    if (t->suspended)
        return;
    if (t->pinned && ready_with_care(hart, t)) {
        tell_wake(t);
        return;
    }
    if (!hart->handoff && most_urgent(hart, t)) {
        sched_handoff(t); /* the queue would only hold it until the kernel is left */
        return;
    }
    if (machine.hart_count > 1 && hart->current && urgent_elsewhere(hart, t)) {
        tell_wake(t);
        return;
    }
    /*
     * Here, not where it ran last: who wakes a thread is mostly a server that is about to wait, so
     * the woken one goes on at once with warm caches and without an interrupt between harts. If it
     * has to wait, another hart is asked to take it soon (BALANCE_NS).
     */
    enqueue(hart, t);
    tell_wake(t);
}

void sched_handoff(struct thread *t) {
    struct hart *hart = this_hart();
    if (t->suspended || hart->handoff || (t->pinned && (t->reserve || !may_run_on(t, hart)))) {
        sched_ready(t);
        return;
    }
    t->state = THREAD_RUNNING;
    t->hart = hart;
    hart->handoff = t;
    hart->reconsider = true;
    tell_wake(t);
}

void sched_remove(struct thread *t) {
    if (t->sched.queued)
        place_remove(t);
    struct hart *hart = this_hart();
    if (hart->handoff == t)
        hart->handoff = NULL;
}

void sched_yield(void) {
    this_hart()->slice_over = this_hart()->yields = true;
    this_hart()->reconsider = true;
}

bool sched_running_elsewhere(struct thread *t) {
    if (t->state != THREAD_RUNNING || t->hart == this_hart())
        return false;
    arch_send_ipi(t->hart->index);
    return true;
}

/* Whoever the time is donated to by calls, the caller is charged: it is served in its own time. */
static ALWAYS_INLINE void charge(struct hart *hart, uint64_t now) {
    uint64_t ns = now - hart->switched_at;
    hart->payer->sched.run_ns += ns;
    hart->switched_at = now;
    if (hart->urgent_runs)
        urgent_charge(hart, now, ns);
}

/* Who shares and works in a caller's time takes its turn all the same. */
static void charge_turn(struct hart *hart, struct thread *t, uint64_t now) {
    if (hart->payer != t)
        t->sched.share.charged -= now - hart->switched_at; /* it seems to have run for longer */
    charge(hart, now);
}

/*
 * Of those with a fixed priority: one that makes way stays before its equals while its quantum is not over, and one without a
 * quantum (FIFO) until it yields: the end of a slice that was somebody else's, from whom it took over in a call, is nothing to it.
 */
static ALWAYS_INLINE bool goes_first(const struct hart *hart, const struct thread *t,
                                     bool in_its_turn, uint64_t now) {
    if (t->sched.quantum == PK_QUANTUM_NONE)
        return !(hart->yields && t == hart->current);
    return in_its_turn && hart->slice_end > now;
}

/* What is left of the slice, for who goes first. */
static ALWAYS_INLINE uint64_t rest_of_slice(const struct hart *hart, bool first, uint64_t now) {
    return first && hart->slice_end > now ? hart->slice_end - now : 0;
}

/*
 * Who makes way keeps its place and what is left of its quantum, or its turn is over. It is charged first: by a policy
 * its place depends on how long it has run.
 */
static void put_back(struct hart *hart, struct thread *t, uint64_t now, enum share_reason why) {
    bool left = goes_first(hart, t, why == SHARE_PREEMPTED, now);
    t->sched.preempted++;
    if (t->reserve) {
        charge(hart, now);
        if (hart->yields && t == hart->current)
            reserve_yield(t);
        ready_on(hart, t);
        if (!reserve_waits(t, now))
            place_by_deadline(t);
        return;
    }
    if (shares(t)) {
        charge_turn(hart, t, now);
        place_ready(hart, t, why);
        return;
    }
    charge(hart, now);
    if (hart->queue.top >= PK_PRIORITY_URGENT && machine.hart_count > 1 && place_urgently(t))
        return;
    t->sched.slice_left = rest_of_slice(hart, left, now);
    place_fixed(hart, t, left);
}

static ALWAYS_INLINE void start_slice(struct hart *hart, struct thread *t, uint64_t now) {
    if (shares(t)) {
        hart->slice_end = now + SHARE_TICK_NS;
        return;
    }
    uint64_t slice = t->sched.slice_left ? t->sched.slice_left : t->sched.quantum;
    hart->slice_end = now + slice;
    t->sched.slice_left = 0;
}

/* A thread that was suspended while it ran is not going on, and stands in no queue. */
static struct thread *still_running(struct hart *hart, struct thread *t, uint64_t now) {
    if (!t || t->state != THREAD_RUNNING || t->suspended) {
        if (t && t->state == THREAD_RUNNING)
            t->state = THREAD_READY;
        return NULL;
    }
    if (may_run_on(t, hart))
        return t;
    charge(hart, now);
    place_elsewhere(t, SHARE_MOVED);
    return NULL;
}

/* By the policy, at a tick. */
static bool turn_is_over(struct hart *hart, struct thread *running, uint64_t now) {
    charge_turn(hart, running, now);
    bool over = share_all.count && share_tick(&share_all, &running->sched);
    return (hart->pinned->count && share_tick(hart->pinned, &running->sched)) || over;
}

/* Somebody's deadline is earlier, or it has spent its runtime. */
static COLD bool reserved_makes_way(struct hart *hart, const struct thread *running, uint64_t now) {
    if (running->reserve) {
        charge(hart, now);
        if (hart->slice_over && (hart->yields || reserve_spent(running)))
            return true;
    }
    return hart->queue.top == PK_PRIORITY_RESERVED &&
           queue_front(&hart->queue)->deadline < running->sched.deadline;
}

/* Somebody more urgent is ready, or somebody as urgent and the turn is over. */
static bool must_make_way(struct hart *hart, struct thread *running, uint64_t now) {
    unsigned top = hart->queue.top, own = running->sched.priority;
    if (own == PK_PRIORITY_RESERVED)
        return reserved_makes_way(hart, running, now);
    if (queue_holds_back(&hart->queue, own))
        return anybody_waits(hart);
    if (top > own || !(hart->slice_over || hart->picks_anew))
        return top > own;
    if (!shares(running)) /* a server is not kept from its caller's work by that one's equals */
        return hart->slice_over && top == own && own == running->base_priority &&
               (hart->yields || running->sched.quantum != PK_QUANTUM_NONE);
    return sharing(hart) && (hart->picks_anew || hart->yields || turn_is_over(hart, running, now));
}

/* When a turn has ended and nobody else has one. */
static uint64_t next_slice(const struct hart *hart, const struct thread *t, uint64_t now) {
    if (t->reserve)
        return now + reserve_slice(t);
    return now + (shares(t) ? SHARE_TICK_NS : anybody_waits(hart) ? GRACE_NS : PK_QUANTUM_NS);
}

/* Who runs next on this hart instead of best, who must make way, or of nobody. */
static struct thread *next_for(struct hart *hart, struct thread *best, uint64_t now) {
    bool over = hart->slice_over, yields = hart->yields && best && shares(best);
    struct thread *next = NULL;
    if (yields && !hart->queue.top && share_all.lone && !hart->pinned->count)
        next = place_take_first(hart); /* there is no choice to be made, nor a policy to be asked */
    if (best)
        put_back(hart, best, now, yields ? SHARE_YIELD : over ? SHARE_TURN_OVER : SHARE_PREEMPTED);
    if (!next)
        next = place_take_first(hart);
    if (next)
        start_slice(hart, next, now);
    return next;
}

/* Who runs next on this hart; NULL: nobody. Whoever ran and still could is queued again. */
static inline struct thread *choose(struct hart *hart, uint64_t now) {
    struct thread *stay = still_running(hart, hart->current, now);
    struct thread *handoff = hart->handoff, *best = handoff ? handoff : stay;
    hart->handoff = NULL;
    if (handoff && stay && stay != handoff)
        put_back(hart, stay, now, SHARE_PREEMPTED);
    if (!best || must_make_way(hart, best, now))
        best = next_for(hart, best, now);
    else if (hart->slice_over)
        hart->slice_end = next_slice(hart, best, now);
    hart->slice_over = hart->yields = hart->picks_anew = false;
    return best;
}

/* Waits for an interrupt with the lock released; whatever woke the hart is handled. */
static void idle(struct hart *hart) {
    hart->idle = true;
    hart->idle_since = arch_time_ns();
    if (hart->aspace)
        arch_mmu_activate(NULL);
    kernel_unlock();
    arch_idle_wait();
    kernel_lock();
    hart->idle = false;
    hart->idle_ns += arch_time_ns() - hart->idle_since;
    hart->idle_since = 0;
    arch_poll_interrupts();
}

static inline void leave(struct hart *hart, struct thread *t, uint64_t now) {
    if (hart->fp_on)
        arch_fp_save(t);
    hart->fp_on = false;
    charge(hart, now);
}

/* What is charged only when a hart leaves its thread counts from the start: alone there, a thread may run for hours. */
uint64_t sched_run_ns(const struct thread *t) {
    uint64_t ns = t->sched.run_ns, now = arch_time_ns();
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (harts[i].payer == t && harts[i].current && now > harts[i].switched_at)
            ns += now - harts[i].switched_at;
    return ns;
}

COLD void sched_end_slice(struct thread *t) {
    uint64_t now = arch_time_ns();
    t->sched.slice_left = 0;
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        struct hart *hart = &harts[i];
        if (hart->payer == t && hart->current && now > hart->switched_at)
            charge(hart, now);
        if (hart->current != t)
            continue;
        hart->slice_end = now;
        if (hart == this_hart())
            hart->reconsider = true;
        else
            arch_send_ipi(i);
    }
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
    if (anybody_waits(hart)) {
        at = min_u64(at, hart->slice_end);
        if (machine.hart_count > 1 && helper_of(hart))
            at = min_u64(at, max_u64(hart->switched_at, hart->balanced_at) + BALANCE_NS);
    }
    if (hart->current && hart->current->reserve)
        at = min_u64(at, hart->slice_end);
    if (hart->queue.throttled || (hart->current && is_urgent(hart->current)))
        at = min_u64(at, urgent_event(hart, hart->current));
    /* Armed for an earlier time it stays: most slices end before their time, and then it is cheaper
     * to be woken once in vain than to program the device at every switch. */
    if (at < hart->timer_at) {
        hart->timer_at = at;
        arch_timer_program(at);
    }
}

static bool nobody_runs(const struct hart *self) {
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (&harts[i] != self && harts[i].online && !harts[i].idle)
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
        if (hart->traced)
            trace_switch(before, t);
        if (before) {
            leave(hart, before, now);
            thread_left_hart(before);
        }
        enter(hart, t, now);
        if (t->task->in_hand) /* a server works in its caller's time */
            hart->payer = t->task->in_hand;
        hart->urgent_runs = has_budget(hart->payer);
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
        struct thread *before = hart->current;
        if (hart->traced)
            trace_switch(before, NULL);
        leave(hart, before, now);
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

/* Who runs next in a simple switch: who was woken, the first of the most urgent, or the only other one that shares. */
static ALWAYS_INLINE struct thread *simply_next(const struct hart *hart,
                                                const struct thread *before, struct thread *woken,
                                                bool makes_way, bool yields) {
    unsigned top = hart->queue.top, own = makes_way ? before->sched.priority : 0;
    if (hart->slice_over && (woken || !yields))
        return NULL; /* a quantum's end, or a tick */
    if (woken)
        return woken->sched.priority >= own && woken->sched.priority >= top ? woken : NULL;
    if (top)
        return top > own || (yields && top == own) || !makes_way
                   ? thread_of_entity(queue_front(&hart->queue))
                   : NULL;
    return share_all.lone && (!makes_way || (yields && shares(before)))
               ? thread_of_entity(share_all.lone)
               : NULL;
}

/* Out of where simply_next() found it, and before into its place. */
static ALWAYS_INLINE void exchange_simply(struct hart *hart, struct thread *before, bool makes_way,
                                          struct thread *next, bool woken, bool yields,
                                          uint64_t now) {
    bool next_shares = !woken && shares(next);
    before->sched.preempted += makes_way;
    if (next_shares)
        share_take_lone(&share_all);
    if (makes_way && shares(before)) {
        place_lone(hart, before, yields ? SHARE_YIELD : SHARE_PREEMPTED);
    } else if (makes_way) { /* first: it may keep their common level in use */
        bool left = !yields && goes_first(hart, before, true, now);
        before->sched.slice_left = rest_of_slice(hart, left, now);
        place_usual(hart, before, left);
    }
    if (woken) {
        hart->handoff = NULL;
        return;
    }
    if (!next_shares)
        queue_remove(&hart->queue, &next->sched);
    start_slice(hart, next, now);
}

/*
 * The switch that most are: from a thread that blocked, makes way or yields to one that it woke, to the first that is ready of
 * the most urgent, or to the only other one of those that share. False if it is not that simple: nothing is changed then. What
 * is right is said by kernel_exit(), which would do the same; here nothing is called, so that nothing is saved.
 */
static ALWAYS_INLINE bool switch_simply(struct hart *hart) {
    struct thread *before = hart->current;
    if (!before || kobject_work || hart->special || before->condition >= THREAD_ENDED)
        return false; /* or before is suspended, pinned or has attention */
    bool makes_way = before->condition == THREAD_RUNNING;
    bool yields = hart->yields;
    struct thread *woken = hart->handoff,
                  *next = simply_next(hart, before, woken, makes_way, yields);
    if (!next || next == before || next->attention || next->pinned || is_urgent(next) ||
        (makes_way && shares(before) && share_all.count && share_all.lone != &next->sched))
        return false; /* or there is something for the policy to decide */
    struct aspace *space = next->task->aspace;
    if (space != hart->aspace && !arch_mmu_at_home(space))
        return false;
    uint64_t now = arch_time_ns();
    exchange_simply(hart, before, makes_way, next, woken, yields, now);
    hart->slice_over = hart->yields = hart->reconsider = false;
    hart->payer->sched.run_ns += now - hart->switched_at;
    enter(hart, next, now);
    if (space != hart->aspace) {
        hart->aspace = space;
        arch_mmu_go_home(space);
    }
    /* Who just blocked may wait for a time, or have woken somebody who does. */
    if (hart->timers.next < hart->timer_at ||
        (anybody_waits(hart) && (machine.hart_count > 1 || hart->timer_at > hart->slice_end)))
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
    uint64_t now = arch_time_ns();
    if (hart->current && hart->urgent_runs)
        charge(hart, now);
    urgent_renew(hart, now);
    struct hart *helper = machine.hart_count > 1 && anybody_waits(hart) ? helper_of(hart) : NULL;
    if (helper) {
        hart->balanced_at = now;
        helper->idle = false; /* asked: it need not be asked again before it sleeps again */
        arch_send_ipi(helper->index);
    }
    if (hart->current && now >= hart->slice_end)
        hart->slice_over = true;
}
