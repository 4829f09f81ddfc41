/* SPDX-License-Identifier: MIT */
/*
 * Kernel objects: a slab allocator. Each size class has pages cut into equal pieces; a page whose
 * last piece is freed goes back to the frame allocator (one empty page a class is kept warm).
 */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct account;

#define SLAB_MAX_SIZE 2016

/* Memory for `size` bytes (at most SLAB_MAX_SIZE), not cleared, charged to account (NULL: nobody). */
void *slab_alloc(size_t size, struct account *account);
void slab_free(void *p, size_t size, struct account *account);
/* Pages kept warm: free for whoever needs them, and counted as free. */
uint64_t slab_warm_pages(void);
/* Objects in use. */
uint64_t slab_objects(void);

#endif
