/* SPDX-License-Identifier: MIT */
/* Locks whose word names their owner, in the server's own files. */
#ifndef FUTEX_LOCK_H
#define FUTEX_LOCK_H

#include "futex.h"

#define LOCK_TRIES                                                                                 \
    4 /* to change a word that others change, before its user is asked to call again */

/* owner.c: proc has looked for this thread; its end will be heard of. */
bool owner_known(uint32_t tid);
/* A capability to it, which is the caller's; 0: there is none. */
uint64_t owner_thread(uint32_t tid);
void owner_ended(uint32_t tid);

/* order.c: the seat's place in the queue that begins with `first`, by priority; it stands there then as one of that. */
struct place {
    struct seat *before; /* or if that is the first, and `leads` is not set, behind all */
    bool leads;
};
struct place order_enter(struct seat *seat, struct seat *first);
void order_alone(struct seat *seat);
/* It is about to leave. */
void order_leave(struct seat *seat);
/*
 * The priority of a thread has changed, or may have: its own, or what it is lent. If it waits for a lock it takes another
 * place, and so may who has that lock, and so on.
 */
void order_changed(const struct client *client, uint32_t tid);

/* A sleeper lends its priority to that thread from now on, or (0) to nobody. */
void lend_to(const struct sleeper *sleeper, uint64_t thread);

/* Who waits for which lock, or 0. */
struct sleeper *lock_sleeper(const struct client *client, uint32_t tid);

/* Others may wait for the owner of a lock whose queue, if there is one, begins with `first`: its end will be heard of. */
bool lock_owner_known(const struct seat *first, uint32_t owner);
/* From now on; it is lent the first one's priority by this capability, which is the queue's then. */
void lock_set_owner(struct seat *first, uint32_t owner, uint64_t thread);
/* A capability to the thread that is about to get a lock, or 0. */
uint64_t lock_heir_thread(const struct sleeper *heir);

/* The sleeper sits in a lock's queue from now on; or it leaves. */
void lock_sleeps(struct sleeper *sleeper);
void lock_sleeps_no_more(struct sleeper *sleeper);

/* The word in the output buffer of a caller; an error. */
long lock_load(uint64_t token);
/* It becomes `value` if it is `old`: 1; 0 if it is not; an error. */
long lock_change(uint64_t token, uint32_t old, uint32_t value);
/*
 * Gives the free lock to a thread, by the word in `token`'s output buffer; `waiters`: others will wait. 1; 0 if the
 * word has changed; an error.
 */
long lock_take(uint64_t token, uint32_t word, uint32_t tid, bool waiters);
/* Says in the word that others wait. As lock_take(). */
long lock_announce(uint64_t token, uint32_t word);

#endif
