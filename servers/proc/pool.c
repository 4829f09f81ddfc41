/* SPDX-License-Identifier: MIT */
/*
 * Who pays for processes: each has an account of its own, below its user's, below that of all users. A pool
 * is an account with processes' accounts below it: a user's, or one that limits a process and its
 * descendants (quota). Most have no limit but what is free.
 *
 * In a pool's account is one more, for what servers keep for its processes, and in that two: for records, which
 * are in the servers' heaps, and for data, which files and segments hold. Each ceiling is a little lower than
 * the one around it: or a single file could leave no page for a fault, and no process's end would help, nor a
 * record for a fork.
 *
 * A pool's tag is the kernel's name for the account, in which a fault tells which one is full.
 */
#include "pool.h"
#include <stdlib.h>

#define TAG_USER (1ull << 32) /* and the user id */
#define TAG_LIMITED (2ull << 32)
#define TAG_KEPT (1ull << 40) /* with the pool's: its account for what servers keep */
#define NO_LIMIT UINT64_MAX
#define FAULT_MOST (16 * 4096ul) /* what a page fault may need, and a little more */
#define LOOKS 2
#define KEPT_FOR_ROOT 32 /* this part of all memory no other user gets */
#define FOR_PROCESSES                                                                              \
    16 /* this part of a pool's memory servers do not get, and as much more no data */

/* The same account's slots: with all rights, and to make memory objects from. */
struct payment {
    uint64_t account, pay;
};

struct pool {
    struct hash_node node; /* key: tag */
    struct pool *outer;    /* of a limited one */
    uint64_t account;      /* processes' accounts are in it */
    uint64_t kept;         /* what servers keep, in two parts: */
    struct payment records, data;
    struct heap heap;
    uint64_t refs;    /* processes, and pools inside */
    uint64_t threads; /* besides processes' first ones */
    struct list idle; /* in a list of those without */
};

static struct hash pools;

uint64_t pool_users_account(void) {
    return boot_cap("account:users");
}

uint64_t pool_pays_records(const struct pool *pool) {
    return pool->records.pay;
}

uint64_t pool_pays_data(const struct pool *pool) {
    return pool->data.pay;
}

struct heap *pool_heap(struct pool *pool) {
    return &pool->heap;
}

uint64_t pool_tag(const struct pool *pool) {
    return pool->node.key;
}

static struct list idle = LIST_INIT(idle); /* without references, but with something left in them */

/* That there is for users, in bytes. */
static uint64_t all_memory(void) {
    struct pk_account_info info;
    return pk_account_info(pool_users_account(), &info) < 0 ? NO_LIMIT : info.used + info.available;
}

static uint64_t user_limit(uint32_t uid) {
    uint64_t all = uid == 0 ? NO_LIMIT : all_memory();
    return all == NO_LIMIT ? all : all - all / KEPT_FOR_ROOT;
}

/* What a user has left behind stays charged to that account: it is kept for when the user comes back. */
static bool is_used(uint64_t account) {
    struct pk_account_info info;
    return pk_account_info(account, &info) == 0 && info.used;
}

static bool is_empty(struct pool *pool) {
    return heap_release(&pool->heap) &&
           !(pool->node.key & TAG_USER &&
             (is_used(pool->records.account) || is_used(pool->data.account)));
}

static void free_pool(struct pool *pool) {
    const uint64_t slots[] = {pool->records.pay, pool->records.account,
                              pool->data.pay,    pool->data.account,
                              pool->kept,        pool->account};
    for (unsigned i = 0; i < sizeof slots / sizeof slots[0]; i++)
        if (slots[i])
            must(pk_cap_drop(0, slots[i]));
    free(pool);
}

