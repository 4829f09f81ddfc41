/* SPDX-License-Identifier: MIT */
/* Where a ready thread waits, if that is not simply where it was woken (place.h). */
#include <sched/reserve.h>
#include <arch/hart.h>
#include <arch/machine.h>

/* Of those that share: the first of all harts' or of this one's own. */
static struct thread *take_sharing(struct hart *hart) {
    struct sched_entity *all = share_all.count ? share_front(&share_all) : NULL;
    struct sched_entity *own = hart->pinned->count ? share_front(hart->pinned) : NULL;
    struct sched_entity *e = all && own ? share_better(all, own) : all ? all : own;
    if (!e)
        return NULL;
    struct thread *t = thread_of_entity(e);
    place_remove(t);
    return t;
}

static struct thread *take_fixed(struct hart *hart, unsigned level) {
    struct sched_entity *e = CONTAINER_OF(hart->queue.lists[level].next, struct sched_entity, link);
    queue_remove(&hart->queue, e);
    return thread_of_entity(e);
}

/* Ready threads of another hart that has more than it can run. */
static COLD struct thread *steal(struct hart *hart) {
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        struct hart *other = &harts[i];
        if (other == hart || !other->current || !other->queue.top)
            continue;
        struct thread *t = thread_of_entity(queue_front(&other->queue));
        if (may_run_on(t, hart)) {
            queue_remove(&other->queue, &t->sched);
            return t;
        }
    }
    return NULL;
}

/* Urgent threads that have had their share go on all the same if nobody else wants the hart. */
static COLD struct thread *take_held_back(struct hart *hart) {
    struct run_queue *q = &hart->queue;
    if (!q->throttled || !(q->levels[0] | q->levels[1]))
        return NULL;
    for (unsigned word = QUEUE_WORDS; word-- > 0;)
        if (q->levels[word])
            return take_fixed(hart, word * QUEUE_WORD_BITS + queue_top_bit(q->levels[word]));
    return NULL;
}

/* Who is urgent does not wait for another hart while this one has less urgent things to do. */
static COLD struct thread *pull(struct hart *hart) {
    struct hart *from = NULL;
    unsigned most = hart->queue.top;
    if (most < PK_PRIORITY_URGENT)
        most = PK_PRIORITY_URGENT - 1;
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        struct hart *other = &harts[i];
        unsigned top = other->queue.top;
        if (other != hart && top > most && !queue_holds_back(&hart->queue, top) &&
            may_run_on(thread_of_entity(queue_front(&other->queue)), hart))
            from = other, most = top;
    }
    return from ? take_fixed(from, most) : NULL;
}

struct thread *place_take_first(struct hart *hart) {
    struct thread *pulled = machine.hart_count > 1 ? pull(hart) : NULL;
    if (pulled)
        return pulled;
    if (hart->queue.top)
        return take_fixed(hart, hart->queue.top);
    struct thread *t = sharing(hart) ? take_sharing(hart) : NULL;
    if (!t && machine.hart_count > 1)
        t = steal(hart);
    return t ? t : take_held_back(hart);
}

static unsigned urgency(const struct hart *hart) {
    unsigned top = hart->queue.top;
    if (!hart->current)
        return top;
    unsigned own = hart->current->sched.priority;
    return (own > top ? own : top) + 1;
}

/* The one that has the least urgent things to do, then the least to do, of those that t may run on, but `except`. */
static struct hart *best_hart(const struct thread *t, const struct hart *except) {
    struct hart *best = NULL;
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        struct hart *h = &harts[i];
        if (h == except || !h->online || !may_run_on(t, h))
            continue;
        if (!best || urgency(h) < urgency(best) ||
            (urgency(h) == urgency(best) && h->pinned->count < best->pinned->count))
            best = h;
    }
    return best;
}

static void tell(struct hart *hart) {
    if (hart == this_hart())
        hart->reconsider = true;
    else if (hart->online)
        arch_send_ipi(hart->index);
}

void place_elsewhere(struct thread *t, enum share_reason why) {
    struct hart *hart = best_hart(t, NULL);
    for (uint32_t i = 0; !hart; i++) /* none that is there yet: it waits for one */
        hart = may_run_on(t, &harts[i]) ? &harts[i] : NULL;
    place_ready(hart, t, why);
    tell(hart);
}

bool place_urgently(struct thread *t) {
    struct hart *hart = best_hart(t, this_hart());
    if (!hart || urgency(hart) > t->sched.priority)
        return false;
    place_ready(hart, t, SHARE_WOKEN);
    tell(hart);
    return true;
}

/* How readily a hart would run a reserved thread: as its work is less urgent, or the deadline of what it runs is later. */
static uint64_t readiness(const struct hart *hart) {
    unsigned busy = urgency(hart);
    if (busy <= PK_PRIORITY_RESERVED)
        return UINT64_MAX - busy;
    return hart->current ? hart->current->sched.deadline : 0;
}

void place_by_deadline(struct thread *t) {
    struct hart *best = may_run_on(t, this_hart()) ? this_hart() : NULL;
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (harts[i].online && may_run_on(t, &harts[i]) &&
            (!best || readiness(&harts[i]) > readiness(best)))
            best = &harts[i];
    t->sched.slice_left = reserve_slice(t); /* as long is its turn, here */
    if (!best) {
        place_elsewhere(t, SHARE_WOKEN);
        return;
    }
    place_ready(best, t, SHARE_WOKEN);
    tell(best);
}
