/* SPDX-License-Identifier: MIT */
/*
 * How long interrupts wait, measured by the kernel itself. Interrupts are off inside the kernel, so one
 * waits from a trap's entry to its return, or to the next look at the pending interrupts that finds
 * none. Such a stretch is timed by the instruction counter; the longest, one of each kind, are kept and
 * told when the machine is stopped. The fast path (fast.S), which has no loops, is not looked at.
 *
 * How long servers take for one message is measured, too: from its delivery until the server receives again,
 * calls to other servers included. That must be seen by the general path: boot with path=general.
 *
 * Only in the kernel parley-latency.elf; elsewhere arch/latency.h is empty.
 */
#include "csr.h"
#include <arch/hart.h>
#include <arch/latency.h>
#include <arch/machine.h>
#include <lib/lib.h>
#include <sched/hart.h>
#include <task/task.h>
#include <task/thread.h>

#define KEPT 8

/* What began or went on in `from` (0: the trap itself) and ended in `to` (0: the return to user mode). */
struct stretch {
    uint64_t length; /* instructions */
    uint64_t cause, call, pc;
    uint64_t from, to;
};

static struct stretch kept[ARCH_MAX_HARTS][KEPT];

static bool same_kind(const struct stretch *a, const struct stretch *b) {
    return a->cause == b->cause && a->call == b->call && a->from == b->from && a->to == b->to;
}

/* The longest of each kind, longest first. */
static void keep(struct stretch *list, const struct stretch *s) {
    unsigned at = 0;
    while (at < KEPT - 1 && !same_kind(&list[at], s))
        at++;
    if (s->length <= list[at].length)
        return;
    for (; at > 0 && list[at - 1].length < s->length; at--)
        list[at] = list[at - 1];
    list[at] = *s;
}

static void look(uint64_t place) {
    uint64_t now = csr_read(instret);
    struct hart *hart = this_hart();
    struct latency *l = &hart->latency;
    if (l->since) {
        uint64_t cause = csr_read(scause);
        struct stretch s = {now - l->since, cause, 0, l->pc, l->place, place};
        if (cause == CAUSE_ECALL_USER)
            s.call = l->call;
        keep(kept[hart->index], &s);
    }
    l->place = place;
    l->since = csr_read(instret);
}

void latency_look(const void *place) {
    look((uint64_t)(uintptr_t)place);
}

void latency_leave(void) {
    look(0);
}

void latency_begin(const void *place) {
    this_hart()->latency.place = (uint64_t)(uintptr_t)place;
    this_hart()->latency.since = csr_read(instret);
}

#define SERVERS 16
#define HANDLERS 64

/* What each server is doing, and the longest that it took for each kind of message. */
static struct serving {
    const struct thread *server;
    uint64_t label, since;
} serving[SERVERS];

static struct handler {
    const struct task *task;
    uint64_t label, length;
} handlers[HANDLERS];

static struct serving *serving_of(const struct thread *server) {
    for (struct serving *s = serving; s < serving + SERVERS; s++) {
        if (!s->server)
            s->server = server;
        if (s->server == server)
            return s;
    }
    return NULL;
}

void latency_served(const struct thread *server, uint64_t label) {
    struct serving *s = serving_of(server);
    if (!s)
        return;
    s->label = label;
    s->since = csr_read(instret);
}

/* Each sort of event counts as a message of its own: its bits, turned so that none meets the label's. */
void latency_served_events(const struct thread *server, uint64_t bits) {
    latency_served(server, PK_NOTICE_EVENTS | bits << 8 | bits >> 56);
}

void latency_receives(const struct thread *server) {
    struct serving *s = serving_of(server);
    if (!s || !s->since)
        return;
    uint64_t length = csr_read(instret) - s->since;
    s->since = 0;
    for (struct handler *h = handlers; h < handlers + HANDLERS; h++) {
        if (!h->task)
            *h = (struct handler){server->task, s->label, 0};
        if (h->task == server->task && h->label == s->label) {
            h->length = length > h->length ? length : h->length;
            return;
        }
    }
}

void latency_report(void) {
    for (const struct handler *h = handlers; h < handlers + HANDLERS && h->task; h++)
        kprintf("handled: %lu instructions, server %s, label %lx\n", h->length, h->task->name,
                h->label);
    for (uint32_t i = 0; i < machine.hart_count; i++)
        for (const struct stretch *s = kept[i]; s < kept[i] + KEPT && s->length; s++)
            kprintf("latency: %lu instructions, cause %lx, call %ld, pc %lx, from %lx, to %lx\n",
                    s->length, s->cause, (long)s->call, s->pc, s->from, s->to);
}
