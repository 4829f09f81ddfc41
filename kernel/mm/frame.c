/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator (frame.h). The kernel itself only ever needs single frames, so a stack of free ones
 * is enough for it: constant time, and what was used last is used next. Its links stand in the frame table and not in
 * the frames: nothing that anybody may still write to a page is ever taken for the kernel's data. Frames that were
 * never given out are not on the stack but above a rising mark, so that untouched RAM stays untouched. Frames that come
 * back full of zeros, as page tables do, have a stack of their own: who wants zeros gets these first.
 *
 * Frames that are to lie next to each other come in blocks (block.h): from the end of what was never given out, and
 * from what objects gave back. When there is no whole block left, frames go from the stacks to their blocks, some each
 * time that a block is wanted; single frames then come from those blocks that lack some, and the others become whole.
 */
#include <mm/frame.h>
#include <lib/lib.h>
#include <mm/account.h>
#include <mm/block.h>

#define MAX_RESERVED 8

struct range {
    uint64_t start, end; /* physical, page aligned */
};

struct frame *frames;
uint64_t frames_base;

static struct range reserved[MAX_RESERVED];
static unsigned reserved_count;
static struct range adopted;      /* of them, those in use nevertheless */
static uint64_t fresh, fresh_end; /* frames from here on were never given out; */
static uint64_t fresh_stop;       /* up to here they lie in one block, and none is reserved */
static uint64_t ram_end;
static uint32_t stack, clean; /* links to the first; the latter's frames are zeros */
static uint64_t free_frames, total_frames;

void frame_reserve(uint64_t start, uint64_t end) {
    if (start >= end)
        return;
    if (reserved_count == MAX_RESERVED)
        panic("too many reserved memory ranges");
    reserved[reserved_count++] =
        (struct range){align_down(start, PAGE_SIZE), align_up(end, PAGE_SIZE)};
}

static const struct range *reserved_at(uint64_t pa) {
    for (unsigned i = 0; i < reserved_count; i++)
        if (pa >= reserved[i].start && pa < reserved[i].end)
            return &reserved[i];
    return NULL;
}

/* The first address at or above pa that is not reserved. */
static uint64_t skip_reserved(uint64_t pa) {
    const struct range *r;
    while ((r = reserved_at(pa)))
        pa = r->end;
    return pa;
}

/* Where the unreserved range ends that pa is in. */
static uint64_t next_reserved(uint64_t pa) {
    uint64_t stop = fresh_end;
    for (unsigned i = 0; i < reserved_count; i++)
        if (reserved[i].start > pa)
            stop = min_u64(stop, reserved[i].start);
    return stop;
}

/* How many bytes of [start, end) are not reserved; reserved ranges do not overlap. */
static uint64_t unreserved(uint64_t start, uint64_t end) {
    uint64_t bytes = end - start;
    for (unsigned i = 0; i < reserved_count; i++) {
        uint64_t s = max_u64(start, reserved[i].start), e = min_u64(end, reserved[i].end);
        if (s < e)
            bytes -= e - s;
    }
    return bytes;
}

/* The lowest free room for the frame table: below no reserved range, inside RAM. */
static uint64_t place_table(uint64_t start, uint64_t end, uint64_t size) {
    uint64_t at = skip_reserved(start);
    for (;;) {
        uint64_t next = end;
        for (unsigned i = 0; i < reserved_count; i++)
            if (reserved[i].start >= at)
                next = min_u64(next, reserved[i].start);
        if (next - at >= size)
            return at;
        if (next == end)
            panic("no room for the frame table: %lu KiB of RAM", (end - start) >> 10);
        at = skip_reserved(next);
    }
}

/* The next part of what was never given out; false if there is none. */
static bool begin_fresh(void) {
    uint64_t pa = skip_reserved(fresh_stop);
    if (pa >= fresh_end)
        return false;
    block_begin(frame_of(pa));
    fresh = pa;
    fresh_stop = min_u64(next_reserved(pa), align_down(pa, BLOCK_SIZE) + BLOCK_SIZE);
    return true;
}

