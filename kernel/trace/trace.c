/* SPDX-License-Identifier: MIT */
/*
 * The rings (trace.h). All under the kernel lock. What stands in the object its owner may change as he likes: the kernel
 * never reads it, and counts for itself. Pages that are not there, or not any more, are events lost: to make them here would keep
 * the server that asks for it busy for as long as the tracer wants.
 */
#include <trace/trace.h>
#include <arch/hart.h>
#include <arch/machine.h>
#include <ipc/ipc.h>
#include <mm/aspace.h>
#include <mm/object.h>
#include <parley/errno.h>
#include <sched/hart.h>
#include <task/task.h>
#include <task/thread.h>
#include <trace/ring.h>

static struct object *object; /* held; NULL: off */
static uint64_t ring_size, capacity;
static struct {
    uint64_t written;
    uint64_t own; /* instructions that tracing took */
} rings[ARCH_MAX_HARTS];

static uint64_t ring_size_of(const struct object *o) {
    return align_down(o->size / machine.hart_count, PAGE_SIZE);
}

uint64_t trace_header_page(const struct object *o, uint32_t hart) {
    return hart * ring_size_of(o) >> PAGE_SHIFT;
}

/* What stands in that place of this hart's ring, or NULL. */
static void *ring_place(uint64_t place) {
    uint64_t at = this_hart()->index * ring_size + place * PK_TRACE_SIZE;
    struct frame *f = object_lookup(object, at >> PAGE_SHIFT);
    return f ? (char *)frame_va(f) + (at & PAGE_MASK) : NULL;
}

static void describe(struct pk_trace_thread *to, const struct thread *t) {
    if (!t) {
        *to = (struct pk_trace_thread){0};
        return;
    }
    to->word = t->word;
    to->id = t->id;
    to->priority = t->sched.priority;
    memcpy(to->name, t->task->name, sizeof to->name);
}

/* A new event, but for its words; NULL: it is lost. The counter stands still for whoever measures. */
static struct pk_trace_event *begin(enum pk_trace_type type, const struct thread *by,
                                    const struct thread *other) {
    uint64_t now = arch_instructions();
    uint32_t hart = this_hart()->index;
    struct pk_trace_event *e = ring_place(1 + rings[hart].written % capacity);
    if (e) {
        e->ticks = arch_time_ticks();
        e->instructions = now - rings[hart].own;
        e->type = type;
        e->hart = hart;
        describe(&e->by, by);
        describe(&e->other, other);
        memset(e->words, 0, sizeof e->words);
        memset(e->data, 0, sizeof e->data);
    }
    rings[hart].own -= now; /* and the end comes to it in finish() */
    return e;
}

static void finish(void) {
    uint32_t hart = this_hart()->index;
    struct pk_trace_header *h = ring_place(0);
    rings[hart].written++;
    if (h)
        __atomic_store_n(&h->written, rings[hart].written, __ATOMIC_RELEASE);
    rings[hart].own += arch_instructions();
}

static void write_event(enum pk_trace_type type, const struct thread *by,
                        const struct thread *other, uint64_t w0, uint64_t w1, uint64_t w2,
                        uint64_t w3) {
    struct pk_trace_event *e = begin(type, by, other);
    if (e) {
        e->words[0] = w0;
        e->words[1] = w1;
        e->words[2] = w2;
        e->words[3] = w3;
    }
    finish();
}

/* Words of a message, behind two that say whose it is. */
static void write_message(struct pk_trace_event *e, uint64_t first, uint64_t second,
                          const uint64_t *x) {
    static const uint8_t words[] = {REG_WORD0,     REG_WORD0 + 1, REG_WORD0 + 2, REG_WORD0 + 3,
                                    REG_WORD0 + 4, REG_WORD5,     REG_WORD6,     REG_WORD7,
                                    REG_WORD7 + 1, REG_WORD7 + 2};
    e->words[0] = first;
    e->words[1] = second;
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
        e->words[2 + i] = x[words[i]];
}

COLD void trace_call(const struct thread *caller, const struct endpoint *endpoint) {
    const uint64_t *x = caller->regs.x;
    struct pk_trace_event *e = begin(PK_TRACE_CALL, caller, endpoint->server);
    if (e && caller->call.exception) {
        e->words[0] = caller->call.exception;
        e->words[1] = caller->call.token;
        memcpy(&e->words[2], caller->call.exception_words, sizeof caller->call.exception_words);
    } else if (e) {
        write_message(e, x[REG_LABEL], caller->call.token, x);
        aspace_peek(caller->task->aspace, e->data, x[REG_IN_ADDRESS],
                    min_u64(x[REG_IN_LENGTH], sizeof e->data));
    }
    finish();
}

COLD void trace_serve(const struct thread *caller, const struct thread *server, uint64_t label) {
    write_event(PK_TRACE_SERVE, server, caller, label, caller->call.token, 0, 0);
}

