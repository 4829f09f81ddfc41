/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own benchmark rows: the cheapest call, message round trips to a server in another
 * address space, notifications, yield. A native program: `--append native=ipcbench`, or
 * tools/bench. With `row=NAME` and `iterations=N` on the command line, only that. Counts are of rdinstret, exact under -icount; what reading it costs is taken off.
 *
 * The partners run in a task whose address space is a clone of this one.
 */
#include <lib/server.h>
#include <protocol/console_client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP 50
#define ITERATIONS 1000
#define PRIORITY 16
#define STACK 8192

/* Capabilities that both sides use, at the same slots in the partner's table. */
enum { SLOT_SERVE = 10, SLOT_WAKE, SLOT_DONE };

static uint64_t samples[ITERATIONS];
static unsigned iterations = ITERATIONS;
static char only_row[32]; /* empty: all */
static uint64_t endpoint, wake, done;
static char stacks[2][STACK] __attribute__((aligned(16)));
static char buffer[4096];

static inline uint64_t instructions(void) {
    uint64_t n;
    __asm__ volatile("rdinstret %0" : "=r"(n)::"memory");
    return n;
}

static void say(const char *text) {
    size_t length = strlen(text);
    while (length) {
        long n = console_write(boot_cap("console"), text, length);
        if (n == -EAGAIN)
            pk_yield(0);
        if (n > 0) {
            text += n;
            length -= (size_t)n;
        }
    }
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void report(const char *name) {
    char line[160];
    uint64_t sum = 0;
    qsort(samples, iterations, sizeof *samples, compare);
    for (unsigned i = 0; i < iterations; i++)
        sum += samples[i];
    snprintf(line, sizeof line, "BENCH %s instructions %u %lu %lu %lu %lu %lu\n", name, iterations,
             (unsigned long)(sum / iterations), (unsigned long)samples[0],
             (unsigned long)samples[iterations / 2], (unsigned long)samples[iterations * 99 / 100],
             (unsigned long)samples[iterations - 1]);
    say(line);
}

static uint64_t overhead(void) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < WARM_UP; i++) {
        uint64_t start = instructions(), n = instructions() - start;
        least = n < least ? n : least;
    }
    return least;
}

static void measure(const char *name, void (*operation)(void)) {
    if (*only_row && strcmp(only_row, name) != 0)
        return;
    uint64_t cost = overhead();
    for (int i = 0; i < WARM_UP; i++)
        operation();
    for (unsigned i = 0; i < iterations; i++) {
        uint64_t start = instructions();
        operation();
        samples[i] = instructions() - start - cost;
    }
    report(name);
}

/* The server: word 0 of a request says how many bytes of its input buffer to copy. */
static _Noreturn void serve(void) {
    static char copy[4096];
    struct pk_msg msg = {0};
    uint64_t token = 0;
    for (;;) {
        token = (uint64_t)pk_reply_receive(SLOT_SERVE, token, 0, &msg, 0);
        if (msg.label == 2)
            pk_copy_from_caller(token, 0, copy, msg.w[0]);
    }
}

/* The waiter: answers each wake-up by a notification. */
static _Noreturn void wait_loop(void) {
    for (;;) {
        pk_wait(SLOT_WAKE, 0);
        pk_notify(SLOT_DONE, 1);
    }
}

static void null_call(void) {
    pk_call0(PK_FOREIGN_RETURN); /* refused at once: this is no foreign call */
}

static void call_reply_0(void) {
    register uint64_t a0 __asm__("a0") = endpoint;
    register uint64_t a1 __asm__("a1") = 1;
    register uint64_t a7 __asm__("a7") = (uint64_t)PK_CALL;
    register uint64_t t2 __asm__("t2") = 0;
    register uint64_t t4 __asm__("t4") = 0;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a7), "+r"(t2), "+r"(t4)
                     :
                     : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "t3", "t5", PK_CLOBBERS);
}

