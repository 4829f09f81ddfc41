/* SPDX-License-Identifier: MIT */
/* Who runs when: priorities, quanta, yields; floating point; harts and their translations. */
#include "threads.h"
#include <string.h>

#define FP_THREADS 12

/* fp_fill sets f0-f31 and the rounding mode from a0; fp_check counts those that differ. */
void fp_fill(uint64_t seed);
uint64_t fp_check(uint64_t seed);
__asm__(".text\n"
        ".option push\n"
        ".option arch, +d\n"
        ".global fp_fill\n"
        "fp_fill:\n"
        ".irp n, "
        "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "    addi t0, a0, \\n\n"
        "    fmv.d.x f\\n, t0\n"
        ".endr\n"
        "    andi t0, a0, 3\n"
        "    fsrm t0\n"
        "    ret\n"
        ".global fp_check\n"
        "fp_check:\n"
        "    frrm t2\n"
        "    andi t0, a0, 3\n"
        "    xor t2, t2, t0\n"
        "    snez t2, t2\n"
        ".irp n, "
        "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "    addi t0, a0, \\n\n"
        "    fmv.x.d t1, f\\n\n"
        "    xor t0, t0, t1\n"
        "    snez t0, t0\n"
        "    add t2, t2, t0\n"
        ".endr\n"
        "    mv a0, t2\n"
        "    ret\n"
        ".option pop\n");

static volatile uint64_t fp_bad;

static void fp_worker(uint64_t index) {
    uint64_t seed = index * 1000001;
    fp_fill(seed);
    for (uint64_t i = 0;; i++) {
        if (fp_check(seed))
            fp_bad = index + 1;
        counts[index]++;
        if (i % (50 + index) == 0)
            pk_yield();
        if (i % 1000 == 0)
            fp_fill(++seed);
    }
}

void fp_kept(void) {
    uint64_t task = task_sharing(), threads[FP_THREADS];
    fp_bad = 0;
    for (unsigned i = 0; i < FP_THREADS; i++) {
        counts[i] = 0;
        threads[i] = thread_run(task, fp_worker, i, 10);
    }
    for (unsigned i = 0; i < FP_THREADS; i++)
        CHECK(tap_reaches(&counts[i], 5000));
    IS(fp_bad, 0);
    task_end(task);
    for (unsigned i = 0; i < FP_THREADS; i++)
        drop(threads[i]);
}

static void fp_checker(uint64_t seed) {
    fp_bad = fp_check(seed);
    fp_fill(seed + 5);
    counts[0] = 1;
    for (;;)
        counts[1]++;
}

void fp_registers(void) {
    uint64_t task = task_sharing();
    struct pk_regs regs = thread_regs_for(fp_checker, 8000), got;
    for (unsigned i = 0; i < 32; i++)
        regs.f[i] = 8000 + i;
    regs.fp = 1;
    counts[0] = 0;
    fp_bad = 99;
    uint64_t thread = SLOT(pk_thread_create_in(task_account(task), task, &regs, 10));
    IS(pk_thread_resume(thread), 0);
    CHECK(tap_reaches(&counts[0], 1));
    IS(fp_bad, 0);
    IS(pk_thread_suspend(thread), 0);
    IS(pk_thread_regs(thread, &got, PK_REGS_GET), 0);
    IS(got.fp, 1);
    for (unsigned i = 0; i < 32; i++)
        IS(got.f[i], 8005 + i);
    IS(got.fcsr, (8005 & 3) << 5);
    counts[0] = 0;
    memcpy(got.x, regs.x, sizeof got.x); /* once more from its start, with changed registers */
    for (unsigned i = 0; i < 32; i++)
        got.f[i] = 8000 + i;
    got.fcsr = 0;
    IS(pk_thread_regs(thread, &got, PK_REGS_SET), 0);
    IS(pk_thread_resume(thread), 0);
    CHECK(tap_reaches(&counts[0], 1));
    IS(fp_bad, 0);
    task_end(task);
    drop(thread);
}

static volatile uint64_t until;

static void spin_for(uint64_t index) {
    while (tap_time_ns() < until)
        counts[index] = counts[index] + 1;
    counts[index + 1] = 1;
    worker_rest();
}

/* On one hart: while a more urgent thread runs, nobody else does. */
void priority_rules(void) {
    uint64_t task = task_sharing(), low, high;
    memset((void *)counts, 0, sizeof counts);
    low = thread_run(task, count_up, 0, 10);
    CHECK(tap_reaches(&counts[0], 1));
    high = thread_new(task, spin_for, 2, 20);
    uint64_t before = counts[0];
    until = tap_time_ns() + 30 * MS;
    IS(pk_thread_resume(high), 0);
    CHECK(tap_harts() > 1 || tap_time_ns() >= until);
    CHECK(tap_harts() > 1 || counts[0] == before);
    CHECK(tap_reaches(&counts[3], 1));
    task_end(task);
    drop(low);
    drop(high);
}

