/* SPDX-License-Identifier: MIT */
/* Hash tables, System V identifiers, keys and permissions. */
#include "kernel.h"
#include <lib/sysv.h>
#include <protocol/msg_client.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 5000

static void test_hash_finds_what_is_in_it(void **state) {
    (void)state;
    static struct hash table;
    struct hash_node *nodes = calloc(COUNT, sizeof(*nodes));
    bool present[COUNT] = {false};
    size_t count = 0;
    mock_seed(1);
    for (int step = 0; step < 60000; step++) {
        uint32_t i = mock_random(COUNT);
        if (present[i])
            hash_remove(&table, &nodes[i]);
        else
            hash_insert(&table, &nodes[i], (uint64_t)i << 32 | 7);
        count += present[i] ? -1ul : 1ul;
        present[i] = !present[i];
        uint32_t asked = mock_random(COUNT);
        assert_ptr_equal(hash_find(&table, (uint64_t)asked << 32 | 7),
                         present[asked] ? &nodes[asked] : NULL);
    }
    assert_int_equal(table.count, count);
    for (size_t i = 0; i < COUNT; i++)
        if (present[i])
            hash_remove(&table, &nodes[i]);
    assert_int_equal(table.count, 0);
    hash_destroy(&table);
    assert_null(hash_find(&table, 7));
    free(nodes);
}

/* Ids of a server that was started anew are none that the one before gave away. */
static void test_first_sequence(void **state) {
    (void)state;
    struct idtable *table = malloc(sizeof(*table));
    int a;
    void *object;
    idtable_first_sequence = 4096;
    idtable_init(table, 3);
    long id = idtable_add(table, &a);
    assert_int_equal(id, 4096 * 32768);
    assert_int_equal(idtable_find(table, (int)id, &object), 0);
    assert_int_equal(idtable_find(table, 0, &object), -EIDRM);
    assert_int_equal(idtable_find(table, 1, &object), -EINVAL);
    idtable_remove(table, (int)id);
    idtable_first_sequence = 65536 + 2;
    free(table->places);
    idtable_init(table, 3);
    assert_int_equal(idtable_add(table, &a), 2 * 32768);
    idtable_first_sequence = 0;
    free(table->places);
    free(table);
}

static void test_ids_are_places_and_sequences(void **state) {
    (void)state;
    struct idtable *table = malloc(sizeof(*table));
    int a, b;
    void *object;
    idtable_init(table, 3);
    assert_int_equal(idtable_highest(table), -1);
    assert_int_equal(idtable_add(table, &a), 0);
    assert_int_equal(idtable_add(table, &b), 1);
    idtable_remove(table, 0);
    assert_int_equal(idtable_find(table, 0, &object), -EINVAL);
    assert_int_equal(idtable_add(table, &a), 32768);
    assert_int_equal(idtable_find(table, 0, &object), -EIDRM);
    assert_int_equal(idtable_find(table, 32768, &object), 0);
    assert_ptr_equal(object, &a);
    assert_int_equal(idtable_find(table, -32768, &object), -EINVAL);
    assert_int_equal(idtable_find(table, 1 << 20, &object), -EIDRM);
    assert_int_equal(idtable_add(table, &a), 2);
    assert_int_equal(idtable_add(table, &a), -ENOSPC);
    assert_int_equal(idtable_highest(table), 2);
    free(table->places);
    free(table);
}

static void test_an_id_comes_back_only_after_all_sequences(void **state) {
    (void)state;
    struct idtable *table = malloc(sizeof(*table));
    int object, first;
    idtable_init(table, 10);
    first = (int)idtable_add(table, &object);
    int id = first;
    for (uint32_t i = 1; i < IDTABLE_SEQUENCES; i++) {
        idtable_remove(table, id);
        id = (int)idtable_add(table, &object);
        assert_true(id > first);
    }
    idtable_remove(table, id);
    assert_int_equal(idtable_add(table, &object), first);
    free(table->places);
    free(table);
}

