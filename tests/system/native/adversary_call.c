/* SPDX-License-Identifier: MIT */
/* The adversary's calls: which, how often, and with what arguments. */
#include "adversary.h"
#include <string.h>

enum argument {
    ANYTHING,
    A_TASK,
    OWN_OR_TASK,
    A_THREAD,
    AN_ENDPOINT,
    A_NOTIFICATION,
    AN_OBJECT,
    AN_OBJECT_OR_0,
    AN_ACCOUNT,
    A_SLOT,
    A_SLOT_TO_DROP,
    A_NAMED_SLOT,
    ADDRESS,
    BUFFER,
    PAGES,
    BYTES,
    OFFSET,
    PROTECTION,
    MAP_FLAGS,
    RIGHTS,
    PRIORITY,
    WEIGHT,
    BIT,
    A_TOKEN,
    A_LABEL,
    SLOTS,
    A_TIME,
    A_RUNTIME,
    A_DEADLINE,
    A_PERIOD,
    SOON,
    REGS,
};

/* a0 to a6, then t0 to t5; most is ANYTHING. result: what a positive one is a slot of. */
struct row {
    signed char number;
    unsigned char weight;
    unsigned char arguments[13];
    unsigned char result;
};
#define T(n) [7 + (n)]

static const struct row rows[] = {
    {PK_MAP, 40, {OWN_OR_TASK, ADDRESS, PAGES, MAP_FLAGS, AN_OBJECT_OR_0, OFFSET}, KINDS},
    {PK_UNMAP, 10, {OWN_OR_TASK, ADDRESS, PAGES}, KINDS},
    {PK_PROTECT, 25, {OWN_OR_TASK, ADDRESS, PAGES, PROTECTION}, KINDS},
    {PK_RENEW, 8, {OWN_OR_TASK, ADDRESS, PAGES}, KINDS},
    {PK_REGION_FIND, 8, {OWN_OR_TASK, ADDRESS, PAGES, BIT}, KINDS},
    {PK_RETAG, 8, {OWN_OR_TASK, ADDRESS, PAGES, ANYTHING, ANYTHING}, KINDS},
    {PK_POPULATE, 8, {OWN_OR_TASK, ADDRESS, PAGES}, KINDS},
    {PK_REGION_INFO, 3, {OWN_OR_TASK, ADDRESS, BUFFER}, KINDS},
    {PK_REGION_OBJECT, 3, {OWN_OR_TASK, ADDRESS}, OBJECT},
    {PK_OBJECT_CREATE, 10, {AN_ACCOUNT, BYTES, AN_OBJECT_OR_0, OFFSET}, OBJECT},
    {PK_OBJECT_RESIZE, 12, {AN_OBJECT, BYTES, BIT}, KINDS},
    {PK_OBJECT_INFO, 2, {AN_OBJECT, BUFFER}, KINDS},
    {PK_OBJECT_FIND, 4, {AN_OBJECT, OFFSET, BIT}, KINDS},
    {PK_OBJECT_DISCARD, 6, {AN_OBJECT, OFFSET, BYTES}, KINDS},
    {PK_OBJECT_WATCH, 8, {AN_OBJECT, A_NOTIFICATION, BIT, BIT}, KINDS},
    {PK_OBJECT_READ, 8, {AN_OBJECT, OFFSET, BUFFER, BYTES}, KINDS},
    {PK_OBJECT_WRITE, 10, {AN_OBJECT, OFFSET, BUFFER, BYTES}, KINDS},
    {PK_TASK_COPY_IN, 10, {A_TASK, BUFFER, ADDRESS, BYTES}, KINDS},
    {PK_TASK_COPY_OUT, 10, {A_TASK, ADDRESS, BUFFER, BYTES}, KINDS},
    {PK_TASK_PATCH, 8, {A_TASK, ADDRESS, BUFFER, BYTES}, KINDS},
    {PK_TASK_WORD_NAME, 4, {A_TASK, ADDRESS, BIT}, KINDS},
    {PK_TASK_WORD_EXCHANGE, 6, {A_TASK, ADDRESS, BIT, BIT}, KINDS},
    {PK_TASK_CREATE, 5, {AN_ACCOUNT, OWN_OR_TASK}, TASK},
    {PK_TASK_CLONE, 3, {A_TASK, A_TASK}, KINDS},
    {PK_TASK_SET, 1, {A_TASK, BIT, AN_ENDPOINT}, KINDS},
    {PK_TASK_INFO, 2, {A_TASK, BUFFER}, KINDS},
    {PK_THREAD_CREATE, 4, {AN_ACCOUNT, A_TASK, REGS, PRIORITY}, THREAD},
    {PK_THREAD_COPY, 2, {AN_ACCOUNT, A_THREAD, A_TASK, ANYTHING}, THREAD},
    {PK_THREAD_REGS, 3, {A_THREAD, BUFFER, 0}, KINDS},
    {PK_THREAD_RESUME, 12, {A_THREAD}, KINDS},
    {PK_THREAD_ATTENTION, 4, {A_THREAD}, KINDS},
    {PK_THREAD_INFO, 3, {A_THREAD, BUFFER}, KINDS},
    {PK_THREAD_PRIORITY, 8, {A_THREAD, PRIORITY, WEIGHT, A_TIME, BIT}, KINDS},
    {PK_THREAD_RESERVE, 8, {A_THREAD, A_RUNTIME, A_DEADLINE, A_PERIOD}, KINDS},
    {PK_SLEEP, 4, {SOON}, KINDS},
    {PK_YIELD, 6, {A_THREAD}, KINDS},
    {PK_CAP_COPY, 12, {A_SLOT, OWN_OR_TASK, A_NAMED_SLOT, RIGHTS, BIT}, KINDS},
    {PK_CAP_DROP, 12, {OWN_OR_TASK, A_SLOT_TO_DROP}, KINDS},
    {PK_CAP_INFO, 2, {A_SLOT, BUFFER}, KINDS},
    {PK_NOTIFICATION_CREATE, 5, {AN_ACCOUNT}, NOTIFICATION},
    {PK_ENDPOINT_CREATE, 5, {AN_ACCOUNT, A_NOTIFICATION}, ENDPOINT},
    {PK_NOTIFY, 15, {A_NOTIFICATION, BIT}, KINDS},
    {PK_TIMER_SET, 10, {A_NOTIFICATION, BIT, A_TIME, BIT}, KINDS},
    {PK_ACCOUNT_CREATE, 5, {AN_ACCOUNT, BYTES, BIT, BIT, PRIORITY}, ACCOUNT},
    {PK_ACCOUNT_SET, 4, {AN_ACCOUNT, BIT, AN_ACCOUNT}, KINDS},
    {PK_ACCOUNT_INFO, 2, {AN_ACCOUNT, BUFFER}, KINDS},
    {PK_CALL,
     10,
     {AN_ENDPOINT, A_LABEL, T(1) = BUFFER, T(2) = BYTES, T(3) = BUFFER, T(4) = BYTES, T(5) = SLOTS},
     KINDS},
    {PK_SYNC_CODE, 2, {BIT}, KINDS},
    {PK_MACHINE_INFO, 1, {BUFFER}, KINDS},
};

