/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: things that are to happen at a time, in one heap over the server's one kernel timer. Waiters have one
 * (waiter.h); so may whatever else a server embeds it in.
 */
#ifndef LIB_DEADLINE_H
#define LIB_DEADLINE_H

#include <parley/stubs.h>
#include <stddef.h>
#include <stdint.h>

struct deadline {
    uint64_t at;                               /* monotonic ns; valid while in the heap */
    size_t heap_index;                         /* place in the heap + 1, or 0 */
    void (*passed)(struct deadline *deadline); /* called when it has left the heap */
};

/* It passes at this monotonic time, whatever it was set to before. -ENOMEM: it is not set any more. */
PK_MUST_CHECK long deadline_set(struct deadline *deadline, uint64_t at_ns);

static inline int deadline_is_set(const struct deadline *deadline) {
    return deadline->heap_index != 0;
}

/* It is not to happen any more; it must be set. */
void deadline_remove(struct deadline *deadline);

/* Called by the loop when the kernel's timer has fired: a bounded number of those whose time has come. If more are due,
 * there is another event soon, and callers are served in between. */
void deadline_pass(void);

#endif
