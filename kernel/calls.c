/* SPDX-License-Identifier: MIT */
/* The table of kernel calls, and what the handlers share. */
#include <calls.h>
#include <arch/hart.h>
#include <entry.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/object.h>
#include <mm/word.h>
#include <parley/calls.h>
#include <parley/errno.h>
#include <sched/hart.h>
#include <sched/sched.h>
#include <task/task.h>
#include <task/thread.h>
#include <trace/trace.h>

kernel_call_handler *const kernel_call_table[PK_CALLS + 1] = {
    [-PK_CALL] = sys_call,
    [-PK_RECEIVE] = sys_receive,
    [-PK_REPLY] = sys_reply,
    [-PK_REPLY_RECEIVE] = sys_reply_receive,
    [-PK_NOTIFY] = sys_notify,
    [-PK_WAIT] = sys_wait,
    [-PK_FOREIGN_RETURN] = sys_foreign_return,
    [-PK_YIELD] = sys_yield,
    [-PK_COPY_FROM_CALLER] = sys_copy_from_caller,
    [-PK_COPY_TO_CALLER] = sys_copy_to_caller,
    [-PK_CALLER_TO_OBJECT] = sys_caller_to_object,
    [-PK_OBJECT_TO_CALLER] = sys_object_to_caller,
    [-PK_ENDPOINT_CREATE] = sys_endpoint_create,
    [-PK_NOTIFICATION_CREATE] = sys_notification_create,
    [-PK_TIMER_SET] = sys_timer_set,
    [-PK_IRQ_BIND] = sys_irq_bind,
    [-PK_IRQ_ACK] = sys_irq_ack,
    [-PK_CAP_COPY] = sys_cap_copy,
    [-PK_CAP_DROP] = sys_cap_drop,
    [-PK_CAP_INFO] = sys_cap_info,
    [-PK_TASK_CREATE] = sys_task_create,
    [-PK_TASK_CLONE] = sys_task_clone,
    [-PK_TASK_SET] = sys_task_set,
    [-PK_TASK_INFO] = sys_task_info,
    [-PK_TASK_KILL] = sys_task_kill,
    [-PK_TASK_COPY_IN] = sys_task_copy_in,
    [-PK_TASK_COPY_OUT] = sys_task_copy_out,
    [-PK_TASK_PATCH] = sys_task_patch,
    [-PK_THREAD_CREATE] = sys_thread_create,
    [-PK_THREAD_COPY] = sys_thread_copy,
    [-PK_THREAD_REGS] = sys_thread_regs,
    [-PK_THREAD_SUSPEND] = sys_thread_suspend,
    [-PK_THREAD_RESUME] = sys_thread_resume,
    [-PK_THREAD_KILL] = sys_thread_kill,
    [-PK_THREAD_ATTENTION] = sys_thread_attention,
    [-PK_THREAD_INFO] = sys_thread_info,
    [-PK_THREAD_PRIORITY] = sys_thread_priority,
    [-PK_THREAD_RESERVE] = sys_thread_reserve,
    [-PK_SLEEP] = sys_sleep,
    [-PK_OBJECT_CREATE] = sys_object_create,
    [-PK_OBJECT_DEVICE] = sys_object_device,
    [-PK_OBJECT_RESIZE] = sys_object_resize,
    [-PK_OBJECT_INFO] = sys_object_info,
    [-PK_OBJECT_READ] = sys_object_read,
    [-PK_OBJECT_WRITE] = sys_object_write,
    [-PK_OBJECT_FIND] = sys_object_find,
    [-PK_OBJECT_DISCARD] = sys_object_discard,
    [-PK_OBJECT_WATCH] = sys_object_watch,
    [-PK_MAP] = sys_map,
    [-PK_UNMAP] = sys_unmap,
    [-PK_PROTECT] = sys_protect,
    [-PK_REGION_INFO] = sys_region_info,
    [-PK_REGION_OBJECT] = sys_region_object,
    [-PK_REGION_FIND] = sys_region_find,
    [-PK_RENEW] = sys_renew,
    [-PK_RETAG] = sys_retag,
    [-PK_MACHINE_POLICY] = sys_machine_policy,
    [-PK_MACHINE_TRACE] = sys_machine_trace,
    [-PK_TRACE] = sys_trace,
    [-PK_MACHINE_THREAD] = sys_machine_thread,
    [-PK_MACHINE_HART] = sys_machine_hart,
    [-PK_IRQ_CREATE] = sys_irq_create,
    [-PK_MACHINE_INFO] = sys_machine_info,
    [-PK_MACHINE_STOP] = sys_machine_stop,
    [-PK_LOG] = sys_log,
    [-PK_MACHINE_CHECK] = sys_machine_check,
    [-PK_FOREIGN_EXCHANGE] = sys_foreign_exchange,
    [-PK_FOREIGN_ATTENTION] = sys_foreign_attention,
    [-PK_CALLER_TO_CALLER] = sys_caller_to_caller,
    [-PK_ACCOUNT_CREATE] = sys_account_create,
    [-PK_ACCOUNT_SET] = sys_account_set,
    [-PK_ACCOUNT_INFO] = sys_account_info,
    [-PK_POPULATE] = sys_populate,
    [-PK_SYNC_CODE] = sys_sync_code,
    [-PK_CALLER_WORD] = sys_caller_word,
    [-PK_CALLER_WORD_NAME] = sys_caller_word_name,
    [-PK_CALLER_WORD_EXCHANGE] = sys_caller_word_exchange,
    [-PK_TASK_WORD_NAME] = sys_task_word_name,
    [-PK_TASK_WORD_EXCHANGE] = sys_task_word_exchange,
    [-PK_LEND] = sys_lend,
    [-PK_CALLER_THREAD] = sys_caller_thread,
    [-PK_CALLER_RANK] = sys_caller_rank,
    [-PK_MACHINE_HARTS] = sys_machine_harts,
    [-PK_MACHINE_DONATION] = sys_machine_donation,
};

