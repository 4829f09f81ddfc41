/* SPDX-License-Identifier: MIT */
/*
 * What once broke the kernel or let one program harm another, each in its smallest form. Those in memory are in
 * integrity_memory.c; where accounts have to do with it, in memory_share.c.
 */
#include "integrity.h"
#include <string.h>

/* Who hands its badge on by an exception endpoint must be allowed to: others' faults come with it. */
static void exception_rights(void) {
    uint64_t endpoint = SLOT(pk_endpoint_create(0)),
             task = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    uint64_t call = SLOT(pk_cap_copy(endpoint, 0, 0, PK_RIGHT_USE, 7));
    uint64_t grant = SLOT(pk_cap_copy(endpoint, 0, 0, PK_RIGHT_GRANT, 7));
    uint64_t both = SLOT(pk_cap_copy(endpoint, 0, 0, PK_RIGHT_USE | PK_RIGHT_GRANT, 7));
    IS(pk_task_set(task, PK_TASK_EXCEPTION, call), -EPERM);
    IS(pk_task_set(task, PK_TASK_EXCEPTION, grant), -EPERM);
    IS(pk_task_set(task, PK_TASK_EXCEPTION, both), 0);
    struct pk_regs regs = {.x = {PAGE}};
    uint64_t thread = SLOT(pk_thread_create(task, &regs, 1));
    IS(pk_thread_resume(thread), 0);
    struct pk_msg msg;
    CHECK(pk_receive(endpoint, 0, &msg) > 0);
    IS(msg.badge, 7);
    task_end(task);
    drop(thread);
    drop(call);
    drop(grant);
    drop(both);
    drop(endpoint);
}

/* The low slots belong to those who name them, however many others are handed out. */
static void named_slots(void) {
    uint64_t task = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    uint64_t object = SLOT(pk_object_create(PAGE, 0, 0));
    for (unsigned i = 0; i < 300; i++) {
        long slot = pk_cap_copy(object, task, 0, PK_RIGHT_ALL, 0);
        CHECK(slot >= PK_SLOT_FIRST_FREE);
        if (i % 7 == 0)
            IS(pk_cap_drop(task, (uint64_t)slot), 0);
    }
    for (uint64_t slot = 1; slot < PK_SLOT_FIRST_FREE; slot++)
        IS(pk_cap_copy(object, task, slot, PK_RIGHT_ALL, 0), slot);
    for (uint64_t slot = 1; slot < PK_SLOT_FIRST_FREE; slot++) {
        IS(pk_cap_copy(object, task, slot, PK_RIGHT_ALL, 0), -EEXIST);
        IS(pk_cap_drop(task, slot), 0);
        CHECK(pk_cap_copy(object, task, 0, PK_RIGHT_ALL, 0) >= PK_SLOT_FIRST_FREE);
    }
    drop(object);
    task_end(task);
}

static uint64_t called;

static void caller(uint64_t index) {
    struct pk_msg msg = {.label = 1, .w = {index}};
    pk_may_fail(pk_call(called, &msg, 0, 0, 0, 0)); /* until the server goes */
    worker_rest();
}

static uint64_t next_caller(uint64_t endpoint) {
    struct pk_msg msg;
    long token = pk_receive(endpoint, PK_NONBLOCK, &msg);
    if (!CHECK(token > 0))
        return ~0ull;
    IS(pk_reply((uint64_t)token, 0, &msg, 0), 0);
    return msg.w[0];
}

/* A caller whose priority changes while it waits takes the place that it has now: behind its equals. */
static void queued_priority(void) {
    enum { CALLERS = 5 };
    static const unsigned changed[CALLERS] = {13, 11, 13, 12, 11}; /* caller n had 10 + n */
    static const uint64_t order[CALLERS] = {0, 2, 3, 1, 4};
    uint64_t endpoint = SLOT(pk_endpoint_create(0)), task = task_sharing(), threads[CALLERS];
    called = SLOT(pk_cap_copy(endpoint, task, 0, PK_RIGHT_USE, 0));
    for (unsigned i = 0; i < CALLERS; i++) {
        threads[i] = thread_run(task, caller, i, 10 + i);
        CHECK(thread_becomes(threads[i], PK_THREAD_CALLING));
    }
    for (unsigned i = 0; i < CALLERS; i++)
        IS(pk_thread_priority(threads[i], changed[i]), 0);
    for (unsigned i = 0; i < CALLERS; i++)
        IS(next_caller(endpoint), order[i]);
    task_end(task);
    for (unsigned i = 0; i < CALLERS; i++)
        drop(threads[i]);
    drop(endpoint);
}

