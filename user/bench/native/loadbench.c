/* SPDX-License-Identifier: MIT */
/*
 * Load for tools/bench --latency, the part that no Linux program can make: thousands of threads, callers,
 * waiters, timers and capabilities that end at once, and calls with the largest arguments. Nothing is
 * measured here. What fails is logged, and the machine stops with status 1.
 */
#include <lib/server.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define THREADS 10000
#define STACK 128
#define CAPS 30000
#define TIMERS 5000
#define PAGE 4096ul
#define BIG (16ul << 20)
#define PRIORITY 16
#define RW (PK_PROT_READ | PK_PROT_WRITE)

/* At the same slots in every task. */
enum { SLOT_FIRST = 10, SLOT_WAKE, SLOT_SECOND };

static _Alignas(16) char stacks[THREADS + 1][STACK];
static uint64_t made[3];
static char buffer[1 << 20];

static _Noreturn void stop(int status) {
    must(pk_machine_stop(boot_cap("machine"), PK_STOP_EXIT, (uint64_t)status));
    server_panic("the machine does not stop");
}

/* A result that may not be an error. */
static uint64_t good(long result, const char *what) {
    if (result < 0) {
        server_log("load: %s: error %ld", what, -result);
        stop(1);
    }
    return (uint64_t)result;
}

static void call_message(uint64_t endpoint) {
    struct pk_msg msg = {.label = 1};
    pk_may_fail(pk_call(endpoint, &msg, 0, 0, 0, 0)); /* the endpoint ends */
}

/* Waits at an endpoint, then at a notification, then at another endpoint, as long as each lasts. */
static _Noreturn void wait_everywhere(void) {
    call_message(SLOT_FIRST);
    pk_may_fail(pk_wait(SLOT_WAKE, 0)); /* and so does this */
    for (;;)
        call_message(SLOT_SECOND);
}

/* Receives and never answers. */
static _Noreturn void keep_waiting(void) {
    struct pk_msg msg;
    for (;;)
        must(pk_receive(SLOT_SECOND, 0, &msg));
}

static uint64_t new_task(void) {
    uint64_t task = good(pk_task_create(PK_SLOT_ACCOUNT, PK_SLOT_SERVER_TASK), "task_create");
    for (unsigned i = 0; i < 3; i++)
        good(pk_cap_copy(made[i], task, SLOT_FIRST + i, PK_RIGHT_ALL, 0), "cap_copy");
    return task;
}

static void start(uint64_t task, void (*entry)(void), unsigned stack, uint64_t priority) {
    static struct pk_regs regs;
    memset(&regs, 0, sizeof regs);
    regs.x[0] = (uint64_t)(uintptr_t)entry;
    regs.x[2] = (uint64_t)(uintptr_t)(stacks[stack] + STACK);
    __asm__("mv %0, gp" : "=r"(regs.x[3]));
    uint64_t thread = good(pk_thread_create(task, &regs, priority), "thread_create");
    good(pk_thread_resume(thread), "thread_resume");
    good(pk_cap_drop(0, thread), "cap_drop");
}

static void drop_everywhere(unsigned i, const uint64_t *tasks) {
    for (unsigned t = 0; t < 2; t++)
        good(pk_cap_drop(tasks[t], SLOT_FIRST + i), "cap_drop");
    good(pk_cap_drop(0, made[i]), "cap_drop");
    pk_yield();
}

static void many_threads(void) {
    made[0] = good(pk_endpoint_create(0), "endpoint_create");
    made[1] = good(pk_notification_create(), "notification_create");
    made[2] = good(pk_endpoint_create(0), "endpoint_create");
    uint64_t tasks[2] = {new_task(), new_task()};
    for (unsigned i = 0; i < THREADS; i++)
        start(tasks[0], wait_everywhere, i, PRIORITY + 1 + i % 8);
    drop_everywhere(0, tasks); /* callers that wait: now they wait at the notification */
    drop_everywhere(1, tasks); /* and now at the second endpoint */
    start(tasks[1], keep_waiting, THREADS, PRIORITY + 20);
    good(pk_task_kill(tasks[1]), "task_kill"); /* which has received all their calls */
    good(pk_task_kill(tasks[0]), "task_kill");
    good(pk_cap_drop(0, made[2]), "cap_drop");
    good(pk_cap_drop(0, tasks[0]), "cap_drop");
    good(pk_cap_drop(0, tasks[1]), "cap_drop");
}

