/* SPDX-License-Identifier: MIT */
/*
 * Accounts: who pays for memory. Every frame and every kernel object is charged, in bytes, to one
 * account, which may not exceed its limit. An account with a limit of its own is carved out of
 * its parent: the limit counts as used there until the account ends. It ends when no task is in
 * it and nothing is charged to it any more. Accounts nest only so deep, since the end of one may be that
 * of all around it.
 */
#ifndef MM_ACCOUNT_H
#define MM_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

struct account {
    uint64_t limit, used; /* bytes */
    uint64_t tasks;
    struct account *parent;
    uint64_t depth; /* how many are around it */
};

extern struct account root_account;

#define ACCOUNT_DEPTH_MAX 16
/* Carves `limit` bytes out of parent; NULL if it has not that much left or is too deep. Starts with one task. */
struct account *account_create(struct account *parent, uint64_t limit);
static inline void account_join(struct account *a) {
    a->tasks++;
}
void account_leave(struct account *a);

/* False, and nothing changed, if the limit would be passed. */
static inline bool account_charge(struct account *a, uint64_t bytes) {
    if (bytes > a->limit - a->used)
        return false;
    a->used += bytes;
    return true;
}
void account_uncharge(struct account *a, uint64_t bytes);

#endif
