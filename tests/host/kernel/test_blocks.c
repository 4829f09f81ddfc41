/* SPDX-License-Identifier: MIT */
/*
 * Frames in blocks (mm/block.h) against a model: nothing is given out twice, what is kept for one is his or anybody's, a
 * placed frame is in its place, and all that is free can be had. A million random steps.
 */
#include "support.h"
#include <lib/lib.h>
#include <mm/account.h>
#include <mm/frame.h>
#include <task/task.h>

#define PAGES (12 * BLOCK_FRAMES + 100)
#define KEEPERS 16
#define STEPS 1000000

enum use { FREE, SINGLE, PLACED };

static unsigned char use[PAGES];
static uint32_t used[PAGES], used_count; /* frames, in any order */
static struct frame keepers[KEEPERS];
static uint32_t block_of_keeper[KEEPERS];
static uint64_t all_frames;
static struct account *account;

void kobject_put(struct kobject *k) {
    fail_msg("an object: %p", (void *)k);
}
void kobject_ended(struct kobject *k) {
    fail_msg("an object: %p", (void *)k);
}
void kobject_doom(struct kobject *k) {
    fail_msg("an object: %p", (void *)k);
}
void task_doom(struct task *task) {
    fail_msg("a task: %p", (void *)task);
}

static int setup(void **state) {
    (void)state;
    arena_make(PAGES);
    frame_reserve(0, 3 * PAGE_SIZE);
    frame_reserve(700 * PAGE_SIZE, 1900 * PAGE_SIZE);
    frame_reserve(4000 * PAGE_SIZE, 4001 * PAGE_SIZE);
    frame_reserve((PAGES - 7) * PAGE_SIZE, PAGES * PAGE_SIZE);
    frame_init(0, PAGES * PAGE_SIZE);
    account_init_root(PAGES * PAGE_SIZE);
    account = &root_account;
    all_frames = frame_free_count();
    for (unsigned i = 0; i < KEEPERS; i++)
        block_of_keeper[i] = BLOCK_NONE;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_free();
    return 0;
}

static bool is_reserved(uint32_t page) {
    return page < 3 || (page >= 700 && page < 1900) || page == 4000 || page >= PAGES - 7;
}

static void take(struct frame *f, enum use as) {
    uint32_t page = (uint32_t)(f - frames);
    assert_true(page < PAGES && !is_reserved(page));
    assert_int_equal(use[page], FREE);
    assert_int_equal(f->refs, 1);
    assert_true(frame_is_known(frame_pa(f)));
    use[page] = as;
    used[used_count++] = page;
    memset(frame_va(f), (int)page | 1, PAGE_SIZE); /* not the tables, or they break */
}

static bool get_single(void) {
    bool zeroed = random_number() % 2;
    struct frame *f = zeroed ? frame_get_zeroed(account) : frame_get(account);
    if (!f) {
        assert_int_equal(used_count, all_frames);
        return false;
    }
    assert_true(!zeroed || !((char *)frame_va(f))[random_number() % PAGE_SIZE]);
    take(f, SINGLE);
    return true;
}

static void put(uint32_t at) {
    struct frame *f = &frames[used[at]];
    if (use[used[at]] == PLACED && random_number() % 4) {
        frame_put_placed(f);
    } else if (random_number() % 8 == 0) {
        memset(frame_va(f), 0, PAGE_SIZE);
        frame_put_zeroed(f);
    } else {
        frame_put(f);
    }
    use[used[at]] = FREE;
    used[at] = used[--used_count];
}

static void release(unsigned keeper) {
    if (block_of_keeper[keeper] != BLOCK_NONE)
        frame_release_block(&keepers[keeper], block_of_keeper[keeper]);
    block_of_keeper[keeper] = BLOCK_NONE;
}

static unsigned kept_count;

