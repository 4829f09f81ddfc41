/* SPDX-License-Identifier: MIT */
/*
 * The futex server: futex(2). It keeps nothing about a word at which nobody waits.
 *
 * Who waits sits in a seat of the word's queue; who waits for one of several words has a seat in each queue. The
 * seats of a word stand in a circle, in the order in which they came, and the first of them is in the table of
 * words: so the queue itself is nobody's, and needs no memory but what each who waits there has paid for.
 *
 * Lost wake-ups: a handler compares the word and takes a seat before it handles anything else. Who changes the word
 * and then asks for a wake-up is handled before (then the comparison sees the new value) or after (then it finds the
 * seat).
 */
#ifndef FUTEX_FUTEX_H
#define FUTEX_FUTEX_H

#include <lib/client.h>
#include <lib/hash.h>
#include <lib/job.h>
#include <lib/waiter.h>
#include <protocol/futex_server.h>

struct seat {
    struct list
        link; /* the circle of the word's seats, with no other head than the first of them */
    struct hash_node node; /* in the table of words, */
    bool first;            /* if it is the first */
    uint8_t kind;          /* enum seat_kind */
    uint8_t index;         /* among its sleeper's seats */
    uint32_t bitset;       /* 0: nobody sits here, see struct pass */
    struct pk_word_name name;
    uint64_t ticket; /* rises along the circle */

    /* A queue for a lock has an owner, whom its first seat knows. */
    uint32_t owner;
    struct hash_node owned; /* in the table of owners */
    uint64_t thread;        /* a capability to lend that one a priority, or 0 */
};

extern struct futex_state {
    struct hash words;  /* the first seats */
    struct hash owners; /* of locks for which others wait: the first seats' */
    uint64_t next_ticket;
    uint64_t taken;      /* seats, with marks */
    struct hash wanting; /* sleepers in locks' queues, by process and thread */
    struct hash known;   /* owner.c: threads that were looked for */
} futex_state;

/* A queue is one of SEAT_LOCK, or of all others. */
enum seat_kind {
    SEAT_PLAIN,
    SEAT_LOCK,    /* for the lock that the word is */
    SEAT_TO_LOCK, /* to be moved to the lock that its sleeper names */
};

struct sleeper {
    struct waiter waiter;
    uint32_t seats_taken;
    bool many;    /* the answer is the index of the word, not 0 */
    uint32_t tid; /* who wants a lock */
    bool
        locking; /* it sits in a lock's queue, by waiter.priority, and is in the table of those who do: */
    struct hash_node wanting;
    bool heads;        /* it is the first of its priority there, */
    struct list level; /* and in the circle of these */
    struct pk_word_name lock;
    struct seat seats[];
};

static inline struct sleeper *seat_sleeper(struct seat *seat) {
    return container_of(seat - seat->index, struct sleeper, seats);
}

/* Puts a seat into the queue of its name: last, or if that is a lock's by its sleeper's priority; false: a queue for a lock is for nothing else. */
bool seat_take(struct seat *seat);
void seat_leave(struct seat *seat);
/* A seat for nobody, before another that is not the first. */
void seat_mark(struct seat *mark, struct seat *before);
/* The first seat of a word, or 0. */
struct seat *seat_first(const struct pk_word_name *name);
/* The one behind, or 0. */
static inline struct seat *seat_next(const struct seat *seat) {
    struct seat *next = container_of(seat->link.next, struct seat, link);
    return next->first ? 0 : next;
}
/* The queue's first seat: who owns the lock from now on. `thread` is the seat's then. */
void seat_set_owner(struct seat *first, uint32_t tid, uint64_t thread);
/* The first seat of a lock that a thread owns, or 0. */
struct seat *seat_owned_by(uint32_t tid);
/* Seats taken from now on have this ticket, or a higher one. */
uint64_t seat_ticket_next(void);
/* How many seats are taken, for tests. */
uint64_t seat_count(void);

/* A new sleeper without seats, for the caller of req; 0 without memory. Its answer is the library's to give, if it
 * ends before it is woken. */
struct sleeper *sleeper_new(const struct request *req, struct client *client, uint32_t seats,
                            uint64_t deadline);
/* It takes its next seat, last in a word's queue; -EINVAL as seat_take(). Then it is to be freed by sleeper_drop(). */
long sleeper_sit(struct sleeper *sleeper, const struct pk_word_name *name, enum seat_kind kind,
                 uint32_t bitset);
void sleeper_drop(struct sleeper *sleeper);
/* It is woken at this seat: answers it and frees it. And with another answer. */
void sleeper_wake(struct seat *seat);
void sleeper_answer(struct sleeper *sleeper, long answer);

/*
 * A walk along the seats of a word, which wakes some and moves others to another word. It takes steps; between two
 * of them a seat of its own marks how far it came. Seats that are taken after it began are not its business.
 */
struct pass {
    struct job job;
    struct seat mark;
    bool marked;
    uint64_t token; /* who is to be answered */
    uint64_t end;   /* the ticket before which it ends */
    struct pk_word_name name;
    struct pk_word_name second; /* where to go on then, to wake so many; */
    int32_t second_wakes;       /* 0: nowhere */
    struct pk_word_name target; /* where those go that are moved */
    uint32_t owner;             /* that is a lock, and this its owner; else 0 */
    uint64_t thread;            /* the owner's, for whoever is the first to wait; or 0 */
    bool later;                 /* that was when it began */
    int32_t wakes, moves;       /* still to be done */
    int32_t done;               /* both */
    long error;                 /* at which it ended, or 0 */
    uint32_t bitset;
};

/* Does a pass whose name, counts, bitset, and where it goes, are set: the answer, or SERVER_DEFER if it goes on as a job, which answers. */
long pass_begin(const struct request *req, struct pass *p);

/* The name of a word of the caller; -EINVAL if it is not aligned, -EFAULT. */
long name_of(const struct request *req, struct client *client, uint64_t address, uint32_t flags,
             struct pk_word_name *name);

/* The word of the input buffer and its name; with FUTEX_COMPARE -EAGAIN if it has another value. */
long look_at_word(const struct request *req, uint32_t value, uint32_t flags,
                  struct pk_word_name *name);

/* Its sleeper waits to be moved to this lock. */
bool seat_wants(struct seat *seat, const struct pk_word_name *lock);

/* A thread has ended: the locks that it owned go to those who wait for them. */
void lock_owner_ended(uint32_t tid);

/* How much a step does, in instructions; tests make it small. */
extern int futex_step;

/* Looks at all of it (lib/check.h). */
void futex_check(void);

extern const struct server futex_server;

#endif
