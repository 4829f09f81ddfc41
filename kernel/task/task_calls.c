/* SPDX-License-Identifier: MIT */
/* Kernel calls on tasks. */
#include <arch/machine.h>
#include <calls.h>
#include <ipc/ipc.h>
#include <mm/aspace.h>
#include <mm/copy.h>
#include <mm/word.h>
#include <parley/errno.h>
#include <task/task.h>
#include <task/thread.h>

long sys_task_create(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct account *account = call_account(self, a[0], PK_RIGHT_MANAGE, &error);
    if (!account)
        return error;
    struct task *sharing = NULL;
    if (a[1] && !(sharing = call_task(self, a[1], PK_RIGHT_MANAGE, &error)))
        return error;
    struct task *task = task_create(account, sharing);
    return call_with_memory(self, task ? call_give(self, &task->kobject) : -ENOMEM);
}

/* A task that its maker has not used yet, or the clone that earlier steps of this call began. */
static struct task *find_clone(struct thread *self, uint64_t slot, long *error) {
    struct cap *c = cap_find(&self->task->caps, slot, PK_TYPE_TASK, PK_RIGHT_MANAGE, error);
    struct task *task = c ? task_of(c->object) : NULL;
    if (task && (task->dying || !task->aspace)) {
        *error = -ESRCH;
        return NULL;
    }
    const struct aspace *as = task ? task->aspace : NULL;
    if (task && (task->thread_count || as->refs > 1 || (!as->clone_of && as->regions.root))) {
        *error = -EINVAL;
        return NULL;
    }
    return task;
}

long sys_task_clone(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *dst = find_clone(self, a[0], &error);
    struct task *src = dst ? call_task(self, a[1], PK_RIGHT_MANAGE, &error) : NULL;
    if (!src)
        return error;
    if (dst == src || a[2])
        return -EINVAL;
    long more;
    while ((more = aspace_clone_step(dst->aspace, src->aspace)) > 0)
        if (call_must_wait())
            return call_restart(self);
    if (more == 0)
        task_take_after(dst, src);
    return more;
}

/* As a copy of the capability with that badge would be set: an unbadged one may get one. */
static long set_exception(struct thread *self, struct task *task, uint64_t slot, uint64_t badge) {
    long error = 0;
    struct cap *c = NULL;
    if (slot) {
        c = cap_find(&self->task->caps, slot, PK_TYPE_ENDPOINT, PK_RIGHT_USE | PK_RIGHT_GRANT,
                     &error);
        if (!c)
            return error;
        if (c->badge && badge && c->badge != badge)
            return -EPERM;
        kobject_hold(c->object);
    }
    if (task->exception)
        kobject_put(&task->exception->kobject);
    task->exception = c ? endpoint_of(c->object) : NULL;
    task->exception_badge = !c ? 0 : c->badge ? c->badge : badge;
    if (!task->aspace->owner)
        task->aspace->owner = task->exception_badge;
    return 0;
}

static void set_limit(struct aspace *as, uint64_t which, uint64_t bytes) {
    uint64_t pages = bytes == UINT64_MAX ? bytes : bytes >> PAGE_SHIFT;
    *(which == PK_TASK_MAPPED_MOST ? &as->mapped_most : &as->data_most) = pages;
    as->limited = (as->mapped_most & as->data_most) != UINT64_MAX;
}

long sys_task_set(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task(self, a[0], PK_RIGHT_MANAGE, &error);
    if (!task)
        return error;
    switch (a[1]) {
    case PK_TASK_EXCEPTION:
        return set_exception(self, task, a[2], a[3]);
    case PK_TASK_FOREIGN:
        if (a[2] >= ARCH_USER_END)
            return -EINVAL;
        task->foreign_entry = a[2];
        return 0;
    case PK_TASK_NAME: {
        char name[sizeof task->name];
        error = copy_from_user(self->task->aspace, name, a[2], sizeof name);
        if (error < 0)
            return error;
        task_set_name(task, name);
        return 0;
    }
    case PK_TASK_MAPPED_MOST:
    case PK_TASK_DATA_MOST:
        set_limit(task->aspace, a[1], a[2]);
        return 0;
    default:
        return -EINVAL;
    }
}

long sys_task_info(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task(self, a[0], 0, &error);
    if (!task)
        return error;
    struct pk_task_info info = {
        .resident = task->aspace->resident,
        .mapped = task->aspace->mapped,
        .threads = task->thread_count,
    };
    return copy_to_user(self->task->aspace, a[1], &info, sizeof info);
}

long sys_task_kill(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct cap *c = cap_find(&self->task->caps, a[0], PK_TYPE_TASK, PK_RIGHT_MANAGE, &error);
    if (!c)
        return error;
    struct task *task = task_of(c->object);
    if (task == self->task) {
        task_doom(task);
        thread_end(self);
        return CALL_DONE;
    }
    kobject_hold(&task->kobject);
    task_killer = self->task;
    enum ending left;
    int credit;
    do {
        credit = STEP_CREDIT;
        left = task_stop_step(task, &credit);
    } while (left == ENDING_MORE && !call_must_wait());
    task_killer = NULL;
    if (left == ENDING_DONE && !task_free_step(task, &credit))
        task_doom(task); /* much memory: that goes in shares, beside others */
    kobject_put(&task->kobject);
    return left == ENDING_DONE ? 0 : call_restart(self);
}

long sys_task_copy_in(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task(self, a[0], PK_RIGHT_MANAGE, &error);
    return task ? copy_in_call(self, of_user(self->task->aspace), a[1], of_user(task->aspace), a[2],
                               a[3])
                : error;
}

long sys_task_copy_out(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task(self, a[0], PK_RIGHT_MANAGE, &error);
    return task ? copy_in_call(self, of_user(task->aspace), a[1], of_user(self->task->aspace), a[2],
                               a[3])
                : error;
}

/* What it writes over may be code that any hart runs: to make that sure is the caller's (sync_code). */
long sys_task_patch(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task(self, a[0], PK_RIGHT_MANAGE, &error);
    return task ? copy_override(self, task->aspace, a[1], a[2], a[3]) : error;
}

long sys_task_word_name(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task(self, a[0], PK_RIGHT_MANAGE, &error);
    return task ? call_word_name(self, task->aspace, a[1], a[2]) : error;
}

long sys_task_word_exchange(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task(self, a[0], PK_RIGHT_MANAGE, &error);
    return task ? word_exchange(task->aspace, a[1], (uint32_t)a[2], (uint32_t)a[3]) : error;
}
