/* SPDX-License-Identifier: MIT */
/* Kernel calls on tracing. */
#include <arch/machine.h>
#include <calls.h>
#include <mm/object.h>
#include <parley/calls.h>
#include <parley/errno.h>
#include <task/task.h>
#include <task/thread.h>
#include <trace/ring.h>
#include <trace/trace.h>

/* The first page of each ring is there before anything is written: whoever reads finds a header in it. */
static long make_headers(struct thread *self, struct object *o) {
    for (uint32_t i = 0; i < machine.hart_count; i++)
        if (!object_frame(o, trace_header_page(o, i)))
            return call_with_memory(self, -ENOMEM);
    return 0;
}

static long turn_on(struct thread *self, const uint64_t *a) {
    long error = 0;
    const struct cap *c = cap_find(&self->task->caps, a[1], PK_TYPE_OBJECT, PK_RIGHT_WRITE, &error);
    if (!c)
        return error;
    struct object *o = CONTAINER_OF(c->object, struct object, kobject);
    if (o->device || o->size < machine.hart_count * PAGE_SIZE || !a[2] || a[2] & ~PK_TRACE_ALL)
        return -EINVAL;
    if (trace_object() && trace_object() != o)
        return -EBUSY;
    error = make_headers(self, o);
    if (error == 0)
        trace_begin(o, (uint32_t)a[2]);
    return error;
}

long sys_machine_trace(struct thread *self, const uint64_t *a) {
    long error = 0;
    if (!cap_find(&self->task->caps, a[0], PK_TYPE_MACHINE, PK_RIGHT_MANAGE, &error))
        return error;
    if (a[1])
        return turn_on(self, a);
    if (a[2])
        return -EINVAL;
    trace_end();
    return 0;
}

long sys_trace(struct thread *self, const uint64_t *a) {
    long error = 0;
    if (!cap_find(&self->task->caps, a[0], PK_TYPE_MACHINE, PK_RIGHT_USE, &error))
        return error;
    if (!traced(PK_TRACE_NAMED))
        return -EAGAIN;
    trace_named(self, &a[1], &a[3]);
    return 0;
}
