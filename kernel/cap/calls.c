/* SPDX-License-Identifier: MIT */
/* Kernel calls on capabilities. */
#include <calls.h>
#include <mm/aspace.h>
#include <mm/copy.h>
#include <parley/errno.h>
#include <task/task.h>
#include <task/thread.h>

/*
 * What a copy may have: what the original has. Who manages an endpoint may also let others receive there
 * without being a receiver itself, whose capability would keep callers waiting for a server that is dead.
 */
static uint32_t copy_rights(const struct cap *src) {
    bool manages = src->object->type == PK_TYPE_ENDPOINT && src->rights & PK_RIGHT_MANAGE;
    return src->rights | (manages ? PK_RIGHT_RECEIVE : 0);
}

/* A copy may have fewer rights; a badge can be set once, on an unbadged capability. */
long sys_cap_copy(struct thread *self, const uint64_t *a) {
    struct cap *src = cap_at(&self->task->caps, a[0]);
    if (!src)
        return -EBADF;
    if (!(src->rights & PK_RIGHT_GRANT))
        return -EPERM;
    if (src->badge && a[4] && src->badge != a[4])
        return -EPERM;
    long error = 0;
    struct task *dst = call_task_or_own(self, a[1], &error);
    if (!dst)
        return error;
    return cap_insert(&dst->caps, a[2], src->object, copy_rights(src) & (uint32_t)a[3],
                      src->badge ? src->badge : a[4]);
}

long sys_cap_drop(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct task *task = call_task_or_own(self, a[0], &error);
    return task ? cap_remove(&task->caps, a[1]) : error;
}

long sys_cap_info(struct thread *self, const uint64_t *a) {
    struct cap *c = cap_at(&self->task->caps, a[0]);
    if (!c)
        return -EBADF;
    struct pk_cap_info info = {.type = c->object->type, .rights = c->rights, .badge = c->badge};
    return copy_to_user(self->task->aspace, a[1], &info, sizeof info);
}
