/* SPDX-License-Identifier: MIT */
/*
 * Memory work that the kernel does in many steps: the result is as if it were one, and as soon as the
 * call is over what was freed is free, which is what the harness checks.
 */
#include "memory.h"

#define PAGES 4096ul /* several page tables, several nodes of an object */

static void touch_all(uint64_t at, uint64_t pages) {
    for (uint64_t i = 0; i < pages; i++)
        *(volatile uint64_t *)(at + i * PAGE) = i + 1;
}

static uint64_t not_zero(uint64_t at, uint64_t first, uint64_t pages) {
    uint64_t count = 0;
    for (uint64_t i = first; i < pages; i++)
        count += *(volatile uint64_t *)(at + i * PAGE) != 0;
    return count;
}

/* Two address spaces map the object when it shrinks, one of them twice; and nothing is back when it grows. */
void large_resize(void) {
    uint64_t object = SLOT(pk_object_create(PAGES * PAGE, 0, 0));
    uint64_t at = map_at(0, PAGES, RW | PK_MAP_SHARED, object, 0);
    uint64_t upper = map_at(0, PAGES / 2, RW | PK_MAP_SHARED, object, PAGES / 2 * PAGE);
    touch_all(at, PAGES);
    IS(not_zero(upper, 0, PAGES / 2), PAGES / 2);
    uint64_t task = task_copy(0);
    IS(pk_protect(0, at + PAGE, PAGE, PK_PROT_READ), 0); /* regions that are parts of one */
    IS(pk_object_resize(object, PAGE + 100), 0);
    IS(touch_read(at + PAGE), 1);
    IS(touch_read(at + 2 * PAGE), -EFAULT);
    IS(touch_read(at + (PAGES - 1) * PAGE), -EFAULT);
    IS(touch_read(upper), -EFAULT);
    char c;
    IS(pk_task_copy_in(task, &c, at + (PAGES - 1) * PAGE, 1), -EFAULT);
    IS(pk_task_copy_in(task, &c, upper, 1), -EFAULT);
    struct pk_object_info info = {0};
    IS(pk_object_info(object, &info), 0);
    IS(info.resident, 2);
    IS(pk_object_resize(object, PAGES * PAGE), 0);
    IS(not_zero(at, 0, PAGES), 2);
    task_end(task);
    unmap(at, PAGES);
    unmap(upper, PAGES / 2);
    drop(object);
}

/* All frames of a large object are shared by another, whether they were there or not. */
void large_share(void) {
    uint64_t source = SLOT(pk_object_create(PAGES * PAGE, 0, 0)), value = 7;
    for (uint64_t i = 0; i < PAGES; i += 3)
        IS(pk_object_write(source, i * PAGE, &value, sizeof value), sizeof value);
    uint64_t part = SLOT(pk_object_create((PAGES - 3) * PAGE, source, 3 * PAGE));
    value = 8;
    IS(pk_object_write(source, 4 * PAGE, &value, sizeof value), sizeof value);
    uint64_t at = map_at(0, PAGES - 3, PK_PROT_READ, part, 0);
    IS(*(volatile uint64_t *)at, 7);
    IS(*(volatile uint64_t *)(at + PAGE), 8);
    IS(not_zero(at, 0, PAGES - 3), (PAGES - 3 + 2) / 3 + 1);
    unmap(at, PAGES - 3);
    drop(source);
    IS(pk_object_read(part, (PAGES - 4) * PAGE, &value, sizeof value), sizeof value);
    IS(value, 7);
    drop(part);
}

/* Thousands of regions are protected, cloned and unmapped at once. */
void many_regions(void) {
    uint64_t at = map_at(0, PAGES, RW, 0, 0), own = PK_SLOT_SERVER_TASK;
    touch_all(at, PAGES);
    for (uint64_t i = 0; i < PAGES; i += 2) /* no two neighbours alike */
        IS(pk_map(0, at + i * PAGE, PAGE, RW | PK_MAP_FIXED, 0, 0, i), (long)(at + i * PAGE));
    IS(not_zero(at, 0, PAGES), PAGES / 2);
    touch_all(at, PAGES);
    IS(pk_protect(0, at, PAGES * PAGE, PK_PROT_READ), 0);
    IS(touch_write(at), -EFAULT);
    IS(touch_write(at + (PAGES - 1) * PAGE), -EFAULT);
    uint64_t task = task_copy(0);
    IS(pk_protect(0, at, PAGES * PAGE, RW), 0);
    touch_all(at, PAGES);
    IS(pk_protect(0, at, (PAGES + 1) * PAGE, PK_PROT_READ), -ENOMEM); /* behind it is a hole */
    IS(touch_write(at), 1);
    uint64_t value = 0;
    IS(pk_task_copy_in(task, &value, at + 77 * PAGE, sizeof value), sizeof value);
    IS(value, 78);
    IS(pk_unmap(task, at, PAGES * PAGE), 0);
    IS(pk_task_copy_in(task, &value, at + 77 * PAGE, sizeof value), -EFAULT);
    task_end(task);
    unmap(at, PAGES);
    IS(pk_task_copy_in(own, &value, at + (PAGES - 1) * PAGE, sizeof value), -EFAULT);
}
