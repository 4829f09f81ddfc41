/* SPDX-License-Identifier: MIT */
/*
 * What a process leaves behind: its children, which init or a subreaper (prctl(2)) adopts, and its memory.
 * There may be thousands, so both are seen to in steps. Nobody can tell: a process whose parent has ended has
 * init for its parent from then on (process_parent()).
 *
 * A death signal (prctl(2)) may end a child, which leaves children in its turn. These wait until those of the process
 * above are done, so that a chain of such processes, however long, needs no deep stack.
 */
#include "pool.h"
#include <lib/job.h>
#include <stdlib.h>

/* Children, and looks at ancestors; what takes longer counts as many: */
#define ADOPTED_AT_ONCE 256
#define SIGNAL_COST 16
#define ZOMBIE_COST 16 /* which is freed */
#define TOLD_COST 24   /* whose memory is told of its new parent: a page may have to be copied */
#define END_COST ADOPTED_AT_ONCE
#define BURIED_AT_ONCE 12

uint64_t process_subreapers;

static struct list leaving =
    LIST_INIT(leaving); /* ended, with children left: struct process.leaving */
static struct list buried = LIST_INIT(buried);     /* to be freed: struct process.all */
static struct list bereaved = LIST_INIT(bereaved); /* struct process.mourner */

/* Who adopts p's children: the nearest of its ancestors that asked for it, else NULL: init. */
static struct process *heir_of(const struct process *p, int *credit) {
    struct process *heir = process_parent(p);
    if (!process_subreapers)
        return NULL;
    for (; heir && !heir->subreaper; --*credit)
        heir = process_parent(heir);
    return heir;
}

/*
 * A child joins its new parent, who can wait for it; if memory has ended, init has it. A zombie may be gone then, but one
 * that has not left yet is told of, or gone, after that.
 */
static void move_to(struct process *child, struct process *heir) {
    struct family *family = heir ? family_get(heir, process_group(child)) : NULL;
    family_leave(child);
    list_remove(&child->sibling);
    child->parent = family ? heir : NULL;
    child->exit_signal = SIGCHLD;
    if (child->state != PROCESS_ZOMBIE)
        pk_may_fail(process_tell_known(child)); /* without memory it goes on by the old number */
    if (!family) {
        if (child->left)
            process_free(child);
        return;
    }
    list_add_tail(&heir->children, &child->sibling);
    family_enter(child, family, NULL);
    if (child->left)
        process_tell_end(child);
}

static void send_death_signal(struct process *child, const struct process *parent, int *credit) {
    if (!child->parent_death_signal)
        return;
    signal_send_simple(child, child->parent_death_signal, SI_USER, parent);
    *credit -= child->state == PROCESS_ZOMBIE ? END_COST : SIGNAL_COST;
}

/* Zombies that init gets are gone at once, since it always waits. */
static void adopt_next(struct process *p, struct process *heir, int *credit) {
    struct process *child = container_of(p->children.next, struct process, sibling);
    bool ended = child->state == PROCESS_ZOMBIE;
    --*credit;
    move_to(child, heir);
    if (ended) {
        *credit -= ZOMBIE_COST;
        return;
    }
    if (child->known)
        *credit -= TOLD_COST;
    group_parent_ended(child);
    send_death_signal(child, p, credit);
}

static bool adopting; /* and a death signal ends others meanwhile */

/* One child at least; false if there are more. The heir lives until a process ends, with which the credit does. */
static bool adopt_some(struct process *p, int *credit) {
    if (list_empty(&p->children))
        return true;
    struct process *heir = heir_of(p, credit);
    adopting = true;
    do
        adopt_next(p, heir, credit);
    while (*credit > 0 && !list_empty(&p->children));
    adopting = false;
    return list_empty(&p->children);
}

/* A child may be gone by its signal; if it is not, it will hear of the next thread that it belongs to. */
static void signal_bereaved(int *credit) {
    adopting = true;
    while (*credit > 0 && !list_empty(&bereaved)) {
        struct process *child = container_of(bereaved.next, struct process, mourner);
        const struct process *parent = process_parent(child);
        list_remove(&child->mourner);
        --*credit;
        if (!parent || child->state == PROCESS_ZOMBIE)
            continue;
        send_death_signal(child, parent, credit);
        brood_mourn(child);
    }
    adopting = false;
}

static bool step(struct job *job) {
    int credit = list_empty(&buried) ? ADOPTED_AT_ONCE : 0; /* not both in one step */
    (void)job;
    process_bury();
    signal_bereaved(&credit);
    while (credit > 0 && !list_empty(&leaving)) {
        struct process *p = container_of(leaving.next, struct process, leaving);
        if (!adopt_some(p, &credit))
            break;
        list_remove(&p->leaving);
        if (p->freed)
            list_add_tail(&buried, &p->all);
    }
    group_hang_ups();
    return !list_empty(&leaving) || !list_empty(&buried) || !list_empty(&bereaved);
}

static struct job job = {.link = LIST_INIT(job.link), .step = step};

void process_bereaved(struct list *children) {
    if (list_empty(children))
        return;
    list_move_all(&bereaved, children);
    job_queue(&job);
}

void process_adopt_orphans(struct process *p) {
    int credit = ADOPTED_AT_ONCE;
    if (list_empty(&p->children) || (!adopting && adopt_some(p, &credit)))
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
        settings_put(p->settings);
        threads_free(p);
        free(p);
        pool_put(pool);
    }
    if (!list_empty(&buried))
        job_queue(&job);
}