/* On the call that a thread serves. */
static const struct row on_tokens[] = {
    {PK_REPLY, 10, {A_TOKEN, BIT, T(5) = SLOTS}, KINDS},
    {PK_COPY_FROM_CALLER, 6, {A_TOKEN, OFFSET, BUFFER, BYTES}, KINDS},
    {PK_COPY_TO_CALLER, 6, {A_TOKEN, OFFSET, BUFFER, BYTES}, KINDS},
    {PK_CALLER_TO_OBJECT, 4, {A_TOKEN, OFFSET, AN_OBJECT, OFFSET, BYTES}, KINDS},
    {PK_OBJECT_TO_CALLER, 4, {A_TOKEN, OFFSET, AN_OBJECT, OFFSET, BYTES}, KINDS},
    {PK_CALLER_TO_CALLER, 3, {A_TOKEN, OFFSET, A_TOKEN, OFFSET, BYTES}, KINDS},
    {PK_CALLER_WORD, 4, {A_TOKEN, OFFSET, BIT}, KINDS},
    {PK_CALLER_WORD_NAME, 4, {A_TOKEN, ADDRESS, BIT}, KINDS},
    {PK_CALLER_WORD_EXCHANGE, 4, {A_TOKEN, OFFSET, BIT, BIT}, KINDS},
    {PK_LEND, 12, {A_TOKEN, A_THREAD}, KINDS},
    {PK_CALLER_THREAD, 4, {A_TOKEN}, THREAD},
};

