/* SPDX-License-Identifier: MIT */
/* Who pays for processes (pool.c). */
#ifndef PROC_POOL_H
#define PROC_POOL_H

#include "proc.h"

#define PROCESS_PRIORITY PK_PRIORITY_SHARED

/* A user's, with a reference for the caller; NULL if there is no memory. */
struct pool *pool_of_user(uint32_t uid);
struct pool *pool_hold(struct pool *pool);
void pool_put(struct pool *pool);
/* Slots of accounts for servers to make memory objects from: for their records, and for data. */
uint64_t pool_pays_records(const struct pool *pool);
uint64_t pool_pays_data(const struct pool *pool);
uint64_t pool_processes(const struct process *p); /* and threads in p's pool, for RLIMIT_NPROC */
void pool_add_threads(struct process *p, int64_t more); /* or fewer: negative */
struct heap *pool_heap(struct pool *pool); /* what this server keeps for its processes is there */
uint64_t pool_tag(const struct pool *pool);
uint64_t pool_users_account(void); /* slot of the account that all pools are in */

/* Gives p an account of its own in the pool. -ENOMEM. */
long pool_enter(struct process *p, struct pool *pool);
/* Takes that away; p stays in the pool until it is forgotten. */
void pool_leave(struct process *p);
/* p's real user has changed: its account, with all that is charged to it, becomes that user's, unless a limit
 * holds it where it is. -ENOMEM. */
long pool_follow_user(struct process *p);
/* p and its descendants may use so many bytes from now on. -ENOMEM if p uses more already. */
long pool_limit(struct process *p, uint64_t bytes);
/* The account with that tag is not for processes, but for what servers keep for them. */
bool pool_is_kept(uint64_t tag);
/* The account with that tag cannot pay for a page fault now. */
bool pool_is_full(uint64_t tag);
/*
 * How much would come back if p ended, in bytes, and as much more or less as it is to count for (oom_score_adj: thousandths
 * of pool_memory()). POOL_SPARED: it is not to be ended, or has nothing.
 */
#define POOL_SPARED INT64_MIN
int64_t pool_badness(const struct process *p);
uint64_t pool_memory(const struct process *p); /* that p and those with it in its pool may have */
/* Who uses most of what the full account with that tag pays for; NULL if it is no process. */
struct process *pool_largest(uint64_t tag);

#endif
