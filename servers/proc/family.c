/* SPDX-License-Identifier: MIT */
/*
 * Families: the children of one process that are in one group, so that waiting for a child of a group finds one
 * without a look at all children. What waiting could report of a child stands in lists by kind, the parent's
 * and the family's.
 */
#include "proc.h"
#include <stdlib.h>

struct family {
    struct hash_node node; /* by key_of */
    struct process *parent;
    uint64_t children, child_count[CHILD_SORTS];
    struct list events[CHILD_SORTS][CHILD_EVENTS]; /* struct process.family_event */
};

static struct hash families;

#define GROUP_BITS 23 /* more than PID_MAX has */

/* A process's memory lasts as long as its families, while its pid may be another's before. */
static uint64_t key_of(const struct process *parent, int group) {
    return (uint64_t)(uintptr_t)parent >> 4 << GROUP_BITS | (uint64_t)group;
}

static struct family *find(const struct process *parent, int group) {
    return (struct family *)(void *)hash_find(&families, key_of(parent, group));
}
_Static_assert(offsetof(struct family, node) == 0, "find casts");

struct family *family_get(struct process *parent, int group) {
    struct family *f = find(parent, group);
    if (f || !(f = malloc(sizeof *f)))
        return f;
    f->parent = parent;
    f->children = 0;
    for (int sort = 0; sort < CHILD_SORTS; sort++) {
        f->child_count[sort] = 0;
        for (int kind = 0; kind < CHILD_EVENTS; kind++)
            list_init(&f->events[sort][kind]);
    }
    hash_insert(&families, &f->node, key_of(parent, group));
    family_let_go(f);
    return f;
}

static void family_free(struct family *f) {
    hash_remove(&families, &f->node);
    free(f);
}

/* Of those without children the parent keeps one: most processes have one child after the other in one group. */
void family_let_go(struct family *f) {
    struct family *kept = f->parent->kept_family;
    if (f->children || kept == f)
        return;
    f->parent->kept_family = f;
    if (kept && !kept->children)
        family_free(kept);
}

static enum child_sort sort_of(const struct process *child) {
    return child->exit_signal == SIGCHLD ? CHILD_USUAL : CHILD_CLONED;
}

/* It counts among those of its sort; or not any more. */
static void count_in(struct process *p, struct family *f) {
    p->family = f;
    f->child_count[sort_of(p)]++;
    f->parent->child_count[sort_of(p)]++;
}

static void count_out(struct process *p) {
    p->family->child_count[sort_of(p)]--;
    p->family->parent->child_count[sort_of(p)]--;
    p->family = NULL;
}

void family_enter(struct process *p, struct family *f) {
    count_in(p, f);
    f->children++;
}

void family_leave(struct process *p) {
    struct family *f = p->family;
    list_remove(&p->event);
    list_remove(&p->family_event);
    if (!f)
        return;
    count_out(p);
    f->children--;
    family_let_go(f);
}

void family_forget(struct process *p) {
    if (p->kept_family)
        family_free(p->kept_family);
    p->kept_family = NULL;
}

static enum child_event kind_of(const struct process *child) {
    if (child->state == PROCESS_ZOMBIE)
        return CHILD_ENDED;
    return child->code == CLD_STOPPED ? CHILD_STOPPED : CHILD_CONTINUED;
}

void child_event(struct process *child) {
    child_event_seen(child);
    if (!child->family)
        return;
    enum child_sort sort = sort_of(child);
    list_add_tail(&child->parent->events[sort][kind_of(child)], &child->event);
    list_add_tail(&child->family->events[sort][kind_of(child)], &child->family_event);
}

void child_set_exit_signal(struct process *p, int signal) {
    bool has_event = !list_empty(&p->event);
    struct family *f = p->family;
    if (f)
        count_out(p);
    p->exit_signal = (uint8_t)signal;
    if (f)
        count_in(p, f);
    if (has_event)
        child_event(p);
}

void family_move(struct process *p, struct family *f) {
    bool has_event = !list_empty(&p->event);
    if (!p->family)
        return;
    f->children++; /* first: the other may be the one that is kept without children */
    family_leave(p);
    count_in(p, f);
    if (has_event)
        child_event(p);
}

static bool wanted(enum child_event kind, uint32_t options) {
    static const uint32_t option[CHILD_EVENTS] = {
        [CHILD_ENDED] = WEXITED, [CHILD_STOPPED] = WSTOPPED, [CHILD_CONTINUED] = WCONTINUED};
    return options & option[kind];
}

static bool wants_sort(enum child_sort sort, uint32_t options) {
    enum child_sort usual = options & W_CLONE ? CHILD_CLONED : CHILD_USUAL;
    return options & W_ALL || sort == usual;
}

/* The oldest thing to report that is asked for, in lists of a process or a family; NULL: none. */
static struct list *find_event(const struct list events[CHILD_SORTS][CHILD_EVENTS],
                               const uint64_t count[CHILD_SORTS], uint32_t options, bool *any) {
    *any = false;
    for (enum child_sort sort = 0; sort < CHILD_SORTS; sort++) {
        if (!wants_sort(sort, options) || !count[sort])
            continue;
        *any = true;
        for (enum child_event kind = 0; kind < CHILD_EVENTS; kind++)
            if (wanted(kind, options) && !list_empty(&events[sort][kind]))
                return events[sort][kind].next;
    }
    return NULL;
}

struct process *child_find(const struct process *p, uint32_t options, bool *any) {
    struct list *found = find_event(p->events, p->child_count, options, any);
    return found ? container_of(found, struct process, event) : NULL;
}

struct process *child_find_pid(const struct process *p, int pid, uint32_t options, bool *any) {
    struct process *child = process_find(pid);
    *any = child && child->parent == p && wants_sort(sort_of(child), options);
    return *any && !list_empty(&child->event) && wanted(kind_of(child), options) ? child : NULL;
}

struct process *child_find_group(const struct process *p, int group, uint32_t options, bool *any) {
    const struct family *f = find(p, group);
    *any = false;
    struct list *found = f ? find_event(f->events, f->child_count, options, any) : NULL;
    return found ? container_of(found, struct process, family_event) : NULL;
}
