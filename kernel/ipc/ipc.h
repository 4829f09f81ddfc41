/* SPDX-License-Identifier: MIT */
/*
 * Messages: endpoints, calls, replies, notices, notifications. The general path, which is the
 * specification (docs/kernel-interface.md).
 */
#ifndef IPC_IPC_H
#define IPC_IPC_H

#include <cap/kobject.h>
#include <ipc/ranked.h>
#include <lib/lib.h>
#include <time/timer.h>

struct thread;
struct task;

struct endpoint {
    struct kobject kobject;
    struct thread *waiting; /* the server, if it waits */
    struct thread *server;  /* last receiver, to boost; cleared when it ends */
    bool pending;           /* false: callers, notices and bound->bits are empty */
    bool events_last;       /* events were received last: it is a caller's turn */
    uint32_t receiver_caps; /* capabilities that may receive; 0: calls fail */
    struct list receivers;  /* other threads that wait */
    struct ranked callers;
    struct list notices;        /* calls to tell the server about: cancelled or dead */
    struct notification *bound; /* held */
    uint64_t arrivals;          /* calls that have queued here */
};

struct notification {
    struct kobject kobject;
    uint64_t bits;
    uint64_t arrivals;      /* of `bound`, when the first of the bits came */
    struct list waiters;    /* threads */
    struct endpoint *bound; /* not held: the endpoint clears it */
    struct timer timer;
    uint64_t timer_bits;
};

static inline struct endpoint *endpoint_of(struct kobject *k) {
    return CONTAINER_OF(k, struct endpoint, kobject);
}
static inline struct notification *notification_of(struct kobject *k) {
    return CONTAINER_OF(k, struct notification, kobject);
}

struct endpoint *endpoint_create(struct account *account, struct notification *bind);
void endpoint_destroy(struct kobject *k);
void endpoint_add_receive_cap(struct kobject *k);
/* The last receive right gone: everybody who waits here or comes gets -EHOSTDOWN, until there is one again. */
void endpoint_drop_receive_cap(struct kobject *k);
enum ending endpoint_end_step(struct kobject *k, int *credit);

/* r is the last who received. */
void endpoint_set_server(struct endpoint *e, struct thread *r);
/* A receiver begins to wait, is taken to be given something (NULL: none waits), or stops waiting. */
void endpoint_add_receiver(struct endpoint *e, struct thread *r);
struct thread *endpoint_take_receiver(struct endpoint *e);
void endpoint_remove_receiver(struct thread *r);

#define NOTIFICATION_BITS (~0ull >> 1) /* bit 63 would make a result negative */

struct notification *notification_create(struct account *account);
void notification_destroy(struct kobject *k);
enum ending notification_end_step(struct kobject *k, int *credit);
void notification_signal(struct notification *n, uint64_t bits);

/* The kernel's side of a call: t, not running, waits for an answer at e. Never fails. */
void call_start(struct thread *t, struct endpoint *e, uint64_t badge);
/* Takes t out of its pending call; a server that received it gets the notice `dead`. */
void call_abandon(struct thread *t);
/* Tells the server of t's pending call, if there is one, once, that t would rather stop waiting. A call in
 * hand may be answered next: that is told when it is put aside. */
void call_cancel(struct thread *t);
/* t's pending call ends with an error, or for an exception with a retry. */
void call_fail(struct thread *t, long error);
/* Sends the kernel's message about t to its exception endpoint; t waits for the answer. */
void exception_send(struct thread *t, uint64_t label, uint64_t w0, uint64_t w1, uint64_t w2,
                    uint64_t w3);
/* What happens when nobody is there to answer: the thread stops for good, with a line of log. */
void exception_unanswered(struct thread *t);
/* The attention exception with that word; false if there is no exception endpoint to send it to. */
bool exception_attention(struct thread *t, uint64_t word);

#endif
