/* SPDX-License-Identifier: MIT */
/* The shared zero frame, start-up of the fault code, which allocates it, and what fault.c and megapage.c share. */
#ifndef MM_FAULT_H
#define MM_FAULT_H

#include <arch/machine.h>
#include <mm/aspace.h>
#include <mm/object.h>
#include <parley/calls.h>

void fault_init(void);

struct frame;
/* Stands for all memory that was only read so far; nobody may write to it. */
struct frame *fault_zero_frame(void);

/* An entry for the frame at pa in region r; write decides whether it may be written right away. */
static inline pte_t fault_entry(const struct region *r, uint64_t pa, bool write, bool counted) {
    /* Sv39 has no write-only pages: what may be written may be read. */
    return pte_make(pa, r->prot & (PK_PROT_READ | PK_PROT_WRITE), write && r->prot & PK_PROT_WRITE,
                    r->prot & PK_PROT_EXEC, counted, r->shared);
}

/* 48 bits of it last for nine years. */
static inline void fault_note_write(struct object *o) {
    o->written = arch_time_ns() / OBJECT_TIME_NS & ((1ull << 48) - 1);
}

/* Entries for the page at va, which is in memory, and its neighbours that are. e: for va, in a leaf table that is as's own. */
void fault_fill_around(struct aspace *as, const struct region *r, pte_t *e, uint64_t va);

#endif
