/* SPDX-License-Identifier: MIT */
/* Accounts (account.h). */
#include <mm/account.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <task/task.h>

#define SPARE 65536         /* bytes that an account may have paid in advance */
#define RESERVED UINT64_MAX /* in `spare`: nothing is given back */
#define RECLAIM_MOST 32     /* accounts that are asked for what they paid in advance, at a time */
#define END_CREDIT 8

struct account root_account;
static uint64_t full_tag;

static void init(struct account *a, struct account *parent, uint64_t limit, bool reserved) {
    kobject_init(&a->kobject, PK_TYPE_ACCOUNT, parent);
    a->limit = limit;
    a->used = 0;
    a->paid = reserved ? limit : 0;
    a->spare = reserved ? RESERVED : SPARE;
    a->tag = 0;
    list_init(&a->below);
    list_init(&a->sibling);
    list_init(&a->tasks);
    a->holders = 0;
    a->depth = parent ? (uint8_t)(parent->depth + 1) : 0;
    a->highest = parent ? parent->highest : UINT8_MAX;
    a->ended = false;
}

void account_init_root(uint64_t limit) {
    init(&root_account, NULL, limit, true);
}

struct account *account_create(struct account *parent, uint64_t limit, bool reserved) {
    if (parent->depth == ACCOUNT_DEPTH_MAX || parent->ended)
        return NULL;
    struct account *a = slab_alloc(sizeof *a, parent);
    if (!a)
        return NULL;
    if (reserved && !account_charge(parent, limit)) {
        slab_free(a, sizeof *a, parent);
        return NULL;
    }
    init(a, parent, limit, reserved);
    list_append(&parent->below, &a->sibling);
    return a;
}

long account_set_limit(struct account *a, uint64_t limit) {
    if (a->spare == RESERVED)
        return -EINVAL;
    a->limit = limit;
    return 0;
}

static bool is_around(const struct account *outer, const struct account *a) {
    while (a && a != outer)
        a = account_parent(a);
    return a != NULL;
}

uint64_t account_available(const struct account *a) {
    uint64_t available = UINT64_MAX, advance = 0;
    for (; a; a = account_parent(a)) {
        uint64_t left = a->limit > a->used ? a->limit - a->used : 0;
        available = min_u64(available, left + advance);
        advance = a->paid - a->used;
    }
    return available;
}

uint64_t account_full_tag(void) {
    return full_tag;
}

void account_frames_ended(void) {
    full_tag = 0;
}

/* Takes back what accounts below a paid it in advance, some bytes or more; all have their turn. */
static void reclaim(struct account *a, uint64_t bytes) {
    uint64_t got = 0;
    for (unsigned i = 0; i < RECLAIM_MOST && got < bytes && !list_empty(&a->below); i++) {
        struct account *child = CONTAINER_OF(a->below.next, struct account, sibling);
        list_remove(&child->sibling);
        list_append(&a->below, &child->sibling);
        if (child->spare == RESERVED || child->paid <= child->used)
            continue;
        uint64_t spare = child->paid - child->used;
        child->paid -= spare;
        a->used -= spare;
        got += spare;
    }
}

static bool may_pay(const struct account *a, uint64_t need) {
    return a->spare != RESERVED && a->paid <= a->limit && need <= a->limit - a->paid;
}

/* A little more than is needed, if that is to be had. False if not even that is. */
static bool pay_parent(struct account *a, uint64_t need) {
    uint64_t more = need + min_u64(a->spare / 2, a->limit - a->paid - need);
    struct account *parent = account_parent(a);
    if (more > parent->paid - parent->used && account_available(parent) < more)
        more = need;
    if (!account_charge(parent, more))
        return false;
    a->paid += more;
    return true;
}

static bool pay_what_is_used(struct account *a) {
    uint64_t need = a->used > a->paid ? a->used - a->paid : 0;
    if (!may_pay(a, need))
        reclaim(a, need);
    need = a->used > a->paid ? a->used - a->paid : 0;
    if (need && !may_pay(a, need))
        full_tag = a->tag;
    return !need || (may_pay(a, need) && pay_parent(a, need));
}

/* The bytes count as used from the first: a parent that is nearly full takes back what is paid in advance, from
 * a, too, but not these. */
bool account_pay(struct account *a, uint64_t bytes) {
    a->used += bytes;
    if (a->used >= bytes && pay_what_is_used(a))
        return true;
    a->used -= bytes;
    if (a->paid - a->used > a->spare)
        account_settle(a);
    return false;
}

static void free_account(struct account *a) {
    struct account *parent = account_parent(a);
    list_remove(&a->sibling);
    uint64_t paid = a->paid;
    slab_free(a, sizeof *a, NULL);
    account_uncharge(parent, paid + sizeof *a);
}

static void give_back(struct account *a, uint64_t bytes) {
    a->paid -= bytes;
    account_uncharge(account_parent(a), bytes);
}

/* Gives back to the parent what is too much, and the account itself if nothing is left of it. */
void account_settle(struct account *a) {
    if (a->used == 0 && a->kobject.refs == 0)
        free_account(a);
    else
        give_back(a, a->paid - a->used - a->spare / 2);
}

long account_move(struct account *a, struct account *parent) {
    struct account *old = account_parent(a);
    /* Only one without accounts in it: theirs is the depth that counts. */
    if (a->spare == RESERVED || !old || parent->ended || parent->depth == ACCOUNT_DEPTH_MAX ||
        !list_empty(&a->below) || is_around(a, parent))
        return -EINVAL;
    give_back(a, a->paid - a->used);
    if (!account_charge(parent, a->paid + sizeof *a))
        return -ENOMEM;
    list_remove(&a->sibling);
    list_append(&parent->below, &a->sibling);
    a->kobject.account = parent;
    a->depth = (uint8_t)(parent->depth + 1);
    account_uncharge(old, a->paid + sizeof *a);
    return 0;
}

void account_add_holder(struct kobject *k) {
    account_of(k)->holders++;
}

void account_drop_holder(struct kobject *k) {
    struct account *a = account_of(k);
    if (--a->holders || a->ended) /* an account around it has ended it already */
        return;
    a->ended = true;
    kobject_hold(k);
    int credit = END_CREDIT;
    if (account_end_step(k, &credit) != ENDING_DONE)
        kobject_doom(k);
}

/* Ends what is in it; accounts below do the same in their turn. */
enum ending account_end_step(struct kobject *k, int *credit) {
    struct account *a = account_of(k);
    while (!list_empty(&a->tasks) || !list_empty(&a->below)) {
        if (*credit <= 0)
            return ENDING_MORE;
        *credit -= END_CREDIT;
        if (!list_empty(&a->tasks)) {
            struct task *task = CONTAINER_OF(a->tasks.next, struct task, account_link);
            list_remove(&task->account_link);
            task_doom(task);
            continue;
        }
        struct account *child = CONTAINER_OF(a->below.next, struct account, sibling);
        list_remove(&child->sibling);
        if (!child->ended) {
            child->ended = true;
            kobject_hold(&child->kobject);
            kobject_doom(&child->kobject);
        }
    }
    a->spare = 0; /* what is not in use is the parent's again */
    if (account_parent(a))
        give_back(a, a->paid - a->used);
    kobject_ended(k);
    return ENDING_DONE;
}

/* The last reference is gone; what is charged to it still keeps it. */
void account_destroy(struct kobject *k) {
    struct account *a = account_of(k);
    if (a->used == 0)
        free_account(a);
    else
        a->spare = 0;
}
