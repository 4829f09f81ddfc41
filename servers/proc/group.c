/* SPDX-License-Identifier: MIT */
/*
 * Process groups, and which of them are orphaned (POSIX XBD 3.264).
 *
 * A group lives while it has a member; a zombie is one until it has been waited for, so that the
 * number cannot become a new process's or a new group's. A member is tethered while its parent lives in
 * another group of the same session and so could continue it; each group counts those, and a group
 * that loses the last of them is orphaned: nobody would continue its stopped members, so all are sent
 * SIGHUP and SIGCONT.
 *
 * That may end members, whose ends may orphan other groups: these wait in a list, and group_hang_ups
 * goes through it, so that a chain of groups needs no deep stack.
 */
#include "proc.h"
#include <stdlib.h>

static struct hash by_id;
static struct list hang_ups = {&hang_ups, &hang_ups};

/* Of processes that are not in the tree: not yet, or not any more. */
static struct group nowhere = {.members = {&nowhere.members, &nowhere.members},
                               .hang_up = {&nowhere.hang_up, &nowhere.hang_up}};

struct group *group_find(int id) {
    return id > 0 ? (struct group *)(void *)hash_find(&by_id, (uint64_t)id) : 0;
}
_Static_assert(offsetof(struct group, node) == 0, "group_find casts");

/* A session lives while it has a group. */
struct session {
    struct hash_node node; /* key: its id */
    uint64_t groups;
};

static struct hash sessions;

bool session_exists(int id) {
    return hash_find(&sessions, (uint64_t)id);
}

static struct session *session_get(int id) {
    struct session *s = (struct session *)(void *)hash_find(&sessions, (uint64_t)id);
    if (!s && (s = calloc(1, sizeof *s)))
        hash_insert(&sessions, &s->node, (uint64_t)id);
    return s;
}
_Static_assert(offsetof(struct session, node) == 0, "session_get casts");

static void session_leave(int id) {
    struct session *s = session_get(id);
    if (--s->groups)
        return;
    hash_remove(&sessions, &s->node);
    free(s);
}

struct group *group_new(int id, int session) {
    struct group *g = calloc(1, sizeof *g);
    struct session *s = g ? session_get(session) : NULL;
    if (!s) {
        free(g);
        return 0;
    }
    s->groups++;
    list_init(&g->members);
    list_init(&g->hang_up);
    g->session = session;
    hash_insert(&by_id, &g->node, (uint64_t)id);
    return g;
}

static bool could_be_continued(const struct process *p) {
    const struct process *parent = p->parent;
    return p->state != PROCESS_ZOMBIE && parent && parent->state != PROCESS_ZOMBIE &&
           parent->group != p->group && parent->group->session == p->group->session;
}

static void set_tethered(struct process *p, bool now) {
    if (p->tethered == now)
        return;
    p->tethered = now;
    if (now)
        p->group->tethered++;
    else
        p->group->tethered--;
}

void group_enter(struct process *p, struct group *g) {
    p->group = g;
    list_add_tail(&g->members, &p->member);
}

static void forget_if_empty(struct group *g) {
    if (g == &nowhere || !list_empty(&g->members))
        return;
    list_remove(&g->hang_up);
    hash_remove(&by_id, &g->node);
    session_leave(g->session);
    free(g);
}

void group_leave(struct process *p) {
    struct group *g = p->group;
    set_tethered(p, false);
    list_remove(&p->member);
    list_init(&p->member);
    p->group = &nowhere;
    forget_if_empty(g);
}

void group_none(struct process *p) {
    p->group = &nowhere;
    p->tethered = false;
    list_init(&p->member);
}

/* Its own ties change, and those of its children. */
long group_move(struct process *p, struct group *g) {
    struct process *parent = p->parent;
    struct family *family = parent ? family_get(parent, group_id(g)) : NULL;
    if (p->group == g)
        return 0;
    if (parent && !family) {
        forget_if_empty(g);
        return -ENOMEM;
    }
    if (p->state == PROCESS_STOPPED) {
        p->group->stopped--;
        g->stopped++;
    }
    group_leave(p);
    group_enter(p, g);
    family_move(p, family);
    set_tethered(p, could_be_continued(p));
    for (struct list *l = p->children.next; l != &p->children; l = l->next) {
        struct process *child = container_of(l, struct process, sibling);
        set_tethered(child, could_be_continued(child));
    }
    return 0;
}

void group_parent_ended(struct process *p) {
    struct group *g = p->group;
    bool was = p->tethered;
    set_tethered(p, could_be_continued(p));
    if (was && group_orphaned(g) && g->stopped && list_empty(&g->hang_up))
        list_add_tail(&hang_ups, &g->hang_up);
}

void group_hang_ups(void) {
    static bool busy;
    if (busy)
        return;
    busy = true;
    while (!list_empty(&hang_ups)) {
        struct group *g = container_of(hang_ups.next, struct group, hang_up);
        int id = group_id(g);
        list_remove(&g->hang_up);
        list_init(&g->hang_up);
        signal_send_group(id, SIGHUP);
        signal_send_group(id, SIGCONT);
    }
    busy = false;
}
