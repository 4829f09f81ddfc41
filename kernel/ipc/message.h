/* SPDX-License-Identifier: MIT */
/* How messages reach a receiver: the inside of ipc/, for its own files. */
#ifndef IPC_MESSAGE_H
#define IPC_MESSAGE_H

#include <ipc/donate.h>
#include <ipc/ipc.h>
#include <stdbool.h>
#include <stdint.h>
#include <task/task.h>
#include <task/thread.h>

#define TOKEN_ID_BITS PK_TOKEN_THREAD_BITS
#define TOKEN_BITS 60 /* above: the number of capabilities in a reply */
#define TOKEN_STEP (1ull << TOKEN_ID_BITS)

/* The table of threads by the ids in tokens (task/thread.c), for the fast path: pages of entries; bit 0: a free one. */
#define THREAD_IDS_PER_PAGE 512
#define THREAD_ID_PAGES (1u << (TOKEN_ID_BITS - 9))
extern uint64_t *thread_id_pages[THREAD_ID_PAGES];

/* Gives caller's message to r, which waits or is about to; the caller is then served. Returns 0,
 * or the error that the caller's capabilities caused: nothing was delivered then. */
long message_deliver(struct thread *caller, struct thread *r);
/* Puts a notice of events into r's registers. */
void message_events(struct thread *r, uint64_t bits);
/* Takes the first notice about a call off e and puts it into r's registers. */
void message_notice(struct endpoint *e, struct thread *r);
/* Queues a notice about t's call, or hands it to a waiting receiver. */
void notice_post(struct thread *t);
/* Forgets a queued notice, if there is one. */
void notice_drop(struct thread *t);
/* Moves capabilities named by packed slots; 0 and the new slots in *packed, or an error. */
long caps_transfer(struct task *from, struct task *to, unsigned count, uint64_t *packed);
/* First half of receiving: takes what is there. */
enum received {
    RECEIVED_NOTHING,
    RECEIVED_MESSAGE,
    RECEIVED_LATER, /* many could not be delivered: to be tried again after a look at interrupts */
};
enum received receive_pending(struct thread *r, struct endpoint *e);
/* Second half: waits. */
void receive_wait(struct thread *r, struct endpoint *e);

/* Takes a caller out of its endpoint's queue, if it stands there. */
void call_unqueue(struct thread *t);

/* The call in hand, if any, joins the server's other unanswered ones; it is cancelled if that was wanted. */
void call_put_aside(struct task *server);

/* The same for one that is not in hand: what it lent ends, too. */
static inline void call_forget_waiting(struct thread *caller) {
    list_remove(&caller->call.served);
    if (caller->call.lent_to)
        lend(caller, NULL);
}

/* The server, if there is one yet, no longer knows of the call. */
static inline void call_forget_served(struct thread *caller) {
    if (caller->state == THREAD_SERVED && caller->call.server->in_hand == caller)
        caller->call.server->in_hand = NULL;
    else
        call_forget_waiting(caller);
}

/* A message's words, from one thread's registers to another's. */
static inline void message_words(uint64_t *to, const uint64_t *from) {
    struct words {
        uint64_t w[5];
    };
    *(struct words *)&to[REG_WORD0] = *(const struct words *)&from[REG_WORD0];
    to[REG_WORD5] = from[REG_WORD5];
    to[REG_WORD6] = from[REG_WORD6];
    struct last {
        uint64_t w[3];
    };
    *(struct last *)&to[REG_WORD7] = *(const struct last *)&from[REG_WORD7];
}

static inline void message_clear(uint64_t *x) {
    static const uint64_t zero[32];
    message_words(x, zero);
}

/* Ends caller's pending call and leaves it neither running nor ready. */
static inline void call_finish(struct thread *caller) {
    if (caller->state != THREAD_SERVED)
        call_unqueue(caller);
    call_forget_served(caller);
    if (!list_empty(&caller->call.notice))
        notice_drop(caller);
    caller->call.server = NULL;
    caller->call.exception = 0;
    caller->call.cancelled = false;
    struct endpoint *e = caller->call.endpoint;
    caller->call.endpoint = NULL;
    kobject_put(&e->kobject);
}

#endif
