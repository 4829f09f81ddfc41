/* SPDX-License-Identifier: MIT */
/* Blocks of frames (block.h). */
#include <mm/block.h>

static struct block *blocks;
static uint64_t block_count;
static struct list whole, open, kept;

/* A bit for each block that has begun: the others' part of the table is untouched RAM. */
static uint64_t *begun;

static uint64_t blocks_for(uint64_t frame_count) {
    return (frame_count + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
}

static uint64_t begun_size(uint64_t frame_count) {
    return (blocks_for(frame_count) + 63) / 64 * sizeof *begun;
}

uint64_t block_table_size(uint64_t frame_count) {
    return begun_size(frame_count) + blocks_for(frame_count) * sizeof *blocks;
}

void block_init(void *table, uint64_t frame_count) {
    begun = table;
    memset(begun, 0, begun_size(frame_count));
    blocks = (struct block *)((char *)table + begun_size(frame_count));
    block_count = blocks_for(frame_count);
    ASSERT(block_count < BLOCK_NONE);
    list_init(&whole);
    list_init(&open);
    list_init(&kept);
}

static struct block *block_of(const struct frame *f) {
    return &blocks[(uint64_t)(f - frames) / BLOCK_FRAMES];
}

static bool has_begun(const struct block *b) {
    uint64_t i = (uint64_t)(b - blocks);
    return begun[i / 64] >> i % 64 & 1;
}

void block_begin(const struct frame *f) {
    struct block *b = block_of(f);
    uint64_t i = (uint64_t)(b - blocks);
    if (has_begun(b))
        return;
    begun[i / 64] |= 1ull << i % 64;
    *b = (struct block){0};
    list_init(&b->link);
}

static unsigned place_in_block(const struct frame *f) {
    return (unsigned)((uint64_t)(f - frames) % BLOCK_FRAMES);
}

static bool is_in(const struct block *b, unsigned i) {
    return b->in[i / 64] >> i % 64 & 1;
}

static struct list *list_for(const struct block *b) {
    return b->keeper ? &kept : b->count == BLOCK_FRAMES ? &whole : &open;
}

static void enlist(struct block *b) {
    list_remove(&b->link);
    if (b->count)
        list_append(list_for(b), &b->link);
}

void block_put(const struct frame *f) {
    struct block *b = block_of(f);
    unsigned i = place_in_block(f);
    ASSERT(!is_in(b, i));
    b->in[i / 64] |= 1ull << i % 64;
    b->count++;
    if (b->count == 1 || (b->count == BLOCK_FRAMES && !b->keeper))
        enlist(b);
}

/* A word with bits from `from` to before `to`, both counted from the word's first, which may be beyond either end of it. */
static uint64_t bits_between(int from, int to) {
    uint64_t above = from <= 0 ? UINT64_MAX : from < 64 ? UINT64_MAX << from : 0;
    uint64_t below = to >= 64 ? UINT64_MAX : to > 0 ? (1ull << to) - 1 : 0;
    return above & below;
}

void block_put_row(const struct frame *first, unsigned count) {
    struct block *b = block_of(first);
    int start = (int)place_in_block(first), end = start + (int)count;
    ASSERT(!b->keeper && end <= BLOCK_FRAMES);
    for (int w = 0; w < (int)ARRAY_SIZE(b->in); w++)
        b->in[w] |= bits_between(start - w * 64, end - w * 64);
    b->count += count;
    enlist(b);
}

/* bits: so many frames of word i / 64, of which i is the first. */
static struct frame *take(struct block *b, unsigned i, uint64_t bits, unsigned count) {
    bool was_whole = b->count == BLOCK_FRAMES;
    b->in[i / 64] &= ~bits;
    b->count -= count;
    if (!b->count || (was_whole && !b->keeper))
        enlist(b);
    return &frames[(uint64_t)(b - blocks) * BLOCK_FRAMES + i];
}

/* The lowest bit of a word that has one. */
static unsigned lowest(uint64_t word) {
    unsigned at = 0;
    for (unsigned width = 32; width; width /= 2)
        if (!(word & ((1ull << width) - 1))) {
            word >>= width;
            at += width;
        }
    return at;
}

static struct frame *take_first(struct block *b) {
    unsigned w = 0;
    while (!b->in[w])
        w++;
    unsigned i = w * 64 + lowest(b->in[w]);
    return take(b, i, 1ull << i % 64, 1);
}

static struct block *first_of(const struct list *list) {
    return list_empty(list) ? NULL : CONTAINER_OF(list->next, struct block, link);
}

struct frame *block_take_open(void) {
    struct block *b = first_of(&open);
    return b ? take_first(b) : NULL;
}

struct frame *block_take_whole(void) {
    struct block *b = first_of(&whole);
    return b ? take_first(b) : NULL;
}

struct frame *block_take_kept(void) {
    struct block *b = first_of(&kept);
    if (!b)
        return NULL;
    b->keeper = NULL;
    enlist(b);
    return take_first(b);
}

uint32_t block_keep(const struct frame *keeper) {
    struct block *b = first_of(&whole);
    if (!b)
        return BLOCK_NONE;
    b->keeper = keeper;
    enlist(b);
    return (uint32_t)(b - blocks);
}

struct frame *block_take_placed(const struct frame *keeper, uint32_t number, unsigned i,
                                unsigned count) {
    struct block *b = &blocks[number];
    uint64_t bits = ((1ull << count) - 1) << i % 64;
    return b->keeper == keeper && (b->in[i / 64] & bits) == bits ? take(b, i, bits, count) : NULL;
}

void block_release(const struct frame *keeper, uint32_t number) {
    struct block *b = &blocks[number];
    if (b->keeper != keeper)
        return;
    b->keeper = NULL;
    enlist(b);
}

bool block_holds(const struct frame *f) {
    return has_begun(block_of(f)) && is_in(block_of(f), place_in_block(f));
}

/* How many blocks the list has; SIZE_MAX if one of them should not stand in it. */
static size_t listed_in(const struct list *list) {
    size_t length = 0;
    for (const struct list *l = list->next; l != list; l = l->next, length++) {
        const struct block *b = CONTAINER_OF(l, struct block, link);
        if (!b->count || list_for(b) != list || length > block_count)
            return SIZE_MAX;
    }
    return length;
}

static uint32_t bits_of(const struct block *b) {
    uint32_t count = 0;
    for (unsigned i = 0; i < BLOCK_FRAMES; i++)
        count += is_in(b, i);
    return count;
}

uint64_t block_check(void) {
    uint64_t sum = 0;
    size_t used = 0, lists[] = {listed_in(&whole), listed_in(&open), listed_in(&kept)};
    for (const struct block *b = blocks; b < blocks + block_count; b++) {
        if (!has_begun(b))
            continue;
        if (bits_of(b) != b->count)
            return UINT64_MAX;
        used += b->count != 0;
        sum += b->count;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(lists); i++)
        if (lists[i] == SIZE_MAX)
            return UINT64_MAX;
    return lists[0] + lists[1] + lists[2] == used ? sum : UINT64_MAX;
}
