/* SPDX-License-Identifier: MIT */
/*
 * Locks whose word names their owner (futex(2), "Priority-inheritance futexes"). Who finds the lock free takes it by an
 * instruction of its own and never comes here; the bit FUTEX_WAITERS makes the owner come here to give it away.
 *
 * Once that bit is set the word is changed here alone, if programs keep to the rules; that they may not is why every
 * change is an exchange, and why nothing but the word's users suffers if they do not.
 *
 * The owner's end: proc tells of each thread's, and the lock goes to the next. A thread that ended before somebody
 * began to wait for it would never be told of. So a waiter has the owner looked for first (FUTEX_ASK, owner.c).
 *
 * The lock goes to the most urgent of those who wait (order.c), and the owner is as urgent as that one until then.
 */
#include "lock.h"
#include <lib/heap.h>
#include <stdlib.h>

bool lock_owner_known(const struct seat *first, uint32_t owner) {
    return (first && first->kind == SEAT_LOCK && first->owner == owner) || owner_known(owner);
}

uint64_t lock_heir_thread(const struct sleeper *heir) {
    long slot = pk_caller_thread(waiter_token(&heir->waiter));
    return slot < 0 ? 0 : (uint64_t)slot; /* without memory for it nothing is lent */
}

void lock_set_owner(struct seat *first, uint32_t owner, uint64_t thread) {
    seat_set_owner(first, owner, thread);
    lend_to(seat_sleeper(first), thread);
}

long lock_load(uint64_t token) {
    return pk_caller_word_exchange(token, 0, 0, 0);
}

long lock_change(uint64_t token, uint32_t old, uint32_t value) {
    long was = pk_caller_word_exchange(token, 0, old, value);
    return was < 0 ? was : (uint32_t)was == old;
}

long lock_take(uint64_t token, uint32_t word, uint32_t tid, bool waiters) {
    return lock_change(token, word,
                       tid | (word & FUTEX_OWNER_DIED) | (waiters ? FUTEX_WAITERS : 0));
}

long lock_announce(uint64_t token, uint32_t word) {
    return word & FUTEX_WAITERS ? 1 : lock_change(token, word, word | FUTEX_WAITERS);
}

/*
 * Who waits for which lock, by process and thread. Who says that he is a thread of his process that he is not harms
 * that process alone: a chain that leads through others' threads is not followed.
 */
static uint64_t key_of(const struct client *client, uint32_t tid) {
    return (uint64_t)client_pid(client) << 32 | tid;
}

struct sleeper *lock_sleeper(const struct client *client, uint32_t tid) {
    struct hash_node *node = hash_find(&futex_state.wanting, key_of(client, tid));
    return node ? container_of(node, struct sleeper, wanting) : 0;
}

void lock_sleeps(struct sleeper *sleeper) {
    sleeper->locking = true;
    hash_insert(&futex_state.wanting, &sleeper->wanting,
                key_of(sleeper->waiter.client, sleeper->tid));
}

void lock_sleeps_no_more(struct sleeper *sleeper) {
    hash_remove(&futex_state.wanting, &sleeper->wanting);
    sleeper->locking = false;
}

#define CHAIN_MOST 1024 /* locks, as on Linux: longer chains count as closed */

/* The owner waits for a lock whose owner waits, and so on, for one that the caller has: nobody would ever go on. */
static bool closes_chain(const struct client *client, uint32_t tid, uint32_t owner) {
    for (int locks = 0; locks < CHAIN_MOST; locks++) {
        const struct sleeper *sleeper = lock_sleeper(client, owner);
        if (!sleeper)
            return false;
        owner = seat_first(&sleeper->seats[0].name)->owner;
        if (owner == tid)
            return true;
    }
    return true;
}

static long wait(struct request *req, uint32_t tid, uint32_t owner, const struct pk_word_name *name,
                 uint64_t deadline) {
    struct sleeper *sleeper = sleeper_new(req, request_client(req), 1, deadline);
    if (!sleeper)
        return -ENOMEM;
    sleeper->tid = tid;
    long error = sleeper_sit(sleeper, name, SEAT_LOCK, ~0u);
    if (error < 0) {
        sleeper_drop(sleeper);
        return error;
    }
    struct seat *first = seat_first(name);
    if (first->owner != owner)
        lock_set_owner(first, owner, owner_thread(owner));
    lock_sleeps(sleeper);
    order_changed(sleeper->waiter.client, owner);
    return SERVER_DEFER;
}

static long ask(struct request *req, uint32_t owner) {
    futex_results_lock(&req->msg, owner);
    return FUTEX_ASK;
}

/* One try: 0 if the word changed meanwhile. */
struct attempt {
    uint32_t tid, flags;
    struct pk_word_name name;
    uint64_t deadline;
};

/* Nobody has it. 1: the caller has it now; 0: the word has changed. */
static long take_free(const struct request *req, const struct attempt *a, uint32_t word) {
    struct seat *first = seat_first(&a->name);
    if (first && first->kind != SEAT_LOCK)
        return -EINVAL;
    long taken = lock_take(req->token, word, a->tid, first != 0);
    if (taken <= 0 || !first)
        return taken;
    long thread = pk_caller_thread(req->token);
    lock_set_owner(first, a->tid, thread < 0 ? 0 : (uint64_t)thread);
    return taken;
}

