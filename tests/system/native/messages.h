/* SPDX-License-Identifier: MIT */
/* Shared by the cases on messages: callers in a task of their own, told what to send. */
#ifndef NATIVE_MESSAGES_H
#define NATIVE_MESSAGES_H

#include "tap.h"

struct shared {
    uint64_t endpoint; /* slot of the callers */
    uint64_t done;
    struct pk_msg sent[8];
    const void *in;
    uint64_t in_len;
    void *out;
    uint64_t out_len;
    bool words_only; /* the messages have ten words and no buffers */
    long result[8];
};
extern volatile struct shared shared;

/* An endpoint, and a task for its callers with a capability to call it, badge 77. */
struct pair {
    uint64_t endpoint, task, caller;
};
struct pair pair_new(void);
void pair_end(struct pair *p);

/* The thread of a caller: sends shared.sent[index], keeps the answer there. */
void caller_loop(uint64_t index);

/* Anonymous memory. */
unsigned char *pages_new(uint64_t n, uint64_t prot);
void unmap_pages(void *at, uint64_t n);
/* A caller that has named these buffers, received; its token. And its answer, and end. */
uint64_t call_with(struct pair *p, uint64_t *thread, const void *in, uint64_t in_len, void *out,
                   uint64_t out_len);
void finish_call(struct pair *p, uint64_t token, uint64_t thread);

void copy_bounds(void);
void copy_holes(void);
void copy_long(void);
void copy_callers(void);
void copy_objects(void);
void word_names_own(void);
void word_names_shared(void);
void word_errors(void);
void word_exchanged(void);
void word_atomic(void);
void server_killed(void);
void killed_with_much(void);
void served_shares(void);
void server_deaf(void);
void caller_killed(void);
void attention_cancels(void);
void attention_returns(void);
void foreign_taken_over(void);
void attention_comes_back(void);
void attention_unasked(void);
void foreign_exchanged(void);
void foreign_astray(void);
void wait_dropped(void);
void donation(void);
void lend_chain(void);
void lend_several(void);
void lend_circle(void);
void lend_through_server(void);
void lend_switched_off(void);
void many_receivers(void);
void endpoint_reopened(void);
void timers(void);
void deferrable_timers(void);

#endif
