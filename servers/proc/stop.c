/* SPDX-License-Identifier: MIT */
/* Stopping the machine: reboot(2). */
#include "proc.h"
#include <protocol/console_client.h>
#include <protocol/proc_server.h>

#define DRAIN_NS 2000000000ull /* most that the terminal's output may hold a stop up */

/*
 * A stop that was allowed waits for the terminal to send what it has, and for nothing else: if that
 * takes too long, or the caller ends meanwhile, the machine stops all the same.
 */
static uint32_t stop_how, stop_status;
static struct waiter stop_waiter;
static struct waiter_queue stopping = {LIST_INIT(stopping.list)};

static long stop_ended(struct waiter *w, enum waiter_end why) {
    (void)w, (void)why;
    return pk_machine_stop(boot_cap("machine"), stop_how, stop_status);
}

static const struct waiter_ops stop_ops = {.ended = stop_ended};

void system_drained(void) {
    struct waiter *w = waiter_first(&stopping);
    if (w)
        waiter_finish(w, pk_machine_stop(boot_cap("machine"), stop_how, stop_status));
}

long proc_handle_reboot(struct request *req, uint32_t how, uint32_t status) {
    struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    if (p->euid != 0)
        return -EPERM;
    if (how > PK_STOP_EXIT)
        return -EINVAL;
    if (!waiter_queue_empty(&stopping))
        return -EBUSY;
    stop_how = how;
    stop_status = status;
    if (console_shut_down(boot_cap("console")) != -EAGAIN)
        return pk_machine_stop(boot_cap("machine"), how, status);
    waiter_init(&stop_waiter, req, 0, &stop_ops);
    waiter_enqueue(&stopping, &stop_waiter);
    if (waiter_set_deadline(&stop_waiter, clock_ns() + DRAIN_NS) < 0)
        system_drained();
    return SERVER_DEFER;
}
