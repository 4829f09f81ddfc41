/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: things that are to happen at a time, over the server's one kernel timer. A time is monotonic ns, or with
 * TIME_REAL (parley/clock.h) ns of CLOCK_REALTIME: then it comes when that clock shows it, whoever sets that meanwhile. Waiters have one
 * (waiter.h); so may whatever else a server embeds it in.
 */
#ifndef LIB_DEADLINE_H
#define LIB_DEADLINE_H

#include <parley/clock.h>
#include <parley/stubs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deadline {
    uint64_t at;                               /* valid while in the heap */
    size_t heap_index;                         /* place in the heap + 1, or 0 */
    void (*passed)(struct deadline *deadline); /* called when it has left the heap */
};

/* It passes at this time, whatever it was set to before. -ENOMEM: it is not set any more. */
PK_MUST_CHECK long deadline_set(struct deadline *deadline, uint64_t at);

/* It is that late already. */
bool deadline_has_come(uint64_t at);

static inline int deadline_is_set(const struct deadline *deadline) {
    return deadline->heap_index != 0;
}

/* It is not to happen any more; it must be set. */
void deadline_remove(struct deadline *deadline);

/* Called by the loop when the kernel's timer has fired: a bounded number of those whose time has come. If more are due,
 * there is another event soon, and callers are served in between. */
void deadline_pass(void);

/* CLOCK_REALTIME was set. */
void deadline_clock_set(void);

#endif
