/* SPDX-License-Identifier: MIT */
/*
 * Calls that wait for a certain while, and are made again after they were cut short without a handler: by a stop, or a signal
 * that another thread took. They end when they would have ended (restart_syscall(2)): the process server remembers when
 * that is (deliver.c).
 */
#include "time.h"
#include <protocol/proc_client.h>

enum { FUTEX = 98, NANOSLEEP = 101, CLOCK_NANOSLEEP = 115 };

long cut_short(struct foreign_frame *f, uint64_t until) {
    f->restart = until;
    return -EINTR_UNTIL;
}

/* The arguments are those of the call that is made again. */
long linux_restart_syscall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                           uint64_t a5, struct foreign_frame *f) {
    uint64_t until;
    (void)a4, (void)a5;
    switch (proc_restart(PK_SLOT_PROC, &until)) {
    case FUTEX:
        return futex_wait_until(f, (const uint32_t *)a0, (unsigned)a1, (uint32_t)a2, until);
    case NANOSLEEP:
        return sleep_until(f, until, (struct linux_timespec *)a1);
    case CLOCK_NANOSLEEP:
        return sleep_until(f, until, (struct linux_timespec *)a3);
    default:
        return -EINTR;
    }
}