void priority_changes(void) {
    uint64_t task = task_sharing(), threads[9], harts = tap_harts();
    struct pk_thread_info info;
    memset((void *)counts, 0, sizeof counts);
    for (unsigned i = 0; i < harts; i++)
        threads[i] = thread_run(task, count_up, i + 1, 12);
    threads[harts] = thread_run(task, count_up, 0, 10);
    for (unsigned round = 0; round < 10; round++) {
        IS(pk_thread_priority(threads[harts], 13), 0);
        CHECK(tap_reaches(&counts[0], counts[0] + 1000));
        IS(pk_thread_info(threads[harts], &info), 0);
        IS(info.priority, 13);
        IS(pk_thread_priority(threads[harts], 10), 0);
        tap_sleep(2 * MS);
        for (unsigned i = 0; i < harts; i++)
            IS(pk_thread_priority(threads[i], 8), 0);
        CHECK(tap_reaches(&counts[0], counts[0] + 1000));
        for (unsigned i = 0; i < harts; i++)
            IS(pk_thread_priority(threads[i], 12), 0);
        for (unsigned i = 0; i < harts; i++)
            CHECK(tap_reaches(&counts[i + 1], counts[i + 1] + 1000));
    }
    IS(pk_thread_priority(threads[0], PK_PRIORITIES), -EINVAL);
    task_end(task);
    for (unsigned i = 0; i <= harts; i++)
        drop(threads[i]);
}

void quantum(void) {
    uint64_t task = task_sharing(), threads[24];
    unsigned n = 3 * tap_harts();
    memset((void *)counts, 0, sizeof counts);
    for (unsigned i = 0; i < n; i++)
        threads[i] = thread_run(task, count_up, i, 10);
    for (unsigned round = 1; round < 4; round++)
        for (unsigned i = 0; i < n; i++)
            CHECK(tap_reaches(&counts[i], counts[i] + 1000));
    task_end(task);
    for (unsigned i = 0; i < n; i++)
        drop(threads[i]);
}

static void count_bells(uint64_t bell) {
    for (;;) {
        must(pk_wait(bell, 0));
        counts[0]++;
    }
}

/* A thread whose last hart is busy with its equal still gets its turn there. */
void woken_shares(void) {
    uint64_t task = task_sharing(), threads[9], harts = tap_harts();
    uint64_t bell = SLOT(pk_notification_create());
    uint64_t slot = SLOT(pk_cap_copy(bell, task, 0, PK_RIGHT_ALL, 0));
    memset((void *)counts, 0, sizeof counts);
    threads[harts] = thread_run(task, count_bells, slot, 10);
    CHECK(thread_becomes(threads[harts], PK_THREAD_WAITING));
    for (unsigned i = 0; i < harts; i++)
        threads[i] = thread_run(task, count_up, i + 1, 10);
    for (unsigned round = 1; round < 15; round++) {
        tap_sleep(MS);
        IS(pk_notify(bell, 1), 0);
        if (!CHECK(tap_reaches(&counts[0], round)))
            break;
    }
    task_end(task);
    for (unsigned i = 0; i <= harts; i++)
        drop(threads[i]);
    drop(bell);
}

static volatile uint8_t turns[3000];
static volatile uint64_t turn;

static void take_turns(uint64_t index) {
    for (;;) {
        uint64_t at = __atomic_fetch_add(&turn, 1, __ATOMIC_SEQ_CST);
        if (at >= sizeof turns)
            worker_rest();
        turns[at] = (uint8_t)index;
        pk_yield();
    }
}

void yield_round(void) {
    uint64_t task = task_sharing(), threads[3], wrong = 0;
    turn = 0;
    for (unsigned i = 0; i < 3; i++)
        threads[i] = thread_run(task, take_turns, i, 10);
    CHECK(tap_reaches(&turn, sizeof turns + 3));
    for (unsigned i = 10; i < sizeof turns; i++)
        wrong += turns[i] != turns[i - 3] || turns[i] == turns[i - 1];
    CHECK(tap_harts() > 1 || wrong < 100); /* now and then a quantum ends just then */
    task_end(task);
    for (unsigned i = 0; i < 3; i++)
        drop(threads[i]);
}

static void count_and_yield(uint64_t index) {
    for (;;) {
        counts[index]++;
        pk_yield();
    }
}

