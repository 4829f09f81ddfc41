/* SPDX-License-Identifier: MIT */
/*
 * malloc for servers (heap.h): free lists by size class, in place of picolibc's first-fit list, whose cost
 * grows with the number of free blocks.
 *
 * A block is a 16-byte header and its payload. Up to 1 KiB classes are 16 bytes apart, above four to
 * a doubling; a freed block goes to the list of its class. Blocks come off chunks of 32 KiB, aligned to
 * their size so that a block finds its chunk; a chunk whose blocks are all free goes back to the kernel,
 * except the one that blocks are being carved from: that much must be allocated anew before the next
 * chunk is asked for. Above LARGE a block has pages of its own, given back when it is freed.
 */
#include <lib/heap.h>
#include <lib/memory.h>
#include <parley/calls.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline)) /* not to cost those who do not come there */
#define ALIGN 16ul
#define SMALL 1024ul /* the largest size of the 16-byte steps */
#define SMALL_CLASSES (SMALL / ALIGN + 1)
#define CHUNK 32768ul
#define LARGE (CHUNK / 2)
#define CLASSES (SMALL_CLASSES + 4 * 4)
#define CHUNK_AREA 0x2000000000ul      /* chunks are placed from here on, */
#define CHUNK_AREA_SIZE 0x1000000000ul /* round and round */

struct block {
    size_t size; /* of the payload */
    union {
        struct block *next; /* while free */
        struct heap *heap;  /* of a large one in use */
    };
    struct block *prev; /* while free: the payload's first bytes */
};
#define HEADER ALIGN
_Static_assert(offsetof(struct block, prev) == HEADER, "payloads are 16-byte aligned");

struct chunk {
    size_t live;   /* blocks in use */
    size_t carved; /* bytes from the start that are header and blocks */
    struct heap *heap;
    uint64_t spare;
};
_Static_assert(sizeof(struct chunk) % ALIGN == 0, "payloads are 16-byte aligned");
_Static_assert(CLASSES == HEAP_CLASSES, "heap.h knows how many");

struct heap heap_own;
struct heap *heap_current = &heap_own;
static uint64_t next_place = CHUNK_AREA;

static struct chunk *chunk_of(const struct block *block) {
    return (struct chunk *)((uintptr_t)block & ~(CHUNK - 1));
}

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

static inline void list_push_on(struct block **list, struct block *block) {
    block->prev = 0;
    block->next = *list;
    if (*list)
        (*list)->prev = block;
    *list = block;
}

/* Takes the first one out, and there is one. */
static inline void list_pop(struct block **list) {
    *list = (*list)->next;
    if (*list)
        (*list)->prev = 0;
}

static void list_push(struct block *block) {
    size_t rounded;
    list_push_on(&chunk_of(block)->heap->free_lists[class_of(block->size, &rounded)], block);
}

static void list_unlink(struct block *block) {
    size_t rounded;
    if (block->prev)
        block->prev->next = block->next;
    else
        chunk_of(block)->heap->free_lists[class_of(block->size, &rounded)] = block->next;
    if (block->next)
        block->next->prev = block->prev;
}

/* A fresh chunk, aligned: placed where no chunk was lately, else wherever there is room. */
static struct chunk *chunk_map(const struct heap *heap) {
    for (int tries = 0; tries < 64; tries++) {
        uint64_t place = next_place;
        next_place += CHUNK;
        if (next_place == CHUNK_AREA + CHUNK_AREA_SIZE)
            next_place = CHUNK_AREA;
        struct chunk *chunk = memory_map_for(heap->account, place, CHUNK);
        if (!chunk || (uintptr_t)chunk % CHUNK == 0)
            return chunk;
        memory_unmap(chunk, CHUNK);
    }
    return 0;
}

/* Makes the rest of the chunk free blocks, as large as they fit. */
static void retire(struct chunk *chunk) {
    while (CHUNK - chunk->carved >= HEADER + ALIGN) {
        size_t size = CHUNK - chunk->carved - HEADER;
        if (size > SMALL)
            size = SMALL;
        struct block *block = (struct block *)(void *)((char *)chunk + chunk->carved);
        block->size = size & ~(ALIGN - 1);
        chunk->carved += HEADER + block->size;
        list_push(block);
    }
}

