/* SPDX-License-Identifier: MIT */
/* Tracing: what stands in the rings, which events are chosen, what is lost, and that nothing is left when it is off. */
#include "tap.h"
#include <parley/errno.h>
#include <parley/trace.h>
#include <string.h>

#define RW (PK_PROT_READ | PK_PROT_WRITE)
#define BIT(type) (1ull << PK_TRACE_##type)
#define LABEL 0x123
#define BADGE 77

/* Rings of so many pages a hart, mapped here. */
struct rings {
    uint64_t object, size;
    char *memory;
};

static struct rings rings_new(uint64_t pages) {
    struct rings r = {.size = pages * PAGE * tap_harts()};
    r.object = SLOT(pk_object_create(r.size, 0, 0));
    r.memory = (char *)pk_map(0, 0, r.size, RW | PK_MAP_SHARED, r.object, 0, 0);
    CHECK((long)r.memory > 0);
    memset(r.memory, 0, r.size); /* events for which there is no page are lost */
    return r;
}

static void rings_end(struct rings *r) {
    IS(pk_unmap(0, (uint64_t)r->memory, r->size), 0);
    drop(r->object);
}

static const struct pk_trace_header *ring(const struct rings *r, unsigned hart) {
    return (const void *)(r->memory + hart * (r->size / tap_harts()));
}

static const struct pk_trace_event *event(const struct pk_trace_header *h, uint64_t n) {
    return (const struct pk_trace_event *)h + 1 + n % h->capacity;
}

static uint64_t on(const struct rings *r, uint64_t mask) {
    IS(pk_machine_trace(boot_cap("machine"), r->object, mask), 0);
    return mask;
}

static void off(void) {
    IS(pk_machine_trace(boot_cap("machine"), 0, 0), 0);
}

/* The first event of the type that is kept, of that token unless it is 0, or NULL. */
static const struct pk_trace_event *find(const struct rings *r, uint32_t type, uint64_t token) {
    for (unsigned hart = 0; hart < tap_harts(); hart++) {
        const struct pk_trace_header *h = ring(r, hart);
        for (uint64_t n = h->written > h->capacity ? h->written - h->capacity : 0; n < h->written;
             n++)
            if (event(h, n)->type == type && (!token || event(h, n)->words[1] == token))
                return event(h, n);
    }
    return NULL;
}

static uint64_t endpoint;
static uint64_t done;
static const char text[] = "what the caller says";

