/* SPDX-License-Identifier: MIT */
/* Delivery: what stands in the receiver's registers when a message or a notice reaches it. */
#include <ipc/message.h>
#include <arch/latency.h>
#include <parley/errno.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>
#include <trace/trace.h>

long caps_transfer(struct task *from, struct task *to, unsigned count, uint64_t *packed) {
    uint64_t slots = 0;
    long error = 0;
    unsigned done = 0;
    for (; done < count; done++) {
        uint64_t slot = PK_CAP_AT(*packed, done);
        struct cap *c = cap_at(&from->caps, slot);
        if (!c || !(c->rights & PK_RIGHT_GRANT)) {
            error = c ? -EPERM : -EBADF;
            break;
        }
        long at = cap_insert(&to->caps, 0, c->object, c->rights, c->badge);
        if (at < 0) {
            error = at;
            break;
        }
        slots |= PK_CAP_TO(at, done);
    }
    if (error < 0) {
        while (done-- > 0)
            cap_remove(&to->caps, PK_CAP_AT(slots, done));
        return error;
    }
    *packed = slots;
    return 0;
}

static void deliver_exception(const struct thread *caller, uint64_t *x) {
    message_clear(x);
    x[REG_LABEL] = caller->call.exception;
    for (unsigned i = 0; i < 4; i++)
        x[REG_WORD0 + i] = caller->call.exception_words[i];
}

long message_deliver(struct thread *caller, struct thread *r) {
    uint64_t *to = r->regs.x;
    const uint64_t *from = caller->regs.x;
    if (caller->call.exception) {
        deliver_exception(caller, to);
    } else {
        unsigned count = from[REG_LABEL] >> PK_LABEL_CAPS_SHIFT & 7;
        uint64_t packed = from[REG_CAPS];
        if (count) {
            long error = caps_transfer(caller->task, r->task, count, &packed);
            if (error < 0)
                return error;
        }
        to[REG_LABEL] = from[REG_LABEL];
        message_words(to, from);
        to[REG_CAPS] = packed;
    }
    latency_served(r, to[REG_LABEL]);
    if (traced(PK_TRACE_SERVE))
        trace_serve(caller, r, to[REG_LABEL]);
    to[REG_TOKEN] = caller->call.token;
    to[REG_BADGE] = caller->call.badge;
    caller->state = THREAD_SERVED;
    caller->call.server = r->task;
    call_put_aside(r->task);
    if (caller->call.exception)
        list_append(&r->task->served, &caller->call.served);
    else
        r->task->in_hand = caller;
    sched_set_priority(r, caller->sched.priority > r->base_priority ? caller->sched.priority
                                                                    : r->base_priority);
    return 0;
}

void message_events(struct thread *r, uint64_t bits) {
    uint64_t *x = r->regs.x;
    message_clear(x);
    x[REG_TOKEN] = x[REG_BADGE] = 0;
    latency_served_events(r, bits);
    x[REG_LABEL] = PK_NOTICE_EVENTS;
    x[REG_WORD0] = bits;
}

void message_notice(struct endpoint *e, struct thread *r) {
    struct thread *t = CONTAINER_OF(e->notices.next, struct thread, call.notice);
    uint64_t *x = r->regs.x;
    message_clear(x);
    x[REG_TOKEN] = t->call.token;
    latency_served(r, PK_NOTICE_CANCEL);
    x[REG_LABEL] = PK_NOTICE_CANCEL;
    x[REG_BADGE] = t->call.badge;
    x[REG_WORD0] = t->state == THREAD_ENDED ? PK_CANCEL_DEAD : PK_CANCEL_INTERRUPT;
    notice_drop(t);
}

void notice_drop(struct thread *t) {
    if (list_empty(&t->call.notice))
        return;
    list_remove(&t->call.notice);
    if (t->state == THREAD_ENDED)
        kobject_put(&t->kobject); /* held since its end, for this notice */
}

void notice_post(struct thread *t) {
    struct endpoint *e = t->call.endpoint;
    list_append(&e->notices, &t->call.notice);
    e->pending = true;
    struct thread *r = endpoint_take_receiver(e);
    if (r) {
        message_notice(e, r);
        sched_ready(r);
    }
}
