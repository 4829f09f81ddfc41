/* SPDX-License-Identifier: MIT */
/*
 * The helper of a server that has jobs (job.h).
 *
 * The server's own thread is more urgent than processes. If it did one step after the other without
 * waiting, no process would run until all were done. So it waits in its receive as always, and the
 * helper, one thread among those of the processes, sends it the event by which it does a step. The helper
 * touches nothing of the server's but two notifications.
 *
 * The scheduler charges the helper's quantum with what the helper itself runs, which is next to nothing.
 * So it looks at the clock, and yields when its steps have taken as long as a quantum.
 */
#include <lib/clock.h>
#include <lib/helper.h>
#include <lib/server.h>
#include <lib/thread.h>

#define PRIORITY PK_PRIORITY_SHARED /* as processes */
#define STACK 1024
#define TURN_NS 10000000 /* the kernel's quantum */

static uint64_t wake; /* the helper's notification; 0: it is not there yet */

/* As must(), which has more to say than this stack has room for. */
static void hold(long result) {
    if (result < 0)
        __builtin_trap();
}

static _Noreturn void help(void) {
    uint64_t began = clock_ns();
    for (;;) {
        hold(pk_wait(wake, 0));
        if (clock_ns() - began >= TURN_NS) {
            pk_yield();
            began = clock_ns();
        }
        hold(pk_notify(PK_SLOT_SERVER_EVENTS, SERVER_EVENT_JOBS));
    }
}

/* The helper is made when the first job comes. */
static long start(void) {
    static _Alignas(16) uint8_t stack[STACK];
    long notification = pk_notification_create();
    if (notification < 0)
        return notification;
    wake = (uint64_t)notification;
    long error = server_thread(help, stack + sizeof(stack), PRIORITY);
    if (error < 0) {
        must(pk_cap_drop(0, wake));
        wake = 0;
    }
    return error;
}

/* Without memory for a helper the server does its steps in its own time: unfair, but they get done. */
void helper_order(void) {
    if (wake || start() >= 0)
        must(pk_notify(wake, 1));
    else
        must(pk_notify(PK_SLOT_SERVER_EVENTS, SERVER_EVENT_JOBS));
}
