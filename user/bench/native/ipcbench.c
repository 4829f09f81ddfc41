/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own benchmark rows: the cheapest call, message round trips to a server in another
 * address space, notifications, yield. A native program: `--append native=ipcbench`, or
 * tools/bench. With `row=NAME` and `iterations=N` on the command line, only that; `row=list` names
 * the rows. Counts are of rdinstret, exact under -icount; what reading it costs is taken off. With
 * `counter=time` they are nanoseconds instead, as fine as the machine's time counter.
 *
 * The partners run in a task whose address space is a clone of this one.
 */
#include <lib/server.h>
#include <protocol/console_client.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP 50
#define ITERATIONS 1000
#define PRIORITY 16
#define STACK 8192
#define MAX_BUFFER 65536
#define MANY_ENDPOINTS 10000
#define MANY_TIMERS 100000
#define MAX_YIELDERS 4096
#define YIELDER_STACK 256

/* Capabilities that both sides use, at the same slots in the partner's table. */
enum { SLOT_SERVE = 10, SLOT_WAKE, SLOT_DONE };

static uint64_t samples[ITERATIONS];
static unsigned iterations = ITERATIONS;
static char only_row[32]; /* empty: all */
static uint64_t endpoint, wake, done;
static char stacks[2][STACK] __attribute__((aligned(16)));
static char buffer[MAX_BUFFER] __attribute__((aligned(4096)));
static bool use_time;
static uint64_t ns_per_tick;

struct row {
    const char *name;
    void (*run)(void);
    long (*setup)(void);
    unsigned yielders; /* not 0: the cost of a yield with so many runnable threads */
};

static inline uint64_t instructions(void) {
    uint64_t n;
    if (__builtin_expect(use_time, 0))
        __asm__ volatile("rdtime %0" : "=r"(n)::"memory");
    else
        __asm__ volatile("rdinstret %0" : "=r"(n)::"memory");
    return n;
}