/* Against an array: the lowest free place, the highest used one, and nothing lost in growth. */
static void test_places_at_random(void **state) {
    (void)state;
    struct idtable *table = malloc(sizeof(*table));
    static int ids[32768];
    static bool used[32768];
    idtable_init(table, 32000);
    mock_seed(2);
    uint32_t count = 0;
    for (int step = 0; step < 200000; step++) {
        if (mock_random(5) < 3) {
            long id = idtable_add(table, &ids[0] + count);
            assert_true(id >= 0);
            uint32_t place = (uint32_t)id % 32768;
            assert_false(used[place]);
            for (uint32_t i = place > 64 ? place - 64 : 0; i < place; i++)
                assert_true(used[i]);
            used[place] = true;
            ids[place] = (int)id;
            count++;
        } else {
            uint32_t place = mock_random(400);
            if (!used[place])
                continue;
            idtable_remove(table, ids[place]);
            used[place] = false;
            count--;
        }
        if (count >= 31000)
            break;
    }
    int highest = -1;
    for (int i = 0; i < 32768; i++)
        if (used[i])
            highest = i;
    assert_int_equal(idtable_highest(table), highest);
    assert_int_equal(table->used, count);
    free(table->places);
    free(table);
}

static long access_as(uint32_t mode, uint32_t uid, uint32_t gid, unsigned wanted) {
    struct sysv_object object = {
        .perm = {.uid = 10, .gid = 20, .cuid = 11, .cgid = 21, .mode = mode}};
    struct client client = {.uid = uid, .gid = gid};
    return sysv_access(&object, &client, wanted);
}

/* sysvipc(7): the first class that matches counts, even if a later one would allow more. */
static void test_permissions(void **state) {
    (void)state;
    assert_int_equal(access_as(0400, 10, 99, SYSV_READ), 0);
    assert_int_equal(access_as(0400, 11, 99, SYSV_READ), 0);
    assert_int_equal(access_as(0400, 10, 99, SYSV_WRITE), -EACCES);
    assert_int_equal(access_as(0040, 10, 20, SYSV_READ), -EACCES);
    assert_int_equal(access_as(0040, 99, 20, SYSV_READ), 0);
    assert_int_equal(access_as(0040, 99, 21, SYSV_READ), 0);
    assert_int_equal(access_as(0004, 99, 20, SYSV_READ), -EACCES);
    assert_int_equal(access_as(0004, 99, 99, SYSV_READ), 0);
    assert_int_equal(access_as(0006, 99, 99, SYSV_READ | SYSV_WRITE), 0);
    assert_int_equal(access_as(0004, 99, 99, SYSV_READ | SYSV_WRITE), -EACCES);
    assert_int_equal(access_as(0000, 0, 0, SYSV_READ | SYSV_WRITE), 0);
    assert_int_equal(access_as(0000, 99, 99, 0), 0);
}

static void test_keys(void **state) {
    (void)state;
    static struct sysv_table table;
    struct sysv_object one, two, *found;
    struct client client = {.uid = 5, .gid = 6};
    idtable_init(&table.ids, 10);
    assert_int_equal(sysv_lookup(&table, -3, 0600, &found), -ENOENT);
    assert_int_equal(sysv_lookup(&table, -3, IPC_CREAT, &found), 0);
    assert_null(found);
    long id = sysv_add(&table, &one, &client, -3, IPC_CREAT | 0640);
    assert_true(id >= 0);
    assert_int_equal(one.perm.mode, 0640);
    assert_int_equal(one.perm.cuid, 5);
    assert_int_equal(sysv_lookup(&table, -3, IPC_CREAT | IPC_EXCL, &found), -EEXIST);
    assert_int_equal(sysv_lookup(&table, -3, 0, &found), 0);
    assert_ptr_equal(found, &one);
    assert_true(sysv_add(&table, &two, &client, IPC_PRIVATE, 0) >= 0);
    assert_int_equal(sysv_lookup(&table, IPC_PRIVATE, 0, &found), 0);
    assert_null(found);
    sysv_remove(&table, &two);
    sysv_forget_key(&table, &one);
    assert_int_equal(sysv_lookup(&table, -3, 0, &found), -ENOENT);
    sysv_remove(&table, &one);
    assert_int_equal(table.ids.used, 0);
    free(table.ids.places);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_finds_what_is_in_it),
        cmocka_unit_test(test_first_sequence),
        cmocka_unit_test(test_ids_are_places_and_sequences),
        cmocka_unit_test(test_an_id_comes_back_only_after_all_sequences),
        cmocka_unit_test(test_places_at_random),
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
