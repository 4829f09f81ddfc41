/* SPDX-License-Identifier: MIT */
/* The cpio reader: well-formed archives by example, damaged ones at random for the sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "cpio.h"

static uint8_t archive[8192];
static size_t length;

static void add(const char *name, size_t name_size, uint32_t mode, const char *data) {
    char header[128];
    size_t size = strlen(data);
    snprintf(header, sizeof(header), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
             1, mode, 5, 6, 1, 7, (uint32_t)size, 0, 0, 8, 9, (uint32_t)name_size, 0);
    memcpy(archive + length, header, 110);
    memcpy(archive + length + 110, name, strlen(name));
    length = (length + 110 + name_size + 3) & ~(size_t)3;
    memcpy(archive + length, data, size);
    length = (length + size + 3) & ~(size_t)3;
}

static int setup(void **state) {
    (void)state;
    memset(archive, 0, sizeof(archive));
    length = 0;
    return 0;
}

static void entries_come_in_order(void **state) {
    struct cpio_entry entry;
    uint64_t offset = 0;
    (void)state;
    add("dir", 4, 040755, "");
    add("./dir/file", 11, 0100644, "hello");
    add("link", 5, 0120777, "dir/file");
    add("TRAILER!!!", 11, 0, "");
    assert_int_equal(cpio_next(archive, length, &offset, &entry), 1);
    assert_string_equal(entry.path, "dir");
    assert_int_equal(entry.mode, 040755);
    assert_int_equal(entry.uid, 5);
    assert_int_equal(entry.gid, 6);
    assert_int_equal(entry.mtime, 7);
    assert_int_equal(entry.rdev_major, 8);
    assert_int_equal(entry.rdev_minor, 9);
    assert_int_equal(cpio_next(archive, length, &offset, &entry), 1);
    assert_string_equal(entry.path, "dir/file");
    assert_int_equal(entry.size, 5);
    assert_memory_equal(archive + entry.data, "hello", 5);
    assert_int_equal(cpio_next(archive, length, &offset, &entry), 1);
    assert_memory_equal(archive + entry.data, "dir/file", 8);
    assert_int_equal(cpio_next(archive, length, &offset, &entry), 0);
}

static void padded_names_align_data(void **state) {
    struct cpio_entry entry;
    uint64_t offset = 0;
    (void)state;
    add("file", 4096 - 110, 0100644, "data");
    assert_int_equal(cpio_next(archive, length, &offset, &entry), 1);
    assert_string_equal(entry.path, "file");
    assert_int_equal(entry.data, 4096);
}

static void damage_is_refused(void **state) {
    struct cpio_entry entry;
    uint64_t offset = 0;
    (void)state;
    assert_int_equal(cpio_next(archive, 0, &offset, &entry), -EINVAL);
    assert_int_equal(cpio_next(archive, sizeof(archive), &offset, &entry), -EINVAL);
    add("file", 5, 0100644, "data");
    assert_int_equal(cpio_next(archive, 100, &offset, &entry), -EINVAL);
    assert_int_equal(cpio_next(archive, 112, &offset, &entry), -EINVAL);
    assert_int_equal(cpio_next(archive, 117, &offset, &entry), -EINVAL);
    memcpy(archive + 6 + 8 * 6, "FFFFFFFF", 8);
    assert_int_equal(cpio_next(archive, length, &offset, &entry), -EINVAL);
    assert_int_equal(offset, 0);
}

static void random_damage_does_no_harm(void **state) {
    struct cpio_entry entry;
    (void)state;
    srandom(1);
    for (int round = 0; round < 20000; round++) {
        setup(NULL);
        add("a", 2, 0100644, "some data");
        add("b", 64, 0100644, "more data");
        add("TRAILER!!!", 11, 0, "");
        for (int i = 0; i < 4; i++) {
            archive[(size_t)random() % length] = (uint8_t) "0123456789ABCDEFgz\0"[random() % 19];
        }
        /* An exact copy lets the sanitizer see the first byte that is read too far. */
        size_t kept = (size_t)random() % (length + 1);
        uint8_t *copy = malloc(kept + 1);
        memcpy(copy, archive, kept);
        uint64_t offset = 0;
        while (cpio_next(copy, kept, &offset, &entry) > 0) {
            assert_true(entry.data + entry.size <= kept);
            assert_true(strlen(entry.path) < kept);
        }
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(entries_come_in_order, setup),
        cmocka_unit_test_setup(padded_names_align_data, setup),
        cmocka_unit_test_setup(damage_is_refused, setup),
        cmocka_unit_test_setup(random_damage_does_no_harm, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
