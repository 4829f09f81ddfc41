/* SPDX-License-Identifier: MIT */
/*
 * Binary min-heaps of deadlines by time, one for each clock, over one kernel timer (deadline.h). The order of times of a
 * clock stays as it is when that is set, so there is nothing to be done then but to set the kernel's timer anew.
 *
 * Invariant: if a heap is not empty, the kernel's timer is set for the earliest deadline or
 * sooner. Removing one leaves the timer as it is (one event too many is cheaper than a kernel
 * call for each waiter that is answered in time).
 */
#include <lib/check.h>
#include <lib/clock.h>
#include <lib/deadline.h>
#include <lib/heap.h>
#include <lib/server.h>
#include <stdlib.h>

#define FIRST_ROOM 64
#define PASSED_AT_ONCE 6
#define PAUSE_NS 20000 /* to the next event if more are due: callers are served meanwhile */

struct times {
    struct deadline **heap; /* heap[1] to heap[count]; its heap_index is its place */
    size_t count, room;
};
static struct times monotonic, real;
static uint64_t armed_for; /* what the kernel's timer is set to, 0: it is not */

static struct times *times_of(const struct deadline *deadline) {
    return deadline->at & TIME_REAL ? &real : &monotonic;
}

static void place(const struct times *t, size_t index, struct deadline *deadline) {
    t->heap[index] = deadline;
    deadline->heap_index = index;
}

static void sift_up(const struct times *t, size_t index, struct deadline *deadline) {
    for (; index > 1 && t->heap[index / 2]->at > deadline->at; index /= 2)
        place(t, index, t->heap[index / 2]);
    place(t, index, deadline);
}

static void sift_down(const struct times *t, size_t index, struct deadline *deadline) {
    for (;;) {
        size_t child = 2 * index;
        if (child > t->count)
            break;
        if (child < t->count && t->heap[child + 1]->at < t->heap[child]->at)
            child++;
        if (t->heap[child]->at >= deadline->at)
            break;
        place(t, index, t->heap[child]);
        index = child;
    }
    place(t, index, deadline);
}

static void arm(uint64_t at_ns) {
    armed_for = at_ns;
    must(pk_timer_set(PK_SLOT_SERVER_EVENTS, SERVER_EVENT_TIMER, at_ns));
}

static long heap_grow(struct times *t) {
    size_t room = t->room ? 2 * t->room : FIRST_ROOM;
    struct deadline **larger = own_realloc(t->heap, room * sizeof(*t->heap));
    if (!larger)
        return -ENOMEM;
    t->heap = larger;
    t->room = room;
    return 0;
}

/* Never 0, which would be no time for the kernel. */
static uint64_t monotonic_of(uint64_t at) {
    if (!(at & TIME_REAL))
        return at;
    uint64_t offset = clock_realtime_offset();
    at &= ~TIME_REAL;
    return at > offset ? at - offset : 1;
}

bool deadline_has_come(uint64_t at) {
    return monotonic_of(at) <= clock_ns();
}

long deadline_set(struct deadline *deadline, uint64_t at) {
    if (deadline->heap_index)
        deadline_remove(deadline);
    deadline->at = at ? at : 1;
    struct times *t = times_of(deadline);
    if (t->count + 1 >= t->room && heap_grow(t) < 0)
        return -ENOMEM;
    t->count++;
    sift_up(t, t->count, deadline);
    uint64_t at_ns = monotonic_of(deadline->at);
    if (!armed_for || at_ns < armed_for)
        arm(at_ns);
    return 0;
}

void deadline_remove(struct deadline *deadline) {
    struct times *t = times_of(deadline);
    size_t index = deadline->heap_index;
    struct deadline *last = t->heap[t->count--];
    deadline->heap_index = 0;
    if (last == deadline)
        return;
    if (index > 1 && t->heap[index / 2]->at > last->at)
        sift_up(t, index, last);
    else
        sift_down(t, index, last);
}

/* The earliest, or 0. */
static struct deadline *first(void) {
    if (!real.count)
        return monotonic.count ? monotonic.heap[1] : 0;
    if (!monotonic.count)
        return real.heap[1];
    return monotonic_of(real.heap[1]->at) < monotonic.heap[1]->at ? real.heap[1]
                                                                  : monotonic.heap[1];
}

static struct deadline *due(void) {
    struct deadline *deadline = first();
    return deadline && deadline_has_come(deadline->at) ? deadline : 0;
}

static void rearm(void) {
    const struct deadline *deadline = first();
    armed_for = 0;
    if (deadline)
        arm(due() ? clock_after(PAUSE_NS) : monotonic_of(deadline->at));
}

void deadline_pass(void) {
    struct deadline *deadline;
    for (int i = 0; i < PASSED_AT_ONCE && (deadline = due()) != 0; i++) {
        deadline_remove(deadline);
        deadline->passed(deadline);
    }
    rearm();
}

void deadline_clock_set(void) {
    if (real.count)
        rearm();
}

static void check_times(const struct times *t) {
    CHECK(!t->count || t->count < t->room, t);
    for (size_t i = 1; i <= t->count; i++) {
        const struct deadline *deadline = t->heap[i];
        CHECK(deadline->heap_index == i, deadline);
        CHECK(times_of(deadline) == t, deadline);
        CHECK(i == 1 || t->heap[i / 2]->at <= deadline->at, deadline);
    }
}

void deadlines_check(void) {
    check_times(&monotonic);
    check_times(&real);
    CHECK(armed_for || !first(), first());
}
