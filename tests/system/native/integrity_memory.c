/* SPDX-License-Identifier: MIT */
/* Memory under the hands of several threads (integrity.c). */
#include "integrity.h"
#include <string.h>

/* Its page tables' upper levels are left: more than are freed in one step. */
void clone_into_emptied(void) {
    enum { SPREAD = 120 };
    uint64_t task = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0)), value = 5;
    for (uint64_t i = 1; i <= SPREAD; i++) {
        IS(pk_map(task, i << 30, PAGE, RW | PK_MAP_FIXED, 0, 0, 0), i << 30);
        IS(pk_task_copy_out(task, i << 30, &value, 8), 8);
        IS(pk_unmap(task, i << 30, PAGE), 0);
    }
    static volatile uint64_t cell;
    cell = 4;
    IS(pk_task_clone(task, PK_SLOT_SERVER_TASK, 0), 0);
    IS(pk_task_copy_in(task, &value, (uint64_t)&cell, 8), 8);
    IS(value, 4);
    uint64_t sharing = SLOT(pk_task_create(PK_SLOT_ACCOUNT, task));
    task_end(task);
    IS(pk_task_copy_in(sharing, &value, (uint64_t)&cell, 8), 8);
    IS(value, 4);
    task_end(sharing);
}

#define REGIONS 3000ul
#define STRIDE (4 * PAGE)
#define BASE (1ul << 32)
#define END (BASE + REGIONS * STRIDE)
#define TAG 77

static struct {
    uint64_t task, alarm;
    volatile uint64_t done, tries, busy, mapped;
} disturbing;

/* Maps into the task, over the end of what is copied there, when the alarm rings. */
static void disturb(uint64_t unused) {
    (void)unused;
    must(pk_wait(disturbing.alarm, 0));
    for (unsigned i = 0; i < 20; i++) {
        disturbing.tries++;
        long at = pk_map(disturbing.task, END - 30 * STRIDE - PAGE, 10 * STRIDE,
                         PK_PROT_READ | PK_MAP_NOREPLACE, 0, 0, TAG);
        disturbing.busy += at == -EBUSY;
        disturbing.mapped += at > 0;
    }
    disturbing.done = 1;
    worker_rest();
}

/* Regions in [BASE, END), which must be in order; and whether one of them is the disturber's. */
static uint64_t count_regions(uint64_t task, bool *disturbed) {
    struct pk_region_info r;
    uint64_t count = 0;
    *disturbed = false;
    for (uint64_t at = BASE; pk_region_info(task, at, &r) == 0 && r.start < END; count++) {
        CHECK(r.start >= at);
        *disturbed |= r.tag == TAG;
        at = r.start + r.length;
    }
    return count;
}

static void clone_while_disturbed(uint64_t source, uint64_t delay) {
    uint64_t worker = task_sharing(), copy = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    disturbing.task = SLOT(pk_cap_copy(copy, worker, 0, PK_RIGHT_ALL, 0));
    uint64_t alarm = SLOT(pk_notification_create());
    disturbing.alarm = SLOT(pk_cap_copy(alarm, worker, 0, PK_RIGHT_ALL, 0));
    disturbing.done = 0;
    uint64_t thread = thread_run(worker, disturb, 0, 45);
    CHECK(thread_becomes(thread, PK_THREAD_WAITING));
    IS(pk_timer_set(alarm, 1, tap_time_ns() + delay), 0);
    long result = pk_task_clone(copy, source, 0);
    CHECK(tap_reaches(&disturbing.done, 1));
    bool disturbed;
    uint64_t count = count_regions(copy, &disturbed);
    if (result == 0)
        IS(count, REGIONS + (disturbed && count != REGIONS));
    else /* it was there first, and there is no clone */
        CHECK(result == -EINVAL && disturbed && count == 1);
    IS(pk_unmap(copy, BASE, END - BASE), 0);
    IS(count_regions(copy, &disturbed), 0);
    task_end(copy);
    task_end(worker);
    drop(thread);
    drop(alarm);
}

/* A clone is made in steps, between which others run: they find it busy. */
void clone_disturbed(void) {
    uint64_t source = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    for (uint64_t i = 0; i < REGIONS; i++)
        IS(pk_map(source, BASE + i * STRIDE, 2 * PAGE, PK_PROT_READ | PK_MAP_FIXED, 0, 0, i + 100),
           BASE + i * STRIDE);
    disturbing.busy = 0;
    for (uint64_t round = 1; round <= 100 && (round <= 20 || !disturbing.busy); round++)
        clone_while_disturbed(source, round % 20 * MS / 10);
    CHECK(disturbing.busy > 0); /* or the case has not seen what it is about */
    task_end(source);
}

