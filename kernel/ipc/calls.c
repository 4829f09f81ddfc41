/* SPDX-License-Identifier: MIT */
/* Kernel calls on messages: call, receive, reply, notify, wait, and copies to and from callers. */
#include <calls.h>
#include <arch/machine.h>
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <mm/copy.h>
#include <mm/word.h>
#include <parley/errno.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>
#include <trace/trace.h>

static long check_caps(const struct task *task, unsigned count, uint64_t packed) {
    if (count > PK_CAPS_MOST)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++) {
        const struct cap *c = cap_at(&task->caps, PK_CAP_AT(packed, i));
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
    if (traced(PK_TRACE_REPLY))
        trace_reply(self, caller, (long)from[REG_A1]);
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

/* 0 for the slot: to nobody. The result is the caller's priority, with what is lent to it. */
long sys_lend(struct thread *self, const uint64_t *a) {
    struct thread *caller = call_by_token(self->task, a[0]), *to = NULL;
    long error = 0;
    if (!caller)
        return -ESRCH;
    if (a[1]) {
        struct cap *c = cap_find(&self->task->caps, a[1], PK_TYPE_THREAD, PK_RIGHT_USE, &error);
        if (!c)
            return error;
        to = thread_of(c->object);
    }
    if (to == caller)
        return -EINVAL;
    if (to != caller->call.lent_to && self->task->in_hand == caller)
        call_put_aside(
            self->task); /* what is in hand is answered without a look at what it lends */
    lend(caller, to);
    return caller->sched.priority;
}

/* A slot: with the right to lend it the priorities of others. */
long sys_caller_thread(struct thread *self, const uint64_t *a) {
    struct thread *caller = call_by_token(self->task, a[0]);
    return caller ? cap_insert(&self->task->caps, 0, &caller->kobject, PK_RIGHT_USE, 0) : -ESRCH;
}

/* Priorities have 7 bits, so the result is positive. */
long sys_caller_rank(struct thread *self, const uint64_t *a) {
    struct thread *caller = call_by_token(self->task, a[0]);
    return caller ? (long)((uint64_t)caller->sched.priority << 32 | caller->sched.weight) : -ESRCH;
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
    if (a[1] & ~NOTIFICATION_BITS)
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
    struct account *account = call_account(self, a[0], PK_RIGHT_MANAGE, &error);
    if (!account || (a[1] && !(n = find_notification(self, a[1], PK_RIGHT_RECEIVE, &error))))
        return error;
    if (n && n->bound)
        return -EBUSY;
    struct endpoint *e = endpoint_create(account, n);
    return e ? call_give(self, &e->kobject) : -ENOMEM;
}

long sys_notification_create(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct account *account = call_account(self, a[0], PK_RIGHT_MANAGE, &error);
    if (!account)
        return error;
    struct notification *n = notification_create(account);
    return n ? call_give(self, &n->kobject) : -ENOMEM;
}

long sys_timer_set(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct notification *n = find_notification(self, a[0], PK_RIGHT_RECEIVE, &error);
    if (!n)
        return error;
    if (a[1] & ~NOTIFICATION_BITS || a[3] & ~(uint64_t)PK_TIMER_DEFERRABLE)
        return -EINVAL;
    if (a[2]) {
        n->timer_bits = a[1];
        timer_arm(&n->timer, a[2], a[3] & PK_TIMER_DEFERRABLE);
    } else {
        timer_disarm(&n->timer);
    }
    return 0;
}

/*
 * One buffer that a caller named, from the offset on, for copy_in_call: whose and where. *length becomes at most
 * what is left of it.
 */
static ALWAYS_INLINE long caller_buffer(const struct thread *self, uint64_t token, uint64_t offset,
                                        bool input, uintptr_t *of, uint64_t *at, uint64_t *length) {
    const struct thread *caller = call_by_token(self->task, token);
    if (!caller)
        return -ESRCH;
    const uint64_t *x = caller->regs.x;
    uint64_t named = x[input ? REG_IN_LENGTH : REG_OUT_LENGTH];
    if (caller->call.exception || offset > named)
        return -EINVAL;
    *of = of_user(caller->task->aspace);
    *at = x[input ? REG_IN_ADDRESS : REG_OUT_ADDRESS] + offset;
    *length = min_u64(*length, named - offset);
    return 0;
}

long sys_copy_from_caller(struct thread *self, const uint64_t *a) {
    uintptr_t of;
    uint64_t from, length = a[3];
    long error = caller_buffer(self, a[0], a[1], true, &of, &from, &length);
    if (error < 0)
        return error;
    return copy_in_call(self, of_user(self->task->aspace), a[2], of, from, length);
}

long sys_copy_to_caller(struct thread *self, const uint64_t *a) {
    uintptr_t of;
    uint64_t to, length = a[3];
    long error = caller_buffer(self, a[0], a[1], false, &of, &to, &length);
    if (error < 0)
        return error;
    return copy_in_call(self, of, to, of_user(self->task->aspace), a[2], length);
}

long sys_caller_to_caller(struct thread *self, const uint64_t *a) {
    uintptr_t from_of, to_of;
    uint64_t from, to, length = a[4];
    long error = caller_buffer(self, a[0], a[1], true, &from_of, &from, &length);
    if (error == 0)
        error = caller_buffer(self, a[2], a[3], false, &to_of, &to, &length);
    return error < 0 ? error : copy_in_call(self, to_of, to, from_of, from, length);
}

long sys_caller_to_object(struct thread *self, const uint64_t *a) {
    uintptr_t of;
    uint64_t from, length = a[4];
    long error = caller_buffer(self, a[0], a[1], true, &of, &from, &length);
    if (error < 0)
        return error;
    struct object *o = call_object(self, a[2], PK_RIGHT_WRITE, a[3], length, &error);
    return o ? copy_in_call(self, of_object(o), a[3], of, from, length) : error;
}

long sys_object_to_caller(struct thread *self, const uint64_t *a) {
    uintptr_t of;
    uint64_t to, length = a[4];
    long error = caller_buffer(self, a[0], a[1], false, &of, &to, &length);
    if (error < 0)
        return error;
    struct object *o = call_object(self, a[2], PK_RIGHT_USE, a[3], length, &error);
    return o ? copy_in_call(self, of, to, of_object(o), a[3], length) : error;
}

/* One word of a buffer that a caller named: whose and where; -EINVAL if it is not whole. */
static long caller_word(const struct thread *self, uint64_t token, uint64_t offset, bool input,
                        struct aspace **as, uint64_t *va) {
    uintptr_t of;
    uint64_t length = sizeof(uint32_t);
    long error = caller_buffer(self, token, offset, input, &of, va, &length);
    if (error < 0)
        return error;
    *as = (struct aspace *)of;
    return length < sizeof(uint32_t) ? -EINVAL : 0;
}

long sys_caller_word(struct thread *self, const uint64_t *a) {
    struct aspace *as;
    uint64_t va, flags = a[2];
    long error = caller_word(self, a[0], a[1], true, &as, &va);
    long word = error < 0 ? error : word_load(as, va);
    if (word < 0)
        return word;
    error = call_word_name(self, as, va, flags);
    return error < 0 ? error : word;
}

long sys_caller_word_name(struct thread *self, const uint64_t *a) {
    const struct thread *caller = call_by_token(self->task, a[0]);
    if (!caller)
        return -ESRCH;
    return call_word_name(self, caller->task->aspace, a[1], a[2]);
}

long sys_caller_word_exchange(struct thread *self, const uint64_t *a) {
    struct aspace *as;
    uint64_t va;
    long error = caller_word(self, a[0], a[1], false, &as, &va);
    return error < 0 ? error : word_exchange(as, va, (uint32_t)a[2], (uint32_t)a[3]);
}
