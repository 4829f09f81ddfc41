/* SPDX-License-Identifier: MIT */
/* What a thread blocks (mask.c). */
#ifndef PROC_MASK_H
#define PROC_MASK_H

#include <lib/must.h>
#include <parley/stubs.h>
#include <stdbool.h>
#include <stdint.h>

struct thread;

/* t blocks that signal now. */
bool mask_blocks(struct thread *t, int signal);
/* All that it blocks, for who only looks. */
uint64_t mask_of(const struct thread *t);
/* t, which keeps its mask itself, says what it is; as told stands at its seat, or will before it changes it. */
void mask_said(struct thread *t, uint64_t mask);
/* t is new, and begins with that mask. */
void mask_begin(struct thread *t, uint64_t mask);
/* t is at rest: thread.blocked is all that it blocks from now on. */
void mask_learn(struct thread *t);
/* And t, at rest, is to block what thread.blocked says. 0 or an error: its memory cannot be written. */
PK_MUST_CHECK long mask_tell(const struct thread *t);

#endif
