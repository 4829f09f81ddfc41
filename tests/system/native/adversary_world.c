/* SPDX-License-Identifier: MIT */
/* The adversary's worlds: how one is made, kept going, and ended. */
#include "adversary.h"
#include <string.h>

#define TICK (MS / 2)
#define TICKS 1000       /* a world's longest life; on a machine that is kept busy */
#define LIFE (4000 * MS) /* a tick may take long: then it is this */
#define CHECK_TICKS 80   /* how often the kernel is looked through */
#define NUDGE_TICKS 4    /* without a call */
#define STUCK_TICKS 20
#define WORLD_PAGES 2300 /* all that it may use */

static struct world {
    uint64_t account;         /* around all others; nobody in it has it */
    uint64_t accounts[TASKS]; /* of the tasks; two are the same one */
    uint64_t tasks[TASKS], threads[WORKERS];
    uint64_t things[KINDS][3]; /* endpoints, notifications, objects: all tasks have them */
    uint64_t badged[TASKS];    /* the tasks' capabilities to the next */
    uint64_t exceptions;       /* the director's */
    uint64_t seen[WORKERS], stuck[WORKERS]; /* calls at the last tick, ticks since without any */
    uint64_t random;
} world;

/* The first task's memory is a copy of this program's, the second has the same, the third a copy of that, the
 * last a copy of this program's again, in an account that others may take memory from. */
static void make_tasks(void) {
    uint64_t a = SLOT(pk_account_create(world.account, 500 * PAGE, PK_ACCOUNT_RESERVED, 1, 15));
    uint64_t b = SLOT(pk_account_create(world.account, 400 * PAGE, 0, 2, 15));
    uint64_t c = SLOT(pk_account_create(b, 300 * PAGE, 0, 3, 14));
    const uint64_t accounts[TASKS] = {a, a, b, c};
    memcpy(world.accounts, accounts, sizeof accounts);
    for (unsigned i = 0; i < TASKS; i++) {
        world.tasks[i] = SLOT(pk_task_create(accounts[i], i == 1 ? world.tasks[0] : 0));
        if (i != 1)
            IS(pk_task_clone(world.tasks[i], i == 2 ? world.tasks[0] : PK_SLOT_SERVER_TASK, 0), 0);
        world.badged[i] = SLOT(pk_cap_copy(world.exceptions, 0, 0, PK_RIGHT_ALL, i + 1));
        IS(pk_task_set(world.tasks[i], PK_TASK_EXCEPTION, world.badged[i]), 0);
    }
}

static void make_things(void) {
    uint64_t *objects = world.things[OBJECT];
    objects[0] = SLOT(pk_object_create_for(world.accounts[0], 20 * PAGE, 0, 0));
    objects[1] = SLOT(pk_object_create_for(world.accounts[2], 12 * PAGE, objects[0], 4 * PAGE));
    objects[2] = SLOT(pk_object_create_for(world.account, 700 * PAGE, 0, 0));
    for (uint64_t page = 0; page < MEGAPAGE / PAGE; page++) /* there a megapage fits */
        IS(pk_object_write(objects[2], page * PAGE, &page, 8), 8);
    for (unsigned i = 0; i < 3; i++) {
        world.things[NOTIFICATION][i] = SLOT(pk_notification_create());
        world.things[ENDPOINT][i] = SLOT(pk_endpoint_create(i ? 0 : world.things[NOTIFICATION][0]));
    }
}

static uint64_t give(uint64_t task, uint64_t slot) {
    return SLOT(pk_cap_copy(slot, task, 0, PK_RIGHT_ALL, 0));
}

/* Every task has all there is, and its threads know where. */
static void give_all(unsigned i) {
    uint64_t(*known)[KNOWN] = common->known[i];
    memset(known, 0, sizeof common->known[i]);
    for (unsigned n = 0; n < KNOWN_FIRST; n++) {
        known[TASK][n] = give(world.tasks[i], world.tasks[n]);
        known[ACCOUNT][n] = give(world.tasks[i], world.accounts[n]);
        known[THREAD][n] = give(world.tasks[i], world.threads[(i * 5 + n * 3) % WORKERS]);
        for (enum kind kind = ENDPOINT; kind <= OBJECT; kind++)
            known[kind][n] = give(world.tasks[i], world.things[kind][n % 3]);
    }
}

static void make_world(uint64_t seed) {
    memset(world.stuck, 0, sizeof world.stuck);
    memset(world.seen, 0, sizeof world.seen);
    world.random = seed;
    world.account = SLOT(pk_account_create(PK_SLOT_ACCOUNT, WORLD_PAGES * PAGE, 0, 9, 15));
    common->stop = 0;
    make_tasks();
    make_things();
    for (unsigned t = 0; t < WORKERS; t++) {
        common->workers[t] = (struct worker){.random = tap_random(&world.random)};
        struct pk_regs regs = thread_regs_for(adversary_work, t);
        world.threads[t] = SLOT(pk_thread_create_in(world.accounts[t / THREADS],
                                                    world.tasks[t / THREADS], &regs, 10 + t % 4));
        common->regs = regs; /* another thread on the last one's stack: it will not get far */
    }
    for (unsigned i = 0; i < TASKS; i++)
        give_all(i);
    for (enum kind kind = ENDPOINT; kind <= OBJECT; kind++)
        for (unsigned i = 0; i < 3; i++)
            drop(world.things[kind][i]);
}

