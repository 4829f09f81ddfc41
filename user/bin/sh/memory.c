/* SPDX-License-Identifier: MIT */
/*
 * The shell's memory: arenas for what is freed together, and growing strings.
 * There is no recovery from a lack of memory: the shell says so and leaves.
 */
#include "sh.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_BLOCK 2048

struct arena_block {
    struct arena_block *older;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

static void out_of_memory(void) {
    static const char message[] = "sh: out of memory\n";

    if (write(2, message, sizeof(message) - 1) < 0)
        _exit(3);
    _exit(2);
}

void *xmalloc(size_t size) {
    void *memory = malloc(size);

    if (!memory)
        out_of_memory();
    return memory;
}

void *xrealloc(void *old, size_t size) {
    void *memory = realloc(old, size);

    if (!memory)
        out_of_memory();
    return memory;
}

char *xstrdup(const char *text) {
    size_t size = strlen(text) + 1;

    return memcpy(xmalloc(size), text, size);
}

/* Zeroed memory that lives until a mark below it is released. */
void *arena_alloc(struct arena *arena, size_t size) {
    struct arena_block *block = arena->blocks;
    void *memory;

    size = (size + 15) & ~(size_t)15;
    if (!block || block->size - block->used < size) {
        size_t room = size > ARENA_BLOCK ? size : ARENA_BLOCK;

        block = xmalloc(sizeof(*block) + room);
        block->older = arena->blocks;
        block->used = 0;
        block->size = room;
        arena->blocks = block;
    }
    memory = block->data + block->used;
    block->used += size;
    return memset(memory, 0, size);
}

char *arena_copy(struct arena *arena, const char *text, size_t len) {
    char *copy = arena_alloc(arena, len + 1);

    memcpy(copy, text, len);
    return copy;
}

struct arena_mark arena_mark(struct arena *arena) {
    struct arena_mark mark = {arena->blocks, arena->blocks ? arena->blocks->used : 0};

    return mark;
}

void arena_release(struct arena *arena, struct arena_mark mark) {
    while (arena->blocks != mark.block) {
        struct arena_block *older = arena->blocks->older;

        free(arena->blocks);
        arena->blocks = older;
    }
    if (arena->blocks)
        arena->blocks->used = mark.used;
}

static void buffer_reserve(struct buffer *buffer, size_t more) {
    if (buffer->len + more + 1 > buffer->cap) {
        buffer->cap = (buffer->len + more + 1) * 2;
        if (buffer->cap < 64)
            buffer->cap = 64;
        buffer->text = xrealloc(buffer->text, buffer->cap);
    }
}

void buffer_add(struct buffer *buffer, char c) {
    buffer_reserve(buffer, 1);
    buffer->text[buffer->len++] = c;
    buffer->text[buffer->len] = '\0';
}

void buffer_append(struct buffer *buffer, const char *text, size_t len) {
    buffer_reserve(buffer, len);
    memcpy(buffer->text + buffer->len, text, len);
    buffer->len += len;
    buffer->text[buffer->len] = '\0';
}

void buffer_fill(struct buffer *buffer, char c, size_t len) {
    buffer_reserve(buffer, len);
    memset(buffer->text + buffer->len, c, len);
    buffer->len += len;
    buffer->text[buffer->len] = '\0';
}

void buffer_free(struct buffer *buffer) {
    free(buffer->text);
    *buffer = (struct buffer){0};
}