/* Those that may block or end the caller, or keep others from going on, come seldom. */
static const struct row seldom[] = {
    {PK_THREAD_SUSPEND, 1, {A_THREAD}, KINDS},
    {PK_THREAD_REGS, 1, {A_THREAD, REGS, BIT}, KINDS},
    {PK_TASK_KILL, 1, {A_TASK}, KINDS},
    {PK_WAIT, 1, {A_NOTIFICATION, BIT}, KINDS},
    {PK_RECEIVE, 1, {AN_ENDPOINT, BIT}, KINDS},
    {PK_REPLY_RECEIVE, 1, {A_TOKEN, BIT, T(1) = AN_ENDPOINT, T(5) = SLOTS}, KINDS},
    {PK_FOREIGN_RETURN, 1, {0}, KINDS},
    {PK_FOREIGN_EXCHANGE, 1, {0}, KINDS},
    {PK_FOREIGN_ATTENTION, 1, {0}, KINDS},
    {PK_IRQ_ACK, 1, {A_SLOT}, KINDS},
};
#define ONE_IN 60

static unsigned task_of(const struct worker *w) {
    return (unsigned)(w - common->workers) / THREADS;
}

static uint64_t below(struct worker *w, uint64_t n) {
    return (tap_random(&w->random) >> 20) % n;
}

static uint64_t odd(struct worker *w) {
    static const uint64_t values[] = {0,
                                      1,
                                      63,
                                      64,
                                      PAGE - 1,
                                      PAGE + 1,
                                      1ul << 21,
                                      1ul << 30,
                                      1ul << 32,
                                      USER_END - PAGE,
                                      USER_END,
                                      1ul << 40,
                                      1ul << 63,
                                      ~0ul,
                                      ~0xffful,
                                      0xffffffc080200000,
                                      0xffffffff80200000};
    uint64_t r = tap_random(&w->random);
    return below(w, 3) ? values[below(w, ARRAY_LENGTH(values))] : r;
}

static uint64_t slot_of(struct worker *w, enum kind kind) {
    return below(w, 16) ? common->known[task_of(w)][kind][below(w, KNOWN)] : below(w, 80);
}

/* To be dropped: mostly none of those that all began with, or soon there would be nothing to play with. */
static uint64_t slot_to_drop(struct worker *w) {
    uint64_t first = below(w, 100) ? KNOWN_FIRST : 0;
    return common->known[task_of(w)][below(w, KINDS)][first + below(w, KNOWN - first)];
}

static uint64_t page_in_arena(struct worker *w) {
    uint64_t far = below(w, 200) << 30;
    switch (below(w, 16)) {
    case 0:
        return ARENA + below(w, ARENA_SPAN / PAGE) * PAGE;
    case 1:
        return ARENA + far + below(w, 4) * PAGE;
    default:
        return ARENA + below(w, ARENA_PAGES) * PAGE;
    }
}

static uint64_t packed_slots(struct worker *w) {
    uint64_t packed = 0;
    for (unsigned i = 0; i < PK_CAPS_MOST; i++)
        packed |= PK_CAP_TO(slot_of(w, below(w, KINDS)), i);
    return packed;
}

static char buffer[4 * PAGE];

static uint64_t bytes(struct worker *w) {
    switch (below(w, 4)) {
    case 0:
        return below(w, 40) * PAGE;
    case 1:
        return below(w, 3 * PAGE);
    case 2:
        return below(w, 8) ? below(w, 600) * PAGE : odd(w);
    default:
        return below(w, 64) * 8;
    }
}