/* The frame table begins where a block does, be there RAM or not. */
void frame_init(uint64_t start, uint64_t end) {
    frames_base = align_down(start, BLOCK_SIZE);
    frame_reserve(frames_base, start);
    ram_end = fresh_end = align_down(end, PAGE_SIZE);
    uint64_t count = (fresh_end - frames_base) >> PAGE_SHIFT;
    uint64_t frames_size = align_up(count * sizeof *frames, sizeof(uint64_t));
    uint64_t size = frames_size + block_table_size(count);
    ASSERT(count < UINT32_MAX); /* links are that long */
    uint64_t table = place_table(frames_base, fresh_end, size);
    frame_reserve(table, table + size);
    frames = phys_to_virt(table);
    block_init(phys_to_virt(table + frames_size), count);
    free_frames = total_frames = unreserved(frames_base, fresh_end) >> PAGE_SHIFT;
    fresh = fresh_stop = frames_base;
}

/* A link is the frame's place in the table, from 1 on; 0 ends a list. */
static uint32_t link_to(const struct frame *f) {
    return (uint32_t)(f - frames) + 1;
}

static struct frame *pop(uint32_t *from) {
    struct frame *f = &frames[*from - 1];
    *from = f->next;
    return f;
}

static void push(uint32_t *to, struct frame *f) {
    f->next = *to;
    *to = link_to(f);
}

static struct frame *take_fresh(void) {
    struct frame *f = frame_of(fresh);
    fresh += PAGE_SIZE;
    return f;
}

/* Whole blocks last, so that they stay whole. */
static NOINLINE struct frame *take_from_blocks(void) {
    struct frame *f = block_take_open();
    if (f)
        return f;
    if (begin_fresh())
        return take_fresh();
    f = block_take_whole();
    if (!f && clean)
        f = pop(&clean);
    return f ? f : block_take_kept();
}

static struct frame *take(void) {
    if (stack)
        return pop(&stack);
    return fresh < fresh_stop ? take_fresh() : take_from_blocks();
}

/* Puts [start, end), in one block and never given out, into its block, but for what is reserved. */
static void put_unreserved(uint64_t start, uint64_t end) {
    for (uint64_t stop; (start = skip_reserved(start)) < end; start = stop) {
        stop = min_u64(end, next_reserved(start));
        block_begin(frame_of(start));
        block_put_row(frame_of(start), (unsigned)((stop - start) >> PAGE_SHIFT));
    }
}

/* The last block that nothing was ever given out of; false if there is none. It may not be whole. */
static bool end_fresh(void) {
    if (fresh_end <= fresh_stop || align_down(fresh_end - 1, BLOCK_SIZE) < fresh_stop)
        return false;
    uint64_t start = align_down(fresh_end - 1, BLOCK_SIZE);
    put_unreserved(start, fresh_end);
    fresh_end = start;
    return true;
}

#define GATHERED 100 /* frames at once, some 25 instructions each */

static void gather(void) {
    for (int i = 0; i < GATHERED && (stack || clean); i++)
        block_put(pop(stack ? &stack : &clean));
}

#define BEGUN                                                                                      \
    2 /* blocks at once of what was never given out: the first may have something reserved in it */

uint32_t frame_keep_block(const struct frame *keeper) {
    uint32_t number = block_keep(keeper);
    for (int i = 0; number == BLOCK_NONE && i < BEGUN && end_fresh(); i++)
        number = block_keep(keeper);
    if (number != BLOCK_NONE)
        return number;
    gather();
    return block_keep(keeper);
}

void frame_release_block(const struct frame *keeper, uint32_t number) {
    block_release(keeper, number);
}

typedef uint64_t __attribute__((may_alias)) word;
#define WORDS (PAGE_SIZE / sizeof(word))

#ifdef PARLEY_DEBUG
static bool is_zeros(const struct frame *f) {
    const word *w = frame_va(f), *end = w + WORDS;
    while (w != end && !*w)
        w++;
    return w == end;
}
#endif

static ALWAYS_INLINE struct frame *get(struct account *account, bool zeroed) {
    if (account && !account_charge(account, PAGE_SIZE))
        return NULL;
    bool is_clean = zeroed && clean;
    struct frame *f = is_clean ? pop(&clean) : take();
    if (!f) {
        if (account)
            account_uncharge(account, PAGE_SIZE);
        account_frames_ended();
        return NULL;
    }
    ASSERT(!is_clean || is_zeros(f));
    if (zeroed && !is_clean)
        frame_zero(f);
    free_frames--;
    *f = (struct frame){.refs = 1, .account = account};
    return f;
}

struct frame *frame_get(struct account *account) {
    return get(account, false);
}

struct frame *frame_get_zeroed(struct account *account) {
    return get(account, true);
}