/* The machine's clock, which raises an interrupt at a time that it is told (Goldfish RTC). */
#define RTC 0x101000
#define RTC_LINE 11
enum {
    TIME_LOW,
    TIME_HIGH,
    ALARM_LOW,
    ALARM_HIGH,
    IRQ_ENABLED,
    CLEAR_ALARM,
    ALARM_STATUS,
    CLEAR_INTERRUPT
};

static void ring(volatile uint32_t *rtc) {
    uint64_t now = rtc[TIME_LOW];
    now |= (uint64_t)rtc[TIME_HIGH] << 32;
    now += 2 * MS;
    rtc[IRQ_ENABLED] = 1;
    rtc[ALARM_HIGH] = (uint32_t)(now >> 32);
    rtc[ALARM_LOW] = (uint32_t)now;
}

/* A driver ends with an interrupt in hand: the next one hears of those to come. */
static void claimed_irq(void) {
    uint64_t machine = boot_cap("machine"), bell = SLOT(pk_notification_create());
    uint64_t device = SLOT(pk_object_device(machine, RTC, PAGE));
    volatile uint32_t *rtc = (void *)SLOT(pk_map(0, 0, PAGE, RW | PK_MAP_SHARED, device, 0, 0));
    for (unsigned driver = 0; driver < 3; driver++) {
        uint64_t irq = SLOT(pk_irq_create(machine, RTC_LINE));
        IS(pk_irq_bind(irq, bell, 1), 0);
        ring(rtc);
        IS(pk_wait(bell, 0), 1);
        rtc[CLEAR_INTERRUPT] = 1;
        drop(irq);
    }
    rtc[IRQ_ENABLED] = 0;
    IS(pk_unmap(0, (uint64_t)rtc, PAGE), 0);
    drop(device);
    drop(bell);
}

/*
 * What a program can bring onto the console: nothing without the machine, and no line of its own making. The test
 * itself fails if the console says what a panic says.
 */
static void forged_lines(void) {
    static const char text[] = "\nPANIC: forged by log()\n\r\x1b[2J";
    static const char name[16] = "\nPANIC: forged\n";
    uint64_t looks = SLOT(pk_cap_copy(boot_cap("machine"), 0, 0, PK_RIGHT_GRANT, 0));
    IS(pk_call6(PK_LOG, looks, (uint64_t)text, sizeof text, 0, 0, 0), -EPERM);
    IS(pk_call6(PK_LOG, PK_SLOT_ACCOUNT, (uint64_t)text, sizeof text, 0, 0, 0), -EINVAL);
    IS(pk_log(text, sizeof text), 0);
    uint64_t task = SLOT(pk_task_create(PK_SLOT_ACCOUNT, 0));
    IS(pk_task_set(task, PK_TASK_NAME, (uint64_t)name), 0);
    struct pk_regs regs = {.x = {PAGE}};
    uint64_t thread = SLOT(pk_thread_create(task, &regs, 1));
    IS(pk_thread_resume(thread),
       0); /* it faults, and nobody answers: a line with the task's name */
    CHECK(thread_becomes(thread, PK_THREAD_STOPPED));
    task_end(task);
    drop(thread);
    drop(looks);
}

int main(void) {
    static const struct tap_case cases[] = {
        {"an exception endpoint is handed on by who may", exception_rights, false},
        {"named slots are never handed out", named_slots, false},
        {"a queued caller whose priority changes moves", queued_priority, false},
        {"an interrupt that its driver left unanswered", claimed_irq, false},
        {"no program writes lines of its own on the console", forged_lines, false},
        {"a clone into what had been used and emptied", clone_into_emptied, false},
        {"nobody maps into a clone that is being made", clone_disturbed, false},
        {"frames are free when no hart remembers them", freed_frames, false},
        {"code that was rewritten runs on all harts", code_synced, false},
    };
    tap_run(cases, ARRAY_LENGTH(cases));
    return 0;
}
