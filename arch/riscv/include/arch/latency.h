/* SPDX-License-Identifier: MIT */
/* How long interrupts wait (latency.c). Nothing at all but in the kernel that measures it. */
#ifndef ARCH_LATENCY_H
#define ARCH_LATENCY_H

#include <stdint.h>

struct thread;

#ifdef PARLEY_LATENCY
/* Per hart, set at each trap's entry. */
struct latency {
    uint64_t since;    /* instruction counter; 0: not in a stretch */
    uint64_t pc, call; /* where the trap was, and its a7 */
    uint64_t place;    /* the last look at the pending interrupts, 0: none since the trap */
};

/* At `place` none was pending, or interrupts stop to be waited for. */
void latency_look(const void *place);
/* The return to user mode. */
void latency_leave(void);
/* Time begins to count. */
void latency_begin(const void *place);
/* A server has got something to do: a message's label, or PK_NOTICE_*; it receives again. */
void latency_served(const struct thread *server, uint64_t label);
void latency_served_events(const struct thread *server, uint64_t bits);
void latency_receives(const struct thread *server);
/* Prints the longest. */
void latency_report(void);
#else
static inline void latency_served(const struct thread *server, uint64_t label) {
    (void)server;
    (void)label;
}
static inline void latency_served_events(const struct thread *server, uint64_t bits) {
    (void)server;
    (void)bits;
}
static inline void latency_receives(const struct thread *server) {
    (void)server;
}
static inline void latency_report(void) {
}
#endif

#endif
