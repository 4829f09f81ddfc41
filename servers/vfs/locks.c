/* SPDX-License-Identifier: MIT */
/*
 * Who holds and who waits for locks on files (locks.h).
 *
 * A change of very many ranges, and the end of an owner who has them, go on as a job of the file; meanwhile
 * requests about its locks wait, so that all of them see a change done or not begun.
 */
#include "locks.h"

#include <lib/waiter.h>
#include <stdlib.h>

#define TRIED_AT_ONCE 16 /* requests, some 2,000 instructions each */
#define CHAIN_MOST 64    /* owners who wait for one another, some 500 instructions each */

enum { RECORDS, FLOCKS, SETS };

struct locks {
    struct node *node; /* referenced */
    struct lock_set set[SETS];
    uint64_t waits;        /* requests that wait */
    struct job job;        /* has a step to do while changing */
    bool changing;         /* who asks waits in busy */
    struct change *change; /* one that is going on, or NULL */
    struct list leaving;   /* owners whose locks go, struct owner.leaving */
    struct waiter_queue busy;
};

struct owner {
    struct lock_owner in_set;
    struct list leaving; /* in locks->leaving, or nowhere */
};

/* A change with all the memory that it may take, so that it does not fail once it is granted. */
struct change {
    struct lock_change change;
    struct lock_request asked;
    struct owner *new_owner; /* if the set has none of that key */
    bool answers;            /* the caller of this token waits, and the file is referenced: */
    uint64_t token;
    /* While a lock stops it: */
    struct waiter waiter; /* its queue is the waiting list of a lock, or stirred */
    struct locks *locks;
    struct tree_node place; /* in waiting_owners: a process with record locks */
};

/* Processes that wait for record locks, by their keys: whom do they wait for? */
static struct tree waiting_owners;

uint64_t lock_key_new(void) {
    static uint64_t last = 1;
    return last += 2;
}

void lock_free(struct lock *lock) {
    free(lock);
}

void lock_owner_free(struct lock_owner *in_set) {
    struct owner *owner = container_of(in_set, struct owner, in_set);
    list_remove(&owner->leaving);
    free(owner);
}

static struct lock_set *set_of(struct locks *locks, const struct lock_request *asked) {
    return &locks->set[asked->flock ? FLOCKS : RECORDS];
}

static struct lock *conflict_of(struct locks *locks, const struct lock_request *asked) {
    const struct lock_set *set = set_of(locks, asked);
    return asked->kind == LOCK_NONE ? NULL
                                    : lock_set_conflict(set, lock_set_owner(set, asked->key),
                                                        asked->first, asked->last, asked->kind);
}

/* ---- The memory of changes and files' locks ------------------------------------------------ */

static void change_free(struct change *change) {
    free(change->change.spare[0]);
    free(change->change.spare[1]);
    free(change->new_owner);
    free(change);
}

static struct change *change_new(const struct lock_request *asked) {
    struct change *change = calloc(1, sizeof(*change));
    if (!change) {
        return NULL;
    }
    bool enough = true;
    for (unsigned i = 0; i < lock_change_needs(asked->kind); i++) {
        change->change.spare[i] = calloc(1, sizeof(struct lock));
        enough &= change->change.spare[i] != NULL;
    }
    change->new_owner = calloc(1, sizeof(struct owner));
    if (!enough || !change->new_owner) {
        change_free(change);
        return NULL;
    }
    change->asked = *asked;
    change->new_owner->in_set.place.key = asked->key;
    change->new_owner->in_set.pid = asked->pid;
    list_init(&change->new_owner->leaving);
    return change;
}

static bool locks_job(struct job *job);

static struct locks *locks_of(struct node *node) {
    if (node->locks) {
        return node->locks;
    }
    struct locks *locks = calloc(1, sizeof(*locks));
    if (locks) {
        for (int i = 0; i < SETS; i++) {
            lock_set_init(&locks->set[i]);
        }
        list_init(&locks->leaving);
        waiter_queue_init(&locks->busy);
        job_init(&locks->job, locks_job);
        locks->node = node_hold(node);
        node->locks = locks;
    }
    return locks;
}

/* A file that nobody has locked, or waits to, needs none. */
static void locks_check(struct locks *locks) {
    if (locks->waits == 0 && !locks->changing && lock_set_empty(&locks->set[RECORDS]) &&
        lock_set_empty(&locks->set[FLOCKS])) {
        locks->node->locks = NULL;
        node_put(locks->node);
        free(locks);
    }
}

/* ---- Changes --------------------------------------------------------------------------------- */

