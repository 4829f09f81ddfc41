/* SPDX-License-Identifier: MIT */
/*
 * Averages of the load over 1, 5 and 15 minutes (getloadavg(3), proc(5)).
 *
 * Every five seconds it is looked how many processes run, or could. A process that runs in servers most of the time,
 * by its calls, is hardly ever found running itself: for it counts which part of the time since the last look was
 * charged to it. A machine in which nobody runs is not woken; the looks that it has slept through had found nobody.
 * One that comes late comes because somebody has just been woken, which is no reason to count him.
 */
#include "load.h"
#include "procfs.h"
#include <lib/job.h>
#include <lib/thread.h>

#define LOOK_NS 5000000000ul
#define LATE_NS 10000000ul
#define LOOKED_AT_ONCE 48
#define PRIORITY 20 /* above processes: it takes next to no time */
#define STACK 1024

/* Linux's constants: what remains of an average after five seconds, of 2048 parts. */
static const uint64_t remains[LOADS] = {1884, 2014, 2037};
uint64_t load_averages[LOADS]; /* of PROC_LOAD_ONE parts */

static uint64_t next_look, last_look, this_look, running;
static bool late;
static struct sweep sweep;
static struct job looking;
static uint64_t wake; /* a notification of the metronome's own */

static void decay(uint64_t active) {
    for (int i = 0; i < LOADS; i++) {
        uint64_t sum = load_averages[i] * remains[i] + active * (PROC_LOAD_ONE - remains[i]);
        uint64_t rounded_up = active >= load_averages[i] ? PROC_LOAD_ONE - 1 : 0;
        load_averages[i] = (sum + rounded_up) / PROC_LOAD_ONE;
    }
}

/* Of PROC_LOAD_ONE parts: how much of the time it ran, or all of it. */
static uint64_t share_of(struct process *p, uint64_t elapsed) {
    uint64_t run = process_run_ns(p), used = run - p->load_seen;
    p->load_seen = run;
    if (used >= elapsed || (!late && process_letter(p) == 'R'))
        return PROC_LOAD_ONE;
    return used * PROC_LOAD_ONE / elapsed;
}

static bool look(struct job *job) {
    struct process *p = NULL;
    (void)job;
    uint64_t elapsed = this_look - last_look;
    for (int n = 0; n < LOOKED_AT_ONCE && (p = sweep_next(&sweep)); n++)
        running += share_of(p, elapsed);
    if (p)
        return true;
    sweep_end(&sweep);
    last_look = this_look;
    decay(running);
    return false;
}

void load_update(void) {
    uint64_t now = clock_ns();
    for (; next_look + LOOK_NS <= now && load_averages[LOADS - 1]; next_look += LOOK_NS)
        decay(0);
    if (next_look + LOOK_NS <= now)
        next_look += (now - next_look) / LOOK_NS * LOOK_NS;
}

void load_look(void) {
    load_update();
    if (clock_ns() < next_look || job_is_queued(&looking))
        return;
    this_look = clock_ns();
    late = this_look - next_look > LATE_NS;
    next_look += LOOK_NS;
    running = 0;
    sweep_begin(&sweep);
    if (look(&looking))
        job_queue(&looking);
}

/* A thread of its own: the server's one timer is for what must come in time. */
static _Noreturn void beat(void) {
    for (uint64_t at = clock_ns();;) {
        at += LOOK_NS;
        if (pk_timer_set_deferrable(wake, 1, at) < 0 || pk_wait(wake, 0) < 0 ||
            pk_notify(PK_SLOT_SERVER_EVENTS, LOAD_EVENT) < 0)
            __builtin_trap();
        uint64_t now = clock_ns();
        at = now > at + LOOK_NS ? now : at;
    }
}

long load_start(void) {
    static _Alignas(16) uint8_t stack[STACK];
    long slot = pk_notification_create();
    if (slot < 0)
        return slot;
    wake = (uint64_t)slot;
    last_look = clock_ns();
    next_look = last_look + LOOK_NS;
    job_init(&looking, look);
    return server_thread(beat, stack + sizeof stack, PRIORITY);
}