static void say(const char *text) {
    size_t length = strlen(text);
    while (length) {
        long n = console_write(boot_cap("console"), text, length);
        if (n == -EAGAIN)
            pk_yield();
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
    for (unsigned i = 0; use_time && i < iterations; i++)
        samples[i] *= ns_per_tick;
    qsort(samples, iterations, sizeof *samples, compare);
    for (unsigned i = 0; i < iterations; i++)
        sum += samples[i];
    snprintf(line, sizeof line, "BENCH %s %s %u %lu %lu %lu %lu %lu\n", name,
             use_time ? "ns" : "instructions", iterations, (unsigned long)(sum / iterations),
             (unsigned long)samples[0], (unsigned long)samples[iterations / 2],
             (unsigned long)samples[iterations * 99 / 100], (unsigned long)samples[iterations - 1]);
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

static void measure(const struct row *row) {
    void (*run)(void) = row->run;
    uint64_t cost = overhead();
    for (int i = 0; i < WARM_UP; i++)
        run();
    for (unsigned i = 0; i < iterations; i++) {
        uint64_t start = instructions();
        run();
        uint64_t one = instructions() - start;
        samples[i] = one > cost ? one - cost : 0;
    }
    report(row->name);
}

/*
 * In what is measured no result is looked at, which would be measured, too: setup has tried each of these calls.
 *
 * The server: word 0 of a request says how many bytes of its input buffer to copy.
 */
static _Noreturn void serve(void) {
    static char copy[MAX_BUFFER] __attribute__((aligned(4096)));
    struct pk_msg msg = {0};
    uint64_t token = 0;
    for (;;) {
        token = (uint64_t)pk_reply_receive(SLOT_SERVE, token, 0, &msg, 0);
        if (msg.label == 2)
            pk_may_fail(pk_copy_from_caller(token, 0, copy, msg.w[0]));
    }
}

/* The waiter: answers each wake-up by a notification. */
static _Noreturn void wait_loop(void) {
    for (;;) {
        pk_may_fail(pk_wait(SLOT_WAKE, 0));
        pk_may_fail(pk_notify(SLOT_DONE, 1));
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
    pk_may_fail(pk_call(endpoint, &msg, 0, 0, 0, 0));
}

static void call_with_buffer(uint64_t length) {
    struct pk_msg msg = {.label = 2, .w = {length}};
    pk_may_fail(pk_call(endpoint, &msg, buffer, length, 0, 0));
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

static void send_256(void) {
    call_with_buffer(256);
}
static void send_4k(void) {
    call_with_buffer(4096);
}
static void send_64k(void) {
    call_with_buffer(65536);
}

static void notify_rt(void) {
    pk_may_fail(pk_notify(wake, 1));
    pk_may_fail(pk_wait(done, 0));
}

static void notify_idle(void) {
    pk_may_fail(pk_notify(done, 1));
}

static void yield(void) {
    pk_yield();
}

/* The thread's slot, or an error. */
static long start_with_stack(uint64_t task, void (*entry)(void), char *end, uint64_t priority) {
    static struct pk_regs regs;
    memset(&regs, 0, sizeof regs);
    regs.x[0] = (uint64_t)(uintptr_t)entry;
    regs.x[2] = (uint64_t)(uintptr_t)end;
    __asm__("mv %0, gp" : "=r"(regs.x[3]));
    long thread = pk_thread_create(task, &regs, priority);
    long error = thread < 0 ? thread : pk_thread_resume((uint64_t)thread);
    return error < 0 ? error : thread;
}

static long start(uint64_t task, void (*entry)(void), char *stack, uint64_t priority) {
    return start_with_stack(task, entry, stack + STACK, priority);
}

static _Noreturn void spin_yielding(void) {
    for (;;)
        pk_yield();
}

static uint64_t spinner;

static long start_spinner(void) {
    static char stack[STACK] __attribute__((aligned(16)));
    pk_may_fail(pk_wait(done, PK_NONBLOCK)); /* what notify_idle may have left */
    long thread = start(PK_SLOT_SERVER_TASK, spin_yielding, stack, PRIORITY);
    if (thread > 0)
        spinner = (uint64_t)thread;
    return thread;
}

static long many_endpoints(void) {
    long error = 0;
    for (unsigned i = 0; i < MANY_ENDPOINTS && error >= 0; i++)
        error = pk_endpoint_create(0);
    return error;
}

/* timer_set: a timer is set to a time among those of others, 0 or very many, which come a minute later or more. */
#define MINUTE_NS 60000000000ull
#define BETWEEN_NS 1000000ull
static uint64_t timer_count = 1;

static void set_timer(void) {
    static uint64_t at;
    at = (at * 6364136223846793005ull + 1442695040888963407ull);
    pk_may_fail(pk_timer_set(done, 1, MINUTE_NS + (at >> 20) % (timer_count * BETWEEN_NS)));
}

static long many_timers(void) {
    long error = 0;
    for (timer_count = 0; timer_count < MANY_TIMERS && error >= 0; timer_count++) {
        long slot = pk_notification_create();
        error =
            slot < 0 ? slot : pk_timer_set((uint64_t)slot, 1, MINUTE_NS + timer_count * BETWEEN_NS);
    }
    return error;
}

/*
 * yield_N: N threads of one address space yield in turn, and each counts from the last one's
 * reading to its own: one switch. They are never taken away, as the rows come in rising order.
 */
static struct {
    uint64_t last, cost;
    unsigned threads, skip, taken;
} turns;
static char yielder_stacks[MAX_YIELDERS][YIELDER_STACK] __attribute__((aligned(16)));

static inline void take_turn(void) {
    pk_yield();
    uint64_t one = instructions() - turns.last;
    if (turns.taken >= turns.skip && turns.taken - turns.skip < iterations)
        samples[turns.taken - turns.skip] = one > turns.cost ? one - turns.cost : 0;
    turns.taken++;
    turns.last = instructions();
}

static _Noreturn void yield_in_turn(void) {
    for (;;)
        take_turn();
}

static long measure_turns(const struct row *row) {
    if (spinner)
        must(pk_thread_suspend(spinner));
    for (; turns.threads + 1 < row->yielders; turns.threads++) {
        char *stack = yielder_stacks[turns.threads];
        stack[YIELDER_STACK - 1] = 0; /* no page fault in what is measured */
        long thread =
            start_with_stack(PK_SLOT_SERVER_TASK, yield_in_turn, stack + YIELDER_STACK, PRIORITY);
        if (thread < 0)
            return thread;
    }
    turns.cost = overhead();
    turns.skip = 2 * row->yielders; /* rounds in which threads start */
    turns.taken = 0;
    while (turns.taken < turns.skip + iterations)
        take_turn();
    report(row->name);
    return 0;
}

/* Each kind of call once, before it is measured. */
static long try_calls(void) {
    struct pk_msg msg = {.label = 1}, copied = {.label = 2, .w = {sizeof buffer}};
    long error = pk_call(endpoint, &msg, 0, 0, 0, 0);
    if (error >= 0)
        error = pk_call(endpoint, &copied, buffer, sizeof buffer, 0, 0);
    if (error >= 0)
        error = pk_notify(wake, 1);
    return error < 0 ? error : pk_wait(done, 0);
}

static long setup(void) {
    long made[3] = {pk_endpoint_create(0), pk_notification_create(), pk_notification_create()};
    long task = pk_task_create(PK_SLOT_ACCOUNT, 0);
    if (made[0] < 0 || made[1] < 0 || made[2] < 0 || task < 0)
        return -ENOMEM;
    endpoint = (uint64_t)made[0];
    wake = (uint64_t)made[1];
    done = (uint64_t)made[2];
    long error = pk_task_clone((uint64_t)task, PK_SLOT_SERVER_TASK, 0);
    for (unsigned i = 0; error >= 0 && i < 3; i++)
        error = pk_cap_copy((uint64_t)made[i], (uint64_t)task, SLOT_SERVE + i, PK_RIGHT_ALL, 0);
    if (error >= 0)
        error = start((uint64_t)task, serve, stacks[0], PRIORITY);
    if (error >= 0)
        error = start((uint64_t)task, wait_loop, stacks[1], PRIORITY + 1);
    return error < 0 ? error : try_calls();
}

static const struct row rows[] = {
    {.name = "null_call", .run = null_call},
    {.name = "call_reply_0", .run = call_reply_0},
    {.name = "call_reply_4", .run = call_reply_4},
    {.name = "call_reply_64b", .run = call_reply_64b},
    {.name = "call_reply_512b", .run = call_reply_512b},
    {.name = "call_reply_4096b", .run = call_reply_4096b},
    {.name = "send_256", .run = send_256},
    {.name = "send_4k", .run = send_4k},
    {.name = "send_64k", .run = send_64k},
    {.name = "notify_rt", .run = notify_rt},
    {.name = "notify_idle", .run = notify_idle},
    {.name = "call_10000_endpoints", .run = call_reply_0, .setup = many_endpoints},
    {.name = "timer_set", .run = set_timer},
    {.name = "timer_set_100000", .run = set_timer, .setup = many_timers},
    {.name = "yield_pair", .run = yield, .setup = start_spinner},
    {.name = "yield_2", .yielders = 2},
    {.name = "yield_64", .yielders = 64},
    {.name = "yield_512", .yielders = 512},
    {.name = "yield_4096", .yielders = MAX_YIELDERS},
};

static void run_row(const struct row *row) {
    long error = row->setup ? row->setup() : 0;
    if (error >= 0 && row->yielders)
        error = measure_turns(row);
    else if (error >= 0)
        measure(row);
    if (error < 0)
        server_log("%s: error %ld", row->name, -error);
}

static void list_rows(void) {
    char line[64];
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(line, sizeof line, "%s\n", rows[i].name);
        say(line);
    }
}

static void read_options(void) {
    char number[8];
    char counter[8];
    command_line_get("row", only_row, sizeof only_row);
    if (command_line_get("iterations", number, sizeof number) > 0)
        iterations = (unsigned)strtoul(number, 0, 10);
    if (iterations < 1 || iterations > ITERATIONS)
        iterations = ITERATIONS;
    if (command_line_get("counter", counter, sizeof counter) > 0)
        use_time = !strcmp(counter, "time");
    struct pk_machine_info machine;
    if (use_time && pk_machine_info(&machine) >= 0 && machine.timebase_hz)
        ns_per_tick = 1000000000u / machine.timebase_hz;
}

int main(void) {
    read_options();
    memset(buffer, 1, sizeof buffer); /* pages of its own, as messages have */
    long error = setup();
    if (error < 0) {
        server_log("setup: error %ld", -error);
        must(pk_machine_stop(boot_cap("machine"), PK_STOP_EXIT, 1));
    }
    if (!strcmp(only_row, "list"))
        list_rows();
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!*only_row || !strcmp(only_row, rows[i].name))
            run_row(&rows[i]);
    while (console_drain(boot_cap("console")) == -EAGAIN)
        pk_yield();
    must(pk_machine_stop(boot_cap("machine"), PK_STOP_EXIT, 0));
    return 0;
}
