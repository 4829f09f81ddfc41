/* SPDX-License-Identifier: MIT */
/* One-shot timers, in a tree per hart; they expire in kernel_timer_interrupt(). */
#ifndef TIME_TIMER_H
#define TIME_TIMER_H

#include <lib/tree.h>
#include <stdint.h>

struct hart;

struct timer {
    struct tree_node node; /* key: absolute time in ns */
    struct hart *hart;     /* whose tree it stands in; NULL: not armed */
    void (*expired)(struct timer *);
};

/* Arms the timer on this hart for time at_ns, absolute; re-arms it if it was armed. */
void timer_arm(struct timer *t, uint64_t at_ns);
void timer_disarm(struct timer *t);
/* Expires what is due on this hart; if that is very much, not all of it. */
void timers_run(void);
/* No timers yet, on any hart. */
void timers_init(void);

#endif