/* Another has it. 0: the word has changed. */
static long wait_for_owner(struct request *req, const struct attempt *a, uint32_t word) {
    uint32_t owner = word & FUTEX_TID_MASK;
    const struct seat *first = seat_first(&a->name);
    if (owner == a->tid)
        return -EDEADLK;
    if (!lock_owner_known(first, owner))
        return ask(req, owner);
    if (a->flags & FUTEX_TRY)
        return -EAGAIN;
    if (closes_chain(request_client(req), a->tid, owner))
        return -EDEADLK;
    long announced = lock_announce(req->token, word);
    return announced <= 0 ? announced : wait(req, a->tid, owner, &a->name, a->deadline);
}

static long attempt(struct request *req, const struct attempt *a) {
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        long word = lock_load(req->token), result;
        if (word < 0)
            return word;
        if (word & FUTEX_TID_MASK) {
            result = wait_for_owner(req, a, (uint32_t)word);
            if (result != 0)
                return result;
        } else {
            result = take_free(req, a, (uint32_t)word);
            if (result != 0)
                return result < 0 ? result : 0;
        }
    }
    return ask(req, 0);
}

static bool is_tid(uint32_t tid) {
    return tid && !(tid & ~FUTEX_TID_MASK);
}

long futex_handle_lock(struct request *req, uint32_t tid, uint32_t flags, uint64_t deadline) {
    struct attempt a = {tid, flags, {0, 0}, deadline};
    struct client *client = request_client(req);
    if (!client)
        return -EBADF;
    if (!is_tid(tid))
        return -EINVAL;
    long error = name_of(req, client, req->msg.out, flags, &a.name);
    return error < 0 ? error : attempt(req, &a);
}

/*
 * The lock goes to the most urgent who waits, and the others wait for that one. `token`: by whose call the word is changed.
 * 1; 0: the word has changed; an error.
 */
static long pass_on(struct seat *first, uint64_t token, uint32_t word, uint32_t died) {
    struct sleeper *heir = seat_sleeper(first);
    uint32_t tid = heir->tid;
    long changed = lock_change(token, word, tid | died | (seat_next(first) ? FUTEX_WAITERS : 0));
    if (changed <= 0)
        return changed;
    seat_set_owner(first, tid, seat_next(first) ? lock_heir_thread(heir) : 0);
    sleeper_wake(first);
    return 1;
}

long futex_handle_unlock(struct request *req, uint32_t tid, uint32_t flags) {
    struct pk_word_name name;
    struct client *client = request_client(req);
    if (!client)
        return -EBADF;
    long error = name_of(req, client, req->msg.out, flags, &name);
    if (error < 0)
        return error;
    struct seat *first = seat_first(&name);
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        long word = lock_load(req->token);
        if (word < 0)
            return word;
        if ((word & FUTEX_TID_MASK) != tid || !tid)
            return -EPERM;
        if (first && first->kind != SEAT_LOCK)
            return -EINVAL;
        long done = first ? pass_on(first, req->token, (uint32_t)word, 0)
                          : lock_change(req->token, (uint32_t)word, 0);
        if (done != 0)
            return done < 0 ? done : 0;
    }
    return FUTEX_ASK;
}

/*
 * The owner of a lock is no more. The word names it still, or nobody, if proc has marked it; else somebody does
 * not keep to the rules, and who waits is to look again. The word is the heir's own, in its call's output buffer.
 */
static void inherit(struct seat *first, uint32_t tid) {
    struct sleeper *heir = seat_sleeper(first);
    uint64_t token = waiter_token(&heir->waiter);
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        long word = lock_load(token);
        if (word == -ESRCH) { /* it has died, too, and the notice is on its way */
            sleeper_drop(heir);
            return;
        }
        uint32_t owner = (uint32_t)word & FUTEX_TID_MASK;
        if (word < 0 || (owner && owner != tid))
            break;
        if (pass_on(first, token, (uint32_t)word, FUTEX_OWNER_DIED) > 0)
            return;
    }
    sleeper_answer(heir, heir->lock.id ? -EAGAIN : FUTEX_ASK);
}

#define INHERITED_AT_ONCE 16

struct dead {
    struct job job;
    uint32_t tid;
};

/* True if there are more. */
static bool inherit_some(uint32_t tid) {
    struct seat *first;
    for (int i = 0; i < INHERITED_AT_ONCE; i++) {
        if (!(first = seat_owned_by(tid)))
            return false;
        inherit(first, tid);
    }
    return seat_owned_by(tid) != 0;
}

static bool step(struct job *job) {
    struct dead *dead = container_of(job, struct dead, job);
    if (inherit_some(dead->tid))
        return true;
    free(dead);
    return false;
}

void lock_owner_ended(uint32_t tid) {
    owner_ended(tid);
    if (!inherit_some(tid))
        return;
    struct dead *dead = own_calloc(1, sizeof(*dead));
    if (!dead) {
        while (inherit_some(tid)) /* without memory to remember it: at once */
            continue;
        return;
    }
    dead->tid = tid;
    job_init(&dead->job, step);
    job_queue(&dead->job);
}
