/* SPDX-License-Identifier: MIT */
/* Page frames: single frames of RAM with a reference count, each charged to an account. */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include <arch/mmu.h>
#include <check/mark.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account;

struct frame {
    uint32_t refs; /* mappings and objects that hold it; 0 = free */
    union {
        struct {
            uint16_t used, groups; /* for page tables: see table.c */
        };
        struct {
            uint16_t placed, block; /* for the lowest nodes of memory objects: see object_block.c */
        };
        uint32_t next; /* of a frame without references: the next one in its list, see frame.c */
    };
    struct account *account; /* who is charged; NULL: the kernel itself */
#ifdef PARLEY_DEBUG
    struct check_mark mark;
#endif
};

extern struct frame *frames;
extern uint64_t frames_base; /* physical address of frames[0] */

static inline struct frame *frame_of(uint64_t pa) {
    return &frames[(pa - frames_base) >> PAGE_SHIFT];
}
static inline uint64_t frame_pa(const struct frame *f) {
    return frames_base + ((uint64_t)(f - frames) << PAGE_SHIFT);
}
static inline void *frame_va(const struct frame *f) {
    return phys_to_virt(frame_pa(f));
}

/* The frame that p, an address of the direct map, lies in. */
static inline struct frame *frame_holding(const void *p) {
    return frame_of(virt_to_phys(p));
}

/* Before frame_init: a physical range that is in use from boot on. Ranges must not overlap. */
void frame_reserve(uint64_t start, uint64_t end);
/* All RAM in [start, end) physical that is not reserved. */
void frame_init(uint64_t start, uint64_t end);

/* A frame with one reference charged to `account`, contents undefined; NULL if quota or RAM end. */
struct frame *frame_get(struct account *account);
/* The same, zeroed. */
struct frame *frame_get_zeroed(struct account *account);
/* Page contents; unrolled, since pages are copied and zeroed more than anything else. */
void frame_zero(const struct frame *f);
void frame_copy(const struct frame *to, const struct frame *from);
static inline void frame_hold(struct frame *f) {
    f->refs++;
}
#define FRAME_PUT_CREDIT 2
/* Frees a frame without references and uncharges its account. */
void frame_free(struct frame *f);
/* Drops a reference; the last frees the frame. */
static inline void frame_put(struct frame *f) {
    if (--f->refs == 0)
        frame_free(f);
}
/* Drops the only reference to a frame that holds zeros: it need not be zeroed again. */
void frame_put_zeroed(struct frame *f);

/* So many frames make a block (block.h): one entry of a middle page table maps them. */
#define BLOCK_FRAMES 512
#define BLOCK_SIZE (BLOCK_FRAMES * PAGE_SIZE)
#define BLOCK_NONE 0xffff /* no block's number */

/* A whole block is kept for the frame `keeper`, a node's, until memory is needed elsewhere: its number. BLOCK_NONE: there is none. */
uint32_t frame_keep_block(const struct frame *keeper);
/* It is kept no longer. */
void frame_release_block(const struct frame *keeper, uint32_t number);
/*
 * Frames i to i + count - 1 of that block, zeroed, each with one reference charged to the account: the first. NULL: it is
 * not kept any more, or has not all of them, or the quota ends. No more than i's multiple of 64 after it.
 */
struct frame *frame_get_placed(struct account *account, const struct frame *keeper, uint32_t number,
                               unsigned i, unsigned count);
/* frame_put() for one that should be in its block rather than in a list if it is free then. */
void frame_put_placed(struct frame *f);

/*
 * Frames that user code on another hart may still reach by what its TLB remembers: they are collected here
 * while page table entries are cleared, and free only after the TLBs were told. A batch must not live
 * longer than the kernel lock is held.
 */
struct frame_batch {
    struct frame *first, *last;
    uint64_t count;
    struct account *account; /* who is charged for the newest of them, */
    uint64_t charged;        /* for so many */
};
/* Adds a frame without references. */
void frame_batch_add(struct frame_batch *b, struct frame *f);
/* Drops a reference; the last one adds the frame to the batch. */
static inline void frame_put_later(struct frame_batch *b, struct frame *f) {
    if (--f->refs == 0)
        frame_batch_add(b, f);
}
/* Frees all of them; the batch is empty then. */
void frame_batch_free(struct frame_batch *b);
/* Takes a reserved, page-aligned range into use: each frame gets one reference, nobody charged. */
void frame_adopt(uint64_t start, uint64_t end);

uint64_t frame_total(void);
uint64_t frame_free_count(void);

/* For kernel/check/: the end of RAM, whether the frame there was ever given out and is in no block, and whether all in the lists of free
 * ones are free and, with those in blocks, as many as are counted. */
uint64_t frame_end(void);
bool frame_is_known(uint64_t pa);
bool frame_lists_sound(void);

#endif
