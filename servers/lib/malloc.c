/* SPDX-License-Identifier: MIT */
/*
 * malloc for servers: free lists by size class, in place of picolibc's first-fit list, whose cost
 * grows with the number of free blocks.
 *
 * A block is a 16-byte header and its payload. Up to 1 KiB classes are 16 bytes apart, above four to
 * a doubling; a freed block goes to the list of its class and stays there. Blocks come off a chunk
 * of pages; what is left of a chunk that is too small becomes a free block. Above LARGE a block has
 * pages of its own, given back when it is freed.
 */
#include <lib/memory.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16ul
#define SMALL 1024ul /* the largest size of the 16-byte steps */
#define SMALL_CLASSES (SMALL / ALIGN + 1)
#define LARGE 65536ul
#define CLASSES (SMALL_CLASSES + 4 * 6)
#define CHUNK 65536ul

struct block {
    size_t size;        /* of the payload */
    struct block *next; /* while free; keeps the payload aligned otherwise */
};
_Static_assert(sizeof(struct block) == ALIGN, "payloads are 16-byte aligned");

static struct block *free_lists[CLASSES];
static char *chunk;
static size_t chunk_left;

/* The class of a size; *rounded is the payload size of its blocks. size <= LARGE. */
static size_t class_of(size_t size, size_t *rounded) {
    if (size <= SMALL) {
        size_t class = (size + ALIGN - 1) / ALIGN;
        *rounded = class * ALIGN;
        return class;
    }
    size_t class = SMALL_CLASSES, top = 2 * SMALL;
    for (; size > top; top *= 2)
        class += 4;
    size_t step = top / 8; /* between top/2 and top lie four steps */
    size_t steps = (size - top / 2 + step - 1) / step;
    *rounded = top / 2 + steps * step;
    return class + steps - 1;
}

/* Makes the rest of the chunk free blocks, as large as they fit. */
static void retire_chunk(void) {
    while (chunk_left >= sizeof(struct block) + ALIGN) {
        size_t size = chunk_left - sizeof(struct block), rounded;
        if (size > SMALL)
            size = SMALL;
        size_t class = class_of(size & ~(ALIGN - 1), &rounded);
        struct block *block = (struct block *)(void *)chunk;
        block->size = rounded;
        block->next = free_lists[class];
        free_lists[class] = block;
        chunk += sizeof(struct block) + rounded;
        chunk_left -= sizeof(struct block) + rounded;
    }
}

static struct block *carve(size_t size) {
    size_t whole = sizeof(struct block) + size;
    if (whole > chunk_left) {
        size_t bytes = whole > CHUNK ? whole : CHUNK;
        bytes = (bytes + MEMORY_PAGE - 1) & ~(MEMORY_PAGE - 1);
        char *fresh = memory_map(bytes);
        if (!fresh)
            return 0;
        retire_chunk();
        chunk = fresh;
        chunk_left = bytes;
    }
    struct block *block = (struct block *)(void *)chunk;
    chunk += whole;
    chunk_left -= whole;
    block->size = size;
    return block;
}

static void *malloc_large(size_t size) {
    if (size > SIZE_MAX / 2)
        return 0;
    struct block *block = memory_map(sizeof(struct block) + size);
    if (!block)
        return 0;
    block->size = size;
    return block + 1;
}

void *malloc(size_t size) {
    if (size > LARGE)
        return malloc_large(size);
    size_t rounded;
    size_t class = class_of(size ? size : 1, &rounded);
    struct block *block = free_lists[class];
    if (block)
        free_lists[class] = block->next;
    else if (!(block = carve(rounded)))
        return 0;
    return block + 1;
}

void free(void *pointer) {
    if (!pointer)
        return;
    struct block *block = (struct block *)pointer - 1;
    if (block->size > LARGE) {
        memory_unmap(block, sizeof(struct block) + block->size);
        return;
    }
    size_t rounded;
    size_t class = class_of(block->size, &rounded);
    block->next = free_lists[class];
    free_lists[class] = block;
}

void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return 0;
    void *pointer = malloc(bytes);
    if (pointer && bytes <= LARGE) /* larger blocks are fresh pages of zeroes */
        memset(pointer, 0, bytes);
    return pointer;
}

void *realloc(void *pointer, size_t size) {
    if (!pointer)
        return malloc(size);
    struct block *block = (struct block *)pointer - 1;
    if (size <= block->size)
        return pointer;
    void *larger = malloc(size);
    if (larger) {
        memcpy(larger, pointer, block->size);
        free(pointer);
    }
    return larger;
}
