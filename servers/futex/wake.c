/* SPDX-License-Identifier: MIT */
/* Walks along the seats of a word (struct pass), and what wakes. */
#include "lock.h"
#include <lib/heap.h>
#include <stdlib.h>

#define LOOK_COST 15
#define MOVE_COST 150
#define WAKE_COST 700

int futex_step = 35000;

static bool is_over(const struct pass *p) {
    return p->error < 0 || (p->wakes <= 0 && p->moves <= 0);
}

/* The seat behind this one, which is woken: if its sleeper has others, they may be next to it. */
static struct seat *wake(struct pass *p, struct seat *seat) {
    struct seat *next = seat_next(seat);
    bool marked = next && seat_sleeper(seat)->many;
    if (marked)
        seat_mark(&p->mark, next);
    sleeper_wake(seat);
    if (marked) {
        next = seat_next(&p->mark);
        seat_leave(&p->mark);
    }
    return next;
}

static void move_seat(struct seat *seat, const struct pk_word_name *target) {
    seat_leave(seat);
    seat->name = *target;
    must(seat_take(seat) ? 0 : -EINVAL); /* its caller has seen that it may */
}

/*
 * Into the queue of a lock. If that is empty some steps later, whoever had the lock may have given it away: then the
 * sleeper is told that it has changed.
 */
static void move_to_lock(struct pass *p, struct seat *seat, const struct seat *first) {
    if (!first && p->later) {
        sleeper_answer(seat_sleeper(seat), -EAGAIN);
        return;
    }
    struct sleeper *sleeper = seat_sleeper(seat);
    long priority = pk_lend(waiter_token(&sleeper->waiter), 0);
    if (priority < 0)
        return; /* it has died, and the notice is on its way */
    seat_leave(seat);
    seat->kind = SEAT_LOCK;
    seat->name = p->target;
    sleeper->waiter.priority = (int32_t)priority;
    lock_sleeps(sleeper);
    must(seat_take(seat) ? 0 : -EINVAL);
    if (!first) {
        lock_set_owner(seat, p->owner, p->thread);
        p->thread = 0;
    }
    order_changed(sleeper->waiter.client, p->owner);
}

static void move(struct pass *p, struct seat *seat) {
    const struct seat *first = seat_first(&p->target);
    bool fits = !first || (first->kind == SEAT_LOCK) == (p->owner != 0);
    if (!fits || (p->owner && !seat_wants(seat, &p->target))) {
        p->error = -EINVAL;
        return;
    }
    p->done++;
    if (p->owner)
        move_to_lock(p, seat, first);
    else
        move_seat(seat, &p->target);
}

static struct seat *visit(struct pass *p, struct seat *seat, int *credit) {
    struct seat *next = seat_next(seat);
    *credit -= LOOK_COST;
    if (!(seat->bitset & p->bitset))
        return next;
    if (seat->kind != (p->owner ? SEAT_TO_LOCK : SEAT_PLAIN)) {
        p->error = -EINVAL;
        return next;
    }
    if (p->wakes > 0) {
        p->done++;
        p->wakes--;
        *credit -= WAKE_COST;
        return wake(p, seat);
    }
    p->moves--;
    *credit -= MOVE_COST;
    move(p, seat);
    return next;
}

/* False if the credit ended first: *at is where to go on. */
static bool walk(struct pass *p, struct seat **at, int *credit) {
    struct seat *seat = *at;
    while (seat && seat->ticket < p->end && !is_over(p)) {
        if (*credit <= 0) {
            *at = seat;
            return false;
        }
        seat = visit(p, seat, credit);
    }
    return true;
}

/* From the first word's seats to the second's. */
static bool walk_all(struct pass *p, struct seat **at, int *credit) {
    while (walk(p, at, credit)) {
        if (p->second_wakes <= 0 || p->error < 0)
            return true;
        p->wakes = p->second_wakes;
        p->second_wakes = 0;
        p->name = p->second;
        *at = seat_first(&p->name);
    }
    return false;
}

/* All seats before one that is the first have left: it needs no mark. */
static void stop_at(struct pass *p, struct seat *seat) {
    p->marked = !seat->first;
    p->later = true;
    if (p->marked)
        seat_mark(&p->mark, seat);
    job_queue(&p->job);
}

