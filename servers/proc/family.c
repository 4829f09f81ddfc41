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
    uint64_t children;
    struct offspring has; /* struct process.family_event */
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
    offspring_init(&f->has);
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
static void count_in_brood(const struct process *p, struct brood *b, uint64_t n) {
    b->has.count[sort_of(p)] += n;
    p->parent->brooded[sort_of(p)] += n;
}

static inline void count_in(struct process *p, struct family *f) {
    struct brood *b = brood_of(p);
    p->family = f;
    f->has.count[sort_of(p)]++;
    f->parent->has.count[sort_of(p)]++;
    if (b)
        count_in_brood(p, b, 1);
}

static inline void count_out(struct process *p) {
    struct brood *b = brood_of(p);
    p->family->has.count[sort_of(p)]--;
    p->family->parent->has.count[sort_of(p)]--;
    if (b)
        count_in_brood(p, b, -1ull);
    p->family = NULL;
}

void family_enter(struct process *p, struct family *f, struct brood *b) {
    if (b)
        brood_enter(p, b);
    count_in(p, f);
    f->children++;
    if (p->parent_death_signal)
        brood_mourn(p);
}

static inline void leave(struct process *p) {
    struct family *f = p->family;
    child_event_seen(p);
    if (!f)
        return;
    count_out(p);
    f->children--;
    family_let_go(f);
}

void family_leave(struct process *p) {
    leave(p);
    list_remove(&p->mourner);
    if (p->brood)
        brood_leave(p);
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
    enum child_event kind = kind_of(child);
    list_add_tail(&child->parent->has.events[sort][kind], &child->event);
    list_add_tail(&child->family->has.events[sort][kind], &child->family_event);
    struct brood *b = brood_of(child);
    if (b)
        list_add_tail(&b->has.events[sort][kind], &child->brood_event);
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
    leave(p);
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

/* The oldest thing to report that is asked for; NULL: none. */
static struct list *find_event(const struct offspring *has, uint32_t options, bool *any) {
    *any = false;
    for (enum child_sort sort = 0; sort < CHILD_SORTS; sort++) {
        if (!wants_sort(sort, options) || !has->count[sort])
            continue;
        *any = true;
        for (enum child_event kind = 0; kind < CHILD_EVENTS; kind++)
            if (wanted(kind, options) && !list_empty(&has->events[sort][kind]))
                return has->events[sort][kind].next;
    }
    return NULL;
}

struct process *child_find(const struct process *p, uint32_t options, bool *any) {
    struct list *found = find_event(&p->has, options, any);
    return found ? container_of(found, struct process, event) : NULL;
}

static bool has_event(const struct process *child, uint32_t options) {
    return !list_empty(&child->event) && wanted(kind_of(child), options);
}

struct process *child_find_pid(const struct process *p, int pid, uint32_t options, bool *any) {
    struct process *child = process_find(pid);
    *any = child && child->parent == p && wants_sort(sort_of(child), options);
    return *any && has_event(child, options) ? child : NULL;
}

struct process *child_find_group(const struct process *p, int group, uint32_t options, bool *any) {
    const struct family *f = find(p, group);
    *any = false;
    struct list *found = f ? find_event(&f->has, options, any) : NULL;
    return found ? container_of(found, struct process, family_event) : NULL;
}

static bool is_own(const struct thread *t, struct process *child) {
    return child->parent == t->process && brood_of(child) == t->brood;
}

/* No list has a thread's children of one group: few ask for them, and they look at all that their process has. */
static struct process *find_own_in_group(const struct thread *t, int group, uint32_t options,
                                         bool *any) {
    for (struct list *l = t->process->children.next; l != &t->process->children; l = l->next) {
        struct process *child = container_of(l, struct process, sibling);
        if (process_group(child) != group || !is_own(t, child) ||
            !wants_sort(sort_of(child), options))
            continue;
        *any = true;
        if (has_event(child, options))
            return child;
    }
    return NULL;
}

/* The oldest thread's are those that are in no brood; of what is to be reported of others there is little. */
static struct process *find_in_none(const struct process *p, enum child_sort sort,
                                    uint32_t options) {
    for (enum child_event kind = 0; kind < CHILD_EVENTS; kind++) {
        const struct list *events = &p->has.events[sort][kind];
        for (struct list *l = events->next; wanted(kind, options) && l != events; l = l->next) {
            struct process *child = container_of(l, struct process, event);
            if (!brood_of(child))
                return child;
        }
    }
    return NULL;
}

static struct process *find_oldest_threads(const struct process *p, uint32_t options, bool *any) {
    struct process *found = NULL;
    for (enum child_sort sort = 0; !found && sort < CHILD_SORTS; sort++) {
        if (!wants_sort(sort, options) || p->has.count[sort] == p->brooded[sort])
            continue;
        *any = true;
        found = find_in_none(p, sort, options);
    }
    return found;
}

/* Not part of its caller, which many call who never ask for this. */
__attribute__((noinline)) struct process *child_find_own(const struct thread *t, int pid, int group,
                                                         uint32_t options, bool *any) {
    *any = false;
    if (!t->brood && !thread_is_oldest(t))
        return NULL;
    if (group)
        return find_own_in_group(t, group, options, any);
    if (!pid && !t->brood)
        return find_oldest_threads(t->process, options, any);
    if (!pid) {
        struct list *found = find_event(&t->brood->has, options, any);
        return found ? container_of(found, struct process, brood_event) : NULL;
    }
    struct process *child = process_find(pid);
    return child && is_own(t, child) ? child_find_pid(t->process, pid, options, any) : NULL;
}
