/* SPDX-License-Identifier: MIT */
/* The director of ipcdiff (ipcdiff.h): sets threads going, disturbs them, looks at all of them. */
#include "ipcdiff.h"
#include <string.h>

#define ROUNDS 10000
#define ROUNDS_A_LINE 1000
#define LOW_PRIORITY 8 /* the workers' are from here on; IDLE is below */

static uint64_t seed, server_endpoint, nested_endpoint, events, object, shared;
static uint64_t tasks[WORKERS];

static uint64_t copy_cap(uint64_t task, uint64_t slot, uint64_t rights, uint64_t badge) {
    return SLOT(pk_cap_copy(slot, task, 0, rights, badge));
}

/* In a slot that the fast path does not look at. */
static uint64_t far_copy(uint64_t task, uint64_t slot, uint64_t badge) {
    uint64_t low[40], count = 0, at;
    while ((at = copy_cap(task, slot, PK_RIGHT_ALL, badge)) < 32 && at && count < 40)
        low[count++] = at;
    while (count)
        IS(pk_cap_drop(task, low[--count]), 0);
    return at;
}

static void give_slots(struct worker *w, uint64_t task, uint64_t index) {
    uint64_t usual = PK_RIGHT_USE | PK_RIGHT_GRANT;
    w->go = SLOT(pk_notification_create());
    w->slot[GO] = copy_cap(task, w->go, PK_RIGHT_ALL, 0);
    if (index >= FILLER && index < CLIENTS)
        return;
    w->slot[TO_SERVER] = copy_cap(task, server_endpoint, usual, 100 + index);
    w->slot[TO_SERVER_TOO] =
        copy_cap(task, server_endpoint, PK_RIGHT_USE, 0x8000000000000000 | index);
    w->slot[TO_SERVER_FAR] = far_copy(task, server_endpoint, 300 + index);
    w->slot[TO_SERVER_DEAF] = copy_cap(task, server_endpoint, PK_RIGHT_RECEIVE, 400 + index);
    w->slot[TO_NESTED] = copy_cap(task, nested_endpoint, usual, 500 + index);
    w->slot[TO_NOTIFICATION] = copy_cap(task, events, PK_RIGHT_USE, 0);
    w->slot[OBJECT] = copy_cap(task, object, usual, 0);
    w->slot[OBJECT_STAYS] = copy_cap(task, object, PK_RIGHT_USE, 0);
    if (index == SERVER || index == SERVER_TOO)
        w->receive = copy_cap(task, server_endpoint, PK_RIGHT_RECEIVE, 0);
    if (index == NESTED)
        w->receive = copy_cap(task, nested_endpoint, PK_RIGHT_RECEIVE, 0);
}

static void start(uint64_t index, uint64_t task, uint64_t priority) {
    struct worker *w = &diff->workers[index];
    static void (*const entries[])(uint64_t) = {server_run_thread, server_run_thread, nested_run,
                                                filler_run,        idle_run,          client_run};
    if (!w->regs.x[0])
        w->regs = thread_regs_for(entries[index < CLIENTS ? index : CLIENTS], index);
    w->index = index;
    w->random = tap_random(&seed);
    w->fp_filled = false;
    w->task = task;
    give_slots(w, task == PK_SLOT_SERVER_TASK ? 0 : task, index);
    w->thread = SLOT(pk_thread_create_in(task_account(task), task, &w->regs, priority));
    IS(pk_thread_resume(w->thread), 0);
}

/* With calls to the personality and exceptions, both of which end up with the server. */
static void foreign_client(uint64_t index, uint64_t task) {
    IS(pk_task_set_exception(task, server_endpoint, 600 + index), 0);
    IS(pk_task_set(task, PK_TASK_FOREIGN, (uint64_t)diff_foreign_entry), 0);
    diff->workers[index].foreign = true;
    start(index, task, diff->share ? PK_PRIORITY_SHARED : LOW_PRIORITY + index % 4);
}

static bool is_ready(const struct worker *w) {
    struct pk_thread_info info = {0};
    IS(pk_thread_info(w->thread, &info), 0);
    return info.state == PK_THREAD_READY;
}

static bool anybody_ready(void) {
    for (unsigned i = 0; i < WORKERS; i++)
        if (i != IDLE && is_ready(&diff->workers[i]))
            return true;
    return false;
}

/*
 * Until all but this thread wait. IDLE runs after all others; but if those share, it would be one of them, and none would ever be
 * alone: then this thread sleeps for longer than they mostly work.
 */
static void quiesce(void) {
    if (diff->share) {
        do
            tap_sleep(MS / 5);
        while (anybody_ready());
        return;
    }
    IS(pk_notify(diff->workers[IDLE].go, 1), 0);
    IS(pk_wait(diff->done, 0), 1);
}

static void look_at(const struct worker *w) {
    struct pk_thread_info info = {0};
    struct pk_regs regs = {0};
    IS(pk_thread_info(w->thread, &info), 0);
    IS(info.state <= PK_THREAD_READY, 0); /* it would have run before IDLE did */
    diff_fold(info.state | (uint64_t)info.priority << 32);
    diff_fold(info.foreign);
    diff_fold((uint64_t)pk_thread_regs(w->thread, &regs, PK_REGS_GET));
    static const unsigned char kept[] = {0, 2, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};
    for (unsigned i = 0; i < sizeof kept; i++)
        diff_fold(regs.x[kept[i]]);
    for (unsigned i = 0; i < 32; i++)
        diff_fold(regs.f[i]);
    diff_fold(regs.fcsr);
    diff_fold(regs.fp);
    diff_fold(regs.first_a0);
}

