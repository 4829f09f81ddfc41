/* SPDX-License-Identifier: MIT */
/* Shared by the cases on bad arguments: one of everything, and calls with raw registers. */
#ifndef NATIVE_BADARGS_H
#define NATIVE_BADARGS_H

#include "tap.h"

#define TYPES (PK_TYPE_ACCOUNT + 1)

/* One capability of each type with all rights, and one with none. */
struct things {
    uint64_t task, thread, endpoint, notification, object, machine;
    uint64_t empty;       /* a task without memory */
    uint64_t weak[TYPES]; /* by enum pk_type */
    uint64_t strong[TYPES];
};
extern struct things things;
void things_make(void);
void things_drop(void);

/* Makes the call, checks the result, and that the kernel's objects and the task's memory stay. */
void expect(long want, long number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
            uint64_t a5);

/* Pointers that nothing may be read through, or written. */
#define BAD_POINTERS 14
extern uint64_t bad_pointers[BAD_POINTERS]; /* the last two are read-only, for writes */

void bad_slots(void);
void bad_message_calls(void);
void bad_tokens(void);
void bad_labels(void);
void bad_ranges(void);
void bad_values(void);
void unaligned(void);
void fuzz(void);

#endif
