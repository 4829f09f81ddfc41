/* SPDX-License-Identifier: MIT */
/* How a thread is scheduled changes (sched.h): its priority, its weight, where it may run; and by which policy all share. */
#include <arch/hart.h>
#include <sched/place.h>
#include <sched/sched.h>
#include <sched/urgent.h>

/* What is kept for a thread's place changes only while it has none. */
static bool take_out(struct thread *t) {
    bool queued = t->sched.queued;
    if (queued)
        place_remove(t);
    return queued;
}

static void put_in(struct thread *t, bool queued) {
    if (queued)
        place_ready(t->hart, t, SHARE_MOVED);
}

static COLD void set_priority_carefully(struct thread *t, unsigned priority) {
    bool raised = priority > t->sched.priority, had_budget = has_budget(t), queued = take_out(t);
    t->sched.priority = (uint8_t)priority;
    put_in(t, queued);
    for (uint32_t i = 0; had_budget != has_budget(t) && i < machine.hart_count; i++)
        if (harts[i].payer == t)
            harts[i].urgent_runs = has_budget(t);
    /* Its hart, if that is another one, chooses anew where this may matter. */
    if (t->hart && t->hart != this_hart() &&
        (queued ? raised : t->state == THREAD_RUNNING && !raised))
        arch_send_ipi(t->hart->index);
}

/* Mostly it is a server's that is about to wait, or to work for somebody. */
void sched_set_priority(struct thread *t, unsigned priority) {
    if (t->sched.priority == priority)
        return;
    this_hart()->reconsider = true;
    if (t->sched.queued || is_urgent(t) || priority >= PK_PRIORITY_URGENT || t->hart != this_hart())
        set_priority_carefully(t, priority);
    else
        t->sched.priority = (uint8_t)priority;
}

void sched_set_weight(struct thread *t, uint32_t weight) {
    bool queued = take_out(t);
    t->sched.weight = weight;
    t->sched.share.epoch = 0; /* what the policy keeps for it may depend on that */
    put_in(t, queued);
}

uint64_t sched_all_harts(void) {
    return (2ull << (machine.harts_started - 1)) - 1;
}

void sched_set_harts(struct thread *t, uint64_t wanted) {
    uint64_t all = sched_all_harts();
    bool queued = take_out(t);
    t->sched.harts = wanted;
    t->pinned = (wanted & all) != all || t->reserve;
    if (queued)
        place_elsewhere(t, SHARE_MOVED);
    else if (t->state == THREAD_RUNNING && !may_run_on(t, t->hart) && !sched_running_elsewhere(t))
        this_hart()->reconsider = true; /* it goes when the kernel is left */
}

static unsigned all_queues(struct share_queue **queues) {
    unsigned n = 0;
    queues[n++] = &share_all;
    for (uint32_t i = 0; i < machine.hart_count; i++)
        queues[n++] = harts[i].pinned;
    return n;
}

bool sched_choose_policy(const char *name) {
    const struct policy *policy = share_find_policy(name);
    struct share_queue *queues[ARCH_MAX_HARTS + 1];
    if (policy)
        share_choose_policy(policy, queues, all_queues(queues));
    return policy;
}

const char *sched_policy_name(void) {
    return share_policy->name;
}