void yield_directed(void) {
    uint64_t task = task_sharing(), threads[3], right = 0;
    memset((void *)counts, 0, sizeof counts);
    for (unsigned i = 0; i < 3; i++) /* as urgent as this thread */
        threads[i] = thread_run(task, count_and_yield, i, 16);
    for (unsigned round = 0; round < 300; round++) {
        uint64_t target = round % 3, before[3];
        for (unsigned i = 0; i < 3; i++)
            before[i] = counts[i];
        IS(pk_yield_to(threads[target]), 0);
        for (unsigned i = 0; i < 3; i++)
            right += counts[i] == before[i] + (i == target);
    }
    CHECK(tap_harts() > 1 || right > 850);
    IS(pk_thread_suspend(threads[0]), 0);
    IS(pk_yield_to(threads[0]), 0);
    IS(pk_yield_to(9999), -EBADF);
    IS(pk_yield_to(PK_SLOT_SERVER_TASK), -EINVAL);
    task_end(task);
    IS(pk_yield_to(threads[0]), -ESRCH);
    for (unsigned i = 0; i < 3; i++)
        drop(threads[i]);
}

enum { SLOT_PING = 20, SLOT_PONG };

static void ping(uint64_t first) {
    for (;;) {
        if (first)
            must(pk_notify(SLOT_PONG, 1));
        must(pk_wait(first ? SLOT_PING : SLOT_PONG, 0));
        if (!first)
            must(pk_notify(SLOT_PING, 1));
        counts[first]++;
    }
}

void ping_pong(void) {
    uint64_t task = task_sharing(), a = SLOT(pk_notification_create());
    uint64_t b = SLOT(pk_notification_create());
    memset((void *)counts, 0, sizeof counts);
    IS(pk_cap_copy(a, task, SLOT_PING, PK_RIGHT_ALL, 0), SLOT_PING);
    IS(pk_cap_copy(b, task, SLOT_PONG, PK_RIGHT_ALL, 0), SLOT_PONG);
    uint64_t threads[] = {thread_run(task, ping, 0, 10), thread_run(task, ping, 1, 10)};
    CHECK(tap_reaches(&counts[0], 5000));
    CHECK(tap_reaches(&counts[1], 5000));
    task_end(task);
    drop(threads[0]);
    drop(threads[1]);
    drop(a);
    drop(b);
}

/* Writes without ever entering the kernel. */
static void scribble(uint64_t address) {
    for (;;)
        ++*(volatile uint64_t *)address;
}

/* An address space that is used once: its thread faults at once. */
static bool use_space(uint64_t exceptions) {
    struct pk_regs regs;
    struct pk_msg msg;
    memset(&regs, 0, sizeof regs);
    long task = pk_task_create(PK_SLOT_ACCOUNT, 0),
         thread = pk_thread_create((uint64_t)task, &regs, 17);
    bool good = task > 0 && thread > 0 &&
                pk_task_set((uint64_t)task, PK_TASK_EXCEPTION, exceptions) == 0 &&
                pk_thread_resume((uint64_t)thread) == 0 && pk_receive(exceptions, 0, &msg) > 0;
    return good && pk_task_kill((uint64_t)task) == 0 && pk_cap_drop(0, (uint64_t)task) == 0 &&
           pk_cap_drop(0, (uint64_t)thread) == 0;
}

/*
 * The ASIDs run out and are given anew while a thread stays on another hart; a page that is then
 * replaced must be gone there too.
 */
void many_spaces(void) {
    uint64_t exceptions = SLOT(pk_endpoint_create(0)), task = task_sharing();
    uint64_t old = SLOT(pk_object_create(PAGE, 0, 0)), new = SLOT(pk_object_create(PAGE, 0, 0));
    uint64_t flags = PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED, before, after;
    uint64_t at = (uint64_t)pk_map(0, 0, PAGE, flags, old, 0, 0);
    uint64_t thread = thread_run(task, scribble, at, 10);
    unsigned count = tap_harts() > 1 ? 66000 : 1000;
    for (unsigned i = 0; i < count; i++)
        if (!CHECK(use_space(exceptions)))
            break;
    IS(pk_map(0, at, PAGE, flags | PK_MAP_FIXED, new, 0, 0), at);
    IS(pk_object_read(old, 0, &before, 8), 8);
    tap_sleep(20 * MS);
    IS(pk_object_read(old, 0, &after, 8), 8);
    IS(after, before);
    CHECK(tap_reaches((const volatile uint64_t *)at, 1));
    task_end(task);
    drop(thread);
    IS(pk_unmap(0, at, PAGE), 0);
    drop(old);
    drop(new);
    drop(exceptions);
}