static void change_done(struct locks *locks, struct change *change) {
    locks->change = NULL;
    if (change->answers) {
        server_reply(change->token, 0);
        file_put(change->asked.file);
    }
    change_free(change);
}

/* A step of a change that nothing stops. It belongs to the file's locks from now on. */
static void change_step(struct locks *locks, struct change *change) {
    struct lock_set *set = set_of(locks, &change->asked);
    if (lock_change_step(set, &change->change)) {
        locks->change = change;
    } else {
        change_done(locks, change);
    }
}

static void change_begin(struct locks *locks, struct change *change) {
    struct lock_owner *owner = lock_set_owner(set_of(locks, &change->asked), change->asked.key);
    if (!owner) {
        owner = &change->new_owner->in_set;
        change->new_owner = NULL;
    }
    change->change.owner = owner;
    change->change.first = change->asked.first;
    change->change.last = change->asked.last;
    change->change.kind = change->asked.kind;
    change_step(locks, change);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static struct change *change_of_waiter(struct waiter *waiter) {
    return container_of(waiter, struct change, waiter);
}

/* Does the owner of that lock wait, over others perhaps, for the one who asks? (fcntl(2): EDEADLK) */
static bool is_deadlock(const struct lock *lock, const struct lock_request *asked) {
    if (asked->flock || asked->pid < 0) {
        return false; /* open files are not known to belong to anybody who waits */
    }
    for (int i = 0; i < CHAIN_MOST && lock; i++) {
        uint64_t key = lock->owner->place.key;
        if (key == asked->key) {
            return true;
        }
        struct tree_node *place = tree_at_or_below(&waiting_owners, key);
        if (!place || place->key != key) {
            return false;
        }
        struct change *other = container_of(place, struct change, place);
        lock = conflict_of(other->locks, &other->asked);
    }
    return false;
}

/* From now on the caller hears of the change when it is done. */
static void answer_later(const struct request *req, struct change *change) {
    change->asked.file->refs++;
    change->answers = true;
    change->token = req->token;
}

/* It waits no more; its caller is to be answered, or has been. */
static void wait_end(struct change *change) {
    if (change->place.key) {
        tree_remove(&waiting_owners, &change->place);
    }
    change->locks->waits--;
}

static long wait_ended(struct waiter *waiter, enum waiter_end why) {
    struct change *change = change_of_waiter(waiter);
    struct locks *locks = change->locks;
    (void)why;
    file_put(change->asked.file); /* the file's locks stay while this one waits */
    wait_end(change);
    change_free(change);
    locks_check(locks);
    return -EINTR;
}

static long wait_at(struct request *req, struct locks *locks, struct lock *lock,
                    struct change *change) {
    static const struct waiter_ops ops = {.ended = wait_ended};
    answer_later(req, change);
    change->locks = locks;
    locks->waits++;
    if (!change->asked.flock && change->asked.pid >= 0) {
        change->place.key = change->asked.key;
        tree_insert(&waiting_owners, &change->place);
    }
    waiter_init(&change->waiter, req, request_client(req), &ops);
    list_add_tail(&lock->waiting, &change->waiter.link);
    return SERVER_DEFER;
}

/* The lock that stopped it has changed. */
static void try_again(struct locks *locks, struct change *change) {
    struct lock *lock = conflict_of(locks, &change->asked);
    list_remove(&change->waiter.link);
    if (lock && !is_deadlock(lock, &change->asked)) {
        list_add_tail(&lock->waiting, &change->waiter.link);
        return;
    }
    wait_end(change);
    if (!lock) {
        waiter_remove(&change->waiter);
        change_begin(locks, change);
        return;
    }
    waiter_finish(&change->waiter, -EDEADLK);
    file_put(change->asked.file);
    change_free(change);
}

static struct change *next_stirred(struct locks *locks) {
    for (int i = 0; i < SETS; i++) {
        struct list *stirred = &locks->set[i].stirred;
        if (!list_empty(stirred)) {
            return change_of_waiter(container_of(stirred->next, struct waiter, link));
        }
    }
    return NULL;
}

/* ---- What is left to do ---------------------------------------------------------------------- */

/* A step of the end of an owner. */
static void leave_step(struct locks *locks, struct owner *owner) {
    struct lock_change change = {.owner = &owner->in_set, .last = LOCK_END, .kind = LOCK_NONE};
    int which = lock_set_owner(&locks->set[RECORDS], owner->in_set.place.key) == &owner->in_set
                    ? RECORDS
                    : FLOCKS;
    lock_change_step(&locks->set[which], &change); /* if there is more, it is still in leaving */
}

/* Does some of it; true if there is more. */
static bool work(struct locks *locks) {
    if (locks->change) {
        change_step(locks, locks->change);
    } else if (!list_empty(&locks->leaving)) {
        leave_step(locks, container_of(locks->leaving.next, struct owner, leaving));
    } else {
        struct change *change;
        for (int i = 0; i < TRIED_AT_ONCE && !locks->change; i++) {
            if ((change = next_stirred(locks)) == NULL) {
                break;
            }
            try_again(locks, change);
        }
    }
    return locks->change || !list_empty(&locks->leaving) || next_stirred(locks);
}

static void work_ends(struct locks *locks) {
    locks->changing = false;
    request_wake(&locks->busy);
    locks_check(locks);
}

static bool locks_job(struct job *job) {
    struct locks *locks = container_of(job, struct locks, job);
    bool more = work(locks);
    if (!more) {
        work_ends(locks);
    }
    return more;
}

/* A few steps at once, which is all there is to do nearly always; the rest as a job. */
static void settle(struct locks *locks) {
    if (locks->changing) {
        return;
    }
    locks->changing = true;
    if (locks->change || (work(locks) && work(locks))) {
        job_queue(&locks->job);
    } else {
        work_ends(locks);
    }
}

void locks_closed(struct node *node, uint64_t key) {
    struct locks *locks = node->locks;
    struct lock_owner *owners[SETS + 1];
    for (int i = 0; i < SETS; i++) {
        owners[i] = lock_set_owner(&locks->set[i], key);
    }
    /* One whose ranges are all out of the set while they are being changed. */
    struct lock_owner *changing = locks->change ? locks->change->change.owner : NULL;
    owners[SETS] = changing && changing->place.key == key ? changing : NULL;
    bool any = false;
    for (int i = 0; i <= SETS; i++) {
        struct owner *owner = owners[i] ? container_of(owners[i], struct owner, in_set) : NULL;
        if (owner && list_empty(&owner->leaving)) {
            list_add_tail(&locks->leaving, &owner->leaving);
            any = true;
        }
    }
    if (any) {
        settle(locks);
    }
}

/* ---- Requests -------------------------------------------------------------------------------- */

const struct lock *locks_test(struct request *req, const struct lock_request *asked, long *result) {
    struct locks *locks = asked->file->node->locks;
    *result = 0;
    if (locks && locks->changing) {
        *result = request_wait(req, &locks->busy, NULL);
    }
    return locks && !*result ? conflict_of(locks, asked) : NULL;
}

/* A change that may be made: now, or in steps, after which the caller is answered. */
static long grant(struct request *req, struct locks *locks, struct change *change) {
    change_begin(locks, change);
    if (locks->change) {
        answer_later(req, change);
    }
    long result = locks->change ? SERVER_DEFER : 0;
    settle(locks);
    return result;
}

/* Why a request that a lock stops cannot wait for it; 0: it can. */
static long refusal(const struct lock *lock, const struct lock_request *asked) {
    if (!asked->waits) {
        return -EAGAIN;
    }
    return is_deadlock(lock, asked) ? -EDEADLK : 0;
}

/* flock(2) gives up what it has before it asks for the other kind, so that two who want the same do not wait for each
 * other. True: it has what it asks for. */
static bool convert_flock(struct locks *locks, const struct lock_request *asked) {
    struct lock_set *set = &locks->set[FLOCKS];
    struct lock_owner *owner = lock_set_owner(set, asked->key);
    if (!owner || asked->kind == LOCK_NONE) {
        return false;
    }
    const struct lock *has = container_of(owner->ranges.root, struct lock, place);
    if (has->exclusive == (asked->kind == LOCK_EXCLUSIVE)) {
        return true;
    }
    struct lock_change change = {.owner = owner, .last = LOCK_END, .kind = LOCK_NONE};
    lock_change_step(set, &change); /* one range: done in one step */
    settle(locks);
    return false;
}

long locks_change(struct request *req, const struct lock_request *asked) {
    struct node *node = asked->file->node;
    if (asked->kind == LOCK_NONE && !node->locks) {
        return 0;
    }
    if (node->locks && !node->locks->changing && asked->flock &&
        convert_flock(node->locks, asked)) {
        return 0;
    }
    if (node->locks && node->locks->changing) {
        return request_wait(req, &node->locks->busy, NULL);
    }
    struct locks *locks = locks_of(node);
    if (!locks) {
        return -ENOLCK;
    }
    struct lock *stopper = conflict_of(locks, asked);
    long error = stopper ? refusal(stopper, asked) : 0;
    struct change *change = error ? NULL : change_new(asked);
    if (!change) {
        locks_check(locks);
        return error ? error : -ENOLCK;
    }
    return stopper ? wait_at(req, locks, stopper, change) : grant(req, locks, change);
}
