/* SPDX-License-Identifier: MIT */
/*
 * Shared by the parts of the adversary: threads of several tasks on all harts that make random kernel calls on the
 * same few things, and a director that keeps them going and has the kernel look for what they broke.
 *
 * A world is some tasks in accounts of their own: two share an address space, two are copies of others, none can
 * reach anything outside. It lives for a short time; then nothing of it may be left.
 */
#ifndef NATIVE_ADVERSARY_H
#define NATIVE_ADVERSARY_H

#include "tap.h"

#define TASKS 4
#define THREADS 3 /* of each */
#define WORKERS (TASKS * THREADS)

/* Where workers map, touch and unmap: few pages, so that they meet. Their own memory is elsewhere. */
#define ARENA 0x40000000ul
#define ARENA_PAGES 64ul
#define ARENA_SPAN (8ul << 20)
#define MEGAPAGE (2ul << 20)

/* What a task's threads know of each kind of thing: slots, those that they began with and the latest they were
 * given. */
#define KNOWN 8
#define KNOWN_FIRST 4
enum kind { TASK, THREAD, ENDPOINT, NOTIFICATION, OBJECT, ACCOUNT, KINDS };

struct worker {
    volatile uint64_t calls;
    uint64_t random, token;
    bool serving; /* the token is of a call that waits */
};

/* In an object that director and workers have mapped; workers write to it by accident, too. */
struct common {
    struct worker workers[WORKERS];
    uint64_t known[TASKS][KINDS][KNOWN];
    uint64_t stat[64][2];
    volatile uint64_t stop;
    struct pk_regs regs; /* what threads that workers make begin with */
};
extern struct common *common;

/* A worker's whole life. */
void adversary_work(uint64_t index);

/* Stores value at an address if it is not 0, else loads from there. Who catches the fault lets the thread go on at
 * touch_end. */
uint64_t touch(uint64_t address, uint64_t value);
extern char touch_end[];

/* Once, before the first world. */
void world_setup(void);
/* One world; how many calls its workers made. */
uint64_t world_run(uint64_t seed);

#endif