struct frame *frame_get_placed(struct account *account, const struct frame *keeper, uint32_t number,
                               unsigned i, unsigned count) {
    struct frame *f = block_take_placed(keeper, number, i, count);
    if (!f)
        return NULL;
    if (account && !account_charge(account, count * PAGE_SIZE)) {
        for (unsigned n = 0; n < count; n++)
            block_put(f + n);
        return NULL;
    }
    for (unsigned n = 0; n < count; n++) {
        frame_zero(f + n);
        f[n] = (struct frame){.refs = 1, .account = account};
    }
    free_frames -= count;
    return f;
}

#define EIGHT(W, i)                                                                                \
    W(i) W((i) + 1) W((i) + 2) W((i) + 3) W((i) + 4) W((i) + 5) W((i) + 6) W((i) + 7)
#define SIXTEEN(W, i) EIGHT(W, i) EIGHT(W, (i) + 8)

void frame_zero(const struct frame *f) {
    word *to = frame_va(f), *end = to + WORDS;
#define ZERO(i) to[i] = 0;
    for (; to != end; to += 32) {
        SIXTEEN(ZERO, 0)
        SIXTEEN(ZERO, 16)
    }
}

void frame_copy(const struct frame *dst, const struct frame *src) {
    const word *from = frame_va(src), *end = from + WORDS;
    word *to = frame_va(dst);
#define COPY(i) to[i] = from[i];
    for (; from != end; from += 32, to += 32) {
        SIXTEEN(COPY, 0)
        SIXTEEN(COPY, 16)
    }
}

static ALWAYS_INLINE void give(struct frame *f, uint32_t *to) {
    push(to, f);
    free_frames++;
    if (f->account)
        account_uncharge(f->account, PAGE_SIZE);
}

void frame_put_placed(struct frame *f) {
    if (--f->refs)
        return;
    block_put(f);
    free_frames++;
    if (f->account)
        account_uncharge(f->account, PAGE_SIZE);
}

void frame_free(struct frame *f) {
    ASSERT(f->refs == 0);
    give(f, &stack);
}

void frame_put_zeroed(struct frame *f) {
    ASSERT(f->refs == 1 && is_zeros(f));
    f->refs = 0;
    give(f, &clean);
}

static void uncharge_batch(struct frame_batch *b) {
    if (b->account)
        account_uncharge(b->account, b->charged << PAGE_SHIFT);
    b->charged = 0;
}

void frame_batch_add(struct frame_batch *b, struct frame *f) {
    ASSERT(f->refs == 0);
    if (b->account != f->account) {
        uncharge_batch(b);
        b->account = f->account;
    }
    if (b->first)
        b->last->next = link_to(f);
    else
        b->first = f;
    b->last = f;
    b->count++;
    b->charged++;
}

void frame_batch_free(struct frame_batch *b) {
    if (!b->first)
        return;
    uncharge_batch(b);
    b->last->next = stack;
    stack = link_to(b->first);
    free_frames += b->count;
    *b = (struct frame_batch){0};
}

void frame_adopt(uint64_t start, uint64_t end) {
    ASSERT(!adopted.end);
    adopted = (struct range){start, end};
    for (uint64_t pa = start; pa < end; pa += PAGE_SIZE) {
        ASSERT(reserved_at(pa));
        *frame_of(pa) = (struct frame){.refs = 1};
        if (pa == start || pa % BLOCK_SIZE == 0)
            block_begin(frame_of(pa));
        total_frames++;
    }
}

uint64_t frame_total(void) {
    return total_frames;
}

uint64_t frame_free_count(void) {
    return free_frames;
}

uint64_t frame_end(void) {
    return ram_end;
}

bool frame_is_known(uint64_t pa) {
    bool untouched = pa >= fresh && pa < fresh_end;
    bool in_use = reserved_at(pa) ? pa >= adopted.start && pa < adopted.end : !untouched;
    return in_use && !block_holds(frame_of(pa));
}

/* The length of a list, or more than there can be if a frame in it is in use. */
static uint64_t list_length(uint32_t link) {
    uint64_t length = 0;
    for (; link && length <= total_frames; link = frames[link - 1].next, length++)
        if (frames[link - 1].refs)
            return total_frames + 1;
    return length;
}

bool frame_lists_sound(void) {
    uint64_t untouched = fresh < fresh_end ? unreserved(fresh, fresh_end) >> PAGE_SHIFT : 0;
    uint64_t in_blocks = block_check();
    return in_blocks != UINT64_MAX &&
           list_length(stack) + list_length(clean) + in_blocks + untouched == free_frames;
}
