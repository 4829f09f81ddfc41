/* SPDX-License-Identifier: MIT */
/*
 * Setting the time of day (clock_settime(2)). It is told by two numbers in memory (parley/clock.h): one that all servers
 * have mapped, and that init keeps, and one in the personality, where no mapping more is needed for it. A store to each
 * is seen by all at once; who waits for a time of the clock must be told besides.
 */
#include "proc.h"
#include <lib/deadline.h>
#include <parley/clock.h>
#include <protocol/proc_server.h>

#define PAGE 4096
#define SECOND 1000000000ul
/* As Linux: there must be 30 years left, in which the machine may run, until ns do not fit any more. */
#define LATEST_NS ((uint64_t)INT64_MAX - 30ul * 365 * 24 * 3600 * SECOND)

static struct clock_page *of_servers, *of_programs;

static long map_page(uint64_t object, uint64_t offset, struct clock_page **page) {
    long at = pk_map(0, 0, PAGE, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED, object, offset, 0);
    if (at < 0)
        return at;
    *page = (struct clock_page *)at;
    return pk_populate(0, (uint64_t)at, PAGE); /* a server takes no page fault that could fail */
}

long clock_setup(uint64_t object, uint64_t offset) {
    long error = map_page(boot_cap("clock"), 0, &of_servers);
    if (error == 0)
        error = map_page(object, offset, &of_programs);
    if (error == 0)
        of_programs->realtime_ns = of_servers->realtime_ns;
    return error;
}

long proc_handle_set_clock(struct request *req, uint64_t realtime_ns) {
    const struct process *p = request_process(req);
    if (!p)
        return -ESRCH;
    if (realtime_ns > LATEST_NS)
        return -EINVAL;
    if (p->euid != 0)
        return -EPERM;
    uint64_t now = clock_ns();
    if (realtime_ns < now)
        return -EINVAL;
    of_servers->realtime_ns = of_programs->realtime_ns = realtime_ns - now;
    deadline_clock_set();
    connect_clock_set();
    return 0;
}