static bool in_touch(uint64_t pc) {
    return pc >= (uint64_t)touch && pc < (uint64_t)touch_end;
}

/* A fault in touch() was to be expected: the threads of that task that are there go on behind it. */
static void pass_touch(unsigned task) {
    struct pk_regs regs;
    for (unsigned t = task * THREADS; t < (task + 1) * THREADS; t++) {
        if (pk_thread_regs(world.threads[t], &regs, PK_REGS_GET) < 0 || !in_touch(regs.x[0]))
            continue;
        regs.x[0] = (uint64_t)touch_end;
        /* Another worker may have ended it meanwhile. */
        pk_may_fail(pk_thread_regs(world.threads[t], &regs, PK_REGS_SET));
    }
}

/* A thread of the program's own: the badge says which task an exception comes from. Who faults elsewhere, in code that
 * was unmapped, is left waiting. */
static void answer_exceptions(uint64_t endpoint) {
    struct pk_msg msg = {0};
    for (uint64_t token = 0;;) {
        long received = pk_reply_receive(endpoint, token, 0, &msg, 0);
        token = 0;
        if (received <= 0 || msg.badge > TASKS)
            continue;
        bool touched = msg.label != PK_EXCEPTION_ATTENTION && in_touch(msg.w[2]);
        if (touched)
            pass_touch((unsigned)msg.badge - 1);
        if (touched || msg.label == PK_EXCEPTION_ATTENTION)
            token = (uint64_t)received;
    }
}

void world_setup(void) {
    world.exceptions = SLOT(pk_endpoint_create(0));
    static _Alignas(16) char stack[16384]; /* it stays, when all other stacks are used anew */
    struct pk_regs regs = thread_regs_for(answer_exceptions, world.exceptions);
    regs.x[2] = (uint64_t)(stack + sizeof stack);
    IS(pk_thread_resume(SLOT(pk_thread_create(PK_SLOT_SERVER_TASK, &regs, 50))), 0);
}

static void drop_endpoint(unsigned task) {
    uint64_t n = tap_random(&world.random) % KNOWN;
    pk_may_fail(pk_cap_drop(world.tasks[task], common->known[task][ENDPOINT][n]));
}

/*
 * A worker that makes no calls waits for something, or was stopped: there are several ways to let it go on. They
 * may fail, for workers end each other.
 */
static void nudge(unsigned t) {
    pk_may_fail(
        pk_task_set(world.tasks[t / THREADS], PK_TASK_EXCEPTION, world.badged[t / THREADS]));
    switch (tap_random(&world.random) % 3) {
    case 0:
        pk_may_fail(pk_thread_resume(world.threads[t]));
        break;
    case 1:
        pk_may_fail(pk_thread_attention(world.threads[t]));
        break;
    default: /* without a receiver all who call there hear of it */
        drop_endpoint(t / THREADS);
    }
}

/* How many workers made calls lately. */
static unsigned look_at_workers(void) {
    unsigned working = 0;
    for (unsigned t = 0; t < WORKERS; t++) {
        uint64_t calls = common->workers[t].calls;
        world.stuck[t] = calls == world.seen[t] ? world.stuck[t] + 1 : 0;
        world.seen[t] = calls;
        working += world.stuck[t] < STUCK_TICKS;
        if (world.stuck[t] % NUDGE_TICKS == NUDGE_TICKS - 1)
            nudge(t);
    }
    return working;
}

static void check_kernel(void) {
    long wrong = pk_machine_check(boot_cap("machine"));
    if (wrong != -ENOSYS)
        IS(wrong, 0);
}

/* Until most workers have come to rest, or their time is over. */
static void direct(void) {
    uint64_t ends = tap_time_ns() + LIFE;
    unsigned tick = 1;
    for (; tick < TICKS && tap_time_ns() < ends && look_at_workers() >= WORKERS / 6; tick++) {
        tap_sleep(TICK);
        if (tick % CHECK_TICKS == 0)
            check_kernel();
    }
    if (tap_time_ns() >= ends)
        tap_print("# a world has had only %u ticks in its time\n", tick);
}

static void end_world(void) {
    common->stop = 1;
    for (unsigned i = 0; i < TASKS; i++)
        pk_may_fail(pk_task_kill(world.tasks[i])); /* it may be dead */
    drop(world.account);                           /* and all that workers made, wherever it is */
    for (unsigned i = 0; i < TASKS; i++) {
        drop(world.tasks[i]);
        drop(world.badged[i]);
        if (i != 1)
            drop(world.accounts[i]);
    }
    for (unsigned t = 0; t < WORKERS; t++)
        drop(world.threads[t]);
}

uint64_t world_run(uint64_t seed) {
    tap_reuse_stacks();
    make_world(seed);
    for (unsigned t = 0; t < WORKERS; t++)
        pk_may_fail(
            pk_thread_resume(world.threads[t])); /* if another one has not ended it by now */
    direct();
    uint64_t calls = 0;
    for (unsigned t = 0; t < WORKERS; t++)
        calls += common->workers[t].calls;
    end_world();
    check_kernel();
    return calls;
}
