/* SPDX-License-Identifier: MIT */
/*
 * Random calls with random registers, by children that hold nothing that others need. A child that
 * faults, ends itself or blocks is replaced by the next; only the kernel must live.
 */
#include "badargs.h"
#include <string.h>

#define CHILDREN 40
#define CALLS 2000
#define SCRATCH_PAGES 8
#define SLOTS 16

/* Shared with the child: where it is. */
struct progress {
    uint64_t calls;
};

static uint64_t scratch, progress_at, seed;

static uint64_t interesting(uint64_t *state) {
    uint64_t r = tap_random(state);
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      3,
                                      7,
                                      8,
                                      63,
                                      64,
                                      255,
                                      4095,
                                      4096,
                                      4097,
                                      8192,
                                      1ull << 20,
                                      1ull << 32,
                                      USER_END - 4096,
                                      USER_END,
                                      1ull << 40,
                                      1ull << 62,
                                      1ull << 63,
                                      ~0ull,
                                      ~0xfffull,
                                      0xffffffc080200000,
                                      0xffffffff80200000};
    switch (r >> 60) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        return r % SLOTS;
    case 5:
    case 6:
        return values[r % ARRAY_LENGTH(values)];
    case 7:
    case 8:
        return scratch + r % (SCRATCH_PAGES * PAGE);
    case 9:
    case 10:
        return scratch + r % SCRATCH_PAGES * PAGE;
    case 11:
        return (r & 0xffffff) % 5 * PAGE;
    case 12:
        return r & 31;
    case 13:
        return 1ull << (r & 63);
    case 14:
        return r & 0xffff;
    default:
        return r;
    }
}

/* What may block the child or end it is rare, so that it gets far. */
static long random_number(uint64_t *state, uint64_t *flags) {
    static const signed char ends[] = {0,
                                       PK_CALL,
                                       PK_RECEIVE,
                                       PK_REPLY_RECEIVE,
                                       PK_WAIT,
                                       PK_THREAD_SUSPEND,
                                       PK_TASK_KILL,
                                       PK_LOG,
                                       PK_THREAD_ATTENTION,
                                       PK_TASK_SET};
    long number = -(long)(tap_random(state) % (PK_CALLS + 2));
    for (unsigned i = 0; i < sizeof ends; i++) {
        if (number != ends[i] || tap_random(state) % 64 == 0)
            continue;
        if (number != PK_RECEIVE && number != PK_WAIT)
            return PK_NOTIFY;
        *flags |= PK_NONBLOCK;
    }
    return number;
}

static void random_call(uint64_t *state) {
    uint64_t x[13];
    for (unsigned i = 0; i < ARRAY_LENGTH(x); i++)
        x[i] = interesting(state);
    long number = random_number(state, &x[1]);
    tap_call(number, x);
}

static void child(uint64_t bell) {
    uint64_t state = seed;
    volatile struct progress *p = (volatile struct progress *)progress_at;
    for (unsigned i = 0; i < CALLS; i++) {
        p->calls = p->calls + 1;
        random_call(&state);
    }
    pk_may_fail(pk_notify(bell, 1)); /* it may have dropped that */
    for (;;) /* its priority and its capabilities may be anything now: stopped by an exception */
        __asm__ volatile("unimp");
}

/* What the child has: itself, its thread, and an object, an endpoint and so on of its own. */
static uint64_t start_child(uint64_t events, uint64_t *thread) {
    uint64_t task = task_copy(300);
    uint64_t endpoint = SLOT(pk_endpoint_create(events));
    uint64_t notification = SLOT(pk_notification_create());
    uint64_t object = SLOT(pk_object_create(5 * PAGE + 100, 0, 0));
    uint64_t second = SLOT(pk_task_create(task_account(task), 0));
    uint64_t bell = SLOT(pk_cap_copy(events, task, 20, PK_RIGHT_USE, 0));
    *thread = thread_new(task, child, bell, 12);
    struct pk_regs regs;
    memset(&regs, 0, sizeof regs);
    uint64_t other = SLOT(pk_thread_create_in(task_account(task), task, &regs, 3));
    uint64_t give[] = {task,   *thread, endpoint, notification,
                       object, second,  other,    task_account(task)};
    for (unsigned i = 0; i < ARRAY_LENGTH(give); i++) {
        if (i + 1 != PK_SLOT_ACCOUNT) /* that is there */
            IS(pk_cap_copy(give[i], task, i + 1, PK_RIGHT_ALL, 0), i + 1);
        IS(pk_cap_copy(give[i], task, i + 9, PK_RIGHT_USE | PK_RIGHT_GRANT, i), i + 9);
    }
    IS(pk_task_set(task, PK_TASK_EXCEPTION, endpoint), 0);
    uint64_t mine[] = {endpoint, notification, object, other};
    for (unsigned i = 0; i < ARRAY_LENGTH(mine); i++)
        drop(mine[i]);
    drop(second);
    return task;
}

void fuzz(void) {
    things_make();
    uint64_t events = SLOT(pk_notification_create()), total = 0, finished = 0;
    uint64_t shared = SLOT(pk_object_create(PAGE, 0, 0));
    progress_at =
        (uint64_t)pk_map(0, 0, PAGE, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED, shared, 0, 0);
    scratch = (uint64_t)pk_map(0, 0, SCRATCH_PAGES * PAGE, PK_PROT_READ | PK_PROT_WRITE, 0, 0, 0);
    memset((void *)scratch, 0, SCRATCH_PAGES * PAGE);
    volatile struct progress *p = (volatile struct progress *)progress_at;
    for (seed = 1; seed <= CHILDREN; seed++) {
        uint64_t thread, before, task = start_child(events, &thread);
        tap_reuse_stacks();
        p->calls = 0;
        IS(pk_thread_resume(thread), 0);
        do { /* until it has not moved for a while: finished, blocked, stopped or ended */
            before = p->calls;
            tap_sleep(4 * MS);
        } while (p->calls != before && p->calls < CALLS);
        total += p->calls;
        finished += p->calls == CALLS;
        task_end(task);
        drop(thread);
        pk_may_fail(pk_wait(events, PK_NONBLOCK)); /* the bell, if it came */
    }
    tap_print("# %lu calls, %lu of %u children made all of theirs\n", total, finished, CHILDREN);
    CHECK(total > CHILDREN);
    IS(pk_unmap(0, progress_at, PAGE), 0);
    IS(pk_unmap(0, scratch, SCRATCH_PAGES * PAGE), 0);
    drop(shared);
    drop(events);
    things_drop();
}
