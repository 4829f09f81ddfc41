/* SPDX-License-Identifier: MIT */
/*
 * Memory objects: page frames by index, filled with zeros on demand, or a window of device memory.
 * The unit of sharing: address spaces map windows of them.
 */
#ifndef MM_OBJECT_H
#define MM_OBJECT_H

#include <cap/kobject.h>
#include <mm/frame.h>

struct object {
    struct kobject kobject;
    uint64_t size; /* bytes */
    uint64_t id;
    uint64_t resident; /* frames held */
    uint64_t device;   /* physical address of device memory, 0 = RAM */
    void *root;        /* radix tree of height levels; height 0: one frame */
    unsigned height;
    struct list regions; /* that map it */
};

/* NULL if there is no memory. source (or NULL): share its frames from offset (page aligned) on. */
struct object *object_create(struct account *account, uint64_t size, struct object *source,
                             uint64_t offset);
struct object *object_create_device(struct account *account, uint64_t physical, uint64_t size);
/* An object that takes over frames that frame_adopt() made, [start, end) physical. */
struct object *object_create_adopted(struct account *account, uint64_t start, uint64_t end);

/* The frame at page index, or NULL if none is there yet. */
struct frame *object_lookup(const struct object *o, uint64_t index);
/* The frame at page index, zero-filled into place if needed; NULL if out of memory or range. */
struct frame *object_frame(struct object *o, uint64_t index);
/* 0 or -ENOMEM. Shrinking frees pages, unmaps them everywhere, zeroes the rest of the last page. */
int object_resize(struct object *o, uint64_t size);
/* Called by kobject_put() for the last reference. */
void object_destroy(struct object *o);

#endif