void kernel_call(struct thread *t) {
    int64_t number = (int64_t)t->regs.x[REG_CALL_NUMBER];
    if (number >= 0) {
        foreign_call(t);
        return;
    }
    if (number == PK_NOTIFY && traced(PK_TRACE_NOTIFY)) /* who is traced always comes here */
        trace_notify(t);
    long result = -ENOSYS;
    if (number >= -PK_CALLS)
        result = kernel_call_table[-number](t, &t->regs.x[REG_A0]);
    if (result != CALL_DONE) {
        t->regs.x[REG_RESULT] = (uint64_t)result;
        t->progress = 0; /* a call that was to go on may have failed before it could */
    }
}

bool call_must_wait(void) {
    return arch_interrupt_pending() || kernel_lock_wanted();
}

long call_restart(struct thread *self) {
    self->regs.x[REG_PC] -= ARCH_CALL_SIZE;
    return CALL_DONE;
}

long call_restart_at(struct thread *self, uint64_t progress) {
    self->progress = progress;
    return call_restart(self);
}

long call_with_memory(struct thread *self, long result) {
    if (result != -ENOMEM || !kobject_work)
        return result;
    sched_reap_now();
    return call_restart(self);
}

uint64_t call_progress(struct thread *self) {
    uint64_t progress = self->progress;
    self->progress = 0;
    return progress;
}

struct task *call_task(struct thread *self, uint64_t slot, uint32_t rights, long *error) {
    struct cap *c = cap_find(&self->task->caps, slot, PK_TYPE_TASK, rights, error);
    struct task *task = c ? task_of(c->object) : NULL;
    if (task && (task->dying || !task->aspace)) {
        *error = -ESRCH;
        return NULL;
    }
    if (task && task->aspace->clone_of) {
        *error = -EBUSY; /* half a clone: only task_clone goes on with it */
        return NULL;
    }
    return task;
}

struct task *call_task_or_own(struct thread *self, uint64_t slot, long *error) {
    return slot ? call_task(self, slot, PK_RIGHT_MANAGE, error) : self->task;
}

struct thread *call_thread(struct thread *self, uint64_t slot, long *error) {
    struct cap *c = cap_find(&self->task->caps, slot, PK_TYPE_THREAD, PK_RIGHT_MANAGE, error);
    struct thread *t = c ? thread_of(c->object) : NULL;
    if (t && t->state == THREAD_ENDED) {
        *error = -ESRCH;
        return NULL;
    }
    return t;
}

struct account *call_account(struct thread *self, uint64_t slot, uint32_t rights, long *error) {
    struct cap *c = cap_find(&self->task->caps, slot, PK_TYPE_ACCOUNT, rights, error);
    return c ? account_of(c->object) : NULL;
}

struct object *call_object(struct thread *self, uint64_t slot, uint32_t rights, uint64_t offset,
                           uint64_t length, long *error) {
    struct cap *c = cap_find(&self->task->caps, slot, PK_TYPE_OBJECT, rights, error);
    struct object *o = c ? CONTAINER_OF(c->object, struct object, kobject) : NULL;
    if (o && (o->device || offset > o->size || length > o->size - offset)) {
        *error = -EINVAL;
        return NULL;
    }
    return o;
}

long call_word_name(struct thread *self, struct aspace *as, uint64_t va, uint64_t flags) {
    struct word_name name;
    if (flags & ~(uint64_t)PK_WORD_OWN)
        return -EINVAL;
    long error = word_name(as, va, flags & PK_WORD_OWN, &name);
    if (error < 0)
        return error;
    uint64_t *out = &self->regs.x[REG_A1];
    out[0] = name.id;
    out[1] = name.offset;
    return 0;
}

long call_give(struct thread *self, struct kobject *k) {
    long slot = cap_insert(&self->task->caps, 0, k, PK_RIGHT_ALL, 0);
    kobject_put(k);
    return slot;
}