static uint64_t address_argument(struct worker *w, enum argument kind) {
    switch (kind) {
    case ADDRESS:
        return page_in_arena(w) + (below(w, 16) ? 0 : below(w, PAGE));
    case BUFFER:
        return (below(w, 3) ? (uint64_t)buffer : page_in_arena(w)) + below(w, PAGE / 8) * 8;
    case PAGES:
        return (below(w, 32) ? 1 + below(w, 12) : below(w, 1200)) * PAGE;
    case BYTES:
        return bytes(w);
    case OFFSET:
        return below(w, 12) * PAGE + (below(w, 4) ? 0 : below(w, PAGE));
    case PROTECTION:
        return below(w, 4) ? PK_PROT_READ | below(w, 2) * PK_PROT_WRITE : below(w, 8);
    case MAP_FLAGS:
        return (below(w, 4) ? PK_PROT_READ | PK_PROT_WRITE : below(w, 8)) |
               (below(w, 8) ? PK_MAP_FIXED : PK_MAP_NOREPLACE) | below(w, 4) / 3 * PK_MAP_SHARED;
    case REGS:
        return (uint64_t)&common->regs;
    default:
        return odd(w);
    }
}

static uint64_t random_argument(struct worker *w, enum argument kind) {
    static const unsigned char kinds[] = {
        [A_TASK] = TASK,
        [OWN_OR_TASK] = TASK,
        [A_THREAD] = THREAD,
        [AN_ENDPOINT] = ENDPOINT,
        [A_NOTIFICATION] = NOTIFICATION,
        [AN_OBJECT] = OBJECT,
        [AN_OBJECT_OR_0] = OBJECT,
        [AN_ACCOUNT] = ACCOUNT,
    };
    if (kind == SOON) /* it is to come back */
        return tap_time_ns() + below(w, 2 * MS);
    if (below(w, 64) == 0)
        return odd(w);
    switch (kind) {
    case OWN_OR_TASK:
    case AN_OBJECT_OR_0:
        return below(w, 2) ? slot_of(w, kinds[kind]) : 0;
    case A_TASK:
    case A_THREAD:
    case AN_ENDPOINT:
    case A_NOTIFICATION:
    case AN_OBJECT:
    case AN_ACCOUNT:
        return slot_of(w, kinds[kind]);
    case A_SLOT:
        return slot_of(w, below(w, KINDS));
    case A_SLOT_TO_DROP:
        return slot_to_drop(w);
    case A_NAMED_SLOT:
        return below(w, 3) ? 0 : below(w, 33);
    case RIGHTS:
        return below(w, 4) ? PK_RIGHT_ALL : below(w, 32);
    case PRIORITY:
        return below(w, 3) ? 10 + below(w, 6) : PK_PRIORITY_SHARED;
    case WEIGHT:
        return below(w, 2) ? 0 : below(w, PK_WEIGHT_MOST + 1);
    case BIT:
        return below(w, 4);
    case A_TOKEN:
        return w->token | below(w, 8) / 5 << PK_TOKEN_CAPS_SHIFT;
    case A_LABEL:
        return below(w, 20) | (below(w, 4) ? 0 : below(w, 4) << PK_LABEL_CAPS_SHIFT);
    case SLOTS:
        return packed_slots(w);
    case A_RUNTIME: /* little, or nobody else would run */
        return 1 + below(w, MS / 4);
    case A_DEADLINE:
        return MS + below(w, 2 * MS);
    case A_PERIOD:
        return 2 * MS + below(w, 2 * MS);
    case A_TIME:
        return below(w, 8) ? tap_time_ns() + below(w, 2 * MS) : odd(w);
    default:
        return address_argument(w, kind);
    }
}

static const struct row *pick_from(struct worker *w, const struct row *table, unsigned length) {
    unsigned total = 0;
    for (unsigned i = 0; i < length; i++)
        total += table[i].weight;
    unsigned at = (unsigned)below(w, total), i = 0;
    while (at >= table[i].weight)
        at -= table[i++].weight;
    return &table[i];
}

/* Whoever has no token tries it with a stale one now and then. */
static const struct row *pick_row(struct worker *w) {
    if (below(w, ONE_IN) == 0)
        return pick_from(w, seldom, ARRAY_LENGTH(seldom));
    if (below(w, w->serving ? 2 : 20) == 0)
        return pick_from(w, on_tokens, ARRAY_LENGTH(on_tokens));
    return pick_from(w, rows, ARRAY_LENGTH(rows));
}