static void call_reply_4(void) {
    struct pk_msg msg = {.label = 1, .w = {1, 2, 3, 4}};
    pk_call(endpoint, &msg, 0, 0, 0, 0);
}

static void call_with_buffer(uint64_t length) {
    struct pk_msg msg = {.label = 2, .w = {length}};
    pk_call(endpoint, &msg, buffer, length, 0, 0);
}

static void call_reply_64b(void) {
    call_with_buffer(64);
}
static void call_reply_512b(void) {
    call_with_buffer(512);
}
static void call_reply_4096b(void) {
    call_with_buffer(4096);
}

static void notify_rt(void) {
    pk_notify(wake, 1);
    pk_wait(done, 0);
}

static void notify_idle(void) {
    pk_notify(done, 1);
}

static void yield(void) {
    pk_yield(0);
}

static long start(uint64_t task, void (*entry)(void), char *stack, uint64_t priority) {
    static struct pk_regs regs;
    memset(&regs, 0, sizeof regs);
    regs.x[0] = (uint64_t)(uintptr_t)entry;
    regs.x[2] = (uint64_t)(uintptr_t)stack + STACK;
    long thread = pk_thread_create(task, &regs, priority);
    return thread < 0 ? thread : pk_thread_resume((uint64_t)thread);
}

static _Noreturn void spin_yielding(void) {
    for (;;)
        pk_yield(0);
}

static long setup(void) {
    long made[3] = {pk_endpoint_create(0), pk_notification_create(), pk_notification_create()};
    long task = pk_task_create(0, 0);
    if (made[0] < 0 || made[1] < 0 || made[2] < 0 || task < 0)
        return -ENOMEM;
    endpoint = (uint64_t)made[0];
    wake = (uint64_t)made[1];
    done = (uint64_t)made[2];
    long error = pk_task_clone((uint64_t)task, PK_SLOT_SERVER_TASK, PK_CLONE_COPY);
    for (unsigned i = 0; error >= 0 && i < 3; i++)
        error = pk_cap_copy((uint64_t)made[i], (uint64_t)task, SLOT_SERVE + i, PK_RIGHT_ALL, 0);
    if (error >= 0)
        error = start((uint64_t)task, serve, stacks[0], PRIORITY);
    if (error >= 0)
        error = start((uint64_t)task, wait_loop, stacks[1], PRIORITY + 1);
    return error;
}

static void read_options(void) {
    char number[8];
    command_line_get("row", only_row, sizeof only_row);
    if (command_line_get("iterations", number, sizeof number) > 0)
        iterations = (unsigned)strtoul(number, 0, 10);
    if (iterations < 1 || iterations > ITERATIONS)
        iterations = ITERATIONS;
}

int main(void) {
    read_options();
    memset(buffer, 1, sizeof buffer); /* pages of its own, as messages have */
    long error = setup();
    if (error < 0) {
        server_log("setup: error %ld", -error);
        pk_machine_stop(boot_cap("machine"), PK_STOP_EXIT, 1);
    }
    measure("null_call", null_call);
    measure("call_reply_0", call_reply_0);
    measure("call_reply_4", call_reply_4);
    measure("call_reply_64b", call_reply_64b);
    measure("call_reply_512b", call_reply_512b);
    measure("call_reply_4096b", call_reply_4096b);
    measure("notify_rt", notify_rt);
    measure("notify_idle", notify_idle);
    pk_wait(done, PK_NONBLOCK);
    static char spinner_stack[STACK] __attribute__((aligned(16)));
    start(PK_SLOT_SERVER_TASK, spin_yielding, spinner_stack, PRIORITY);
    measure("yield_pair", yield);
    while (console_drain(boot_cap("console")) == -EAGAIN)
        pk_yield(0);
    pk_machine_stop(boot_cap("machine"), PK_STOP_EXIT, 0);
    return 0;
}
