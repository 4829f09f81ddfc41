/* SPDX-License-Identifier: MIT */
/*
 * Blocks: BLOCK_FRAMES frames that stand next to each other, at a multiple of their size, so that one page table
 * entry can map them all. Every frame lies in a block. A block has a bit for each of its frames that is in it: free,
 * and in none of frame.c's lists. By what is in it, it stands in one of three lists: of whole blocks, of open ones,
 * which lack some frames and give the others to anybody, and of kept ones.
 *
 * A block is kept for the node of a memory object that has page frames at their places in it (object_block.c), as long
 * as memory lasts: what is in it is free like other memory, and is given to others when there is nothing else. So to
 * keep one costs nobody anything.
 *
 * Everything here takes constant time. Only frame.c uses it.
 */
#ifndef MM_BLOCK_H
#define MM_BLOCK_H

#include <lib/lib.h>
#include <mm/frame.h>

struct block {
    uint64_t in[BLOCK_FRAMES / 64];
    uint32_t count;             /* bits that are set */
    const struct frame *keeper; /* the node it is kept for, or NULL */
    struct list link;           /* in one of the lists while anything is in it */
};

/* Bytes that the table of all blocks takes; and its place. */
uint64_t block_table_size(uint64_t frame_count);
void block_init(void *table, uint64_t frame_count);
/* Before anything is put into the block that the frame lies in, or taken out of it. A second time does nothing. */
void block_begin(const struct frame *f);

/* The frame, which is free and in no list, is in its block from now on. */
void block_put(const struct frame *f);
/* So are `count` frames of one block, from this one on. */
void block_put_row(const struct frame *first, unsigned count);
/* Takes any frame out of an open block, out of a whole one, or out of the one that has been kept longest, for which
 * it is kept no longer. NULL: there is no such block. */
struct frame *block_take_open(void);
struct frame *block_take_whole(void);
struct frame *block_take_kept(void);

/* Keeps a whole block: its number; or BLOCK_NONE. */
uint32_t block_keep(const struct frame *keeper);
/* Takes frames i to i + count - 1 out of block `number`, if that is kept for `keeper` and all of them are in it, else none:
 * the first, or NULL. They must have their bits in one word. */
struct frame *block_take_placed(const struct frame *keeper, uint32_t number, unsigned i,
                                unsigned count);
/* It is kept for `keeper` no longer, if it still was. */
void block_release(const struct frame *keeper, uint32_t number);

bool block_holds(const struct frame *f);
/* For kernel/check/: how many frames are in blocks, or UINT64_MAX if any of that is wrong. */
uint64_t block_check(void);

#endif
