/* SPDX-License-Identifier: MIT */
/* Timers, which come in time, and deferrable ones, which come when somebody runs. */
#include "messages.h"

void timers(void) {
    uint64_t n = SLOT(pk_notification_create());
    for (unsigned i = 0; i < 50; i++) {
        uint64_t at = tap_time_ns() + i * 211000;
        IS(pk_timer_set(n, 2, at), 0);
        IS(pk_wait(n, 0), 2);
        CHECK(tap_time_ns() >= at);
        CHECK(tap_time_ns() < at + 2000 * MS);
    }
    static const uint64_t far[] = {~0ull, ~0ull - 1, 1ull << 63, ~0ull / 10, 1ull << 60};
    for (unsigned i = 0; i < ARRAY_LENGTH(far); i++) {
        IS(pk_timer_set(n, 2, far[i]), 0);
        tap_sleep(3 * MS);
        IS(pk_wait(n, PK_NONBLOCK), -EAGAIN);
    }
    IS(pk_timer_set(n, 1, 1), 0); /* long ago: at once */
    IS(pk_wait(n, 0), 1);
    IS(pk_timer_set(n, 2, tap_time_ns() + 5 * MS), 0);
    IS(pk_timer_set(n, 4, tap_time_ns() + 10 * MS), 0); /* replaces it */
    IS(pk_wait(n, 0), 4);
    uint64_t at = tap_time_ns() + 50 * MS;
    IS(pk_timer_set(n, 2, at), 0);
    IS(pk_timer_set(n, 0, 0), 0);
    bool in_time = tap_time_ns() < at; /* mostly; another program may have had the hart */
    tap_sleep(60 * MS);
    CHECK(pk_wait(n, PK_NONBLOCK) == -EAGAIN || !in_time);
    IS(pk_timer_set(n, 2, tap_time_ns() + 5 * MS), 0); /* goes with its notification */
    drop(n);
}

#define DUE (20 * MS)
#define LONG (500 * MS)
#define TRIES 60

static volatile uint64_t seen_at; /* when the deferrable timer's event came */
static volatile bool spin;

static void watcher(uint64_t notification) {
    shared.result[0] = pk_wait(notification, 0);
    seen_at = tap_time_ns();
    __atomic_fetch_add(&shared.done, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

static void spinner(uint64_t unused) {
    (void)unused;
    while (spin)
        ;
    __atomic_fetch_add(&shared.done, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

/* How long a deferrable timer takes that is due soon, while this thread sleeps for long. */
static uint64_t deferred(void) {
    uint64_t n = SLOT(pk_notification_create());
    uint64_t task = task_sharing();
    uint64_t slot = SLOT(pk_cap_copy(n, task, 0, PK_RIGHT_ALL, 0));
    shared.done = 0;
    uint64_t thread = thread_run(task, watcher, slot, 20);
    CHECK(thread_becomes(thread, PK_THREAD_WAITING));
    uint64_t start = tap_time_ns();
    IS(pk_timer_set_deferrable(n, 2, start + DUE), 0);
    tap_sleep(LONG);
    CHECK(tap_reaches(&shared.done, 1));
    IS(shared.result[0], 2);
    drop(thread);
    task_end(task);
    drop(n);
    return seen_at - start;
}

void deferrable_timers(void) {
    uint64_t n = SLOT(pk_notification_create());
    IS(pk_call6(PK_TIMER_SET, n, 1, 1, 2, 0, 0), -EINVAL); /* no such flag */
    IS(pk_timer_set_deferrable(n, 1, tap_time_ns() + 1000 * LONG), 0);
    drop(n);
    /* The console may wake the machine now and then. */
    uint64_t took = 0;
    for (int tries = 0; tries < TRIES && took < LONG / 2; tries++)
        took = deferred();
    CHECK(took >= LONG / 2);
    spin = true;
    uint64_t task = task_sharing(), thread = thread_run(task, spinner, 0, 10);
    took = 0; /* a loaded machine may hold the harts up now and then, too */
    for (int tries = 0; tries < TRIES && !(took >= DUE && took < LONG / 2); tries++)
        took = deferred();
    CHECK(took >= DUE && took < LONG / 2);
    shared.done = 0;
    spin = false;
    CHECK(tap_reaches(&shared.done, 1));
    drop(thread);
    task_end(task);
}