/* What there is to answer when it is over. */
static long answer(const struct pass *p) {
    if (p->thread)
        must(pk_cap_drop(0, p->thread));
    return p->error < 0 ? p->error : p->done;
}

static bool step(struct job *job) {
    struct pass *p = container_of(job, struct pass, job);
    struct seat *at = p->marked ? seat_next(&p->mark) : seat_first(&p->name);
    int credit = futex_step;
    if (p->marked)
        seat_leave(&p->mark);
    if (!walk_all(p, &at, &credit)) {
        stop_at(p, at);
        return true;
    }
    server_reply(p->token, answer(p));
    free(p);
    return false;
}

/*
 * Nobody is told of it by signals or when its caller ends: who began to wake, wakes all, as with a real kernel.
 * A wake-up cannot fail: if there is no memory to remember it, it is done at once.
 */
long pass_begin(const struct request *req, struct pass *p) {
    struct seat *at = seat_first(&p->name);
    int credit = futex_step;
    p->end = seat_ticket_next();
    if (walk_all(p, &at, &credit))
        return answer(p);
    struct pass *rest = malloc(sizeof(*rest));
    if (!rest)
        rest = own_calloc(1, sizeof(*rest));
    if (!rest) {
        credit = INT_MAX;
        walk_all(p, &at, &credit);
        return answer(p);
    }
    *rest = *p;
    rest->token = req->token;
    job_init(&rest->job, step);
    stop_at(rest, at);
    return SERVER_DEFER;
}

/* Linux's wakes one if it is asked for none. */
static int32_t at_least_one(int count) {
    return count < 1 ? 1 : count;
}

#define USER_END (1ull << 38)

/* Words of its own a client has in one address space until it executes another program. */
long name_of(const struct request *req, struct client *client, uint64_t address, uint32_t flags,
             struct pk_word_name *name) {
    uint64_t space = (uintptr_t)client->data;
    if (address % sizeof(uint32_t))
        return -EINVAL;
    if (flags & FUTEX_OWN && space && address < USER_END) {
        *name = (struct pk_word_name){space, address};
        return 0;
    }
    long error = pk_caller_word_name(req->token, address, flags & FUTEX_OWN, name);
    if (error >= 0 && flags & FUTEX_OWN)
        client->data = (void *)(uintptr_t)name->id;
    return error;
}

/* Most wake one, who is the first: a pass is a long way for that. */
static inline bool is_simple(const struct seat *first, int count, uint32_t bitset) {
    return count <= 1 && first->bitset & bitset && first->kind == SEAT_PLAIN;
}

static __attribute__((noinline)) long
wake_some(const struct request *req, const struct pk_word_name *name, int count, uint32_t bitset) {
    struct pass p = {.wakes = at_least_one(count), .bitset = bitset, .name = *name};
    return pass_begin(req, &p);
}

long futex_handle_wake(struct request *req, uint64_t address, int count, uint32_t bitset,
                       uint32_t flags) {
    struct client *client = request_client(req);
    struct pk_word_name name;
    if (!client)
        return -EBADF;
    if (!bitset)
        return -EINVAL;
    long error = name_of(req, client, address, flags, &name);
    if (error < 0)
        return error;
    struct seat *first = seat_first(&name);
    if (!first)
        return 0;
    if (!is_simple(first, count, bitset))
        return wake_some(req, &name, count, bitset);
    sleeper_wake(first);
    return 1;
}

long futex_handle_wake_two(struct request *req, uint64_t address, int count, uint64_t second,
                           int second_count, uint32_t flags) {
    struct pass p = {
        .wakes = at_least_one(count), .second_wakes = at_least_one(second_count), .bitset = ~0u};
    struct client *client = request_client(req);
    if (!client)
        return -EBADF;
    long error = name_of(req, client, address, flags, &p.name);
    if (error >= 0)
        error = name_of(req, client, second, flags, &p.second);
    return error < 0 ? error : pass_begin(req, &p);
}

long futex_handle_wake_named(struct request *req, uint64_t id, uint64_t offset, int count) {
    struct pass p = {.wakes = at_least_one(count), .bitset = ~0u, .name = {id, offset}};
    return pass_begin(req, &p);
}

long futex_handle_thread_ended(struct request *req, uint32_t tid, uint64_t id, uint64_t offset) {
    lock_owner_ended(tid);
    return futex_handle_wake_named(req, id, offset, 1);
}