/*
 * In the place of another one, whose capability is dropped, so that there is memory for more. Like all that is
 * done here that may fail: another worker comes before.
 */
static void remember(struct worker *w, enum kind kind, uint64_t slot) {
    uint64_t *place = &common->known[task_of(w)][kind][KNOWN_FIRST + below(w, KNOWN - KNOWN_FIRST)];
    uint64_t old = __atomic_exchange_n(place, slot, __ATOMIC_RELAXED);
    if (old && old != slot && below(w, 8))
        pk_may_fail(pk_cap_drop(0, old));
}

static void random_call(struct worker *w) {
    const struct row *row = pick_row(w);
    uint64_t x[13];
    for (unsigned i = 0; i < ARRAY_LENGTH(x); i++)
        x[i] = random_argument(w, row->arguments[i]);
    long result = tap_call(row->number, x);
    if (result > 0 && row->result < KINDS)
        remember(w, row->result, (uint64_t)result);
}

/* A copy of a task, which its maker has not used yet; the other threads may come before the copy is made. */
static void copy_task(struct worker *w) {
    long task = pk_task_create(slot_of(w, ACCOUNT), 0);
    if (task <= 0)
        return;
    if (below(w, 2))
        remember(w, TASK, (uint64_t)task);
    pk_may_fail(pk_task_clone((uint64_t)task, slot_of(w, TASK), 0));
    remember(w, TASK, (uint64_t)task);
    w->calls += 2;
}

/* Mostly a server answers; without blocking, so that all go on. */
static void serve(struct worker *w) {
    struct pk_msg msg = {0};
    long token = pk_receive(slot_of(w, ENDPOINT), PK_NONBLOCK, &msg);
    if (token <= 0)
        return;
    w->token = (uint64_t)token;
    w->serving = true;
    for (unsigned i = 0; i < below(w, 6); i++, w->calls++)
        random_call(w);
    w->serving = false;
    w->calls++;
    if (below(w, 16))
        pk_may_fail(pk_reply(w->token, 0, &msg, 0));
}

__asm__(".text\n"
        ".option push\n"
        ".option norvc\n"
        ".global touch, touch_end\n"
        "touch:\n"
        "    beqz a1, 1f\n"
        "    sd a1, 0(a0)\n"
        "    j touch_end\n"
        "1:  ld a0, 0(a0)\n"
        "touch_end:\n"
        "    ret\n"
        ".option pop\n");

/* Several writes in a row to what another thread may unmap meanwhile. */
static void touch_some(struct worker *w) {
    uint64_t at = page_in_arena(w), n = below(w, 4) + 1;
    for (uint64_t i = 0; i < n; i++)
        touch(at + i * (PAGE / 2), tap_random(&w->random) & -below(w, 3));
}

/* One of the objects is full, unless somebody has cut it: all of that, for the others to take parts of. Mostly it does not fail. */
static void map_megapage(struct worker *w) {
    uint64_t at = ARENA + below(w, ARENA_SPAN / MEGAPAGE) * MEGAPAGE;
    uint64_t flags = PK_PROT_READ | PK_MAP_SHARED | PK_MAP_FIXED | below(w, 2) * PK_PROT_WRITE;
    uint64_t object = common->known[task_of(w)][OBJECT][2];
    pk_may_fail(pk_map(0, at, MEGAPAGE, flags, object, 0, 0));
    for (unsigned i = 0; i < 3; i++)
        touch(at + below(w, MEGAPAGE / 8) * 8, below(w, 2));
}

void adversary_work(uint64_t index) {
    struct worker *w = &common->workers[index % WORKERS];
    while (!common->stop) {
        w->calls++;
        switch (below(w, 16)) {
        case 0:
        case 1:
            touch_some(w);
            break;
        case 2:
        case 3:
            serve(w);
            break;
        case 4:
            copy_task(w);
            break;
        case 5:
            if (!below(w, 4))
                map_megapage(w);
            break;
        default:
            random_call(w);
        }
    }
    worker_rest();
}
