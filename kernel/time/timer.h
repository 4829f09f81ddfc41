/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers, in a queue per hart; they expire in kernel_timer_interrupt(). Deferrable ones stand in
 * one queue of all harts, which those that run somebody attend to: a machine in which nobody runs is
 * not woken by them.
 */
#ifndef TIME_TIMER_H
#define TIME_TIMER_H

#include <common/tree.h>
#include <stdbool.h>
#include <stdint.h>

struct timer_queue {
    struct tree timers;
    uint64_t next; /* the earliest one's time, UINT64_MAX if none is armed */
};

struct timer {
    struct tree_node node;     /* key: absolute time in ns */
    struct timer_queue *queue; /* where it stands; NULL: not armed */
    void (*expired)(struct timer *);
};

extern struct timer_queue deferrable_timers;

/* Arms the timer, on this hart or as a deferrable one, for time at_ns, absolute; re-arms it if it was armed. */
void timer_arm(struct timer *t, uint64_t at_ns, bool deferrable);
void timer_disarm(struct timer *t);
/* Expires what is due on this hart, and of the deferrable ones; if that is very much, not all of it. */
void timers_run(void);
/* No timers yet, on any hart. */
void timers_init(void);

#endif
