/* SPDX-License-Identifier: MIT */
/*
 * Tracing: what happens in the kernel, written to rings in a memory object of whoever turned it on (parley/trace.h).
 *
 * While it is on, traps take the general path, which is the specification: the fast path need not know of it. What both
 * use asks hart->traced, the mask, where something happens: two instructions while it is off.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <arch/hart.h>
#include <lib/lib.h>
#include <parley/trace.h>
#include <sched/hart.h>

struct endpoint;
struct object;
struct thread;

static ALWAYS_INLINE bool traced(enum pk_trace_type type) {
    return this_hart()->traced & 1u << type;
}

/* Each writes its event, if its type is in the mask. */
void trace_switch(const struct thread *before, const struct thread *next);
void trace_wake(const struct thread *woken);
void trace_call(const struct thread *caller, const struct endpoint *e);
void trace_serve(const struct thread *caller, const struct thread *server, uint64_t label);
/* server NULL: the kernel ends the call, with that error. */
void trace_reply(const struct thread *server, const struct thread *caller, long result);
void trace_notify(const struct thread *t);
void trace_fault(const struct thread *t, uint64_t cause, uint64_t address);
void trace_interrupt(uint64_t cause);
void trace_lock(uint64_t ticks);
void trace_foreign(const struct thread *t);
void trace_return(const struct thread *t);

/* A hart has been asked to look: it takes the path that is due. */
void trace_follow(void);
/* For kernel/check/: what holds the rings, or NULL. */
struct object *trace_object(void);

#endif
