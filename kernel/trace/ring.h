/* SPDX-License-Identifier: MIT */
/* Tracing turned on and off, and events by name: for the kernel calls. */
#ifndef TRACE_RING_H
#define TRACE_RING_H

#include <stdint.h>

struct object;
struct thread;

/* The page of o in which a hart's ring would begin. */
uint64_t trace_header_page(const struct object *o, uint32_t hart);
/* Events of the mask go to o from now on, whose rings' first pages are there; if it is on already, with that
 * object, the mask changes. */
void trace_begin(struct object *o, uint32_t mask);
/* Nothing if it is off. */
void trace_end(void);
void trace_named(const struct thread *t, const uint64_t name[2], const uint64_t words[3]);

#endif
