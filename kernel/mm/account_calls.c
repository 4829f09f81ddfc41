/* SPDX-License-Identifier: MIT */
/* Kernel calls on accounts. */
#include <calls.h>
#include <mm/account.h>
#include <mm/copy.h>
#include <mm/frame.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <sched/queue.h>
#include <task/task.h>
#include <task/thread.h>

long sys_account_create(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct account *parent = call_account(self, a[0], PK_RIGHT_MANAGE, &error);
    if (!parent)
        return error;
    if (a[2] & ~(uint64_t)PK_ACCOUNT_RESERVED || a[4] >= PRIORITIES)
        return -EINVAL;
    if (a[4] > parent->highest)
        return -EPERM;
    struct account *account = account_create(parent, a[1], a[2] & PK_ACCOUNT_RESERVED);
    if (!account)
        return call_with_memory(self, -ENOMEM);
    account->tag = a[3];
    account->highest = (uint8_t)a[4];
    return call_give(self, &account->kobject);
}

long sys_account_set(struct thread *self, const uint64_t *a) {
    long error = 0;
    struct account *account = call_account(self, a[0], PK_RIGHT_MANAGE, &error);
    if (!account)
        return error;
    struct account *parent;
    switch (a[1]) {
    case PK_ACCOUNT_LIMIT:
        return account_set_limit(account, a[2]);
    case PK_ACCOUNT_PARENT:
        parent = call_account(self, a[2], PK_RIGHT_MANAGE, &error);
        return parent ? account_move(account, parent) : error;
    default:
        return -EINVAL;
    }
}

long sys_account_info(struct thread *self, const uint64_t *a) {
    long error = 0;
    const struct account *account = call_account(self, a[0], 0, &error);
    if (!account)
        return error;
    uint64_t free_bytes = (frame_free_count() + slab_warm_pages()) << PAGE_SHIFT;
    struct pk_account_info info = {
        .limit = account->limit,
        .used = account->used,
        .available = min_u64(account_available(account), free_bytes),
        .tag = account->tag,
        .highest = account->highest,
    };
    return copy_to_user(self->task->aspace, a[1], &info, sizeof info);
}
