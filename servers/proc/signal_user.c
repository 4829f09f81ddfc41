/* SPDX-License-Identifier: MIT */
/*
 * How many signals are queued for processes of a user, and how many timers they have that may queue one: what
 * RLIMIT_SIGPENDING is held against (getrlimit(2)). Who has none has no record, but for the one that had one last:
 * most signals come alone.
 */
#include "proc.h"
#include <lib/heap.h>
#include <lib/hash.h>
#include <stdlib.h>

struct signal_user {
    struct hash_node node; /* key: the real user id */
    uint64_t queued;
};

#define FREED_STEPS 2

static struct hash users;
static struct signal_user *last; /* that was asked for */

static void forget(struct signal_user *u) {
    hash_remove(&users, &u->node);
    free(u);
}

static __attribute__((noinline)) struct signal_user *get(uint32_t uid) {
    struct signal_user *u = (struct signal_user *)(void *)hash_find(&users, uid);
    if (!u && (u = own_calloc(1, sizeof *u)) != NULL)
        hash_insert(&users, &u->node, uid);
    if (u && last && !last->queued && last != u)
        forget(last);
    last = u ? u : last;
    return u;
}
_Static_assert(offsetof(struct signal_user, node) == 0, "get casts");

/* What is about to be given back, in steps, is so now as far as one request may go: an ended process's signals do not count. */
static __attribute__((noinline)) bool has_room(const struct signal_user *u, uint64_t most) {
    for (int steps = 0; u->queued >= most && steps < FREED_STEPS; steps++)
        if (!pending_free_some())
            break;
    return u->queued < most;
}

struct signal_user *signal_user_take(const struct process *p, bool anyway) {
    struct signal_user *u = last && last->node.key == p->ruid ? last : get(p->ruid);
    uint64_t most = anyway ? UINT64_MAX : settings_limit(p, RLIMIT_SIGPENDING);
    if (!u || (u->queued >= most && !has_room(u, most)))
        return NULL;
    u->queued++;
    return u;
}

void signal_user_give(struct signal_user *u) {
    if (--u->queued == 0 && u != last)
        forget(u);
}