static void quiesce_and_look(void) {
    quiesce();
    for (unsigned i = 0; i < WORKERS; i++)
        if (i != IDLE)
            look_at(&diff->workers[i]);
}

static void end_last_client(void) {
    struct worker *w = &diff->workers[LAST_CLIENT];
    task_end(w->task);
    drop(w->thread);
    drop(w->go);
}

/* Servers are more urgent than who shares. */
static uint64_t any_priority(const struct worker *w, uint64_t r) {
    return diff->share && w->index >= CLIENTS && r % 4 ? PK_PRIORITY_SHARED : LOW_PRIORITY + r % 6;
}

/* Any of it may be refused: the same must come of it on both paths. */
static void disturb(unsigned n) {
    uint64_t r = tap_random(&seed);
    struct worker *client = &diff->workers[CLIENTS + (r >> 8) % (WORKERS - CLIENTS)];
    struct worker *any = &diff->workers[(r >> 16) % WORKERS];
    switch (r & 31) {
    case 0:
    case 1:
        pk_may_fail(pk_notify(events, r >> 8 & 0xffff));
        break;
    case 2:
    case 3:
        pk_may_fail(pk_thread_suspend(any->index == IDLE ? client->thread : any->thread));
        break;
    case 4:
    case 5:
    case 6:
        pk_may_fail(pk_thread_resume(any->thread));
        break;
    case 7:
    case 8:
        if (client->foreign) /* another's exceptions would end the test */
            pk_may_fail(pk_thread_attention(client->thread));
        break;
    case 9:
    case 10:
        if (any->index != IDLE)
            pk_may_fail(pk_thread_priority(any->thread, any_priority(any, r >> 24)));
        break;
    case 11:
    case 12:
        pk_may_fail(pk_notify(diff->workers[FILLER].go, 1));
        break;
    case 13:
    case 14: /* seldom if clients share: while it waits too, the other one does not wait the fast way */
        if (!diff->share || n == 0)
            pk_may_fail(pk_notify(diff->workers[SERVER_TOO].go, 1));
        break;
    case 15:
        if (r >> 62)
            break;
        end_last_client();
        tasks[LAST_CLIENT] = task_copy(0);
        foreign_client(LAST_CLIENT, tasks[LAST_CLIENT]);
        break;
    default:
        pk_may_fail(pk_notify(client->go, 1));
    }
}

static void play_round(unsigned n) {
    for (uint64_t i = tap_random(&seed) % 8 + 1; i; i--)
        disturb(n % 32);
    quiesce_and_look();
    if (n % 8)
        return;
    for (unsigned i = 0; i < WORKERS; i++)
        pk_may_fail(pk_thread_resume(diff->workers[i].thread));
    pk_may_fail(pk_notify(events, EVENT_FLUSH));
    quiesce_and_look();
}

static void begin(void) {
    shared = SLOT(pk_object_create(sizeof *diff, 0, 0));
    long at = pk_map(0, 0, (sizeof *diff + PAGE - 1) & ~(PAGE - 1),
                     PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED, shared, 0, 0);
    diff = (struct diff *)at;
    memset(diff, 0, sizeof *diff);
    diff->share = strstr(boot_info->command_line, "sched=fifo");
    seed = 2024;
    events = SLOT(pk_notification_create());
    server_endpoint = SLOT(pk_endpoint_create(events));
    nested_endpoint = SLOT(pk_endpoint_create(0));
    object = SLOT(pk_object_create(PAGE, 0, 0));
    diff->done = SLOT(pk_notification_create());
    uint64_t server = task_copy(0), sharing = task_sharing(), copied = task_copy(0);
    uint64_t alone = task_copy(0);
    start(IDLE, PK_SLOT_SERVER_TASK, 1);
    start(NESTED, PK_SLOT_SERVER_TASK, LOW_PRIORITY + 2);
    start(FILLER, PK_SLOT_SERVER_TASK, LOW_PRIORITY + 2);
    start(SERVER, server, LOW_PRIORITY + 2);
    start(SERVER_TOO, server, LOW_PRIORITY + 2);
    start(CLIENTS, PK_SLOT_SERVER_TASK, diff->share ? PK_PRIORITY_SHARED : LOW_PRIORITY + 1);
    foreign_client(CLIENTS + 1, sharing);
    foreign_client(CLIENTS + 2, sharing);
    foreign_client(CLIENTS + 3, copied);
    foreign_client(CLIENTS + 4, copied);
    foreign_client(LAST_CLIENT, alone);
    tasks[0] = server;
    tasks[1] = sharing;
    tasks[2] = copied;
    tasks[LAST_CLIENT] = alone;
}

static void random_messages(void) {
    begin();
    for (unsigned n = 1; n <= ROUNDS; n++) {
        play_round(n);
        if (n % ROUNDS_A_LINE == 0)
            tap_print("# hash %016lx after %u rounds: %lu calls, %lu answered, %lu failed\n",
                      diff->hash, n, diff->calls, diff->answered, diff->failed);
    }
    bool good = IS(diff->not_kept, 0);
    good &= IS(diff->leaks, 0);
    good &= IS(diff->fp_lost, 0);
    if (!good)
        tap_print("# first: register %lu is %lx\n", diff->wrong_register, diff->wrong_value);
    CHECK(diff->answered > ROUNDS);
    CHECK(diff->failed > ROUNDS / 8);
}

int main(void) {
    static const struct tap_case cases[] = {
        {"random messages on one hart", random_messages, true},
    };
    tap_run(cases, ARRAY_LENGTH(cases));
    return 0;
}
