/* SPDX-License-Identifier: MIT */
/*
 * What the kernel writes while it is traced (machine_trace in calls.h): a ring of events for each hart, in a memory object
 * of whoever turned tracing on. The object is divided into as many rings as there are harts, each a whole number of
 * pages: in its first place is a header, then come events. The newest overwrites the oldest.
 *
 * Usable by the kernel, by servers and by programs.
 */
#ifndef PARLEY_TRACE_H
#define PARLEY_TRACE_H

#include <stdint.h>

#define PK_TRACE_MAGIC 0x31656361727470ull /* "ptrace1" */
#define PK_TRACE_SIZE 256                  /* bytes of an event, and of a header */
#define PK_TRACE_WORDS 12
#define PK_TRACE_DATA 72 /* bytes */
#define PK_TRACE_NAME 16

enum pk_trace_type {
    PK_TRACE_SWITCH = 1,
    PK_TRACE_WAKE,
    PK_TRACE_MIGRATE,
    PK_TRACE_CALL,
    PK_TRACE_SERVE,
    PK_TRACE_REPLY,
    PK_TRACE_NOTIFY,
    PK_TRACE_FAULT,
    PK_TRACE_INTERRUPT,
    PK_TRACE_LOCK,
    PK_TRACE_FOREIGN,
    PK_TRACE_RETURN,
    PK_TRACE_NAMED,
    PK_TRACE_TYPES
};

/* All of them; the mask of machine_trace has a bit for each. */
#define PK_TRACE_ALL ((1ull << PK_TRACE_TYPES) - 2)

struct pk_trace_thread {
    uint64_t word; /* its maker's; of a process's thread as in parley/personality.h */
    uint32_t id;   /* 0: nobody, an idle hart or an interrupt */
    uint32_t priority;
    char name[PK_TRACE_NAME]; /* its task's */
};

/*
 * type         by                other              words, and data
 *
 * SWITCH       ran till now      runs from now on   by's enum pk_thread_state; id and word of whose time it is that other spends
 * WAKE         woke it           may run again
 * MIGRATE      goes on here                         the hart where it ran last, this one
 * CALL         calls             received last      label, token, words 0 to 9; data: the beginning of the input buffer, if it
 *                                at that endpoint   is in memory. With PK_LABEL_KERNEL: an exception of by's.
 * SERVE        has received it   called             label, token
 * REPLY        answers           called             result, token, words 0 to 9; data: the beginning of the output buffer.
 *                                                   by nobody: the kernel, with an error
 * NOTIFY       notifies          receives there     bits. Not what timers and interrupts notify
 * FAULT        faulted                              cause, address, pc. If it cannot be resolved, an exception follows
 * INTERRUPT    was interrupted                      cause, as in scause
 * LOCK         waited                               for how many ticks: for the kernel lock
 * FOREIGN      calls                                number, pc, a0 to a5
 * RETURN       returns from that                    number, pc, value
 * NAMED        says                                 three words; data: a name of 16 bytes
 */
struct pk_trace_event {
    uint64_t ticks;        /* of the time counter */
    uint64_t instructions; /* that this hart has executed, without those that tracing took */
    uint32_t type;         /* enum pk_trace_type */
    uint32_t hart;
    struct pk_trace_thread by, other;
    uint64_t words[PK_TRACE_WORDS];
    char data[PK_TRACE_DATA];
};

/*
 * A ring's first place. Event n, from 0 on, is in place 1 + n % capacity. Who reads while the kernel writes looks at `written` again
 * afterwards: what it has lapped meanwhile is lost.
 */
struct pk_trace_header {
    uint64_t magic;
    uint32_t hart, harts;
    uint64_t capacity; /* events */
    uint64_t
        written; /* events, since tracing was turned on; the last `capacity` of them are there */
    uint64_t mask;
    uint64_t timebase_hz;
    uint64_t ring_size; /* bytes */
    uint64_t unused[25];
};

#ifndef __cplusplus
_Static_assert(sizeof(struct pk_trace_event) == PK_TRACE_SIZE, "an event's size");
_Static_assert(sizeof(struct pk_trace_header) == PK_TRACE_SIZE, "a header's size");
#endif

#endif
