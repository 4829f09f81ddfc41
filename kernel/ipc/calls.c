/* SPDX-License-Identifier: MIT */
/* Kernel calls on messages: call, receive, reply, notify, wait, and copies to and from callers. */
#include <calls.h>
#include <arch/machine.h>
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <mm/copy.h>
#include <mm/object.h>
#include <parley/errno.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>

#define MAX_MESSAGE_CAPS 4
#define EVENT_BITS (~0ull >> 1) /* bit 63 would make a result negative */

static long check_caps(const struct task *task, unsigned count, uint64_t packed) {
    if (count > MAX_MESSAGE_CAPS)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++) {
        const struct cap *c = cap_at(&task->caps, packed >> (16 * i) & 0xffff);
        if (!c)
            return -EBADF;
        if (!(c->rights & PK_RIGHT_GRANT))
            return -EPERM;
    }
    return 0;
}

static struct endpoint *find_endpoint(struct thread *self, uint64_t slot, uint32_t right,
                                      uint64_t *badge, long *error) {
    struct cap *c = cap_find(&self->task->caps, slot, PK_TYPE_ENDPOINT, right, error);
    if (!c)
        return NULL;
    *badge = c->badge;
    return endpoint_of(c->object);
}

long sys_call(struct thread *self, const uint64_t *a) {
    const uint64_t *x = self->regs.x;
    uint64_t badge;
    long error = 0;
    struct endpoint *e = find_endpoint(self, a[0], PK_RIGHT_USE, &badge, &error);
    if (!e)
        return error;
    uint64_t label = x[REG_LABEL];
    if (label >> 19)
        return -EINVAL;
    error = check_caps(self->task, label >> PK_LABEL_CAPS_SHIFT & 7, x[REG_CAPS]);
    if (error < 0)
        return error;
    call_start(self, e, badge);
    return CALL_DONE;
}

long sys_receive(struct thread *self, const uint64_t *a) {
    uint64_t badge;
    long error = 0;
    struct endpoint *e = find_endpoint(self, a[0], PK_RIGHT_RECEIVE, &badge, &error);
    if (!e)
        return error;
    enum received received = receive_pending(self, e);
    if (received == RECEIVED_LATER)
        return call_restart(self);
    if (received == RECEIVED_MESSAGE)
        return CALL_DONE;
    if (a[1] & PK_NONBLOCK)
        return -EAGAIN;
    receive_wait(self, e);
    return CALL_DONE;
}

/* The caller behind a token that task received and has not answered, or NULL. */
static inline struct thread *call_by_token(const struct task *task, uint64_t token) {
    if (task->in_hand && task->in_hand->call.token == token)
        return task->in_hand;
    struct thread *t = thread_by_id(token & ((1ull << TOKEN_ID_BITS) - 1));
    if (!t || t->state != THREAD_SERVED || t->call.server != task || t->call.token != token)
        return NULL;
    return t;
}

static COLD long reply_caps(struct thread *self, struct thread *caller, unsigned count,
                            uint64_t *packed) {
    long error = check_caps(self->task, count, *packed);
    return error < 0 ? error : caps_transfer(self->task, caller->task, count, packed);
}

/* Answers the caller behind the token in self's registers; it is left finished but not ready. */
static ALWAYS_INLINE struct thread *answer(struct thread *self, uint64_t token, long *error) {
    const uint64_t *from = self->regs.x;
    unsigned count = token >> TOKEN_BITS & 7;
    struct thread *caller = call_by_token(self->task, token & ((1ull << TOKEN_BITS) - 1));
    *error = -ESRCH;
    if (!caller)
        return NULL;
    if (!caller->call.exception) {
        uint64_t packed = from[REG_CAPS];
        if (count && (*error = reply_caps(self, caller, count, &packed)) < 0)
            return NULL;
        uint64_t *to = caller->regs.x;
        to[REG_RESULT] = from[REG_A1];
        to[REG_LABEL] = count;
        message_words(to, from);
        to[REG_CAPS] = packed;
    }
    call_finish(caller);
    return caller;
}

long sys_reply(struct thread *self, const uint64_t *a) {
    long error;
    struct thread *caller = answer(self, a[0], &error);
    if (!caller)
        return error;
    sched_ready(caller);
    return 0;
}

long sys_reply_receive(struct thread *self, const uint64_t *a) {
    uint64_t badge;
    long error = 0;
    uint64_t slot = self->regs.x[REG_REPLY_ENDPOINT];
    struct endpoint *e = find_endpoint(self, slot, PK_RIGHT_RECEIVE, &badge, &error);
    if (!e)
        return error;
    /* A caller that died meanwhile is no reason not to receive; bad capabilities are. */
    struct thread *caller = a[0] ? answer(self, a[0], &error) : NULL;
    if (a[0] && !caller && error != -ESRCH)
        return error;
    enum received received = receive_pending(self, e);
    if (received == RECEIVED_NOTHING)
        receive_wait(self, e);
    if (caller && received != RECEIVED_NOTHING)
        sched_ready(caller);
    else if (caller)
        sched_handoff(caller);
    if (received != RECEIVED_LATER)
        return CALL_DONE;
    self->regs.x[REG_TOKEN] = 0; /* that one is answered */
    return call_restart(self);
}

