/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: a binary min-heap of waiters by time, over one kernel timer.
 *
 * Invariant: if the heap is not empty, the kernel's timer is set for the earliest deadline or
 * sooner. Removing a waiter leaves the timer as it is (one event too many is cheaper than a kernel
 * call for each waiter that is answered in time).
 */
#include <lib/clock.h>
#include <lib/deadline.h>
#include <lib/heap.h>
#include <stdlib.h>

#define FIRST_ROOM 64
#define PAUSE_NS 20000 /* to the next event if more are due: callers are served meanwhile */

static struct waiter **heap; /* heap[1] to heap[heap_count]; a waiter's heap_index is its place */
static size_t heap_count;
static size_t heap_room;
static uint64_t armed_for; /* what the kernel's timer is set to, 0: it is not */

static void place(size_t index, struct waiter *waiter) {
    heap[index] = waiter;
    waiter->heap_index = index;
}

static void sift_up(size_t index, struct waiter *waiter) {
    for (; index > 1 && heap[index / 2]->deadline > waiter->deadline; index /= 2)
        place(index, heap[index / 2]);
    place(index, waiter);
}

static void sift_down(size_t index, struct waiter *waiter) {
    for (;;) {
        size_t child = 2 * index;
        if (child > heap_count)
            break;
        if (child < heap_count && heap[child + 1]->deadline < heap[child]->deadline)
            child++;
        if (heap[child]->deadline >= waiter->deadline)
            break;
        place(index, heap[child]);
        index = child;
    }
    place(index, waiter);
}

static void arm(uint64_t at_ns) {
    armed_for = at_ns;
    must(pk_timer_set(PK_SLOT_SERVER_EVENTS, SERVER_EVENT_TIMER, at_ns));
}

static long heap_grow(void) {
    size_t room = heap_room ? 2 * heap_room : FIRST_ROOM;
    struct waiter **larger = own_realloc(heap, room * sizeof(*heap));
    if (!larger)
        return -ENOMEM;
    heap = larger;
    heap_room = room;
    return 0;
}

long waiter_set_deadline(struct waiter *waiter, uint64_t at_ns) {
    if (waiter->heap_index)
        deadline_remove(waiter);
    if (heap_count + 1 >= heap_room && heap_grow() < 0)
        return -ENOMEM;
    waiter->deadline = at_ns > INT64_MAX ? INT64_MAX : at_ns ? at_ns : 1; /* 0: no timer */
    heap_count++;
    sift_up(heap_count, waiter);
    if (!armed_for || waiter->deadline < armed_for)
        arm(waiter->deadline);
    return 0;
}

void deadline_remove(struct waiter *waiter) {
    size_t index = waiter->heap_index;
    struct waiter *last = heap[heap_count--];
    waiter->heap_index = 0;
    if (last == waiter)
        return;
    if (index > 1 && heap[index / 2]->deadline > last->deadline)
        sift_up(index, last);
    else
        sift_down(index, last);
}

struct waiter *deadline_due(void) {
    return heap_count && heap[1]->deadline <= clock_ns() ? heap[1] : 0;
}

void deadline_rearm(void) {
    armed_for = 0;
    if (!heap_count)
        return;
    bool due = heap[1]->deadline <= clock_ns();
    arm(due ? clock_after(PAUSE_NS) : heap[1]->deadline);
}
