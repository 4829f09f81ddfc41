/* SPDX-License-Identifier: MIT */
/*
 * Pages for a server's own use, charged to its account when they are handed out: later touches of
 * them never fault for want of memory, so a server that runs out gets an error and not a signal.
 */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define MEMORY_PAGE 4096ul

/* Maps `size` bytes (rounded up to pages) of zeroes; 0 if there is no memory. */
void *memory_map(size_t size);
/* The same, paid by an account (a slot; 0: the server's own), at `place` if that is free, else elsewhere. */
void *memory_map_for(uint64_t account, uint64_t place, size_t size);

/* Gives back what memory_map returned; `size` as it was given there. */
void memory_unmap(void *address, size_t size);

#endif