static void keep(unsigned keeper) {
    release(keeper);
    uint32_t number = frame_keep_block(&keepers[keeper]);
    block_of_keeper[keeper] = number;
    if (number == BLOCK_NONE)
        return;
    kept_count++;
    for (uint32_t i = 0; i < BLOCK_FRAMES; i++) {
        assert_int_equal(use[number * BLOCK_FRAMES + i], FREE);
        assert_false(is_reserved(number * BLOCK_FRAMES + i));
    }
    for (unsigned i = 0; i < KEEPERS; i++) /* who had it before has lost it */
        if (i != keeper && block_of_keeper[i] == number)
            assert_null(frame_get_placed(account, &keepers[i], number, 5, 1));
}

static bool all_free(uint32_t page, unsigned count) {
    while (count && use[page] == FREE) {
        page++;
        count--;
    }
    return !count;
}

static unsigned placed_count;

static void get_placed(unsigned keeper) {
    uint32_t number = block_of_keeper[keeper];
    unsigned count = random_number() % 2 ? 1 : 8;
    unsigned i = (unsigned)(random_number() % BLOCK_FRAMES) & ~(count - 1);
    if (number == BLOCK_NONE)
        return;
    uint64_t charged = root_account.used;
    struct frame *f = frame_get_placed(account, &keepers[keeper], number, i, count);
    if (!f) {
        assert_int_equal(root_account.used, charged);
        return;
    }
    placed_count++;
    assert_int_equal(root_account.used, charged + count * PAGE_SIZE);
    assert_ptr_equal(f, &frames[number * BLOCK_FRAMES + i]);
    assert_true(all_free(number * BLOCK_FRAMES + i, count));
    for (unsigned n = 0; n < count; n++) {
        assert_int_equal(((char *)frame_va(f + n))[random_number() % PAGE_SIZE], 0);
        take(f + n, PLACED);
    }
}

static void check_all(void) {
    assert_true(frame_lists_sound());
    assert_int_equal(frame_free_count(), all_frames - used_count);
    assert_int_equal(root_account.used, used_count * PAGE_SIZE);
}

/* Much is in use for a while, then little, and sometimes all. */
static void random_steps(void **state) {
    uint32_t wanted = 0;
    (void)state;
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned keeper = (unsigned)(random_number() % KEEPERS),
                 what = (unsigned)(random_number() % 64);
        if (step % 16384 == 0)
            wanted = random_number() % 2 ? (uint32_t)(random_number() % (all_frames * 5 / 4)) : 0;
        if (what == 0)
            keep(keeper);
        else if (what == 1)
            release(keeper);
        else if (what < 16 && used_count < wanted + 1000)
            get_placed(keeper);
        else if (used_count && random_number() % 4 < (used_count > wanted ? 3 : 1))
            put((uint32_t)(random_number() % used_count));
        else
            get_single();
        if (step % 4096 == 0)
            check_all();
    }
    print_message("%u blocks kept, %u times placed frames taken\n", kept_count, placed_count);
    assert_true(kept_count > 1000 && placed_count > 1000);
}

/* Whatever is kept, single frames can be had to the last one; and when all are free again, whole blocks can. */
static void all_can_be_had(void **state) {
    (void)state;
    while (used_count)
        put((uint32_t)(random_number() % used_count));
    for (unsigned i = 0; i < KEEPERS; i++)
        keep(i);
    check_all();
    while (get_single())
        ;
    check_all();
    while (used_count)
        put((uint32_t)(random_number() % used_count));
    unsigned whole = 0;
    for (unsigned tries = 0; tries < 2 * KEEPERS + PAGES / 100; tries++) {
        keep(tries % KEEPERS);
        for (unsigned i = whole = 0; i < KEEPERS; i++)
            whole += block_of_keeper[i] != BLOCK_NONE;
    }
    assert_true(whole >= 7); /* those without anything reserved in them */
    for (unsigned i = 0; i < KEEPERS; i++)
        release(i);
    check_all();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_steps),
                                       cmocka_unit_test(all_can_be_had)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
