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

#define ZERO_CREDIT 25

/* Every page of the rings is there before anything is written: 0, CALL_DONE for later, or an error. */
static long fill(struct thread *self, struct object *o) {
    uint64_t pages = o->size >> PAGE_SHIFT, done = min_u64(call_progress(self), pages);
    int credit = STEP_CREDIT;
    for (; done < pages; done++) {
        if (!object_frame(o, done))
            return call_with_memory(self, -ENOMEM);
        if ((credit -= ZERO_CREDIT) > 0)
            continue;
        if (call_must_wait())
            return call_restart_at(self, done);
        credit = STEP_CREDIT;
    }
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
    error = fill(self, o);
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
