/* SPDX-License-Identifier: MIT */
/* Frames, slabs and accounts on an arena: nothing is given out twice, every charge comes back. */
#include "support.h"
#include <lib/lib.h>
#include <mm/account.h>
#include <mm/frame.h>
#include <mm/slab.h>
#include <parley/errno.h>
#include <task/task.h>

#define PAGES 400

static uint64_t all_frames;

/* There are no other objects here than accounts, and nothing but accounts in them. */
void kobject_put(struct kobject *k) {
    assert_true(k->refs > 0);
    if (--k->refs == 0)
        account_destroy(k);
}
void kobject_ended(struct kobject *k) {
    kobject_put(k);
}
void kobject_doom(struct kobject *k) {
    int credit = 1000;
    assert_int_equal(account_end_step(k, &credit), ENDING_DONE);
}
void task_doom(struct task *task) {
    fail_msg("a task: %p", (void *)task);
}

/* As if the only capability to it were dropped. */
static void leave(struct account *a) {
    account_add_holder(&a->kobject);
    account_drop_holder(&a->kobject);
    kobject_put(&a->kobject);
}

static int setup(void **state) {
    (void)state;
    arena_make(PAGES);
    frame_reserve(3 * PAGE_SIZE + 5, 10 * PAGE_SIZE);
    frame_reserve(100 * PAGE_SIZE, 120 * PAGE_SIZE - 1);
    frame_reserve(PAGES * PAGE_SIZE - PAGE_SIZE, PAGES * PAGE_SIZE);
    frame_init(1, PAGES * PAGE_SIZE);
    account_init_root(PAGES * PAGE_SIZE);
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

/* Frames freed together, of several accounts and some that others hold. */
static void batches_come_back(void **state) {
    struct frame *got[40];
    (void)state;
    uint64_t used = root_account.used;
    struct account *a = account_create(&root_account, 30 * PAGE_SIZE, true);
    for (unsigned round = 0; round < 100; round++) {
        struct frame_batch batch = {0};
        unsigned n = (unsigned)(random_number() % 40);
        for (unsigned i = 0; i < n; i++)
            got[i] = frame_get(i % 3 == 0 ? a : i % 7 == 0 ? NULL : &root_account);
        for (unsigned i = 0; i < n; i += 5)
            frame_hold(got[i]);
        for (unsigned i = 0; i < n; i++)
            frame_put_later(&batch, got[i]);
        assert_int_equal(frame_free_count(), all_frames - slab_warm_pages() - 1 - n);
        frame_batch_free(&batch);
        for (unsigned i = 0; i < n; i += 5)
            frame_put(got[i]);
        frame_batch_free(&batch); /* an empty one */
        assert_int_equal(frame_free_count(), all_frames - slab_warm_pages() - 1);
        assert_int_equal(a->used, 0);
    }
    leave(a);
    assert_int_equal(root_account.used, used);
}

static void quota_bounds_frames(void **state) {
    struct frame *got[10];
    (void)state;
    uint64_t used = root_account.used;
    struct account *a = account_create(&root_account, 5 * PAGE_SIZE, true);
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
    leave(a); /* it lives on with what is charged to it */
    for (unsigned i = 0; i < 5; i++)
        frame_put(got[i]);
    assert_int_equal(root_account.used, used);
}

static void accounts_nest(void **state) {
    (void)state;
    uint64_t used = root_account.used;
    struct account *outer = account_create(&root_account, 20 * PAGE_SIZE, true);
    assert_null(account_create(outer, 20 * PAGE_SIZE, true)); /* no room for the account itself */
    struct account *inner = account_create(outer, 10 * PAGE_SIZE, true);
    assert_null(account_create(outer, 10 * PAGE_SIZE, true));
    assert_null(account_create(&root_account, UINT64_MAX, true));
    assert_int_equal(account_full_tag(), root_account.tag);
    struct frame *f = frame_get(inner);
    leave(outer); /* ends inner, too; what is charged stays charged, and no more */
    leave(inner);
    assert_int_equal(root_account.used, used + 2 * sizeof *inner + PAGE_SIZE);
    frame_put(f);
    assert_int_equal(root_account.used, used);
}

/* What all accounts have charged is in their parents' sums, and no limit is passed, whatever happens. */
#define ACCOUNTS 12
struct charges {
    struct account *account;
    uint64_t bytes, parent; /* own; index */
};

static void check_sums(const struct charges *c) {
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        uint64_t sum = c[i].bytes;
        for (unsigned j = 1; j < ACCOUNTS; j++)
            if (c[j].parent == i)
                sum += c[j].account->paid + sizeof *c[j].account;
        assert_int_equal(c[i].account->used, sum);
        assert_true(c[i].account->used <= c[i].account->paid || i == 0);
        assert_true(c[i].account->paid - c[i].account->used <= c[i].account->spare);
    }
}

