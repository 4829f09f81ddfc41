/* SPDX-License-Identifier: MIT */
/*
 * Waiting at a word for a lock (FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI): a condition variable's waiters get the
 * mutex, or wait for it, without being woken for that.
 */
#include "lock.h"

static bool same(const struct pk_word_name *a, const struct pk_word_name *b) {
    return a->id == b->id && a->offset == b->offset;
}

/* The word in the input buffer, which must hold the value, and the lock in the output buffer. */
static long look_at_both(const struct request *req, struct client *client, uint32_t value,
                         uint32_t flags, struct pk_word_name *word, struct pk_word_name *lock) {
    long error = name_of(req, client, req->msg.out, flags, lock);
    if (error >= 0)
        error = look_at_word(req, value, flags | FUTEX_COMPARE, word);
    return error < 0 ? error : same(word, lock) ? -EINVAL : 0;
}

long futex_handle_wait_lock(struct request *req, uint32_t value, uint32_t tid, uint32_t flags,
                            uint64_t deadline) {
    struct client *client = request_client(req);
    struct pk_word_name word, lock;
    if (!client)
        return -EBADF;
    if (!tid || tid & ~FUTEX_TID_MASK)
        return -EINVAL;
    long error = look_at_both(req, client, value, flags, &word, &lock);
    if (error < 0)
        return error;
    struct sleeper *sleeper = sleeper_new(req, client, 1, deadline);
    if (!sleeper)
        return -ENOMEM;
    sleeper->tid = tid;
    sleeper->lock = lock;
    error = sleeper_sit(sleeper, &word, SEAT_TO_LOCK, ~0u);
    if (error < 0)
        sleeper_drop(sleeper);
    return error < 0 ? error : SERVER_DEFER;
}

bool seat_wants(struct seat *seat, const struct pk_word_name *lock) {
    return seat->kind == SEAT_TO_LOCK && same(&seat_sleeper(seat)->lock, lock);
}

static long ask(struct request *req, uint32_t owner) {
    futex_results_requeue_lock(&req->msg, owner);
    return FUTEX_ASK;
}

/*
 * The first who waits at the word gets the lock if that is free: 1. 0: it is not, and others can wait for its owner.
 * FUTEX_ASK; an error. *owner: who has it then.
 */
static long give_or_announce(struct request *req, struct seat *seat, const struct pass *p,
                             uint32_t *owner) {
    struct seat *waiting = seat_first(&p->target);
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        long word = lock_load(req->token), done;
        if (word < 0)
            return word;
        *owner = (uint32_t)word & FUTEX_TID_MASK;
        if (*owner && !lock_owner_known(waiting, *owner))
            return ask(req, *owner);
        if (*owner && (done = lock_announce(req->token, (uint32_t)word)) != 0)
            return done < 0 ? done : 0;
        if (*owner)
            continue;
        *owner = seat_sleeper(seat)->tid;
        bool others = waiting || (seat_next(seat) && p->moves > 0);
        if ((done = lock_take(req->token, (uint32_t)word, *owner, others)) != 0)
            return done;
    }
    return ask(req, 0);
}

/* The lock's owner is p->owner now: with `given`, who sits in that seat. */
static void note_owner(struct pass *p, struct seat *seat, bool given) {
    struct seat *waiting = seat_first(&p->target);
    if (waiting && waiting->owner == p->owner)
        return;
    uint64_t thread = given ? lock_heir_thread(seat_sleeper(seat)) : owner_thread(p->owner);
    if (waiting)
        lock_set_owner(waiting, p->owner, thread);
    else
        p->thread = thread;
}

long futex_handle_requeue_lock(struct request *req, uint32_t value, int moves, uint32_t flags) {
    struct pass p = {.moves = moves, .bitset = ~0u};
    struct client *client = request_client(req);
    if (!client)
        return -EBADF;
    if (moves < 0)
        return -EINVAL;
    long error = look_at_both(req, client, value, flags, &p.name, &p.target);
    if (error < 0)
        return error;
    struct seat *seat = seat_first(&p.name), *waiting = seat_first(&p.target);
    while (seat && !seat->bitset) /* another pass's mark */
        seat = seat_next(seat);
    if (!seat)
        return 0;
    if (!seat_wants(seat, &p.target) || (waiting && waiting->kind != SEAT_LOCK))
        return -EINVAL;
    long given = give_or_announce(req, seat, &p, &p.owner);
    if (given < 0 || given == FUTEX_ASK)
        return given;
    note_owner(&p, seat, given);
    if (given)
        sleeper_wake(seat);
    p.done = (int)given;
    p.moves += !given && moves < INT_MAX; /* the first, who would have got it, is one more */
    return pass_begin(req, &p);
}
