/* SPDX-License-Identifier: MIT */
/* Frames, slabs and accounts on an arena: nothing is given out twice, every charge comes back. */
#include "support.h"
#include <lib/lib.h>
#include <mm/account.h>
#include <mm/frame.h>
#include <mm/slab.h>

#define PAGES 400

static uint64_t all_frames;

static int setup(void **state) {
    (void)state;
    arena_make(PAGES);
    frame_reserve(3 * PAGE_SIZE + 5, 10 * PAGE_SIZE);
    frame_reserve(100 * PAGE_SIZE, 120 * PAGE_SIZE - 1);
    frame_reserve(PAGES * PAGE_SIZE - PAGE_SIZE, PAGES * PAGE_SIZE);
    frame_init(1, PAGES * PAGE_SIZE);
    root_account.limit = PAGES * PAGE_SIZE;
    all_frames = frame_free_count();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_free();
    return 0;
}

static int reserved(uint64_t pa) {
    uint64_t page = pa / PAGE_SIZE;
    return page < 1 || (page >= 3 && page < 10) || (page >= 100 && page < 120) || page >= PAGES - 1;
}

static void every_frame_once(void **state) {
    static unsigned char seen[PAGES];
    static struct frame *got[PAGES];
    (void)state;
    assert_int_equal(frame_total(), all_frames);
    for (unsigned round = 0; round < 3; round++) {
        unsigned n = 0;
        memset(seen, 0, sizeof seen);
        while ((got[n] = frame_get(NULL))) {
            uint64_t pa = frame_pa(got[n]);
            assert_false(reserved(pa));
            assert_int_equal(seen[pa / PAGE_SIZE]++, 0);
            assert_ptr_equal(frame_of(pa), got[n]);
            memset(frame_va(got[n]), (int)n, PAGE_SIZE); /* not the frame table, or it breaks */
            n++;
        }
        assert_int_equal(n, all_frames);
        assert_int_equal(frame_free_count(), 0);
        for (unsigned i = 0; i < n; i++)
            frame_put(got[i]);
        assert_int_equal(frame_free_count(), all_frames);
    }
}

static bool holds_zeros(const struct frame *f) {
    for (unsigned j = 0; j < PAGE_SIZE; j++)
        if (((unsigned char *)frame_va(f))[j])
            return false;
    return true;
}

/* Frames given back as zeros: first for who wants zeros, last for others, and zeros they are. */
static void zeroed_frames_come_back(void **state) {
    static struct frame *got[PAGES];
    (void)state;
    uint64_t used = root_account.used;
    for (unsigned i = 0; i < 8; i++)
        got[i] = frame_get_zeroed(&root_account);
    for (unsigned i = 0; i < 8; i++)
        frame_put_zeroed(got[i]);
    assert_int_equal(root_account.used, used);
    assert_int_equal(frame_free_count(), all_frames);
    struct frame *other = frame_get(NULL);
    for (unsigned i = 0; i < 8; i++)
        assert_ptr_not_equal(other, got[i]);
    frame_put(other);
    unsigned n = 0, same = 0;
    while ((got[n] = n % 2 ? frame_get(NULL) : frame_get_zeroed(NULL))) {
        assert_true(n % 2 || holds_zeros(got[n]));
        for (unsigned i = 0; i < n; i++)
            same += got[i] == got[n];
        memset(frame_va(got[n]), 0xee, PAGE_SIZE);
        n++;
    }
    assert_int_equal(n, all_frames);
    assert_int_equal(same, 0);
    while (n-- > 0)
        frame_put(got[n]);
    assert_int_equal(frame_free_count(), all_frames);
}

