/* SPDX-License-Identifier: MIT */
/* Capability tables against an array of what each slot holds. */
#include "support.h"
#include <cap/cap.h>
#include <ipc/ipc.h>
#include <mm/account.h>
#include <mm/frame.h>
#include <parley/errno.h>

#define SLOTS 5000
#define OBJECTS 20

static struct kobject objects[OBJECTS];
static long receivers[OBJECTS];
static struct cap_table table;

/* The objects here are never destroyed: each keeps its first reference. */
void kobject_put(struct kobject *k) {
    assert_true(k->refs > 1);
    k->refs--;
}
void endpoint_add_receive_cap(struct kobject *k) {
    receivers[k - objects]++;
}
void endpoint_drop_receive_cap(struct kobject *k) {
    assert_true(--receivers[k - objects] >= 0);
}

void kobject_ended(struct kobject *k) {
    fail_msg("%p ends", (void *)k);
}
void kobject_doom(struct kobject *k) {
    fail_msg("%p ends", (void *)k);
}
void task_doom(struct task *task) {
    fail_msg("%p ends", (void *)task);
}

static void set_limit(uint64_t bytes) {
    root_account.limit = root_account.paid = bytes;
}

static struct {
    struct kobject *object;
    uint32_t rights;
    uint64_t badge;
} model[SLOTS];

static int setup(void **state) {
    (void)state;
    arena_make(300);
    frame_init(0, 300 * PAGE_SIZE);
    account_init_root(280 * PAGE_SIZE);
    for (unsigned i = 0; i < OBJECTS; i++)
        kobject_init(&objects[i], i % 4 ? PK_TYPE_OBJECT : PK_TYPE_ENDPOINT, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_free();
    return 0;
}

static void check_slot(uint64_t slot) {
    struct cap *c = cap_at(&table, slot);
    if (slot >= SLOTS || !model[slot].object) {
        assert_null(c);
        return;
    }
    assert_non_null(c);
    assert_ptr_equal(c->object, model[slot].object);
    assert_int_equal(c->rights, model[slot].rights);
    assert_int_equal(c->badge, model[slot].badge);
}

static long insert(uint64_t slot) {
    struct kobject *k = &objects[random_number() % OBJECTS];
    uint32_t rights = (uint32_t)random_number() & PK_RIGHT_ALL;
    uint64_t badge = random_number(), refs = k->refs;
    long at = cap_insert(&table, slot, k, rights, badge);
    if (at <= 0) {
        assert_int_equal(k->refs, refs);
        return at;
    }
    assert_true(at < SLOTS && !model[at].object);
    model[at].object = k;
    model[at].rights = rights;
    model[at].badge = badge;
    return at;
}

static void check_references(void) {
    uint32_t refs[OBJECTS] = {0}, taken = 0;
    long receive[OBJECTS] = {0};
    for (unsigned i = 0; i < SLOTS; i++)
        if (model[i].object) {
            taken++;
            refs[model[i].object - objects]++;
            receive[model[i].object - objects] += (model[i].rights & PK_RIGHT_RECEIVE) != 0;
        }
    assert_int_equal(table.taken, taken);
    for (unsigned i = 0; i < OBJECTS; i++) {
        assert_int_equal(objects[i].refs, refs[i] + 1);
        if (objects[i].type == PK_TYPE_ENDPOINT)
            assert_int_equal(receivers[i], receive[i]);
    }
}

static void clear_all(void) {
    uint32_t cursor = 0;
    unsigned steps = 0;
    for (uint32_t slots = table.slots;; steps++) {
        int credit = 64;
        if (cap_table_clear(&table, &cursor, &credit))
            break;
        assert_true(steps <= slots);
    }
    memset(model, 0, sizeof model);
    check_references();
    assert_int_equal(root_account.used, 0);
}

static void random_operations(void **state) {
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        cap_table_init(&table, &root_account);
        for (unsigned step = 0; step < 40000; step++) {
            uint64_t slot = random_number() % (step % 3 ? SLOTS : CAP_FIRST);
            if (random_number() % 16 < (step / 5000 % 2 ? 7u : 9u)) {
                uint64_t named = random_number() % 4 ? 0 : slot;
                long at = insert(named);
                if (named >= CAP_FIRST)
                    assert_int_equal(at, -EINVAL);
                else if (named && at < 0)
                    assert_true(at == -EEXIST && model[named].object);
                else
                    assert_true(at > 0 && (!named || (uint64_t)at == named));
            } else if (model[slot].object) {
                assert_int_equal(cap_remove(&table, slot), 0);
                model[slot].object = NULL;
            } else {
                assert_int_equal(cap_remove(&table, slot), -EBADF);
            }
            check_slot(random_number() % (SLOTS * 2));
        }
        for (unsigned i = 0; i < SLOTS; i++)
            check_slot(i);
        check_references();
        clear_all();
    }
}

static void find_checks(void **state) {
    (void)state;
    long error = 0;
    cap_table_init(&table, &root_account);
    assert_null(cap_find(&table, 1, PK_TYPE_OBJECT, 0, &error));
    assert_int_equal(error, -EBADF);
    assert_int_equal(cap_insert(&table, 5, &objects[1], PK_RIGHT_USE, 9), 5);
    assert_non_null(cap_find(&table, 5, PK_TYPE_OBJECT, PK_RIGHT_USE, &error));
    assert_null(cap_find(&table, 5, PK_TYPE_TASK, 0, &error));
    assert_int_equal(error, -EINVAL);
    assert_null(cap_find(&table, 5, PK_TYPE_OBJECT, PK_RIGHT_USE | PK_RIGHT_MANAGE, &error));
    assert_int_equal(error, -EPERM);
    assert_null(cap_find(&table, UINT64_MAX, PK_TYPE_OBJECT, 0, &error));
    assert_int_equal(error, -EBADF);
    assert_int_equal(cap_remove(&table, 5), 0);
    clear_all();
}

/* Memory ends while the table grows: an error, and the table stays good. */
static void out_of_memory(void **state) {
    (void)state;
    uint64_t limit = root_account.limit;
    for (uint64_t bytes = 0; bytes < 8 * PAGE_SIZE; bytes += 1000) {
        set_limit(bytes);
        cap_table_init(&table, &root_account);
        long at;
        while ((at = insert(0)) > 0)
            ;
        assert_int_equal(at, -ENOMEM);
        for (unsigned i = 0; i < SLOTS; i++)
            check_slot(i);
        clear_all();
    }
    set_limit(limit);
}

static void table_full(void **state) {
    (void)state;
    unsigned n = 0;
    set_limit(UINT64_MAX / 2);
    cap_table_init(&table, &root_account);
    long at;
    while ((at = cap_insert(&table, 0, &objects[1], 0, 0)) > 0) {
        assert_true(at < CAP_MAX_SLOTS);
        n++;
    }
    assert_true(at == -EMFILE || at == -ENOMEM);
    assert_true(n > 20000 && n < CAP_MAX_SLOTS);
    clear_all();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),
        cmocka_unit_test(find_checks),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(table_full),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
