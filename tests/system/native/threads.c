/* SPDX-License-Identifier: MIT */
/* Threads and tasks under control: suspend, registers, copies, ends. Scheduling: threads_run.c. */
#include "threads.h"
#include <string.h>

volatile uint64_t counts[64];

void count_up(uint64_t index) {
    for (;;)
        counts[index] = counts[index] + 1;
}

static void still(uint64_t index) {
    uint64_t before = counts[index];
    tap_sleep(5 * MS);
    IS(counts[index], before);
}

static void suspend_resume(void) {
    uint64_t task = task_sharing(), thread = thread_new(task, count_up, 0, 10);
    counts[0] = 0;
    struct pk_thread_info info;
    IS(pk_thread_info(thread, &info), 0);
    IS(info.state, PK_THREAD_STOPPED);
    IS(info.priority, 10);
    for (unsigned i = 0; i < 30; i++) {
        uint64_t before = counts[0];
        still(0);
        IS(pk_thread_resume(thread), 0);
        IS(pk_thread_resume(thread), 0);
        CHECK(tap_reaches(&counts[0], before + 1000));
        IS(pk_thread_suspend(thread), 0);
        IS(pk_thread_suspend(thread), 0);
        still(0);
    }
    IS(pk_thread_info(thread, &info), 0);
    CHECK(info.user_ns > 0);
    task_end(task);
    IS(pk_thread_info(thread, &info), -ESRCH);
    IS(pk_thread_resume(thread), -ESRCH);
    IS(pk_thread_suspend(thread), -ESRCH);
    drop(thread);
}

/* One thread ends, whatever it does; its task and the others live on. */
static void kill_one(void) {
    uint64_t task = task_sharing(), other = thread_run(task, count_up, 1, 10);
    struct pk_thread_info info;
    for (unsigned i = 0; i < 9; i++) {
        uint64_t thread = thread_new(task, count_up, 0, 10);
        if (i % 3) {
            IS(pk_thread_resume(thread), 0);
            CHECK(tap_reaches(&counts[0], counts[0] + 1000));
        }
        if (i % 3 == 2)
            IS(pk_thread_suspend(thread), 0);
        IS(pk_thread_kill(thread), 0);
        still(0);
        IS(pk_thread_info(thread, &info), -ESRCH);
        IS(pk_thread_kill(thread), -ESRCH);
        drop(thread);
    }
    CHECK(tap_reaches(&counts[1], counts[1] + 1000));
    drop(other);
    task_end(task);
}

/* A loop that touches no memory and holds its registers. */
void register_loop(void);
__asm__(".text\n"
        ".global register_loop\n"
        "register_loop:\n"
        "1:  addi s2, s2, 1\n"
        "    j 1b\n");

static void registers(void) {
    uint64_t task = task_sharing();
    struct pk_regs regs = thread_regs_for((void (*)(uint64_t))register_loop, 0), got;
    for (unsigned i = 1; i < 32; i++)
        regs.x[i] = 0x0101010101010101ull * i;
    regs.x[18] = 0;
    regs.word = 0x1234567890ull;
    uint64_t thread = SLOT(pk_thread_create_in(task_account(task), task, &regs, 10));
    IS(pk_thread_regs(thread, &got, PK_REGS_GET), 0);
    CHECK(!memcmp(&regs, &got, sizeof got));
    IS(pk_thread_resume(thread), 0);
    uint64_t before = 0;
    for (unsigned i = 0; i < 50; i++) {
        tap_sleep(MS / 2);
        IS(pk_thread_regs(thread, &got, PK_REGS_GET), -EBUSY); /* it may run */
        IS(pk_thread_suspend(thread), 0);
        IS(pk_thread_regs(thread, &got, PK_REGS_GET), 0);
        IS(pk_thread_resume(thread), 0);
        CHECK(got.x[18] >= before);
        before = got.x[18];
        CHECK(got.x[0] - (uint64_t)register_loop < 8);
        for (unsigned r = 1; r < 32; r++)
            if (r != 18)
                IS(got.x[r], regs.x[r]);
        IS(got.fp, 0);
    }
    CHECK(before > 1000);
    got.x[18] = 1ull << 40;
    got.x[9] = 99;
    IS(pk_thread_regs(thread, &got, PK_REGS_SET), -EBUSY);
    IS(pk_thread_suspend(thread), 0);
    IS(pk_thread_regs(thread, &got, PK_REGS_SET), 0);
    for (unsigned i = 0; i < 2000 && got.x[18] == 1ull << 40; i++) { /* until it has run */
        IS(pk_thread_resume(thread), 0);
        tap_sleep(5 * MS);
        IS(pk_thread_suspend(thread), 0);
        IS(pk_thread_regs(thread, &got, PK_REGS_GET), 0);
    }
    CHECK(got.x[18] > 1ull << 40 && got.x[9] == 99);
    IS(pk_thread_regs(thread, &got, PK_REGS_SET | PK_REGS_RESTART), -EINVAL); /* in no call */
    IS(pk_thread_regs(thread, &got, 4), -EINVAL);
    task_end(task);
    drop(thread);
}

