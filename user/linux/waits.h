/* SPDX-License-Identifier: MIT */
/* What calls share that wait for a time, with another signal mask meanwhile (file_wait.c). */
#ifndef LINUX_WAITS_H
#define LINUX_WAITS_H

#include "files.h"
#include <protocol/proc_client.h>

#define FOR_EVER (-1)

/* A struct timespec that may be absent, as nanoseconds or FOR_EVER: 0, -EFAULT or -EINVAL. */
long read_timeout(uint64_t address, int64_t *ns);
/* The mask at an address that may be absent: 0, -EFAULT or -EINVAL. */
long read_mask(uint64_t address, uint64_t size, uint64_t *mask);

/*
 * A thread's call with another mask (a pointer, or NULL) for its time. The mask is the process server's: it is in force before the
 * wait begins, and a signal that comes in between ends the wait as it begins. If a signal ends it the mask goes back with
 * its delivery; to give it back fails only if the process server died, and then this process ends.
 */
#define WITH_MASK(frame, mask, expr)                                                               \
    ({                                                                                             \
        const uint64_t *mask_ = (mask);                                                            \
        if (mask_)                                                                                 \
            mask_tell(frame);                                                                      \
        long waited_ = mask_ ? proc_borrow_mask(PK_SLOT_PROC, *mask_) : 0;                         \
        if (waited_ >= 0) {                                                                        \
            waited_ = (expr);                                                                      \
            if (mask_ && waited_ != -EINTR)                                                        \
                pk_may_fail(proc_return_mask(PK_SLOT_PROC));                                       \
        }                                                                                          \
        waited_;                                                                                   \
    })

#endif