static void many_caps(void) {
    uint64_t task = good(pk_task_create(PK_SLOT_ACCOUNT, 0), "task_create");
    uint64_t object = good(pk_object_create(PAGE, 0, 0), "object_create");
    for (unsigned i = 0; i < CAPS; i++)
        good(pk_cap_copy(object, task, 0, PK_RIGHT_ALL, 0), "cap_copy");
    for (unsigned i = 40; i < CAPS; i++)
        good(pk_cap_drop(task, i), "cap_drop");
    good(pk_cap_copy(object, task, 31, PK_RIGHT_USE, 0) == -EEXIST ? 0 : -EINVAL, "a named slot");
    good(pk_task_kill(task), "task_kill");
    good(pk_cap_drop(0, task), "cap_drop");
    good(pk_cap_drop(0, object), "cap_drop");
}

static void many_timers(void) {
    static uint64_t timers[TIMERS];
    struct pk_machine_info info;
    good(pk_machine_info(&info), "machine_info");
    uint64_t at = info.uptime_ns + 50000000;
    for (unsigned i = 0; i < TIMERS; i++) {
        timers[i] = good(pk_notification_create(), "notification_create");
        good(pk_timer_set(timers[i], 1, at), "timer_set");
    }
    for (unsigned i = 0; i < TIMERS; i += 7) /* some are given up */
        good(pk_timer_set(timers[i], 1, i % 2 ? 0 : at + 1), "timer_set");
    for (unsigned i = 0; i < TIMERS; i++)
        if (i % 7 || i % 2 == 0)
            good(pk_wait(timers[i], 0), "wait");
    for (unsigned i = 0; i < TIMERS; i++)
        good(pk_cap_drop(0, timers[i]), "cap_drop");
}

static void copies(void) {
    for (unsigned shift = 0; shift < 9; shift += 3) { /* upwards and downwards over itself */
        uint64_t length = sizeof buffer - shift, a = (uint64_t)buffer;
        good(pk_task_copy_out(PK_SLOT_SERVER_TASK, a + shift, (void *)a, length), "copy_out");
        good(pk_task_copy_in(PK_SLOT_SERVER_TASK, (void *)a, a + shift, length), "copy_in");
    }
}

static void objects(void) {
    uint64_t source = good(pk_object_create(4 * BIG, 0, 0), "object_create");
    uint64_t sharer = good(pk_object_create(3 * BIG, source, BIG), "object_create");
    uint64_t at = good(pk_map(0, 0, 3 * BIG, RW | PK_MAP_SHARED, sharer, 0, 0), "map");
    for (uint64_t page = at; page < at + 3 * BIG; page += PAGE)
        *(volatile char *)page = 1;
    good(pk_protect(0, at, 3 * BIG, PK_PROT_READ), "protect");
    good(pk_object_resize(sharer, BIG + 5), "object_resize");
    good(pk_unmap(0, at, 3 * BIG), "unmap");
    good(pk_cap_drop(0, sharer), "cap_drop");
    good(pk_cap_drop(0, source), "cap_drop");
}

/* The kernel's own lines: a long one, and that of a thread that nobody looks after. */
static void lines(void) {
    static char line[256];
    memset(line, '.', sizeof line);
    good(pk_log(line, sizeof line), "log");
    uint64_t task = good(pk_task_create(PK_SLOT_ACCOUNT, 0), "task_create");
    char name[16] = "fifteen letters";
    good(pk_task_set(task, PK_TASK_NAME, (uint64_t)name), "task_set");
    start(task, wait_everywhere, 0, PRIORITY + 1); /* which has no memory */
    good(pk_task_kill(task), "task_kill");
    good(pk_cap_drop(0, task), "cap_drop");
}

int main(void) {
    objects();
    many_caps();
    many_timers();
    copies();
    lines();
    many_threads();
    server_log("LOAD done");
    stop(0);
}