#define RACE (1ul << 33)
#define RACE_PAGES 90ul
#define RACE_VALUE 0x4142434445464748ul

static volatile uint64_t rounds;

static void write_always(uint64_t unused) {
    (void)unused;
    for (;;)
        *(volatile uint64_t *)RACE = RACE_VALUE;
}

static void map_always(uint64_t unused) {
    (void)unused;
    for (;;) {
        for (uint64_t i = 1; i < RACE_PAGES; i++)
            *(volatile uint64_t *)(RACE + i * PAGE + 8) = 1;
        must(pk_map(0, RACE, RACE_PAGES * PAGE, RW | PK_MAP_FIXED, 0, 0, 0));
        rounds = rounds + 1;
    }
}

/* The other two threads' faults between an unmapping and a mapping: they just try again. */
static void retry_faults(uint64_t endpoint) {
    struct pk_msg msg = {0};
    for (long token = 0;;)
        token = pk_reply_receive(endpoint, token > 0 ? (uint64_t)token : 0, 0, &msg, 0);
}

static uint64_t written_pages(void) {
    enum { TAKEN = 300 };
    uint64_t at = SLOT(pk_map(0, 0, TAKEN * PAGE, RW, 0, 0, 0)), bad = 0;
    for (uint64_t i = 0; i < TAKEN; i++) {
        volatile uint64_t *page = (volatile uint64_t *)(at + i * PAGE);
        page[100] = 1;
        bad += page[0] != 0 || page[1] != 0;
    }
    pk_yield();
    for (uint64_t i = 0; i < TAKEN; i++)
        bad += *(volatile uint64_t *)(at + i * PAGE) != 0;
    IS(pk_unmap(0, at, TAKEN * PAGE), 0);
    return bad;
}

/*
 * One thread writes to a page that another unmaps again and again: what becomes of the frames must not be written to
 * by what the first one's hart remembers of them.
 */
void freed_frames(void) {
    uint64_t exceptions = SLOT(pk_endpoint_create(0)), task = task_sharing();
    uint64_t retrying = task_sharing();
    uint64_t receive = SLOT(pk_cap_copy(exceptions, retrying, 0, PK_RIGHT_ALL, 0));
    IS(pk_map(task, RACE, RACE_PAGES * PAGE, RW | PK_MAP_FIXED, 0, 0, 0), RACE);
    IS(pk_task_set(task, PK_TASK_EXCEPTION, exceptions), 0);
    rounds = 0;
    uint64_t threads[3] = {thread_run(retrying, retry_faults, receive, 20),
                           thread_run(task, write_always, 0, 10),
                           thread_run(task, map_always, 0, 10)};
    uint64_t end = tap_time_ns() + 1500 * MS, bad = 0;
    while (tap_time_ns() < end || rounds < 10) {
        bad += written_pages();
        tap_sleep(MS);
    }
    IS(bad, 0);
    task_end(task);
    task_end(retrying);
    IS(pk_unmap(0, RACE, RACE_PAGES * PAGE), 0);
    for (unsigned i = 0; i < 3; i++)
        drop(threads[i]);
    drop(exceptions);
}

static uint64_t code;
static volatile uint64_t wanted, got, ran;

static void run_code(uint64_t unused) {
    (void)unused;
    for (uint64_t turn = 1;; turn++) {
        while (wanted < turn)
            pk_yield();
        got = ((uint64_t(*)(void))code)();
        ran = turn;
    }
}

/* li a0, n and ret: another thread runs what was written last. */
void code_synced(void) {
    uint64_t task = task_sharing();
    code = SLOT(pk_map(0, 0, PAGE, RW | PK_PROT_EXEC, 0, 0, 0));
    wanted = ran = 0;
    uint64_t thread = thread_run(task, run_code, 0, 10);
    for (uint32_t n = 1; n <= 500; n++) {
        ((volatile uint32_t *)code)[0] = n << 20 | 0x513;
        ((volatile uint32_t *)code)[1] = 0x8067;
        pk_sync_code(PK_SYNC_OWN);
        wanted = n;
        if (!CHECK(tap_reaches(&ran, n)))
            break;
        IS(got, n);
    }
    task_end(task);
    IS(pk_unmap(0, code, PAGE), 0);
    drop(thread);
}
