/* SPDX-License-Identifier: MIT */
/* Tasks: creation and the end, which is taken in bounded steps. */
#include <task/task.h>
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <sched/sched.h>
#include <task/thread.h>

#define THREAD_CREDIT 16

struct task *task_killer;

void task_take_after(struct task *task, const struct task *other) {
    task->foreign_entry = other->foreign_entry;
    memcpy(task->name, other->name, sizeof task->name);
}

/* It appears on the console: nothing in it may move the cursor there, or begin a line. */
void task_set_name(struct task *task, const char *name) {
    for (unsigned i = 0; i < sizeof task->name; i++)
        task->name[i] = name[i] && (name[i] < ' ' || name[i] > '~') ? '?' : name[i];
    task->name[sizeof task->name - 1] = 0;
}

struct task *task_create(struct account *account, struct task *sharing) {
    struct task *task = account->ended ? NULL : slab_alloc(sizeof *task, account);
    if (!task)
        return NULL;
    memset(task, 0, sizeof *task);
    task->aspace = sharing ? sharing->aspace : aspace_create(account);
    if (!task->aspace) {
        slab_free(task, sizeof *task, account);
        return NULL;
    }
    if (sharing) {
        aspace_hold(task->aspace);
        task_take_after(task, sharing);
    }
    kobject_init(&task->kobject, PK_TYPE_TASK, account);
    cap_table_init(&task->caps, account);
    task->account = account;
    list_append(&account->tasks, &task->account_link);
    list_init(&task->threads);
    list_init(&task->served);
    return task;
}

/* Threads that run on other harts stay, at most one a hart. */
static enum ending end_threads(struct task *task, int *credit) {
    struct list *next;
    for (struct list *l = task->threads.next; l != &task->threads; l = next) {
        if (*credit <= 0)
            return ENDING_MORE;
        *credit -= THREAD_CREDIT;
        next = l->next;
        struct thread *t = CONTAINER_OF(l, struct thread, task_link);
        if (thread_take_off(t))
            thread_end(t);
    }
    return task->thread_count ? ENDING_WAITS : ENDING_DONE;
}

/* True when there are no more. */
static bool fail_served(struct task *task, int *credit) {
    call_put_aside(task);
    for (; !list_empty(&task->served); *credit -= THREAD_CREDIT) {
        if (*credit <= 0)
            return false;
        call_fail(CONTAINER_OF(task->served.next, struct thread, call.served), -EHOSTDOWN);
    }
    return true;
}

enum ending task_stop_step(struct task *task, int *credit) {
    task->dying = true;
    enum ending threads = end_threads(task, credit);
    if (threads != ENDING_DONE)
        return threads;
    if (!fail_served(task, credit) || !cap_table_clear(&task->caps, &task->clear_cursor, credit))
        return ENDING_MORE;
    if (task->aspace && !aspace_leave_step(task->aspace, credit))
        return ENDING_MORE;
    if (task->exception) {
        kobject_put(&task->exception->kobject);
        task->exception = NULL;
    }
    return ENDING_DONE;
}

bool task_free_step(struct task *task, int *credit) {
    if (task->aspace && !aspace_put_step(task->aspace, credit))
        return false;
    task->aspace = NULL;
    return true;
}

void task_doom(struct task *task) {
    if (!list_empty(&task->kobject.doomed))
        return;
    kobject_hold(&task->kobject);
    task->dying = true;
    kobject_doom(&task->kobject);
}

enum ending task_end_step(struct kobject *k, int *credit) {
    struct task *task = task_of(k);
    enum ending left = task_stop_step(task, credit);
    if (left != ENDING_DONE)
        return left;
    if (!task_free_step(task, credit))
        return ENDING_MORE;
    kobject_ended(k);
    return ENDING_DONE;
}

/* The last reference is gone. Its own capabilities may end other tasks, and so on: not from here. */
void task_destroy(struct kobject *k) {
    struct task *task = task_of(k);
    if (task->aspace) {
        task_doom(task);
        return;
    }
    list_remove(&task->account_link);
    slab_free(task, sizeof *task, task->account);
}
