/* SPDX-License-Identifier: MIT */
/* Tasks: creation and the end, which is taken in bounded steps. */
#include <task/task.h>
#include <arch/hart.h>
#include <arch/machine.h>
#include <ipc/ipc.h>
#include <ipc/message.h>
#include <mm/account.h>
#include <mm/aspace.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <sched/hart.h>
#include <sched/sched.h>
#include <task/thread.h>

#define CAPS_PER_STEP 32

struct task *task_killer;
static struct list doomed = {&doomed, &doomed};
uint64_t task_doomed_count;

struct task *task_create(struct account *account) {
    struct task *task = slab_alloc(sizeof *task, account);
    if (!task)
        return NULL;
    memset(task, 0, sizeof *task);
    task->aspace = aspace_create(account);
    if (!task->aspace) {
        slab_free(task, sizeof *task, account);
        return NULL;
    }
    kobject_init(&task->kobject, PK_TYPE_TASK, account);
    cap_table_init(&task->caps, account);
    task->account = account;
    account_join(account);
    list_init(&task->threads);
    list_init(&task->served);
    list_init(&task->doomed);
    return task;
}

/* False if one of them still runs on another hart. */
static bool end_threads(struct task *task) {
    struct list *next;
    bool all = true;
    for (struct list *l = task->threads.next; l != &task->threads; l = next) {
        next = l->next;
        struct thread *t = CONTAINER_OF(l, struct thread, task_link);
        t->suspended = true;
        if (sched_running_elsewhere(t))
            all = false;
        else
            thread_end(t);
    }
    return all;
}

static void fail_served(struct task *task) {
    call_put_aside(task);
    while (!list_empty(&task->served))
        call_fail(CONTAINER_OF(task->served.next, struct thread, call.served), -EHOSTDOWN);
}

bool task_kill_step(struct task *task) {
    task->dying = true;
    if (!end_threads(task))
        return false;
    fail_served(task);
    if (!cap_table_clear(&task->caps, &task->clear_cursor, CAPS_PER_STEP))
        return false;
    if (task->exception) {
        kobject_put(&task->exception->kobject);
        task->exception = NULL;
    }
    if (task->aspace && !aspace_put_step(task->aspace))
        return false;
    task->aspace = NULL;
    return true;
}

void task_doom(struct task *task) {
    if (!list_empty(&task->doomed))
        return;
    kobject_hold(&task->kobject);
    task->dying = true;
    list_append(&doomed, &task->doomed);
    task_doomed_count++;
    this_hart()->reconsider = true; /* not to leave the kernel before task_reap() had its turn */
}

bool task_reap(void) {
    bool worked = false;
    uint64_t waiting = 0; /* for other harts to stop */
    while (!list_empty(&doomed) && waiting < task_doomed_count && !arch_interrupt_pending()) {
        struct task *task = CONTAINER_OF(doomed.next, struct task, doomed);
        list_remove(&task->doomed);
        if (task_kill_step(task)) {
            task_doomed_count--;
            kobject_put(&task->kobject);
            waiting = 0;
        } else {
            list_append(&doomed, &task->doomed);
            waiting = task->thread_count ? waiting + 1 : 0;
        }
        worked |= waiting == 0;
    }
    return worked;
}

/* The last reference is gone. Its own capabilities may end other tasks, and so on: not from here. */
void task_destroy(struct kobject *k) {
    struct task *task = task_of(k);
    if (task->aspace) {
        task_doom(task);
        return;
    }
    struct account *account = task->account;
    slab_free(task, sizeof *task, account);
    account_leave(account);
}
