/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: which thread each hart runs. A blocked thread belongs to no hart; a ready one
 * stands in one hart's queue; a running one is some hart's current.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

void sched_init(void);
/* A blocked or new thread may run again: queued on a hart, which is told if that matters. */
void sched_ready(struct thread *t);
/* A blocked thread runs next on this hart, without the queue, unless someone is more urgent. */
void sched_handoff(struct thread *t);
/* Takes a ready thread out of its queue (it is being suspended or ended). */
void sched_remove(struct thread *t);
/* Changes the priority, wherever the thread is. */
void sched_set_priority(struct thread *t, unsigned priority);
/* Its part of what is shared (PK_WEIGHT_NORMAL: as much as others), in either place. */
void sched_set_weight(struct thread *t, uint32_t weight);
/* A bit for each hart that was started. */
uint64_t sched_all_harts(void);
/* A bit for each hart that it may run on; at least one of the machine's. */
void sched_set_harts(struct thread *t, uint64_t harts);
/* How threads of priority 0 share, by name. False: there is no such policy. */
bool sched_choose_policy(const char *name);
const char *sched_policy_name(void);
/* The current thread goes behind its equals. */
void sched_yield(void);
/* There may be memory as soon as more has ended (kobject_reap()): this hart goes on with that when it leaves the kernel. */
void sched_reap_now(void);
/* True if the thread runs on another hart right now; that hart is asked to enter the kernel. */
bool sched_running_elsewhere(struct thread *t);
/*
 * By what its slices are measured changes: what it has run until now is charged to it, and if it runs, on whichever hart,
 * its slice ends at once. Without this one that had a hart for as long as it wanted would keep it.
 */
void sched_end_slice(struct thread *t);
/* How long it has run until now, with servers' time for its calls, in ns. */
uint64_t sched_run_ns(const struct thread *t);

#endif
