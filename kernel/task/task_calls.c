/* SPDX-License-Identifier: MIT */
/* Kernel calls on tasks. */
#include <arch/machine.h>
#include <calls.h>
#include <ipc/ipc.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/copy.h>
#include <parley/errno.h>
#include <task/task.h>
#include <task/thread.h>

long sys_task_create(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *of = a[1] ? call_task(self, a[1], PK_RIGHT_MANAGE, &error) : self->task;
    if (!of)
        return error;
    if (a[0] > UINT64_MAX >> PAGE_SHIFT)
        return -EINVAL;
    struct account *account = of->account;
    if (a[0]) {
        account = account_create(of->account, a[0] << PAGE_SHIFT);
        if (!account)
            return call_with_memory(self, -ENOMEM);
    }
    struct task *task = task_create(account);
    if (a[0])
        account_leave(account); /* the task has joined, or nobody will */
    return call_with_memory(self, task ? call_give(self, &task->kobject) : -ENOMEM);
}

/* Copies or shares src's address space; dst must be fresh: no regions, no threads. */
long sys_task_clone(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *dst = call_task(self, a[0], PK_RIGHT_MANAGE, &error);
    struct task *src = dst ? call_task(self, a[1], PK_RIGHT_MANAGE, &error) : NULL;
    if (!src)
        return error;
    struct aspace *as = dst->aspace;
    bool fresh =
        dst != src && dst->thread_count == 0 && as->refs == 1 && (as->cursor || !as->regions.root);
    if (!fresh || (a[2] != PK_CLONE_COPY && a[2] != PK_CLONE_SHARE))
        return -EINVAL;
    if (a[2] == PK_CLONE_SHARE) {
        if (as->regions.root)
            return -EINVAL;
        int credit = STEP_CREDIT;
        if (!aspace_put_step(as, &credit))
            panic("an empty address space takes more than a step to free");
        dst->aspace = src->aspace;
        aspace_hold(dst->aspace);
    } else {
        long more;
        while ((more = aspace_clone_step(as, src->aspace)) > 0)
            if (arch_interrupt_pending())
                return call_restart(self);
        if (more < 0) {
            as->cursor = 0;
            return more;
        }
    }
    dst->foreign_entry = src->foreign_entry;
    memcpy(dst->name, src->name, sizeof dst->name);
    return 0;
}

static long set_exception(struct thread *self, struct task *task, uint64_t slot) {
    long error = 0;
    struct cap *c = NULL;
    if (slot) {
        c = cap_find(&self->task->caps, slot, PK_TYPE_ENDPOINT, PK_RIGHT_USE, &error);
        if (!c)
            return error;
        kobject_hold(c->object);
    }
    if (task->exception)
        kobject_put(&task->exception->kobject);
    task->exception = c ? endpoint_of(c->object) : NULL;
    task->exception_badge = c ? c->badge : 0;
    return 0;
}

long sys_task_set(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task(self, a[0], PK_RIGHT_MANAGE, &error);
    if (!task)
        return error;
    switch (a[1]) {
    case PK_TASK_EXCEPTION:
        return set_exception(self, task, a[2]);
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
        name[sizeof name - 1] = 0;
        memcpy(task->name, name, sizeof name);
        return 0;
    }
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
        .quota = task->account->limit >> PAGE_SHIFT,
        .used = (task->account->used + PAGE_MASK) >> PAGE_SHIFT,
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
    do {
        int credit = STEP_CREDIT;
        left = task_kill_step(task, &credit);
    } while (left == ENDING_MORE && !arch_interrupt_pending());
    task_killer = NULL;
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