/* One without references ends, with those around it that had no others, or joins the idle ones. */
static void try_end(struct pool *pool) {
    while (pool) {
        struct pool *outer = pool->outer;
        list_remove(&pool->idle);
        if (!is_empty(pool)) {
            list_add_tail(&idle, &pool->idle);
            return;
        }
        hash_remove(&pools, &pool->node);
        free_pool(pool);
        pool = outer && --outer->refs == 0 ? outer : 0;
    }
}

/* More at a time than come to be idle, so that none stays for long that could end. */
static void look_at_idle(void) {
    for (unsigned looks = 0; looks < LOOKS && !list_empty(&idle); looks++)
        try_end(container_of(idle.next, struct pool, idle));
}

/* 0 or -ENOMEM; what was made before is there. */
static long make_payment(struct payment *payment, uint64_t parent, uint64_t limit, uint64_t tag) {
    long slot = pk_account_create(parent, limit, 0, tag | TAG_KEPT, 0);
    if (slot < 0)
        return slot;
    payment->account = (uint64_t)slot;
    slot = pk_cap_copy(payment->account, 0, 0, PK_RIGHT_USE | PK_RIGHT_GRANT, 0);
    payment->pay = slot < 0 ? 0 : (uint64_t)slot;
    return slot < 0 ? slot : 0;
}

/* 0 or -ENOMEM; what was made before is there. */
static long make_accounts(struct pool *pool, const struct pool *outer, uint64_t tag,
                          uint64_t limit) {
    uint64_t most = limit == NO_LIMIT ? all_memory() : limit, step = most / FOR_PROCESSES;
    long slot = pk_account_create(outer ? outer->account : pool_users_account(), limit, 0, tag,
                                  PK_PRIORITIES - 1);
    if (slot < 0)
        return slot;
    pool->account = (uint64_t)slot;
    slot = pk_account_create(pool->account, most - step, 0, tag | TAG_KEPT, 0);
    if (slot < 0)
        return slot;
    pool->kept = (uint64_t)slot;
    long error = make_payment(&pool->records, pool->kept, NO_LIMIT, tag);
    return error < 0 ? error : make_payment(&pool->data, pool->kept, most - 2 * step, tag);
}

/* A new pool with one reference; NULL if there is no memory. */
static struct pool *pool_make(struct pool *outer, uint64_t tag, uint64_t limit) {
    look_at_idle();
    struct pool *pool = own_calloc(1, sizeof *pool);
    if (!pool)
        return 0;
    if (make_accounts(pool, outer, tag, limit) < 0) {
        free_pool(pool);
        return 0;
    }
    pool->outer = outer;
    pool->heap.account = pool->records.pay;
    pool->refs = 1;
    list_init(&pool->idle);
    if (outer)
        outer->refs++;
    hash_insert(&pools, &pool->node, tag);
    return pool;
}

static struct pool *pool_find(uint64_t tag) {
    return (struct pool *)(void *)hash_find(&pools, tag);
}
_Static_assert(offsetof(struct pool, node) == 0, "pool_find casts");

struct pool *pool_hold(struct pool *pool) {
    list_remove(&pool->idle);
    pool->refs++;
    return pool;
}

struct pool *pool_of_user(uint32_t uid) {
    struct pool *pool = pool_find(TAG_USER | uid);
    if (pool)
        pool_hold(pool);
    else
        pool = pool_make(0, TAG_USER | uid, user_limit(uid));
    return pool;
}

void pool_put(struct pool *pool) {
    if (pool && --pool->refs == 0)
        try_end(pool);
    look_at_idle();
}

uint64_t pool_processes(const struct process *p) {
    return p->pool->refs + p->pool->threads;
}

void pool_add_threads(struct process *p, int64_t more) {
    p->pool->threads += (uint64_t)more;
}

long pool_enter(struct process *p, struct pool *pool) {
    long account = pk_account_create(pool->account, NO_LIMIT, 0, pool->node.key, PK_PRIORITIES - 1);
    if (account < 0)
        return account;
    p->account = (uint64_t)account;
    p->pool = pool_hold(pool);
    return 0;
}