COLD void trace_reply(const struct thread *server, const struct thread *caller, long result) {
    struct pk_trace_event *e = begin(PK_TRACE_REPLY, server, caller);
    const uint64_t *x = caller->regs.x;
    if (e && server && !caller->call.exception) {
        write_message(e, (uint64_t)result, caller->call.token, server->regs.x);
        aspace_peek(caller->task->aspace, e->data, x[REG_OUT_ADDRESS],
                    min_u64(x[REG_OUT_LENGTH], sizeof e->data));
    } else if (e) {
        e->words[0] = (uint64_t)result;
        e->words[1] = caller->call.token;
    }
    finish();
}

COLD void trace_switch(const struct thread *before, const struct thread *next) {
    struct hart *hart = this_hart();
    const struct thread *payer = next && next->task->in_hand ? next->task->in_hand : next;
    if (traced(PK_TRACE_MIGRATE) && next && next->hart && next->hart != hart)
        write_event(PK_TRACE_MIGRATE, next, NULL, next->hart->index, hart->index, 0, 0);
    if (traced(PK_TRACE_SWITCH))
        write_event(PK_TRACE_SWITCH, before, next, before ? thread_public_state(before) : 0,
                    payer ? payer->id : 0, payer ? payer->word : 0, 0);
}

COLD void trace_wake(const struct thread *woken) {
    write_event(PK_TRACE_WAKE, this_hart()->current, woken, 0, 0, 0, 0);
}

/* Who is to hear of it: a thread that waits, or the server that it is bound to. */
static const struct thread *notified(const struct notification *n) {
    if (!list_empty(&n->waiters))
        return CONTAINER_OF(n->waiters.next, struct thread, link);
    return n->bound ? n->bound->server : NULL;
}

COLD void trace_notify(const struct thread *t) {
    long error;
    const struct cap *c =
        cap_find(&t->task->caps, t->regs.x[REG_A0], PK_TYPE_NOTIFICATION, PK_RIGHT_USE, &error);
    if (c)
        write_event(PK_TRACE_NOTIFY, t, notified(notification_of(c->object)), t->regs.x[REG_A1], 0,
                    0, 0);
}

COLD void trace_fault(const struct thread *t, uint64_t cause, uint64_t address) {
    write_event(PK_TRACE_FAULT, t, NULL, cause, address, t->regs.x[REG_PC], 0);
}

COLD void trace_interrupt(uint64_t cause) {
    write_event(PK_TRACE_INTERRUPT, this_hart()->current, NULL, cause, 0, 0, 0);
}

COLD void trace_lock(uint64_t ticks) {
    write_event(PK_TRACE_LOCK, this_hart()->current, NULL, ticks, 0, 0, 0);
}

COLD void trace_foreign(const struct thread *t) {
    const uint64_t *x = t->regs.x;
    struct pk_trace_event *e = begin(PK_TRACE_FOREIGN, t, NULL);
    if (e) {
        e->words[0] = x[REG_CALL_NUMBER];
        e->words[1] = x[REG_PC];
        memcpy(&e->words[2], &x[REG_A0], 6 * sizeof *x);
    }
    finish();
}

COLD void trace_return(const struct thread *t) {
    write_event(PK_TRACE_RETURN, t, NULL, t->foreign.call_number, t->foreign.pc,
                t->regs.x[REG_RESULT], 0);
}

void trace_named(const struct thread *t, const uint64_t name[2], const uint64_t words[3]) {
    struct pk_trace_event *e = begin(PK_TRACE_NAMED, t, NULL);
    if (e) {
        memcpy(e->words, words, 3 * sizeof *words);
        memcpy(e->data, name, PK_TRACE_NAME);
    }
    finish();
}

void trace_follow(void) {
    arch_trap_generally(this_hart()->traced);
}

/* From now on all harts trace this, those in user mode as soon as the interrupt has come. */
static void set_mask(uint32_t mask) {
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        bool change = !harts[i].traced != !mask;
        harts[i].traced = mask;
        if (change && &harts[i] != this_hart())
            arch_send_ipi(i);
    }
    trace_follow();
}

static void write_headers(uint32_t mask) {
    for (uint32_t i = 0; i < machine.hart_count; i++) {
        struct frame *f = object_lookup(object, trace_header_page(object, i));
        if (f)
            *(struct pk_trace_header *)frame_va(f) =
                (struct pk_trace_header){.magic = PK_TRACE_MAGIC,
                                         .hart = i,
                                         .harts = machine.hart_count,
                                         .capacity = capacity,
                                         .written = rings[i].written,
                                         .mask = mask,
                                         .timebase_hz = machine.timebase_hz,
                                         .ring_size = ring_size};
    }
}

void trace_begin(struct object *o, uint32_t mask) {
    if (!object) {
        kobject_hold(&o->kobject);
        object = o;
        ring_size = ring_size_of(o);
        capacity = ring_size / PK_TRACE_SIZE - 1;
        memset(rings, 0, sizeof rings);
    }
    write_headers(mask);
    set_mask(mask);
}

void trace_end(void) {
    struct object *o = object;
    if (!o)
        return;
    set_mask(0);
    write_headers(0);
    object = NULL;
    kobject_put(&o->kobject);
}

struct object *trace_object(void) {
    return object;
}