static struct notification *find_notification(struct thread *self, uint64_t slot, uint32_t right,
                                              long *error) {
    struct cap *c = cap_find(&self->task->caps, slot, PK_TYPE_NOTIFICATION, right, error);
    return c ? notification_of(c->object) : NULL;
}

long sys_notify(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct notification *n = find_notification(self, a[0], PK_RIGHT_USE, &error);
    if (!n)
        return error;
    if (a[1] & ~EVENT_BITS)
        return -EINVAL;
    notification_signal(n, a[1]);
    return 0;
}

long sys_wait(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct notification *n = find_notification(self, a[0], PK_RIGHT_RECEIVE, &error);
    if (!n)
        return error;
    if (n->bits) {
        uint64_t bits = n->bits;
        n->bits = 0;
        return (long)bits;
    }
    if (a[1] & PK_NONBLOCK)
        return -EAGAIN;
    self->state = THREAD_WAITING;
    list_append(&n->waiters, &self->link);
    return CALL_DONE;
}

long sys_endpoint_create(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct notification *n = NULL;
    if (a[0] && !(n = find_notification(self, a[0], PK_RIGHT_RECEIVE, &error)))
        return error;
    if (n && n->bound)
        return -EBUSY;
    struct endpoint *e = endpoint_create(self->task->account, n);
    return e ? call_give(self, &e->kobject) : -ENOMEM;
}

long sys_notification_create(struct thread *self, const uint64_t *a) {
    (void)a;
    struct notification *n = notification_create(self->task->account);
    return n ? call_give(self, &n->kobject) : -ENOMEM;
}

long sys_timer_set(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct notification *n = find_notification(self, a[0], PK_RIGHT_RECEIVE, &error);
    if (!n)
        return error;
    if (a[1] & ~EVENT_BITS)
        return -EINVAL;
    if (a[2]) {
        n->timer_bits = a[1];
        timer_arm(&n->timer, a[2]);
    } else {
        timer_disarm(&n->timer);
    }
    return 0;
}

/* One buffer that a caller named. */
struct buffer {
    struct thread *caller;
    uint64_t address, length; /* what is left behind the offset */
};

static long caller_buffer(struct thread *self, uint64_t token, uint64_t offset, bool input,
                          struct buffer *out) {
    struct thread *caller = call_by_token(self->task, token);
    if (!caller)
        return -ESRCH;
    const uint64_t *x = caller->regs.x;
    uint64_t length = x[input ? REG_IN_LENGTH : REG_OUT_LENGTH];
    if (caller->call.exception || offset > length)
        return -EINVAL;
    *out = (struct buffer){caller, x[input ? REG_IN_ADDRESS : REG_OUT_ADDRESS] + offset,
                           length - offset};
    return 0;
}

/* Copies in steps; between them a pending interrupt is let in. step() copies up to n bytes at `done`. */
typedef long copy_step(const struct buffer *b, const uint64_t *a, struct thread *self,
                       uint64_t done, uint64_t n);

static long copy_steps(struct thread *self, const struct buffer *b, const uint64_t *a,
                       uint64_t length, copy_step *step) {
    length = min_u64(length, b->length);
    uint64_t done = min_u64(call_progress(self), length);
    while (done < length) {
        long n = step(b, a, self, done, length - done);
        if (n < 0)
            return n;
        done += (uint64_t)n;
        if (done < length && arch_interrupt_pending())
            return call_restart_at(self, done);
    }
    return (long)done;
}

static long step_from_caller(const struct buffer *b, const uint64_t *a, struct thread *self,
                             uint64_t done, uint64_t n) {
    return copy_user_to_user(self->task->aspace, a[2] + done, b->caller->task->aspace,
                             b->address + done, n);
}

static long step_to_caller(const struct buffer *b, const uint64_t *a, struct thread *self,
                           uint64_t done, uint64_t n) {
    return copy_user_to_user(b->caller->task->aspace, b->address + done, self->task->aspace,
                             a[2] + done, n);
}

static long step_between_callers(const struct buffer *b, const uint64_t *a, struct thread *self,
                                 uint64_t done, uint64_t n) {
    struct buffer to;
    long error = caller_buffer(self, a[2], a[3] + done, false, &to);
    return error < 0 ? error
                     : copy_user_to_user(to.caller->task->aspace, to.address,
                                         b->caller->task->aspace, b->address + done, n);
}

static struct object *named_object(struct thread *self, uint64_t slot, uint32_t rights,
                                   uint64_t offset, uint64_t length, long *error) {
    struct cap *c = cap_find(&self->task->caps, slot, PK_TYPE_OBJECT, rights, error);
    struct object *o = c ? CONTAINER_OF(c->object, struct object, kobject) : NULL;
    if (o && (o->device || offset > o->size || length > o->size - offset)) {
        *error = -EINVAL;
        return NULL;
    }
    return o;
}

