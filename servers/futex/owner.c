/* SPDX-License-Identifier: MIT */
/*
 * Threads that may be waited for: those that proc has looked for, because somebody asked (FUTEX_ASK). proc tells of
 * the end of each; so who is known here is there, or its end is still to be told. Their processes pay.
 */
#include "lock.h"
#include <stdlib.h>

struct owner {
    struct hash_node node; /* its key: the thread's number */
    uint64_t thread;       /* the capability, or 0 */
};

static struct owner *find(uint32_t tid) {
    return (struct owner *)(void *)hash_find(&futex_state.known, tid);
}
_Static_assert(offsetof(struct owner, node) == 0, "find casts");

bool owner_known(uint32_t tid) {
    return find(tid);
}

static void drop(uint64_t thread) {
    if (thread)
        must(pk_cap_drop(0, thread));
}

uint64_t owner_thread(uint32_t tid) {
    const struct owner *owner = find(tid);
    long slot = owner && owner->thread ? pk_cap_copy(owner->thread, 0, 0, PK_RIGHT_USE, 0) : 0;
    return slot < 0
               ? 0
               : (uint64_t)slot; /* without memory for it the lock works, but nothing is lent */
}

/* It may have been known as what it was before it executed another program. */
long futex_handle_owner(struct request *req, int pid, uint32_t tid) {
    const struct client *client = client_find((uint64_t)pid);
    struct owner *owner = find(tid);
    if (!client)
        return -ESRCH;
    if (!owner) {
        payer_serve(client->payer);
        owner = malloc(sizeof(*owner));
        if (!owner)
            return -ENOMEM;
        owner->thread = 0;
        hash_insert(&futex_state.known, &owner->node, tid);
    }
    drop(owner->thread);
    owner->thread = request_take_cap(req, 0);
    return 0;
}

void owner_ended(uint32_t tid) {
    struct owner *owner = find(tid);
    if (!owner)
        return;
    hash_remove(&futex_state.known, &owner->node);
    drop(owner->thread);
    free(owner);
}