static volatile long copied_result[2];
static volatile uint64_t copied_word[2], copies_done;

static void copy_me(uint64_t endpoint) {
    struct pk_msg msg = {.label = 1};
    long result = pk_call(endpoint, &msg, 0, 0, 0, 0);
    unsigned i = result == 0;
    copied_result[i] = result;
    copied_word[i] = msg.w[0];
    __atomic_fetch_add(&copies_done, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

/* Killed by the one that it calls, which needs no notice of that. The tokens tell the task's threads apart. */
static void kill_callers(void) {
    uint64_t endpoint = SLOT(pk_endpoint_create(0)), task = task_sharing();
    uint64_t slot = SLOT(pk_cap_copy(endpoint, task, 0, PK_RIGHT_USE, 0)), threads[2];
    struct pk_thread_info info[2];
    struct pk_msg msg;
    for (unsigned i = 0; i < 2; i++) {
        threads[i] = thread_run(task, copy_me, slot, 16);
        IS(pk_thread_info(threads[i], &info[i]), 0);
    }
    CHECK(info[0].id != info[1].id);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t token = (uint64_t)pk_receive(endpoint, 0, &msg);
        IS(msg.label, 1);
        unsigned who = PK_TOKEN_THREAD(token) == info[1].id;
        IS(PK_TOKEN_THREAD(token), info[who].id);
        IS(pk_thread_kill(threads[who]), 0);
        IS(pk_reply(token, 0, &msg, 0), -ESRCH);
        drop(threads[who]);
    }
    IS(pk_receive(endpoint, PK_NONBLOCK, &msg), -EAGAIN);
    task_end(task);
    drop(endpoint);
}

/* A thread's copy comes out of its call with 0 and the word, in a copied address space. */
static void thread_copies(void) {
    uint64_t endpoint = SLOT(pk_endpoint_create(0)), task = task_copy(0);
    uint64_t slot = SLOT(pk_cap_copy(endpoint, task, 0, PK_RIGHT_USE, 0));
    uint64_t thread = thread_run(task, copy_me, slot, 16);
    struct pk_msg msg;
    long token = pk_receive(endpoint, 0, &msg);
    uint64_t twin_task = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    IS(pk_cap_copy(PK_SLOT_ACCOUNT, twin_task, PK_SLOT_ACCOUNT, PK_RIGHT_ALL, 0), PK_SLOT_ACCOUNT);
    IS(pk_task_clone(twin_task, task, 0), 0);
    uint64_t twin = SLOT(pk_thread_copy(thread, twin_task, 4321));
    IS(pk_thread_resume(twin), 0);
    CHECK(thread_becomes(twin, PK_THREAD_WAITING));
    long result[2];
    uint64_t word[2];
    IS(pk_task_copy_in(twin_task, result, (uint64_t)copied_result, sizeof result), sizeof result);
    IS(pk_task_copy_in(twin_task, word, (uint64_t)copied_word, sizeof word), sizeof word);
    IS(result[1], 0);
    IS(word[1], 4321);
    msg.w[0] = 17;
    IS(pk_reply((uint64_t)token, 5, &msg, 0), 0);
    CHECK(thread_becomes(thread, PK_THREAD_WAITING));
    IS(pk_task_copy_in(task, result, (uint64_t)copied_result, sizeof result), sizeof result);
    IS(pk_task_copy_in(task, word, (uint64_t)copied_word, sizeof word), sizeof word);
    IS(result[0], 5);
    IS(word[0], 17);
    IS(word[1], 0);
    task_end(task);
    task_end(twin_task);
    drop(thread);
    drop(twin);
    drop(endpoint);
}

/* Tasks whose threads run, wait, call and receive on all harts are killed. */
static void chatter(uint64_t endpoint) {
    struct pk_msg msg = {.label = 1};
    for (uint64_t i = 0;; i++) {
        counts[2]++;
        if (i % 3)
            pk_may_fail(pk_call(endpoint, &msg, 0, 0, 0, 0)); /* its servers end, too */
        else
            pk_yield();
    }
}

static void answerer(uint64_t endpoint) {
    struct pk_msg msg = {0};
    for (long token = 0;;)
        token = pk_reply_receive(endpoint, token > 0 ? (uint64_t)token : 0, 0, &msg, 0);
}

static void kill_many(void) {
    for (unsigned round = 0; round < 20; round++) {
        uint64_t task = task_sharing(), endpoint = SLOT(pk_endpoint_create(0));
        uint64_t slot = SLOT(pk_cap_copy(endpoint, task, 0, PK_RIGHT_ALL, 0));
        drop(endpoint);
        uint64_t threads[30], before = counts[2];
        tap_reuse_stacks();
        for (unsigned i = 0; i < ARRAY_LENGTH(threads); i++)
            threads[i] = thread_run(task,
                                    i % 5 == 0   ? answerer
                                    : i % 7 == 0 ? count_up
                                                 : chatter,
                                    i % 5 && i % 7 == 0 ? 1 : slot, 5 + i % 3);
        CHECK(tap_reaches(&counts[2], before + 100 * (round % 4)));
        tap_sleep(round % 5 * MS / 2);
        task_end(task);
        for (unsigned i = 0; i < ARRAY_LENGTH(threads); i++)
            drop(threads[i]);
    }
}

/* A task that ends itself while its other threads run; its callers must not wait for ever. */
static void self_kill(uint64_t own_slot) {
    while (counts[3] < 1000)
        ;
    must(pk_task_kill(own_slot));
    counts[4] = 1; /* never */
    worker_rest();
}

static void kill_self(void) {
    for (unsigned round = 0; round < 20; round++) {
        counts[3] = counts[4] = 0;
        uint64_t task = task_sharing(), endpoint = SLOT(pk_endpoint_create(0)), threads[5];
        uint64_t own = SLOT(pk_cap_copy(task, task, 0, PK_RIGHT_ALL, 0));
        for (unsigned i = 0; i < 100; i++) /* the endpoint is not in the first slots */
            SLOT(pk_cap_copy(endpoint, task, 0, PK_RIGHT_USE | PK_RIGHT_GRANT, 0));
        SLOT(pk_cap_copy(endpoint, task, 0, PK_RIGHT_RECEIVE, 0));
        uint64_t call = SLOT(pk_cap_copy(endpoint, 0, 0, PK_RIGHT_USE, 0));
        drop(endpoint);
        for (unsigned i = 0; i < 4; i++)
            threads[i] = thread_run(task, count_up, 3, 10);
        threads[4] = thread_run(task, self_kill, own, 10);
        struct pk_msg msg = {.label = 1};
        IS(pk_call(call, &msg, 0, 0, 0, 0), -EHOSTDOWN);
        IS(counts[4], 0);
        struct pk_task_info info;
        IS(pk_task_info(task, &info), -ESRCH);
        for (unsigned i = 0; i < 5; i++) {
            IS(pk_thread_resume(threads[i]), -ESRCH);
            drop(threads[i]);
        }
        drop(task);
        drop(call);
    }
}

/* Each task's only capability is in the one before; the end of the first ends them all. */
static void task_chain(void) {
    uint64_t first = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0)),
             last = SLOT(pk_cap_copy(first, 0, 0, 31, 0));
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t next = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
        SLOT(pk_cap_copy(next, last, 0, PK_RIGHT_ALL, 0));
        drop(last);
        last = next;
    }
    drop(last);
    drop(first);
}