static void caller(uint64_t index) {
    struct pk_msg msg = {.label = LABEL, .w = {11, 12, 13, 14, 15, index}};
    IS(pk_call(endpoint, &msg, text, sizeof text, 0, 0), -ENOENT);
    __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

/* A caller is served once: the token. */
static uint64_t serve_one(void) {
    struct pk_msg msg;
    uint64_t mine = SLOT(pk_endpoint_create(0)), task = task_sharing(), before = done;
    endpoint = SLOT(pk_cap_copy(mine, task, 0, PK_RIGHT_USE, BADGE));
    uint64_t thread = thread_run(task, caller, 16, 10);
    long token = pk_receive(mine, 0, &msg);
    CHECK(token > 0);
    msg.w[0] = 99;
    IS(pk_reply((uint64_t)token, -ENOENT, &msg, 0), 0);
    CHECK(tap_reaches(&done, before + 1));
    task_end(task);
    drop(thread);
    drop(mine);
    return (uint64_t)token;
}

static void check_message(const struct rings *r, uint64_t token) {
    const struct pk_trace_event *call = find(r, PK_TRACE_CALL, token),
                                *serve = find(r, PK_TRACE_SERVE, token),
                                *reply = find(r, PK_TRACE_REPLY, token);
    if (!CHECK(call) || !CHECK(serve) || !CHECK(reply))
        return;
    CHECK(call->ticks <= serve->ticks && serve->ticks <= reply->ticks);
    IS(call->words[0], LABEL);
    for (unsigned i = 0; i < 5; i++)
        IS(call->words[2 + i], 11 + i);
    IS(strcmp(call->data, text), 0);
    IS(serve->words[0], LABEL);
    IS((int64_t)reply->words[0], -ENOENT);
    IS(reply->words[2], 99);
    IS(call->by.id, PK_TOKEN_THREAD(token));
    IS(reply->other.id, call->by.id);
    IS(reply->by.id, serve->by.id);
    CHECK(reply->by.id && reply->by.id != call->by.id);
}

/* In each ring times and numbers of instructions never go back. */
static void check_order(const struct rings *r) {
    for (unsigned hart = 0; hart < tap_harts(); hart++) {
        const struct pk_trace_header *h = ring(r, hart);
        IS(h->magic, PK_TRACE_MAGIC);
        IS(h->hart, hart);
        IS(h->harts, tap_harts());
        for (uint64_t n = 1; n < h->written && n < h->capacity; n++) {
            const struct pk_trace_event *a = event(h, n - 1), *b = event(h, n);
            CHECK(a->ticks <= b->ticks && a->instructions <= b->instructions && b->hart == hart);
        }
    }
}

static void message(void) {
    struct rings r = rings_new(64);
    on(&r, PK_TRACE_ALL);
    uint64_t token = serve_one();
    off();
    check_message(&r, token);
    check_order(&r);
    CHECK(find(&r, PK_TRACE_SWITCH, 0));
    CHECK(find(&r, PK_TRACE_WAKE, 0));
    rings_end(&r);
}

/* What is not in the mask is not there; a mask can be changed while tracing goes on. */
static void mask(void) {
    struct rings r = rings_new(16);
    on(&r, BIT(REPLY));
    uint64_t token = serve_one();
    CHECK(find(&r, PK_TRACE_REPLY, token));
    for (uint32_t type = 1; type < PK_TRACE_TYPES; type++)
        CHECK(type == PK_TRACE_REPLY || !find(&r, type, 0));
    on(&r, BIT(CALL));
    token = serve_one();
    CHECK(find(&r, PK_TRACE_CALL, token));
    CHECK(!find(&r, PK_TRACE_REPLY, token));
    off();
    rings_end(&r);
}

static uint64_t written(const struct rings *r) {
    uint64_t sum = 0;
    for (unsigned hart = 0; hart < tap_harts(); hart++)
        sum += ring(r, hart)->written;
    return sum;
}

/* Events by name; when a ring is full the oldest go, and that is counted. */
static void named(void) {
    enum { EVENTS = 1000 };
    uint64_t machine = boot_cap("machine");
    struct rings r = rings_new(1);
    IS(pk_trace(machine, "tock", 0, 0, 0), -EAGAIN);
    on(&r, BIT(CALL));
    IS(pk_trace(machine, "tock", 0, 0, 0), -EAGAIN);
    on(&r, BIT(NAMED));
    for (uint64_t i = 0; i < EVENTS; i++)
        IS(pk_trace(machine, "sixteen letters.", i, 2 * i, 3 * i), 0);
    off();
    IS(pk_trace(machine, "tock", 0, 0, 0), -EAGAIN);
    IS(written(&r), EVENTS);
    for (unsigned hart = 0; hart < tap_harts(); hart++) {
        const struct pk_trace_header *h = ring(&r, hart);
        IS(h->capacity, PAGE / PK_TRACE_SIZE - 1);
        uint64_t kept = h->written < h->capacity ? h->written : h->capacity;
        for (uint64_t n = h->written - kept; n < h->written; n++) {
            const struct pk_trace_event *e = event(h, n);
            IS(e->type, PK_TRACE_NAMED);
            IS(memcmp(e->data, "sixteen letters.", 16), 0);
            IS(e->words[1], 2 * e->words[0]);
            IS(e->words[2], 3 * e->words[0]);
        }
    }
    IS(find(&r, PK_TRACE_NAMED, 2 * (EVENTS - 1)) != NULL, 1); /* the last one */
    rings_end(&r);
}

static void nothing_when_off(void) {
    struct rings r = rings_new(4);
    on(&r, PK_TRACE_ALL);
    serve_one();
    off();
    off(); /* once more is no error */
    uint64_t before = written(&r);
    CHECK(before > 0);
    serve_one();
    IS(written(&r), before);
    on(&r, PK_TRACE_ALL); /* anew */
    CHECK(written(&r) < before);
    off();
    rings_end(&r);
}

/* Only the first page of each ring is made, however large they are. */
static void sparse(void) {
    uint64_t object = SLOT(pk_object_create(64ul * PAGE * tap_harts(), 0, 0));
    struct pk_object_info info;
    IS(pk_machine_trace(boot_cap("machine"), object, PK_TRACE_ALL), 0);
    off();
    IS(pk_object_info(object, &info), 0);
    IS(info.resident, tap_harts());
    drop(object);
}

static void refused(void) {
    uint64_t machine = boot_cap("machine");
    struct rings r = rings_new(2), other = rings_new(2);
    uint64_t weak = SLOT(pk_cap_copy(machine, 0, 0, PK_RIGHT_USE, 0));
    uint64_t reads = SLOT(pk_cap_copy(r.object, 0, 0, PK_RIGHT_USE, 0));
    uint64_t small = SLOT(pk_object_create(PAGE * tap_harts() - 1, 0, 0));
    uint64_t none = SLOT(pk_cap_copy(machine, 0, 0, PK_RIGHT_MANAGE, 0));
    IS(pk_machine_trace(weak, r.object, PK_TRACE_ALL), -EPERM);
    IS(pk_machine_trace(weak, 0, 0), -EPERM);
    IS(pk_machine_trace(r.object, r.object, PK_TRACE_ALL), -EINVAL);
    IS(pk_machine_trace(machine, reads, PK_TRACE_ALL), -EPERM);
    IS(pk_machine_trace(machine, machine, PK_TRACE_ALL), -EINVAL);
    IS(pk_machine_trace(machine, small, PK_TRACE_ALL), -EINVAL);
    IS(pk_machine_trace(machine, r.object, 0), -EINVAL);
    IS(pk_machine_trace(machine, r.object, PK_TRACE_ALL + 1), -EINVAL);
    IS(pk_machine_trace(machine, r.object, 1ull << PK_TRACE_TYPES), -EINVAL);
    IS(pk_machine_trace(machine, 0, PK_TRACE_ALL), -EINVAL);
    IS(pk_trace(none, "name", 0, 0, 0), -EPERM);
    IS(pk_trace(r.object, "name", 0, 0, 0), -EINVAL);
    IS(ring(&r, 0)->magic, 0); /* nothing has happened */
    on(&r, PK_TRACE_ALL);
    IS(pk_machine_trace(machine, other.object, PK_TRACE_ALL), -EBUSY);
    IS(ring(&other, 0)->magic, 0);
    off();
    rings_end(&r);
    rings_end(&other);
    uint64_t slots[] = {weak, reads, small, none};
    for (unsigned i = 0; i < ARRAY_LENGTH(slots); i++)
        drop(slots[i]);
}

/* Whoever gave the memory takes it away, spoils it and lets it go, while events are written. */
static void memory_goes(void) {
    struct rings r = rings_new(8);
    on(&r, PK_TRACE_ALL);
    memset(r.memory, 0xff, r.size);
    serve_one();
    IS(pk_object_resize(r.object, PAGE), 0);
    serve_one();
    IS(pk_unmap(0, (uint64_t)r.memory, r.size), 0);
    drop(r.object);
    serve_one();
    off();
}

static void rests(uint64_t index) {
    (void)index;
    __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

/* Who looks at all threads finds one with its name and what it has done, and gets on to the end. */
static void all_threads(void) {
    static const char name[16] = "a-task-to-find";
    uint64_t machine = boot_cap("machine"), task = task_sharing(), before = done, found = 0,
             last = 0;
    struct pk_machine_thread t = {0};
    IS(pk_task_set(task, PK_TASK_NAME, (uint64_t)name), 0);
    uint64_t thread = thread_run(task, rests, 0, 10);
    struct pk_thread_info info;
    CHECK(tap_reaches(&done, before + 1));
    CHECK(thread_becomes(thread, PK_THREAD_WAITING));
    IS(pk_thread_info(thread, &info), 0);
    for (uint64_t id = 0; pk_machine_thread(machine, id, &t) == 0; id = t.info.id + 1) {
        CHECK(t.info.id > last);
        last = t.info.id;
        if (memcmp(t.name, name, sizeof name) != 0)
            continue;
        found++;
        IS(t.info.id, info.id);
        IS(t.info.state, info.state);
        CHECK(t.resident > 0 && t.mapped >= t.resident);
    }
    IS(found, 1);
    IS(pk_machine_thread(machine, last + 1, &t), -ENOENT);
    IS(pk_machine_thread(machine, ~0ull, &t), -ENOENT);
    task_end(task);
    drop(thread);
}

/* A hart's idle time grows while nobody runs, and its interrupts are counted. */
static void harts(void) {
    struct pk_hart_info before[8], after;
    uint64_t idle = 0, interrupts = 0;
    for (unsigned i = 0; i < tap_harts(); i++)
        IS(pk_machine_hart(i, &before[i]), 0);
    for (unsigned i = 0; i < 10; i++)
        tap_sleep(2 * MS);
    for (unsigned i = 0; i < tap_harts(); i++) {
        IS(pk_machine_hart(i, &after), 0);
        CHECK(after.idle_ns >= before[i].idle_ns);
        idle += after.idle_ns - before[i].idle_ns;
        interrupts +=
            after.interrupts[PK_INTERRUPT_TIMER] - before[i].interrupts[PK_INTERRUPT_TIMER];
    }
    CHECK(idle >= 10 * MS);
    CHECK(interrupts >= 10);
    IS(pk_machine_hart(tap_harts(), &after), -EINVAL);
    IS(pk_machine_hart(~0ull, &after), -EINVAL);
}

static uint64_t stop;

static void ticker(uint64_t machine) {
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
        pk_trace(machine, "tick", 1, 2, 3);
    __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

/* Threads on all harts write, while one turns it on and off: each event is whole. */
static void on_and_off(void) {
    enum { THREADS = 4, ROUNDS = 30 };
    uint64_t task = task_sharing(), threads[THREADS], before = done, seen = 0;
    uint64_t machine = SLOT(pk_cap_copy(boot_cap("machine"), task, 0, PK_RIGHT_USE, 0));
    struct rings r = rings_new(4);
    stop = 0;
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = thread_run(task, ticker, machine, 10);
    for (unsigned round = 0; round < ROUNDS; round++) {
        on(&r, BIT(NAMED) | BIT(SWITCH));
        tap_sleep(MS);
        off();
        for (unsigned hart = 0; hart < tap_harts(); hart++) {
            const struct pk_trace_header *h = ring(&r, hart);
            for (uint64_t n = 0; n < h->written && n < h->capacity; n++)
                CHECK(event(h, n)->type == PK_TRACE_SWITCH ||
                      (event(h, n)->words[0] == 1 && event(h, n)->words[2] == 3));
        }
        seen += written(&r);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    CHECK(tap_reaches(&done, before + THREADS));
    CHECK(seen > 0);
    task_end(task);
    for (unsigned i = 0; i < THREADS; i++)
        drop(threads[i]);
    rings_end(&r);
}

int main(void) {
    static const struct tap_case cases[] = {
        {"a message from call to answer", message, false},
        {"events are chosen by a mask", mask, false},
        {"events by name, and what is lost", named, false},
        {"nothing is written when it is off", nothing_when_off, false},
        {"rings without pages", sparse, false},
        {"who may, and with what", refused, false},
        {"the memory for events goes", memory_goes, false},
        {"on and off while all harts write", on_and_off, false},
        {"all threads can be looked at", all_threads, false},
        {"what harts count", harts, false},
    };
    tap_run(cases, ARRAY_LENGTH(cases));
    return 0;
}