static void ceilings_random(void **state) {
    struct charges c[ACCOUNTS] = {{.account = account_create(&root_account, 60 * PAGE_SIZE, true)}};
    (void)state;
    uint64_t failed = 0, used = root_account.used;
    for (unsigned i = 1; i < ACCOUNTS; i++) {
        c[i].parent = random_number() % i;
        c[i].account =
            account_create(c[c[i].parent].account, UINT64_MAX >> (i % 3 ? 0 : 46), false);
        c[i].account->tag = i;
    }
    for (unsigned step = 0; step < 200000; step++) {
        unsigned i = (unsigned)(random_number() % ACCOUNTS);
        uint64_t bytes = random_number() % (random_number() % 8 ? 9000 : 40000);
        uint64_t available = account_available(c[i].account);
        if (random_number() % 2) {
            if (account_charge(c[i].account, bytes)) {
                assert_true(bytes <= available || !list_empty(&c[0].account->below));
                c[i].bytes += bytes;
            } else {
                failed++;
                assert_true(bytes > available);
                assert_true(account_full_tag() < ACCOUNTS);
            }
        } else {
            bytes = bytes < c[i].bytes ? bytes : c[i].bytes;
            account_uncharge(c[i].account, bytes);
            c[i].bytes -= bytes;
        }
        if (step % 64 == 0)
            check_sums(c);
    }
    assert_true(failed > 1000);
    for (unsigned i = ACCOUNTS; i-- > 0;) {
        account_uncharge(c[i].account, c[i].bytes);
        leave(c[i].account);
    }
    assert_int_equal(root_account.used, used - 60 * PAGE_SIZE - sizeof(struct account));
}

static void accounts_move(void **state) {
    (void)state;
    uint64_t used = root_account.used;
    struct account *one = account_create(&root_account, 20 * PAGE_SIZE, false);
    struct account *two = account_create(&root_account, 5 * PAGE_SIZE, false);
    struct account *in = account_create(one, UINT64_MAX, false);
    assert_true(account_charge(in, 6 * PAGE_SIZE));
    assert_int_equal(account_move(in, two), -ENOMEM);
    account_uncharge(in, 4 * PAGE_SIZE);
    assert_int_equal(account_move(one, in), -EINVAL); /* it is below */
    assert_int_equal(account_move(in, two), 0);
    assert_int_equal(one->used, 0);
    assert_false(account_charge(in, 3 * PAGE_SIZE));
    assert_int_equal(account_set_limit(two, 9 * PAGE_SIZE), 0);
    assert_true(account_charge(in, 3 * PAGE_SIZE));
    account_uncharge(in, 5 * PAGE_SIZE);
    leave(in);
    leave(two);
    leave(one);
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
    root_account.limit = root_account.paid = UINT64_MAX / 2;
    unsigned n = 0;
    while ((got[n] = slab_alloc(2000, &root_account)))
        n++;
    assert_true(n >= 2 * (all_frames - 12) && n <= 2 * all_frames);
    assert_int_equal(root_account.used, used + n * 2000);
    while (n-- > 0)
        slab_free(got[n], 2000, &root_account);
    assert_int_equal(root_account.used, used);
    assert_int_equal(frame_free_count() + slab_warm_pages(), all_frames);
    root_account.limit = root_account.paid = limit;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_once),    cmocka_unit_test(zeroed_frames_come_back),
        cmocka_unit_test(quota_bounds_frames), cmocka_unit_test(accounts_nest),
        cmocka_unit_test(ceilings_random),     cmocka_unit_test(accounts_move),
        cmocka_unit_test(batches_come_back),   cmocka_unit_test(slabs_random),
        cmocka_unit_test(slabs_run_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