static void quota_bounds_frames(void **state) {
    struct frame *got[10];
    (void)state;
    uint64_t used = root_account.used;
    struct account *a = account_create(&root_account, 5 * PAGE_SIZE);
    assert_int_equal(root_account.used, used + 5 * PAGE_SIZE + sizeof *a);
    for (unsigned i = 0; i < 5; i++) {
        got[i] = frame_get_zeroed(a);
        assert_non_null(got[i]);
        assert_true(holds_zeros(got[i]));
    }
    assert_null(frame_get(a));
    assert_int_equal(a->used, 5 * PAGE_SIZE);
    frame_hold(got[0]);
    frame_put(got[0]);
    assert_null(frame_get(a));
    frame_put(got[0]);
    got[0] = frame_get(a);
    assert_non_null(got[0]);
    account_leave(a); /* it lives on with what is charged to it */
    for (unsigned i = 0; i < 5; i++)
        frame_put(got[i]);
    assert_int_equal(root_account.used, used);
}

static void accounts_nest(void **state) {
    (void)state;
    uint64_t used = root_account.used;
    struct account *outer = account_create(&root_account, 20 * PAGE_SIZE);
    assert_null(account_create(outer, 20 * PAGE_SIZE)); /* no room for the account itself */
    struct account *inner = account_create(outer, 10 * PAGE_SIZE);
    assert_null(account_create(outer, 10 * PAGE_SIZE));
    assert_null(account_create(&root_account, UINT64_MAX));
    struct frame *f = frame_get(inner);
    account_leave(outer);
    account_leave(inner);
    assert_int_equal(root_account.used, used + 20 * PAGE_SIZE + sizeof *outer);
    frame_put(f);
    assert_int_equal(root_account.used, used);
}

struct piece {
    unsigned char *p;
    size_t size;
    unsigned char byte;
};

static void free_piece(struct piece *piece, struct account *a) {
    for (size_t j = 0; j < piece->size; j++)
        assert_int_equal(piece->p[j], piece->byte);
    slab_free(piece->p, piece->size, a);
    piece->p = NULL;
}

static void slabs_random(void **state) {
    static struct piece pieces[600];
    (void)state;
    uint64_t used = root_account.used, objects = slab_objects(), failed = 0;
    for (unsigned step = 0; step < 100000; step++) {
        struct piece *piece = &pieces[random_number() % 600];
        if (piece->p) {
            free_piece(piece, &root_account);
            continue;
        }
        piece->size = 1 + random_number() % (random_number() % 4 ? 200 : SLAB_MAX_SIZE);
        piece->byte = (unsigned char)random_number();
        piece->p = slab_alloc(piece->size, &root_account);
        failed += !piece->p;
        if (!piece->p)
            continue;
        assert_int_equal((uintptr_t)piece->p % 8, 0);
        memset(piece->p, piece->byte, piece->size);
    }
    assert_int_equal(failed, 0);
    for (unsigned i = 0; i < 600; i++)
        if (pieces[i].p)
            free_piece(&pieces[i], &root_account);
    assert_int_equal(slab_objects(), objects);
    assert_int_equal(root_account.used, used);
    assert_int_equal(frame_free_count() + slab_warm_pages(), all_frames);
}

/* Memory ends in the middle: an error, and nothing is charged. */
static void slabs_run_out(void **state) {
    static void *got[PAGES * 4];
    (void)state;
    uint64_t limit = root_account.limit, used = root_account.used;
    root_account.limit = UINT64_MAX / 2;
    unsigned n = 0;
    while ((got[n] = slab_alloc(2000, &root_account)))
        n++;
    assert_true(n >= 2 * (all_frames - 12) && n <= 2 * all_frames);
    assert_int_equal(root_account.used, used + n * 2000);
    while (n-- > 0)
        slab_free(got[n], 2000, &root_account);
    assert_int_equal(root_account.used, used);
    assert_int_equal(frame_free_count() + slab_warm_pages(), all_frames);
    root_account.limit = limit;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_once),    cmocka_unit_test(zeroed_frames_come_back),
        cmocka_unit_test(quota_bounds_frames), cmocka_unit_test(accounts_nest),
        cmocka_unit_test(slabs_random),        cmocka_unit_test(slabs_run_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
