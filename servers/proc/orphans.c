/* SPDX-License-Identifier: MIT */
/*
 * What a process leaves behind: its children, which init adopts, and its memory. There may be thousands, so both are
 * seen to in steps. Nobody can tell: a process whose parent has ended has init for its parent from then on
 * (process_parent()).
 */
#include "pool.h"
#include <lib/job.h>
#include <stdlib.h>

#define ADOPTED_AT_ONCE 256 /* children; a zombie, which is freed, counts as many */
#define ZOMBIE_COST 16
#define BURIED_AT_ONCE 16

static struct list leaving =
    LIST_INIT(leaving); /* ended, with children left: struct process.leaving */
static struct list buried = LIST_INIT(buried); /* to be freed: struct process.all */

/* Zombies among them are gone at once, since init always waits. False if there are more. */
static bool adopt_some(struct process *p, int *credit) {
    for (; !list_empty(&p->children); --*credit) {
        if (*credit <= 0)
            return false;
        struct process *child = container_of(p->children.next, struct process, sibling);
        list_remove(&child->sibling);
        family_leave(child);
        child->parent = 0;
        if (child->state != PROCESS_ZOMBIE) {
            group_parent_ended(child);
            continue;
        }
        process_free(child);
        *credit -= ZOMBIE_COST;
    }
    return true;
}

static bool step(struct job *job) {
    int credit = ADOPTED_AT_ONCE;
    (void)job;
    process_bury();
    while (!list_empty(&leaving)) {
        struct process *p = container_of(leaving.next, struct process, leaving);
        if (!adopt_some(p, &credit))
            break;
        list_remove(&p->leaving);
        if (p->freed)
            list_add_tail(&buried, &p->all);
    }
    group_hang_ups();
    return !list_empty(&leaving) || !list_empty(&buried);
}

static struct job job = {.link = LIST_INIT(job.link), .step = step};

void process_adopt_orphans(struct process *p) {
    int credit = ADOPTED_AT_ONCE;
    if (adopt_some(p, &credit))
        return;
    list_add_tail(&leaving, &p->leaving);
    job_queue(&job);
}

/*
 * What has ended during a request is freed at the next one, so that code that was handling it when it
 * ended may still look at its state. If its children are not all adopted yet, it is freed after that.
 */
void process_bury_later(struct process *p) {
    p->freed = true;
    if (list_empty(&p->leaving))
        list_add_tail(&buried, &p->all);
}

bool process_to_bury(void) {
    return !list_empty(&buried);
}

void process_bury(void) {
    for (int n = 0; n < BURIED_AT_ONCE && !list_empty(&buried); n++) {
        struct process *p = container_of(buried.next, struct process, all);
        struct pool *pool = p->pool;
        list_remove(&p->all);
        family_forget(p);
        command_put(p->command);
        free(p);
        pool_put(pool);
    }
    if (!list_empty(&buried))
        job_queue(&job);
}
