/* SPDX-License-Identifier: MIT */
/*
 * Accounts: who pays for memory. Every frame and every kernel object is charged, in bytes, to one
 * account. Accounts form a tree, and a charge counts in all accounts around it, none of which may exceed
 * its limit. A reserved account's limit is charged to its parent when it is made, so that nobody can take
 * it away; another's limit is a ceiling, and it shares what its parent has with the others.
 *
 * An account pays its parent a little in advance, and gives back in portions, so that a charge is mostly
 * one comparison: `paid` is what the parent is charged with for it, never less than `used`.
 *
 * Who may manage an account decides what is made from it. When nobody may any more it ends, with the tasks
 * in it and the accounts below it. The structure stays until nothing is charged to it.
 */
#ifndef MM_ACCOUNT_H
#define MM_ACCOUNT_H

#include <cap/kobject.h>

struct account {
    struct kobject kobject; /* its account is the parent; NULL: the root */
    uint64_t limit, used;   /* bytes */
    uint64_t paid;
    uint64_t spare;      /* most that paid may exceed used by */
    uint64_t tag;        /* its maker's name for it */
    struct list below;   /* accounts */
    struct list sibling; /* in the parent's `below` */
    struct list tasks;   /* in it, by account_link */
    uint32_t holders;    /* capabilities to manage it */
    uint8_t depth;       /* how many are around it */
    uint8_t highest;     /* priority of threads in it */
    bool ended;
};

extern struct account root_account;

static inline struct account *account_of(struct kobject *k) {
    return CONTAINER_OF(k, struct account, kobject);
}
static inline struct account *account_parent(const struct account *a) {
    return a->kobject.account;
}

/* All memory there is, in bytes. */
void account_init_root(uint64_t limit);

#define ACCOUNT_DEPTH_MAX 16
/* An account below parent with one reference; NULL if that has not enough left or is too deep. */
struct account *account_create(struct account *parent, uint64_t limit, bool reserved);
/* Its limit from now on; more may be in use already. -EINVAL if it is reserved. */
long account_set_limit(struct account *a, uint64_t limit);
/* Puts it, with all that is charged to it, below another parent. -ENOMEM, -EINVAL (reserved, too deep, or
 * one of its own descendants). */
long account_move(struct account *a, struct account *parent);
/* Bytes that can be charged to it: what it and all around it have left. */
uint64_t account_available(const struct account *a);
/* The tag of the account whose limit the last charge that failed would have passed; 0 if frames ended before
 * limits, since what the kernel has for itself is charged to nobody. */
uint64_t account_full_tag(void);
void account_frames_ended(void);

/* A capability to manage it comes or goes. */
void account_add_holder(struct kobject *k);
void account_drop_holder(struct kobject *k);
enum ending account_end_step(struct kobject *k, int *credit);
void account_destroy(struct kobject *k);

/* The long ways of the two below. */
bool account_pay(struct account *a, uint64_t bytes);
void account_settle(struct account *a);

/* False, and nothing changed, if a limit would be passed. */
static inline bool account_charge(struct account *a, uint64_t bytes) {
    if (bytes > a->paid - a->used)
        return account_pay(a, bytes);
    a->used += bytes;
    return true;
}
static inline void account_uncharge(struct account *a, uint64_t bytes) {
    ASSERT(a->used >= bytes);
    a->used -= bytes;
    if (a->paid - a->used > a->spare)
        account_settle(a);
}

#endif