static long step_to_object(const struct buffer *b, const uint64_t *a, struct thread *self,
                           uint64_t done, uint64_t n) {
    long error = 0;
    struct object *o = named_object(self, a[2], PK_RIGHT_RECEIVE, a[3] + done, n, &error);
    return o ? copy_user_to_object(o, a[3] + done, b->caller->task->aspace, b->address + done, n)
             : error;
}

static long step_from_object(const struct buffer *b, const uint64_t *a, struct thread *self,
                             uint64_t done, uint64_t n) {
    long error = 0;
    struct object *o = named_object(self, a[2], PK_RIGHT_USE, a[3] + done, n, &error);
    return o ? copy_object_to_user(b->caller->task->aspace, b->address + done, o, a[3] + done, n)
             : error;
}

static COLD long copy_from_caller(struct thread *self, const uint64_t *a) {
    struct buffer b;
    long error = caller_buffer(self, a[0], a[1], true, &b);
    return error < 0 ? error : copy_steps(self, &b, a, a[3], step_from_caller);
}

static COLD long copy_to_caller(struct thread *self, const uint64_t *a) {
    struct buffer b;
    long error = caller_buffer(self, a[0], a[1], false, &b);
    return error < 0 ? error : copy_steps(self, &b, a, a[3], step_to_caller);
}

#define SHORT_COPY 4096 /* one that lies in a page may be */

/* Most copies can be done at once: how many bytes it was, else -1. */
static ALWAYS_INLINE long copy_once(struct thread *self, const uint64_t *a, bool input) {
    const struct thread *caller = call_by_token(self->task, a[0]);
    if (!caller || caller->call.exception || a[3] > SHORT_COPY || self->progress)
        return -1;
    const uint64_t *x = caller->regs.x;
    uint64_t length = x[input ? REG_IN_LENGTH : REG_OUT_LENGTH];
    uint64_t at = x[input ? REG_IN_ADDRESS : REG_OUT_ADDRESS] + a[1];
    if (a[1] > length)
        return -1;
    uint64_t n = min_u64(a[3], length - a[1]);
    struct aspace *own = self->task->aspace, *other = caller->task->aspace;
    bool done = input ? copy_user_to_user_at_once(own, a[2], other, at, n)
                      : copy_user_to_user_at_once(other, at, own, a[2], n);
    return done ? (long)n : -1;
}

long sys_copy_from_caller(struct thread *self, const uint64_t *a) {
    long done = copy_once(self, a, true);
    return done >= 0 ? done : copy_from_caller(self, a);
}

long sys_copy_to_caller(struct thread *self, const uint64_t *a) {
    long done = copy_once(self, a, false);
    return done >= 0 ? done : copy_to_caller(self, a);
}

static COLD long caller_to_caller(struct thread *self, const uint64_t *a) {
    struct buffer from, to;
    long error = caller_buffer(self, a[0], a[1], true, &from);
    if (error == 0)
        error = caller_buffer(self, a[2], a[3], false, &to);
    if (error < 0)
        return error;
    uint64_t n = min_u64(a[4], min_u64(from.length, to.length));
    return copy_steps(self, &from, a, n, step_between_callers);
}

long sys_caller_to_caller(struct thread *self, const uint64_t *a) {
    const struct thread *from = call_by_token(self->task, a[0]);
    const struct thread *to = from ? call_by_token(self->task, a[2]) : NULL;
    if (!to || from->call.exception || to->call.exception || a[4] > SHORT_COPY || self->progress)
        return caller_to_caller(self, a);
    uint64_t in = from->regs.x[REG_IN_LENGTH], out = to->regs.x[REG_OUT_LENGTH];
    if (a[1] > in || a[3] > out)
        return -EINVAL;
    uint64_t n = min_u64(a[4], min_u64(in - a[1], out - a[3]));
    if (copy_user_to_user_at_once(to->task->aspace, to->regs.x[REG_OUT_ADDRESS] + a[3],
                                  from->task->aspace, from->regs.x[REG_IN_ADDRESS] + a[1], n))
        return (long)n;
    return caller_to_caller(self, a);
}

long sys_caller_to_object(struct thread *self, const uint64_t *a) {
    struct buffer b;
    long error = caller_buffer(self, a[0], a[1], true, &b);
    if (error == 0 &&
        !named_object(self, a[2], PK_RIGHT_RECEIVE, a[3], min_u64(a[4], b.length), &error))
        return error;
    return error < 0 ? error : copy_steps(self, &b, a, a[4], step_to_object);
}

long sys_object_to_caller(struct thread *self, const uint64_t *a) {
    struct buffer b;
    long error = caller_buffer(self, a[0], a[1], false, &b);
    if (error == 0 &&
        !named_object(self, a[2], PK_RIGHT_USE, a[3], min_u64(a[4], b.length), &error))
        return error;
    return error < 0 ? error : copy_steps(self, &b, a, a[4], step_from_object);
}
