/* SPDX-License-Identifier: MIT */
/* Locks whose word names their owner, in the server's own files. */
#ifndef FUTEX_LOCK_H
#define FUTEX_LOCK_H

#include "futex.h"

#define LOCK_TRIES                                                                                 \
    4 /* to change a word that others change, before its user is asked to call again */

/* Threads that have ended so far. */
extern uint64_t lock_ended;

/* Who has been looked for, according to the caller. */
struct asked {
    uint32_t owner;
    uint64_t ended;
};
/* Others may wait for this thread: its end will be heard of. */
bool lock_owner_known(uint32_t owner, const struct asked *asked);

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