static void churn_thread(uint64_t unused) {
    (void)unused;
    __atomic_fetch_add(&counts[5], 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

static void churn(void) {
    counts[5] = 0;
    for (uint64_t i = 0; i < 5000; i++) { /* the case runs twice */
        tap_reuse_stacks();
        uint64_t task = i % 8 ? task_sharing() : task_copy(0);
        uint64_t thread = thread_run(task, churn_thread, 0, i % 2 ? 17 : 15);
        task_end(task);
        drop(thread);
    }
}

int main(void) {
    static const struct tap_case cases[] = {
        {"suspend and resume", suspend_resume, false},
        {"one thread ends", kill_one, false},
        {"callers end", kill_callers, false},
        {"registers of a thread", registers, false},
        {"a copied thread", thread_copies, false},
        {"floating-point state of many threads", fp_kept, false},
        {"floating-point state through registers calls", fp_registers, false},
        {"a higher priority runs first", priority_rules, false},
        {"changed priorities count at once", priority_changes, false},
        {"spinners of one priority share the harts", quantum, false},
        {"a woken thread shares a busy hart", woken_shares, false},
        {"yield goes round", yield_round, false},
        {"directed yield", yield_directed, false},
        {"tasks with many threads are killed", kill_many, false},
        {"a task ends itself", kill_self, false},
        {"a chain of tasks goes", task_chain, false},
        {"a waker on another hart", ping_pong, false},
        {"more address spaces than ASIDs", many_spaces, true} /* long: once */,
        {"10,000 tasks and threads come and go", churn, false},
    };
    tap_run(cases, ARRAY_LENGTH(cases));
    return 0;
}
