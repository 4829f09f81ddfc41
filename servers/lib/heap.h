/* SPDX-License-Identifier: MIT */
/*
 * Heaps: what malloc takes memory from. A server has one of its own, and one for each user whose processes
 * it serves (payer.h), whose pages that user's account pays for. malloc takes from heap_current; a block
 * goes back to the heap that it came from.
 */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_CLASSES 81

struct block;
struct chunk;

struct heap {
    struct block *free_lists[HEAP_CLASSES];
    struct chunk *current; /* blocks are carved from here */
    uint64_t account;      /* slot; 0: the memory is the server's own */
    uint64_t data_account; /* slot: for memory objects that hold clients' data; 0: likewise */
    uint64_t chunks;       /* that it has, and large blocks */
};

extern struct heap heap_own;
/* Never NULL. The receive loop sets it back to heap_own for each request. */
extern struct heap *heap_current;

void *heap_alloc(struct heap *heap, size_t size);
/* What is allocated here is in no client's stead: tables that all share. */
void *own_calloc(size_t count, size_t size);
void *own_realloc(void *pointer, size_t size);

/* Gives back what the heap keeps for later. True if it has nothing any more. */
bool heap_release(struct heap *heap);

/* The slot of the account that pays for memory objects made in the stead of who pays for what malloc gives now. */
uint64_t heap_data_account(void);

#endif