static struct block *carve(struct heap *heap, size_t size) {
    size_t whole = HEADER + size;
    if (!heap->current || whole > CHUNK - heap->current->carved) {
        struct chunk *fresh = chunk_map(heap);
        if (!fresh)
            return 0;
        *fresh = (struct chunk){.carved = sizeof(struct chunk), .heap = heap};
        heap->chunks++;
        if (heap->current)
            retire(heap->current);
        heap->current = fresh;
    }
    struct block *block = (struct block *)(void *)((char *)heap->current + heap->current->carved);
    heap->current->carved += whole;
    block->size = size;
    return block;
}

/* Takes all blocks of an unused chunk off the lists and gives its pages back. */
static NOINLINE void chunk_empty(struct chunk *chunk) {
    size_t at = sizeof(struct chunk);
    while (at < chunk->carved) {
        struct block *block = (struct block *)(void *)((char *)chunk + at);
        list_unlink(block);
        at += HEADER + block->size;
    }
    chunk->heap->chunks--;
    memory_unmap(chunk, CHUNK);
}

static void *alloc_large(struct heap *heap, size_t size) {
    if (size > SIZE_MAX / 2)
        return 0;
    struct block *block = memory_map_for(heap->account, 0, HEADER + size);
    if (!block)
        return 0;
    block->size = size;
    block->heap = heap;
    heap->chunks++;
    return (char *)block + HEADER;
}

static NOINLINE void *alloc_at_length(struct heap *heap, size_t size) {
    if (size > LARGE)
        return alloc_large(heap, size);
    size_t rounded;
    size_t class = class_of(size ? size : 1, &rounded);
    struct block **list = &heap->free_lists[class], *block = *list;
    if (block)
        list_pop(list);
    else if (!(block = carve(heap, rounded)))
        return 0;
    chunk_of(block)->live++;
    return (char *)block + HEADER;
}

/* Mostly a small block was freed before that is taken again. */
static inline void *alloc(struct heap *heap, size_t size) {
    if (size - 1 >= SMALL)
        return alloc_at_length(heap, size);
    struct block **list = &heap->free_lists[(size + ALIGN - 1) / ALIGN], *block = *list;
    if (!block)
        return alloc_at_length(heap, size);
    list_pop(list);
    chunk_of(block)->live++;
    return (char *)block + HEADER;
}

void *malloc(size_t size) {
    return alloc(heap_current, size);
}

void *heap_alloc(struct heap *heap, size_t size) {
    return alloc(heap, size);
}

static NOINLINE void free_at_length(struct block *block) {
    if (block->size > LARGE) {
        block->heap->chunks--;
        memory_unmap(block, HEADER + block->size);
        return;
    }
    struct chunk *chunk = chunk_of(block);
    list_push(block);
    if (--chunk->live == 0 && chunk != chunk->heap->current)
        chunk_empty(chunk);
}

void free(void *pointer) {
    if (!pointer)
        return;
    struct block *block = (struct block *)(void *)((char *)pointer - HEADER);
    if (block->size > SMALL) {
        free_at_length(block);
        return;
    }
    struct chunk *chunk = chunk_of(block);
    list_push_on(&chunk->heap->free_lists[block->size / ALIGN], block);
    if (--chunk->live == 0 && chunk != chunk->heap->current)
        chunk_empty(chunk);
}

static void *heap_calloc(struct heap *heap, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return 0;
    void *pointer = alloc(heap, bytes);
    if (pointer && bytes <= LARGE) /* larger blocks are fresh pages of zeroes */
        memset(pointer, 0, bytes);
    return pointer;
}

void *calloc(size_t count, size_t size) {
    return heap_calloc(heap_current, count, size);
}

void *own_calloc(size_t count, size_t size) {
    return heap_calloc(&heap_own, count, size);
}

/* A block stays in its heap, whoever has it grow. */
void *realloc(void *pointer, size_t size) {
    if (!pointer)
        return malloc(size);
    struct block *block = (struct block *)(void *)((char *)pointer - HEADER);
    if (size <= block->size)
        return pointer;
    void *larger = alloc(block->size > LARGE ? block->heap : chunk_of(block)->heap, size);
    if (larger) {
        memcpy(larger, pointer, block->size);
        free(pointer);
    }
    return larger;
}

void *own_realloc(void *pointer, size_t size) {
    return pointer ? realloc(pointer, size) : alloc(&heap_own, size);
}

bool heap_release(struct heap *heap) {
    struct chunk *chunk = heap->current;
    if (chunk && !chunk->live) {
        heap->current = 0;
        chunk_empty(chunk);
    }
    return !heap->chunks;
}

uint64_t heap_data_account(void) {
    return heap_current->data_account ? heap_current->data_account : PK_SLOT_ACCOUNT;
}
