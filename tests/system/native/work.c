/* SPDX-License-Identifier: MIT */
/* Tasks and threads that the cases make, and time (tap.h). */
#include "tap.h"
#include <string.h>

#define STACKS 256
#define STACK_SIZE 8192
#define PATIENCE (10000 * MS)

static _Alignas(PAGE) unsigned char stacks[STACKS][STACK_SIZE];
static unsigned next_stack;
static uint64_t sleeper; /* a notification */

void tap_reuse_stacks(void) {
    next_stack = 0;
}

uint64_t tap_time_ns(void) {
    uint64_t ticks, hz = boot_info->timebase_hz;
    __asm__ volatile("rdtime %0" : "=r"(ticks));
    return ticks / hz * 1000000000 + ticks % hz * 1000000000 / hz;
}

unsigned tap_harts(void) {
    struct pk_machine_info info;
    return pk_machine_info(&info) < 0 ? 1 : (unsigned)info.harts;
}

void tap_sleep(uint64_t ns) {
    if (!sleeper)
        sleeper = (uint64_t)pk_notification_create();
    must(pk_timer_set(sleeper, 1, tap_time_ns() + ns));
    must(pk_wait(sleeper, 0));
}

bool tap_reaches(const volatile uint64_t *word, uint64_t value) {
    uint64_t end = tap_time_ns() + PATIENCE;
    while (*word < value) {
        if (tap_time_ns() > end)
            return false;
        tap_sleep(MS);
    }
    return true;
}

/* splitmix64 */
long tap_call(long number, uint64_t x[13]) {
    register uint64_t a0 __asm__("a0") = x[0];
    register uint64_t a1 __asm__("a1") = x[1];
    register uint64_t a2 __asm__("a2") = x[2];
    register uint64_t a3 __asm__("a3") = x[3];
    register uint64_t a4 __asm__("a4") = x[4];
    register uint64_t a5 __asm__("a5") = x[5];
    register uint64_t a6 __asm__("a6") = x[6];
    register long a7 __asm__("a7") = number;
    register uint64_t t0 __asm__("t0") = x[7];
    register uint64_t t1 __asm__("t1") = x[8];
    register uint64_t t2 __asm__("t2") = x[9];
    register uint64_t t3 __asm__("t3") = x[10];
    register uint64_t t4 __asm__("t4") = x[11];
    register uint64_t t5 __asm__("t5") = x[12];
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6),
                       "+r"(a7), "+r"(t0), "+r"(t1), "+r"(t2), "+r"(t3), "+r"(t4), "+r"(t5)
                     :
                     : "t6", "ra", "memory");
    x[1] = a1;
    return (long)a0;
}

uint64_t tap_random(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/* Accounts of tasks that have one of their own; all others are in this program's. */
#define LIMITED 16
static struct { uint64_t task, account; } limited[LIMITED];

static unsigned limited_at(uint64_t task) {
    unsigned i = 0;
    while (i < LIMITED && limited[i].task != task)
        i++;
    return i;
}

uint64_t task_account(uint64_t task) {
    unsigned i = limited_at(task);
    return task && i < LIMITED ? limited[i].account : PK_SLOT_ACCOUNT;
}

/* So that it can make things of its own; without a kernel call that would need memory. */
static uint64_t task_with_account(uint64_t account, uint64_t sharing) {
    uint64_t task = SLOT(pk_task_create(account, sharing));
    IS(pk_cap_copy(account, task, PK_SLOT_ACCOUNT, PK_RIGHT_ALL, 0), PK_SLOT_ACCOUNT);
    return task;
}

uint64_t task_sharing(void) {
    return task_with_account(PK_SLOT_ACCOUNT, PK_SLOT_SERVER_TASK);
}

uint64_t account_new(uint64_t parent, uint64_t pages) {
    return SLOT(pk_account_create(parent, pages * PAGE, PK_ACCOUNT_RESERVED, 7, 63));
}

uint64_t task_copy(uint64_t quota) {
    uint64_t account = quota ? account_new(PK_SLOT_ACCOUNT, quota) : PK_SLOT_ACCOUNT;
    uint64_t task = task_with_account(account, 0);
    IS(pk_task_clone(task, PK_SLOT_SERVER_TASK, 0), 0);
    unsigned i = limited_at(0);
    if (quota && CHECK(i < LIMITED)) {
        limited[i].task = task;
        limited[i].account = account;
    }
    return task;
}

/* Memory that is there before a thread uses it: whether it comes so far must not show in the counters. */
static unsigned char *stack_top(void) {
    unsigned char *stack = stacks[next_stack++];
    for (unsigned at = 0; at < STACK_SIZE; at += PAGE)
        *(volatile unsigned char *)&stack[at] = 0;
    return stack + STACK_SIZE;
}

struct pk_regs thread_regs_for(void (*entry)(uint64_t), uint64_t argument) {
    struct pk_regs regs;
    memset(&regs, 0, sizeof regs);
    if (next_stack == STACKS)
        server_panic("a test uses too many stacks");
    regs.x[0] = (uint64_t)entry;
    regs.x[2] = (uint64_t)stack_top();
    __asm__("mv %0, gp" : "=r"(regs.x[3]));
    __asm__("mv %0, tp" : "=r"(regs.x[4]));
    regs.x[10] = argument;
    return regs;
}

uint64_t thread_new(uint64_t task, void (*entry)(uint64_t), uint64_t argument, unsigned priority) {
    struct pk_regs regs = thread_regs_for(entry, argument);
    return SLOT(pk_thread_create_in(task_account(task), task, &regs, priority));
}

uint64_t thread_run(uint64_t task, void (*entry)(uint64_t), uint64_t argument, unsigned priority) {
    uint64_t thread = thread_new(task, entry, argument, priority);
    IS(pk_thread_resume(thread), 0);
    return thread;
}

_Noreturn void worker_rest(void) {
    for (;;) {
        long n = pk_notification_create();
        pk_may_fail(pk_wait((uint64_t)n, 0)); /* there may be no memory for one */
    }
}

void task_end(uint64_t task) {
    unsigned i = limited_at(task);
    IS(pk_task_kill(task), 0);
    drop(task);
    if (i < LIMITED) {
        limited[i].task = 0;
        drop(limited[i].account);
    }
}

void give_same(uint64_t task, uint64_t slot) {
    IS(pk_cap_copy(slot, task, slot, PK_RIGHT_ALL, 0), slot);
}

void drop(uint64_t slot) {
    IS(pk_cap_drop(0, slot), 0);
}

bool task_is_gone(uint64_t task) {
    struct pk_task_info info;
    for (uint64_t end = tap_time_ns() + PATIENCE; tap_time_ns() < end; tap_sleep(MS / 2))
        if (pk_task_info(task, &info) == -ESRCH)
            return true;
    return false;
}

bool thread_becomes(uint64_t thread, uint32_t state) {
    struct pk_thread_info info;
    for (uint64_t end = tap_time_ns() + PATIENCE; tap_time_ns() < end; tap_sleep(MS / 2))
        if (pk_thread_info(thread, &info) < 0 || info.state == state)
            return info.state == state;
    return false;
}
