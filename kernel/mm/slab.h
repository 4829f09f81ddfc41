/* SPDX-License-Identifier: MIT */
/*
 * Kernel objects: a slab allocator. Each size class has pages cut into equal pieces; a page whose
 * last piece is freed goes back to the frame allocator (one empty page a class is kept warm).
 */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account;

#define SLAB_MAX_SIZE 2016

/* The size classes; a size is mostly a constant, and then so is its class. */
#define SLAB_CLASSES                                                                               \
    { 32, 64, 96, 128, 192, 256, 400, 576, 808, 1008, 1344, SLAB_MAX_SIZE }
static inline unsigned slab_class(size_t size) {
    static const uint16_t sizes[] = SLAB_CLASSES;
    unsigned c = 0;
#pragma GCC unroll 12
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes - 1; i++)
        c += size > sizes[i];
    return c;
}

void *slab_take(unsigned class, size_t size, struct account *account);
void slab_give(void *p, unsigned class, size_t size, struct account *account);

/* Inlined whatever the compiler thinks of it: that is how the class becomes a constant. */
#define SLAB_INLINE static inline __attribute__((always_inline))

/* Memory for `size` bytes (at most SLAB_MAX_SIZE), not cleared, charged to account (NULL: nobody). */
SLAB_INLINE void *slab_alloc(size_t size, struct account *account) {
    return slab_take(slab_class(size), size, account);
}
SLAB_INLINE void slab_free(void *p, size_t size, struct account *account) {
    slab_give(p, slab_class(size), size, account);
}
/* Pages kept warm: free for whoever needs them, and counted as free. */
uint64_t slab_warm_pages(void);
/* Objects in use. */
uint64_t slab_objects(void);

/* For kernel/check/: whether p is a piece of a slab for that size; whether so many pieces of a slab are in use and all
 * others free; and every slab that is kept warm. */
bool slab_holds(const void *p, size_t size);
bool slab_sound(const void *slab, uint32_t used);
void slab_visit_spare(void (*visit)(const void *slab));

#endif