void pool_leave(struct process *p) {
    if (p->account)
        must(pk_cap_drop(0, p->account));
    p->account = 0;
}

/* Takes over the reference to `pool`, or gives it back after an error. */
static long move(struct process *p, struct pool *pool) {
    long error = pk_account_set(p->account, PK_ACCOUNT_PARENT, pool->account);
    if (error < 0) {
        pool_put(pool);
        return error;
    }
    int64_t others = (int64_t)p->thread_count - 1;
    pool_add_threads(p, -others);
    pool_put(p->pool);
    p->pool = pool;
    pool_add_threads(p, others);
    return 0;
}

long pool_follow_user(struct process *p) {
    if (!(p->pool->node.key & TAG_USER) || p->pool->node.key == (TAG_USER | p->ruid))
        return 0;
    struct pool *pool = pool_of_user(p->ruid);
    return pool ? move(p, pool) : -ENOMEM;
}

long pool_limit(struct process *p, uint64_t bytes) {
    static uint64_t count;
    struct pool *pool = pool_make(p->pool, TAG_LIMITED | count++, bytes);
    return pool ? move(p, pool) : -ENOMEM;
}

bool pool_is_kept(uint64_t tag) {
    return tag & TAG_KEPT;
}

bool pool_is_full(uint64_t tag) {
    struct pk_account_info info;
    const struct pool *pool = pool_find(tag);
    return pk_account_info(pool ? pool->account : pool_users_account(), &info) < 0 ||
           info.available < FAULT_MOST;
}

static bool is_inside(const struct process *p, const struct pool *outer) {
    const struct pool *pool = p->pool;
    while (pool && pool != outer)
        pool = pool->outer;
    return pool == outer;
}

/* Bytes that would come back if p ended, or might: shared memory may be others' too. */
static uint64_t weight(const struct process *p) {
    struct pk_account_info account;
    struct pk_task_info task;
    if (!p->account || pk_account_info(p->account, &account) < 0 ||
        pk_task_info(p->task, &task) < 0)
        return 0;
    uint64_t resident = task.resident * 4096;
    return account.used > resident ? account.used : resident;
}

uint64_t pool_memory(const struct process *p) {
    struct pk_account_info info;
    uint64_t account = p->pool ? p->pool->account : pool_users_account();
    return pk_account_info(account, &info) < 0 || info.limit == NO_LIMIT ? all_memory()
                                                                         : info.limit;
}

int64_t pool_badness(const struct process *p) {
    uint64_t bytes = weight(p);
    if (bytes == 0 || p->oom_adjust == -OOM_ADJUST_MOST)
        return POOL_SPARED;
    int64_t part = p->oom_adjust ? (int64_t)(pool_memory(p) / OOM_ADJUST_MOST) : 0;
    return (int64_t)bytes + p->oom_adjust * part;
}

/* The worse one of the two, if p is in the full pool. */
static void compare(struct process *p, const struct pool *full, struct process **worst,
                    int64_t *most) {
    int64_t badness = is_inside(p, full) ? pool_badness(p) : POOL_SPARED;
    if (badness > *most) {
        *worst = p;
        *most = badness;
    }
}

/*
 * One with children is spared while they live: what it has is mostly what they share with it, and it made them
 * for a purpose. Its largest child goes first.
 */
struct process *pool_largest(uint64_t tag) {
    const struct pool *full = pool_find(tag); /* NULL: all users', or the machine: of everybody */
    struct process *largest = 0, *child = 0;
    int64_t most = POOL_SPARED;
    for (struct process *p = process_next(0); p; p = process_next(p))
        compare(p, full, &largest, &most);
    most = POOL_SPARED;
    for (struct list *l = largest ? largest->children.next : 0; l && l != &largest->children;
         l = l->next)
        compare(container_of(l, struct process, sibling), full, &child, &most);
    return child ? child : largest;
}
