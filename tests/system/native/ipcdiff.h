/* SPDX-License-Identifier: MIT */
/*
 * Random messages whose every observable effect goes into one hash: the same program under the fast
 * path and under the general path must print the same (tests/console/differential_test.py).
 *
 * On one hart, and nothing depends on time: the director is more urgent than all others and acts
 * only when nobody else can run, and no quantum lasts shorter than a round. With sched=fifo on the kernel's command line
 * clients have no fixed priority, and share by that policy: it goes by who came first, not by time.
 */
#ifndef NATIVE_IPCDIFF_H
#define NATIVE_IPCDIFF_H

#include "tap.h"

/* One kernel call with all registers given and, afterwards, seen (diff_ecall). */
struct io {
    uint64_t in[14];  /* a0-a7, t0-t5 */
    uint64_t pattern; /* s1-s11, gp, tp are pattern + 1, 2... */
    uint64_t sp;
    uint64_t out[32]; /* x[n] */
};
#define A(n) (10 + (n)) /* x of a register a0-a7 */

/* Slots that a client or server knows; the numbers differ from task to task. */
enum known_slot {
    TO_SERVER,      /* the server's endpoint, with a badge */
    TO_SERVER_TOO,  /* with another one */
    TO_SERVER_FAR,  /* in a slot of 32 or more */
    TO_SERVER_DEAF, /* without the right to call */
    TO_NESTED,      /* an endpoint whose server answers at once */
    TO_NOTIFICATION,
    OBJECT,
    OBJECT_STAYS, /* without the right to send it */
    GO,           /* notification: a client or the filler waits here */
    KNOWN_SLOTS,
};

#define BUFFER_SIZE 256

struct worker {
    struct io io;
    uint64_t index, random, fp_seed;
    uint64_t task, thread, go; /* the director's slots */
    uint64_t slot[KNOWN_SLOTS];
    uint64_t receive; /* a server's slot with the right to receive */
    bool fp_filled, foreign;
    struct pk_regs regs; /* it started with */
    unsigned char in[BUFFER_SIZE], out[BUFFER_SIZE];
    uint64_t fp[33];
};

enum worker_index { SERVER, SERVER_TOO, NESTED, FILLER, IDLE, CLIENTS, WORKERS = CLIENTS + 6 };
#define LAST_CLIENT (WORKERS - 1) /* alone in its task, which is killed now and then */

#define DEFERRED 16
#define EVENT_FLUSH (1ull << 40) /* the server answers whom it kept waiting */

/* In an object that all tasks have mapped. */
struct diff {
    bool share; /* clients have no fixed priority */
    uint64_t hash, calls, answered, failed;
    uint64_t not_kept, leaks, fp_lost; /* what is wrong whatever the other path does */
    uint64_t wrong_register, wrong_value;
    uint64_t deferred[DEFERRED], last_token;
    unsigned deferred_count;
    uint64_t done; /* notification: IDLE had the hart */
    struct worker workers[WORKERS];
};

extern struct diff *diff;

void diff_fold(uint64_t value);
uint64_t diff_random(struct worker *w);
/* A whole kernel call with w->io.in; checks registers, returns a0. */
int64_t diff_do(struct worker *w, int64_t number);
void diff_foreign_entry(void);

void client_run(uint64_t index);
void server_run_thread(uint64_t index);
void nested_run(uint64_t index);
void filler_run(uint64_t index);
void idle_run(uint64_t index);

#endif
