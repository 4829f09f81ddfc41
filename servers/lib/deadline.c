/* SPDX-License-Identifier: MIT */
/*
 * A binary min-heap of deadlines by time, over one kernel timer (deadline.h).
 *
 * Invariant: if the heap is not empty, the kernel's timer is set for the earliest deadline or
 * sooner. Removing one leaves the timer as it is (one event too many is cheaper than a kernel
 * call for each waiter that is answered in time).
 */
#include <lib/clock.h>
#include <lib/deadline.h>
#include <lib/heap.h>
#include <lib/server.h>
#include <stdlib.h>

#define FIRST_ROOM 64
#define PASSED_AT_ONCE 8
#define PAUSE_NS 20000 /* to the next event if more are due: callers are served meanwhile */

static struct deadline **heap; /* heap[1] to heap[heap_count]; its heap_index is its place */
static size_t heap_count;
static size_t heap_room;
static uint64_t armed_for; /* what the kernel's timer is set to, 0: it is not */

static void place(size_t index, struct deadline *deadline) {
    heap[index] = deadline;
    deadline->heap_index = index;
}

static void sift_up(size_t index, struct deadline *deadline) {
    for (; index > 1 && heap[index / 2]->at > deadline->at; index /= 2)
        place(index, heap[index / 2]);
    place(index, deadline);
}

static void sift_down(size_t index, struct deadline *deadline) {
    for (;;) {
        size_t child = 2 * index;
        if (child > heap_count)
            break;
        if (child < heap_count && heap[child + 1]->at < heap[child]->at)
            child++;
        if (heap[child]->at >= deadline->at)
            break;
        place(index, heap[child]);
        index = child;
    }
    place(index, deadline);
}

static void arm(uint64_t at_ns) {
    armed_for = at_ns;
    must(pk_timer_set(PK_SLOT_SERVER_EVENTS, SERVER_EVENT_TIMER, at_ns));
}

static long heap_grow(void) {
    size_t room = heap_room ? 2 * heap_room : FIRST_ROOM;
    struct deadline **larger = own_realloc(heap, room * sizeof(*heap));
    if (!larger)
        return -ENOMEM;
    heap = larger;
    heap_room = room;
    return 0;
}

long deadline_set(struct deadline *deadline, uint64_t at_ns) {
    if (deadline->heap_index)
        deadline_remove(deadline);
    if (heap_count + 1 >= heap_room && heap_grow() < 0)
        return -ENOMEM;
    deadline->at = at_ns > INT64_MAX ? INT64_MAX : at_ns ? at_ns : 1; /* 0: no timer */
    heap_count++;
    sift_up(heap_count, deadline);
    if (!armed_for || deadline->at < armed_for)
        arm(deadline->at);
    return 0;
}

void deadline_remove(struct deadline *deadline) {
    size_t index = deadline->heap_index;
    struct deadline *last = heap[heap_count--];
    deadline->heap_index = 0;
    if (last == deadline)
        return;
    if (index > 1 && heap[index / 2]->at > last->at)
        sift_up(index, last);
    else
        sift_down(index, last);
}

static struct deadline *due(void) {
    return heap_count && heap[1]->at <= clock_ns() ? heap[1] : 0;
}

static void rearm(void) {
    armed_for = 0;
    if (heap_count)
        arm(due() ? clock_after(PAUSE_NS) : heap[1]->at);
}

void deadline_pass(void) {
    struct deadline *deadline;
    for (int i = 0; i < PASSED_AT_ONCE && (deadline = due()) != 0; i++) {
        deadline_remove(deadline);
        deadline->passed(deadline);
    }
    rearm();
}
